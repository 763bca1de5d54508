"""Examples that belong together: exact copies, a column of groups, near duplicates, frames of one film, bursts."""

import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from pathlib import PurePosixPath

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.manifest import Dataset, SignalKind, TargetKind
from rumbo.data.pictures.images import ArrayImages, FileImages
from rumbo.data.signals.texts import words_of
from rumbo.data.splits.near_duplicates import MAX_PICTURES, Pair, Sketch, correlation, near_duplicates, sketches

SEQUENCE_WORDS = frozenset(("frame", "frames", "frm", "slice", "slices", "slc", "seq"))
"""Before the running number of a name: they say that the pictures follow each other."""
SPLIT_FOLDERS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing"))
MIN_SEQUENCES = 3
MAX_SHARE = 0.3
"""Of all examples in one detected group; a larger one is taken for a mistake of ours."""
NUM_COMPARED = 300
"""Pairs of neighbours, and of strangers, that are compared where a name has no such word."""
ALIKE = 0.5
"""Correlation that half of the neighbours must reach ..."""
MORE_ALIKE = 0.85
"""... and the chance with which a pair of neighbours must be more alike than a pair of strangers."""
MAX_TEXTS = 100_000
"""Texts that are read before a cut, to find those that differ only in how they are written."""
BURST = timedelta(seconds=2)
MAX_BURST = 200
"""Pictures of one camera within a burst; more have a clock that stands still."""
STRICTER = (0.98, 0.99, 0.995)
"""Shares of explained detail that are asked for where near duplicates would chain into a group that is too large."""


class Reason(Enum):
    """Why examples stay together."""

    COPIES = "copies"
    COLUMN = "column"
    NEAR = "near"
    FRAMES = "frames"
    BURST = "burst"


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups for one reason.

    Attributes:
        reason: why.
        members: rows of each group, two or more; near duplicates as confirmed pairs joined end to end.
        column: of the data, for `Reason.COLUMN`.
    """

    reason: Reason
    members: tuple[np.ndarray, ...]
    column: str = ""

    @property
    def num_rows(self) -> int:
        """Examples in a group."""
        return sum(map(len, self.members))


def copies_of(dataset: Dataset) -> Groups:
    """Rows with the same content."""
    return Groups(Reason.COPIES, tuple(_equal(dataset.table["content"])))


def same_texts(dataset: Dataset) -> Groups:
    """Texts that differ only in capitals, spaces and punctuation; of more than `MAX_TEXTS` none are read."""
    signals = dataset.signals
    if signals is None or signals.kind is not SignalKind.TEXT or not 1 < len(dataset) <= MAX_TEXTS:
        return Groups(Reason.COPIES, ())
    forms: list[bytes | None] = []
    for row in range(len(dataset)):
        try:
            words = words_of(signals.read(row))
        except DataError:
            words = ""  # the checks name what cannot be read
        forms.append(hashlib.sha256(words.encode()).digest() if words else None)
    return Groups(Reason.COPIES, tuple(_equal(pl.Series(forms, dtype=pl.Binary))))


def groups_in(dataset: Dataset, column: str) -> Groups:
    """Rows with the same value in a column; a missing value is nobody's."""
    return Groups(Reason.COLUMN, tuple(_equal(dataset.table[column])), column)


def look_for_groups(dataset: Dataset, column: Groups | None = None) -> list[Groups]:
    """What pictures, names and cameras show: near duplicates, frames, bursts; only kinds that were found.

    Args:
        dataset: the examples.
        column: groups that are known; what they hold already is not told again.
    """
    names = file_names(dataset)
    contents = dataset.table["content"].to_list()
    drawn = None
    if dataset.images is not None and not are_too_many(dataset):
        drawn = sketches(dataset.images, contents)
    found = [
        Groups(Reason.NEAR, _near(drawn, contents)) if drawn is not None else None,
        Groups(Reason.FRAMES, tuple(frames(names, drawn, _classes(dataset)))) if names is not None else None,
        Groups(Reason.BURST, tuple(bursts(drawn, names))) if drawn is not None and names is not None else None,
    ]
    if column is not None:
        of_row = components(len(dataset), [column])
        found = [
            groups and replace(groups, members=tuple(rows for rows in groups.members if len({*of_row[rows]}) > 1))
            for groups in found
        ]
    return [groups for groups in found if groups is not None and groups.members]


def told(dataset: Dataset, groups: Groups) -> str:
    """What was found, with the first pair."""
    if not groups.members:
        return t("each value of column '{column}' stands alone.", column=groups.column)
    ids, first = dataset.table["id"], max(groups.members, key=len)
    facts = {"count": groups.num_rows, "groups": len(groups.members), "one": ids[int(first[0])]}
    facts["other"] = ids[int(first[1])]
    if groups.reason is Reason.COPIES:
        return t("exact copies: {count} examples (groups: {groups}), such as '{one}' and '{other}'.", **facts)
    if groups.reason is Reason.NEAR:
        return t("near duplicates: {count} pictures (groups: {groups}), such as '{one}' and '{other}'.", **facts)
    if groups.reason is Reason.FRAMES:
        return t(
            "frames of one sequence, by their names: {count} (sequences: {groups}), such as '{one}' and '{other}'.",
            **facts,
        )
    if groups.reason is Reason.BURST:
        return t("bursts of one camera: {count} pictures (bursts: {groups}), such as '{one}' and '{other}'.", **facts)
    return t(
        "column '{column}' makes groups: {count} examples (groups: {groups}), such as '{one}' and '{other}'.",
        column=groups.column,
        **facts,
    )


def are_too_many(dataset: Dataset) -> bool:
    """Whether there are more pictures than are compared with each other."""
    return dataset.images is not None and len(dataset) > MAX_PICTURES


def file_names(dataset: Dataset) -> list[str] | None:
    """The file of each example; None where examples are rows of one file.

    Pictures of several sets that were mixed go by their ids, which are their files' names.
    """
    if isinstance(dataset.images, FileImages):
        return list(dataset.images.names)
    if (dataset.signals is None and dataset.images is None) or isinstance(dataset.images, ArrayImages):
        return None
    ids = dataset.ids
    return None if any("#" in name for name in ids) else ids


def components(num_rows: int, found: Iterable[Groups]) -> np.ndarray:
    """A number for each row, from 0 in the order of appearance; rows that must stay together share it."""
    found = [groups for groups in found if groups.members]
    if not found:
        return np.arange(num_rows)
    parent = list(range(num_rows))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for groups in found:
        for members in groups.members:
            first = root(int(members[0]))
            for row in members[1:].tolist():
                low, high = sorted((first, root(row)))
                parent[high] = first = low
    roots = np.array([root(row) for row in range(num_rows)], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].reshape(-1)


def frames(
    names: Sequence[str], drawn: Sequence[Sketch] | None = None, classes: Sequence[str | None] | None = None
) -> list[np.ndarray]:
    """Groups of pictures that their names make frames of one film, slices of one patient, and the like.

    `video12_frame003` says so by a word. `clip-3-0001` says it only if neighbours look more alike than strangers, so
    that `cat.12.jpg` and `raccoon-17.jpg` are no sequences. Where a sequence would be a class (a folder `frames` per
    class), nothing is grouped: each class would be in one split only.

    Args:
        names: files, with '/'.
        drawn: sketches of the pictures, for the likeness.
        classes: of each example, where there are some.
    """
    worded: dict[tuple[str, str], list[tuple[int, int]]] = {}
    plain: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row, name in enumerate(names):
        if (parts := _parts(name)) is not None:
            key, number, has_word = parts
            (worded if has_word else plain).setdefault(key, []).append((number, row))
    found: list[np.ndarray] = []
    for kind, sequences in ((True, worded), (False, plain)):
        ordered = [[row for _, row in sorted(numbered)] for numbered in sequences.values() if len(numbered) > 1]
        num_named, num_rows = sum(map(len, sequences.values())), sum(map(len, ordered))
        is_regular = len(ordered) >= MIN_SEQUENCES and num_rows >= num_named / 2
        if not is_regular or max(map(len, ordered)) > MAX_SHARE * len(names) or _are_classes(ordered, classes):
            continue
        if kind or (num_rows >= 3 * len(ordered) and drawn is not None and _look_alike(ordered, drawn, classes)):
            found += [np.array(sorted(rows), np.int64) for rows in ordered]
    return found


def bursts(drawn: Sequence[Sketch], names: Sequence[str] | None = None) -> list[np.ndarray]:
    """Pictures of one camera, each taken at most 2 s after the one before (EXIF DateTimeOriginal)."""
    of_camera: dict[str, list[tuple[datetime, int]]] = {}
    for row, sketch in enumerate(drawn):
        if sketch.taken is not None and (when := _time(sketch.taken[0])) is not None:
            of_camera.setdefault(sketch.taken[1], []).append((when, row))
    found: list[np.ndarray] = []
    for shots in of_camera.values():
        shots.sort()
        burst = [shots[0][1]]
        for (before, _), (now, row) in itertools.pairwise(shots):
            if now - before > BURST:
                found.append(np.array(sorted(burst), np.int64))
                burst = []
            burst.append(row)
        found.append(np.array(sorted(burst), np.int64))
    limit = min(MAX_BURST, max(2, int(MAX_SHARE * len(drawn))))
    return [rows for rows in found if 1 < len(rows) <= limit]


def _near(drawn: Sequence[Sketch], contents: Sequence[str]) -> tuple[np.ndarray, ...]:
    pairs: Sequence[Pair] = near_duplicates(drawn, contents)
    rows_of: dict[str, list[int]] = {}
    for row, content in enumerate(contents):
        rows_of.setdefault(content, []).append(row)
    for least in (0.0, *STRICTER):
        links = tuple(np.array([pair.row, pair.other]) for pair in pairs if pair.explained >= least)
        numbers = components(len(drawn), [Groups(Reason.NEAR, links)])
        members = [np.flatnonzero(numbers == number) for number in np.flatnonzero(np.bincount(numbers) > 1)]
        if all(len(rows) <= max(20, MAX_SHARE * len(drawn)) for rows in members):
            return tuple(_with_copies(rows, rows_of, contents) for rows in members)
    return ()


def _with_copies(rows: np.ndarray, rows_of: dict[str, list[int]], contents: Sequence[str]) -> np.ndarray:
    """Only the first of equal pictures is compared; the others belong where it belongs."""
    return np.array(sorted({other for row in rows for other in rows_of[contents[int(row)]]}), np.int64)


def _parts(name: str) -> tuple[tuple[str, str], int, bool] | None:
    """((folder, sequence), running number, whether a word says so) of a file name; None without a number at its end."""
    path = PurePosixPath(name)
    found = re.fullmatch(r"(.*?)(\d{1,12})", path.stem, re.DOTALL)
    if found is None:
        return None
    prefix = found[1].rstrip("-_. ")
    word = re.search(r"(?:^|(?<=[^a-z]))[a-z]+$", prefix.lower())
    has_word = word is not None and word[0] in SEQUENCE_WORDS
    if has_word and word is not None:
        prefix = prefix[: word.start()].rstrip("-_. ")
    folders = [part for part in path.parent.parts if part.lower() not in SPLIT_FOLDERS]
    # A numbered film or patient is the same in whatever folder a part of it lies.
    folder = "" if any(letter.isdigit() for letter in prefix) else "/".join(folders)
    return (folder, prefix), int(found[2]), has_word


def _are_classes(sequences: Sequence[Sequence[int]], classes: Sequence[str | None] | None) -> bool:
    """Whether most classes lie in one sequence each."""
    if classes is None:
        return False
    sequences_of: dict[str, set[int]] = {}
    for number, rows in enumerate(sequences):
        for row in rows:
            if (label := classes[row]) is not None:
                sequences_of.setdefault(label, set()).add(number)
    alone = sum(len(numbers) == 1 for numbers in sequences_of.values())
    return len(sequences_of) > 1 and alone > len(sequences_of) / 2


def _look_alike(
    sequences: Sequence[Sequence[int]], drawn: Sequence[Sketch], classes: Sequence[str | None] | None
) -> bool:
    """Whether neighbours of a sequence are more alike than pictures of different ones (of one class)."""
    rng = np.random.default_rng(0)
    neighbours = [pair for rows in sequences for pair in itertools.pairwise(rows)]
    chosen = rng.permutation(len(neighbours))[:NUM_COMPARED]
    close = [correlation(drawn[neighbours[i][0]], drawn[neighbours[i][1]]) for i in chosen.tolist()]
    far: list[float | None] = []
    for _ in range(20 * NUM_COMPARED):
        one, other = rng.choice(len(sequences), 2, replace=False).tolist()
        row, stranger = (sequences[i][int(rng.integers(len(sequences[i])))] for i in (one, other))
        if classes is None or classes[row] == classes[stranger]:
            far.append(correlation(drawn[row], drawn[stranger]))
        if len(far) == NUM_COMPARED:
            break
    alike = np.array([value for value in close if value is not None])
    strangers = np.array([value for value in far if value is not None])
    if len(alike) < 3 or len(strangers) < 3:
        return False
    chance = float((alike[:, None] > strangers[None]).mean())
    return float(np.median(alike)) >= ALIKE and chance >= MORE_ALIKE


def _classes(dataset: Dataset) -> list[str | None] | None:
    target = dataset.target
    if target is None or target.kind is not TargetKind.CLASS:
        return None
    return dataset.table[target.columns[0]].to_list()


def _equal(column: pl.Series) -> list[np.ndarray]:
    """Rows of each value that stands twice or more, in the order of appearance."""
    rows = np.flatnonzero((column.is_duplicated() & column.is_not_null()).to_numpy())
    rows_of: dict[object, list[int]] = {}
    for row, value in zip(rows.tolist(), column.gather(rows).to_list(), strict=True):
        rows_of.setdefault(value, []).append(row)
    return [np.array(members, np.int64) for members in rows_of.values()]


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
