"""Corrections: a small file laid over a data set whose own files are never touched."""

import csv
import dataclasses
import io
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rumbo.core.errors import DataError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.data.manifest import BOX, POINT, SPLITS, Dataset, Target, TargetKind
from rumbo.data.marks import EXAMPLES, read_marks

MADE_TARGETS = {
    "class": (TargetKind.CLASS, pl.String()),
    "boxes": (TargetKind.BOXES, pl.List(BOX)),
    "points": (TargetKind.POINTS, pl.List(POINT)),
}
"""Fields that corrections can give to a set without labels."""
FIELDS = ("id", "field", "value", "who", "when", "why")


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One changed value of one example.

    Attributes:
        id: the example, as the manifest names it.
        field: a column: the target's, a feature, `split`, `source`, `group`, `weight` or `tags`.
        value: the new value as text; JSON for boxes, points and tags; empty = missing.
        who: who decided.
        when: ISO 8601, with its offset from UTC.
        why: the reason, in the words of who decided.
    """

    id: str
    field: str
    value: str
    who: str = ""
    when: str = ""
    why: str = ""


def read_corrections(path: str | Path) -> tuple[Correction, ...]:
    """Read a corrections file: CSV with a header, the columns of `Correction`.

    Raises:
        UsageError: there is no such file.
        DataError: it is no such table; line and column are named.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(t("'{path}' does not exist; it should hold corrections.", path=path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(t("'{path}' is not UTF-8 text: {problem}.", path=path, problem=str(problem))) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[Correction] = []
    try:
        header = next(reader, [])
        if header and ";" in header[0] and len(header) == 1:  # as a spreadsheet with decimal commas writes it
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
            header = next(reader, [])
        if missing := [name for name in FIELDS[:3] if name not in header]:
            raise DataError(
                t(
                    "'{path}' lacks the columns {missing}; it has {met}, and a corrections file {columns}.",
                    path=path,
                    met=", ".join(header) or t("none"),
                    missing=", ".join(missing),
                    columns=", ".join(FIELDS),
                )
            )
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise DataError(
                    t(
                        "'{path}', line {line}: {count} fields, but the header has {wanted}.",
                        path=path,
                        line=reader.line_num,
                        count=len(row),
                        wanted=len(header),
                    )
                )
            entry = dict(zip(header, row, strict=True))
            found.append(Correction(**{name: entry.get(name, "") for name in FIELDS}))
    except csv.Error as problem:
        message = t("'{path}', line {line}: {problem}.", path=path, line=reader.line_num, problem=str(problem))
        raise DataError(message) from None
    return tuple(found)


def append_corrections(path: str | Path, corrections: Sequence[Correction]) -> None:
    """Write corrections behind those that a file has; a later one of the same id and field counts.

    The whole file is written anew beside itself and then renamed: a crash leaves the old or the new one.
    """
    path = Path(path)
    addition = _as_csv(map(dataclasses.astuple, corrections))
    with _alone(path):
        kept = path.read_bytes() if path.exists() else b""
        header = _as_csv([FIELDS])
        if not kept.startswith(header) or not kept.endswith(b"\n"):  # new, or written by another program
            earlier = read_corrections(path) if path.exists() else ()
            kept = header + _as_csv(map(dataclasses.astuple, earlier))
        new = path.with_name(f".{path.name}.new")
        with new.open("wb") as file:
            file.write(kept + addition)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process at a time writes beside a file; the kernel gives the lock back when its holder dies."""
    with path.with_name(f".{path.name}.lock").open("wb") as lock:
        try:
            import fcntl
        except ImportError:  # Windows: one page at a time
            yield
            return
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


def corrected(dataset: Dataset, corrections: Sequence[Correction]) -> Dataset:
    """A data set with corrections laid over it; of several for one id and field, the last counts.

    New class names become classes. Where the set has no target, `class`, `boxes` or `points` become it. A correction of
    `tags` takes a JSON list of texts.

    Raises:
        DataError: an id that the set lacks, or a value that does not fit its column.
        UnknownName: a field that is no column.
    """
    if not corrections:
        return dataset
    row_of = {name: row for row, name in enumerate(dataset.ids)}
    by_field: dict[str, dict[int, Correction]] = {}
    for correction in corrections:
        if correction.id not in row_of:
            raise DataError(
                t("a correction names '{id}', which is not in '{path}'.", id=correction.id, path=dataset.path)
            )
        by_field.setdefault(correction.field, {})[row_of[correction.id]] = correction
    if dataset.target is None and (made := [field for field in MADE_TARGETS if field in by_field]):
        dataset = _with_target(dataset, made[0])
    table = dataset.table
    for field, changes in by_field.items():
        table = table.with_columns(_changed(dataset, field, changes))
    target = dataset.target
    if target is not None and target.kind in (TargetKind.CLASS, TargetKind.BOXES):
        met = _class_names(table, target.columns[0])
        new = sorted(met - set(target.classes))
        target = dataclasses.replace(target, classes=(*target.classes, *new))
    if target is not None and target.kind is TargetKind.POINTS and not target.classes:
        most = table[target.columns[0]].list.len().max() or 0
        target = dataclasses.replace(target, classes=tuple(map(str, range(int(most)))))  # pyright: ignore[reportArgumentType]
    sentence = t("{count} corrections were laid over the data.", count=sum(map(len, by_field.values())))
    return dataclasses.replace(dataset, table=table, target=target, decisions=(*dataset.decisions, sentence))


def labelled_rows(dataset: Dataset) -> Dataset:
    """A set without the examples that nobody has labelled yet.

    Raises:
        DataError: none is labelled.
    """
    target = dataset.target
    if target is None or not target.columns:
        return dataset
    missing = dataset.table.select(pl.all_horizontal(pl.col(target.columns).is_null())).to_series()
    if not missing.any():
        return dataset
    if missing.all():
        raise DataError(t("the corrections leave no example of '{path}' with a label.", path=dataset.path))
    sentence = t(
        "examples without a label, also in the corrections, that were left out: {count}.", count=int(missing.sum())
    )
    return dataclasses.replace(dataset.take((~missing).to_numpy()), decisions=(*dataset.decisions, sentence))


def _with_target(dataset: Dataset, field: str) -> Dataset:
    """A set without labels, with an empty column for those that corrections give."""
    kind, dtype = MADE_TARGETS[field]
    target = Target(columns=(field,), kind=kind, reason=t("the corrections give '{field}'.", field=field))
    table = dataset.table.with_columns(pl.lit(None, dtype=dtype).alias(field))
    return dataclasses.replace(dataset, table=table, target=target)


def _changed(dataset: Dataset, field: str, changes: dict[int, Correction]) -> pl.Series:
    table = dataset.table
    optional = {"split": pl.String, "source": pl.String, "group": pl.String, "weight": pl.Float64}
    optional["tags"] = pl.List(pl.String)
    if field in ("id", "content") or (field not in table.columns and field not in optional):
        allowed = [name for name in (*table.columns, *optional) if name not in ("id", "content")]
        raise unknown_name("field", field, allowed)
    if field == "split":
        _check_splits(dataset, changes)
    absent = 1.0 if field == "weight" else None
    column = (
        table[field] if field in table.columns else pl.Series(field, [absent] * table.height, dtype=optional[field])
    )
    values = column.to_list()
    for row, correction in changes.items():
        values[row] = _parsed(correction, column.dtype)
    try:
        return pl.Series(field, values, dtype=column.dtype)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as problem:
        raise DataError(
            t("a correction of '{field}' does not fit its column: {problem}.", field=field, problem=str(problem)[:200])
        ) from None


def _check_splits(dataset: Dataset, changes: dict[int, Correction]) -> None:
    if "split" not in dataset.table.columns:
        raise DataError(
            t(
                "corrections of 'split' change splits that the data bring along, and '{path}' has none. Deal it out "
                "with `rumbo split --out FILE`, and correct that file.",
                path=dataset.path,
            )
        )
    for correction in changes.values():
        if correction.value not in SPLITS:
            raise DataError(
                t(
                    "the correction of 'split' of '{id}' to '{value}' is none of {splits}.",
                    id=correction.id,
                    value=correction.value,
                    splits=", ".join(SPLITS),
                )
            )


def _parsed(correction: Correction, dtype: pl.DataType) -> object:
    if correction.value == "":
        return None
    if dtype == pl.String:
        return correction.value
    try:
        if dtype.is_nested():
            return read_marks(correction.field, correction.value)
        number = float(correction.value) if dtype.is_float() else int(correction.value)
        if not math.isfinite(number) or (correction.field == "weight" and number < 0):
            raise ValueError(t("it is out of range"))
    except ValueError as problem:
        reason = "" if isinstance(problem, json.JSONDecodeError) or not dtype.is_nested() else f" ({problem})"
        raise DataError(
            t(
                "the correction of '{field}' of '{id}' to '{value}' is no value of that column{reason}; it takes "
                "{kind}.",
                field=correction.field,
                id=correction.id,
                value=correction.value[:80],
                reason=reason,
                kind=_kind_of(correction.field, dtype),
            )
        ) from None
    return number


def _kind_of(field: str, dtype: pl.DataType) -> str:
    """What a column takes, for people."""
    if field == "weight":
        return t("a number from 0 on")
    if dtype.is_nested():
        return t("a JSON list such as {example}", example=EXAMPLES[field])
    return t("a number") if dtype.is_numeric() else t("text")


def _class_names(table: pl.DataFrame, column: str) -> set[str]:
    names = table[column].drop_nulls()
    if names.dtype == pl.String:
        return set(names.to_list())
    return set(names.explode().drop_nulls().struct.field("class").to_list())
