"""Figures of S0 on regularisation, first weights, gradient checking, optimisers, rates, batch norm and softmax."""

import inspect

import numpy as np
import pytest
import torch
from torch import nn

from rumbo.api.defaults import choose_training
from rumbo.data.loader import cut
from rumbo.reference import averages, descent, gradient_check, initializers, normalization, optimizers, schedules
from rumbo.reference import network as networks
from rumbo.reference.activations import LINEAR, TANH, sigmoid, softmax
from rumbo.reference.graph import Node, derivatives
from rumbo.reference.network import BINARY, Layer, Network
from rumbo.reference.regularization import l1_penalty, l2_gradient, l2_penalty, weight_decay_step
from rumbo.training.optimizer import make_optimizer
from rumbo.training.options import FitOptions, OptimizerOptions, ScheduleOptions
from rumbo.training.schedule import rate_factor


def some_network(sizes, m=5, scale=1.0, l2=0.0):
    """Layers with random weights, examples and targets."""
    rng = np.random.default_rng(0)
    network = Network((TANH,) * (len(sizes) - 2), BINARY, l2=l2)
    layers = [Layer(scale * W, b) for W, b in networks.initialize(sizes, initializers.xavier, rng)]
    X, Y = rng.normal(size=(sizes[0], m)), rng.integers(0, 2, (sizes[-1], m)).astype(float)
    return network, layers, X, Y


def vector_cost(network, layers, X, Y, masks):
    """The cost as a function of all parameters in one vector."""
    shapes = [part.shape for layer in layers for part in layer]

    def cost(theta):
        parts = gradient_check.unflatten(theta, shapes)
        return networks.cost(
            network, [Layer(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)], X, Y, masks()
        )

    return cost, gradient_check.flatten([part for layer in layers for part in layer])


@pytest.mark.golden(
    "S0",
    lines=(853, 861),
    says=(r"\frac{\lambda}{2m} \|w\|_2^2", r"\sum_{j=1}^{n_x} w_j^2 = w^T w", r"\frac{\lambda}{2m} \|w\|_1"),
    shows="Penalties of logistic regression: λ/2m times the sum of squares, which is the product of w with itself, "
    "or λ/2m times the sum of absolute values.",
)
def test_penalties_of_logistic_regression():
    w, lam, m = np.array([[3.0], [-4.0], [0.5]]), 0.7, 10
    assert l2_penalty([w], lam, m) == pytest.approx(lam / (2 * m) * (w.T @ w).item(), rel=1e-12)
    assert l1_penalty([w], lam, m) == pytest.approx(lam / (2 * m) * 7.5, rel=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(865, 871),
    says=(r"\sum_{i=1}^{n^{(l+1)}} \sum_{j=1}^{n^{(l)}} (w_{ij}^{(l)})^2",),
    shows="The squared Frobenius norm of a layer's weights as a double sum.",
    right="Σ over i = 1 … n[l] and j = 1 … n[l−1] of (w_ij[l])²",
    why="W[l] has n[l] rows and n[l−1] columns in all other places of these notes; as printed the sum is over the "
    "next layer's weights.",
)
def test_the_frobenius_norm():
    sizes, m, lam = (2, 3, 5, 1), 10, 0.6
    _, layers, *_ = some_network(sizes)
    for l, (W, _) in enumerate(layers, start=1):  # noqa: E741, the notes' letter
        total = sum(W[i, j] ** 2 for i in range(sizes[l]) for j in range(sizes[l - 1]))
        assert l2_penalty([W], lam, m) == pytest.approx(lam / (2 * m) * total, rel=1e-12)
    W = layers[1].W
    assert (W**2).sum() == pytest.approx(np.linalg.norm(W, "fro") ** 2, rel=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(876, 881),
    says=(r"\frac{\lambda}{m} w^{(l)}", r"w^{(l)} - \delta \delta w^{(l)}"),
    shows="One step of gradient descent with L2: the penalty adds λ/m times the weights to the gradient.",
    right="w[l] := w[l] − α dw[l]",
    why="The learning rate α stands in front of the gradient, as in every other update of the notes.",
)
def test_a_step_with_l2():
    W, dW, alpha, lam, m = np.array([[2.0, -1.0]]), np.array([[0.5, 0.25]]), 0.1, 0.4, 8
    np.testing.assert_allclose(l2_gradient(W, lam, m), 0.05 * W, rtol=1e-12)
    measured = gradient_check.numeric_gradient(lambda w: l2_penalty([w.reshape(1, 2)], lam, m), W.ravel())
    np.testing.assert_allclose(measured, l2_gradient(W, lam, m).ravel(), rtol=1e-8)
    stepped = optimizers.gradient_descent(W, dW + l2_gradient(W, lam, m), alpha)
    np.testing.assert_allclose(stepped, W - alpha * (dW + lam / m * W), rtol=1e-12)
    np.testing.assert_allclose(weight_decay_step(W, dW, alpha, lam, m), stepped, rtol=1e-12)


@pytest.mark.golden(
    "S0",
    line=927,
    says="$b=0$",
    shows="Without biases and with linear units, activations of L layers are multiplied by w at each: 1.5 makes "
    "1.5^L of them and 0.5 makes 0.5^L, thousands or millionths after 20 layers.",
)
@pytest.mark.parametrize("w", [1.5, 0.5])
def test_signals_explode_or_vanish(w):
    L, x = 20, np.array([[1.0], [-2.0]])
    layers = [Layer(w * np.eye(2), np.zeros((2, 1)))] * L
    network = Network((LINEAR,) * (L - 1), networks.SQUARED)
    np.testing.assert_allclose(networks.predictions(network, layers, x), w**L * x, rtol=1e-12)
    assert w**L > 1e3 or w**L < 1e-6
    gradient = networks.gradients(network, layers, x, 0 * x, networks.no_dropout(layers, 1))[0].W
    np.testing.assert_allclose(gradient, 2 * w ** (2 * L - 1) * x @ x.T, rtol=1e-9)


@pytest.mark.golden(
    "S0",
    lines=(931, 937),
    says=("$1/n$", "$2/n$", r"\frac{1}{n} \frac{2}{n}"),
    shows="Variance of the first weights of a unit fed by n others: 1/n keeps the size of a linear signal from layer "
    "to layer, 2/n that of one that goes through ReLU.",
)
@pytest.mark.parametrize(
    ("initializer", "variance", "g"),
    [(initializers.xavier, 1, lambda Z: Z), (initializers.he, 2, lambda Z: np.maximum(0, Z))],
    ids=["linear", "relu"],
)
def test_variance_of_the_first_weights(initializer, variance, g):
    n, rng = 400, np.random.default_rng(0)
    assert initializer(n, n, rng).var() == pytest.approx(variance / n, rel=0.02)
    Z = rng.normal(size=(n, 200))
    start = (Z**2).mean()
    for _ in range(10):
        Z = initializer(n, n, rng) @ g(Z)
    assert (Z**2).mean() == pytest.approx(start, rel=0.5)


@pytest.mark.golden(
    "S0",
    lines=(939, 941),
    says=r"\text{np.random.rand}(n) * \sqrt{\frac{2}{n^{(l-1)}}}",
    shows="First weights for ReLU with a variance of 2/n.",
    right="W[l] = np.random.randn(n[l], n[l−1]) · sqrt(2 / n[l−1])",
    why="rand draws uniformly from 0 to 1: all weights positive, with a mean of 1/2 and a variance of only 1/12 "
    "before the factor. It takes normal numbers of variance 1.",
)
def test_first_weights_for_relu_are_normal():
    n, rng = 500, np.random.default_rng(0)
    W = initializers.he(n, n, rng)
    assert W.var() == pytest.approx(initializers.he_variance(n), rel=0.02)
    assert abs(W.mean()) < 0.01 * W.std()
    as_printed = rng.random((n, n)) * np.sqrt(2 / n)
    assert as_printed.var() == pytest.approx(initializers.he_variance(n) / 12, rel=0.02)
    assert as_printed.min() >= 0


@pytest.mark.golden(
    "S0",
    line=952,
    says=r"\frac{2}{n^{(L-1)} + n}",
    shows="Xavier's other variant: a variance of 2 over the sum of a layer's inputs and outputs.",
)
def test_xavier_variance_over_inputs_and_outputs():
    n_in, n_out = 300, 500
    assert initializers.glorot_variance(n_in, n_out) == 2 / (n_in + n_out)
    W = initializers.glorot(n_out, n_in, np.random.default_rng(0))
    assert W.var() == pytest.approx(2 / (n_in + n_out), rel=0.02)


@pytest.mark.golden(
    "S0",
    line=962,
    says=("2\\epsilon}", "O(\\epsilon^2)"),
    shows="A difference to both sides, over 2ε, is wrong by the order of ε²: a tenth of ε makes the error a hundredth.",
)
def test_order_of_two_sided_differences():
    errors = [abs(gradient_check.two_sided(np.exp, 1.0, eps) - np.e) for eps in (0.1, 0.01, 0.001)]
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.01)
    assert errors[1] / errors[2] == pytest.approx(100, rel=0.01)


@pytest.mark.golden(
    "S0",
    lines=(964, 965),
    says=(r"$\epsilon = 0.01$", r"$\epsilon = 0.0001$", "\t0.01"),
    shows="Errors of the two-sided and of the one-sided difference at ε = 0.01.",
    right="at ε = 0.01: two-sided, error O(ε²) = 0.0001; one-sided, error O(ε) = 0.01",
    why="The table repeats the one-sided formula and takes the two-sided error of 0.0001 for another ε. At ε = "
    "0.0001 a one-sided difference is wrong by about 0.0001, not by 0.01.",
)
def test_errors_of_differences():
    def cube(theta):
        return theta**3  # the slope at 1 is 3

    assert gradient_check.two_sided(cube, 1.0, 0.01) - 3 == pytest.approx(0.0001, rel=1e-6)
    assert 0.01 < gradient_check.one_sided(cube, 1.0, 0.01) - 3 < 0.04
    assert gradient_check.one_sided(cube, 1.0, 0.0001) - 3 < 0.0004


@pytest.mark.golden(
    "S0",
    lines=(983, 997),
    says=(r"\varepsilon = 10^{-7}", r"$\approx 10^{-7}$", "10^{-5}", "10^{-3}", "2 órdenes de magnitud"),
    shows="Relative distance between backward's gradient and differences with ε = 10⁻⁷: up to 10⁻⁷ is great, above "
    "10⁻⁵ it is time to look at the components, above 10⁻³ to worry.",
)
def test_bands_of_gradient_checking():
    above = [np.nextafter(limit, 1).item() for limit in (1e-5, 1e-3)]
    assert [gradient_check.verdict(d) for d in (1e-7, *above)] == ["great", "look", "worry"]
    network, layers, X, Y = some_network((3, 4, 1))
    masks = networks.no_dropout(layers, 5)
    cost, theta = vector_cost(network, layers, X, Y, lambda: masks)
    exact = gradient_check.flatten([p for layer in networks.gradients(network, layers, X, Y, masks) for p in layer])
    assert gradient_check.check(cost, theta, exact, eps=1e-7).verdict == "great"
    wrong = exact.copy()
    wrong[13] *= -1  # one bias
    found = gradient_check.check(cost, theta, wrong, eps=1e-7)
    assert (found.verdict, found.worst) == ("worry", 13)


@pytest.mark.golden(
    "S0",
    line=1004,
    says="keep_prob=1.0",
    shows="Dropout makes the cost random, so differences say nothing; with a keep probability of 1 they work again.",
)
def test_gradient_checking_needs_dropout_off():
    network, layers, X, Y = some_network((3, 8, 1))

    def check(keep_prob):
        rng = np.random.default_rng(1)
        cost, theta = vector_cost(network, layers, X, Y, lambda: networks.dropout_masks(layers, [keep_prob], 5, rng))
        masks = networks.dropout_masks(layers, [keep_prob], 5, rng)
        grads = networks.gradients(network, layers, X, Y, masks)
        return gradient_check.check(cost, theta, gradient_check.flatten([p for layer in grads for p in layer])).verdict

    assert (check(1.0), check(0.5)) == ("great", "worry")


@pytest.mark.golden(
    "S0",
    line=1005,
    says=r"$w, b \sim 0$",
    shows="A fault that does not show where all parameters are near 0: tanh taken for a straight line on the way back.",
)
def test_some_faults_do_not_show_near_zero():
    def check(scale):
        network, layers, X, Y = some_network((3, 4, 1), scale=scale)
        masks = networks.no_dropout(layers, 5)
        cost, theta = vector_cost(network, layers, X, Y, lambda: masks)
        faulty = network._replace(activations=(TANH._replace(derivative=np.ones_like),))
        grads = networks.gradients(faulty, layers, X, Y, masks)
        return gradient_check.check(cost, theta, gradient_check.flatten([p for layer in grads for p in layer])).verdict

    assert (check(1e-4), check(1.0)) == ("great", "worry")


@pytest.mark.golden(
    "S0",
    lines=(1013, 1035),
    says=("$m = 5,000,000$", "5,000 mini-batches of 1,000 each", "$m = 5M$", "5000 subconjuntos"),
    shows="Five million examples in mini-batches of 1,000 make 5,000 mini-batches.",
)
def test_number_of_mini_batches():
    assert descent.number_of_batches(5_000_000, 1_000) == 5_000
    batches = descent.split(np.arange(5_000_000), 1_000)
    assert len(batches) == len(cut(5_000_000, 1_000)) == 5_000
    assert {len(batch) for batch in batches} == {1_000}
    assert (batches[0][0], batches[0][-1], batches[1][0], batches[1][-1]) == (0, 999, 1_000, 1_999)


@pytest.mark.golden(
    "S0",
    lines=(1045, 1048),
    says=("(1000 examples)", r"\frac{1}{1000} \sum_{i=1}^{1000}", r"\frac{\lambda}{2 \cdot 1000}"),
    shows="Cost of a mini-batch of 1,000: the mean of its losses, and λ/2000 times the squares of all weights.",
)
def test_cost_of_a_mini_batch():
    network, layers, X, Y = some_network((3, 4, 1), m=1_000, l2=0.8)
    masks = networks.no_dropout(layers, 1_000)
    Z = networks.forward(network, layers, X, masks)[-1].Z
    squares = sum(np.linalg.norm(W, "fro") ** 2 for W, _ in layers)
    expected = BINARY.loss(Z, Y).sum() / 1_000 + 0.8 / 2_000 * squares
    assert networks.cost(network, layers, X, Y, masks) == pytest.approx(expected, rel=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(1066, 1068),
    says=("mini-batch = m", "mini-batch = 1", "entre 1 y m"),
    shows="Mini-batches of all m examples are batch gradient descent, one step an epoch; mini-batches of one are "
    "stochastic gradient descent, m steps an epoch.",
)
def test_the_two_ends_of_mini_batches():
    m, rng = 12, np.random.default_rng(0)
    X, Y, w = rng.normal(size=(2, m)), rng.normal(size=(1, m)), np.zeros((2, 1))

    def gradient(w, X, Y):
        return X @ (w.T @ X - Y).T / X.shape[1]

    whole = descent.mini_batch_gradient_descent(gradient, w, X, Y, 0.1, 3, m, np.random.default_rng(1))
    batch = descent.batch_gradient_descent(gradient, w, X, Y, 0.1, 3)
    np.testing.assert_allclose(whole, batch, rtol=1e-12)
    single = descent.mini_batch_gradient_descent(gradient, w, X, Y, 0.1, 3, 1, np.random.default_rng(1))
    stochastic = descent.stochastic_gradient_descent(gradient, w, X, Y, 0.1, 3, np.random.default_rng(1))
    np.testing.assert_allclose(single, stochastic, rtol=1e-12)
    assert (len(batch) - 1, len(stochastic) - 1) == (3, 3 * m)


@pytest.mark.golden(
    "S0",
    line=1131,
    says=(r"$m \leq 2000$", "$64(2^6)$", "$128(2^7)$", "$256(2^8)$", "$512(2^9)$"),
    shows="Usual sizes of mini-batches are the powers 2⁶ to 2⁹, and those that we choose for larger data are among "
    "them; 2,000 examples and fewer fit into one batch.",
)
def test_usual_sizes_of_mini_batches():
    assert descent.USUAL_SIZES == tuple(2**k for k in (6, 7, 8, 9)) == (64, 128, 256, 512)
    chosen = {choose_training(FitOptions(), m).batch_size for m in (5_000, 50_000, 500_000, 5_000_000)}
    assert chosen <= set(descent.USUAL_SIZES)
    assert choose_training(FitOptions(batch_size=0), 2_000).batch_size == 2_000


@pytest.mark.golden(
    "S0",
    lines=(1143, 1145),
    says=("$V_0 = 0$", "90%", "10%"),
    shows="An exponentially weighted average starts at 0; with β = 0.9 each day keeps 90 % of the average and takes "
    "10 % of the day's temperature: 4, 8.5 and 12.15 after 40, 49 and 45 °F.",
)
def test_first_steps_of_a_weighted_average():
    V = averages.weighted_averages(np.array([40.0, 49.0, 45.0]), 0.9)
    np.testing.assert_allclose(V, [0.1 * 40, 0.9 * 4 + 0.1 * 49, 0.9 * 8.5 + 0.1 * 45], rtol=1e-12)
    np.testing.assert_allclose(V, [4, 8.5, 12.15], rtol=1e-12)
    assert averages.weights_of_past(0.9, 1).tolist() == pytest.approx([0.1])


@pytest.mark.golden(
    "S0",
    lines=(1148, 1159),
    says=("≈ 10 days", "≈ 50 days", "≈ 2 days", r"\frac{1}{1-0.98} = 50"),
    shows="About 1/(1 − β) days count in an exponentially weighted average: 10 for β = 0.9, 50 for 0.98, 2 for 0.5.",
)
@pytest.mark.parametrize(("beta", "days"), [(0.9, 10), (0.98, 50), (0.5, 2)])
def test_days_that_count(beta, days):
    assert averages.effective_window(beta) == pytest.approx(days, rel=1e-12)
    assert averages.weight_beyond(beta, days) < 1 / np.e  # older days hold less than that


@pytest.mark.golden(
    "S0",
    line=1166,
    says=(r"$\beta = 0.9$", r"$\beta = 0.89$", r"$\beta = 0.5$"),
    shows="β of the red, the green and the yellow line of averages.",
    right="β = 0.98 for the green line",
    why="0.89 would be 9 days, all but the same line as the red one of 10; the list above has 50 days, and the "
    "section on the correction of the bias gives the green line 0.98.",
)
def test_the_green_line():
    windows = [averages.effective_window(beta) for beta in (0.9, 0.89, 0.98)]
    np.testing.assert_allclose(windows, [10, 9.0909, 50], rtol=1e-4)


@pytest.mark.golden(
    "S0",
    lines=(1183, 1185),
    says=("1 - (0.98)^2 = 0.0396", "1 - (0.98)^{100} = 1 - 0 = 1"),
    shows="What the average of β = 0.98 is divided by on day 2 and on day 100.",
    right="0.0396 and 0.867",
    why="0.98¹⁰⁰ is 0.133 and not 0: after 100 days the correction still makes 15 %, and 1 % after 230.",
)
def test_correction_of_the_bias():
    assert averages.bias_correction(0.98, 2) == pytest.approx(0.0396, rel=1e-12)
    assert averages.bias_correction(0.98, 100) == pytest.approx(0.867, abs=5e-4)
    assert 1 / averages.bias_correction(0.98, 100) == pytest.approx(1.15, abs=0.005)
    assert 1 / averages.bias_correction(0.98, 230) == pytest.approx(1.01, abs=0.001)
    same_every_day = np.full(100, 40.0)
    np.testing.assert_allclose(averages.corrected_averages(same_every_day, 0.98), 40.0, rtol=1e-12)
    assert averages.weighted_averages(same_every_day, 0.98)[-1] == pytest.approx(0.867 * 40, abs=0.02)


@pytest.mark.golden(
    "S0",
    lines=(1199, 1206),
    says=(r"v_{dW} = \beta v_{dW} + (1 - \beta) dW", r"$\beta = 0.9$"),
    shows="Momentum: the usual β is 0.9, in our optimisers as well.",
)
def test_the_usual_momentum():
    W, V = optimizers.momentum(np.zeros(1), np.ones(1), np.zeros(1), alpha=0.5)
    np.testing.assert_allclose(V, 0.1, rtol=1e-12)
    np.testing.assert_allclose(W, -0.05, rtol=1e-12)
    assert OptimizerOptions().momentum == 0.9
    (group, *_) = make_optimizer(nn.Linear(2, 1), OptimizerOptions(name="momentum")).param_groups
    assert group["momentum"] == 0.9


@pytest.mark.golden(
    "S0",
    lines=(1220, 1245),
    says=("V_{dw} = 0, S_{dw} = 0", r"\beta_1: 0.9", r"\beta_2: 0.999", r"\epsilon: 10^{-8}"),
    shows="Adam: averages start at 0, β1 = 0.9, β2 = 0.999, ε = 10⁻⁸; the corrected first step has the size of the "
    "rate.",
)
def test_the_usual_adam():
    usual = {name: p.default for name, p in inspect.signature(optimizers.adam).parameters.items()}
    assert (usual["beta1"], usual["beta2"], usual["eps"]) == (0.9, 0.999, 1e-8)
    (group, *_) = make_optimizer(nn.Linear(2, 1), OptimizerOptions(name="adam")).param_groups
    assert (group["betas"], group["eps"]) == ((0.9, 0.999), 1e-8)
    W = np.zeros(3)
    start = optimizers.no_moments(W)
    assert not start.V.any()
    assert not start.S.any()
    stepped, moments = optimizers.adam(W, np.array([1e-3, -5.0, 70.0]), start, alpha=0.01)
    np.testing.assert_allclose(stepped, [-0.01, 0.01, -0.01], rtol=1e-4)
    np.testing.assert_allclose(moments.V, 0.1 * np.array([1e-3, -5.0, 70.0]), rtol=1e-12)
    np.testing.assert_allclose(moments.S, 0.001 * np.array([1e-6, 25.0, 4900.0]), rtol=1e-12)


@pytest.mark.golden(
    "S0",
    line=1259,
    says="1 epoch = 1 pass",
    shows="In one epoch each example is seen once.",
)
def test_an_epoch_is_a_pass_through_the_data():
    X = np.arange(10.0).reshape(1, 10)
    seen = np.hstack([X_t for X_t, _ in descent.mini_batches(X, X, 3, np.random.default_rng(0))])
    assert sorted(seen.ravel()) == list(range(10))


@pytest.mark.golden(
    "S0",
    lines=(1262, 1275),
    says=("1\t0.1", "2\t0.67", "3\t0.5", "4\t0.4", r"\alpha_0 = 0.2", r"\text{decay-rate} = 1"),
    shows="Learning rates of the first four epochs for α₀ = 0.2 and a decay rate of 1.",
    right="0.1, 0.067, 0.05, 0.04",
    why="0.2 divided by 2, 3, 4 and 5; from the second epoch on the table drops a zero.",
)
def test_table_of_decaying_rates():
    right = [0.1, 0.067, 0.05, 0.04]
    assert [schedules.inverse_decay(0.2, 1, epoch) for epoch in (1, 2, 3, 4)] == pytest.approx(right, abs=5e-4)
    decay = ScheduleOptions(name="decay", decay_rate=1.0)
    assert [0.2 * rate_factor(decay, epoch, 9, 1) for epoch in (1, 2, 3, 4)] == pytest.approx(right, abs=5e-4)


@pytest.mark.golden(
    "S0",
    line=1282,
    says=(r"0.95^{\text{epoch_num}}", r"\frac{k}{\sqrt{\text{epoch_num}}}", r"\frac{k}{\sqrt{t}}"),
    shows="Two more ways for rates to fall: by the factor 0.95 an epoch, or with the root of the epochs or "
    "mini-batches.",
)
def test_other_decays():
    rates = [schedules.exponential_decay(0.2, epoch) for epoch in range(4)]
    np.testing.assert_allclose(rates, [0.2, 0.19, 0.1805, 0.171475], rtol=1e-12)
    rates = [schedules.root_decay(0.2, 3.0, t) for t in (1, 4, 9)]
    np.testing.assert_allclose(rates, [0.6, 0.3, 0.2], rtol=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(1338, 1349),
    says=(r"\beta = 0.9 \dots 0.999", r"1-\beta = 0.1 \dots 0.001", r"\overbrace{\quad \quad \quad \quad}^{6.9} \quad "
          r"\overbrace{\quad \quad \quad}^{6.99} \quad \overbrace{\quad \quad \quad}^{6.999}", r"r \in [-3, -1]"),
    shows="β from 0.9 to 0.999, which average 10 to 1,000 values, drawn as 1 − 10^r with r in [−3, −1].",
    right="the marks of the scale are 0.9, 0.99, 0.999",
    why="A zero read as a six: no β exceeds 1, and 1 − β is printed as 0.1, 0.01, 0.001 below the marks.",
)  # fmt: skip
def test_beta_on_a_logarithmic_scale():
    marks = [1 - 10.0**r for r in (-1, -2, -3)]
    np.testing.assert_allclose(marks, [0.9, 0.99, 0.999], rtol=1e-12)
    assert [averages.effective_window(beta) for beta in marks] == pytest.approx([10, 100, 1000])
    assert [averages.beta_of_window(window) for window in (10, 100, 1000)] == pytest.approx(marks)


@pytest.mark.golden(
    "S0",
    lines=(1365, 1377),
    says=(r"\mu = \frac{1}{m} \sum_i z^{(i)}", r"$\gamma = \sqrt{\sigma^2 + \epsilon}", r"$\hat{z}^{(i)} = z^{(i)}$"),
    shows="Batch norm gives mean 0 and variance 1, and undoes itself where γ is the spread and β the mean.",
)
def test_batch_norm_can_undo_itself():
    Z = np.random.default_rng(0).normal(3, 2, (4, 50))
    eps = 1e-5
    mu, sigma2 = normalization.batch_statistics(Z)
    Z_norm, _ = normalization.batch_norm(Z, np.ones((4, 1)), np.zeros((4, 1)), eps=0.0)
    np.testing.assert_allclose(Z_norm.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(Z_norm.var(axis=1), 1, rtol=1e-12)
    undone, _ = normalization.batch_norm(Z, np.sqrt(sigma2 + eps), mu, eps)
    np.testing.assert_allclose(undone, Z, rtol=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(1401, 1408),
    says=(r"\hat{z}^{[L]} &= w^{[L]} a^{[L-1]} + b^{[L]}",
          r"\hat{z}_{\text{norm}}^{[L]} &= \hat{\gamma}^{[L]} \hat{z}^{[L]} + \beta^{[L]}"),
    shows="A layer with batch norm needs no bias b.",
    right="z[l] = W[l] a[l−1], z̃[l] = γ[l] z_norm[l] + β[l]",
    why="The last line scales the normalised value, and what comes out is z̃, as in the definition of batch norm "
    "above.",
)  # fmt: skip
def test_batch_norm_takes_the_bias_out():
    rng = np.random.default_rng(0)
    W, A, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 20)), rng.normal(size=(3, 1))
    gamma, beta = rng.normal(size=(3, 1)), rng.normal(size=(3, 1))
    with_bias, cache = normalization.batch_norm(W @ A + b, gamma, beta)
    without, _ = normalization.batch_norm(W @ A, gamma, beta)
    np.testing.assert_allclose(with_bias, without, rtol=1e-9)
    np.testing.assert_allclose(with_bias, gamma * cache.Z_norm + beta, rtol=1e-12)
    assert not np.allclose(gamma * (W @ A + b) + beta, with_bias, rtol=0.1)
    np.testing.assert_allclose(normalization.batch_norm_backward(np.ones((3, 20)), cache).dZ.sum(axis=1), 0, atol=1e-9)


@pytest.mark.golden(
    "S0",
    line=1475,
    says="softmax = 2",
    shows="Softmax over two classes is logistic regression on the difference of the two sums.",
)
def test_softmax_of_two_is_logistic_regression():
    Z = np.random.default_rng(0).normal(0, 3, (2, 50))
    np.testing.assert_allclose(softmax(Z)[0], sigmoid(Z[0] - Z[1]), rtol=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(1493, 1495),
    says=(r"\frac{\omega^2 - 10\omega + 25}{(\omega - 5)^2}", r"\omega = 5"),
    shows="The cost that the framework's example minimises, and its minimum.",
    right="J(w) = w² − 10w + 25 = (w − 5)², smallest at w = 5",
    why="A brace was read as a fraction bar. As a fraction the cost would be 1 everywhere.",
)
def test_cost_of_the_framework_example():
    for value in (-2.0, 0.0, 5.0, 7.5):
        w = Node(value)
        J = w**2 - 10 * w + 25
        assert J.value == (value - 5) ** 2
        assert derivatives(J)[w] == 2 * (value - 5)


def minimum_by_steps(gradient, steps, rate=0.01):
    """What gradient descent from 0 has reached."""
    w = np.zeros(1)
    for _ in range(steps):
        w = optimizers.gradient_descent(w, gradient(w), rate)
    return w.item()


@pytest.mark.golden(
    "S0",
    lines=(1499, 1518),
    says=("-> 0.0", "GradientDescentOptimizer(0.01)", "-> 0.1", "range(1000)", "4.999 cercano a 5"),
    shows="Minimising w² − 10w + 25 with a rate of 0.01: w is 0 before, 0.1 after one step, and 4.999… after 1,000 "
    "more, in float64 by our steps and in float32 by torch's.",
)
def test_minimum_of_the_framework_example():
    def gradient(w):
        return 2 * w - 10

    assert minimum_by_steps(gradient, 0) == 0
    assert minimum_by_steps(gradient, 1) == pytest.approx(0.1, rel=1e-12)
    assert minimum_by_steps(gradient, 1_001) == pytest.approx(5 * (1 - 0.98**1_001), rel=1e-9)
    assert 4.999 < minimum_by_steps(gradient, 1_001) < 5

    w = torch.zeros(1, requires_grad=True)
    descent_by_torch = torch.optim.SGD([w], lr=0.01)
    for step in range(1_001):
        descent_by_torch.zero_grad()
        (w**2 - 10 * w + 25).sum().backward()
        descent_by_torch.step()
        if step == 0:
            assert w.item() == pytest.approx(0.1, rel=1e-6)
    assert 4.999 < w.item() < 5


@pytest.mark.golden(
    "S0",
    lines=(1527, 1541),
    says=("[[1], [-20], [25]]", "# (w-5)**2", "range(1000)"),
    shows="Coefficients fed into the same minimisation from outside.",
    right="(1, −10, 25)",
    why="w² − 20w + 25 is not (w − 5)²: its minimum is at 10, where it is −75.",
)
def test_coefficients_of_the_framework_example():
    def minimum(a, b, _):
        return minimum_by_steps(lambda w: 2 * a * w + b, 1_000)

    assert minimum(1, -10, 25) == pytest.approx(5, abs=1e-6)
    assert minimum(1, -20, 25) == pytest.approx(10, abs=1e-6)
    assert 10**2 - 20 * 10 + 25 == -75
