"""Pictures and their masks in two folders, or side by side: a code for each pixel."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.annotations.boxes import RawPicture, check_target, pictures_only
from rumbo.data.annotations.files import class_list, read_text, split_of_path
from rumbo.data.annotations.frames import FileFacts, are_turned, file_facts
from rumbo.data.annotations.masks import (
    FileMasks,
    MaskRule,
    color_value,
    mask_size,
    mask_values,
    rule_of_classes,
    rule_of_values,
    unknown_values,
)
from rumbo.data.delimited import parse_delimited
from rumbo.data.files import Files, extension, picture_names, safe_name
from rumbo.data.manifest import Dataset, Target, TargetKind
from rumbo.data.pictures.decode import BadImage, BadItem
from rumbo.data.pictures.images import FileImages
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.folders import each_file

KINDS = (TargetKind.MASK,)
IMAGE_FOLDERS = frozenset(("image", "images", "img", "imgs", "jpegimages", "photos", "pictures", "input", "inputs"))
MASK_FOLDERS = frozenset(
    (
        "mask",
        "masks",
        "label",
        "labels",
        "annotation",
        "annotations",
        "segmentationclass",
        "gt",
        "groundtruth",
        "ground_truth",
        "seg",
        "segmentation",
        "segmentations",
        "target",
        "targets",
    )
)
VAGUE_FOLDERS = frozenset(("label", "labels", "annotation", "annotations", "target", "targets"))
MIN_PAIRED_FRACTION = 0.5
"""Of the masks; with fewer partners these are no pairs."""
_SUFFIX = re.compile(r"[_-](mask|masks|gt|label|labels|seg|segmentation|annotation)$", re.IGNORECASE)


@dataclass(frozen=True)
class _Pairs:
    """Picture -> its mask; and the masks that have no picture."""

    mask_of: Mapping[str, str]
    pictures: Sequence[str]
    lonely: Sequence[str]


@dataclass(frozen=True)
class _Scanned:
    """What a mask holds: value -> number of pixels, height and width; or why it cannot be used."""

    counts: Mapping[int, int]
    size: tuple[int, int]
    problem: str | None = None


def recognizes(files: Files) -> bool:
    """Whether most files of a mask folder have a picture of the same name."""
    pairs = _pairs(picture_names(files.names()))
    num_pairs = len(pairs.mask_of)
    if any(PurePosixPath(name).parent != PurePosixPath(mask).parent for name, mask in pairs.mask_of.items()):
        is_paired = num_pairs >= MIN_PAIRED_FRACTION * (num_pairs + len(pairs.lonely))
        return is_paired and _may_be_mask(files, next(iter(pairs.mask_of.values())))
    return num_pairs > 0 and num_pairs >= MIN_PAIRED_FRACTION * len(pairs.pictures)


def _may_be_mask(files: Files, name: str) -> bool:
    """Whether a file of a folder whose name means little, such as `target`, holds few values, as masks do."""
    if not VAGUE_FOLDERS & {part.lower() for part in name.split("/")[:-1]}:
        return True
    found = _scan(files, name)
    try:
        return found.problem is not None or bool(rule_of_values(found.counts))
    except DataError:
        return False


def read(files: Files, request: Request) -> Dataset:
    """The manifest of pictures with masks."""
    check_target(request, "mask")
    pairs = _pairs(picture_names(files.names()))
    if not request.labelled:
        return pictures_only(files, pairs.pictures, "mask-pairs")
    decisions: list[str] = []
    bad = [
        BadItem(-1, safe_name(name), t("'{name}' is the mask of no picture.", name=safe_name(name)), "mask.no_picture")
        for name in pairs.lonely
    ]
    without = [name for name in pairs.pictures if name not in pairs.mask_of]
    if len(without) > len(pairs.mask_of):
        decisions.append(t("pictures left out for want of a mask: {count}.", count=len(without)))
    else:
        bad += [
            BadItem(-1, safe_name(name), t("'{name}' has no mask.", name=safe_name(name)), "mask.missing")
            for name in without
        ]
    names = sorted(pairs.mask_of)
    masks = [pairs.mask_of[name] for name in names]
    facts = file_facts(FileImages(files, names))
    scanned = each_file(lambda name: _scan(files, name), masks)
    turns, problems = _turns(names, facts, scanned, decisions)
    counts: Counter[int] = Counter()
    for one in scanned:
        counts.update(one.counts)
    lossy = all(extension(name) in ("jpg", "jpeg") for name in masks)
    rule, classes = _rule(files, counts, lossy, decisions)
    known = set(rule.codes)
    for row, one in enumerate(scanned):
        unknown = [value for value in one.counts if value not in known]
        if row not in problems and unknown and rule.threshold is None:
            problems[row] = (unknown_values(sorted(unknown), rule), "mask.unknown_value")
    bad += [
        BadItem(-1, safe_name(names[row]), f"'{safe_name(masks[row])}': {reason}", code)
        for row, (reason, code) in sorted(problems.items())
    ]
    rows = [row for row in range(len(names)) if row not in problems]
    if not rows:
        raise DataError(t("no mask of '{path}' can be used. {reason}", path=files.path, reason=bad[-1].reason))
    kept, kept_masks = [names[row] for row in rows], [masks[row] for row in rows]
    columns: dict[str, list[str]] = {
        "id": [safe_name(name) for name in kept],
        "content": [facts[row].content for row in rows],
        "mask": [safe_name(name) for name in kept_masks],
    }
    splits = [split_of_path(f"{PurePosixPath(name).parent}/x") for name in kept]
    if all(splits) and "train" in splits:
        columns["split"] = [split or "" for split in splits]
        decisions.append(t("folders say which pictures are train, dev and test."))
    decisions.insert(0, t("pictures with a mask each: {count}.", count=len(rows)))
    return Dataset(
        path=files.path,
        format="mask-pairs",
        table=pl.DataFrame(columns),
        target=Target(columns=("mask",), kind=TargetKind.MASK, classes=classes, reason=t("each picture has a mask.")),
        images=FileImages(files, kept),
        masks=FileMasks(files, kept_masks, rule, [turns[row] for row in rows]),
        decisions=tuple(decisions),
        bad=tuple(bad),
    )


def _pairs(names: Sequence[str]) -> _Pairs:
    """Pictures and masks that have the same place below an image and a mask folder, and the same stem."""
    images: dict[tuple[str, str], str] = {}
    masks: dict[tuple[str, str], str] = {}
    stems = {str(PurePosixPath(name).with_suffix("")) for name in names}
    for name in names:
        *folders, base = name.split("/")
        stem = PurePosixPath(base).stem
        is_mask = False
        rest = list(folders)
        for place in range(len(folders) - 1, -1, -1):
            word = folders[place].lower()
            if word in MASK_FOLDERS:
                is_mask, rest = True, [*folders[:place], *folders[place + 1 :]]
            elif _SUFFIX.search(word):
                is_mask, rest = True, [*folders[:place], _SUFFIX.sub("", folders[place]), *folders[place + 1 :]]
            elif word in IMAGE_FOLDERS:
                rest = [*folders[:place], *folders[place + 1 :]]
            else:
                continue
            break
        bare = _SUFFIX.sub("", stem)
        beside = bare != stem and "/".join([*folders, bare]) in stems
        where = "/".join(rest)
        if is_mask or beside:
            masks.setdefault((where, bare), name)
        else:
            images.setdefault((where, stem), name)
    mask_of = {images[key]: name for key, name in masks.items() if key in images}
    # Beside masks of classes lie those of objects and the like: no pictures to learn from.
    pictures = [name for name in images.values() if "segmentationobject" not in name.lower()]
    return _Pairs(mask_of, sorted(pictures), sorted(name for key, name in masks.items() if key not in images))


def _scan(files: Files, name: str) -> _Scanned:
    try:
        data = files.read(name)
        values = mask_values(data)
        mask_size(data)
    except (DataError, BadImage) as problem:
        return _Scanned({}, (0, 0), str(problem))
    if values.max(initial=0) < 65536 and values.min(initial=0) >= 0:
        counts = np.bincount(values.ravel())
        met = {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    else:
        unique, numbers = np.unique(values, return_counts=True)
        met = dict(zip(unique.tolist(), numbers.tolist(), strict=True))
    height, width = values.shape
    return _Scanned(met, (height, width))


def _turns(
    names: Sequence[str], facts: Sequence[FileFacts], scanned: Sequence[_Scanned], decisions: list[str]
) -> tuple[list[int], dict[int, tuple[str, str]]]:
    """How each mask is turned to lie on its upright picture; and row -> why it cannot, with a code."""
    claims = [
        RawPicture(name=name, height=one.size[0], width=one.size[1]) for name, one in zip(names, scanned, strict=True)
    ]
    as_stored = are_turned(claims, facts)
    turns: list[int] = []
    problems: dict[int, tuple[str, str]] = {}
    for row, (fact, one) in enumerate(zip(facts, scanned, strict=True)):
        turns.append(1)
        if one.problem is not None:
            problems[row] = (one.problem, "mask.bad")
        elif fact.size is not None and fact.orientation != 1 and one.size == fact.stored_size:
            if as_stored or one.size != fact.size:
                turns[row] = fact.orientation
        elif fact.size is not None and one.size != fact.size:
            sizes = {"height": one.size[0], "width": one.size[1], "own_height": fact.size[0], "own_width": fact.size[1]}
            sentence = t("the mask is {width} x {height} px, its picture {own_width} x {own_height}.", **sizes)
            problems[row] = (sentence, "mask.wrong_size")
    if count := sum(turn != 1 for turn in turns):
        decisions.append(
            t("{count} pictures are turned upright by their EXIF tag; their masks were turned along.", count=count)
        )
    return turns, problems


def _rule(
    files: Files, counts: Mapping[int, int], lossy: bool, decisions: list[str]
) -> tuple[MaskRule, tuple[str, ...]]:
    """Value -> code and the names of the classes, by a list where there is one, else by the values."""
    listed = _listed(files)
    if listed is None:
        if not counts:
            return MaskRule(codes={}), ()
        rule, names, decision = rule_of_values(counts, lossy=lossy)
        decisions.append(decision)
        return rule, names
    rule, decision = rule_of_classes(listed, counts)
    decisions.append(decision)
    return rule, tuple(name for _, name in listed)


def _listed(files: Files) -> list[tuple[int | None, str]] | None:
    """Value and name of each class: from a table of colors, labels.json or a list of names."""
    for name in files.names():
        base = PurePosixPath(name).name.lower()
        if base in ("class_dict.csv", "label_colors.csv", "labelmap.txt", "label_colors.txt"):
            found = _colors(files, name)
        elif base in ("labels.json", "classes.json"):
            found = _labels_of_json(files, name)
        else:
            continue
        if found:
            return found
    listed = class_list(files)
    return None if listed is None else [(None, name) for name in listed[1]]


def _colors(files: Files, name: str) -> list[tuple[int | None, str]]:
    """Classes with colors: columns name, r, g, b; lines `r g b name`; or lines `name:r,g,b::`."""
    found: list[tuple[int | None, str]] = []
    if name.lower().endswith(".csv"):
        for row in parse_delimited(files.read(name), name).frame.iter_rows():
            words = [value or "" for value in row]
            numbers = [int(word) for word in words if re.fullmatch(r"\d{1,3}", word)]
            labels = [word for word in words if word and not re.fullmatch(r"\d{1,3}", word)]
            if len(numbers) >= 3 and labels:
                found.append((color_value(*numbers[:3]), labels[0]))
        return found
    for line in read_text(files, name).splitlines():
        if line.lstrip().startswith("#"):
            continue
        first = re.match(r"\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s+(\S.*?)\s*$", line)
        last = re.match(r"\s*([^:]+):(\d{1,3}),(\d{1,3}),(\d{1,3})", line)
        if first:
            found.append((color_value(*(int(first[place]) for place in (1, 2, 3))), first[4]))
        elif last:
            found.append((color_value(*(int(last[place]) for place in (2, 3, 4))), last[1].strip()))
    return found


def _labels_of_json(files: Files, name: str) -> list[tuple[int | None, str]]:
    """A list of names; a mapping from value to name or from name to value."""
    try:
        content = json.loads(read_text(files, name))
    except (ValueError, RecursionError):
        return []
    if isinstance(content, list):
        return [(None, str(entry)) for entry in content] if all(isinstance(entry, str) for entry in content) else []
    if not isinstance(content, dict):
        return []
    if all(re.fullmatch(r"\d{1,5}", str(key)) and isinstance(value, str) for key, value in content.items()):
        return sorted((int(key), value) for key, value in content.items())
    if all(isinstance(value, int) for value in content.values()):
        return sorted((value, str(key)) for key, value in content.items())
    return []


formats.register("mask-pairs")(Reader(recognizes, read, KINDS))
