"""What scores must obey, and what the notes' slip would say instead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import scores

shares = st.floats(0.01, 1)


@given(P=shares, R=shares)
def test_the_harmonic_mean_stays_near_the_worse(P, R):
    """Between the worse and the plain mean, whichever of the two is which."""
    f1 = scores.harmonic_mean(P, R)
    assert min(P, R) - 1e-12 <= f1 <= (P + R) / 2 + 1e-12
    assert f1 == scores.harmonic_mean(R, P)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_weight_of_two_is_an_example_twice_and_zero_none(seed):
    rng = np.random.default_rng(seed)
    y, yhat, w = rng.integers(0, 2, (3, 12))
    w[0] = 1
    repeated = np.repeat(np.arange(12), w)
    assert scores.weighted_error(y, yhat, w.astype(np.float64)) == pytest.approx(
        scores.error(y[repeated], yhat[repeated]), rel=1e-12
    )


def test_the_printed_sum_is_no_error():
    """The notes print yhat + y in place of the indicator: all right would cost 2 for every cat that was found."""
    y = np.array([1, 1, 0])
    w = np.ones(3)
    printed = np.sum(w * (y + y)) / np.sum(w)
    assert scores.weighted_error(y, y, w) == 0 < 1 < printed


def test_ten_times_the_weight_turns_the_choice():
    """A is right more often, B never shows what must not be shown: the plain error takes A, the weighted one B."""
    y = np.zeros(100, np.int64)
    A, B = y.copy(), y.copy()
    A[:3], B[10:15] = 1, 1
    w = np.ones(100)
    w[:3] = 10
    assert scores.error(y, A) < scores.error(y, B)
    assert scores.weighted_error(y, A, w) > scores.weighted_error(y, B, w)


@given(seed=st.integers(0, 2**32 - 1))
def test_average_precision_counts_order_alone(seed):
    rng = np.random.default_rng(seed)
    y, score = rng.integers(0, 2, 10), rng.random(10).round(1)
    y[0] = 1
    stretched = scores.average_precision(y, np.exp(3 * score) - 7)
    assert stretched == scores.average_precision(y, score) <= scores.interpolated_average_precision(y, score)
    assert scores.average_precision(y, y + score / 2) == pytest.approx(1, rel=1e-12)
