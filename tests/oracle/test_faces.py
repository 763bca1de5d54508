"""Triplet loss and siamese heads equal torch's, in value and gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from rumbo.reference import faces as ref

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=30, deadline=None)


def close(ours, theirs):
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def tensor(array):
    """Examples in rows, as torch has them."""
    return torch.tensor(np.ascontiguousarray(array.T), requires_grad=True)


def squared_distance(one, other):
    return ((one - other) ** 2).sum(dim=1)


@few
@given(seed=seeds, alpha=st.sampled_from([0.01, 0.2, 1.0, 5.0]))
def test_triplets(seed, alpha):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 10, 2)
    A, P, N = 0.7 * rng.standard_normal((3, n, m))
    anchors, positives, negatives = map(tensor, (A, P, N))
    losses = F.triplet_margin_with_distance_loss(
        anchors, positives, negatives, distance_function=squared_distance, margin=alpha, reduction="none"
    )
    losses.sum().backward()

    close(ref.triplet_loss(A, P, N, alpha), losses)
    close(ref.triplet_cost(A, P, N, alpha), losses.sum())
    gradients = ref.triplet_backward(A, P, N, alpha)
    close(gradients.dA.T, anchors.grad)
    close(gradients.dP.T, positives.grad)
    close(gradients.dN.T, negatives.grad)


def chi_square_in_torch(f_i, f_j):
    return (f_i - f_j) ** 2 / (f_i + f_j)


HEADS = {
    "difference": (ref.absolute_difference, ref.absolute_difference_backward, lambda f_i, f_j: (f_i - f_j).abs()),
    "chi square": (ref.chi_square, ref.chi_square_backward, chi_square_in_torch),
}


@pytest.mark.parametrize("name", HEADS)
@few
@given(seed=seeds)
def test_heads(name, seed):
    """The whole way from the cross-entropy of pairs back to both encodings."""
    forward, backward, in_torch = HEADS[name]
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 10, 2)
    f_i, f_j = rng.uniform(0.1, 2, (2, n, m))
    w, b, y = rng.standard_normal((1, n)), rng.standard_normal((1, 1)), rng.integers(0, 2, (1, m)).astype(np.float64)

    one, other, weights, bias = tensor(f_i), tensor(f_j), tensor(w), tensor(b)
    Z = in_torch(one, other) @ weights + bias
    F.binary_cross_entropy_with_logits(Z, torch.tensor(y.T), reduction="sum").backward()

    u = forward(f_i, f_j)
    yhat = ref.head(w, b, u)
    dw, db, du = ref.head_backward(yhat - y, w, u)
    df_i, df_j = backward(du, f_i, f_j)
    close(yhat.T, torch.sigmoid(Z))
    close(dw.T, weights.grad)
    close(db, bias.grad)
    close(df_i.T, one.grad)
    close(df_j.T, other.grad)
