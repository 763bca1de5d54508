"""Rules of descent equal torch's and ours, step for step, at a low and at a high rate."""

import inspect
from functools import partial
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.reference import optimizers as ref
from rumbo.reference.descent import follow
from rumbo.reference.regularization import decay_factor, l1_gradient, l2_gradient, weight_decay_step
from rumbo.training.optimizer import apply_penalties, make_optimizer
from rumbo.training.optimizer_options import OptimizerName, OptimizerOptions

STEPS = 10
LOW, HIGH = 1e-3, 1.5
"""With curvatures up to 4, the high rate makes plain descent diverge."""

few = settings(max_examples=15)
shapes = st.tuples(st.integers(1, 5), st.integers(1, 4))
seeds = st.integers(0, 2**32 - 1)
rates = pytest.mark.parametrize("alpha", [LOW, HIGH])


@pytest.fixture(autouse=True, scope="module")
def scalars_in_float64():
    """torch's NAdam keeps its product of momenta in the default type: in float32 it would agree to 1e-7 only."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Bowl:
    """J = tr((W - C)^T H (W - C)) / 2, a bowl whose curvatures lie between 0.1 and 4."""

    def __init__(self, shape, seed):
        rng = np.random.default_rng(seed)
        directions, _ = np.linalg.qr(rng.standard_normal((shape[0], shape[0])))
        self.H = directions * rng.uniform(0.1, 4, shape[0]) @ directions.T
        self.C, self.start = rng.standard_normal((2, *shape))

    def gradient(self, W):
        return self.H @ (W - self.C)

    def torch_path(self, make):
        """W before every step and after the last, by torch's optimizer and torch's gradient."""
        W = torch.tensor(self.start, requires_grad=True)
        optimizer = make([W])
        path = [self.start]
        for _ in range(STEPS):
            optimizer.zero_grad()
            E = W - torch.tensor(self.C)
            (0.5 * (E * (torch.tensor(self.H) @ E)).sum()).backward()
            optimizer.step()
            path.append(W.detach().numpy().copy())
        return path

    def path(self, step, memory):
        return follow(step, memory(self.start), self.gradient, self.start, STEPS)


def agree(path, judge):
    assert len(path) == STEPS + 1
    for t, (W, expected) in enumerate(zip(path, judge, strict=True)):
        np.testing.assert_allclose(W, expected, rtol=1e-9, atol=1e-12, err_msg=f"step {t}")


def plain(W, dW, nothing, alpha):
    return ref.gradient_descent(W, dW, alpha), nothing


def with_l2(step, decay):
    """Any rule, of the cost with the penalty decay ||W||^2 / 2."""
    return lambda W, dW, memory: step(W, dW + l2_gradient(W, decay, 1), memory)


def decayed_descent(W, dW, nothing, alpha, decay):
    return weight_decay_step(W, dW, alpha, decay, m=1), nothing


SGD, Adam = torch.optim.SGD, torch.optim.Adam
BETAS = (0.8, 0.95)
WITH_BETAS = {"beta1": 0.8, "beta2": 0.95}
# Name: torch's, ours with the same settings, the memory it starts with.
RULES = {
    "sgd": (SGD, plain, np.zeros_like),
    "velocity": (partial(SGD, momentum=0.85), partial(ref.velocity, mu=0.85), np.zeros_like),
    "rate inside": (partial(SGD, momentum=0.85), partial(ref.velocity_with_rate, mu=0.85), np.zeros_like),
    "dampened": (
        partial(SGD, momentum=0.85, dampening=0.3),
        partial(ref.dampened_velocity, mu=0.85, dampening=0.3),
        lambda W: None,
    ),
    "nesterov": (partial(SGD, momentum=0.85, nesterov=True), partial(ref.nesterov, mu=0.85), np.zeros_like),
    "rmsprop": (partial(torch.optim.RMSprop, alpha=0.93), partial(ref.rmsprop, beta=0.93), np.zeros_like),
    "adam": (partial(Adam, betas=BETAS), partial(ref.adam, **WITH_BETAS), ref.no_moments),
    "adam as it comes": (Adam, ref.adam, ref.no_moments),
    "large epsilon": (partial(Adam, eps=0.1), partial(ref.adam, eps=0.1), ref.no_moments),
    "amsgrad": (partial(Adam, betas=BETAS, amsgrad=True), partial(ref.amsgrad, **WITH_BETAS), ref.no_largest_moments),
    "amsgrad as it comes": (partial(Adam, amsgrad=True), ref.amsgrad, ref.no_largest_moments),
    "adadelta as it comes": (partial(torch.optim.Adadelta, rho=0.95), ref.adadelta, ref.no_deltas),
    "adamw as it comes": (torch.optim.AdamW, ref.adamw, ref.no_moments),
    "adagrad": (partial(torch.optim.Adagrad, eps=1e-4), ref.adagrad, np.zeros_like),
    "adadelta": (partial(torch.optim.Adadelta, rho=0.95, eps=1e-6), ref.adadelta, ref.no_deltas),
    "adamw": (partial(torch.optim.AdamW, weight_decay=0.2), partial(ref.adamw, decay=0.2), ref.no_moments),
    "nadam": (partial(torch.optim.NAdam, betas=BETAS), partial(ref.nadam, **WITH_BETAS), ref.no_nesterov_moments),
    "nadam as it comes": (torch.optim.NAdam, ref.nadam, ref.no_nesterov_moments),
    "radam": (partial(torch.optim.RAdam, betas=BETAS), partial(ref.radam, **WITH_BETAS), ref.no_moments),
    "radam as it comes": (torch.optim.RAdam, ref.radam, ref.no_moments),
    "adamax": (partial(torch.optim.Adamax, betas=BETAS), partial(ref.adamax, **WITH_BETAS), ref.no_moments),
    "adamax as it comes": (torch.optim.Adamax, ref.adamax, ref.no_moments),
}


@rates
@pytest.mark.parametrize("name", RULES)
@few
@given(shapes, seeds)
def test_every_step_is_torchs(name, alpha, shape, seed):
    make, step, memory = RULES[name]
    bowl = Bowl(shape, seed)
    agree(bowl.path(partial(step, alpha=alpha), memory), bowl.torch_path(partial(make, lr=alpha)))


def test_the_high_rate_is_one_at_which_plain_descent_diverges():
    bowl = Bowl((5, 4), 0)
    path = bowl.path(partial(plain, alpha=HIGH), np.zeros_like)
    assert np.abs(path[-1] - bowl.C).max() > 100 * np.abs(path[0] - bowl.C).max()


@rates
@pytest.mark.parametrize("name", ["sgd", "velocity", "nesterov", "rmsprop", "adam", "adagrad", "adadelta"])
@few
@given(shapes, seeds)
def test_torchs_weight_decay_is_the_gradient_of_l2(name, alpha, shape, seed):
    make, step, memory = RULES[name]
    bowl = Bowl(shape, seed)
    judge = bowl.torch_path(partial(make, lr=alpha, weight_decay=0.3))
    agree(bowl.path(with_l2(partial(step, alpha=alpha), 0.3), memory), judge)


@rates
@few
@given(shapes, seeds)
def test_weights_that_decay_are_torchs_sgd_with_weight_decay(alpha, shape, seed):
    bowl = Bowl(shape, seed)
    path = bowl.path(partial(decayed_descent, alpha=alpha, decay=0.3), np.zeros_like)
    agree(path, bowl.torch_path(partial(SGD, lr=alpha, weight_decay=0.3)))


# From one form to the other: the notes' form by torch, through the conversions of rates.


@rates
@few
@given(shapes, seeds, st.floats(0.1, 0.99))
def test_the_notes_momentum_is_torchs_with_the_converted_rate(alpha, shape, seed, beta):
    bowl = Bowl(shape, seed)
    judge = bowl.torch_path(partial(SGD, lr=ref.velocity_rate(alpha, beta), momentum=beta))
    agree(bowl.path(partial(ref.momentum, alpha=alpha, beta=beta), np.zeros_like), judge)


@rates
@few
@given(shapes, seeds, st.floats(0.1, 0.99))
def test_torchs_momentum_is_the_notes_with_the_converted_rate(alpha, shape, seed, mu):
    bowl = Bowl(shape, seed)
    step = partial(ref.momentum, alpha=ref.momentum_rate(alpha, mu), beta=mu)
    agree(bowl.path(step, np.zeros_like), bowl.torch_path(partial(SGD, lr=alpha, momentum=mu)))


@rates
@few
@given(shapes, seeds, st.floats(0.1, 0.99))
def test_torch_with_dampening_is_the_notes_momentum_that_starts_at_the_first_gradient(alpha, shape, seed, beta):
    bowl = Bowl(shape, seed)
    judge = bowl.torch_path(partial(SGD, lr=alpha, momentum=beta, dampening=beta))
    start = ref.undampened_start(bowl.gradient(bowl.start), beta, beta)
    step = partial(ref.momentum, alpha=alpha, beta=beta)
    agree(bowl.path(step, lambda W: start), judge)
    from_zero = bowl.path(step, np.zeros_like)[1]
    np.testing.assert_allclose(judge[1] - judge[0], (from_zero - judge[0]) / (1 - beta), rtol=1e-9, atol=1e-13)


@rates
@few
@given(shapes, seeds)
def test_adam_with_its_corrections_in_the_rate_is_torchs(alpha, shape, seed):
    def folded(W, dW, moments, eps=1e-3):
        moments = ref.moments_step(dW, moments, *BETAS)
        rate = ref.folded_rate(alpha, *BETAS, moments.t)
        return W - rate * moments.V / (np.sqrt(moments.S) + ref.folded_epsilon(eps, BETAS[1], moments.t)), moments

    bowl = Bowl(shape, seed)
    judge = bowl.torch_path(partial(Adam, lr=alpha, betas=BETAS, eps=1e-3))
    agree(bowl.path(folded, ref.no_moments), judge)


INSIDE = {
    "rmsprop": (ref.rmsprop, ref.rmsprop_inside, torch.optim.RMSprop),
    "adagrad": (ref.adagrad, ref.adagrad_inside, torch.optim.Adagrad),
}


@rates
@pytest.mark.parametrize("name", INSIDE)
@few
@given(shapes, seeds)
def test_epsilon_inside_of_the_root_is_torchs_through_the_conversion(name, alpha, shape, seed):
    outside, inside, make = INSIDE[name]
    eps = 0.05

    def converted(W, dW, S):
        _, S_t = outside(W, dW, S, alpha)
        return inside(W, dW, S, alpha, eps=ref.inside_epsilon(S_t, eps))

    bowl = Bowl(shape, seed)
    options = {"alpha": 0.9} if name == "rmsprop" else {}
    agree(bowl.path(converted, np.zeros_like), bowl.torch_path(partial(make, lr=alpha, eps=eps, **options)))


@rates
@few
@given(shapes, seeds)
def test_adam_with_epsilon_inside_is_torchs_through_the_conversion(alpha, shape, seed):
    def converted(W, dW, moments):
        _, S = ref.corrected(ref.moments_step(dW, moments, *BETAS), *BETAS)
        return ref.adam_inside(W, dW, moments, alpha, *BETAS, eps=ref.inside_epsilon(S, 0.05))

    bowl = Bowl(shape, seed)
    agree(bowl.path(converted, ref.no_moments), bowl.torch_path(partial(Adam, lr=alpha, betas=BETAS, eps=0.05)))


# Ours: rumbo.training.optimizer, on a linear layer, whose bias takes no penalty.

OURS = {
    "sgd": (plain, np.zeros_like),
    "momentum": (partial(ref.velocity, mu=0.8), np.zeros_like),
    "momentum_average": (partial(ref.momentum, beta=0.8), np.zeros_like),
    "nesterov": (partial(ref.nesterov, mu=0.8), np.zeros_like),
    "rmsprop": (partial(ref.rmsprop, beta=0.95), np.zeros_like),
    "adagrad": (partial(ref.adagrad, eps=1e-10), np.zeros_like),
    "adadelta": (partial(ref.adadelta, rho=0.95), ref.no_deltas),
    "adam": (partial(ref.adam, beta1=0.8, beta2=0.95), ref.no_moments),
    "adamw": (partial(ref.adam, beta1=0.8, beta2=0.95), ref.no_moments),  # its decay comes from `decays` below
    "amsgrad": (partial(ref.amsgrad, beta1=0.8, beta2=0.95), ref.no_largest_moments),
    "nadam": (partial(ref.nadam, beta1=0.8, beta2=0.95), ref.no_nesterov_moments),
    "radam": (partial(ref.radam, beta1=0.8, beta2=0.95), ref.no_moments),
    "adamax": (partial(ref.adamax, beta1=0.8, beta2=0.95), ref.no_moments),
}
HAVE_EPSILON = {name for name in OURS if "eps" in inspect.signature(OURS[name][0]).parameters}


def squared_error_gradients(W, b, X, Y):
    """Of J = 1/m sum (W x + b - y)^2, examples in columns."""
    dZ = 2 * (W @ X + b - Y) / X.shape[1]
    return dZ @ X.T, dZ.sum(axis=1, keepdims=True)


def our_path(network, options, X, Y):
    optimizer = make_optimizer(network, options)
    for step in range(STEPS):
        optimizer.zero_grad()
        errors = network(torch.tensor(X.T)) - torch.tensor(Y.T)
        (errors**2).sum(1).mean().backward()
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * falling(step)
        apply_penalties(optimizer)
        optimizer.step()
        yield network.weight.detach().numpy().copy(), network.bias.detach().numpy()[:, None].copy()


def falling(step):
    """A schedule, since forms of momentum that agree at one rate may part when it moves."""
    return 1 / (1 + step)


def test_every_optimizer_of_training_is_judged():
    assert set(OURS) == set(get_args(OptimizerName))


def one_of(*values):
    return st.sampled_from(values)


@rates
@pytest.mark.parametrize("name", OURS)
@few
@given(shapes, seeds, one_of(None, True, False), one_of(0.0, 0.1), one_of(0.0, 0.05), one_of(None, 1e-3))
def test_every_step_is_ours(name, alpha, shape, seed, decoupled, decay, l1, epsilon):
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((shape[1], 6)), rng.standard_normal((shape[0], 6))
    network = torch.nn.Linear(shape[1], shape[0], dtype=torch.float64)
    W, b = network.weight.detach().numpy().copy(), network.bias.detach().numpy()[:, None].copy()
    options = OptimizerOptions(
        name=name, learning_rate=alpha, momentum=0.8, beta2=0.95, weight_decay=decay, decoupled=decoupled, l1=l1,
        epsilon=epsilon,
    )  # fmt: skip

    rule, memory = OURS[name]
    if epsilon and name in HAVE_EPSILON:
        rule = partial(rule, eps=epsilon)
    decays = decoupled or (decoupled is None and name == "adamw")
    memory_W, memory_b = memory(W), memory(b)
    for t, (our_W, our_b) in enumerate(our_path(network, options, X, Y)):
        dW, db = squared_error_gradients(W, b, X, Y)
        rate = alpha * falling(t)
        dW = dW + l1_gradient(W, 2 * l1, m=1) + (0 if decays else l2_gradient(W, decay, m=1))
        W, memory_W = rule(decay_factor(rate, decay, m=1) * W if decays else W, dW, memory_W, alpha=rate)
        b, memory_b = rule(b, db, memory_b, alpha=rate)
        np.testing.assert_allclose(our_W, W, rtol=1e-9, atol=1e-12, err_msg=f"W, step {t}")
        np.testing.assert_allclose(our_b, b, rtol=1e-9, atol=1e-12, err_msg=f"b, step {t}")


@few
@given(shapes, seeds, st.floats(0.01, 0.99))
def test_the_two_forms_of_momentum_make_the_same_steps_at_converted_rates(shape, seed, beta):
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((shape[1], 6)), rng.standard_normal((shape[0], 6))
    paths = []
    for name, rate in (("momentum_average", 0.1), ("momentum", ref.velocity_rate(0.1, beta))):
        torch.manual_seed(seed)
        network = torch.nn.Linear(shape[1], shape[0], dtype=torch.float64)
        options = OptimizerOptions(name=name, learning_rate=rate, momentum=beta, weight_decay=0.1)
        paths.append([W for W, _ in our_path(network, options, X, Y)])
    np.testing.assert_allclose(*paths, rtol=1e-9, atol=1e-12)


@few
@given(shapes, seeds, st.floats(0, 1), st.integers(1, 50))
def test_penalties_are_those_of_the_notes(shape, seed, lam, m):
    """The gradient after `apply_penalties`, and the L2 that plain descent with rate 1 subtracts, to 1e-12."""
    torch.manual_seed(seed)
    network = torch.nn.Linear(shape[1], shape[0], dtype=torch.float64)
    W = network.weight.detach().numpy().copy()
    options = OptimizerOptions(name="sgd", learning_rate=1.0, weight_decay=lam / m, l1=lam / (2 * m))
    optimizer = make_optimizer(network, options)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    apply_penalties(optimizer)
    np.testing.assert_allclose(network.weight.grad, l1_gradient(W, lam, m), rtol=1e-12)
    assert not network.bias.grad.any()
    before = network.bias.detach().clone()
    optimizer.step()
    expected = W - l1_gradient(W, lam, m) - l2_gradient(W, lam, m)
    np.testing.assert_allclose(network.weight.detach(), expected, rtol=1e-12, atol=1e-15)
    assert torch.equal(network.bias, before)
