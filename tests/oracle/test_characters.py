"""The character network's cost and gradients equal torch's, and so does clipping."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from rumbo.reference import characters as ref

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


def close(ours, theirs):
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def random_model(rng, k, n_a):
    return ref.Model(*(rng.standard_normal(shape) for shape in ((n_a, k), (n_a, n_a), (n_a, 1), (k, n_a), (k, 1))))


@few
@given(seed=seeds)
def test_reading(seed):
    rng = np.random.default_rng(seed)
    k, n_a, m, T = rng.integers(2, 6, 4)
    model, a0 = random_model(rng, k, n_a), rng.standard_normal((n_a, m))
    x, y = rng.integers(0, k, (m, T)), rng.integers(0, k, (m, T))

    parameters = [torch.tensor(W, requires_grad=True) for W in model]
    W_ax, W_aa, b_a, W_ya, b_y = parameters
    a, cost = torch.tensor(a0), torch.zeros((), dtype=torch.float64)
    for t in range(T):
        a = torch.tanh(W_aa @ a + W_ax[:, x[:, t]] + b_a)
        cost = cost + F.cross_entropy((W_ya @ a + b_y).T, torch.tensor(y[:, t]), reduction="sum") / (m * T)
    cost.backward()

    ours = ref.read(x, y, a0, model)
    close(ours.cost, cost)
    close(ours.a_last, a)
    for one, other in zip(ours.gradients, parameters, strict=True):
        close(one, other.grad)


@few
@given(seed=seeds, bound=st.floats(0.01, 10))
def test_clipping(seed, bound):
    rng = np.random.default_rng(seed)
    gradients = random_model(rng, 3, 4)
    parameters = [torch.zeros(dW.shape, dtype=torch.float64, requires_grad=True) for dW in gradients]
    for clip, ours in (
        (torch.nn.utils.clip_grad_value_, ref.clip_values(gradients, bound)),
        (torch.nn.utils.clip_grad_norm_, ref.clip_norm(gradients, bound)),
    ):
        for parameter, dW in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(dW)
        norm = clip(parameters, bound)
        # torch adds 1e-6 to the norm before it divides by it.
        shorter = 1.0 if norm is None or bound / (norm + 1e-6) >= 1 else norm / (norm + 1e-6)
        for one, other in zip(ours, parameters, strict=True):
            close(one * float(shorter), other.grad)


@few
@given(seed=seeds)
def test_bits_are_those_of_the_cost(seed):
    rng = np.random.default_rng(seed)
    k, n_a = rng.integers(2, 6, 2)
    model, codes = random_model(rng, k, n_a), rng.integers(0, k, 20)
    cost = ref.read(codes[None, :-1], codes[None, 1:], np.zeros((n_a, 1)), model).cost
    close(ref.bits_per_character(codes, model), np.log2(np.exp(cost)))
