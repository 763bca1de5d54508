"""Descent by batches makes torch's steps on the same batches."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, DataLoader, TensorDataset

from rumbo.data.loader import cut
from rumbo.reference import descent as ref

few = settings(max_examples=25)
seeds = st.integers(0, 2**32 - 1)


@given(st.integers(1, 60), st.integers(1, 70), seeds)
def test_an_order_is_cut_as_by_torch(m, size, seed):
    order = np.random.default_rng(seed).permutation(m)
    judge = list(BatchSampler(order.tolist(), size, drop_last=False))
    assert [batch.tolist() for batch in ref.split(order, size)] == judge
    assert ref.number_of_batches(m, size) == len(judge)


@given(st.integers(1, 60), st.integers(2, 70))
def test_an_order_is_cut_as_by_ours_but_for_a_last_batch_of_one(m, size):
    batches = [batch.tolist() for batch in ref.split(np.arange(m), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] += last
    assert batches == [list(range(low, high)) for low, high in cut(m, size)]


def mean_squares(w, X, Y):
    """The gradient of J = 1/m sum (w x - y)^2; w is (1, n_x)."""
    return 2 * (w @ X - Y) @ X.T / X.shape[1]


def torch_path(w, batches, alpha):
    """The same cost in rows, by torch's gradient and torch's optimizer."""
    weights = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=alpha)
    path = [w]
    for X, Y in batches:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(X @ weights.T, Y).backward()
        optimizer.step()
        path.append(weights.detach().numpy().copy())
    return path


def rows(X, Y):
    return torch.tensor(X.T), torch.tensor(Y.T)


def agree(path, judge):
    np.testing.assert_allclose(np.stack(path), np.stack(judge), rtol=1e-9, atol=1e-12)


def problem(n_x, m, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((1, n_x)), rng.standard_normal((n_x, m)), rng.standard_normal((1, m))


@few
@given(st.integers(1, 4), st.integers(1, 20), st.integers(1, 25), st.sampled_from([0.01, 1.0]), seeds)
def test_mini_batches(n_x, m, size, alpha, seed):
    w, X, Y = problem(n_x, m, seed)
    path = ref.mini_batch_gradient_descent(mean_squares, w, X, Y, alpha, 3, size, np.random.default_rng(seed))
    shuffler = np.random.default_rng(seed)
    batches = []
    for _ in range(3):
        sampler = BatchSampler(shuffler.permutation(m).tolist(), size, drop_last=False)
        batches += DataLoader(TensorDataset(*rows(X, Y)), batch_sampler=sampler)
    agree(path, torch_path(w, batches, alpha))


@few
@given(st.integers(1, 4), st.integers(1, 20), st.sampled_from([0.01, 1.0]), seeds)
def test_the_whole_batch(n_x, m, alpha, seed):
    w, X, Y = problem(n_x, m, seed)
    path = ref.batch_gradient_descent(mean_squares, w, X, Y, alpha, 10)
    agree(path, torch_path(w, [rows(X, Y)] * 10, alpha))
