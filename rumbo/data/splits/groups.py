"""Examples that belong together: exact copies, a column of groups, near duplicates, frames of one film, bursts."""

import hashlib
import itertools
import re
from collections import Counter
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
"""Where no word says that there are some."""
MAX_SHARE = 0.3
"""Of all examples in one detected group; a larger one needs better evidence."""
MIN_LARGE = 20
"""Pictures; a group of no more than these is none too large."""
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
MAX_PER_SECOND = 30
"""Pictures that a camera takes; with more the clock stands still too."""
STRICTER = (0.98, 0.99, 0.995)
"""Shares of explained detail that are asked for where near duplicates would chain into a group that is too large."""
CORE = 0.5
"""Share of a large group which, joined at the strictest level, shows that all of it is one picture."""
ALONE = 0.9
"""Share of a class in one sequence with which that sequence is the class."""


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
        notes: what was seen and could not be kept together, finished sentences.
    """

    reason: Reason
    members: tuple[np.ndarray, ...]
    column: str = ""
    notes: tuple[str, ...] = ()

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
    """What pictures, names and cameras show: near duplicates, frames, bursts; only kinds that were found, or noted.

    Args:
        dataset: the examples.
        column: groups that are known; what they hold already is not told again.
    """
    names = file_names(dataset)
    contents = dataset.table["content"].to_list()
    drawn = None
    if dataset.images is not None and not are_too_many(dataset):
        drawn = sketches(dataset.images, contents)
    found: list[Groups] = []
    if drawn is not None:
        members, loose = _near(drawn, contents)
        found.append(Groups(Reason.NEAR, members, notes=_chain_notes(dataset.ids, loose)))
    if names is not None:
        notes = () if column is not None else _film_notes(names, _classes(dataset))
        found.append(Groups(Reason.FRAMES, tuple(frames(names, drawn, _classes(dataset))), notes=notes))
    if drawn is not None and names is not None:
        found.append(Groups(Reason.BURST, tuple(bursts(drawn, names))))
    if column is not None:
        of_row = components(len(dataset), [column])
        found = [
            replace(groups, members=tuple(rows for rows in groups.members if len({*of_row[rows]}) > 1))
            for groups in found
        ]
    return [groups for groups in found if groups.members or groups.notes]


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

    `video12_frame003` says so by a word, however large a film is; one film that is all there is cannot be split, and
    is no group. `clip-3-0001` says it only if neighbours look more alike than strangers, so
    that `cat.12.jpg` and `raccoon-17.jpg` are no sequences. Where a sequence would be a class (a folder `frames` per
    class), nothing is grouped: each class would be in one split only.

    Args:
        names: files, with '/'.
        drawn: sketches of the pictures, for the likeness.
        classes: of each example, where there are some.
    """
    worded, plain = _sequences(names)
    found = [sorted(rows) for rows in worded if 1 < len(rows) < len(names)]
    if _are_classes(found, classes):
        found = []
    ordered = [rows for rows in plain if len(rows) > 1]
    num_rows = sum(map(len, ordered))
    is_regular = len(ordered) >= MIN_SEQUENCES and num_rows >= max(sum(map(len, plain)) / 2, 3 * len(ordered))
    if is_regular and max(map(len, ordered)) <= MAX_SHARE * len(names) and not _are_classes(ordered, classes):
        found += ordered if drawn is not None and _look_alike(ordered, drawn, classes) else []
    return [np.array(sorted(rows), np.int64) for rows in found]


def _sequences(names: Sequence[str]) -> tuple[list[list[int]], list[list[int]]]:
    """Rows of each numbered sequence, in its order: those that a word makes one, and the others."""
    found: dict[bool, dict[tuple[str, str], list[tuple[int, int]]]] = {True: {}, False: {}}
    for row, name in enumerate(names):
        if (parts := _parts(name)) is not None:
            key, number, has_word = parts
            found[has_word].setdefault(key, []).append((number, row))
    worded, plain = ([[row for _, row in sorted(rows)] for rows in found[kind].values()] for kind in (True, False))
    return worded, plain


def _film_notes(names: Sequence[str], classes: Sequence[str | None] | None) -> tuple[str, ...]:
    """Told where all examples are one film, or each class is one: they are dealt out nonetheless."""
    worded = [rows for rows in _sequences(names)[0] if len(rows) > 1]
    if worded and len(worded[0]) < len(names) and _are_classes(worded, classes):
        return (
            t(
                "by their names, such as '{one}', most classes are frames of one film each: dev and test resemble "
                "train, and results say little about another film.",
                one=names[worded[0][0]],
            ),
        )
    if len(names) < 2 or [len(rows) for rows in worded] != [len(names)]:
        return ()
    return (
        t(
            "by their names, such as '{one}', all examples are frames of one film: dev and test resemble train, and "
            "results say little about another film.",
            one=names[worded[0][0]],
        ),
    )


def bursts(drawn: Sequence[Sketch], names: Sequence[str] | None = None) -> list[np.ndarray]:
    """Pictures of one camera, each taken at most 2 s after the one before (EXIF DateTimeOriginal)."""
    of_camera: dict[str, list[tuple[datetime, int]]] = {}
    for row, sketch in enumerate(drawn):
        if sketch.taken is not None and (when := _time(sketch.taken[0])) is not None:
            of_camera.setdefault(sketch.taken[1], []).append((when, row))
    found: list[np.ndarray] = []
    for shots in of_camera.values():
        shots.sort()
        burst = shots[:1]
        for (before, _), (now, row) in itertools.pairwise(shots):
            if now - before > BURST:
                found += _burst(burst)
                burst = []
            burst.append((now, row))
        found += _burst(burst)
    return [rows for rows in found if 1 < len(rows) <= min(MAX_BURST, len(drawn) - 1)]


def _burst(shots: Sequence[tuple[datetime, int]]) -> list[np.ndarray]:
    """The rows of a burst in one list; none where so many within so short a time show a clock that stands still."""
    num_seconds = (shots[-1][0] - shots[0][0]).total_seconds() + 1
    rows = np.array(sorted(row for _, row in shots), np.int64)
    return [rows] if len(rows) <= MAX_PER_SECOND * num_seconds else []


def _near(drawn: Sequence[Sketch], contents: Sequence[str]) -> tuple[tuple[np.ndarray, ...], list[int]]:
    """Groups of near duplicates, and the rows that a chain of small steps joins, but no pair of true copies."""
    rows_of: dict[str, list[int]] = {}
    for row, content in enumerate(contents):
        rows_of.setdefault(content, []).append(row)
    found: list[np.ndarray] = []
    loose: list[int] = []
    for rows in _joined(len(drawn), near_duplicates(drawn, contents)):
        if len(rows) <= max(MIN_LARGE, MAX_SHARE * len(drawn)):
            found.append(rows)
            continue
        kept = _tightened(drawn, contents, rows, max(MIN_LARGE, int(MAX_SHARE * len(drawn))))
        found += kept
        loose += sorted({*rows.tolist()} - {row for members in kept for row in members.tolist()})
    return tuple(_with_copies(rows, rows_of, contents) for rows in found), loose


def _tightened(drawn: Sequence[Sketch], contents: Sequence[str], rows: np.ndarray, limit: int) -> list[np.ndarray]:
    """What is left of a large group where more likeness is asked for: all of it where most of it is one picture."""

    def pieces_of(rows: np.ndarray, least: float) -> list[np.ndarray]:
        part = near_duplicates([drawn[int(row)] for row in rows], [contents[int(row)] for row in rows], least)
        return [rows[places] for places in _joined(len(rows), part)]

    strictest = pieces_of(rows, STRICTER[-1])
    if max(map(len, strictest), default=0) >= CORE * len(rows):
        return [rows]
    found: list[np.ndarray] = []
    large = [rows]
    for least in STRICTER[:-1]:
        pieces = [piece for rows in large for piece in pieces_of(rows, least)]
        found += [piece for piece in pieces if len(piece) <= limit]
        large = [piece for piece in pieces if len(piece) > limit]
    # What is large even so is kept: pair by pair it holds true copies.
    return found + [piece for rows in large for piece in pieces_of(rows, STRICTER[-1])]


def _joined(num_rows: int, pairs: Sequence[Pair]) -> list[np.ndarray]:
    """Rows of each group that pairs make."""
    numbers = components(num_rows, [Groups(Reason.NEAR, tuple(np.array([pair.row, pair.other]) for pair in pairs))])
    return [np.flatnonzero(numbers == number) for number in np.flatnonzero(np.bincount(numbers) > 1)]


def _chain_notes(ids: Sequence[str], loose: Sequence[int]) -> tuple[str, ...]:
    if not loose:
        return ()
    return (
        t(
            "pictures that look alike in a long chain of small steps, but are no copies: {count}, such as '{one}'; "
            "they are not kept together. Where they are of one scene or person, name the column that says so: --set "
            "data.split.group=COLUMN (rumbo split: --group COLUMN).",
            count=len(loose),
            one=ids[loose[0]],
        ),
    )


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
    """Whether most classes lie in one sequence each, and not all in the same one."""
    if classes is None:
        return False
    sequence_of = {row: number for number, rows in enumerate(sequences) for row in rows}
    places: dict[str, Counter[int | None]] = {}
    for row, label in enumerate(classes):
        if label is not None:
            places.setdefault(label, Counter())[sequence_of.get(row)] += 1
    alone: list[int] = []
    num_classes = 0
    for counts in places.values():
        number, most = max(((n, c) for n, c in counts.items() if n is not None), key=lambda x: x[1], default=(None, 0))
        num_classes += number is not None
        if number is not None and most >= ALONE * counts.total():
            alone.append(number)
    if len(sequences) == 1:
        return len(alone) == 1 and len(places) > 1
    return len(set(alone)) > 1 and len(alone) > num_classes / 2


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
