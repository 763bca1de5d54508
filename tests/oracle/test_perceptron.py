"""The perceptron of the reference against torch's linear layer."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference.activations import sigmoid, tanh
from rumbo.reference.perceptron import perceptron, weighted_sum


@given(n=st.integers(1, 9), k=st.integers(1, 5), m=st.integers(1, 6), seed=st.integers(0, 999))
def test_several_outputs_are_a_linear_layer(n, k, m, seed):
    rng = np.random.default_rng(seed)
    w0, w, x = rng.normal(size=(k, 1)), rng.normal(size=(n, k)), rng.normal(size=(n, m))
    fast = torch.nn.functional.linear(torch.tensor(x.T), torch.tensor(w.T), torch.tensor(w0[:, 0]))
    np.testing.assert_allclose(fast.T, weighted_sum(w0, w, x), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(fast.tanh().T, perceptron(w0, w, x, tanh), rtol=1e-9, atol=1e-13)


@given(n=st.integers(1, 9), seed=st.integers(0, 999))
def test_one_output(n, seed):
    rng = np.random.default_rng(seed)
    w0, w, x = rng.normal(), rng.normal(size=n), rng.normal(size=n)
    fast = torch.sigmoid(w0 + torch.dot(torch.tensor(w), torch.tensor(x)))
    np.testing.assert_allclose(fast, perceptron(w0, w, x, sigmoid), rtol=1e-9)
