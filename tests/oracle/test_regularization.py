"""Penalties and dropout equal torch's in value and gradient."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from rumbo.reference import regularization as ref

shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
seeds = st.integers(0, 2**32 - 1)
lambdas = st.floats(0.01, 10)
examples = st.integers(1, 500)
keeps = st.sampled_from([0.3, 0.5, 0.7, 0.8, 0.9])


def agree(found, judge):
    np.testing.assert_allclose(found, judge, rtol=1e-9, atol=1e-14)


def layers(shapes, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape) for shape in shapes]
    return weights, [torch.tensor(W, requires_grad=True) for W in weights]


@given(st.lists(shapes, min_size=1, max_size=4), lambdas, examples, seeds)
def test_l2(shapes, lam, m, seed):
    weights, for_torch = layers(shapes, seed)
    penalty = lam / (2 * m) * sum(torch.linalg.matrix_norm(W, "fro") ** 2 for W in for_torch)
    penalty.backward()
    agree(ref.l2_penalty(weights, lam, m), penalty.item())
    for W, judge in zip(weights, for_torch, strict=True):
        agree(ref.l2_gradient(W, lam, m), judge.grad)


@given(st.lists(shapes, min_size=1, max_size=4), lambdas, examples, seeds)
def test_l1(shapes, lam, m, seed):
    weights, for_torch = layers(shapes, seed)
    penalty = lam / (2 * m) * sum(F.l1_loss(W, torch.zeros_like(W), reduction="sum") for W in for_torch)
    penalty.backward()
    agree(ref.l1_penalty(weights, lam, m), penalty.item())
    for W, judge in zip(weights, for_torch, strict=True):
        agree(ref.l1_gradient(W, lam, m), judge.grad)


def test_l1_has_no_pull_on_a_weight_of_zero():
    W = torch.zeros(2, requires_grad=True, dtype=torch.float64)
    W.abs().sum().backward()
    agree(ref.l1_gradient(np.zeros(2), 1.0, 1), W.grad)


@given(shapes, keeps, seeds)
def test_inverted_dropout_is_torchs_dropout(shape, keep_prob, seed):
    A, dA_dropped = np.random.default_rng(seed).standard_normal((2, *shape))
    for_torch = torch.tensor(A, requires_grad=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        D = (F.dropout(torch.ones(shape, dtype=torch.float64), 1 - keep_prob) != 0).double().numpy()
        torch.manual_seed(seed)
        dropped = F.dropout(for_torch, 1 - keep_prob)
    (dropped * torch.tensor(dA_dropped)).sum().backward()
    agree(ref.inverted_dropout(A, D, keep_prob), dropped.detach())
    agree(ref.inverted_dropout_backward(dA_dropped, D, keep_prob), for_torch.grad)
    agree(A, F.dropout(torch.tensor(A), 1 - keep_prob, training=False))


@given(shapes, keeps, seeds)
def test_the_older_dropout_is_masking(shape, keep_prob, seed):
    rng = np.random.default_rng(seed)
    A, dA_dropped = rng.standard_normal((2, *shape))
    D = ref.dropout_mask(shape, keep_prob, rng)
    for_torch = torch.tensor(A, requires_grad=True)
    dropped = for_torch.masked_fill(torch.tensor(D) == 0, 0)
    (dropped * torch.tensor(dA_dropped)).sum().backward()
    agree(ref.dropout(A, D), dropped.detach())
    agree(ref.dropout_backward(dA_dropped, D), for_torch.grad)
