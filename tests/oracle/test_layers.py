"""The activations that networks choose by name, and batch norm on their either side, against the textbook."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rumbo.models.layers import activated, activation_layer
from rumbo.reference import activations, normalization
from rumbo.reference.normalization import channels_in_rows, channels_last

# Beyond 6 the derivative 1 - A^2 has fewer than nine digits left in float64, here and in torch.
ARRAYS = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=1, max_dims=4, max_side=5),
    elements=st.floats(-6, 6, allow_subnormal=False),
)
JUDGES = {
    "relu": activations.RELU,
    "leaky_relu": activations.LEAKY_RELU,
    "sigmoid": activations.SIGMOID,
    "tanh": activations.TANH,
    "linear": activations.LINEAR,
}


def agree(fast, judge):
    np.testing.assert_allclose(fast.detach().numpy(), judge, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", JUDGES)
@given(Z=ARRAYS)
def test_an_activation_and_its_derivative(name, Z):
    z = torch.tensor(Z, requires_grad=True)
    a = activation_layer(name)(z)
    a.sum().backward()
    agree(a, JUDGES[name].g(Z))
    agree(z.grad, JUDGES[name].derivative(Z))


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("name", JUDGES)
@given(seed=st.integers(0, 9999))
def test_batch_norm_of_pictures_by_channel(name, place, seed):
    """(m, H, W, C) of the textbook; the gradient is that of the sum of upstream * A."""
    rng, g = np.random.default_rng(seed), JUDGES[name]
    Z, upstream = rng.normal(size=(3, 4, 2, 5)), rng.normal(size=(3, 4, 2, 5))
    gamma, beta = rng.normal(size=(5, 1)), rng.normal(size=(5, 1))
    layers = torch.nn.Sequential(*activated(5, name, place, 0.1, of_images=True)).double()
    norm = next(layer for layer in layers if isinstance(layer, torch.nn.BatchNorm2d))
    with torch.no_grad():
        norm.weight.copy_(torch.tensor(gamma[:, 0]))
        norm.bias.copy_(torch.tensor(beta[:, 0]))
    z = torch.tensor(Z.transpose(0, 3, 1, 2), requires_grad=True)
    a = layers(z)
    (a * torch.tensor(upstream.transpose(0, 3, 1, 2))).sum().backward()

    into_norm = channels_in_rows(Z if place == "before" else g.g(Z))
    rows, cache = normalization.batch_norm(into_norm, gamma, beta)
    normed = channels_last(rows, Z.shape)
    d_normed = upstream * g.derivative(normed) if place == "before" else upstream
    back = normalization.batch_norm_backward(channels_in_rows(d_normed), cache)
    dZ = channels_last(back.dZ, Z.shape) * (1 if place == "before" else g.derivative(Z))
    agree(a, (g.g(normed) if place == "before" else normed).transpose(0, 3, 1, 2))
    agree(z.grad, dZ.transpose(0, 3, 1, 2))
    agree(norm.weight.grad, back.dgamma[:, 0])
    agree(norm.bias.grad, back.dbeta[:, 0])
