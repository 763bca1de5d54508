"""Confused pairs: which class is taken for which, and how much of the error each such mistake makes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.strategy.intervals import Interval, share_interval


@dataclass(frozen=True, kw_only=True)
class ConfusedPair:
    """One kind of mistake.

    Attributes:
        true: the class.
        predicted: what it is taken for.
        count: how many examples.
        share: of all mistakes.
        share_interval: 95 %.
        share_of_class: of the examples of the true class.
        class_interval: 95 %.
        error_left: the error that would be left if these were right.
        left_interval: 95 %.
    """

    true: str
    predicted: str
    count: int
    share: float
    share_interval: Interval
    share_of_class: float
    class_interval: Interval
    error_left: float
    left_interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def confused_pairs(
    true: np.ndarray, predicted: np.ndarray, classes: Sequence[str], *, weights: np.ndarray | None = None
) -> tuple[ConfusedPair, ...]:
    """All pairs that occur, the one with the largest share first.

    Args:
        true: code of each example's class, n.
        predicted: likewise, n.
        classes: names by code.
        weights: of the examples, >= 0; None = 1 each.

    Raises:
        UsageError: arrays of different sizes.

    >>> pair = confused_pairs(np.array([0, 0, 0, 1]), np.array([1, 1, 0, 1]), ["cat", "dog"])[0]
    >>> pair.true, pair.predicted, pair.count, pair.share, round(pair.share_of_class, 3)
    ('cat', 'dog', 2, 1.0, 0.667)
    """
    given = np.ones(len(true)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(true) == len(predicted) == len(given):
        raise UsageError(t("true classes, predicted classes and weights must be one each per example."))
    counted = given > 0
    true, predicted, given = np.asarray(true)[counted], np.asarray(predicted)[counted], given[counted]
    wrong = true != predicted
    pairs = sorted({(int(a), int(b)) for a, b in zip(true[wrong], predicted[wrong], strict=True)})
    found = [_pair(true == a, predicted == b, wrong, given, classes[a], classes[b]) for a, b in pairs]
    return tuple(sorted(found, key=lambda pair: (-pair.share, pair.true, pair.predicted)))


def _pair(
    of_class: np.ndarray, taken_for: np.ndarray, wrong: np.ndarray, weights: np.ndarray, true: str, predicted: str
) -> ConfusedPair:
    mistaken = of_class & taken_for
    left = (wrong & ~mistaken).astype(np.float64)
    of_wrong, of_own = mistaken[wrong].astype(np.float64), mistaken[of_class].astype(np.float64)
    return ConfusedPair(
        true=true,
        predicted=predicted,
        count=int(mistaken.sum()),
        share=float(np.average(of_wrong, weights=weights[wrong])),
        share_interval=share_interval(of_wrong, weights[wrong]),
        share_of_class=float(np.average(of_own, weights=weights[of_class])),
        class_interval=share_interval(of_own, weights[of_class]),
        error_left=float(np.average(left, weights=weights)),
        left_interval=share_interval(left, weights),
    )
