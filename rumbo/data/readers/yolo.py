"""YOLO: a text file of boxes or outlines for each picture, in fractions of its sides, and data.yaml with the names."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.annotations.boxes import RawBox, RawPicture, boxes_dataset, check_target, lost_boxes, pictures_only
from rumbo.data.annotations.files import PictureFinder, class_list, read_text, split_of_path, whole_folder
from rumbo.data.files import Files, extension, safe_name
from rumbo.data.manifest import Dataset, Repair, TargetKind
from rumbo.data.pictures.decode import BadItem
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.folders import SPLIT_OF_FOLDER, each_file

KINDS = (TargetKind.BOXES,)
LARGEST_FRACTION = 2.0
"""A number beyond is in px, not a fraction of a side that hangs over the border."""
_SAMPLE = 20


@dataclass(frozen=True)
class _Setup:
    """What data.yaml says: id -> name; the lists or folders of each split."""

    file: str | None
    names: Mapping[int, str]
    places: Mapping[str, tuple[str, ...]]
    num_keypoint_values: int = 0


def recognizes(files: Files) -> bool:
    """Whether a YAML file beside pictures names classes, or text files called like pictures hold boxes."""
    files = whole_folder(files) if extension(files.path.name) in ("yaml", "yml") else files
    pictures = PictureFinder(files)
    if not pictures.names:
        return False
    texts = set(_label_names(files))
    labels = [label for name in pictures.names if (label := _label_of(name, texts)) is not None]
    if not labels:
        return False
    if any(_has_names(files, name) for name in _yaml_names(files)):
        return True
    return any(_looks_so(files, name) for name in labels[:_SAMPLE])


def read(files: Files, request: Request) -> Dataset:
    """The manifest of pictures with YOLO boxes."""
    check_target(request, "boxes")
    files = whole_folder(files)
    finder = PictureFinder(files)
    if not request.labelled:
        return pictures_only(files, finder.names, "yolo")
    decisions: list[str] = []
    setup = _setup(files, decisions)
    texts = set(_label_names(files))
    label_of = {name: _label_of(name, texts) for name in finder.names}
    splits = _splits(files, finder, setup, decisions)
    bad: list[BadItem] = []
    lines = _lines(files, [label for label in label_of.values() if label is not None], bad)
    names = setup.names or _numbered(lines, decisions)
    unreadable = {item.id for item in bad}
    pictures: list[RawPicture] = []
    for name, label in label_of.items():
        if splits is not None and name not in splits:
            continue
        if label is not None and safe_name(label) in unreadable:
            continue  # its boxes are not known: it is no picture without any
        where = safe_name(label or "")
        raw = [_box(text, f"{where}:{line}", names, setup) for line, text in lines.get(label or "", ())]
        split = None if splits is None else splits[name]
        pictures.append(RawPicture(name=name, boxes=raw, split=split, is_normalized=True))
    used = {label for label in label_of.values() if label is not None}
    lost = _without_picture(files, texts - used, names, setup, bad)
    if without := sum(label is None for label in label_of.values()):
        decisions.append(
            t("pictures without a text file, which count as pictures without boxes: {count}.", count=without)
        )
    return boxes_dataset(
        files,
        "yolo",
        pictures,
        list(dict.fromkeys(names.values())),
        decisions=decisions,
        bad=bad,
        lost=lost,
        reason=t("the text files mark boxes."),
    )


def parse_yaml(text: str, name: str) -> Any:
    """The value of a YAML file, read by the safe loader; anchors are refused, they can blow up.

    Raises:
        DataError: with file and line.
    """
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken):
                raise DataError(
                    t(
                        "'{name}' line {line}: YAML aliases are refused in data files.",
                        name=safe_name(name),
                        line=token.start_mark.line + 1,
                    )
                )
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as problem:
        if isinstance(problem, DataError):
            raise
        mark = getattr(problem, "problem_mark", None)
        reason = t("nested too deep") if isinstance(problem, RecursionError) else t("it is not well-formed")
        line = mark.line + 1 if mark is not None else 1
        raise DataError(
            t("'{name}' line {line}: no YAML: {problem}.", name=safe_name(name), line=line, problem=reason)
        ) from problem


def _yaml_names(files: Files) -> list[str]:
    names = [name for name in files.names() if extension(name) in ("yaml", "yml")]
    return sorted(names, key=lambda name: (name.count("/"), not name.endswith(("data.yaml", "dataset.yaml")), name))


def _has_names(files: Files, name: str) -> bool:
    try:
        return re.search(r"(?m)^['\"]?names['\"]?\s*:", read_text(files, name)) is not None
    except DataError:
        return False


def _label_names(files: Files) -> list[str]:
    return [name for name in files.names() if extension(name) == "txt" and not name.lower().endswith(".gz")]


def _label_of(picture: str, texts: set[str]) -> str | None:
    """The text file of a picture: beside it, or where its path says labels for images."""
    stem = str(PurePosixPath(picture).with_suffix(".txt"))
    parts = stem.split("/")
    places = [
        place for place, part in enumerate(parts[:-1]) if part.lower() in ("images", "image", "img", "jpegimages")
    ]
    for place in reversed(places):
        for folder in ("labels", "label", "annotations"):
            swapped = "/".join([*parts[:place], folder, *parts[place + 1 :]])
            if swapped in texts:
                return swapped
    return stem if stem in texts else None


def _looks_so(files: Files, name: str) -> bool:
    """Whether the first line of a text file is a class id and at least four numbers."""
    try:
        first = next((line for line in read_text(files, name).splitlines() if line.strip()), "")
    except DataError:
        return False
    words = first.split()
    if len(words) < 5 or not re.fullmatch(r"\d{1,6}(\.0+)?", words[0]):
        return False
    return all(_number(word) is not None for word in words)


def _setup(files: Files, decisions: list[str]) -> _Setup:
    """The names, from data.yaml or a list of classes; none when there is neither."""
    for name in _yaml_names(files):
        if not _has_names(files, name):
            continue
        content = parse_yaml(read_text(files, name), name)
        if not isinstance(content, dict):
            continue
        names = _names(content.get("names"), name)
        if twice := sorted({label for label in names.values() if list(names.values()).count(label) > 1}):
            decisions.append(
                t(
                    "'{name}' has several ids for {names}: each is one class.",
                    name=safe_name(name),
                    names=", ".join(twice),
                )
            )
        count = content.get("nc")
        if isinstance(count, int) and count != len(names):
            decisions.append(
                t(
                    "'{name}' says nc: {count}, but names {names} classes: the names count.",
                    name=safe_name(name),
                    count=count,
                    names=len(names),
                )
            )
        if names and max(names) + 1 > len(names):
            decisions.append(
                t("'{name}' leaves out class ids; classes go by name (box.category_gap).", name=safe_name(name))
            )
        places = {
            split: tuple(_place(entry) for entry in _texts(content.get(key)))
            for key, split in SPLIT_OF_FOLDER.items()
            if content.get(key)
        }
        shape = content.get("kpt_shape")
        size = math.prod(shape) if isinstance(shape, list) and all(isinstance(side, int) for side in shape) else 0
        if size:
            decisions.append(t("keypoints beside the boxes were left out."))
        decisions.append(t("'{name}' names {count} classes.", name=safe_name(name), count=len(names)))
        return _Setup(name, names, places, size)
    listed = class_list(files)
    if listed is None:
        return _Setup(None, {}, {})
    decisions.append(t("'{name}' lists the classes.", name=listed[0]))
    return _Setup(listed[0], dict(enumerate(listed[1])), {})


def _names(value: Any, file: str) -> dict[int, str]:
    """Id -> name of `names`, a list or a mapping.

    Raises:
        DataError: it is neither.
    """
    pairs: list[tuple[int, str]] = []
    if isinstance(value, list):
        pairs = [(number, str(name).strip()) for number, name in enumerate(value)]
    elif isinstance(value, dict):
        pairs = [
            (int(number), str(name).strip()) for number, name in value.items() if re.fullmatch(r"\d{1,9}", str(number))
        ]
        pairs = sorted(pairs) if len(pairs) == len(value) else []
    if not pairs:
        raise DataError(
            t(
                "'{name}': names must be a list of class names or a mapping from id to name; met {value}.",
                name=safe_name(file),
                value=str(value)[:80],
            )
        )
    return dict(pairs)


def _texts(value: Any) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    return [str(entry) for entry in entries if entry]


def _place(entry: str) -> str:
    """A place of data.yaml as a name inside the set, as far as its own folders go: `../train/images` and the like."""
    parts = [part for part in entry.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts)


def _splits(files: Files, finder: PictureFinder, setup: _Setup, decisions: list[str]) -> dict[str, str] | None:
    """Picture -> split, as data.yaml or the folders say; None when nothing does."""
    given: dict[str, str] = {}
    if len(setup.places) > 1:
        for split, places in setup.places.items():
            for place in places:
                for name in _pictures_at(files, finder, place):
                    given.setdefault(name, split)
    if given and "train" in given.values() and len(set(given.values())) > 1:
        decisions.append(t("'{name}' says which pictures are train, dev and test.", name=safe_name(setup.file or "")))
        if left := len(finder.names) - len(given):
            decisions.append(t("pictures left out, since it does not name them: {count}.", count=left))
        return given
    by_folder = {name: split_of_path(f"{PurePosixPath(name).parent}/x") for name in finder.names}
    if all(by_folder.values()) and "train" in by_folder.values():
        decisions.append(t("folders say which pictures are train, dev and test."))
        return {name: split for name, split in by_folder.items() if split}
    return None


def _pictures_at(files: Files, finder: PictureFinder, place: str) -> list[str]:
    """The pictures below a folder, or those that a list names; the folder is found by the end of its path."""
    if extension(place) == "txt":
        lists = [name for name in files.names() if f"/{place}".endswith(f"/{name}") or f"/{name}".endswith(f"/{place}")]
        entries = [line.strip() for name in lists[:1] for line in read_text(files, name).splitlines()]
        return [name for entry in entries if entry and (name := finder.by_path(entry, lists[0])) is not None]
    parts = place.split("/")
    for start in range(len(parts)):
        ending = "/" + "/".join(parts[start:]) + "/"
        found = [name for name in finder.names if ending in f"/{name}"]
        if found:
            return found
    return []


def _lines(files: Files, names: list[str], bad: list[BadItem]) -> dict[str, list[tuple[int, str]]]:
    """The lines of text files that hold something, numbered from 1."""

    def lines(name: str) -> list[tuple[int, str]] | BadItem:
        try:
            text = read_text(files, name)
        except DataError as problem:
            return BadItem(-1, safe_name(name), str(problem), "annotation.bad")
        if "\0" in text:
            return BadItem(-1, safe_name(name), t("'{name}' is no text.", name=safe_name(name)), "annotation.bad")
        return [(line, part) for line, part in enumerate(text.split("\n"), 1) if part.strip()]

    found: dict[str, list[tuple[int, str]]] = {}
    for name, part in zip(names, each_file(lines, names), strict=True):
        if isinstance(part, BadItem):
            bad.append(part)
        else:
            found[name] = part
    return found


def _numbered(lines: Mapping[str, list[tuple[int, str]]], decisions: list[str]) -> dict[int, str]:
    """Names for ids that no file names: the numbers themselves."""
    met = {_class_id(text.split()[0]) for part in lines.values() for _, text in part}
    numbers = sorted(number for number in met if number is not None)
    decisions.append(
        t(
            "no data.yaml or classes.txt names the classes: they are called by their numbers, {names}.",
            names=", ".join(str(number) for number in numbers[:20]),
        )
    )
    return {number: str(number) for number in numbers}


def _class_id(word: str) -> int | None:
    return int(float(word)) if re.fullmatch(r"\d{1,9}(\.0*)?", word) else None


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _box(text: str, where: str, names: Mapping[int, str], setup: _Setup) -> RawBox:
    """A line: class x y width height, or class and the points of an outline."""
    words = text.split()
    number = _class_id(words[0])
    box = RawBox(where=where, met=text.strip()[:120], name=None if number is None else names.get(number), corners=None)
    values = [_number(word) for word in words[1:]]
    if number is None or any(value is None for value in values):
        box.code = "box.malformed"
        return box
    numbers = [value for value in values if value is not None]
    if setup.num_keypoint_values and len(numbers) == 4 + setup.num_keypoint_values:
        numbers = numbers[:4]
    if not all(math.isfinite(value) for value in numbers):
        box.code = "box.not_finite"
    elif len(numbers) < 4:
        box.code = "box.polygon_short" if len(numbers) == 2 else "box.malformed"
    elif any(abs(value) > LARGEST_FRACTION for value in numbers):
        box.code = "box.not_normalized"
    elif len(numbers) in (4, 5):  # the fifth is how sure a network was
        x, y, width, height = numbers[:4]
        if width < 0 or height < 0:
            box.code = "box.negative"
        box.corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    elif len(numbers) % 2:
        box.code = "box.malformed"
    else:
        xs, ys = numbers[::2], numbers[1::2]
        box.corners, box.polygons = (min(xs), min(ys), max(xs), max(ys)), [numbers]
    return box


def _without_picture(
    files: Files, texts: set[str], names: Mapping[int, str], setup: _Setup, bad: list[BadItem]
) -> list[Repair]:
    """Label files below `labels` folders that belong to no picture: their boxes are lost, and counted."""
    orphans = [name for name in sorted(texts) if {"labels", "label"} & set(name.lower().split("/")[:-1])]
    orphans = [name for name in orphans if _looks_so(files, name)]
    lost: list[Repair] = []
    for name, part in _lines(files, orphans, bad).items():
        boxes = [_box(text, f"{safe_name(name)}:{line}", names, setup) for line, text in part]
        lost += lost_boxes(RawPicture(name=name, boxes=boxes))
        reason = t("'{name}' belongs to no picture.", name=safe_name(name))
        bad.append(BadItem(-1, safe_name(name), reason, "annotation.no_picture"))
    return lost


formats.register("yolo")(Reader(recognizes, read, KINDS))
