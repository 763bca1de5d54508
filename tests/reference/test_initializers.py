"""What first weights do to signals, and why equal ones do not learn."""

import numpy as np
import pytest

from rumbo.reference import initializers as ref
from rumbo.reference.activations import relu, tanh

DEPTH, WIDTH = 20, 200


def sizes_of_layers(initializer, g):
    """The root of the mean square of every layer's activations, from inputs of size 1."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((WIDTH, 64))
    sizes = []
    for _ in range(DEPTH):
        A = g(initializer(WIDTH, WIDTH, rng) @ A)
        sizes.append(np.sqrt((A**2).mean()))
    return np.array(sizes)


@pytest.mark.parametrize("initializer", [ref.he, ref.he_uniform])
def test_he_keeps_the_size_through_relu(initializer):
    sizes = sizes_of_layers(initializer, relu)
    assert ((sizes > 0.4) & (sizes < 2)).all()


@pytest.mark.parametrize("initializer", [ref.xavier, ref.xavier_uniform, ref.glorot, ref.glorot_uniform])
def test_xavier_and_glorot_keep_the_size_through_linear_layers_and_lose_it_through_relu(initializer):
    linear = sizes_of_layers(initializer, lambda Z: Z)
    assert ((linear > 0.5) & (linear < 2)).all()
    assert sizes_of_layers(initializer, tanh)[-1] > 0.1
    assert sizes_of_layers(initializer, relu)[-1] < 0.01


@pytest.mark.parametrize("initializer", [ref.small_random, ref.small_uniform])
def test_small_weights_vanish_in_depth(initializer):
    assert sizes_of_layers(initializer, tanh)[-1] < 1e-6


@pytest.mark.parametrize("initializer", [ref.zeros, ref.constant])
def test_equal_weights_stay_equal(initializer):
    """Two layers, one step: every hidden unit has the gradient of every other."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((3, 8)), rng.standard_normal((1, 8))
    W1, W2 = initializer(4, 3, rng), initializer(1, 4, rng)
    A1 = tanh(W1 @ X)
    dZ2 = 2 * (W2 @ A1 - Y) / 8
    dW1 = ((W2.T @ dZ2) * (1 - A1**2)) @ X.T
    dW2 = dZ2 @ A1.T
    np.testing.assert_allclose(dW1, dW1[[0] * 4], rtol=1e-12)
    np.testing.assert_allclose(dW2, dW2[:, [0] * 4], rtol=1e-12)


def test_glorot_lies_between_forward_and_backward():
    assert ref.xavier_variance(100) < ref.glorot_variance(100, 50) < ref.xavier_variance(50)
    assert ref.he_variance(100) == 2 * ref.xavier_variance(100)
