"""Counts that several metrics stand on: hits and misses, and ranks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Hits:
    """Weighted counts, one entry per class or label.

    Attributes:
        right: predicted and true.
        predicted: predicted.
        true: true.
    """

    right: Array
    predicted: Array
    true: Array


def mean_precision(hits: Hits) -> float:
    """Mean over classes met in truth or predictions of right / predicted; a class never predicted has 0."""
    return _mean_ratio(hits.right, hits.predicted, hits.predicted + hits.true > 0)


def mean_recall(hits: Hits) -> float:
    """Mean over classes met in truth or predictions of right / true; a class that is never true has 0."""
    return _mean_ratio(hits.right, hits.true, hits.predicted + hits.true > 0)


def mean_f1(hits: Hits) -> float:
    """Mean over classes met in truth or predictions of 2 right / (predicted + true)."""
    both = hits.predicted + hits.true
    return _mean_ratio(2 * hits.right, both, both > 0)


def _mean_ratio(above: Array, below: Array, met: NDArray[np.bool_]) -> float:
    ratios = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return float(ratios[met].mean()) if met.any() else np.nan


def roc_auc(positive: NDArray[np.bool_], ranking: Array, weights: Array) -> float:
    """Chance that a positive ranks above a negative, ties counting half; NaN when one of the two is absent.

    Source: Hanley & McNeil 1982, eq. 1: the area equals the Wilcoxon statistic; here with weights.
    """
    _, group = np.unique(ranking, return_inverse=True)
    up = np.bincount(group, weights * positive)
    down = np.bincount(group, weights * ~positive, minlength=len(up))
    pairs = up.sum() * down.sum()
    if pairs == 0:
        return np.nan
    below = np.cumsum(down) - down
    return float((up * (below + 0.5 * down)).sum() / pairs)


def clipped_log(probability: Array) -> Array:
    """Log p, p kept a rounding step away from 0 and 1, as scikit-learn does, so that one mistake is not infinite."""
    step = np.finfo(np.float64).eps
    return np.log(np.clip(probability, step, 1 - step))
