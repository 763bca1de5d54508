"""Laws of the rules of descent: how the forms relate, and what each promises."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import optimizers as ref
from rumbo.reference.descent import follow

betas = st.floats(0.1, 0.99)
rates = st.floats(1e-3, 2.0)
seeds = st.integers(0, 2**32 - 1)


def gradients(seed, steps=10):
    """Gradients that do not depend on W, so that a rule is judged on its own."""
    return list(np.random.default_rng(seed).standard_normal((steps, 3)))


def run(step, memory, given_gradients):
    feed = iter(given_gradients)
    return np.stack(follow(step, memory, lambda W: next(feed), np.zeros(3), len(given_gradients)))


@given(rates, betas, seeds)
def test_momentum_is_velocity_with_the_converted_rate(alpha, beta, seed):
    averaged = run(partial(ref.momentum, alpha=alpha, beta=beta), np.zeros(3), gradients(seed))
    step = partial(ref.velocity, alpha=ref.velocity_rate(alpha, beta), mu=beta)
    np.testing.assert_allclose(averaged, run(step, np.zeros(3), gradients(seed)), rtol=1e-9, atol=1e-12)


@given(rates, betas)
def test_the_conversions_of_the_rate_undo_each_other(alpha, beta):
    assert ref.momentum_rate(ref.velocity_rate(alpha, beta), beta) == pytest.approx(alpha, rel=1e-12)


@given(rates, betas, seeds)
def test_the_place_of_the_rate_matters_only_when_it_changes(alpha, mu, seed):
    dW_1, dW_2 = gradients(seed, 2)
    W, v = ref.velocity(np.zeros(3), dW_1, np.zeros(3), alpha, mu)
    W_inside, v_inside = ref.velocity_with_rate(np.zeros(3), dW_1, np.zeros(3), alpha, mu)
    np.testing.assert_allclose(W, W_inside, rtol=1e-12)
    np.testing.assert_allclose(alpha * v, v_inside, rtol=1e-12)
    lower = alpha / 10
    late = ref.velocity(W, dW_2, v, lower, mu)[0] - ref.velocity_with_rate(W, dW_2, v_inside, lower, mu)[0]
    np.testing.assert_allclose(late, (alpha - lower) * mu * v, rtol=1e-6, atol=1e-12)


@given(rates, betas, seeds)
def test_dampening_skips_the_first_step(alpha, beta, seed):
    dampened = run(partial(ref.dampened_velocity, alpha=alpha, mu=beta, dampening=beta), None, gradients(seed))
    averaged = run(partial(ref.momentum, alpha=alpha, beta=beta), np.zeros(3), gradients(seed))
    first = gradients(seed)[0]
    # v - V = beta^t times the first gradient; the paths part by the sum of that.
    gap = [-alpha * sum(beta**s for s in range(1, t + 1)) * first for t in range(11)]
    np.testing.assert_allclose(dampened - averaged, gap, rtol=1e-6, atol=1e-10)


@given(rates, betas, st.floats(0, 1), seeds)
def test_the_start_that_undoes_the_skipped_step(alpha, mu, dampening, seed):
    steps = partial(ref.dampened_velocity, alpha=alpha, mu=mu, dampening=dampening)
    start = ref.undampened_start(gradients(seed)[0], mu, dampening)
    skipped = run(steps, None, gradients(seed))
    np.testing.assert_allclose(skipped, run(steps, start, gradients(seed)), rtol=1e-9, atol=1e-12)


@given(st.floats(0.01, 0.3), betas, seeds)
def test_nesterov_takes_its_gradient_one_step_ahead(alpha, mu, seed):
    H = np.diag(np.random.default_rng(seed).uniform(0.1, 3, 3))
    W = np.ones(3)
    ahead = follow(partial(ref.nesterov, alpha=alpha, mu=mu), np.zeros(3), lambda W: H @ W, W, 10)
    v = np.zeros(3)
    for t in range(10):
        looked_at = W + mu * v
        np.testing.assert_allclose(ahead[t], looked_at, rtol=1e-9, atol=1e-12)
        v = mu * v - alpha * H @ looked_at
        W = W + v


def epsilon_pairs():
    eps = 1e-2
    return [
        (ref.rmsprop, ref.rmsprop_inside, eps),
        (ref.adagrad, ref.adagrad_inside, eps),
    ]


@pytest.mark.parametrize(("outside", "inside", "eps"), epsilon_pairs())
@given(st.floats(-6, 3), seeds)
def test_epsilon_inside_of_the_root_makes_longer_steps_by_at_most_root_two(outside, inside, eps, power, seed):
    dW = 10**power * np.random.default_rng(seed).standard_normal(3)
    near = -outside(np.zeros(3), dW, np.zeros(3), 1.0, eps=eps)[0] / dW
    far = -inside(np.zeros(3), dW, np.zeros(3), 1.0, eps=eps**2)[0] / dW
    assert (far >= near * (1 - 1e-12)).all()
    assert (far <= np.sqrt(2) * near * (1 + 1e-12)).all()


@given(st.floats(0, 1e6), st.floats(1e-10, 1))
def test_epsilon_moves_into_the_root(S, eps):
    inside = ref.inside_epsilon(np.array(S), eps)
    assert np.sqrt(S + inside) == pytest.approx(np.sqrt(S) + eps, rel=1e-9)


@pytest.mark.parametrize("rule", [ref.adam, ref.adam_inside])
@given(rates, seeds)
def test_adams_first_step_is_the_rate(rule, alpha, seed):
    dW = gradients(seed)[0]
    W, _ = rule(np.zeros(3), dW, ref.no_moments(dW), alpha, eps=0.0)
    np.testing.assert_allclose(W, -alpha * np.sign(dW), rtol=1e-9)


@given(seeds)
def test_correcting_twice_is_another_rule(seed):
    """Paiolla's algorithm 3.4 writes the corrected averages back; then a constant gradient makes no constant step."""
    dW = np.abs(gradients(seed)[0])
    moments = ref.no_moments(dW)
    W = [np.zeros(3)]
    for _ in range(5):
        W_next, moments = ref.adam(W[-1], dW, moments, alpha=0.1, eps=0.0)
        W.append(W_next)
    np.testing.assert_allclose(np.diff(np.stack(W), axis=0), -0.1, rtol=1e-9)
    written_back = ref.Moments(*ref.corrected(ref.moments_step(dW, ref.no_moments(dW), 0.9, 0.999), 0.9, 0.999), 1)
    V, S = ref.corrected(ref.moments_step(dW, written_back, 0.9, 0.999), 0.9, 0.999)
    assert (V / np.sqrt(S) < 0.5).all()


@given(seeds, st.floats(0.5, 0.99))
def test_amsgrads_divisor_never_shrinks_before_correction(seed, beta2):
    state = ref.no_largest_moments(np.zeros(3))
    for dW in [*gradients(seed, 5), *[1e-3 * dW for dW in gradients(seed, 20)]]:
        before = state.S_max
        _, state = ref.amsgrad(np.zeros(3), dW, state, 0.1, beta2=beta2)
        assert (state.S_max >= before).all()
        assert (state.S_max >= state.moments.S).all()


@given(st.floats(1e-3, 1e3), seeds)
def test_adagrad_does_not_see_the_scale_of_the_cost(scale, seed):
    larger = [scale * dW for dW in gradients(seed)]
    adagrad = partial(ref.adagrad, alpha=0.1, eps=0.0)
    np.testing.assert_allclose(
        run(adagrad, np.zeros(3), larger), run(adagrad, np.zeros(3), gradients(seed)), rtol=1e-9, atol=1e-12
    )


def test_adagrads_steps_fall_with_the_root_of_their_number():
    adagrad = partial(ref.adagrad, alpha=0.1, eps=0.0)
    constant = [np.ones(3)] * 400
    steps = -np.diff(run(adagrad, np.zeros(3), constant), axis=0)[:, 0]
    np.testing.assert_allclose(steps, 0.1 / np.sqrt(np.arange(1, 401)), rtol=1e-9)


def test_adadelta_starts_from_epsilon_and_speeds_up():
    deltas = ref.no_deltas(np.zeros(3))
    steps = -np.diff(run(ref.adadelta, deltas, [np.ones(3)] * 1000), axis=0)[:, 0]
    assert steps[0] == pytest.approx(np.sqrt(1e-6 / (0.05 + 1e-6)), rel=1e-9)
    # Once S has come to 1, step^2 = D + eps, and D takes in (1 - rho) eps with every step.
    np.testing.assert_allclose(np.diff(steps[600:] ** 2), 0.05 * 1e-6, rtol=1e-3)


RULES = {
    "momentum": (ref.momentum, np.zeros_like, 0.1),
    "velocity": (ref.velocity, np.zeros_like, 0.01),
    "velocity with rate": (ref.velocity_with_rate, np.zeros_like, 0.01),
    "nesterov": (ref.nesterov, np.zeros_like, 0.01),
    "rmsprop": (ref.rmsprop, np.zeros_like, 0.01),
    "rmsprop, inside": (ref.rmsprop_inside, np.zeros_like, 0.01),
    "adam": (ref.adam, ref.no_moments, 0.05),
    "adam, inside": (ref.adam_inside, ref.no_moments, 0.05),
    "amsgrad": (ref.amsgrad, ref.no_largest_moments, 0.05),
    "adagrad": (ref.adagrad, np.zeros_like, 0.5),
    "adagrad, inside": (ref.adagrad_inside, np.zeros_like, 0.5),
    "adadelta": (ref.adadelta, ref.no_deltas, 1.0),
    "adamw": (partial(ref.adamw, decay=0.0), ref.no_moments, 0.05),
}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_comes_down_and_changes_nothing_that_it_is_given(name):
    rule, memory, alpha = RULES[name]
    start = np.array([1.0, -1.0])
    start.flags.writeable = False
    path = follow(partial(rule, alpha=alpha), memory(start), lambda W: np.array([4.0, 0.5]) * W, start, 1500)
    cost = [2 * W[0] ** 2 + 0.25 * W[1] ** 2 for W in path]
    assert cost[-1] < 1e-2 * cost[0]
