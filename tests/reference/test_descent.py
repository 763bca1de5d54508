"""Laws of mini-batches and of descent by them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import descent as ref

seeds = st.integers(0, 2**32 - 1)


@given(st.integers(1, 40), st.integers(1, 50), seeds)
def test_mini_batches_partition_each_epoch(m, size, seed):
    X = np.arange(m, dtype=float)[None, :]
    rng = np.random.default_rng(seed)
    for _ in range(2):
        batches = list(ref.mini_batches(X, 10 * X, size, rng))
        assert len(batches) == ref.number_of_batches(m, size)
        assert all(X_t.shape[1] == size for X_t, _ in batches[:-1])
        together, targets = (np.concatenate(parts, axis=1) for parts in zip(*batches, strict=True))
        np.testing.assert_array_equal(np.sort(together), X)
        np.testing.assert_array_equal(targets, 10 * together)


def test_epochs_are_shuffled_anew():
    rng = np.random.default_rng(0)
    X = np.arange(50.0)[None, :]
    first, second = (np.concatenate([x for x, _ in ref.mini_batches(X, X, 8, rng)], axis=1) for _ in range(2))
    assert (first != X).any()
    assert (first != second).any()


def mean_squares(w, X, Y):
    return 2 * (w @ X - Y) @ X.T / X.shape[1]


def problem(seed, m=40):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((2, m))
    return np.zeros((1, 2)), X, np.array([[1.0, -2.0]]) @ X + 0.5 * rng.standard_normal((1, m))


@given(seeds)
def test_a_mini_batch_of_all_is_the_batch(seed):
    w, X, Y = problem(seed)
    whole = ref.batch_gradient_descent(mean_squares, w, X, Y, 0.1, 5)
    mini = ref.mini_batch_gradient_descent(mean_squares, w, X, Y, 0.1, 5, 40, np.random.default_rng(0))
    np.testing.assert_allclose(np.stack(mini), np.stack(whole), rtol=1e-9)


def test_one_example_at_a_time_makes_m_steps():
    w, X, Y = problem(0)
    path = ref.stochastic_gradient_descent(mean_squares, w, X, Y, 0.01, 3, np.random.default_rng(0))
    assert len(path) == 1 + 3 * 40
    judge = ref.mini_batch_gradient_descent(mean_squares, w, X, Y, 0.01, 3, 1, np.random.default_rng(0))
    np.testing.assert_array_equal(np.stack(path), np.stack(judge))


def test_all_examples_at_the_end_settle_where_mini_batches_wander():
    w, X, Y = problem(0)
    best = np.linalg.lstsq(X.T, Y.T, rcond=None)[0].T
    path = ref.mini_batches_then_batch(mean_squares, w, X, Y, 0.2, 20, 4, 100, np.random.default_rng(0))
    end_of_first_phase = 20 * 10
    assert len(path) == 1 + end_of_first_phase + 100
    wandering = np.abs(np.stack(path[end_of_first_phase - 50 : end_of_first_phase + 1]) - best).max(axis=(1, 2))
    assert wandering.min() > 1e-4
    np.testing.assert_allclose(path[-1], best, rtol=1e-6)
