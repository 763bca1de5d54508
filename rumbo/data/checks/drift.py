"""Checks of inputs against the splits: distributions that moved, levels that train lacks."""

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.columns import kolmogorov, same_shares_p, share_distance
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found
from rumbo.data.checks.tables import MIN_ROWS

SHIFT_DISTANCE = 0.15
SHIFT_P = 1e-6
"""Both: distributions must differ visibly and beyond chance. Measured largest on real splits: 0.03."""
UNSEEN_FRACTION = 0.01
"""Single levels fall into dev by chance; none does on adult income and California housing."""


def drift(facts: Facts) -> Iterable[Finding]:
    """Inputs that are distributed differently in the splits, or have levels that train lacks."""
    dataset, train = facts.dataset, facts.rows["train"]
    for split in ("dev", "test"):
        rows = facts.rows[split]
        if len(rows) < MIN_ROWS or len(train) < MIN_ROWS:
            continue
        moved: dict[str, float] = {}
        limit = SHIFT_P / max(1, len(dataset.numbers) + len(dataset.categories))
        for name in (*dataset.numbers, *dataset.categories):
            distance, chance = column_shift(dataset.table[name][train], dataset.table[name][rows])
            if distance >= SHIFT_DISTANCE and chance < limit:
                moved[name] = distance
        if moved:
            listed = ", ".join(
                f"{name} ({100 * distance:.0f} %)"
                for name, distance in sorted(moved.items(), key=lambda pair: -pair[1])[:10]
            )
            message = t(
                "inputs whose values differ between train and {split}, with the share that would have to move: "
                "{columns}.",
                split=split,
                columns=listed,
            )
            yield found("feature.shift", message, moved)
        yield from _unseen(facts, split)


def column_shift(first: pl.Series, second: pl.Series) -> tuple[float, float]:
    """How far two parts of a column are apart, 0..1, and the probability of that by chance."""
    first, second = first.drop_nulls(), second.drop_nulls()
    if len(first) < MIN_ROWS or len(second) < MIN_ROWS:
        return 0.0, 1.0
    if first.dtype != pl.String:
        numbers = [part.to_numpy() for part in (first, second)]
        numbers = [part[np.isfinite(part)] for part in numbers]
        return kolmogorov(*numbers) if min(map(len, numbers)) >= MIN_ROWS else (0.0, 1.0)
    levels = sorted(set(first.unique().to_list()) | set(second.unique().to_list()))
    counts = [dict(part.value_counts().iter_rows()) for part in (first, second)]
    tables = [np.array([part.get(level, 0) for level in levels], dtype=np.float64) for part in counts]
    return share_distance(*tables), same_shares_p(*tables)


def _unseen(facts: Facts, split: str) -> Iterable[Finding]:
    table, train, rows = facts.dataset.table, facts.rows["train"], facts.rows[split]
    for name in facts.dataset.categories:
        seen = table[name][train].drop_nulls().unique().to_list()
        is_new = (~table[name][rows].is_in(seen)).fill_null(False).to_numpy()
        if is_new.sum() > max(2, UNSEEN_FRACTION * len(rows)):
            new = table[name][rows[is_new]].unique().sort().to_list()
            message = t(
                "{count} of {total} rows of {split} have entries in '{column}' that train lacks: {names}.",
                count=int(is_new.sum()),
                total=len(rows),
                split=split,
                column=name,
                names=", ".join(new[:10]),
            )
            yield found("feature.unseen", message, facts.ids(rows[is_new]), int(is_new.sum()))


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (drift,)
