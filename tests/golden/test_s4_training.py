"""Figures of Ronchetti & Quiroga: dropout, gradient descent and its optimizers, first weights."""

import inspect
from itertools import product

import numpy as np
import pytest
import torch

from rumbo.reference import descent, initializers, logistic_regression, losses, network, optimizers
from rumbo.reference.activations import RELU, relu, relu_derivative
from rumbo.reference.averages import effective_window
from rumbo.reference.regularization import dropout, dropout_at_test, dropout_mask, inverted_dropout


def expected(result, p, num_units):
    """Mean of `result(D)` over all masks D of the units, each with its probability."""
    masks = [np.array(mask, dtype=np.float64) for mask in product((0, 1), repeat=num_units)]
    return sum(p ** mask.sum() * (1 - p) ** (1 - mask).sum() * result(mask) for mask in masks)


@pytest.mark.golden(
    "S4",
    lines=(314, 319),
    says="$5 \\cdot p \\leq 5$",
    shows="While a network trains with dropout, 5p of 5 hidden units are active on average; at prediction all 5 are, "
    "so their activations are multiplied by p.",
)
@pytest.mark.parametrize("p", [0.5, 0.7, 0.9])
def test_dropout_leaves_5p_units(p):
    h = np.ones(5)
    assert expected(lambda D: dropout(h, D).sum(), p, 5) == pytest.approx(5 * p)
    assert dropout_at_test(h, p).sum() == pytest.approx(5 * p)


@pytest.mark.golden(
    "S4",
    line=333,
    says="0.9, 0.7, 0.5",
    shows="Usual probabilities to keep a unit, lower in deeper layers: so many of its units each layer keeps.",
)
def test_deeper_layers_keep_less():
    rng = np.random.default_rng(0)
    layers = network.initialize((10, 400, 400, 400, 1), initializers.he, rng)
    masks = network.dropout_masks(layers, (0.9, 0.7, 0.5), 200, rng)
    assert [(mask > 0).mean() for mask in masks] == pytest.approx([0.9, 0.7, 0.5], abs=0.01)
    assert [mask.mean() for mask in masks] == pytest.approx([1, 1, 1], abs=0.02)


def kept_value(keep_prob):
    """What a framework's dropout, told the share to drop, makes of a 1 that stays."""
    torch.manual_seed(0)
    dropped = torch.nn.functional.dropout(torch.ones(10_000, dtype=torch.float64), p=1 - keep_prob)
    assert (dropped > 0).double().mean().item() == pytest.approx(keep_prob, abs=0.02)
    return dropped.max().item()


@pytest.mark.golden(
    "S4",
    lines=(358, 359),
    says=("probabilidad de 0.7", "1-0.7"),
    shows="A framework's dropout is told the share to drop: 0.3, to keep a unit with probability 0.7.",
)
def test_the_framework_is_told_the_share_to_drop_03():
    assert kept_value(0.7) == pytest.approx(inverted_dropout(np.ones(1), np.ones(1), 0.7).item())


@pytest.mark.golden(
    "S4",
    lines=(361, 362),
    says=("probabilidad de 0.5", "1-0.5"),
    shows="To keep a unit with probability 0.5, a framework's dropout is told to drop 0.5.",
)
def test_the_framework_is_told_the_share_to_drop_05():
    assert kept_value(0.5) == pytest.approx(inverted_dropout(np.ones(1), np.ones(1), 0.5).item())


@pytest.mark.golden(
    "S4",
    lines=(383, 392),
    says=("1/p", "m[i]=1/p"),
    shows="Divided by p while training, a layer's activations need no factor at prediction.",
)
def test_inverted_dropout_divides_by_p():
    rng, p = np.random.default_rng(0), 0.8
    A = rng.normal(size=(50, 400))
    D = dropout_mask(A.shape, p, rng)
    dropped = inverted_dropout(A, D, p)
    np.testing.assert_allclose(dropped[D == 1], A[D == 1] * (1 / p), rtol=1e-12)
    assert not dropped[D == 0].any()
    np.testing.assert_allclose(expected(lambda D: inverted_dropout(A[:4, 0], D, p), p, 4), A[:4, 0], rtol=1e-12)


@pytest.mark.golden(
    "S4",
    line=414,
    says="$5*p*1/p = 5$",
    shows="With inverted dropout five hidden units have on average, in training, the size of all five.",
)
@pytest.mark.parametrize("p", [0.5, 0.7, 0.9])
def test_inverted_dropout_keeps_the_size_of_5_units(p):
    assert expected(lambda D: inverted_dropout(np.ones(5), D, p).sum(), p, 5) == pytest.approx(5)


# Logistic regression with two parameters, a convex cost whose classes overlap, so that its minimum is finite.
X_LINE = np.array([[-2.0, -1.0, -0.5, 0.5, 1.0, 2.0]])
Y_LINE = np.array([[0.0, 0.0, 1.0, 0.0, 1.0, 1.0]])


def line_gradient(W, X, Y):
    dw, db = logistic_regression.gradients(W[:1], W[1, 0], X, Y)
    return np.vstack([dw, [[db]]])


@pytest.mark.golden(
    "S4",
    lines=(690, 695),
    says=("2 parámetros", "1 solo mínimo"),
    shows="A convex cost of two parameters has one minimum, to which descent comes from any start.",
)
def test_a_convex_cost_has_one_minimum():
    starts = [np.array([[w], [b]]) for w, b in product((-4.0, 0.0, 6.0), (-5.0, 3.0))]
    ends = [descent.batch_gradient_descent(line_gradient, W, X_LINE, Y_LINE, 1.0, 1000)[-1] for W in starts]
    for end in ends:
        np.testing.assert_allclose(end, ends[0], atol=1e-8)
        np.testing.assert_allclose(line_gradient(end, X_LINE, Y_LINE), 0, atol=1e-9)


def squared_gradient(W, X, Y):
    return 2 * (W @ X - Y) @ X.T / X.shape[1]


@pytest.mark.golden(
    "S4",
    lines=(730, 731),
    says=("5 batchs", "5 modificaciones"),
    shows="Five mini-batches change the parameters five times in an epoch.",
)
def test_five_batches_five_steps():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(1, 40)), rng.normal(size=(1, 40))
    path = descent.mini_batch_gradient_descent(squared_gradient, np.zeros((1, 1)), X, Y, 0.1, 1, 8, rng)
    assert len(path) - 1 == descent.number_of_batches(40, 8) == 5
    assert len({W.item() for W in path}) == 6


@pytest.mark.golden(
    "S4",
    lines=(780, 786),
    says=("lr = 0.001", "epochs = 1000"),
    shows="Descent by all examples makes one step an epoch: a thousand epochs, a thousand steps.",
)
def test_batch_descent_makes_one_step_an_epoch():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(1, 64)), rng.normal(size=(1, 64))
    path = descent.batch_gradient_descent(squared_gradient, np.ones((1, 1)), X, Y, 0.001, 1000)
    assert len(path) - 1 == 1000
    best = (Y @ X.T / (X @ X.T)).item()
    shrink = 1 - 0.001 * 2 * (X**2).mean()  # of the distance to the best, at every step
    assert path[-1].item() - best == pytest.approx((1 - best) * shrink**1000)


@pytest.mark.golden(
    "S4",
    lines=(797, 798),
    says=("batch_size = 32", "n // batch_size"),
    shows="How many mini-batches an epoch has.",
    right="n / 32, rounded up",
    why="Rounded down, the examples after the last full mini-batch are never seen: 8 of 1,000.",
)
def test_an_epoch_sees_every_example():
    n = 1000
    assert n - (n // 32) * 32 == 8
    assert descent.number_of_batches(n, 32) == 32
    batches = descent.split(np.arange(n), 32)
    assert [len(batch) for batch in batches] == [32] * 31 + [8]
    assert sorted(np.concatenate(batches)) == list(range(n))


@pytest.mark.golden(
    "S4",
    lines=(818, 823),
    says=("entre 0 y 1", "mu = 0.9"),
    shows="Under a steady gradient the velocity form of momentum with 0.9 comes to steps ten times those of plain "
    "descent.",
)
def test_momentum_of_09_makes_steps_ten_times_as_long():
    alpha, dW = 0.001, np.array([2.0])
    w, v = np.zeros(1), np.zeros(1)
    for _ in range(300):
        before = w
        w, v = optimizers.velocity_with_rate(w, dW, v, alpha, mu=0.9)
    plain = optimizers.gradient_descent(np.zeros(1), dW, alpha)
    np.testing.assert_allclose(w - before, 10 * plain, rtol=1e-9)
    assert optimizers.momentum_rate(alpha, 0.9) == pytest.approx(10 * alpha)


@pytest.mark.golden(
    "S4",
    lines=(842, 846),
    says=("eps = 0.0001", "dw / normalizing_factor"),
    shows="AdaGrad divides a gradient by the root of the sum of all squares so far.",
    right="w - alpha dw / normalizing_factor",
    why="The printed step has no learning rate: the first one is 1 whatever the gradient, and nothing can be tuned.",
)
def test_adagrad_has_a_learning_rate():
    for dW in (np.array([0.05]), np.array([40.0])):
        as_printed, _ = optimizers.adagrad(np.zeros(1), dW, np.zeros(1), alpha=1.0, eps=0.0001)
        np.testing.assert_allclose(as_printed, -dW / (np.abs(dW) + 0.0001), rtol=1e-12)
        assert as_printed.item() == pytest.approx(-1, abs=0.01)
        with_rate, S = optimizers.adagrad(np.zeros(1), dW, np.zeros(1), alpha=0.01, eps=0.0001)
        np.testing.assert_allclose(with_rate, 0.01 * as_printed, rtol=1e-12)
        np.testing.assert_array_equal(S, dW**2)


@pytest.mark.golden(
    "S4",
    lines=(897, 901),
    says=("lr=0.01", "momentum=0.9", "rho=0.9", "learning_rate=0.001", "beta_1=0.9", "beta_2=0.999", "amsgrad=False"),
    shows="Usual settings of the optimizers: averages over about 10 gradients and, in Adam, over about 1,000 squares.",
)
def test_usual_settings_of_optimizers():
    def default(rule, name):
        return inspect.signature(rule).parameters[name].default

    assert default(optimizers.momentum, "beta") == default(optimizers.rmsprop, "beta") == 0.9
    assert (default(optimizers.adam, "beta1"), default(optimizers.adam, "beta2")) == (0.9, 0.999)
    fast = torch.optim.Adam([torch.zeros(1)]).defaults
    assert (fast["lr"], fast["betas"], fast["amsgrad"]) == (0.001, (0.9, 0.999), False)
    assert [effective_window(beta) for beta in (0.9, 0.999)] == pytest.approx([10, 1000])


COLUMN = np.array([[3.0], [2.0], [1.0]])

RELU_OUTPUT = network.Output(
    relu,
    lambda Z, Y: losses.squared_error(relu(Z), Y).sum(axis=0),
    lambda Z, Y: losses.squared_error_derivative(relu(Z), Y) * relu_derivative(Z),
)
RELU_NET = network.Network((RELU, RELU), RELU_OUTPUT)


def outputs_of_layers(initializer):
    """Activations of three layers of three ReLUs each, for the input (3, 2, 1)."""
    layers = network.initialize((3, 3, 3, 3), initializer, np.random.default_rng(0))
    caches = network.forward(RELU_NET, layers, COLUMN, network.no_dropout(layers, 1))
    return [relu(cache.Z).ravel().tolist() for cache in caches]


@pytest.mark.golden(
    "S4",
    lines=(986, 998),
    says=("(3, 2, 1)", "W = 0", "B = 0", "(0, 0, 0)"),
    shows="With weights of zero, three layers of ReLUs turn the input (3, 2, 1) into zeros.",
)
def test_weights_of_zero_give_zeros():
    assert outputs_of_layers(initializers.zeros) == [[0, 0, 0]] * 3


@pytest.mark.golden(
    "S4",
    lines=(970, 974),
    says=("Predice todo 0", "derivadas son 0"),
    shows="With weights of zero all predictions and all derivatives are zero: such a network does not learn.",
)
def test_weights_of_zero_have_no_gradient():
    layers = network.initialize((3, 3, 3, 3), initializers.zeros, np.random.default_rng(0))
    Y = np.ones((3, 1))
    grads = network.gradients(RELU_NET, layers, COLUMN, Y, network.no_dropout(layers, 1))
    assert not any(grad.any() for layer in grads for grad in layer)
    assert not network.predictions(RELU_NET, layers, COLUMN).any()


@pytest.mark.golden(
    "S4",
    lines=(976, 982),
    says=("5, por ejemplo", "Todas las neuronas predicen lo mismo"),
    shows="Weights of one value stay alike, however long one trains: all units of a layer say the same.",
)
def test_equal_weights_stay_equal():
    layers = network.initialize((3, 4, 4, 1), initializers.constant, np.random.default_rng(0))
    assert all((layer.W == 5).all() for layer in layers)
    rng = np.random.default_rng(1)
    X, Y = rng.uniform(size=(3, 60)), rng.uniform(size=(1, 60))
    net = network.Network((RELU, RELU), network.SQUARED)
    trained = network.train(net, layers, X, Y, network.Training(1e-6, 20, 20, (1.0, 1.0)), rng)
    for before, after in zip(layers[:2], trained[:2], strict=True):
        assert not np.allclose(before.W, after.W, atol=1e-6)
        np.testing.assert_allclose(after.W, np.broadcast_to(after.W[:1], after.W.shape), rtol=1e-12)


@pytest.mark.golden(
    "S4",
    lines=(1000, 1010),
    says=("(3, 2, 1)", "W = 5", "(30, 30, 30)", "(450, 450, 450)"),
    shows="With weights of five, two layers of three ReLUs turn the input (3, 2, 1) into 30s and then 450s.",
)
def test_weights_of_five_give_30_and_450():
    assert outputs_of_layers(initializers.constant)[:2] == [[30] * 3, [450] * 3]


@pytest.mark.golden(
    "S4",
    line=1014,
    says="(2250, 2250, 2250)",
    shows="The third layer of three ReLUs with weights of five, after three inputs of 450 each.",
    right="(6750, 6750, 6750)",
    why="5 (450 + 450 + 450) = 6750; 2250 is five times one of the three.",
)
def test_the_third_layer_of_fives_gives_6750():
    assert outputs_of_layers(initializers.constant)[2] == [6750] * 3


@pytest.mark.golden(
    "S4",
    line=1037,
    says=("$\\mu=0$", "$\\sigma=0.001$"),
    shows="Small normal weights have mean 0 and standard deviation 0.001.",
)
def test_small_normal_weights():
    W = initializers.small_random(400, 500, np.random.default_rng(0), scale=0.001)
    assert W.mean() == pytest.approx(0, abs=1e-5)
    assert W.std() == pytest.approx(0.001, rel=0.01)


@pytest.mark.golden(
    "S4",
    line=1038,
    says=("$a=-0.001$", "$b=0.001$"),
    shows="Small uniform weights lie between -0.001 and 0.001.",
)
def test_small_uniform_weights():
    W = initializers.small_uniform(400, 500, np.random.default_rng(0), limit=0.001)
    assert (W.min(), W.max()) == (pytest.approx(-0.001, rel=1e-3), pytest.approx(0.001, rel=1e-3))
    assert W.std() == pytest.approx(0.001 / np.sqrt(3), rel=0.01)


@pytest.mark.golden(
    "S4",
    lines=(1055, 1056),
    says=("media = 0", "2 / (#inputs+#outputs)"),
    shows="Glorot's first weights have mean 0 and variance 2 / (inputs + outputs).",
)
def test_variance_of_glorot():
    W = initializers.glorot(300, 500, np.random.default_rng(0))
    assert initializers.glorot_variance(500, 300) == 2 / 800
    assert W.mean() == pytest.approx(0, abs=5e-4)
    assert W.var() == pytest.approx(2 / 800, rel=0.02)
    fast = torch.nn.init.xavier_normal_(torch.empty(300, 500), generator=torch.Generator().manual_seed(0))
    assert fast.var().item() == pytest.approx(2 / 800, rel=0.02)


@pytest.mark.golden(
    "S4",
    lines=(1074, 1075),
    says=("media = 0", "2 / (#inputs)"),
    shows="He's first weights have mean 0 and variance 2 / inputs.",
)
def test_variance_of_he():
    W = initializers.he(300, 500, np.random.default_rng(0))
    assert initializers.he_variance(500) == 2 / 500
    assert W.mean() == pytest.approx(0, abs=5e-4)
    assert W.var() == pytest.approx(2 / 500, rel=0.02)
    fast = torch.nn.init.kaiming_normal_(torch.empty(300, 500), generator=torch.Generator().manual_seed(0))
    assert fast.var().item() == pytest.approx(2 / 500, rel=0.02)
