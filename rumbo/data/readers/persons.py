"""A folder of pictures per person: who is shown, for networks that compare instead of naming."""

import dataclasses
import re
from collections import Counter
from statistics import median

from rumbo.core.messages import t
from rumbo.data.files import Files, picture_names
from rumbo.data.manifest import Dataset, Target, TargetKind
from rumbo.data.readers import Reader, Request, formats, image_folder
from rumbo.data.readers.folders import places
from rumbo.data.target import KIND_OF_TASK

MIN_FOLDERS = 20
"""Fewer are classes, unless words say otherwise."""
MIN_FOLDERS_BY_WORD = 5
MAX_PICTURES = 50
"""Of one person, in the median."""
_WORDS = r"persons?|people|faces?|subjects?|identit(?:y|ies)|speakers?|individuals?"
_NUMBERED = re.compile(rf"(?:s|p|id|{_WORDS})[_ -]?\d+", re.IGNORECASE)


def recognizes(files: Files) -> bool:
    """Whether there is evidence that class folders are persons."""
    return _evidence(files) is not None


def read(files: Files, request: Request) -> Dataset:
    """The manifest of pictures of persons; as plain classes where such a task is asked for."""
    kind = None if request.task is None else KIND_OF_TASK[request.task]
    if not request.labelled or kind not in (None, TargetKind.IDENTITY) or request.target == image_folder.COLUMN:
        return image_folder.read(files, request)
    plain = image_folder.read(files, dataclasses.replace(request, task=None, target=None))
    evidence = _evidence(files) or t("the task says so")
    people = plain.table[image_folder.COLUMN]
    table = plain.table.drop(image_folder.COLUMN).with_columns(people.alias("group"), people.alias("identity"))
    counts = Counter(people.to_list())
    decision = t(
        "{pictures} pictures in {count} folders, each one person's ({evidence}); people stay together in one split. "
        "For classes, ask for the task classify.",
        pictures=len(people),
        count=len(counts),
        evidence=evidence,
    )
    target = Target(
        columns=("identity",),
        kind=TargetKind.IDENTITY,
        classes=() if plain.target is None else plain.target.classes,
        reason=t("the folder names say who is shown."),
    )
    return dataclasses.replace(
        plain, format="persons", table=table, target=target, decisions=(decision, *plain.decisions[1:])
    )


def _evidence(files: Files) -> str | None:
    """Why class folders are persons, as part of a sentence; None when nothing says so."""
    found = places(picture_names(files.names()))
    counts = Counter(found.labels)
    if len(counts) < MIN_FOLDERS_BY_WORD or median(counts.values()) > MAX_PICTURES or min(counts.values()) < 1:
        return None
    numbered = sum(_NUMBERED.fullmatch(label) is not None for label in counts)
    if len(counts) >= MIN_FOLDERS and numbered >= 0.9 * len(counts):
        return t("folders are called like '{name}'", name=found.labels[0])
    outer = {part for name in found.names for part in name.split("/")[:-2]} | {files.path.stem}
    words = sorted(part for part in outer if re.search(rf"(?<![a-z])(?:{_WORDS})(?![a-z])", part, re.IGNORECASE))
    if words:
        return t("a folder is called '{name}'", name=words[0])
    if len(counts) < MIN_FOLDERS:
        return None
    met = {word.lower().rstrip("s") for word in re.findall(rf"\b(?:{_WORDS})\b", files.notes(), re.IGNORECASE)}
    return t("the set's README speaks of {words}", words=", ".join(sorted(met))) if len(met) >= 2 else None


formats.register("persons")(Reader(recognizes, read))
