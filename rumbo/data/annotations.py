"""Boxes as files have them, sorted out: brought into the upright picture, repaired or rejected one by one, counted."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

import polars as pl

from rumbo.core.errors import DataError, unknown_name
from rumbo.core.messages import t
from rumbo.data import decode
from rumbo.data.decode import BadImage, BadItem, header
from rumbo.data.files import Files, FolderFiles, picture_names, safe_name
from rumbo.data.images import FileImages
from rumbo.data.manifest import BOX, Dataset, Repair, Target, TargetKind
from rumbo.data.readers import Request
from rumbo.data.readers.folders import SPLIT_OF_FOLDER, each_file

ROUNDING_PX = 0.1
"""A box that hangs over by no more was rounded when written: it is brought inside without a word."""
FRACTION_DECIMALS = 9
"""Fractions of a side become px with so many decimals: whole pixels come back as whole pixels."""
MAX_TEXT_BYTES = 2 * 2**20
"""An annotation file of one picture is no larger."""
MAX_SIDE = 10**9
"""An annotated side beyond is no side."""
_COLUMN = "boxes"

Polygons = list[list[float]]
Corners = tuple[float, float, float, float]


@dataclass(kw_only=True)
class RawBox:
    """One box as a file has it.

    Attributes:
        where: file and line or entry.
        met: its numbers as they were met.
        name: its class; None when the file names none that is known.
        corners: x1, y1, x2, y2 in the frame and the unit of the picture's annotation; None when they cannot be read.
        crowd: one box around many things.
        difficult: hard to see.
        truncated: cut by the border of the picture.
        polygons: its outline, in the same frame.
        code: the fault that its reader saw.
        action: what its reader did about that; `rejected` needs a code.
    """

    where: str
    met: str
    name: str | None
    corners: Corners | None
    crowd: bool | None = None
    difficult: bool | None = None
    truncated: bool | None = None
    polygons: Polygons | None = None
    code: str | None = None
    action: Literal["rejected", "corrected"] = "rejected"


@dataclass(kw_only=True)
class RawPicture:
    """One picture with its boxes.

    Attributes:
        name: the file.
        boxes: as the annotation has them.
        height: in px, as the annotation says; None when it does not.
        width: likewise.
        split: as files say.
        is_normalized: whether corners are fractions of the picture's sides.
    """

    name: str
    boxes: list[RawBox] = field(default_factory=list[RawBox])
    height: int | None = None
    width: int | None = None
    split: str | None = None
    is_normalized: bool = False


@dataclass(frozen=True)
class FileFacts:
    """What the file of a picture says.

    Attributes:
        content: sha256 of its bytes; of its name when it cannot be read.
        size: upright height and width in px; None when it cannot be read.
        orientation: the EXIF tag, 1 to 8.
    """

    content: str
    size: tuple[int, int] | None
    orientation: int

    @property
    def stored_size(self) -> tuple[int, int] | None:
        """Height and width of the pixels as stored."""
        if self.size is None or self.orientation < 5:
            return self.size
        height, width = self.size
        return width, height


class PictureFinder:
    """The picture that an annotation means: by path, else by base name, else by stem; guesses are counted.

    Args:
        files: the set.
    """

    def __init__(self, files: Files):
        self.names = picture_names(files.names())
        self.known = frozenset(self.names)
        self._by_base: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for name in self.names:
            path = PurePosixPath(name)
            self._by_base.setdefault(path.name, []).append(name)
            self._by_stem.setdefault(path.stem, []).append(name)
        self.guesses: list[tuple[str, str]] = []

    def by_path(self, entry: str, annotation: str, folder: str = "") -> str | None:
        """The picture at a path as an annotation file has it, repaired by its base name if need be.

        Args:
            entry: the path as met; backslashes, drives, addresses and `..` are known to happen.
            annotation: the file that names it.
            folder: a folder to try first, such as `train2017`.
        """
        plain = entry.split("?d=")[-1].replace("\\", "/").removeprefix("./")
        beside = PurePosixPath(annotation).parent
        for base in (beside / folder, beside, beside / "images" / folder, beside / "images", PurePosixPath(folder)):
            if (name := str(base / plain)) in self.known:
                return name
        if plain in self.known:
            return plain
        base_name = PurePosixPath(plain).name
        found = self._by_base.get(base_name, [])
        if not found:  # Label Studio puts a short hash before the name that was uploaded, or leaves it out
            unhashed = re.sub(r"^[0-9a-f]{8}-", "", base_name)
            found = self._by_base.get(unhashed, []) if unhashed != base_name else []
        name = _nearest(found, plain, str(beside / folder))
        if name is not None:
            self.guesses.append((entry, name))
        return name

    def by_stem(self, stem: str, annotation: str) -> str | None:
        """The picture called like an annotation file, the nearest in the tree when there are several."""
        found = self._by_stem.get(stem, [])
        folders = PurePosixPath(annotation).parent.parts
        mirrored = [name for name in found if _is_mirrored(PurePosixPath(name).parent.parts, folders)]
        return mirrored[0] if len(mirrored) == 1 else _nearest(found, stem, str(PurePosixPath(annotation).parent))

    def decisions(self) -> list[str]:
        """What was guessed, as a finished sentence."""
        if not self.guesses:
            return []
        entry, name = self.guesses[0]
        return [
            t(
                "paths of {count} pictures were repaired by their base name, such as '{entry}' -> '{name}'.",
                count=len(self.guesses),
                entry=entry,
                name=name,
            )
        ]


def whole_folder(files: Files) -> Files:
    """All files of the folder, where the set was given as one of them."""
    return FolderFiles(files.root) if isinstance(files, FolderFiles) and files.only is not None else files


def check_target(request: Request, column: str) -> None:
    """Refuse any other target column.

    Raises:
        UnknownName: there is no such column.
    """
    if request.target not in (None, column):
        raise unknown_name("column", request.target or "", [column])


def pictures_only(files: Files, names: Sequence[str], format: str) -> Dataset:
    """The manifest of pictures without labels, for prediction."""
    images = FileImages(files, names)
    table = pl.DataFrame(
        {"id": [safe_name(name) for name in names], "content": [f.content for f in file_facts(images)]}
    )
    decision = t("{count} pictures, without labels.", count=len(names))
    return Dataset(path=files.path, format=format, table=table, target=None, images=images, decisions=(decision,))


def read_text(files: Files, name: str) -> str:
    """A text file of annotations; UTF-8, else Latin 1.

    Raises:
        DataError: it cannot be read, or is too large.
    """
    data = read_small(files, name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_small(files: Files, name: str) -> bytes:
    """The bytes of an annotation file of one picture.

    Raises:
        DataError: it cannot be read, or is too large.
    """
    data = files.read(name)
    if len(data) > MAX_TEXT_BYTES:
        raise DataError(
            t("'{name}' has {count} bytes; a file may have {limit}.", name=name, count=len(data), limit=MAX_TEXT_BYTES)
        )
    return data


def class_list(files: Files) -> tuple[str, tuple[str, ...]] | None:
    """The file that lists the classes, one a line, and their names; None when there is none."""
    wanted = ("classes.txt", "labels.txt", "obj.names", "_darknet.labels")
    found = [name for name in files.names() if PurePosixPath(name).name.lower() in wanted]
    for name in sorted(found, key=lambda name: name.count("/")):
        lines = [line.strip() for line in read_text(files, name).splitlines()]
        names = [line for line in lines if line]
        if names and len(set(names)) == len(names):
            return name, tuple(names)
    return None


def split_of_path(path: str) -> str | None:
    """The split that a folder or a word of the file's name says.

    >>> split_of_path("annotations/instances_val2017.json"), split_of_path("valid/a.xml"), split_of_path("a.xml")
    ('dev', 'dev', None)
    """
    *folders, base = path.lower().split("/")
    for word in (*re.split(r"[^a-z]+", base), *(re.sub(r"[^a-z]+", "", folder) for folder in reversed(folders))):
        if word in SPLIT_OF_FOLDER:
            return SPLIT_OF_FOLDER[word]
    return None


def boxes_dataset(
    files: Files,
    format: str,
    pictures: Sequence[RawPicture],
    classes: Sequence[str],
    *,
    decisions: Sequence[str] = (),
    bad: Sequence[BadItem] = (),
    lost: Sequence[Repair] = (),
    reason: str = "",
) -> Dataset:
    """The manifest of pictures with boxes.

    Args:
        files: the set.
        format: the reader's name.
        pictures: in the order of rows.
        classes: all names, in order.
        decisions: what the reader found out.
        bad: pictures that cannot be used.
        lost: rejected boxes of pictures that are not in the table.
        reason: why the boxes are the target, a finished sentence.

    Raises:
        DataError: no picture is left.
    """
    if not pictures:
        first = bad[0].reason if bad else t("There is no picture with an annotation.")
        raise DataError(t("no annotation of '{path}' can be used. {reason}", path=files.path, reason=first))
    images = FileImages(files, [picture.name for picture in pictures])
    facts = file_facts(images)
    turned_as_stored = are_turned(pictures, facts)
    repairs = list(lost)
    counts: Counter[str] = Counter()
    rows: list[list[dict[str, Any]]] = []
    for picture, fact in zip(pictures, facts, strict=True):
        frame = frame_of(picture, fact, turned_as_stored, counts)
        rows.append(_sort_out(picture, fact, frame, set(classes), repairs))
    num_boxes = sum(len(row) for row in rows)
    num_rejected = sum(repair.action == "rejected" for repair in repairs)
    columns: dict[str, Any] = {"id": [safe_name(picture.name) for picture in pictures]}
    columns["content"] = [fact.content for fact in facts]
    if all(picture.split for picture in pictures):
        columns["split"] = [picture.split for picture in pictures]
    table = pl.DataFrame(columns).with_columns(
        pl.Series("annotated_height", [picture.height for picture in pictures], pl.Int64),
        pl.Series("annotated_width", [picture.width for picture in pictures], pl.Int64),
        pl.Series(_COLUMN, rows, pl.List(BOX)),
    )
    per_class = Counter(box["class"] for row in rows for box in row)
    found = t(
        "{pictures} pictures with {boxes} boxes: {counts}; {negatives} pictures have none.",
        pictures=len(pictures),
        boxes=num_boxes,
        counts=", ".join(f"{name} {per_class[name]}" for name in list(classes)[:30]),
        negatives=sum(not row for row in rows),
    )
    return Dataset(
        path=files.path,
        format=format,
        table=table,
        target=Target(columns=(_COLUMN,), kind=TargetKind.BOXES, classes=tuple(classes), reason=reason),
        images=images,
        decisions=(found, *decisions, *frame_decisions(counts), *repair_decisions(repairs)),
        bad=tuple(bad),
        repairs=tuple(repairs),
        num_annotations=num_boxes + num_rejected,
    )


def side_of(value: float) -> int | None:
    """An annotated side in px; None for 0, which tools write that do not know it, and for what can be no side."""
    return int(value) if 1 <= value <= MAX_SIDE else None


def upright(x: float, y: float, orientation: int, width: float, height: float) -> tuple[float, float]:
    """A point of a stored picture, where it comes to lie when the picture is turned upright.

    Args:
        x: in px from the left of the pixels as stored.
        y: in px from their top.
        orientation: the EXIF tag, 1 to 8.
        width: of the pixels as stored.
        height: likewise.

    Source: Exif 2.32, 4.6.4 A, tag 274.

    >>> upright(0, 0, 6, width=30, height=20)
    (20, 0)
    """
    match orientation:
        case 2:
            return width - x, y
        case 3:
            return width - x, height - y
        case 4:
            return x, height - y
        case 5:
            return y, x
        case 6:
            return height - y, x
        case 7:
            return height - y, width - x
        case 8:
            return y, width - x
        case _:
            return x, y


def refused(box: RawBox, id: str, code: str, action: Literal["clipped", "rejected", "corrected"]) -> Repair:
    """The record of what was done about a box."""
    return Repair(id=id, where=box.where, code=code, met=box.met, action=action)


def lost_boxes(picture: RawPicture) -> list[Repair]:
    """The records of boxes whose picture is not there."""
    return [refused(box, safe_name(picture.name), "box.no_picture", "rejected") for box in picture.boxes]


def _is_mirrored(folders: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two places are the same but for one folder, as `JPEGImages/a` and `Annotations/a`."""
    return len(folders) == len(others) and sum(a != b for a, b in zip(folders, others, strict=True)) == 1


def _nearest(found: Sequence[str], plain: str, folder: str) -> str | None:
    """The one of several files whose path shares most with the one that was named; None when that does not decide."""
    if len(found) <= 1:
        return found[0] if found else None
    wanted = {*PurePosixPath(plain).parent.parts, *PurePosixPath(folder).parts}
    shared = {name: len(wanted & set(PurePosixPath(name).parent.parts)) for name in found}
    best = max(shared.values())
    nearest = [name for name in found if shared[name] == best]
    return nearest[0] if len(nearest) == 1 else None


def file_facts(images: FileImages) -> list[FileFacts]:
    """What the files of pictures say, by threads; nothing is decoded."""

    def facts(name: str) -> FileFacts:
        try:
            data = images.files.read(name)
        except DataError:
            return FileFacts(hashlib.sha256(safe_name(name).encode()).hexdigest(), None, 1)
        content = hashlib.sha256(data).hexdigest()
        try:
            height, width, _ = header(data)
            return FileFacts(content, (height, width), _stored_orientation(data))
        except BadImage:
            return FileFacts(content, None, 1)

    return each_file(facts, images.names)


def _stored_orientation(data: bytes) -> int:
    """The EXIF tag of a picture, as decoding will obey it; 1 where it cannot be read."""
    try:
        return decode._orientation(decode._open(data))
    except Exception:  # hostile bytes make decoders raise nearly anything; decoding gives the reason
        return 1


def are_turned(pictures: Sequence[RawPicture], facts: Sequence[FileFacts]) -> bool:
    """Whether annotations of this set are in the frame of the pixels as stored, by the pictures that show it.

    A quarter turn swaps the sides, so the annotated size tells; half turns and mirrorings follow the rest of the set.
    """
    votes = 0
    for picture, fact in zip(pictures, facts, strict=True):
        if fact.orientation < 5 or fact.size is None or fact.size[0] == fact.size[1]:
            continue
        claimed = (picture.height, picture.width)
        votes += (claimed == fact.size[::-1]) - (claimed == fact.size)
    return votes > 0


@dataclass(frozen=True)
class Frame:
    """How points come into the upright picture: scaled, then turned.

    Attributes:
        scale_x: px of the picture per unit of the annotation.
        scale_y: likewise.
        orientation: the turn, an EXIF tag.
        code: the fault that the scaling mends.
    """

    scale_x: float = 1.0
    scale_y: float = 1.0
    orientation: int = 1
    code: str | None = None
    decimals: int | None = None


def frame_of(picture: RawPicture, fact: FileFacts, turned: bool, counts: Counter[str]) -> Frame | None:
    """The frame of a picture's annotation; None when the annotated size has nothing to do with the picture.

    Args:
        picture: with the size that its annotation says.
        fact: what its file says.
        turned: what `are_turned` says of the set.
        counts: told of turned and upright pictures.
    """
    if fact.size is None:  # decoding will name it; its boxes are kept as they are, if that has a meaning
        return None if picture.is_normalized else Frame()
    height, width = fact.size
    if picture.is_normalized:
        counts["upright"] += fact.orientation != 1
        return Frame(width, height, decimals=FRACTION_DECIMALS)
    claimed = (picture.height, picture.width)
    if None in claimed:
        counts["upright"] += fact.orientation != 1
        return Frame()
    if claimed == fact.stored_size and fact.orientation != 1 and (turned or claimed != fact.size):
        counts["turned"] += 1
        return Frame(orientation=fact.orientation)
    if claimed == fact.size:
        counts["upright"] += fact.orientation != 1
        return Frame()
    assert picture.height is not None
    assert picture.width is not None
    scale = math.sqrt(width * height / (picture.width * picture.height))
    if abs(picture.width * scale - width) <= scale + 1 and abs(picture.height * scale - height) <= scale + 1:
        return Frame(width / picture.width, height / picture.height, code="box.wrong_size")
    return None


def _sort_out(
    picture: RawPicture, fact: FileFacts, frame: Frame | None, classes: set[str], repairs: list[Repair]
) -> list[dict[str, Any]]:
    """The usable boxes of a picture; one record for each that was changed or rejected: its first fault."""
    id = safe_name(picture.name)
    kept: list[dict[str, Any]] = []
    seen: set[tuple[Any, ...]] = set()
    for raw in picture.boxes:
        code = _fault(raw, frame, fact, classes)
        if code is not None:
            repairs.append(refused(raw, id, code, "rejected"))
            continue
        assert frame is not None
        box, code, action = _placed(raw, frame, fact)
        key = (box["class"], box["x1"], box["y1"], box["x2"], box["y2"], bool(raw.crowd))
        if code is None and key in seen:
            code, action = "box.duplicate", "rejected"
        if code is not None:
            repairs.append(refused(raw, id, code, action))
        if action != "rejected":
            seen.add(key)
            kept.append(box)
    return kept


def _fault(raw: RawBox, frame: Frame | None, fact: FileFacts, classes: set[str]) -> str | None:
    """Why a box cannot be used at all."""
    if raw.code is not None and raw.action == "rejected":
        return raw.code
    if raw.corners is None:
        return "box.malformed"
    if not all(math.isfinite(value) for value in raw.corners):
        return "box.not_finite"
    if raw.name is None or raw.name not in classes:
        return "box.unknown_class"
    if frame is None:
        return "box.wrong_size" if fact.size is not None else "box.no_picture"
    x1, y1, x2, y2 = raw.corners
    return "box.zero_area" if x1 == x2 or y1 == y2 else None


def _placed(
    raw: RawBox, frame: Frame, fact: FileFacts
) -> tuple[dict[str, Any], str | None, Literal["clipped", "rejected", "corrected"]]:
    """A box in the upright picture, inside of it; with the first thing that was done to it."""
    assert raw.corners is not None
    code = raw.code or frame.code
    action: Literal["clipped", "rejected", "corrected"] = "corrected"
    if raw.corners[0] > raw.corners[2] or raw.corners[1] > raw.corners[3]:
        code = code or "box.inverted"
    height, width = fact.stored_size or (0, 0)

    def place(x: float, y: float) -> tuple[float, float]:
        x, y = x * frame.scale_x, y * frame.scale_y
        if frame.decimals is not None:
            x, y = round(x, frame.decimals), round(y, frame.decimals)
        return upright(x, y, frame.orientation, width, height)

    ends = [place(*raw.corners[:2]), place(*raw.corners[2:])]
    x1, x2 = sorted(end[0] for end in ends)
    y1, y2 = sorted(end[1] for end in ends)
    polygons = raw.polygons
    if polygons is not None:
        points = [[place(x, y) for x, y in zip(line[::2], line[1::2], strict=True)] for line in polygons]
        polygons = [[value for point in line for value in point] for line in points]
    if fact.size is not None:
        height, width = fact.size
        inside = (_within(x1, width), _within(y1, height), _within(x2, width), _within(y2, height))
        moved = max(abs(new - old) for new, old in zip(inside, (x1, y1, x2, y2), strict=True))
        x1, y1, x2, y2 = inside
        if x1 >= x2 or y1 >= y2:
            code, action = code or "box.outside", "rejected"
        elif moved > ROUNDING_PX:
            code, action = code or "box.outside", "clipped"
            if polygons is not None:
                polygons = [
                    [_within(value, (width, height)[place % 2]) for place, value in enumerate(line)]
                    for line in polygons
                ]
    box = {
        "class": raw.name,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "crowd": raw.crowd,
        "difficult": raw.difficult,
        "truncated": raw.truncated,
        "polygons": polygons,
    }
    return box, code, action


def _within(value: float, side: int) -> float:
    return min(max(value, 0.0), float(side))


def frame_decisions(counts: Mapping[str, int]) -> list[str]:
    """What was done about pictures that an EXIF tag turns, finished sentences."""
    decisions: list[str] = []
    if counts["turned"]:
        decisions.append(
            t(
                "{count} pictures are turned upright by their EXIF tag, but were annotated as stored: their boxes were "
                "turned along.",
                count=counts["turned"],
            )
        )
    if counts["upright"]:
        decisions.append(
            t(
                "{count} pictures are turned upright by their EXIF tag; their boxes were taken to be drawn on the "
                "upright picture.",
                count=counts["upright"],
            )
        )
    return decisions


def repair_decisions(repairs: Sequence[Repair]) -> list[str]:
    """Every rule with its count, one sentence."""
    if not repairs:
        return []
    counts = Counter((repair.code, repair.action) for repair in repairs)
    words = {"clipped": t("clipped"), "rejected": t("rejected"), "corrected": t("corrected")}
    parts = [f"{code} {count} {words[action]}" for (code, action), count in sorted(counts.items())]
    return [t("faulty annotations: {counts}.", counts=", ".join(parts))]
