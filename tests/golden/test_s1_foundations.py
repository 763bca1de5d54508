"""Figures of Paiolla, chapters 1 and 2: logistic regression, activation functions, the equations backward."""

import itertools

import numpy as np
import pytest
import torch

from rumbo.reference import activations, logistic_regression, losses, network, optimizers
from rumbo.reference.gradient_check import two_sided
from rumbo.reference.initializers import small_random, xavier
from rumbo.reference.perceptron import perceptron

Z = np.linspace(-5, 5, 41)  # 0 is among them


def examples(m, n_x=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_x, m)), (rng.uniform(size=(1, m)) < 0.5) * 1.0, rng.normal(size=(n_x, 1))


@pytest.mark.golden(
    "S1",
    lines=(160, 166),
    says=("$m \\times n$ matrix", "$1 \\times m$"),
    shows="Shapes of the matrices of all inputs and all outputs, with one example in each column.",
    right="X is n x m, and Y 1 x m",
    why="X has its m examples side by side, each a column of n features.",
)
def test_examples_stand_in_columns():
    X, Y, w = examples(m=7, n_x=3)
    assert (X.shape, Y.shape) == ((3, 7), (1, 7))
    assert logistic_regression.forward(w, 0.2, X).shape == Y.shape
    with pytest.raises(ValueError, match="matmul"):
        logistic_regression.forward(w, 0.2, X.T)


@pytest.mark.golden(
    "S1",
    line=188,
    says="\\frac{1}{1 + e^{-z}}",
    shows="The sigmoid, whose values at z and -z add up to 1.",
)
def test_the_sigmoid():
    np.testing.assert_allclose(activations.sigmoid(Z), torch.sigmoid(torch.tensor(Z)).numpy(), rtol=1e-12)
    np.testing.assert_allclose(activations.sigmoid(Z) + activations.sigmoid(-Z), 1, rtol=1e-12)


@pytest.mark.golden(
    "S1",
    lines=(195, 197),
    says=("$x_0 = 1$", "\\theta_0 = b"),
    shows="With an input x0 = 1 the bias is one more weight, theta0.",
)
def test_the_bias_is_the_weight_of_a_one():
    X, _, w = examples(m=5)
    theta, with_one = np.vstack([[[0.7]], w]), np.vstack([np.ones((1, 5)), X])
    np.testing.assert_allclose(
        perceptron(0.0, theta, with_one, activations.sigmoid), logistic_regression.forward(w, 0.7, X), rtol=1e-12
    )


@pytest.mark.golden(
    "S1",
    lines=(205, 209),
    says=("-y \\log \\hat{y} - (1 - y) \\log(1 - \\hat{y})", "-\\log(\\hat{y} - 1)"),
    shows="The loss of logistic regression in two cases, y = 1 and y = 0.",
    right="-log(1 - yhat) for y = 0",
    why="yhat lies below 1, so yhat - 1 is negative and has no logarithm.",
)
def test_the_two_cases_of_the_loss():
    yhat = np.array([0.1, 0.5, 0.9])
    with np.errstate(invalid="ignore"):
        assert np.isnan(-np.log(yhat - 1)).all()
    np.testing.assert_allclose(losses.log_loss(yhat, np.zeros(3)), -np.log(1 - yhat), rtol=1e-12)
    np.testing.assert_allclose(losses.log_loss(yhat, np.ones(3)), -np.log(yhat), rtol=1e-12)


@pytest.mark.golden(
    "S1",
    line=213,
    says="\\frac{1}{m} \\sum_{i=1}^m",
    shows="The cost is the mean of the losses: log 2 before any learning, when every answer is one half.",
)
def test_the_cost_before_learning():
    X, Y, w = examples(m=20)
    assert logistic_regression.cost(0 * w, 0.0, X, Y) == pytest.approx(np.log(2))
    single = [logistic_regression.cost(w, 0.1, X[:, [i]], Y[:, [i]]) for i in range(20)]
    assert logistic_regression.cost(w, 0.1, X, Y) == pytest.approx(sum(single) / 20)


@pytest.mark.golden(
    "S1",
    lines=(244, 245),
    says=("\\frac{\\partial w}{\\partial J(w, b)}", "\\frac{\\partial b}{\\partial J(w, b)}"),
    shows="The step of gradient descent.",
    right="w := w - alpha dJ/dw, b := b - alpha dJ/db",
    why="The printed fractions are upside down: such steps grow without bound as the slope goes to zero.",
)
def test_the_step_follows_the_slope():
    w = np.array([3.0])  # J = w^2, dJ/dw = 2 w
    for _ in range(200):
        w = optimizers.gradient_descent(w, 2 * w, alpha=0.1)
    assert w.item() == pytest.approx(0, abs=1e-12)
    upside_down = np.array([0.01])
    moved = optimizers.gradient_descent(upside_down, 1 / (2 * upside_down), alpha=0.1)
    assert abs(moved.item()) > 4


@pytest.mark.golden(
    "S1",
    lines=(261, 272),
    says=("J = 0; dw = 0; db = 0", "dz^{(i)} = a^{(i)} - y^{(i)}", "1 - a^{(i)}"),
    shows="Cost and gradients by loops over the examples, from zero up, are those of the vectorised form.",
)
def test_gradients_by_loops():
    X, Y, w = examples(m=9)
    loops, at_once = (f(w, 0.3, X, Y) for f in (logistic_regression.gradients_loop, logistic_regression.gradients))
    np.testing.assert_allclose(loops.dw, at_once.dw, rtol=1e-12)
    assert loops.db == pytest.approx(at_once.db, rel=1e-12)
    costs = [f(w, 0.3, X, Y) for f in (logistic_regression.cost_loop, logistic_regression.cost)]
    assert costs[0] == pytest.approx(costs[1], rel=1e-12)


@pytest.mark.golden(
    "S1",
    lines=(284, 290),
    says=("\\frac{1}{m} X dZ^T", "\\frac{1}{m} \\sum dZ"),
    shows="Vectorised gradients of logistic regression: A - Y, times the inputs, averaged over the examples.",
)
def test_gradients_at_once():
    X, Y, w = examples(m=9)
    weights, bias = torch.tensor(w, requires_grad=True), torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    logits = weights.T @ torch.tensor(X) + bias
    torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(Y)).backward()
    dw, db = logistic_regression.gradients(w, 0.3, X, Y)
    np.testing.assert_allclose(dw, weights.grad.numpy(), rtol=1e-10)
    assert db == pytest.approx(bias.grad.item(), rel=1e-10)


@pytest.mark.golden(
    "S1",
    lines=(365, 369),
    says=("W^{[l]} A^{[l-1]} + b^{[l]}", "$X = A^{[0]}$"),
    shows="A layer of all examples at once is the layer of each by itself, column by column; X is layer 0.",
)
def test_forward_column_by_column():
    X, _, _ = examples(m=6)
    layers = network.initialize((4, 5, 1), xavier, np.random.default_rng(1))
    net = network.Network((activations.SIGMOID,), network.BINARY)
    caches = network.forward(net, layers, X, network.no_dropout(layers, 6))
    assert caches[0].A_prev is X
    single = [network.forward(net, layers, X[:, [i]], network.no_dropout(layers, 1))[-1].Z for i in range(6)]
    np.testing.assert_allclose(caches[-1].Z, np.hstack(single), rtol=1e-12)


@pytest.mark.golden(
    "S1",
    line=379,
    says=("$\\tanh(0) = 0$", "$\\sigma(0) = 0.5$"),
    shows="At 0 the hyperbolic tangent is 0, and the sigmoid one half.",
)
def test_tanh_and_sigmoid_at_zero():
    zero = np.zeros(1)
    assert (activations.tanh(zero).item(), activations.sigmoid(zero).item()) == (0, 0.5)
    np.testing.assert_allclose(activations.tanh(Z), 2 * activations.sigmoid(2 * Z) - 1, rtol=1e-9, atol=1e-15)


@pytest.mark.golden(
    "S1",
    lines=(381, 383),
    says=("between -1 and 1 instead of 0 and 1", "between 0 and 1"),
    shows="The hyperbolic tangent lies between -1 and 1 with an average near 0, the sigmoid between 0 and 1.",
)
def test_ranges_of_tanh_and_sigmoid():
    far = np.array([-18.0, 18.0])
    assert (np.abs(activations.tanh(far)) < 1).all()
    assert activations.tanh(far).tolist() == pytest.approx([-1, 1])
    assert ((activations.sigmoid(far) > 0) & (activations.sigmoid(far) < 1)).all()
    assert activations.sigmoid(far).tolist() == pytest.approx([0, 1], abs=1e-7)
    assert (activations.tanh(Z).mean(), activations.sigmoid(Z).mean()) == pytest.approx((0, 0.5))


@pytest.mark.golden(
    "S1",
    line=389,
    says="\\max(0, z)",
    shows="The rectified linear unit keeps what is above 0.",
)
def test_relu():
    assert activations.relu(np.array([-3.0, -0.5, 0.0, 0.5, 3.0])).tolist() == [0, 0, 0, 0.5, 3]
    np.testing.assert_array_equal(activations.relu(Z), torch.relu(torch.tensor(Z)).numpy())


@pytest.mark.golden(
    "S1",
    lines=(395, 397),
    says=("\\max(0.01z, z)", "for the 0.01"),
    shows="The leaky rectified linear unit keeps a hundredth of what is below 0.",
)
def test_leaky_relu():
    assert activations.leaky_relu(np.array([-3.0, 0.0, 3.0])).tolist() == [-0.03, 0, 3]
    fast = torch.nn.functional.leaky_relu(torch.tensor(Z), negative_slope=0.01)
    np.testing.assert_allclose(activations.leaky_relu(Z), fast.numpy(), rtol=1e-12)


@pytest.mark.golden(
    "S1",
    lines=(405, 407),
    says="(w^{[2]}w^{[1]})x + (w^{[2]}b^{[1]} + b^{[2]})",
    shows="Two linear layers are one: their weights multiply, and the first bias goes through the second layer.",
)
def test_two_linear_layers_are_one():
    X, _, _ = examples(m=6)
    rng = np.random.default_rng(1)
    layers = [network.Layer(rng.normal(size=(5, 4)), rng.normal(size=(5, 1)))]
    layers += [network.Layer(rng.normal(size=(2, 5)), rng.normal(size=(2, 1)))]
    net = network.Network((activations.LINEAR,), network.SQUARED)
    (W1, b1), (W2, b2) = layers
    one = [network.Layer(W2 @ W1, W2 @ b1 + b2)]
    joined = network.Network((), network.SQUARED)
    np.testing.assert_allclose(
        network.predictions(net, layers, X), network.predictions(joined, one, X), rtol=1e-10, atol=1e-12
    )


def numeric(g):
    return [two_sided(lambda z: g(np.array(z)).item(), z, 1e-5) for z in Z]


@pytest.mark.golden(
    "S1",
    lines=(419, 421),
    says="\\frac{1}{1 + e^{-z}} \\left(1 - \\frac{1}{1 + e^{-z}} \\right)",
    shows="Derivative of the sigmoid: g (1 - g), at most 1/4.",
)
def test_derivative_of_the_sigmoid():
    np.testing.assert_allclose(activations.sigmoid_derivative(Z), numeric(activations.sigmoid), atol=1e-9)
    g = activations.sigmoid(Z)
    np.testing.assert_allclose(activations.sigmoid_derivative(Z), g * (1 - g), rtol=1e-12)


@pytest.mark.golden(
    "S1",
    line=427,
    says="1 - g(z)^2",
    shows="Derivative of the hyperbolic tangent: 1 - g squared, at most 1.",
)
def test_derivative_of_tanh():
    np.testing.assert_allclose(activations.tanh_derivative(Z), numeric(activations.tanh), atol=1e-9)
    np.testing.assert_allclose(activations.tanh_derivative(Z), 1 - activations.tanh(Z) ** 2, rtol=1e-12)


@pytest.mark.golden(
    "S1",
    lines=(431, 433),
    says=("0, & \\text{if } z < 0", "1, & \\text{if } z > 0", "\\text{undef}"),
    shows="Slope of the rectified linear unit: 0 below 0, 1 above; at 0 there is none, and 0 is taken.",
)
def test_slopes_of_relu():
    assert activations.relu_derivative(np.array([-1e-9, 1e-9])).tolist() == [0, 1]
    sides = [(activations.relu(np.array(z)) - activations.relu(np.array(0.0))) / z for z in (-1e-6, 1e-6)]
    assert sides == [0, 1]  # the two one-sided slopes at 0 differ: undefined
    z = torch.zeros(1, requires_grad=True)
    torch.relu(z).backward()
    assert activations.relu_derivative(np.zeros(1)).item() == z.grad.item() == 0


@pytest.mark.golden(
    "S1",
    lines=(437, 439),
    says=("0.01, & \\text{if } z < 0", "1, & \\text{if } z > 0"),
    shows="Slope of the leaky rectified linear unit: 0.01 below 0 and 1 above.",
)
def test_slopes_of_leaky_relu():
    assert activations.leaky_relu_derivative(np.array([-2.0, -1e-9, 1e-9, 2.0])).tolist() == [0.01, 0.01, 1, 1]


def by_autograd(layers, X, Y):
    """Gradients of the mean cross-entropy of a network with tanh inside and a sigmoid at its end."""
    parameters = [[torch.tensor(array, requires_grad=True) for array in layer] for layer in layers]
    A = torch.tensor(X)
    for place, (W, b) in enumerate(parameters):
        logits = W @ A + b
        A = torch.tanh(logits) if place < len(parameters) - 1 else logits
    torch.nn.functional.binary_cross_entropy_with_logits(A, torch.tensor(Y)).backward()
    return [[array.grad.numpy() for array in layer] for layer in parameters]


def assert_gradients_agree(m):
    X, Y, _ = examples(m)
    layers = network.initialize((4, 5, 3, 1), xavier, np.random.default_rng(2))
    net = network.Network((activations.TANH, activations.TANH), network.BINARY)
    computed = network.gradients(net, layers, X, Y, network.no_dropout(layers, m))
    for ours, autograd in zip(computed, by_autograd(layers, X, Y), strict=True):
        for gradient, wanted in zip(ours, autograd, strict=True):
            np.testing.assert_allclose(gradient, wanted, rtol=1e-9, atol=1e-14)


@pytest.mark.golden(
    "S1",
    lines=(445, 455),
    says=("a^{[L]} - y", "dz^{[l]} a^{[l-1]T}", "W^{[l+1]T} dz^{[l+1]} * g^{[l]'}(z^{[l]})"),
    shows="The four equations backward, for one example, give the gradients of the loss.",
)
def test_backward_for_one_example():
    assert_gradients_agree(m=1)


@pytest.mark.golden(
    "S1",
    lines=(461, 467),
    says=("A^{[L]} - Y", "\\frac{1}{m} dZ^{[l]} A^{[l-1]T}", "axis}=1"),
    shows="The four equations backward, for all examples, give the gradients of the cost, with 1/m in dW and db.",
)
def test_backward_for_all_examples():
    assert_gradients_agree(m=11)


@pytest.mark.golden(
    "S1",
    line=485,
    says=("$(n^{[l]}, n^{[l-1]})$", "$(n^{[l]}, 1)$"),
    shows="Shapes of the weights and biases of layer l.",
)
def test_shapes_of_parameters():
    sizes = (7, 5, 3, 1)
    layers = network.initialize(sizes, small_random, np.random.default_rng(0))
    assert [layer.W.shape for layer in layers] == [(n, n_prev) for n_prev, n in itertools.pairwise(sizes)]
    assert [layer.b.shape for layer in layers] == [(n, 1) for n in sizes[1:]]
    assert [tuple(torch.nn.Linear(*pair).weight.shape) for pair in itertools.pairwise(sizes)] == [
        layer.W.shape for layer in layers
    ]
