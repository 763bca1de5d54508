"""A column that says how much each example counts."""

from collections.abc import Callable

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.target import to_numbers


def read_weights(column: pl.Series, place: Callable[[int], tuple[str, int]]) -> pl.Series:
    """The weights as Float64.

    Args:
        column: numbers, or text that reads as numbers.
        place: file and line of a row, for messages.

    Raises:
        DataError: a weight is missing, no finite number or negative, named with its file and line; or all are 0.
    """
    numbers = to_numbers(column) if column.dtype == pl.String else column.cast(pl.Float64)
    values = numbers.fill_null(np.nan).to_numpy()
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        file, line = place(int(wrong[0]))
        met = column[int(wrong[0])]
        raise DataError(
            t(
                "'{file}' line {line}: the weight '{value}' in column '{column}' cannot be used; weights are finite "
                "numbers from 0 on. So it is in {count} rows.",
                file=file,
                line=line,
                value="" if met is None else str(met)[:80],
                column=column.name,
                count=len(wrong),
            )
        )
    if not values.any():
        raise DataError(t("all weights in column '{column}' are 0: no example would count.", column=column.name))
    return numbers
