"""Descent on the cost of a generated picture, from noise, through a convolution of random filters."""

import numpy as np

from rumbo.reference import style
from rumbo.reference.activations import relu, relu_derivative
from rumbo.reference.convolution import cross_correlate, cross_correlate_backward


def paint(alpha, beta, steps=300, rate=0.05):
    """Normalised gradient descent on the pixels of G; the costs before and after, content and style."""
    rng = np.random.default_rng(0)
    C, S, G = rng.uniform(0, 1, (3, 1, 12, 12, 3))
    S = np.kron(S[:, :6, :1], np.ones((1, 2, 12, 1)))  # stripes
    W = rng.normal(size=(3, 3, 3, 8)) / 5

    def features(picture):
        Z = cross_correlate(picture, W, padding=1)
        return Z, relu(Z)[0]

    (_, a_C), (_, a_S) = features(C), features(S)
    costs = []
    for step in range(steps + 1):
        Z, a_G = features(G)
        layers = [style.Layer(a_S, a_G, weight=2.0)]
        costs.append((style.content_cost(a_C, a_G), style.layers_style_cost(layers)))
        (of_style,) = style.layers_style_cost_gradient(layers)
        da = alpha * style.content_cost_gradient(a_C, a_G) + beta * of_style
        dG = cross_correlate_backward(da[None] * relu_derivative(Z), G, W, padding=1).dA_prev
        G = G - rate * (1 - step / steps) * dG / np.abs(dG).max()
    return costs[0], costs[-1]


def test_the_content_alone_is_painted():
    (content, _), (content_at_end, _) = paint(alpha=1.0, beta=0.0)
    assert content_at_end < content / 20


def test_the_style_alone_is_painted():
    (_, of_style), (_, of_style_at_end) = paint(alpha=0.0, beta=1.0)
    assert of_style_at_end < of_style / 20


def test_more_style_costs_content():
    _, (content, of_style) = paint(alpha=1.0, beta=10.0)
    _, (content_of_more, of_style_of_more) = paint(alpha=1.0, beta=10_000.0)
    assert of_style_of_more < of_style / 2
    assert content_of_more > content * 2
