"""Sizes at the start: linear networks give powers, gradients are the reference's, copies stay copies."""

import numpy as np
import pytest

from rumbo.core.seeds import rng
from rumbo.lab.initialization import (
    ACTIVATIONS,
    LINEAR_DEPTH,
    WAYS,
    Initialization,
    back_through,
    centered_digits,
    num_different_rows,
    through_linear_network,
)
from rumbo.reference import initializers, network


def rows(**options) -> dict[str, list]:
    return {name: cells for name, *cells in Initialization(**options).run(None).rows}


@pytest.mark.parametrize("w", [1.5, 0.5, 1.0])
def test_a_linear_network_multiplies_layer_by_layer(w):
    A, dZ = through_linear_network(w)
    layer = np.arange(1, LINEAR_DEPTH + 1)
    np.testing.assert_allclose(A, w**layer, rtol=1e-12)
    np.testing.assert_allclose(dZ, w ** (LINEAR_DEPTH - layer), rtol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_those_of_the_reference(activation):
    X, Y = centered_digits(0, 30)
    net = network.Network((ACTIVATIONS[activation],) * 3, network.SOFTMAX)
    layers = network.initialize((64, 12, 11, 10, 10), initializers.glorot, rng(0, "test"))
    masks = network.no_dropout(layers, 30)
    caches = network.forward(net, layers, X, masks)
    wanted = network.backward(net, layers, caches, Y, masks)
    for dZ, cache, gradient in zip(back_through(net, layers, caches, Y), caches, wanted, strict=True):
        np.testing.assert_allclose(dZ @ cache.A_prev.T / 30, gradient.W, rtol=1e-10, atol=1e-16)


def test_digits_are_centered_and_labelled():
    X, Y = centered_digits(0, 1200)
    assert (X.shape, Y.shape) == ((64, 1200), (10, 1200))
    assert X.mean() == pytest.approx(0, abs=1e-12)
    assert X.std() == pytest.approx(1)
    assert (Y.sum(axis=0) == 1).all()


def test_the_known_rules_hold():
    found = rows(activation="relu", width=100, depth=10)
    _, on, back, *_ = found["He"]
    assert on == pytest.approx(1, abs=0.15)
    assert back == pytest.approx(1, abs=0.15)
    # Half of the variance that He lets through: a factor of the root of 1/2.
    assert found["Xavier"][1] == pytest.approx(np.sqrt(0.5), abs=0.1)
    # Mean size of 0.01 N(0, 1) over 100 units: 0.1 the size of the layer before, of which ReLU keeps half the variance.
    assert found["0.01 normal"][1] == pytest.approx(0.1 * np.sqrt(0.5), abs=0.02)
    assert found["constant 5"][1] == pytest.approx(5 * 100)


def test_zeros_and_constants_hand_nothing_back():
    """All units alike, so that every class gets the same: softmax's dZ sums to 0, and so does all that goes back."""
    for activation in ACTIVATIONS:
        found = rows(activation=activation, depth=12)
        for name in ("zeros", "constant 5"):
            assert found[name][2] in (0.0, None), (activation, name)
            assert found[name][4] is None, (activation, name)


def test_who_starts_alike_stays_alike():
    found = rows(width=16)
    assert {name: cells[-1] for name, cells in found.items()} == {
        name: 1 if name in ("zeros", "constant 5") else 16 for name in WAYS
    }


@pytest.mark.parametrize(
    ("W", "count"),
    [
        ([[1, 2], [1, 2], [1, 2]], 1),
        ([[1, 2], [1, 2.1], [1, 2]], 2),
        ([[0, 0], [0, 0]], 1),
        ([[1, 2], [1 + 1e-13, 2]], 1),
        ([[1, 2], [2, 1], [0, 0]], 3),
    ],
)
def test_different_rows_are_counted(W, count):
    assert num_different_rows(np.array(W, dtype=float)) == count


def test_the_finding_is_that_of_the_numbers():
    result = Initialization(activation="tanh").run(None)
    assert "No gradient at all reaches the first layer with: zeros, constant 5." in result.finding
    assert "still copies of one with: zeros, constant 5." in result.finding
    back = {row[0]: row[3] ** 9 for row in result.rows if row[3]}
    nearest = min(back, key=lambda name: abs(np.log(back[name])))
    least = min(back, key=lambda name: back[name])
    assert f"best with '{nearest}', to {back[nearest]:.2g} times" in result.finding
    assert f"left with '{least}', {back[least]:.1e} times" in result.finding
    assert "grows" not in result.finding


def test_growth_is_told(monkeypatch):
    monkeypatch.setitem(WAYS, "large", lambda n_out, n_in, rng: initializers.normal((n_out, n_in), 1.0, rng))
    assert "It grows most with 'large'" in Initialization(width=30).run(None).finding


def test_the_deepest_and_widest_network_overflows_nothing(monkeypatch):
    for name in list(WAYS):
        if name != "constant 5":  # the largest sizes by far
            monkeypatch.delitem(WAYS, name)
    result = Initialization(depth=50, width=1000, examples=2).run(None)
    assert all(np.isfinite(cell) for row in result.rows for cell in row if isinstance(cell, float))
