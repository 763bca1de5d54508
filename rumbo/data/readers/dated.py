"""Tables of two columns, dates that go up and one value: a time series."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.delimited import RawTable, parse_delimited
from rumbo.data.target import NUMBER_FRACTION, to_numbers

MIN_STEPS = 20
MAX_NAMED_GAPS = 5
_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y%m%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
)
_SECOND_US = 1_000_000


@dataclass(frozen=True, kw_only=True)
class DatedSeries:
    """One series of a file.

    Attributes:
        values: float32, NaN where the file has none.
        content: sha256 of the file's bytes.
        rate_hz: values a second, when the steps are all equal.
        decisions: what was found out.
    """

    values: np.ndarray
    content: str
    rate_hz: float | None
    decisions: tuple[str, ...]


@dataclass(frozen=True)
class _Times:
    column: str
    form: str
    times: np.ndarray
    """Microseconds since 1970."""


def is_dated(data: bytes, name: str) -> bool:
    """Whether a table has two columns, dates that go up strictly and numbers: asked of the first rows, then of all."""
    try:
        head = parse_delimited(data, name, MIN_STEPS + 1).frame
        likely = head.width == 2 and _columns(head, fraction=0.5) is not None
        return likely and _columns(parse_delimited(data, name).frame) is not None
    except DataError:
        return False


def dated_series(data: bytes, name: str) -> DatedSeries:
    """The values in order, and what is to be said about the dates.

    Raises:
        DataError: not such a table.
    """
    raw = parse_delimited(data, name)
    found = _columns(raw.frame)
    if found is None:
        raise DataError(t("'{name}' is no table of dates and values.", name=name))
    times, value = found
    numbers = to_numbers(raw.frame[value])
    usable = numbers.is_finite().fill_null(False)
    values = np.where(usable.to_numpy(), numbers.fill_null(0.0).to_numpy(), np.nan).astype(np.float32)
    first, last = (_shown(np.int64(times.times[row]), times.form) for row in (0, -1))
    decisions = [
        t(
            "'{name}': {count} values of '{value}' from {first} to {last}, dates in '{column}' as {form}.",
            name=name,
            count=len(values),
            value=value,
            first=first,
            last=last,
            column=times.column,
            form=times.form,
        )
    ]
    rate_hz, sentence = _steps(times, name)
    decisions.append(sentence)
    if not usable.all():
        decisions.append(_unusable(raw, value, usable, name))
    return DatedSeries(
        values=values, content=hashlib.sha256(data).hexdigest(), rate_hz=rate_hz, decisions=tuple(decisions)
    )


def _columns(frame: pl.DataFrame, fraction: float = NUMBER_FRACTION) -> tuple[_Times, str] | None:
    """The dates and the name of the value column; None when this is another table."""
    if frame.width != 2 or frame.height < MIN_STEPS:
        return None
    for column, other in (frame.columns, frame.columns[::-1]):
        numbers = to_numbers(frame[other]).is_finite().sum()
        if numbers >= fraction * frame.height and (times := _times(frame[column])) is not None:
            return times, other
    return None


def _times(text: pl.Series) -> _Times | None:
    """Dates that go up strictly, all of one form; of several forms that fit, the one with the fewest step lengths."""
    if text.null_count():
        return None
    fitting: list[tuple[int, _Times]] = []
    for shown, form, column in _written(text):
        parsed = column.str.to_datetime(form, strict=False, time_unit="us")
        if parsed.null_count():
            continue
        times = parsed.cast(pl.Int64).to_numpy()
        if (np.diff(times) > 0).all():
            found = _Times(text.name, shown, times)
            fitting.append((len(np.unique(_periods(found)[1])), found))
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _written(text: pl.Series) -> list[tuple[str, str, pl.Series]]:
    """The forms to try: as shown, as parsed, and the text, completed to days where it has months or years only."""
    if text.str.contains(r"^\d{4}-\d{2}$").all():
        return [("%Y-%m", "%Y-%m-%d", text + "-01")]
    if text.str.contains(r"^[12]\d{3}$").all():
        return [("%Y", "%Y-%m-%d", text + "-01-01")] if re.fullmatch(r"(?i)years?|date|time", text.name) else []
    plain = text.str.replace(r"(\.\d+)?(Z|\+00:00)?$", "") if text.str.contains(":", literal=True).any() else text
    return [(form, form, plain) for form in _FORMATS]


def _periods(times: _Times) -> tuple[str, np.ndarray]:
    """The steps between dates: in months where all fall on one day of the month, else in microseconds."""
    days = times.times.astype("datetime64[us]")
    months = days.astype("datetime64[M]")
    within = days - months.astype("datetime64[us]")
    if len(np.unique(within)) == 1:
        return "months", np.diff(months.astype(np.int64))
    return "time", np.diff(times.times)


def _steps(times: _Times, name: str) -> tuple[float | None, str]:
    unit, steps = _periods(times)
    lengths, counts = np.unique(steps, return_counts=True)
    step = int(lengths[counts.argmax()])
    shown = t("{count} month(s)", count=step) if unit == "months" else _duration(step)
    if len(lengths) == 1:
        rate = _SECOND_US / step if unit == "time" else None
        return rate, t("'{name}': a value every {step}, without a gap.", name=name, step=shown)
    if counts.max() < 0.5 * len(steps) or (lengths % step).any():
        return None, t("'{name}': the steps differ; the most frequent is {step}.", name=name, step=shown)
    rows = np.flatnonzero(steps > step)
    missing = int((steps[rows] // step - 1).sum())
    after = ", ".join(_shown(np.int64(times.times[row]), times.form) for row in rows[:MAX_NAMED_GAPS])
    sentence = t(
        "'{name}': a value every {step}; {count} are missing, after {dates}. Nothing was filled in.",
        name=name,
        step=shown,
        count=missing,
        dates=after + (", ..." if len(rows) > MAX_NAMED_GAPS else ""),
    )
    return None, sentence


def _duration(microseconds: int) -> str:
    seconds = microseconds / _SECOND_US
    if seconds % 86400 == 0:
        return t("{count} day(s)", count=f"{seconds / 86400:g}")
    if seconds % 3600 == 0:
        return t("{count} hour(s)", count=f"{seconds / 3600:g}")
    return t("{count} second(s)", count=f"{seconds:g}")


def _shown(microseconds: np.int64, form: str) -> str:
    return np.datetime64(int(microseconds), "us").astype(datetime).strftime(form)


def _unusable(raw: RawTable, value: str, usable: pl.Series, name: str) -> str:
    rows = np.flatnonzero(~usable.to_numpy())
    return t(
        "'{name}': {count} values are missing or no numbers, the first in line {line}: '{value}'; "
        "in the series they are NaN.",
        name=name,
        count=len(rows),
        line=int(raw.lines[rows[0]]),
        value=raw.frame[value][int(rows[0])] or "",
    )
