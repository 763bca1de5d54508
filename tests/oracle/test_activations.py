"""Activations of the reference against torch's, value and gradient."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rumbo.reference import activations as reference

# Beyond 6 the derivative 1 - A^2 has fewer than nine digits left in float64, here and in torch.
NUMBERS = st.floats(-6, 6, allow_subnormal=False)
ARRAYS = hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=4, max_side=5), elements=NUMBERS)
COLUMNS = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=NUMBERS)

PAIRS = {
    "sigmoid": (reference.SIGMOID, torch.sigmoid),
    "tanh": (reference.TANH, torch.tanh),
    "relu": (reference.RELU, F.relu),
    "leaky_relu": (reference.LEAKY_RELU, F.leaky_relu),
    "linear": (reference.LINEAR, torch.nn.Identity()),
}


def agree(fast, judge):
    np.testing.assert_allclose(fast.detach().numpy(), judge, rtol=1e-9, atol=1e-14)


def value_and_gradient(fast, Z, upstream):
    z = torch.tensor(Z, requires_grad=True)
    a = fast(z)
    a.backward(torch.tensor(upstream))
    assert z.grad is not None
    return a, z.grad


@pytest.mark.parametrize("name", PAIRS)
@given(Z=ARRAYS)
def test_functions_and_derivatives_are_torchs(name, Z):
    ours, fast = PAIRS[name]
    a, gradient = value_and_gradient(fast, Z, np.ones_like(Z))
    agree(a, ours.g(Z))
    agree(gradient, ours.derivative(Z))


@pytest.mark.parametrize("name", PAIRS)
def test_at_zero_the_same_derivative_is_chosen(name):
    ours, fast = PAIRS[name]
    zero = np.array([0.0, -0.0])
    agree(value_and_gradient(fast, zero, np.ones(2))[1], ours.derivative(zero))


@given(Z=ARRAYS, slope=st.floats(0.0, 1.0))
def test_leaky_relu_with_any_slope(Z, slope):
    a, gradient = value_and_gradient(lambda z: F.leaky_relu(z, slope), Z, np.ones_like(Z))
    agree(a, reference.leaky_relu(Z, slope))
    agree(gradient, reference.leaky_relu_derivative(Z, slope))


@given(Z=COLUMNS, seed=st.integers(0, 999))
def test_softmax_of_columns_is_torchs_of_rows(Z, seed):
    upstream = np.random.default_rng(seed).normal(size=Z.shape)
    a, gradient = value_and_gradient(lambda z: F.softmax(z, dim=1), Z.T.copy(), upstream.T.copy())
    A = reference.softmax(Z)
    agree(a, A.T)
    agree(gradient, reference.softmax_backward(upstream, A).T)


@given(Z=COLUMNS, seed=st.integers(0, 999), T=st.floats(0.2, 50))
def test_softmax_with_temperature(Z, seed, T):
    upstream = np.random.default_rng(seed).normal(size=Z.shape)
    a, gradient = value_and_gradient(lambda z: F.softmax(z / T, dim=1), Z.T.copy(), upstream.T.copy())
    A = reference.softmax_temperature(Z, T)
    agree(a, A.T)
    agree(gradient, reference.softmax_temperature_backward(upstream, A, T).T)


def test_softmax_stays_finite_where_torchs_does():
    Z = np.array([[1e4, -1e4], [0.0, 0.0]])
    agree(F.softmax(torch.tensor(Z), dim=0), reference.softmax(Z))
