"""Figures of Paiolla, chapter 3: regularisation, first weights, gradient checking, averages, optimizers, scales."""

import inspect
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from rumbo.data.options import SplitOptions
from rumbo.data.splits.split import fractions
from rumbo.reference import (
    activations,
    averages,
    descent,
    gradient_check,
    initializers,
    network,
    normalization,
    optimizers,
    regularization,
    schedules,
)
from rumbo.training.options import ScheduleOptions
from rumbo.training.schedule import rate_factor


@pytest.mark.golden(
    "S1",
    line=499,
    says=("70%", "30%", "60/20/20%"),
    shows="Shares of train, dev and test for sets of up to about ten thousand examples.",
)
def test_shares_of_small_sets():
    dev, test = fractions(10_000, SplitOptions())
    assert (1 - dev - test, dev, test) == pytest.approx((0.6, 0.2, 0.2))
    dev, test = fractions(10_000, SplitOptions(dev_fraction=0.0, test_fraction=0.3))
    assert (1 - test, test) == pytest.approx((0.7, 0.3))


@pytest.mark.golden(
    "S1",
    line=499,
    says=("1%", "10000 examples"),
    shows="Of a million examples one per cent is enough for dev, and for test: ten thousand.",
)
def test_shares_of_large_sets():
    dev, test = fractions(1_000_000, SplitOptions())
    assert 1_000_000 * dev == 1_000_000 * test == 10_000


@pytest.mark.golden(
    "S1",
    lines=(507, 519),
    says=("\\frac{\\lambda}{2m} \\sum_{l=1}^L \\|W^{[l]}\\|^2", "\\|W^{[l]}\\|_F^2"),
    shows="What L2 regularisation adds to the cost: lambda / 2m times the sum of all squared weights, no biases.",
)
def test_penalty_of_large_weights():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(3, 10)), (rng.uniform(size=(1, 10)) < 0.5) * 1.0
    layers = [network.Layer(np.array([[3.0, 4.0, 0.0]]), np.array([[9.0]]))]
    free, penalised = (network.Network((), network.BINARY, l2=lam) for lam in (0.0, 2.0))
    costs = [network.cost(net, layers, X, Y, []) for net in (free, penalised)]
    assert costs[1] - costs[0] == pytest.approx(2 / (2 * 10) * 25)
    assert regularization.l2_penalty([layer.W for layer in layers], 2.0, 10) == pytest.approx(2.5)


@pytest.mark.golden(
    "S1",
    lines=(529, 533),
    says=("keep-prob = 0.8", "a3 /= keep-prob"),
    shows="Inverted dropout that keeps a unit with probability 0.8 divides by 0.8: the mean stays the same.",
)
def test_inverted_dropout_keeps_the_mean():
    A = np.random.default_rng(0).uniform(1, 3, size=(3, 1))
    masks = [np.array(mask, dtype=np.float64)[:, None] for mask in product((0, 1), repeat=3)]
    chances = [0.8 ** mask.sum() * 0.2 ** (3 - mask.sum()) for mask in masks]
    mean = sum(
        chance * regularization.inverted_dropout(A, mask, 0.8) for chance, mask in zip(chances, masks, strict=True)
    )
    np.testing.assert_allclose(mean, A, rtol=1e-12)
    D = regularization.dropout_mask((300, 300), 0.8, np.random.default_rng(0))
    assert D.mean() == pytest.approx(0.8, abs=0.005)


@pytest.mark.golden(
    "S1",
    lines=(557, 563),
    says="\\sigma^2 = \\frac{1}{m} \\sum_{i=1}^m x^{(i)2}",
    shows="Variance by which an input is scaled.",
    right="(1/m) sum (x - mu)^2",
    why="The sum of the squares alone holds mu squared, too; inputs far from 0 would come out far narrower than 1.",
)
def test_variance_is_taken_about_the_mean():
    X = np.random.default_rng(0).normal(loc=10, scale=2, size=(1, 5000))
    scaled = normalization.apply_inputs(X, normalization.fit_inputs(X))
    assert (scaled.mean(), scaled.var()) == pytest.approx((0, 1), abs=1e-12)
    as_printed = (X - X.mean()) / np.sqrt((X**2).mean())
    assert as_printed.std() == pytest.approx(2 / np.sqrt(104), rel=0.02)


def through_linear_layers(weight, num_layers):
    """What a network of linear layers of two units, each weight matrix a multiple of one, makes of a 1."""
    layers = network.initialize((2,) * (num_layers + 1), lambda n, m, rng: weight * np.eye(n, m), None)
    net = network.Network((activations.LINEAR,) * (num_layers - 1), network.SQUARED)
    return network.predictions(net, layers, np.ones((2, 1)))[0, 0]


@pytest.mark.golden(
    "S1",
    line=577,
    says=("1.5", "1.5^L"),
    shows="Weights of 1.5 multiply what goes through L linear layers by 1.5 to the power of L: it explodes.",
)
@pytest.mark.parametrize("L", [1, 10, 50])
def test_activations_explode(L):
    assert through_linear_layers(1.5, L) == pytest.approx(1.5**L)
    assert through_linear_layers(1.5, 50) > 6e8


@pytest.mark.golden(
    "S1",
    line=579,
    says=("1.5 by 0.5", "zero"),
    shows="Weights of 0.5 multiply what goes through L linear layers by 0.5 to the power of L: it vanishes.",
)
@pytest.mark.parametrize("L", [1, 10, 50])
def test_activations_vanish(L):
    assert through_linear_layers(0.5, L) == pytest.approx(0.5**L)
    assert through_linear_layers(0.5, 50) < 1e-15


@pytest.mark.golden(
    "S1",
    lines=(583, 591),
    says=("\\frac{1}{n}", "[-1, 1]", "\\frac{1}{n^{[l-1]}}"),
    shows="With weights of variance 1/n a weighted sum of n inputs is as large as each of them.",
)
@pytest.mark.parametrize("n", [10, 100, 1000])
def test_sums_stay_as_large_as_inputs(n):
    rng = np.random.default_rng(n)
    W, x = initializers.xavier(2000, n, rng), rng.choice([-1.0, 1.0], size=(n, 1))
    assert initializers.xavier_variance(n) == 1 / n
    assert (W @ x).var() == pytest.approx(1, rel=0.1)


def size_after(initializer, num_layers=12, n=400):
    """Mean square of the activations behind layers of ReLUs, where it was 1 in front."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(n, 200))
    for layer in network.initialize((n,) * (num_layers + 1), initializer, rng):
        A = activations.relu(layer.W @ A)
    return float((A**2).mean())


@pytest.mark.golden(
    "S1",
    line=593,
    says="$\\frac{2}{n}$",
    shows="For ReLUs the weights' variance is 2/n, since they let half of it through.",
)
def test_relus_want_twice_the_variance():
    assert initializers.he_variance(50) == 2 / 50 == 2 * initializers.xavier_variance(50)
    # One layer doubles half: He keeps the mean square at 1/2 · 2 = 1; 1/n halves it twelve times.
    assert size_after(initializers.he) == pytest.approx(1, rel=0.3)
    assert size_after(initializers.xavier) == pytest.approx(2.0**-12, rel=0.3)


@pytest.mark.golden(
    "S1",
    lines=(595, 597),
    says="\\sqrt{\\frac{2}{n^{[l-1]} + n^{[l]}}}",
    shows="Another factor for normal first weights: the root of 2 / (inputs + outputs).",
)
def test_factor_of_glorot():
    assert initializers.glorot_variance(300, 100) == 2 / 400
    W = initializers.glorot(100, 300, np.random.default_rng(0))
    assert W.std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert initializers.glorot_variance(300, 300) == initializers.xavier_variance(300)


@pytest.mark.golden(
    "S1",
    lines=(609, 617),
    says="2\\varepsilon",
    shows="A slope by differences to both sides: ten times smaller steps make it a hundred times more exact.",
)
def test_two_sided_differences():
    errors = [abs(gradient_check.two_sided(np.exp, 1.0, eps) - np.e) for eps in (1e-2, 1e-3)]
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.01)
    errors = [abs(gradient_check.one_sided(np.exp, 1.0, eps) - np.e) for eps in (1e-2, 1e-3)]
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.01)


@pytest.mark.golden(
    "S1",
    lines=(627, 629),
    says=("10^{-7}", "10^{-5}", "10^{-3}"),
    shows="Relative distances of two gradients: 1e-7 is right, 1e-5 will do, above 1e-3 there is a fault.",
)
def test_bands_of_gradient_checking():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(3, 8)), (rng.uniform(size=(1, 8)) < 0.5) * 1.0
    net = network.Network((activations.TANH,), network.BINARY)
    layers = network.initialize((3, 4, 1), initializers.xavier, rng)
    shapes = [array.shape for layer in layers for array in layer]

    def as_layers(theta):
        W1, b1, W2, b2 = gradient_check.unflatten(theta, shapes)
        return [network.Layer(W1, b1), network.Layer(W2, b2)]

    def cost(theta):
        return network.cost(net, as_layers(theta), X, Y, [np.ones((4, 8))])

    theta = gradient_check.flatten([array for layer in layers for array in layer])
    grads = network.gradients(net, as_layers(theta), X, Y, [np.ones((4, 8))])
    exact = gradient_check.flatten([array for layer in grads for array in layer])
    right, fault = gradient_check.check(cost, theta, exact), gradient_check.check(cost, theta, 1.01 * exact)
    assert right.distance < 1e-7
    assert fault.distance > 1e-3
    verdicts = [gradient_check.verdict(d) for d in (1e-7, 2e-7, 1e-5, 2e-5, 1e-3, 2e-3)]
    assert verdicts == ["great", "good", "good", "look", "look", "worry"]


@pytest.mark.golden(
    "S1",
    lines=(641, 647),
    says=("1000 examples", "**epoch**", "iteration (epoch)"),
    shows="What an epoch of mini-batch descent is.",
    right="one pass over all examples: as many steps as there are mini-batches",
    why="The text calls a single step an epoch. With mini-batches of 1,000 out of 5,000 examples an epoch has 5 steps.",
)
def test_an_epoch_is_a_pass_over_the_data():
    seen = []

    def gradient(W, X, Y):
        seen.append(X.ravel())
        return np.zeros_like(W)

    X = np.arange(5000.0)[None]
    path = descent.mini_batch_gradient_descent(gradient, np.zeros(1), X, X, 0.1, 1, 1000, np.random.default_rng(0))
    assert len(path) - 1 == len(seen) == descent.number_of_batches(5000, 1000) == 5
    assert sorted(np.concatenate(seen)) == X[0].tolist()


@pytest.mark.golden(
    "S1", line=654, says=("2^6", "2^9"), shows="Usual sizes of a mini-batch are powers of two: 64, 128, 256 and 512."
)
def test_usual_sizes_of_mini_batches():
    assert descent.USUAL_SIZES == (2**6, 2**7, 2**8, 2**9) == (64, 128, 256, 512)


TEMPERATURES = np.array([4.0, 9.0, 7.0, 12.0, 8.0, 3.0])


@pytest.mark.golden(
    "S1",
    lines=(668, 678),
    says=("V_0 = 0", "V_1 = 0.9V_0 + 0.1\\theta_1", "V_i = 0.9V_{i-1} + 0.1\\theta_i"),
    shows="A moving average starts at 0 and takes in a tenth of each new value.",
)
def test_moving_average():
    V = averages.weighted_averages(TEMPERATURES, 0.9)
    assert V[0] == pytest.approx(0.1 * 4)
    assert V[1] == pytest.approx(0.9 * 0.4 + 0.1 * 9)
    np.testing.assert_allclose(V[1:], 0.9 * V[:-1] + 0.1 * TEMPERATURES[1:], rtol=1e-12)


@pytest.mark.golden(
    "S1",
    lines=(689, 697),
    says=("\\frac{1}{1 - \\beta}", "$\\beta = 0.9$", "10 previous temperatures"),
    shows="With beta = 0.9 an average looks back over about 10 values, 1 / (1 - beta).",
)
def test_window_of_an_average():
    assert averages.effective_window(0.9) == pytest.approx(10)
    ages = np.arange(1000)
    mean_age = (averages.weights_of_past(0.9, 1000) * ages).sum()
    assert mean_age == pytest.approx(9)  # counting from 0: the ten last values, seen from their middle
    assert averages.weight_beyond(0.9, 10) == pytest.approx(1 / np.e, abs=0.02)


@pytest.mark.golden(
    "S1",
    line=705,
    says="0.1\\theta_i + 0.1 \\times 0.9\\theta_{i-1} + 0.1 \\times 0.9^2\\theta_{i-2}",
    shows="Written out, an average weighs the value k steps back with 0.1 times 0.9 to the power of k.",
)
def test_weights_in_an_average():
    weights = averages.weights_of_past(0.9, 6)
    assert weights[:3].tolist() == pytest.approx([0.1, 0.1 * 0.9, 0.1 * 0.9**2])
    assert averages.weighted_averages(TEMPERATURES, 0.9)[-1] == pytest.approx((weights * TEMPERATURES[::-1]).sum())


@pytest.mark.golden(
    "S1",
    line=709,
    says="exactly 1",
    shows="The weights of an average do not add up to 1 but to 1 - beta^i, so the first averages are too low.",
)
def test_weights_do_not_add_up_to_one():
    for i in (1, 5, 20):
        assert averages.weights_of_past(0.9, i).sum() == pytest.approx(1 - 0.9**i)
    assert averages.weighted_averages(np.full(5, 40.0), 0.9)[-1] == pytest.approx(40 * (1 - 0.9**5))


@pytest.mark.golden(
    "S1",
    lines=(721, 734),
    says=("1 - \\beta^i", "\\frac{\\beta V_{i-1} + (1 - \\beta) \\theta_i}{1 - \\beta^i}"),
    shows="An average corrected for its start.",
    right="V_i / (1 - beta^i), with V_i itself left as it is",
    why="The printed formula puts the corrected average back into the next step: of a constant series of ones it makes "
    "1, 5.3, 18, and so on.",
)
def test_corrected_average():
    ones = np.ones(6)
    np.testing.assert_allclose(averages.corrected_averages(ones, 0.9), ones, rtol=1e-12)
    V, as_printed = 0.0, []
    for i in range(1, 4):
        V = (0.9 * V + 0.1) / averages.bias_correction(0.9, i)
        as_printed.append(V)
    assert as_printed == pytest.approx([1, 5.263, 17.85], rel=1e-3)


@pytest.mark.golden(
    "S1",
    lines=(747, 756),
    says=("(1 - \\beta) dW", "\\beta = 0.9"),
    shows="Momentum with beta = 0.9 evens out zigzags: of gradients that change their sign at every step 1/19 is left.",
)
def test_momentum_evens_out_zigzags():
    W, V = np.zeros(1), np.zeros(1)
    for t in range(300):
        W, V = optimizers.momentum(W, np.array([(-1.0) ** t]), V, alpha=1.0, beta=0.9)
    assert abs(V.item()) == pytest.approx((1 - 0.9) / (1 + 0.9))
    first, _ = optimizers.momentum(np.zeros(1), np.ones(1), np.zeros(1), alpha=1.0, beta=0.9)
    assert first.item() == pytest.approx(-(1 - 0.9))


@pytest.mark.golden(
    "S1",
    line=758,
    says="10 or so iterations",
    shows="How much an average without correction lacks after 10 steps, with beta = 0.9.",
    right="35 % after 10 steps, below 10 % after 22, below 1 % after 44",
    why="What is missing is beta^t, and 0.9^10 = 0.35. It does no harm to momentum, but it is not small.",
)
def test_an_average_lacks_a_third_after_ten_steps():
    lacking = 1 - averages.weighted_averages(np.ones(60), 0.9)
    assert lacking[10 - 1] == pytest.approx(averages.weight_beyond(0.9, 10)) == pytest.approx(0.349, abs=5e-4)
    steps = [int(np.argmax(lacking < share)) + 1 for share in (0.1, 0.01)]
    assert steps == [22, 44]


def steady(step, memory, num_steps=200, gradient=4.0):
    """Length of each step of a rule under a gradient that stays the same."""
    path = descent.follow(step, memory, lambda W: np.full(1, gradient), np.zeros(1), num_steps)
    return -np.diff([W.item() for W in path])


@pytest.mark.golden(
    "S1",
    lines=(770, 772),
    says=("S_{dW} = \\beta V_{dW} + (1 - \\beta)dW^2", "S_{db} = \\beta V_{db} + (1 - \\beta)db^2"),
    shows="The average of squared gradients in RMSprop.",
    right="S = beta S + (1 - beta) dW^2",
    why="It is the average S that goes on; a V does not exist here, and an average of gradients would not become one "
    "of squares.",
)
def test_rmsprop_averages_squares():
    S = np.zeros(1)
    for _ in range(200):
        _, S = optimizers.rmsprop(np.zeros(1), np.full(1, 4.0), S, alpha=0.1)
    assert S.item() == pytest.approx(16)
    # Under a steady gradient a step becomes the rate, whatever the gradient; with V = 4 in place of S it would not.
    assert steady(partial(optimizers.rmsprop, alpha=0.1), np.zeros(1))[-1] == pytest.approx(0.1)
    assert 0.1 * 4 / np.sqrt(0.9 * 4 + 0.1 * 16) != pytest.approx(0.1, rel=0.5)


@pytest.mark.golden(
    "S1",
    lines=(774, 776),
    says=("\\sqrt{S_{dW} + \\varepsilon}", "\\sqrt{S_{db} + \\varepsilon}"),
    shows="Epsilon under the root keeps RMSprop from dividing by zero: where there is no gradient there is no step.",
)
def test_epsilon_keeps_from_dividing_by_zero():
    W, _ = optimizers.rmsprop_inside(np.ones(1), np.zeros(1), np.zeros(1), alpha=0.1, eps=1e-8)
    assert W.item() == 1
    W, S = optimizers.rmsprop_inside(np.zeros(1), np.full(1, 1e-3), np.zeros(1), alpha=0.1, eps=1e-8)
    assert W.item() == pytest.approx(-0.1 * 1e-3 / np.sqrt(0.1 * 1e-6 + 1e-8))
    assert S.item() == pytest.approx(1e-7)


@pytest.mark.golden(
    "S1",
    lines=(792, 798),
    says=("S_{dW} = \\beta_2 V_{dW} + (1 - \\beta_2)dW^2", "S_{db} = \\beta_2 V_{db} + (1 - \\beta_2)db^2"),
    shows="The average of squared gradients in Adam.",
    right="S = beta2 S + (1 - beta2) dW^2",
    why="V is the average of the gradients; the squares have their own.",
)
def test_adam_has_two_averages():
    moments = optimizers.no_moments(np.zeros(1))
    for t in range(1, 6):
        moments = optimizers.moments_step(np.full(1, 4.0), moments, 0.9, 0.999)
        assert moments.V.item() == pytest.approx(4 * (1 - 0.9**t))
        assert moments.S.item() == pytest.approx(16 * (1 - 0.999**t))


@pytest.mark.golden(
    "S1",
    lines=(800, 806),
    says=("V_{dW} = \\frac{V_{dW}}{1 - \\beta_1^t}", "S_{dW} = \\frac{S_{dW}}{1 - \\beta_2^t}"),
    shows="Adam's corrections of its two averages.",
    right="V' = V / (1 - beta1^t) and S' = S / (1 - beta2^t), under names of their own",
    why="Assigned to V and S themselves, the corrected averages enter the next step and are corrected again; they grow "
    "without bound.",
)
def test_adam_does_not_correct_twice():
    lengths = steady(partial(optimizers.adam, alpha=0.1), optimizers.no_moments(np.zeros(1)), num_steps=10)
    np.testing.assert_allclose(lengths, 0.1, rtol=1e-6)
    fast = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    rule = torch.optim.Adam([fast], lr=0.1)
    for _ in range(10):
        fast.grad = torch.full((1,), 4.0, dtype=torch.float64)
        rule.step()
    assert fast.item() == pytest.approx(-lengths.sum())
    moments = optimizers.no_moments(np.zeros(1))
    for t in range(1, 4):
        moments = optimizers.moments_step(np.full(1, 4.0), moments, 0.9, 0.999)
        V, S = optimizers.corrected(moments, 0.9, 0.999)
        moments = optimizers.Moments(V, S, t)  # as printed
    assert moments.V.item() > 60  # an average of gradients that are all 4


@pytest.mark.golden(
    "S1",
    lines=(808, 810),
    says=("\\sqrt{S_{dW} + \\varepsilon}", "\\sqrt{S_{db} + \\varepsilon}"),
    shows="Where epsilon stands in Adam's step.",
    right="dW' / (sqrt(S') + epsilon), as published",
    why="Under the root the same epsilon acts as its own root, 1e-4 for 1e-8: small gradients make smaller steps than "
    "in the published rule and in the frameworks.",
)
def test_adams_epsilon_stands_outside_of_the_root():
    start, dW = optimizers.no_moments(np.zeros(1)), np.full(1, 1e-5)
    outside, _ = optimizers.adam(np.zeros(1), dW, start, alpha=0.1, eps=1e-8)
    inside, _ = optimizers.adam_inside(np.zeros(1), dW, start, alpha=0.1, eps=1e-8)
    assert outside.item() == pytest.approx(-0.1, rel=2e-3)
    assert inside.item() == pytest.approx(-0.1 * 1e-5 / np.sqrt(1e-10 + 1e-8))
    fast = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    fast.grad = torch.full((1,), 1e-5, dtype=torch.float64)
    torch.optim.Adam([fast], lr=0.1, eps=1e-8).step()
    assert fast.item() == pytest.approx(outside.item(), rel=1e-9)


@pytest.mark.golden(
    "S1",
    line=816,
    says=("\\beta_1 = 0.9", "\\beta_2 = 0.999", "10^{-8}"),
    shows="Usual settings of Adam, which are those of the framework, too.",
)
def test_usual_settings_of_adam():
    defaults = {name: p.default for name, p in inspect.signature(optimizers.adam).parameters.items()}
    fast = torch.optim.Adam([torch.zeros(1)]).defaults
    assert (
        (defaults["beta1"], defaults["beta2"], defaults["eps"]) == (*fast["betas"], fast["eps"]) == (0.9, 0.999, 1e-8)
    )


@pytest.mark.golden(
    "S1",
    line=822,
    says="\\frac{1}{\\text{decay_rate} \\cdot \\text{num_epoch}}",
    shows="A learning rate that decays with the inverse of the epoch.",
    right="alpha0 / (1 + decay_rate epoch)",
    why="Without the 1 the rate would be infinite before the first epoch.",
)
def test_inverse_decay():
    assert [schedules.inverse_decay(0.2, 1.0, epoch) for epoch in (0, 1, 3)] == pytest.approx([0.2, 0.1, 0.05])
    options = ScheduleOptions(name="decay", decay_rate=1.0)
    fast = [0.2 * rate_factor(options, epoch, 10, 1) for epoch in range(10)]
    assert fast == pytest.approx([schedules.inverse_decay(0.2, 1.0, epoch) for epoch in range(10)])


@pytest.mark.golden(
    "S1",
    line=826,
    says="0.95^{\\text{num_epoch}}",
    shows="A learning rate that loses five per cent an epoch: it is halved in 14 epochs.",
)
def test_exponential_decay():
    rates = [schedules.exponential_decay(0.2, epoch) for epoch in range(20)]
    assert rates[0] == 0.2
    np.testing.assert_allclose(np.divide(rates[1:], rates[:-1]), 0.95, rtol=1e-12)
    assert rates[13] > 0.1 > rates[14]
    options = ScheduleOptions(name="step", step_factor=0.95, step_epochs=1)
    assert [0.2 * rate_factor(options, epoch, 20, 1) for epoch in range(20)] == pytest.approx(rates)


@pytest.mark.golden(
    "S1",
    line=828,
    says="\\frac{k}{\\sqrt{\\text{num_epoch}}} \\cdot \\alpha_0",
    shows="A learning rate that falls with the root of the epoch: four times the epochs, half the rate.",
)
def test_root_decay():
    assert schedules.root_decay(0.2, 3.0, 1) == pytest.approx(0.6)
    for epoch in (1, 5, 25):
        assert schedules.root_decay(0.2, 3.0, 4 * epoch) == pytest.approx(schedules.root_decay(0.2, 3.0, epoch) / 2)


@pytest.mark.golden(
    "S1",
    line=860,
    says=("$\\beta = 0.9$", "10 previous gradients", "$\\beta = 0.999$", "last 1000 gradients", "(0.1, 0.001)"),
    shows="Averages with 0.9 and 0.999 look back over 10 and 1,000 gradients; 1 - beta goes from 0.1 to 0.001.",
)
def test_windows_of_two_betas():
    assert [averages.effective_window(beta) for beta in (0.9, 0.999)] == pytest.approx([10, 1000])
    assert [1 - averages.beta_of_window(window) for window in (10, 1000)] == pytest.approx([0.1, 0.001])


@pytest.mark.golden(
    "S1",
    line=862,
    says="\\beta = 1 - 10^r",
    shows="Beta from 0.9 to 0.999 is 1 - 10^r with r from -3 to -1; with the r of the listing before, from -4 to 0, a "
    "quarter of the draws would look back over fewer than 10 gradients.",
)
def test_draws_of_beta():
    rng = np.random.default_rng(0)
    windows = [averages.effective_window(1 - 10**r) for r in rng.uniform(-3, -1, 10_000)]
    assert (min(windows), max(windows)) == (pytest.approx(10, rel=0.01), pytest.approx(1000, rel=0.01))
    assert np.median(windows) == pytest.approx(100, rel=0.05)
    as_listed = 1 - 10 ** (-4 * rng.random(10_000))
    assert as_listed.min() < 0.01
    assert np.mean([averages.effective_window(beta) < 10 for beta in as_listed]) == pytest.approx(0.25, abs=0.02)


@pytest.mark.golden(
    "S1",
    lines=(872, 880),
    says=(
        "\\frac{1}{m} \\sum_i z^{[l](i)}",
        "\\sqrt{\\sigma^2 + \\epsilon}",
        "\\gamma z^{[l](i)}_{\\text{norm}} + \\beta",
    ),
    shows="Batch norm gives every unit mean 0 and variance 1 over the mini-batch, then mean beta and deviation gamma.",
)
def test_batch_norm():
    Z = np.random.default_rng(0).normal(loc=5, scale=3, size=(4, 64))
    gamma, beta = np.array([[1.0], [2.0], [0.5], [3.0]]), np.array([[0.0], [-1.0], [4.0], [2.0]])
    Z_tilde, cache = normalization.batch_norm(Z, gamma, beta)
    np.testing.assert_allclose(cache.Z_norm.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(cache.Z_norm.var(axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(Z_tilde.mean(axis=1, keepdims=True), beta, atol=1e-12)
    np.testing.assert_allclose(Z_tilde.std(axis=1, keepdims=True), gamma, rtol=1e-4)


@pytest.mark.golden(
    "S1",
    lines=(903, 913),
    says=("from 0 to $C - 1$", "add up to 1"),
    shows="The softmax of C outputs is C probabilities that add up to 1.",
)
@pytest.mark.parametrize("C", [2, 5, 40])
def test_softmax_adds_up_to_one(C):
    z = np.random.default_rng(C).normal(scale=5, size=(C, 100))
    yhat = activations.softmax(z)
    np.testing.assert_allclose(yhat.sum(axis=0), 1, rtol=1e-12)
    assert (yhat > 0).all()
    np.testing.assert_allclose(yhat, torch.softmax(torch.tensor(z), dim=0).numpy(), rtol=1e-10)
    assert set(yhat.argmax(axis=0)) <= set(range(C))
