"""Laws of the L-layer network, and real digits learnt by it."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from rumbo.reference import activations, gradient_check, initializers, logistic_regression, network
from rumbo.reference.activations import LEAKY_RELU, LINEAR, RELU, SIGMOID, TANH
from rumbo.reference.network import BINARY, SOFTMAX, SQUARED, Layer, Network, Training


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def problem(rng, sizes, m):
    layers = network.initialize(sizes, initializers.xavier, rng)
    layers = [Layer(W, rng.normal(size=b.shape)) for W, b in layers]
    return layers, rng.normal(size=(sizes[0], m)), np.eye(sizes[-1])[:, rng.integers(0, sizes[-1], m)]


def test_shapes(rng):
    layers = network.initialize((5, 4, 3, 2), initializers.he, rng)
    assert [(W.shape, b.shape) for W, b in layers] == [((4, 5), (4, 1)), ((3, 4), (3, 1)), ((2, 3), (2, 1))]
    assert network.number_of_parameters(layers) == 24 + 15 + 8
    X, Y, chosen = rng.normal(size=(5, 7)), np.eye(2)[:, [0, 1] * 3 + [0]], Network((TANH, RELU), SOFTMAX)
    masks = network.no_dropout(layers, 7)
    assert [cache.Z.shape for cache in network.forward(chosen, layers, X, masks)] == [(4, 7), (3, 7), (2, 7)]
    for layer, gradient in zip(layers, network.gradients(chosen, layers, X, Y, masks), strict=True):
        assert (gradient.W.shape, gradient.b.shape) == (layer.W.shape, layer.b.shape)


@pytest.mark.parametrize("output", [BINARY, SOFTMAX, SQUARED])
def test_gradients_pass_the_check_with_penalties_and_fixed_masks(rng, output):
    sizes = (4, 6, 5, 5, 3)
    layers, X, Y = problem(rng, sizes, 8)
    chosen = Network((TANH, SIGMOID, LEAKY_RELU), output, l2=0.7, l1=0.1)
    masks = network.dropout_masks(layers, (0.9, 0.7, 0.5), 8, rng)
    shapes = [part.shape for layer in layers for part in layer]

    def cost(theta):
        parts = gradient_check.unflatten(theta, shapes)
        return network.cost(chosen, [Layer(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)], X, Y, masks)

    theta = gradient_check.flatten([part for layer in layers for part in layer])
    exact = gradient_check.flatten([g for layer in network.gradients(chosen, layers, X, Y, masks) for g in layer])
    assert gradient_check.check(cost, theta, exact).verdict == "great"


def test_without_hidden_layers_it_is_logistic_regression(rng):
    layers, X, _ = problem(rng, (4, 1), 9)
    Y, chosen = rng.integers(0, 2, (1, 9)) * 1.0, Network((), BINARY)
    w, b = layers[0].W.T, float(layers[0].b[0, 0])
    dw, db = logistic_regression.gradients(w, b, X, Y)
    gradient = network.gradients(chosen, layers, X, Y, [])[0]
    np.testing.assert_allclose(gradient.W, dw.T)
    np.testing.assert_allclose(gradient.b[0, 0], db)
    np.testing.assert_allclose(network.predictions(chosen, layers, X), logistic_regression.forward(w, b, X))


def test_linear_layers_are_together_one(rng):
    layers, X, _ = problem(rng, (4, 6, 3), 5)
    (W1, b1), (W2, b2) = layers
    np.testing.assert_allclose(network.predictions(Network((LINEAR,), SQUARED), layers, X), W2 @ W1 @ X + W2 @ b1 + b2)


@pytest.mark.parametrize("start", [initializers.zeros, initializers.constant])
def test_equal_first_weights_stay_equal(rng, start):
    layers = network.initialize((4, 5, 3), start, rng)
    _, X, Y = problem(rng, (4, 5, 3), 30)
    trained = network.train(Network((TANH,), SOFTMAX), layers, X, Y, Training(0.5, 5, 10, (1.0,)), rng)
    np.testing.assert_allclose(trained[0].W, np.tile(trained[0].W[:1], (5, 1)), rtol=1e-12)
    assert not np.allclose(trained[1].b, layers[1].b)


def test_dropout_keeps_the_expected_activation(rng):
    layers = network.initialize((2, 50, 40, 1), initializers.he, rng)
    masks = network.dropout_masks(layers, (0.8, 0.5), 4000, rng)
    assert [mask.shape for mask in masks] == [(50, 4000), (40, 4000)]
    for mask, keep in zip(masks, (0.8, 0.5), strict=True):
        np.testing.assert_allclose(np.unique(mask), [0, 1 / keep])
        assert mask.mean() == pytest.approx(1, abs=0.01)


def test_dropping_nothing_is_no_dropout(rng):
    layers = network.initialize((2, 5, 1), initializers.he, rng)
    np.testing.assert_array_equal(network.dropout_masks(layers, (1.0,), 6, rng), network.no_dropout(layers, 6))


def test_an_epoch_sees_every_example_once(rng):
    """Tiny steps leave the gradient as it is: two halves step twice as far as the whole, ten examples ten times."""
    layers, X, Y = problem(rng, (3, 2), 10)
    chosen, rate = Network((), SOFTMAX), 1e-7
    trained = network.train(chosen, layers, X, Y, Training(rate, 1, 5, ()), rng)
    step = rate * network.gradients(chosen, layers, X, Y, [])[0].W
    np.testing.assert_allclose(layers[0].W - trained[0].W, 2 * step, rtol=1e-4, atol=1e-14)
    one_by_one = network.train(chosen, layers, X, Y, Training(rate, 1, 1, ()), rng)
    np.testing.assert_allclose(layers[0].W - one_by_one[0].W, 10 * step, rtol=1e-4, atol=1e-14)


def test_penalties_shrink_the_weights(rng):
    layers, X, Y = problem(rng, (4, 6, 3), 30)
    plain, squares, sizes = (
        network.train(network_of, layers, X, Y, Training(0.2, 100, 30, (1.0,)), rng)
        for network_of in (
            Network((TANH,), SOFTMAX),
            Network((TANH,), SOFTMAX, l2=5.0),
            Network((TANH,), SOFTMAX, l1=5.0),
        )
    )
    norm = [sum(float((W**2).sum()) for W, _ in trained) for trained in (plain, squares, sizes)]
    assert norm[1] < norm[0] / 2
    assert norm[2] < norm[0] / 2
    nearly_zero = [np.mean([np.abs(W).ravel() < 0.02 for W, _ in trained[:1]]) for trained in (plain, squares, sizes)]
    assert nearly_zero[2] > nearly_zero[0]  # L1 leaves weights at zero


@pytest.mark.train
@pytest.mark.parametrize(
    ("hidden", "keep_probs", "l2"), [((48, 24), (1.0, 1.0), 0.0), ((48, 24), (0.9, 0.9), 0.0), ((48,), (1.0,), 0.1)]
)
def test_real_digits_are_learnt(rng, hidden, keep_probs, l2):
    """1797 scanned digits of 8 x 8 pixels; a quarter, never trained on, is the judge."""
    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data / 16, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    chosen = Network((RELU,) * len(hidden), SOFTMAX, l2=l2)
    layers = network.initialize((64, *hidden, 10), initializers.he, rng)
    X, Y, test_Y = train_x.T, np.eye(10)[:, train_y], np.eye(10)[:, test_y]
    assert network.accuracy(chosen, layers, test_x.T, test_Y) < 0.3
    trained = network.train(chosen, layers, X, Y, Training(0.3, 40, 32, keep_probs), rng)
    assert network.accuracy(chosen, trained, test_x.T, test_Y) >= 0.95


@pytest.mark.train
def test_a_hidden_layer_finds_what_no_line_parts(rng):
    X = rng.uniform(-1, 1, (2, 400))
    Y = (X[:1] * X[1:] > 0) * 1.0
    training = Training(0.5, 200, 32, (1.0,))
    deep = network.train(
        Network((TANH,), BINARY), network.initialize((2, 12, 1), initializers.xavier, rng), X, Y, training, rng
    )
    straight = logistic_regression.gradient_descent(X, Y, 0.5, 500)
    right = ((network.predictions(Network((TANH,), BINARY), deep, X) > 0.5) == Y).mean()
    assert right > 0.95
    assert (logistic_regression.predict(straight.w, straight.b, X) == Y).mean() < 0.7


def test_accuracy_counts_the_most_probable_class():
    layers = [Layer(np.eye(3), np.zeros((3, 1)))]
    X, Y = np.eye(3)[:, [0, 1, 2, 2]], np.eye(3)[:, [0, 1, 2, 0]]
    assert network.accuracy(Network((), SOFTMAX), layers, X, Y) == 0.75
    np.testing.assert_allclose(network.predictions(Network((), SOFTMAX), layers, X), activations.softmax(X))
