"""The costs of style transfer against torch, with their gradients."""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import style as ref


@st.composite
def activations(draw, count):
    """Arrays of one shape n_H x n_W x n_C."""
    shape = tuple(draw(st.integers(1, 6)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return [rng.normal(size=shape) for _ in range(count)]


def agree(ours, torchs):
    np.testing.assert_allclose(ours, torchs.detach(), rtol=1e-9, atol=1e-12)


def leaf(array):
    return torch.tensor(array, requires_grad=True)


def gram(a):
    return torch.einsum("ijk,ijl->kl", a, a)


def style(a_S, a_G):
    n_H, n_W, n_C = a_G.shape
    return F.mse_loss(gram(a_G), gram(a_S), reduction="sum") / (2 * n_H * n_W * n_C) ** 2


@given(activations(2))
def test_content(pair):
    a_C, a_G = pair
    generated = leaf(a_G)
    cost = F.mse_loss(generated, torch.tensor(a_C), reduction="sum") / 2
    cost.backward()
    agree(ref.content_cost(a_C, a_G), cost)
    agree(ref.content_cost_gradient(a_C, a_G), generated.grad)


@given(activations(1), st.integers(0, 2**32))
def test_the_gram_matrix(one, seed):
    (a,) = one
    tensor, dG = leaf(a), np.random.default_rng(seed).normal(size=(a.shape[2],) * 2)
    gram(tensor).backward(torch.tensor(dG))
    agree(ref.gram_matrix(a), gram(tensor))
    agree(ref.gram_matrix_backward(dG, a), tensor.grad)


@given(activations(2))
def test_style_of_one_layer(pair):
    a_S, a_G = pair
    generated = leaf(a_G)
    cost = style(torch.tensor(a_S), generated)
    cost.backward()
    agree(ref.style_cost(a_S, a_G), cost)
    agree(ref.style_cost_gradient(a_S, a_G), generated.grad)


@given(activations(2))
def test_style_before_it_is_divided_by_the_size(pair):
    a_S, a_G = pair
    generated = leaf(a_G)
    cost = torch.linalg.matrix_norm(gram(torch.tensor(a_S)) - gram(generated)) ** 2
    cost.backward()
    agree(ref.frobenius_style_cost(a_S, a_G), cost)
    agree(ref.frobenius_style_cost_gradient(a_S, a_G), generated.grad)


@given(st.lists(activations(2), min_size=1, max_size=4), activations(2), st.integers(0, 2**32))
def test_the_total_over_several_layers(style_layers, content_layer, seed):
    rng = np.random.default_rng(seed)
    alpha, beta, *weights = rng.uniform(0.1, 50, 2 + len(style_layers))
    layers = [ref.Layer(a_S, a_G, w) for (a_S, a_G), w in zip(style_layers, weights, strict=True)]
    a_C, a_G = content_layer
    of_content, of_style = leaf(a_G), [leaf(layer.a_G) for layer in layers]
    J_content = F.mse_loss(of_content, torch.tensor(a_C), reduction="sum") / 2
    J_style = sum(w * style(torch.tensor(s[0]), g) for w, s, g in zip(weights, style_layers, of_style, strict=True))
    J = alpha * J_content + beta * J_style
    J.backward()
    agree(ref.layers_style_cost(layers), J_style)
    agree(ref.total_cost(ref.content_cost(a_C, a_G), ref.layers_style_cost(layers), alpha, beta), J)
    agree(alpha * ref.content_cost_gradient(a_C, a_G), of_content.grad)
    for ours, generated in zip(ref.layers_style_cost_gradient(layers), of_style, strict=True):
        agree(beta * ours, generated.grad)


@given(activations(1))
def test_total_variation(one):
    (x,) = one
    picture = leaf(x)
    cost = picture.diff(dim=0).square().sum() + picture.diff(dim=1).square().sum()
    cost.backward()
    agree(ref.total_variation(x), cost)
    agree(ref.total_variation_gradient(x), picture.grad)
