"""Checks of a numeric target: constant, capped, nearly always the same, distributed differently."""

from collections.abc import Callable, Iterable

import numpy as np

from rumbo.core.messages import t
from rumbo.data.checks.columns import kolmogorov
from rumbo.data.checks.drift import SHIFT_DISTANCE, SHIFT_P
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found
from rumbo.data.manifest import TargetKind

CAPPED_FRACTION = 0.01
CAPPED_RATIO = 3
"""A pile-up: this share of the rows at an extreme, and this many times the most frequent value elsewhere."""
MOSTLY_ONE = 0.9


def constant(facts: Facts) -> Iterable[Finding]:
    """One number as the target of all training examples."""
    target, train = facts.target, facts.rows["train"]
    if target is None or target.kind is not TargetKind.NUMBER:
        return
    values = facts.dataset.table[target.columns[0]][train].unique()
    if len(values) == 1:
        message = t("'{column}' is {value} in all training examples.", column=values.name, value=f"{values[0]:g}")
        yield found("target.constant", message, num_items=len(train))


def piles(facts: Facts) -> Iterable[Finding]:
    """A numeric target that piles up at its largest or smallest value, or is the same nearly everywhere."""
    target = facts.target
    if target is None or target.kind is not TargetKind.NUMBER:
        return
    column = facts.dataset.table[target.columns[0]]
    values, counts = np.unique(column.to_numpy(), return_counts=True)
    if len(values) > 1 and counts.max() > MOSTLY_ONE * len(column):
        value = values[counts.argmax()]
        message = t(
            "'{column}' is {value} in {share} % of the rows.",
            column=column.name,
            value=f"{value:g}",
            share=f"{100 * counts.max() / len(column):.1f}",
        )
        yield found("target.mostly_one", message, num_items=int(counts.max()))
        return
    if len(values) <= 20:
        return
    for end, word in ((len(values) - 1, t("largest")), (0, t("smallest"))):
        elsewhere = np.delete(counts, end).max()
        if counts[end] < max(10, CAPPED_FRACTION * len(column)) or counts[end] < CAPPED_RATIO * elsewhere:
            continue
        rows = np.flatnonzero((column == values[end]).to_numpy())
        message = t(
            "'{column}' looks capped: {count} rows ({share} %) have exactly the {word} value, {value}.",
            count=len(rows),
            share=f"{100 * len(rows) / len(column):.1f}",
            word=word,
            column=column.name,
            value=f"{values[end]:g}" if abs(values[end]) < 1e5 else f"{values[end]:.0f}",
        )
        yield found("target.capped", message, facts.ids(rows), len(rows))


def shift(facts: Facts) -> Iterable[Finding]:
    """A numeric target that is distributed differently in the splits."""
    target = facts.target
    if target is None or target.kind is not TargetKind.NUMBER:
        return
    column = facts.dataset.table[target.columns[0]]
    train = column[facts.rows["train"]].to_numpy()
    for split in ("dev", "test"):
        other = column[facts.rows[split]].to_numpy()
        if min(len(train), len(other)) < 20:
            continue
        distance, chance = kolmogorov(train, other)
        if distance >= SHIFT_DISTANCE and chance < SHIFT_P:
            message = t(
                "'{column}' has a middle of {train} in train, but {other} in {split}.",
                column=column.name,
                train=f"{np.median(train):g}",
                other=f"{np.median(other):g}",
                split=split,
            )
            yield found("target.shift", message, num_items=len(other))


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (constant, piles, shift)
