"""Laws of the losses: what minimises them, what smoothing does, and why squares do not suit a sigmoid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import losses
from rumbo.reference.activations import sigmoid, softmax

GRID = np.linspace(-5, 5, 2001)


@given(k=st.integers(2, 6), seed=st.integers(0, 9999))
def test_cross_entropy_is_smallest_at_the_targets_themselves(k, seed):
    """There it is the entropy, and its derivative is zero."""
    rng = np.random.default_rng(seed)
    Y = softmax(rng.normal(size=(k, 1)))
    np.testing.assert_allclose(losses.cross_entropy_derivative(np.log(Y), Y), 0, atol=1e-12)
    assert losses.cross_entropy(np.log(Y) + rng.normal(size=(k, 1)), Y) >= losses.cross_entropy(np.log(Y), Y) - 1e-12


@given(k=st.integers(2, 6), s=st.floats(0, 1))
def test_smoothed_targets_are_still_distributions(k, s):
    smoothed = losses.smoothed_targets(np.eye(k), s)
    np.testing.assert_allclose(smoothed.sum(axis=0), 1)
    np.testing.assert_allclose(smoothed.diagonal(), 1 - s + s / k)


def test_two_class_cross_entropy_is_the_binary_one():
    z, y = np.array([-2.0, 0.3, 1.5]), np.array([0.0, 1.0, 0.0])
    two = losses.cross_entropy(np.stack([np.zeros(3), z]), np.stack([1 - y, y]))
    np.testing.assert_allclose(two, losses.binary_cross_entropy(z, y))


@pytest.mark.parametrize(
    ("loss", "best"), [(losses.squared_error, 2.0), (losses.absolute_error, 1.0), (losses.half_squared_error, 2.0)]
)
def test_the_best_constant_is_the_mean_or_the_median(loss, best):
    y = np.array([0.0, 1.0, 5.0])
    costs = [losses.cost(loss(np.full(3, guess), y)) for guess in GRID]
    assert GRID[int(np.argmin(costs))] == pytest.approx(best, abs=0.006)


def test_huber_is_squared_near_and_straight_far():
    near, far, zero = np.array([0.3]), np.array([7.0]), np.zeros(1)
    assert losses.huber(near, zero, 1.0) == losses.half_squared_error(near, zero)
    assert losses.huber(far, zero, 1.0) - losses.huber(far - 1, zero, 1.0) == pytest.approx(1.0)


def test_squares_of_a_sigmoid_are_not_convex_and_the_cross_entropy_is():
    squares = losses.half_squared_error(sigmoid(GRID), np.ones(1))
    assert np.diff(squares, 2).min() < -1e-7
    assert np.diff(losses.binary_cross_entropy(GRID, np.ones(1)), 2).min() > 0


def test_a_confident_mistake_costs_without_bound():
    wrong = losses.log_loss(np.array([0.5, 0.1, 0.01, 1e-9]), np.ones(4))
    assert (np.diff(wrong) > 0).all()
    np.testing.assert_allclose(wrong[-1], 9 * np.log(10))
