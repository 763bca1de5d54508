"""What readers of one signal a file share: looking at each file once, classes from folders, one manifest."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from rumbo.core.errors import DataError, unknown_name
from rumbo.core.messages import t
from rumbo.data.files import Files, count_by_extension, safe_name
from rumbo.data.manifest import Dataset, SignalKind, Target, TargetKind
from rumbo.data.pictures.decode import BadItem
from rumbo.data.readers import Request
from rumbo.data.readers.folders import SPLIT_OF_FOLDER, each_file, places, splits_only
from rumbo.data.signals.sources import FileSignals
from rumbo.data.target import Choice, read_labels

COLUMN = "class"


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at a file found.

    Attributes:
        name: the file.
        content: sha256 of its bytes; "" when it could not be read.
        size: the shape that the signal has.
        facts: what a reader wants to know of each, such as the encoding.
        problem: why it cannot be used, a finished sentence; None when it can.
    """

    name: str
    content: str
    size: tuple[int, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """Files with what their folders say.

    Attributes:
        names: the files, in order.
        splits: the split of each; empty when folders do not say.
        labels: the class of each; empty when there are no classes.
        reason: where the classes are from, a finished sentence; None for the folders.
    """

    names: list[str]
    splits: list[str]
    labels: list[str]
    reason: str | None = None


def look_at_each(
    files: Files, names: Sequence[str], measure: Callable[[bytes, str], tuple[tuple[int, ...], dict[str, Any]]]
) -> list[Look]:
    """Read each file once; what `measure` raises as DataError is why the file cannot be used."""

    def look(name: str) -> Look:
        content = ""
        try:
            data = files.read(name)
            content = hashlib.sha256(data).hexdigest()
            size, facts = measure(data, name)
        except DataError as problem:
            return Look(name=name, content=content, problem=str(problem))
        return Look(name=name, content=content, size=size, facts=facts)

    return each_file(look, names)


def classes_of(names: Sequence[str], request: Request, decisions: list[str]) -> Found:
    """Two or more class folders make classes; train, dev and test folders make splits."""
    if request.target not in (None, COLUMN):
        raise unknown_name("column", request.target or "", [COLUMN])
    splits = splits_only(names)
    found = places(names)
    is_flat = all(label.lower() in SPLIT_OF_FOLDER for label in found.labels)
    if not request.labelled or is_flat or (len(set(found.labels)) < 2 and request.target is None):
        return Found(names=list(names), splits=splits or [], labels=[])
    if len(found.names) < len(names):
        decisions.append(
            t(
                "files left out, since they lie outside of the class folders: {count}.",
                count=len(names) - len(found.names),
            )
        )
    return Found(names=found.names, splits=found.splits, labels=found.labels)


def signal_dataset(
    files: Files,
    reader: str,
    kind: SignalKind,
    found: Found,
    looks: Sequence[Look],
    decode: Callable[[bytes, str], Any],
    request: Request,
    decisions: Sequence[str],
    *,
    columns: Sequence[pl.Series] = (),
    rate_hz: float | None = None,
    code: str,
) -> Dataset:
    """The manifest of one signal a file.

    Args:
        files: where they are.
        reader: the format.
        kind: what they are.
        found: the files, their splits and classes.
        looks: what was found in each, in that order.
        decode: what `SignalSource.read` does with a file's bytes and name.
        request: how the set is wanted.
        decisions: what the reader found out.
        columns: more columns, one entry for each file.
        rate_hz: samples a second, where all have the same.
        code: the check that unusable files count under.
    """
    rows = [row for row, look in enumerate(looks) if look.problem is None]
    bad = tuple(BadItem(-1, safe_name(look.name), look.problem, code) for look in looks if look.problem is not None)
    if not rows:
        raise DataError(
            t(
                "none of the {count} files of '{path}' can be used. {reason}",
                count=len(looks),
                path=files.path,
                reason=bad[0].reason if bad else "",
            )
        )
    series = [
        pl.Series("id", [safe_name(look.name) for look in looks]),
        pl.Series("content", [look.content for look in looks]),
        *([pl.Series("split", found.splits)] if found.splits else []),
        *columns,
    ]
    table, target, sentences = pl.DataFrame(series)[rows], None, list(decisions)
    if request.labelled and found.labels:
        labels = [found.labels[row] for row in rows]
        choice = Choice((COLUMN,), None, found.reason or t("the folder names are the classes."))
        read_as = read_labels(pl.DataFrame({COLUMN: labels}), choice, request.task or "classify")
        table, target = table.with_columns(*read_as.columns), read_as.target
        counts = Counter(labels)
        shares = ", ".join(f"{name} {counts[name]}" for name in sorted(counts)[:30])
        sentences.insert(0, t("files by class: {counts}.", counts=shares))
    elif request.labelled:
        reason = t("there are no class folders: these are examples without labels, to continue or to copy.")
        target = Target(columns=(), kind=TargetKind.NOTHING, reason=reason)
    others = sorted(set(files.names()) - {look.name for look in looks})
    if others:
        sentences.append(t("other files were left alone: {counts}.", counts=count_by_extension(others)))
    if files.num_links:
        sentences.append(t("links that were not followed: {count}.", count=files.num_links))
    return Dataset(
        path=files.path,
        format=reader,
        table=table,
        target=target,
        signals=FileSignals(
            kind, files, [looks[row].name for row in rows], decode, [looks[row].size for row in rows], rate_hz
        ),
        decisions=tuple(sentences),
        bad=bad,
    )


def without_empty(data: Dataset) -> Dataset:
    """Examples of no length at all become bad ones.

    Raises:
        DataError: nothing is left.
    """
    signals = data.signals
    if signals is None:
        return data
    is_empty = np.array([signals.size(row)[0] == 0 for row in range(len(signals))], dtype=bool)
    if is_empty.all():
        raise DataError(t("'{path}' holds no examples.", path=data.path))
    bad = tuple(
        BadItem(-1, data.ids[row], t("'{id}' has no points.", id=data.ids[row]), f"{signals.kind.value}.bad")
        for row in np.flatnonzero(is_empty).tolist()
    )
    return dataclasses.replace(data.take(~is_empty), bad=(*data.bad, *bad)) if bad else data
