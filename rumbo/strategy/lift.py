"""Whether wrong examples have a property more often than right ones: one that both have as often explains nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from rumbo.core.messages import t
from rumbo.strategy.chance import adjusted, excess_p_values
from rumbo.strategy.intervals import Interval, effective_size, normal_quantile

Finding = Literal["more", "as_common", "fewer", "undecided", "unknown"]
LEVEL = 0.05
NEARLY_ONE = 1.5
"""A property whose lift is surely below it explains nothing."""


class Looked(NamedTuple):
    """A property of n examples: which have it, and which were looked at for it."""

    has: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Lift:
    """How the wrong examples compare with the right ones.

    Attributes:
        share_of_right: how often right examples have the property.
        value: how many times as often wrong ones have it.
        interval: 95 %.
        q_value: chance of as many wrong ones or more, adjusted for the number of properties.
        finding: as in `rumbo.strategy.error_table.TagRow`.
    """

    share_of_right: float
    value: float
    interval: Interval
    q_value: float
    finding: Finding


def lifts(properties: Mapping[str, Looked], wrong: np.ndarray, weights: np.ndarray) -> dict[str, Lift]:
    """The lift of each property for which both a wrong and a right example were looked at.

    `q_value` rests on Fisher's exact test of the counts; shares and intervals are weighted.

    Args:
        properties: by name.
        wrong: which examples are wrong, n.
        weights: of the examples, > 0, n.
    """
    tested = {
        name: looked
        for name, looked in properties.items()
        if (looked.known & wrong).any() and (looked.known & ~wrong).any()
    }
    if not tested:
        return {}
    counts = np.array([_counts(looked, wrong) for looked in tested.values()]).T
    q_values = adjusted(excess_p_values(*counts)).tolist()
    return {
        name: _lift(looked, q_value, wrong, weights)
        for (name, looked), q_value in zip(tested.items(), q_values, strict=True)
    }


def ratio(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, Interval]:
    """The ratio of two proportions, (how many, out of how many) each, with its 95 % interval.

    Half an example is added to each number, so that both ends are finite also where one proportion is 0.

    Source: Katz et al. 1978, "Obtaining confidence intervals for the risk ratio in cohort studies"; the halves: Walter
    1975, "The distribution of Levin's measure of attributable risk".

    >>> value, (low, high) = ratio((50, 100), (90, 900))
    >>> round(value, 1), round(low, 1), round(high, 1)
    (5.0, 3.8, 6.6)
    """
    (some, size), (others, of) = ((count + 0.5, out_of + 0.5) for count, out_of in (first, second))
    value = (some / size) / (others / of)
    spread = (1 / some - 1 / size + 1 / others - 1 / of) ** 0.5
    factor = float(np.exp(normal_quantile(0.95) * spread))
    return value, (value / factor, value * factor)


def finding_words(finding: Finding) -> str:
    """What a row found, for people."""
    return {
        "more": t("more common among the wrong ones"),
        "as_common": t("not more common than among the right ones: explains nothing"),
        "fewer": t("less common among the wrong ones"),
        "undecided": t("too few to tell"),
        "unknown": t("no right ones were looked at"),
    }[finding]


def _lift(looked: Looked, q_value: float, wrong: np.ndarray, weights: np.ndarray) -> Lift:
    among_wrong = _weighted(looked, wrong, weights)
    among_right = _weighted(looked, ~wrong, weights)
    value, interval = ratio(among_wrong, among_right)
    low, high = interval
    finding: Finding = "undecided"
    if low > 1 and q_value <= LEVEL:
        finding = "more"
    elif high < 1:
        finding = "fewer"
    elif high < NEARLY_ONE:
        finding = "as_common"
    count, size = among_right
    return Lift(share_of_right=count / size, value=value, interval=interval, q_value=q_value, finding=finding)


def _counts(looked: Looked, wrong: np.ndarray) -> tuple[int, int, int, int]:
    """Wrong with the property, all with it, wrong, all: among those looked at."""
    has = looked.has & looked.known
    return int((has & wrong).sum()), int(has.sum()), int((wrong & looked.known).sum()), int(looked.known.sum())


def _weighted(looked: Looked, among: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """How many have it, out of how many, in equally weighted examples that tell as much."""
    rows = looked.known & among
    size = effective_size(weights[rows])
    return float(np.average(looked.has[rows], weights=weights[rows])) * size, size
