r"""Neural style transfer: what a generated picture G costs, given a picture C for content and a picture S for style.

`a_C`, `a_S`, `a_G` are the activations of one layer of a trained network, n_H x n_W x n_C. Every cost has its gradient
with respect to the activations of G; the network's own backward pass takes it on to the pixels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rumbo.reference.arrays import Array


class Layer(NamedTuple):
    """Activations of S and of G in one layer, and the weight lambda of the layer in the style cost."""

    a_S: Array
    a_G: Array
    weight: float


def content_cost(a_C: Array, a_G: Array) -> float:
    """J_content = 1/2 ||a_C - a_G||^2, one layer, neither among the first nor among the last.

    Source: Paiolla §5.9.1; Borghi, "Función de coste de contenido".

    >>> content_cost(np.zeros((1, 2, 1)), np.ones((1, 2, 1)))
    1.0
    """
    return float(((a_C - a_G) ** 2).sum() / 2)


def content_cost_gradient(a_C: Array, a_G: Array) -> Array:
    """dJ/da_G = a_G - a_C.

    Source: the derivative of `content_cost`.
    """
    return a_G - a_C


def gram_matrix(a: Array) -> Array:
    """G_kk' = sum_ij a_ijk a_ijk', n_C x n_C: which channels are large at the same places; not centred, not divided.

    Source: Paiolla §5.9.1; Borghi, "Función de coste de estilo".

    >>> gram_matrix(np.array([[[1.0, 2.0], [0.0, 3.0]]]))
    array([[ 1.,  2.],
           [ 2., 13.]])
    """
    columns = a.reshape(-1, a.shape[-1])
    return columns.T @ columns


def gram_matrix_backward(dG: Array, a: Array) -> Array:
    """da_ijk = sum_k' a_ijk' (dG_kk' + dG_k'k): each activation enters a row and a column.

    Source: the derivative of `gram_matrix`.
    """
    return a @ (dG + dG.T)


def style_cost(a_S: Array, a_G: Array) -> float:
    """J_style = 1 / (2 n_H n_W n_C)^2 sum_kk' (G_kk'(S) - G_kk'(G))^2, one layer.

    Source: Paiolla §5.9.1. Borghi, "Función de coste de estilo", prints the sum without its square, which could be
    negative. Gatys et al. 2015, arXiv:1508.06576, eq. 4, has 1 / (2 n_H n_W n_C)^2 too.

    >>> style_cost(np.zeros((1, 1, 1)), np.full((1, 1, 1), 2.0))
    4.0
    """
    return _normalizer(a_G) * frobenius_style_cost(a_S, a_G)


def style_cost_gradient(a_S: Array, a_G: Array) -> Array:
    """dJ/da_G = 4 / (2 n_H n_W n_C)^2 a_G (G(G) - G(S)).

    Source: the derivative of `style_cost`.
    """
    return _normalizer(a_G) * frobenius_style_cost_gradient(a_S, a_G)


def frobenius_style_cost(a_S: Array, a_G: Array) -> float:
    """J_style = ||G(S) - G(G)||_F^2, as it stands before it is divided by the layer's size.

    Source: Borghi, "Función de coste de estilo".
    """
    return float(((gram_matrix(a_S) - gram_matrix(a_G)) ** 2).sum())


def frobenius_style_cost_gradient(a_S: Array, a_G: Array) -> Array:
    """dJ/da_G = 4 a_G (G(G) - G(S)), by dJ/dG = 2 (G(G) - G(S)).

    Source: the derivative of `frobenius_style_cost`.
    """
    return gram_matrix_backward(2 * (gram_matrix(a_G) - gram_matrix(a_S)), a_G)


def _normalizer(a: Array) -> float:
    return 1 / (2 * a.size) ** 2


def layers_style_cost(layers: Sequence[Layer]) -> float:
    """J_style = sum_l lambda_l J_style[l]: fine patterns of the first layers, large ones of the last.

    Source: Paiolla §5.9.1; Borghi, "Función de coste de estilo".
    """
    return sum(layer.weight * style_cost(layer.a_S, layer.a_G) for layer in layers)


def layers_style_cost_gradient(layers: Sequence[Layer]) -> list[Array]:
    """dJ/da_G[l] = lambda_l dJ_style[l]/da_G[l], one for each layer.

    Source: the derivative of `layers_style_cost`.
    """
    return [layer.weight * style_cost_gradient(layer.a_S, layer.a_G) for layer in layers]


def total_cost(J_content: float, J_style: float, alpha: float, beta: float) -> float:
    """J(G) = alpha J_content + beta J_style; its gradients are those of the two, times alpha and beta.

    Source: Paiolla §5.9.1; Borghi, "Función de coste".
    """
    return alpha * J_content + beta * J_style


def total_variation(x: Array) -> float:
    """V = sum of the squared differences of neighbours, down and across: small for smooth pictures; n_H x n_W x C.

    Source: not in the notes; Mahendran & Vedaldi 2014, arXiv:1412.0035, sec. 3, with its beta = 2.

    >>> total_variation(np.array([[[0.0], [1.0]], [[0.0], [3.0]]]))
    14.0
    """
    return float((np.diff(x, axis=0) ** 2).sum() + (np.diff(x, axis=1) ** 2).sum())


def total_variation_gradient(x: Array) -> Array:
    """dV/dx: each difference pulls its two ends together, by 2 (x_i+1 - x_i).

    Source: the derivative of `total_variation`.
    """
    dx = np.zeros(x.shape)
    down, across = 2 * np.diff(x, axis=0), 2 * np.diff(x, axis=1)
    dx[1:] += down
    dx[:-1] -= down
    dx[:, 1:] += across
    dx[:, :-1] -= across
    return dx
