"""Laws of penalties and dropout."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import regularization as ref

seeds = st.integers(0, 2**32 - 1)
keeps = st.floats(0.05, 0.95)


def expectation(of_mask, n, keep_prob):
    """The exact mean over all 2^n masks, each with its probability."""
    masks = [np.array(mask) for mask in product([0.0, 1.0], repeat=n)]
    return sum(keep_prob ** D.sum() * (1 - keep_prob) ** (n - D.sum()) * of_mask(D) for D in masks)


@given(st.integers(1, 6), keeps, seeds)
def test_both_dropouts_are_equal_in_expectation(n, keep_prob, seed):
    """What the next layer gets while training, on average, is what it gets at prediction; in both forms."""
    rng = np.random.default_rng(seed)
    A, W = rng.standard_normal(n), rng.standard_normal((2, n))
    inverted = expectation(lambda D: W @ ref.inverted_dropout(A, D, keep_prob), n, keep_prob)
    older = expectation(lambda D: W @ ref.dropout(A, D), n, keep_prob)
    np.testing.assert_allclose(inverted, W @ A, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(older, W @ ref.dropout_at_test(A, keep_prob), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(older, keep_prob * inverted, rtol=1e-9, atol=1e-12)


def test_masks_keep_the_share_that_they_should():
    D = ref.dropout_mask((200, 300), 0.8, np.random.default_rng(0))
    assert set(np.unique(D)) == {0.0, 1.0}
    assert D.mean() == pytest.approx(0.8, abs=4 * np.sqrt(0.8 * 0.2 / D.size))
    assert (ref.dropout_mask((5, 5), 1.0, np.random.default_rng(0)) == 1).all()


@given(st.floats(1e-3, 1), st.floats(0, 5), st.integers(1, 100), seeds)
def test_weight_decay_is_descent_on_the_cost_with_l2(alpha, lam, m, seed):
    W, dW = np.random.default_rng(seed).standard_normal((2, 3, 4))
    with_penalty = W - alpha * (dW + ref.l2_gradient(W, lam, m))
    np.testing.assert_allclose(ref.weight_decay_step(W, dW, alpha, lam, m), with_penalty, rtol=1e-9, atol=1e-12)


def test_l1_brings_small_weights_to_zero_and_l2_only_near():
    """Descent on (w - c)^2 / 2 with each penalty: the minima are max(c - lambda / 2m, 0) and c / (1 + lambda / m)."""
    c, lam, m = 0.3, 8.0, 10
    w1 = w2 = np.array([[1.0]])
    for _ in range(3000):
        w1 = w1 - 0.01 * (w1 - c + ref.l1_gradient(w1, lam, m))
        w2 = w2 - 0.01 * (w2 - c + ref.l2_gradient(w2, lam, m))
    assert abs(w1.item()) < 0.01
    assert w2.item() == pytest.approx(c / (1 + lam / m), rel=1e-6)
