"""What the tests of writers share: files in memory, small pictures, data sets drawn at random."""

import io
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st
from PIL import Image

from rumbo.core.errors import DataError
from rumbo.data.manifest import BOX, POINT, Dataset, Target, TargetKind, sha256_of_each
from rumbo.data.pictures.images import FileImages
from rumbo.data.writers import writers
from rumbo.data.writers.compare import compare
from rumbo.data.writers.writing import read_back, write

ORIENTATIONS = (1, 1, 1, 1, 3, 6)
FOLDERS = (
    "",
    "",
    "",
    "a/",
    "señal/",
    "con espacio/",
    "-x/",
    "a/b/",
    "b/a/",
    "train/",
    "val/",
    "images/",
    "labels/",
    "图/x.y/",
)
STEMS = (
    "1",
    "2",
    "ñandú 图",
    "-lead",
    "x y",
    "x_mask",
    "classes",
    "a.b",
    "train",
    "IMG 1 ",
    "it's",
    "#1",
    "50%",
    "a&b",
    "a;b",
    'a,"b"',
    "<x>",
)
CLASSES = (
    "cat",
    "dog",
    "1",
    "2",
    "10",
    "train",
    "test",
    "val",
    "ñandú 图",
    "a b",
    "a,b",
    "a;b",
    "x<y&z>'\"",
    "yes",
    "true",
    "~",
    "- x",
    "a: b",
    "#",
    "image",
    "label",
    "class",
    "split",
    "x1",
    "[0]",
    "{}",
    "%",
    "0x1",
)
LETTERS = "abAB012-_ñ图é,;:'\"&<>#()[]{}@!~|=+ "


class MemoryFiles:
    """Files that exist only here."""

    def __init__(self) -> None:
        self.path, self.num_links = Path("/memory/set"), 0
        self.data: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        assert name not in self.data, f"{name} is written twice"
        self.data[name] = data

    def names(self) -> Sequence[str]:
        return sorted(name for name in self.data if not any(part.startswith(".") for part in name.split("/")))

    def has(self, name: str) -> bool:
        return name in self.data

    def read(self, name: str) -> bytes:
        if name not in self.data:
            raise DataError(f"no {name}")
        return self.data[name]

    def notes(self) -> str:
        return ""


class ArrayMasks:
    """Masks that are arrays."""

    def __init__(self, arrays: Sequence[np.ndarray]):
        self.arrays = list(arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def take(self, rows: np.ndarray) -> "ArrayMasks":
        return ArrayMasks([self.arrays[int(row)] for row in rows])

    def read(self, row: int) -> np.ndarray:
        return self.arrays[row]


@cache
def picture_bytes(height: int, width: int, kind: str, orientation: int) -> bytes:
    """A picture whose upright size is height x width."""
    stored = (height, width) if orientation < 5 else (width, height)
    picture = Image.fromarray(np.full((*stored, 3) if kind == "JPEG" else stored, 90, np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"exif": exif} if orientation != 1 else {}))
    return buffer.getvalue()


SIZE = st.tuples(st.integers(4, 40), st.integers(4, 40))
"""Height and width in px."""
PLACE = st.integers(0, 40).map(float) | st.integers(0, 320).map(lambda value: value / 8) | st.floats(0, 40)
"""Somewhere on a side of at most 40 px: whole, eighths, or any double; `on` brings it onto a shorter side."""
MARK = st.sampled_from((None, False, True))
LINES = st.lists(st.lists(st.tuples(PLACE, PLACE), min_size=3, max_size=5), min_size=1, max_size=2)
DRAWN_BOXES = st.lists(
    st.tuples(st.integers(0, 3), st.tuples(PLACE, PLACE), st.tuples(PLACE, PLACE), MARK, MARK, MARK, st.none() | LINES),
    max_size=4,
)
_TEXT = st.text(LETTERS, min_size=1, max_size=5).map(str.strip).filter(lambda name: bool(name) and name[0] not in "+-")
CLASS = st.sampled_from(CLASSES) | _TEXT.filter(lambda name: name.strip("0123456789") != "" or len(name) < 4)
"""A name that every format holds."""
_ENDINGS = st.sampled_from((".png", ".jpg"))
_MANY = st.tuples(st.sampled_from(FOLDERS), st.sampled_from(STEMS), _ENDINGS).map("".join)
_FEW = st.tuples(st.sampled_from(("", "a/", "images/", "labels/")), st.sampled_from(("1", "1_mask")), _ENDINGS).map(
    "".join
)
NAMES = st.lists(_MANY, min_size=1, max_size=5, unique=True) | st.lists(_FEW, min_size=2, max_size=5, unique=True)
"""Odd names; and names that often meet: the same in two folders, with two endings, like a mask's."""
SHAPES = st.lists(st.tuples(SIZE, st.sampled_from(ORIENTATIONS)), min_size=5, max_size=5)
SPLITS = st.none() | st.lists(st.sampled_from(("train", "dev", "test")), min_size=5, max_size=5)
CLASS_LISTS = st.lists(CLASS, min_size=1, max_size=4, unique_by=str.lower)
CODES = st.lists(st.integers(0, 3), min_size=5, max_size=5)


def on(place: float, side: int) -> float:
    """A place on a side of so many px."""
    return place if place <= side else math.fmod(place, side)


@st.composite
def pictures(draw: st.DrawFn) -> tuple[FileImages, list[tuple[int, int]], list[str]]:
    """Pictures with odd names; their upright sizes; their hashes. No two have the same bytes."""
    names, shapes = draw(NAMES), draw(SHAPES)
    files = MemoryFiles()
    found: list[tuple[int, int]] = []
    for row, name in enumerate(names):
        (height, width), orientation = shapes[row]
        kind = "JPEG" if name.endswith(".jpg") else "PNG"
        files.put(name, picture_bytes(height, width, kind, orientation if kind == "JPEG" else 1) + bytes([row]))
        found.append((height, width))
    return FileImages(files, names), found, sha256_of_each(files.data[name] for name in names)


def splits(draw: st.DrawFn, count: int) -> dict[str, list[str]]:
    """A column of splits in which train is met, or none."""
    drawn = draw(SPLITS)
    return {} if drawn is None else {"split": ["train", *drawn[1:count]]}


def _boxes(
    drawn: Sequence[tuple[Any, ...]], size: tuple[int, int], classes: Sequence[str], fields: Sequence[str]
) -> list[dict[str, Any]]:
    """Boxes inside of a picture, no two the same."""
    height, width = size
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for code, xs, ys, crowd, difficult, truncated, lines in drawn:
        x1, x2 = sorted(on(x, width) for x in xs)
        y1, y2 = sorted(on(y, height) for y in ys)
        if x2 - x1 < 1e-3 or y2 - y1 < 1e-3:
            x1, y1, x2, y2 = 0.0, 0.0, float(width), float(height)
        box: dict[str, Any] = {"class": classes[code % len(classes)], "x1": x1, "y1": y1, "x2": x2, "y2": y2}
        given = {"crowd": crowd, "difficult": difficult, "truncated": truncated}
        given["polygons"] = lines and [
            [side for x, y in line for side in (on(x, width), on(y, height))] for line in lines
        ]
        box |= {field: value if field in fields else None for field, value in given.items()}
        found[(box["class"], x1, y1, x2, y2, bool(box["crowd"]))] = box
    return list(found.values())


@st.composite
def boxes(draw: st.DrawFn, fields: Sequence[str], *, classes_told: bool = True) -> Dataset:
    """A set with boxes; where a format does not list the classes, each is met."""
    images, shapes, contents = draw(pictures())
    classes = draw(CLASS_LISTS)
    rows = [_boxes(draw(DRAWN_BOXES), shape, classes, fields) for shape in shapes]
    if not classes_told:
        if not any(rows):
            rows[0] = _boxes([(0, (0.0, 2.5), (0.5, 3.0), None, None, None, None)], shapes[0], classes, fields)
        met = {box["class"] for row in rows for box in row}
        classes = [name for name in classes if name in met]
    table = pl.DataFrame({"id": images.names, "content": contents, **splits(draw, len(images))})
    table = table.with_columns(pl.Series("boxes", rows, pl.List(BOX)))
    return source(table, Target(columns=("boxes",), kind=TargetKind.BOXES, classes=tuple(classes)), images=images)


@st.composite
def labelled(draw: st.DrawFn) -> Dataset:
    """A set of pictures with a class each."""
    images, _, contents = draw(pictures())
    names = [name for name in draw(CLASS_LISTS) if name[0] != "."] or ["cat"]
    labels = [names[code % len(names)] for code in draw(CODES)[: len(images)]]
    table = pl.DataFrame({"id": images.names, "content": contents, **splits(draw, len(images)), "class": labels})
    target = Target(columns=("class",), kind=TargetKind.CLASS, classes=tuple(sorted(set(labels))))
    return source(table, target, images=images)


@st.composite
def masked(draw: st.DrawFn) -> Dataset:
    """A set of pictures with masks, some with pixels that count nowhere."""
    images, shapes, contents = draw(pictures())
    classes = draw(CLASS_LISTS)
    codes = [*range(len(classes)), *([255] if draw(st.booleans()) else [])]
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    masks = [generator.choice(codes, shape).astype(np.uint8) for shape in shapes]
    table = pl.DataFrame({"id": images.names, "content": contents, **splits(draw, len(images)), "mask": images.names})
    target = Target(columns=("mask",), kind=TargetKind.MASK, classes=tuple(classes))
    return source(table, target, images=images, masks=ArrayMasks(masks))


_POINT_NAMES = st.lists(
    st.sampled_from(("nose", "left eye", "ñ", "1", "2", "a_b", "x", "y", "图"))
    | st.text("abcñ", min_size=1, max_size=4),
    min_size=2,
    max_size=5,
    unique_by=str.lower,
)
_POINTS = st.lists(st.none() | st.tuples(PLACE, PLACE), min_size=5, max_size=5)


@st.composite
def pointed(draw: st.DrawFn) -> Dataset:
    """A set of pictures with two to five points, some not marked."""
    images, shapes, contents = draw(pictures())
    names = draw(_POINT_NAMES)
    if draw(st.booleans()):
        names = [str(place) for place in range(len(names))]
    rows: list[list[dict[str, Any]]] = []
    for row, (height, width) in enumerate(shapes):
        drawn = draw(_POINTS)[: len(names)]
        places = [place or ((1.0, 2.0) if row == 0 else None) for place in drawn]  # an empty column is no point
        rows.append(
            [
                {"x": place and on(place[0], width), "y": place and on(place[1], height), "visible": None}
                for place in places
            ]
        )
    table = pl.DataFrame({"id": images.names, "content": contents, **splits(draw, len(images))})
    table = table.with_columns(pl.Series("points", rows, pl.List(POINT)))
    return source(table, Target(columns=("points",), kind=TargetKind.POINTS, classes=tuple(names)), images=images)


def source(table: pl.DataFrame, target: Target, **parts: Any) -> Dataset:
    """A data set that was never read from files."""
    return Dataset(path=Path("/memory/source"), format="double", table=table, target=target, **parts)


def through(dataset: Dataset, to: str) -> Dataset:
    """A data set, written in a format and read back; what the comparison finds fails the test."""
    writer, files = writers.get(to), MemoryFiles()
    plan = writer.plan(dataset)
    assert plan.lost == ()
    contents = write(writer, plan, files.put)
    after = read_back(writer, plan, files)
    assert compare(plan, contents, after, in_order=writer.keeps_order).differences == ()
    return after


def assert_same(before: Dataset, after: Dataset, *, tolerance_px: float = 2e-9) -> None:
    """Judged apart from the comparison that `convert` makes: what two sets say of each picture, by its bytes.

    Args:
        before: the first.
        after: the second, in any order.
        tolerance_px: for corners that are no whole pixels; two conversions, each with half of that.
    """
    was, now = _said(before), _said(after)
    assert was.keys() == now.keys()
    for content, (split, values) in was.items():
        assert now[content][0] == split
        assert len(now[content][1]) == len(values)
        for first, second in zip(values, now[content][1], strict=True):
            if isinstance(first, float) and isinstance(second, float):
                assert first == second if first.is_integer() else abs(first - second) <= tolerance_px
            else:
                assert first == second


def _said(dataset: Dataset) -> dict[str, tuple[str | None, list[Any]]]:
    """Split and target of each picture, as flat lists."""
    target = dataset.target
    assert target is not None
    found: dict[str, tuple[str | None, list[Any]]] = {}
    for row, about in enumerate(dataset.table.iter_rows(named=True)):
        match target.kind:
            case TargetKind.BOXES:
                said = [value for box in about["boxes"] for value in _flat(box)]
            case TargetKind.POINTS:
                pairs = zip(target.classes, about["points"], strict=True)
                said = [value for name, point in pairs for value in (name, point["x"], point["y"])]
            case TargetKind.MASK:
                assert dataset.masks is not None
                names = [*target.classes, *[None] * (256 - len(target.classes))]
                mask = dataset.masks.read(row)
                said = [mask.shape, *(names[code] for code in mask.ravel().tolist())]
            case _:
                said = [about[column] for column in target.columns]
        found[about["content"]] = (about.get("split"), said)
    assert len(found) == len(dataset)
    return found


def _flat(box: dict[str, Any]) -> list[Any]:
    marks = [bool(box[mark]) for mark in ("crowd", "difficult", "truncated")]
    lines = box["polygons"] or []
    sides = [box[side] for side in ("x1", "y1", "x2", "y2")]
    return [box["class"], *sides, *marks, len(lines), *(value for line in lines for value in (len(line), *line))]
