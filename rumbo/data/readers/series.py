"""Series: joined arrays with offsets in an .npz; UCR text files; dated values in a CSV; a CSV per series in splits."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.delimited import parse_delimited
from rumbo.data.files import Files, extension, gunzipped, picture_names, safe_name
from rumbo.data.manifest import Dataset, SignalKind, Target, TargetKind, row_ids
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.dated import dated_series, is_dated
from rumbo.data.readers.folders import splits_only
from rumbo.data.readers.npz import archive_names, label_texts, read_arrays, read_shapes
from rumbo.data.readers.signal_files import Found, look_at_each, signal_dataset, without_empty
from rumbo.data.readers.strokes import contents_of, offsets_of
from rumbo.data.readers.ucr import ucr_names, ucr_rows
from rumbo.data.signals.sources import JoinedSignals, decode_text
from rumbo.data.target import Choice, choose_target, read_labels, to_numbers

COLUMN = "label"
MIN_ALIKE = 2 / 3
"""Share of the tables looked at that must have the same columns to be series."""
SAMPLE_ROWS = 50
_VALUES = ("signal", "signals", "series", "values", "data", "x")
_LABELS = ("labels", "label", "y", "target", "targets")
_RATES = ("fs", "rate_hz", "rate", "sampling_rate", "sample_rate", "hz")
_NUMBERED = re.compile(r"(.*?)[ _.-]?\d+")


def recognizes(files: Files) -> bool:
    """Whether there are series in one of the four forms, and no pictures."""
    return not picture_names(files.names()) and bool(
        _joined(files) or ucr_names(files) or _dated(files) or _scores(files)
    )


def read(files: Files, request: Request) -> Dataset:
    """The manifest: one example a series."""
    joined, ucr = _joined(files), ucr_names(files)
    if joined or ucr:
        sets = [*archive_names(files), *ucr] if ucr else joined
        if (joined and ucr) or len(joined) > 1:
            names = ", ".join(f"'{name}'" for name in sets)
            raise DataError(
                t(
                    "'{path}' holds {count} data sets: {names}. Give one of them, such as '{example}'.",
                    path=files.path,
                    count=len(sets),
                    names=names,
                    example=files.path / sets[0],
                )
            )
        return _read_joined(files, joined[0], request) if joined else _read_ucr(files, ucr, request)
    # Asked for as a table; without labels the columns are those that a model of tables was trained on.
    if request.target is not None or request.task is not None or not request.labelled:
        return formats.get("table").read(files, request)
    return _read_dated(files, _dated(files), request) if _dated(files) else _read_scores(files, request)


def _joined(files: Files) -> list[str]:
    """The .npz files of joined values with offsets."""
    found: list[str] = []
    for name in archive_names(files):
        shapes = read_shapes(files, name)
        if "offsets" in shapes and any(1 <= len(shapes.get(key, ())) <= 2 for key in _VALUES):
            found.append(name)
    return found


def _dated(files: Files) -> list[str]:
    """The tables of dates and values, when all tables are such."""
    names = _tables(files)
    return names if names and all(is_dated(files.read(name), name) for name in names) else []


def _scores(files: Files) -> list[str]:
    """One table a series: several in a train folder, all columns numbers of one numbered name (note0, note1 ...)."""
    names = _tables(files)
    splits = splits_only(names) if len(names) > 2 else None
    if (
        splits is None
        or splits.count("train") < 2
        or any(re.search(r"part|shard|chunk", name.lower()) for name in names)
    ):
        return []
    header, fraction = _usual_header(files, names)
    return names if header and fraction >= MIN_ALIKE else []


def _usual_header(files: Files, names: Sequence[str]) -> tuple[str, float]:
    """The most frequent columns in some of the tables, and how many of them have these."""
    headers = Counter(_score_header(files, name) for name in names[:: max(1, len(names) // 5)])
    header, count = headers.most_common(1)[0]
    return header, count / headers.total()


def _score_header(files: Files, name: str) -> str:
    """The columns of a table whose columns are alike and all numbers; "" for another."""
    try:
        frame = parse_delimited(files.read(name), name, SAMPLE_ROWS).frame
    except DataError:
        return ""
    stems = {match[1] if (match := _NUMBERED.fullmatch(column)) else column for column in frame.columns}
    is_number = frame.height > 1 and all(to_numbers(column).null_count() == 0 for column in frame.iter_columns())
    return "\n".join(frame.columns) if is_number and len(stems) == 1 else ""


def _tables(files: Files) -> list[str]:
    return [name for name in files.names() if extension(name) in ("csv", "tsv", "tab")]


def _read_joined(files: Files, name: str, request: Request) -> Dataset:
    arrays = read_arrays(files.read(name), name)
    key = next(key for key in _VALUES if key in arrays and 1 <= arrays[key].ndim <= 2)
    values = arrays[key]
    if values.dtype.kind not in "biuf":
        kind = str(values.dtype)
        raise DataError(t("'{key}' in '{name}' holds {kind}, not numbers: refused.", key=key, name=name, kind=kind))
    offsets = offsets_of(arrays, "offsets", len(values), name)
    rate = next((arrays[key] for key in _RATES if key in arrays and arrays[key].size == 1), None)
    rate_hz = float(rate.reshape(-1)[0]) if rate is not None and rate.dtype.kind in "iuf" else None
    number = len(offsets) - 1
    columns = {"id": row_ids(safe_name(name), number), "content": contents_of(values, offsets)}
    names = arrays.get("names")
    if names is not None and names.shape == (number,) and names.dtype.kind in "US":
        columns["name"] = label_texts(names, number, name)
    labels = next((label_texts(arrays[key], number, name) for key in _LABELS if key in arrays), None)
    signals = JoinedSignals(SignalKind.SERIES, values, offsets[:-1], offsets[1:], rate_hz)
    return _array_dataset(files, name, pl.DataFrame(columns), labels, signals, request)


def _read_ucr(files: Files, names: Sequence[str], request: Request) -> Dataset:
    parts = {("test" if "_test." in name.lower() else "train"): name for name in names}
    if len(parts) < len(names):
        listed = ", ".join(names)
        raise DataError(
            t(
                "'{path}' holds {count} data sets: {names}. Give one of them, such as '{example}'.",
                path=files.path,
                count=len(names),
                names=listed,
                example=files.path / names[0],
            )
        )
    rows: list[np.ndarray] = []
    ids: list[str] = []
    splits: list[str] = []
    labels: list[str] = []
    for split, name in sorted(parts.items(), reverse=True):  # train, then test
        part = ucr_rows(decode_text(gunzipped(files.read(name), name), name), name)
        ids += row_ids(safe_name(name), len(part))
        splits += [split] * len(part)
        labels += [str(int(row[0])) if row[0] == int(row[0]) else str(row[0]) for row in part]
        rows += [row[1:] for row in part]
    lengths = [len(row) for row in rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = np.concatenate(rows)
    columns = {"id": ids, "content": contents_of(values, offsets), **({"split": splits} if len(parts) > 1 else {})}
    signals = JoinedSignals(SignalKind.SERIES, values, offsets[:-1], offsets[1:])
    return _array_dataset(files, ", ".join(names), pl.DataFrame(columns), labels, signals, request)


def _array_dataset(
    files: Files,
    name: str,
    table: pl.DataFrame,
    labels: Sequence[str] | None,
    signals: JoinedSignals,
    request: Request,
) -> Dataset:
    """The manifest of series that are rows of one array."""
    lengths = signals.stops - signals.starts
    decisions = [
        t(
            "'{name}': {count} series of {low} to {high} steps, {features} value(s) a step{rate}.",
            name=name,
            count=len(signals),
            low=int(lengths.min()),
            high=int(lengths.max()),
            features=signals.values.shape[1],
            rate="" if signals.rate_hz is None else t(", {rate} a second", rate=f"{signals.rate_hz:g}"),
        )
    ]
    target: Target | None = None
    if request.labelled and labels is not None:
        frame = pl.DataFrame({COLUMN: labels})
        beside = Choice((COLUMN,), None, t("the labels stand beside the series."))
        choice = beside if request.target is None else choose_target([COLUMN], request.target)
        read_as = read_labels(frame, choice, request.task or "classify")
        table, target = table.with_columns(*read_as.columns), read_as.target
    elif request.labelled:
        target = _nothing()
    data = Dataset(
        path=files.path,
        format="series",
        table=table,
        target=target,
        signals=signals,
        decisions=tuple(decisions),
    )
    return without_empty(data)


def _nothing() -> Target:
    reason = t("these are series without labels, to forecast or to continue.")
    return Target(columns=(), kind=TargetKind.NOTHING, reason=reason)


def _read_dated(files: Files, names: Sequence[str], request: Request) -> Dataset:
    """One series a file; steps that are missing are told."""
    series = [dated_series(files.read(name), name) for name in names]
    offsets = np.concatenate([[0], np.cumsum([len(one.values) for one in series])]).astype(np.int64)
    values = np.concatenate([one.values for one in series])
    rates = {one.rate_hz for one in series}
    contents = [one.content for one in series]
    return Dataset(
        path=files.path,
        format="series",
        table=pl.DataFrame({"id": [safe_name(name) for name in names], "content": contents}),
        target=_nothing(),
        signals=JoinedSignals(
            SignalKind.SERIES, values, offsets[:-1], offsets[1:], rates.pop() if len(rates) == 1 else None
        ),
        decisions=(
            *(sentence for one in series for sentence in one.decisions),
            t("a table of dates and one column is read as a series; with a target it is read as a table."),
        ),
    )


def _read_scores(files: Files, request: Request) -> Dataset:
    names = _scores(files)
    found = Found(names=names, splits=splits_only(names) or [], labels=[])
    width = _usual_header(files, names)[0].count("\n") + 1

    def measure(data: bytes, name: str) -> tuple[tuple[int, ...], dict[str, object]]:
        shape = decode_score(data, name).shape
        if shape[1] != width:
            raise DataError(
                t("'{name}' has {met} columns; the others have {expected}.", name=name, met=shape[1], expected=width)
            )
        return shape, {}

    looks = look_at_each(files, names, measure)
    lengths = [look.size[0] for look in looks if look.problem is None]
    decisions = [
        t(
            "a table for each of {count} series of {low} to {high} steps; with a target they are read as one table.",
            count=len(lengths),
            low=min(lengths, default=0),
            high=max(lengths, default=0),
        )
    ]
    return signal_dataset(
        files, "series", SignalKind.SERIES, found, looks, decode_score, request, decisions, code="series.bad"
    )


def decode_score(data: bytes, name: str) -> np.ndarray:
    """A table of numbers as float32, steps x columns.

    Raises:
        DataError: an entry that is no number.
    """
    raw = parse_delimited(data, name)
    columns = [to_numbers(column) for column in raw.frame.iter_columns()]
    for column in columns:
        wrong = (column.is_null() | ~column.is_finite().fill_null(True)).to_numpy()
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                t(
                    "'{name}' line {line}: '{value}' in column '{column}' is no number.",
                    name=name,
                    line=int(raw.lines[row]),
                    value=raw.frame[column.name][row] or "",
                    column=column.name,
                )
            )
    if not raw.frame.height:
        raise DataError(t("'{name}' has no rows.", name=name))
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which a check tells
        return np.stack([column.to_numpy() for column in columns], axis=1).astype(np.float32)


formats.register("series")(Reader(recognizes, read))
