"""Checks of text columns: numbers and dates in disguise, one entry written in several ways, damage, time order."""

import re
from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.columns import DAMAGED, dates, variants
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found
from rumbo.data.checks.tables import MIN_ROWS
from rumbo.data.manifest import RESERVED

MIXED = (0.2, 0.95)
UNITS = re.compile(r"^[^\w\s.,+-]?\s?[+-]?\d{1,3}(?:[., ']\d{3})*(?:[.,]\d+)?\s?(?:%|[a-zA-Zµ°€$£¥²³/]{1,6})?$")
PLACEHOLDERS = frozenset((
    "unknown", "unk", "missing", "not available", "undefined", "no data", "tbd", "desconocido", "sin datos", "xxx",
    "-", "--", "---", ".", "..", "...", "#ref!", "#div/0!", "#value!", "#name?", "#num!",
))  # fmt: skip
BACKWARD_FRACTION = 0.05
"""Rows in no order go back in half of the cases, rows sorted within groups once a group."""


def texts(facts: Facts) -> Iterable[Finding]:
    """Text columns that are numbers or dates, or are written in several ways."""
    dataset = facts.dataset
    if dataset.signals is not None:
        return
    targets = dataset.target.columns if dataset.target else ()
    columns = [
        column
        for column in dataset.table.iter_columns()
        if column.dtype == pl.String
        and column.name not in RESERVED
        and column.name not in targets
        and column.count() >= MIN_ROWS
    ]
    yield from _columns_that_are_no_text(columns)
    for code, column, listed, rows in _faulty_entries(columns, dataset.categories):
        ids = facts.ids(rows)
        if code == "feature.case_variants":
            message = t("entries of '{column}' that differ only in how they are written: {names}.", **listed)
        elif code == "feature.encoding":
            message = t("entries of '{column}' were read in a wrong encoding: {count}, such as '{names}'.", **listed)
        else:
            message = t("entries of '{column}' that say nothing: {names}.", **listed)
        yield found(code, message, ids or (column,), len(rows))


def _columns_that_are_no_text(columns: list[pl.Series]) -> Iterable[Finding]:
    with_units: dict[str, str] = {}
    mixed: dict[str, str] = {}
    with_dates: list[str] = []
    for column in columns:
        present = column.drop_nulls()
        if dates(column) is not None:
            with_dates.append(column.name)
            continue
        is_number = present.str.contains(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
        if MIXED[0] * len(present) <= is_number.sum() <= MIXED[1] * len(present):
            if present.filter(is_number).n_unique() > MIN_ROWS:
                mixed[column.name] = present.filter(~is_number)[0]
        elif has_units(present.head(1000).to_list()):
            with_units[column.name] = present[0]
    for code, guilty in (("feature.text_numbers", with_units), ("feature.mixed", mixed)):
        if guilty:
            listed = ", ".join(f"{name} ('{value}')" for name, value in list(guilty.items())[:10])
            message = (
                t("text columns that hold numbers: {columns}.", columns=listed)
                if code == "feature.text_numbers"
                else t("columns that mix numbers and words: {columns}.", columns=listed)
            )
            yield found(code, message, guilty)
    if with_dates:
        message = t("columns of dates: {columns}.", columns=", ".join(with_dates[:10]))
        yield found("feature.dates", message, with_dates)


def has_units(entries: list[str]) -> bool:
    """Whether entries are numbers with the same unit or sign around them ($5, 12 kg, 1,234); not 12a, 9b, 3rd."""
    written = [entry for entry in entries if UNITS.match(entry) and re.search(r"\d", entry)]
    if len(written) < MIXED[1] * len(entries) or len(set(written)) <= MIN_ROWS:
        return False
    units = [re.sub(r"[\d.,\s+'-]", "", entry) for entry in written]
    return max(units.count(unit) for unit in set(units)) > 0.8 * len(units)


def _faulty_entries(
    columns: list[pl.Series], categories: tuple[str, ...]
) -> Iterable[tuple[str, str, dict[str, object], np.ndarray]]:
    """(code, column, fields of the message, rows) of entries that are written in several ways, damaged, or empty."""
    for column in columns:
        counts = column.drop_nulls().value_counts(sort=True)
        levels = counts[column.name].to_list()
        damaged = [level for level in levels if DAMAGED.search(level)]
        if damaged:
            rows = _where(column, damaged)
            yield (
                "feature.encoding",
                column.name,
                {
                    "column": column.name,
                    "count": len(rows),
                    "names": damaged[0][:60],
                },
                rows,
            )
        if column.name not in categories:
            continue
        if alike := variants(levels):
            listed = "; ".join(", ".join(f"'{name}'" for name in group) for group in alike[:10])
            rows = _where(column, [name for group in alike for name in group[1:]])  # the first is the most frequent
            yield "feature.case_variants", column.name, {"column": column.name, "names": listed}, rows
        empty = [level for level in levels if level.strip().lower() in PLACEHOLDERS]
        if empty and len(levels) > 2:
            rows = _where(column, empty)
            listed = ", ".join(f"'{level}'" for level in empty[:10])
            yield "feature.placeholder", column.name, {"column": column.name, "names": listed}, rows


def _where(column: pl.Series, entries: list[str]) -> np.ndarray:
    return np.flatnonzero(column.is_in(entries).fill_null(False).to_numpy())


def time_order(facts: Facts) -> Iterable[Finding]:
    """Rows that go on in time, but for a few that do not."""
    table = facts.dataset.table
    if table.height < 5 * MIN_ROWS or facts.dataset.signals is not None or facts.dataset.images is not None:
        return
    for name in table.columns:
        if name in RESERVED or table[name].dtype != pl.String or (when := dates(table[name])) is None:
            continue
        steps = when.diff().dt.total_seconds()
        back = np.flatnonzero((steps < 0).fill_null(False).to_numpy())
        if 0 < len(back) <= BACKWARD_FRACTION * table.height:
            message = t(
                "'{column}' goes back in time at {count} of {total} rows, first at '{first}'.",
                column=name,
                count=len(back),
                total=table.height,
                first=facts.ids(back)[0],
            )
            yield found("feature.time_order", message, facts.ids(back), len(back))


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (texts, time_order)
