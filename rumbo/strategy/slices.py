"""Slices: groups of examples, told by one or two columns, that are wrong more often than the rest.

Whoever looks at hundreds of groups finds some that are bad by chance. Each group is tested exactly, and the results are
adjusted for all groups that were looked at, so that data without any bad group seldom give one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.strategy.chance import adjusted, excess_p_values
from rumbo.strategy.intervals import Interval, share_interval
from rumbo.strategy.slice_columns import SliceColumn

LEVEL = 0.05
FEWEST = 20
FEWEST_FRACTION = 0.005
"""Groups of fewer examples, and of a smaller share, are not looked at."""
MOST_CONDITIONS = 400
"""With more, their pairs are not looked at: they would be more than 80,000."""
MOST_SLICES = 20
ALIKE = 0.8
"""Groups that share so much of their wrong examples tell the same story."""
EXPLAINED = 0.8
"""A pair that holds so much of the excess of one of its conditions is what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A group that is wrong more often than the others.

    Attributes:
        conditions: (column, part) pairs, one or two; an example must fulfil all.
        num_items: examples in it.
        num_wrong: wrong ones.
        error: their share, weighted.
        interval: 95 %, of this group alone; groups that are picked out look worse than they are.
        error_of_rest: share of wrong ones among the others.
        excess: wrong examples beyond those that the error of the rest would give.
        share: of all wrong examples.
        q_value: chance, adjusted for all groups that were looked at.
    """

    conditions: tuple[tuple[str, str], ...]
    num_items: int
    num_wrong: int
    error: float
    interval: Interval
    error_of_rest: float
    excess: float
    share: float
    q_value: float

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return asdict(self) | {
            "conditions": [{"column": column, "value": value} for column, value in self.conditions],
            "interval": list(self.interval),
        }


@dataclass(frozen=True, kw_only=True)
class Slices:
    """What was found, and among how much.

    Attributes:
        found: the groups with the most excess first; of those that tell the same story, one; at most 20.
        num_found: groups below the level, also those that are not shown.
        num_tested: groups that were looked at.
        fewest: examples that a group needed.
        level: share of false ones that is expected among the found.
        has_pairs: whether pairs of conditions were looked at.
    """

    found: tuple[Slice, ...]
    num_found: int
    num_tested: int
    fewest: int
    level: float
    has_pairs: bool

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return asdict(self) | {"found": [one.to_dict() for one in self.found]}


class _Condition(NamedTuple):
    column: int
    name: str
    label: str


def find_slices(
    wrong: np.ndarray,
    columns: Sequence[SliceColumn],
    *,
    weights: np.ndarray | None = None,
    fewest: int | None = None,
    level: float = LEVEL,
    depth: int = 2,
) -> Slices:
    """Look for groups with more wrong examples than chance would give.

    A pair of conditions is told only where it is worse than each of its two conditions alone: its p-value is the
    largest of the three tests. Tests count examples; errors are weighted.

    Args:
        wrong: which examples are wrong, n.
        columns: what groups are made of.
        weights: of the examples, >= 0; None = 1 each.
        fewest: examples that a group, and what is outside of it, must have; None: 20, or 0.5 % of all if that is more.
        level: share of false groups among the found, in (0, 1).
        depth: 1 for single conditions, 2 for pairs as well.

    Raises:
        UsageError: sizes that differ.

    Source: tests and adjustment as in `rumbo.strategy.chance`; groups after Chung et al. 2019, "Slice finder: automated
    data slicing for model validation", arXiv:1807.06068, sec. 2, with exact tests and a false-discovery rate.

    >>> bad = SliceColumn(name="light", codes=np.arange(1000) // 100, labels=tuple("0123456789"))
    >>> wrong = (np.arange(1000) < 100) & (np.arange(1000) % 2 == 0)
    >>> found = find_slices(wrong, [bad]).found
    >>> [(one.conditions, one.num_wrong, one.error) for one in found]
    [((('light', '0'),), 50, 0.5)]
    """
    wrong = np.asarray(wrong, dtype=bool)
    given = np.ones(len(wrong)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(given) != len(wrong) or any(len(column.codes) != len(wrong) for column in columns):
        raise UsageError(t("examples, weights and columns of slices must be equally many."))
    counted = given > 0
    wrong, given = wrong[counted], given[counted]
    fewest = max(FEWEST, round(FEWEST_FRACTION * len(wrong))) if fewest is None else fewest
    conditions, inside = _conditions(columns, counted, fewest)
    if len(conditions) == 0 or not wrong.any() or wrong.all():
        return Slices(found=(), num_found=0, num_tested=0, fewest=fewest, level=level, has_pairs=False)
    sizes, bad = inside.sum(axis=1), inside[:, wrong].sum(axis=1)
    groups: list[tuple[int, ...]] = [(number,) for number in range(len(conditions))]
    p_values = [excess_p_values(bad, sizes, int(wrong.sum()), len(wrong))]
    has_pairs = depth > 1 and len(conditions) <= MOST_CONDITIONS
    if has_pairs:
        pairs, p_of_pairs = _pairs(conditions, inside, wrong, fewest)
        groups += pairs
        p_values.append(p_of_pairs)
    q_values = adjusted(np.concatenate(p_values))
    found = [
        (_slice([conditions[number] for number in group], _members(inside, group), wrong, given, q_value), group)
        for group, q_value in zip(groups, q_values.tolist(), strict=True)
        if q_value <= level
    ]
    found = [(one, group) for one, group in found if one.excess > 0]  # weights may say otherwise than counts
    found.sort(key=lambda one: (-one[0].excess, len(one[1]), one[0].conditions))
    return Slices(
        found=_different(found, inside, wrong),
        num_found=len(found),
        num_tested=len(groups),
        fewest=fewest,
        level=level,
        has_pairs=has_pairs,
    )


def _conditions(
    columns: Sequence[SliceColumn], counted: np.ndarray, fewest: int
) -> tuple[list[_Condition], np.ndarray]:
    """Every part of every column that enough examples have and enough have not: c conditions, c x n booleans."""
    conditions: list[_Condition] = []
    inside: list[np.ndarray] = []
    for number, column in enumerate(columns):
        codes = np.asarray(column.codes)[counted]
        for code, label in enumerate(column.labels):
            has = codes == code
            if fewest <= has.sum() <= len(codes) - fewest:
                conditions.append(_Condition(number, column.name, label))
                inside.append(has)
    return conditions, np.array(inside, dtype=bool).reshape(len(inside), int(counted.sum()))


def _pairs(
    conditions: list[_Condition], inside: np.ndarray, wrong: np.ndarray, fewest: int
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Pairs of conditions on two columns, with enough examples and fewer than either; and their p-values."""
    rows = inside.astype(np.float32)  # exact up to 16 million examples
    both = np.rint(rows @ rows.T).astype(np.int64)
    bad = np.rint(rows[:, wrong] @ rows[:, wrong].T).astype(np.int64)
    sizes, num_bad = both.diagonal(), bad.diagonal()
    of_column = np.array([condition.column for condition in conditions])
    usable = (both >= fewest) & (both < np.minimum.outer(sizes, sizes)) & np.not_equal.outer(of_column, of_column)
    first, second = np.nonzero(np.triu(usable))
    size, count = both[first, second], bad[first, second]
    p_values = np.max(
        [
            excess_p_values(count, size, int(wrong.sum()), len(wrong)),
            excess_p_values(count, size, num_bad[first], sizes[first]),
            excess_p_values(count, size, num_bad[second], sizes[second]),
        ],
        axis=0,
    )
    return list(zip(first.tolist(), second.tolist(), strict=True)), p_values


def _members(inside: np.ndarray, group: tuple[int, ...]) -> np.ndarray:
    return np.logical_and.reduce(inside[list(group)])


def _slice(
    conditions: list[_Condition], members: np.ndarray, wrong: np.ndarray, weights: np.ndarray, q_value: float
) -> Slice:
    own, rest = weights[members], weights[~members]
    error = float(np.average(wrong[members], weights=own))
    error_of_rest = float(np.average(wrong[~members], weights=rest))
    return Slice(
        conditions=tuple((condition.name, condition.label) for condition in conditions),
        num_items=int(members.sum()),
        num_wrong=int((members & wrong).sum()),
        error=error,
        interval=share_interval(wrong[members].astype(np.float64), own),
        error_of_rest=error_of_rest,
        excess=(error - error_of_rest) * float(own.sum() / weights.mean()),
        share=float(weights[members & wrong].sum() / weights[wrong].sum()),
        q_value=q_value,
    )


def _different(ranked: list[tuple[Slice, tuple[int, ...]]], inside: np.ndarray, wrong: np.ndarray) -> tuple[Slice, ...]:
    """The first of each story; a condition that is bad because of a pair inside it gives way to the pair."""
    pairs = [(one.excess, group) for one, group in ranked if len(group) > 1]
    kept: list[tuple[Slice, np.ndarray]] = []
    for one, group in ranked:
        if len(group) == 1 and any(excess >= EXPLAINED * one.excess and group[0] in pair for excess, pair in pairs):
            continue
        own = _members(inside, group) & wrong
        if all((own & other).sum() < ALIKE * (own | other).sum() for _, other in kept):
            kept.append((one, own))
        if len(kept) == MOST_SLICES:
            break
    return tuple(one for one, _ in kept)
