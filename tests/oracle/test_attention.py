"""Attention equals torch's, in value and gradient, with and without a mask."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from rumbo.reference import attention as ref

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=30, deadline=None)


def close(ours, theirs):
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def tensor(array):
    return torch.tensor(np.ascontiguousarray(array), requires_grad=True)


def rows(array):
    """(n, m, T) -> (m, T, n)."""
    return array.transpose(1, 2, 0)


def sizes(rng):
    d, d_v, m, T_q, T_k = rng.integers(1, 6, 5)
    return d, d_v, m, T_q, T_k


def random_mask(rng, T_k, m, T_q):
    mask = rng.integers(0, 2, (T_k, m, T_q)).astype(np.float64)
    mask[rng.integers(T_k)] = 1
    return mask


@pytest.mark.parametrize("masked", [False, True])
@few
@given(seed=seeds)
def test_dot_product(masked, seed):
    rng = np.random.default_rng(seed)
    d, d_v, m, T_q, T_k = sizes(rng)
    Q, K, V = 2 * rng.standard_normal((d, m, T_q)), rng.standard_normal((d, m, T_k)), rng.standard_normal((d_v, m, T_k))
    doutput = rng.standard_normal((d_v, m, T_q))
    mask = random_mask(rng, T_k, m, T_q) if masked else None

    q, k, v = tensor(rows(Q)), tensor(rows(K)), tensor(rows(V))
    theirs = F.scaled_dot_product_attention(q, k, v, torch.tensor(mask.transpose(1, 2, 0) == 1) if masked else None)
    theirs.backward(torch.tensor(rows(doutput)))

    output, A = ref.dot_product_attention(Q, K, V, mask)
    dQ, dK, dV = ref.dot_product_attention_backward(doutput, Q, K, V, A)
    close(rows(output), theirs)
    close(rows(dQ), q.grad)
    close(rows(dK), k.grad)
    close(rows(dV), v.grad)


@few
@given(seed=seeds)
def test_causal(seed):
    rng = np.random.default_rng(seed)
    d, d_v, m, T, _ = sizes(rng)
    Q, K, V = (rng.standard_normal((n, m, T)) for n in (d, d, d_v))
    theirs = F.scaled_dot_product_attention(*(torch.tensor(rows(x)) for x in (Q, K, V)), is_causal=True)
    close(rows(ref.dot_product_attention(Q, K, V, ref.causal_mask(T)).output), theirs)


def additive_in_torch(s, a, W, mask):
    """Bahdanau et al.'s equations, one encoder step at a time."""
    scores = [W.v.T @ torch.tanh(W.W_s @ s + W.W_a @ a[:, :, t] + W.b) for t in range(a.shape[2])]
    e = torch.cat(scores)
    e = e if mask is None else e.masked_fill(torch.tensor(mask == 0), -torch.inf)
    weights = torch.softmax(e, dim=0)
    return sum(weights[t] * a[:, :, t] for t in range(a.shape[2]))


@pytest.mark.parametrize("masked", [False, True])
@few
@given(seed=seeds)
def test_additive(masked, seed):
    rng = np.random.default_rng(seed)
    n_s, n_a, n_e, m, T = rng.integers(1, 6, 5)
    s, a, dcontext = rng.standard_normal((n_s, m)), rng.standard_normal((n_a, m, T)), rng.standard_normal((n_a, m))
    W = ref.Additive(*(rng.standard_normal(shape) for shape in ((n_e, n_s), (n_e, n_a), (n_e, 1), (n_e, 1))))
    mask = random_mask(rng, T, m, 1)[:, :, 0] if masked else None

    s_torch, a_torch, W_torch = tensor(s), tensor(a), ref.Additive(*map(tensor, W))
    theirs = additive_in_torch(s_torch, a_torch, W_torch, mask)
    theirs.backward(torch.tensor(dcontext))

    step = ref.additive_attention(s, a, W, mask)
    ds, da, dW = ref.additive_attention_backward(dcontext, s, a, step, W)
    close(step.context, theirs)
    close(ds, s_torch.grad)
    close(da, a_torch.grad)
    for one, other in zip(dW, W_torch, strict=True):
        close(one, other.grad)
