"""Gradient checking: its differences, its distance, and the faults that it names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import gradient_check as gc
from rumbo.reference import initializers, network
from rumbo.reference.activations import TANH
from rumbo.reference.network import SOFTMAX, Layer, Network


def test_two_sides_err_by_the_square_of_epsilon():
    def errors(rule):
        return [abs(rule(np.exp, 1.0, eps) - np.e) for eps in (0.1, 0.01)]

    one, two = errors(gc.one_sided), errors(gc.two_sided)
    assert one[0] / one[1] == pytest.approx(10, rel=0.1)
    assert two[0] / two[1] == pytest.approx(100, rel=0.1)


@given(shapes=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=5))
def test_flattening_and_back(shapes):
    arrays = [np.random.default_rng(i).normal(size=shape) for i, shape in enumerate(shapes)]
    theta = gc.flatten(arrays)
    assert theta.shape == (sum(rows * columns for rows, columns in shapes),)
    for part, array in zip(gc.unflatten(theta, shapes), arrays, strict=True):
        np.testing.assert_array_equal(part, array)


@given(n=st.integers(1, 6), factor=st.floats(0.1, 10), seed=st.integers(0, 9999))
def test_distance_is_relative_and_symmetric(n, factor, seed):
    a, b = np.random.default_rng(seed).normal(size=(2, n))
    assert gc.distance(a, b) == pytest.approx(gc.distance(b, a))
    assert gc.distance(factor * a, factor * b) == pytest.approx(gc.distance(a, b))
    assert 0 <= gc.distance(a, b) <= 1 + 1e-12
    assert gc.distance(a, factor * a) == pytest.approx(abs(factor - 1) / (factor + 1), abs=1e-12)


def test_nothing_is_like_nothing():
    assert gc.distance(np.zeros(3), np.zeros(3)) == 0
    assert gc.distance(np.zeros(3), np.ones(3)) == 1


@pytest.mark.parametrize(
    ("far", "word"),
    [
        (0.0, "great"),
        (1e-7, "great"),
        (1.1e-7, "good"),
        (1e-5, "good"),
        (1.1e-5, "look"),
        (1e-3, "look"),
        (1.1e-3, "worry"),
        (1.0, "worry"),
    ],
)
def test_bands(far, word):
    assert gc.verdict(far) == word


@pytest.fixture
def checked():
    """A network's cost as a function of theta, theta, and the exact gradient."""
    rng = np.random.default_rng(0)
    chosen, sizes = Network((TANH,), SOFTMAX, l2=0.5), (4, 5, 3)
    layers = network.initialize(sizes, initializers.xavier, rng)
    X, Y = rng.normal(size=(4, 9)), np.eye(3)[:, rng.integers(0, 3, 9)]
    masks = network.no_dropout(layers, 9)
    shapes = [part.shape for layer in layers for part in layer]

    def cost(theta):
        parts = gc.unflatten(theta, shapes)
        return network.cost(chosen, [Layer(*parts[:2]), Layer(*parts[2:])], X, Y, masks)

    exact = [part for layer in network.gradients(chosen, layers, X, Y, masks) for part in layer]
    return cost, gc.flatten([part for layer in layers for part in layer]), gc.flatten(exact)


def test_the_right_gradient_is_great(checked):
    assert gc.check(*checked).verdict == "great"


def test_the_epsilon_of_the_notes_is_still_good(checked):
    assert gc.check(*checked, eps=1e-7).distance < 1e-6


@pytest.mark.parametrize("place", [0, 11, 20, 30, 42])
def test_a_wrong_component_is_named(checked, place):
    cost, theta, exact = checked
    wrong = exact.copy()
    wrong[place] += 0.05
    found = gc.check(cost, theta, wrong)
    assert found.verdict == "worry"
    assert found.worst == place


def test_a_forgotten_penalty_is_seen(checked):
    cost, theta, exact = checked
    forgotten = exact - 0.5 / 9 * theta  # at these parameters b = 0, so only W has the term
    assert gc.check(cost, theta, forgotten).verdict == "worry"


@pytest.mark.parametrize("factor", [-1.0, 0.99, 1.01])
def test_a_wrong_factor_is_seen(checked, factor):
    cost, theta, exact = checked
    assert gc.check(cost, theta, factor * exact).verdict == "worry"
