"""Gradient checking of the reference against torch's: the long vector, the distance, and autograd's gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from rumbo import losses
from rumbo.models.linear import LogisticRegression, SoftmaxRegression
from rumbo.models.mlp import MLP
from rumbo.reference import gradient_check as gc

MODELS = {
    "logistic_regression": lambda: LogisticRegression(num_numbers=4),
    "softmax_regression": lambda: SoftmaxRegression(num_numbers=4, num_classes=3),
    "mlp": lambda: MLP(num_numbers=4, num_classes=3, hidden=(5, 4), activation="tanh"),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_gradients_of_autograd_are_great(name):
    torch.manual_seed(0)
    model = MODELS[name]().double()
    x, codes = torch.randn(7, 4, dtype=torch.float64), torch.randint(0, 2, (7,))

    def cost(theta):
        vector_to_parameters(torch.tensor(theta), model.parameters())
        return losses.cross_entropy(model(x), codes).mean()

    theta = np.random.default_rng(0).normal(size=sum(p.numel() for p in model.parameters()))
    exact = torch.autograd.grad(cost(theta), list(model.parameters()))
    flat = gc.flatten([gradient.numpy() for gradient in exact])
    found = gc.check(lambda t: cost(t).item(), theta, flat)
    assert found.verdict == "great"
    flat[found.worst] *= 1.05
    assert gc.check(lambda t: cost(t).item(), theta, flat).verdict != "great"


def test_the_long_vector_is_torchs():
    model = MODELS["mlp"]()
    arrays = [parameter.detach().numpy().astype(np.float64) for parameter in model.parameters()]
    theta = gc.flatten(arrays)
    np.testing.assert_array_equal(theta, parameters_to_vector(model.parameters()).detach().numpy())
    for part, array in zip(gc.unflatten(theta, [array.shape for array in arrays]), arrays, strict=True):
        np.testing.assert_array_equal(part, array)


@given(n=st.integers(1, 30), seed=st.integers(0, 9999))
def test_distance(n, seed):
    a, b = np.random.default_rng(seed).normal(size=(2, n))
    fast_a, fast_b = torch.tensor(a), torch.tensor(b)
    fast = torch.dist(fast_a, fast_b) / (fast_a.norm() + fast_b.norm())
    np.testing.assert_allclose(fast, gc.distance(a, b), rtol=1e-9)
    assert gc.worst_component(a, b) == (fast_a - fast_b).abs().argmax()


@given(n=st.integers(1, 6), seed=st.integers(0, 9999))
def test_differences_of_a_parabola_are_exact(n, seed):
    """Two-sided differences have no error but rounding in (1/2) theta' H theta."""
    rng = np.random.default_rng(seed)
    H, theta = rng.normal(size=(n, n)), rng.normal(size=n)
    approx = gc.numeric_gradient(lambda t: float(t @ H @ t) / 2, theta, eps=0.5)
    fast = torch.tensor(theta, requires_grad=True)
    (fast @ torch.tensor(H) @ fast / 2).backward()
    assert fast.grad is not None
    np.testing.assert_allclose(approx, fast.grad, rtol=1e-9, atol=1e-12)
