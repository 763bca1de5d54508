"""Columns of a table as inputs: numbers, categories, and what is left out with the reason."""

import math
import re

import polars as pl

from rumbo.core.messages import t
from rumbo.data.readers import Request
from rumbo.data.target import LARGEST, NUMBER_FRACTION, to_numbers

MAX_LEVELS = 1000
"""A text column with more different entries is no category."""
MAX_LEVEL_FRACTION = 0.5
MIN_ROWS_TO_JUDGE = 40
"""Below, different entries in most rows say little about a text column."""


def as_text(column: pl.Series) -> pl.Series:
    """A column of text as it is, one of numbers as text."""
    return column if column.dtype == pl.String else column.cast(pl.String)


def features(
    frame: pl.DataFrame, request: Request, decisions: list[str]
) -> tuple[list[pl.Series], tuple[str, ...], tuple[str, ...]]:
    """Columns as Float64 or String, and which of them are numeric and categorical inputs."""
    columns: list[pl.Series] = []
    numbers: list[str] = []
    categories: list[str] = []
    for column in frame.iter_columns():
        if column.dtype != pl.String and column.name not in request.categories:
            columns.append(_bounded(column.cast(pl.Float64)))
            reason = _why_no_input(column, is_number=True) if request.labelled else None
            if reason is not None:
                decisions.append(reason)
            else:
                numbers.append(column.name)
            continue
        text = as_text(column)
        values = to_numbers(text)
        wrong = text.filter(values.is_null() & text.is_not_null())
        looks_so = len(wrong) <= (1 - NUMBER_FRACTION) * text.count() and wrong.n_unique() <= 3
        is_number = looks_so and text.name not in request.categories
        columns.append(values if is_number else text)
        if is_number and len(wrong):
            decisions.append(
                t(
                    "column '{column}' is numeric; {count} other entries count as missing: {values}.",
                    column=text.name,
                    count=len(wrong),
                    values=", ".join(wrong.unique().sort().to_list()),
                )
            )
        reason = _why_no_input(text, is_number) if request.labelled else None
        if reason is not None:
            decisions.append(reason)
        else:
            (numbers if is_number else categories).append(text.name)
    return columns, tuple(numbers), tuple(categories)


def _why_no_input(text: pl.Series, is_number: bool) -> str | None:
    """The reason for which a column cannot help on new examples, or None."""
    present = text.count()
    if present == 0:
        return t("column '{column}' is empty: left out.", column=text.name)
    if is_number:
        is_full = present == len(text) and present >= MIN_ROWS_TO_JUDGE
        if is_full and _is_id_name(text) and text.n_unique() == present:
            return t("column '{column}' numbers the rows: left out.", column=text.name)
        return None
    distinct = text.drop_nulls().n_unique()
    if distinct > MAX_LEVELS or (present >= MIN_ROWS_TO_JUDGE and distinct > MAX_LEVEL_FRACTION * present):
        return t(
            "column '{column}' is text with {distinct} different entries in {present} rows: left out.",
            column=text.name,
            distinct=distinct,
            present=present,
        )
    return None


def _is_id_name(text: pl.Series) -> bool:
    """Whether a column of different numbers is called an id, or has no name and counts up."""
    words = re.split(r"[^a-z0-9]+", text.name.lower())
    if {"id", "index", "rownumber", "rownames"} & set(words) or text.name.endswith("ID") or text.name.endswith("Id"):
        return True
    if "unnamed" not in words and words[0] != "column":
        return False
    steps = (to_numbers(text) if text.dtype == pl.String else text.cast(pl.Float64)).diff().drop_nulls()
    return bool((steps == 1).all())


def _bounded(numbers: pl.Series) -> pl.Series:
    """Beyond `LARGEST` infinite, as `to_numbers`."""
    if not (numbers.abs() > LARGEST).any():
        return numbers
    infinite = numbers.sign() * math.inf
    return pl.select(pl.when(numbers.abs() > LARGEST).then(infinite).otherwise(numbers).alias(numbers.name)).to_series()
