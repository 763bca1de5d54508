"""Pairs of classes: counts, shares with their intervals, weights."""

import numpy as np
import pytest

from rumbo.core.errors import UsageError
from rumbo.strategy.confused import confused_pairs
from rumbo.strategy.intervals import wilson

NAMES = ["cat", "dog", "lion"]


def test_pairs_are_counted_and_ranked():
    true = np.array([0] * 50 + [1] * 30 + [2] * 20)
    predicted = true.copy()
    predicted[:6] = 1
    predicted[50:52] = 0
    predicted[80:81] = 0
    pairs = confused_pairs(true, predicted, NAMES)
    assert [(pair.true, pair.predicted, pair.count) for pair in pairs] == [
        ("cat", "dog", 6), ("dog", "cat", 2), ("lion", "cat", 1),
    ]  # fmt: skip
    first = pairs[0]
    assert (first.share, first.share_interval) == (pytest.approx(6 / 9), pytest.approx(wilson(6, 9)))
    assert (first.share_of_class, first.class_interval) == (pytest.approx(0.12), pytest.approx(wilson(6, 50)))
    assert (first.error_left, first.left_interval) == (pytest.approx(0.03), pytest.approx(wilson(3, 100)))
    assert sum(pair.share for pair in pairs) == pytest.approx(1)


def test_weights_rank_too():
    true, predicted = np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1])
    pairs = confused_pairs(true, predicted, NAMES, weights=np.array([1, 1, 10, 0]))
    assert [(pair.true, round(pair.share, 4), round(pair.error_left, 4)) for pair in pairs] == [
        ("dog", 0.8333, 0.1667), ("cat", 0.1667, 0.8333),
    ]  # fmt: skip


def test_no_mistake_no_pair():
    assert confused_pairs(np.array([0, 1]), np.array([0, 1]), NAMES) == ()
    with pytest.raises(UsageError):
        confused_pairs(np.array([0, 1]), np.array([0]), NAMES)
