"""Columns of dates, times and numbers as moments that can be put in order."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t

FORMATS = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y/%m/%d"),
    *("%Y:%m:%d %H:%M:%S", "%d.%m.%Y", "%Y%m%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S"),
)
"""Ways of writing a time that mean one thing only."""
AMBIGUOUS = ("%d/%m/%Y", "%m/%d/%Y")
"""Taken where only one of them fits the whole column."""


def times_of(column: pl.Series, ids: Sequence[str]) -> np.ndarray:
    """Seconds, or the numbers themselves: float64, one per row.

    Args:
        column: numbers, dates, or text that reads as one of them.
        ids: of the rows, for the message.

    Raises:
        DataError: a missing or unreadable value, or days and months that cannot be told apart.
    """
    if column.dtype.is_temporal():
        return _known(column.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64) / 1e6, column, ids)
    if column.dtype.is_numeric():
        return _known(column.cast(pl.Float64), column, ids)
    text = column.cast(pl.String).str.strip_chars()
    numbers = text.cast(pl.Float64, strict=False)
    best = numbers
    for pattern in FORMATS:
        read = _read(text, pattern)
        if read.null_count() < best.null_count():
            best = read
    fits = [read for read in (_read(text, pattern) for pattern in AMBIGUOUS) if read.null_count() == text.null_count()]
    if best.null_count() > text.null_count() and fits:
        if len(fits) == 2 and not fits[0].equals(fits[1]):
            raise DataError(
                t(
                    "column '{column}' can be day/month/year or month/day/year. Write its dates as 2024-05-31.",
                    column=column.name,
                )
            )
        best = fits[0]
    return _known(best, column, ids)


def _read(text: pl.Series, pattern: str) -> pl.Series:
    has_hour = "%H" in pattern
    read = text.str.strptime(pl.Datetime("us") if has_hour else pl.Date, pattern, strict=False)
    return read.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64) / 1e6


def _known(moments: pl.Series, column: pl.Series, ids: Sequence[str]) -> np.ndarray:
    values = moments.to_numpy().astype(np.float64)
    unknown = np.flatnonzero(~np.isfinite(values))
    if len(unknown):
        row = int(unknown[0])
        raise DataError(
            t(
                "column '{column}' holds no time in {count} rows; the first is {id}: '{value}'. Give dates such as "
                "2024-05-31 or numbers.",
                column=column.name,
                count=len(unknown),
                id=ids[row],
                value=str(column[row]),
            )
        )
    return values
