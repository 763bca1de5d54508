"""Laws of normalisation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import normalization as ref

seeds = st.integers(0, 2**32 - 1)


def layer(n, m, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(rng.normal(0, 3, (n, 1)), rng.uniform(0.5, 3, (n, 1)), (n, m)), *rng.standard_normal((2, n, 1))


@given(st.integers(1, 4), st.integers(2, 20), seeds)
def test_the_training_set_gets_mean_0_and_variance_1(n, m, seed):
    X = layer(n, m, seed)[0]
    scaled = ref.apply_inputs(X, ref.fit_inputs(X))
    np.testing.assert_allclose(scaled.mean(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.var(axis=1), 1, rtol=1e-9)


def test_a_feature_that_never_changes_becomes_zero():
    X = np.full((1, 3), 0.1)  # the mean of three tenths rounds, and so would a variance of 0
    np.testing.assert_allclose(ref.apply_inputs(X, ref.fit_inputs(X)), 0, atol=1e-15)


@given(st.integers(1, 4), st.integers(2, 20), seeds)
def test_batch_norm_can_leave_everything_as_it_is(n, m, seed):
    Z = layer(n, m, seed)[0]
    mu, sigma2 = ref.batch_statistics(Z)
    np.testing.assert_allclose(ref.batch_norm(Z, np.sqrt(sigma2 + 1e-5), mu)[0], Z, rtol=1e-9, atol=1e-9)


@given(st.integers(1, 4), st.integers(2, 20), seeds, st.floats(-10, 10))
def test_a_bias_before_batch_norm_does_nothing(n, m, seed, b):
    Z, gamma, beta = layer(n, m, seed)
    with_b, without = (ref.batch_norm(values, gamma, beta)[0] for values in (Z + b, Z))
    np.testing.assert_allclose(with_b, without, rtol=1e-9, atol=1e-9)


@given(st.integers(1, 4), st.integers(3, 20), seeds)
def test_the_gradient_has_no_part_along_what_is_normalised_away(n, m, seed):
    """Neither shifting Z nor (but for epsilon) stretching it changes the result."""
    Z, gamma, beta = layer(n, m, seed)
    _, cache = ref.batch_norm(Z, gamma, beta, eps=0.0)
    dZ = ref.batch_norm_backward(np.random.default_rng(seed).standard_normal(Z.shape), cache).dZ
    np.testing.assert_allclose(dZ.sum(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose((dZ * cache.Z_norm).sum(axis=1), 0, atol=1e-9)


def test_running_averages_come_to_the_true_mean_and_variance():
    rng = np.random.default_rng(0)
    running = ref.first_statistics(1)
    for _ in range(4000):
        batch = ref.unbiased(ref.batch_statistics(rng.normal(5, 2, (1, 4))), 4)
        running = ref.running_step(running, batch, beta=0.999)
    np.testing.assert_allclose([running.mu.item(), running.sigma2.item()], [5, 4], rtol=0.1)


def test_channels_go_into_rows_and_back():
    A = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    rows = ref.channels_in_rows(A)
    assert rows.shape == (5, 24)
    np.testing.assert_array_equal(rows[2], A[..., 2].ravel())
    np.testing.assert_array_equal(ref.channels_last(rows, A.shape), A)
