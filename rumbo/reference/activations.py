"""Activation functions `A = g(Z)` and their derivatives `g'(Z)`, element by element; softmax column by column.

Source: Borghi, "Funciones de activación" and "Derivadas de las funciones de activación"; Paiolla §2.2 and §2.3;
Teran, "Funciones de activación comunes".
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rumbo.reference.arrays import Array


def sigmoid(Z: Array) -> Array:
    """A = 1 / (1 + e^-Z), in (0, 1); any shape.

    Teran prints 1 / (1 - e^-z), which is infinite at 0 and no sigmoid.
    Source: Borghi, "Regresión logística"; Paiolla §1.2.

    >>> sigmoid(np.array([-6.0, 0.0, 6.0])).round(3)
    array([0.002, 0.5  , 0.998])
    """
    return 1 / (1 + np.exp(-Z))


def sigmoid_derivative(Z: Array) -> Array:
    """g'(Z) = A (1 - A), at most 1/4.

    Source: Paiolla §2.3.
    """
    A = sigmoid(Z)
    return A * (1 - A)


def tanh(Z: Array) -> Array:
    """A = (e^Z - e^-Z) / (e^Z + e^-Z) = 2 sigmoid(2 Z) - 1, in (-1, 1); any shape.

    Source: Paiolla §2.2.

    >>> Z = np.array([-1.0, 0.5])
    >>> np.allclose(tanh(Z), 2 * sigmoid(2 * Z) - 1)
    True
    """
    return np.tanh(Z)


def tanh_derivative(Z: Array) -> Array:
    """g'(Z) = 1 - A^2, at most 1.

    Source: Paiolla §2.3.
    """
    return 1 - np.tanh(Z) ** 2


def relu(Z: Array) -> Array:
    """A = max(0, Z); any shape.

    Source: Paiolla §2.2.
    """
    return np.maximum(0, Z)


def relu_derivative(Z: Array) -> Array:
    """g'(Z) = 1 where Z > 0, else 0.

    At Z = 0 there is no derivative (Paiolla §2.3); Borghi chooses 1, Teran 0. Here 0, as torch.
    Source: Teran, "Rectified Linear Unit (ReLU)".
    """
    return np.where(Z > 0, 1.0, 0.0)


def leaky_relu(Z: Array, slope: float = 0.01) -> Array:
    """A = max(slope Z, Z) for a slope in [0, 1]; any shape.

    Source: Paiolla §2.2.

    >>> leaky_relu(np.array([-2.0, 3.0]))
    array([-0.02,  3.  ])
    """
    return np.maximum(slope * Z, Z)


def leaky_relu_derivative(Z: Array, slope: float = 0.01) -> Array:
    """g'(Z) = 1 where Z > 0, else the slope (also at Z = 0, where Borghi chooses 1).

    Source: Paiolla §2.3.
    """
    return np.where(Z > 0, 1.0, slope)


def linear(Z: Array) -> Array:
    """A = Z: layers of it are together one linear layer.

    Source: Paiolla §2.2, "Why activation functions".
    """
    return Z


def linear_derivative(Z: Array) -> Array:
    """g'(Z) = 1.

    Source: the derivative of `linear`.
    """
    return np.ones_like(Z)


def softmax(Z: Array) -> Array:
    """A_i = e^Z_i / sum_j e^Z_j down each column; k x m -> k x m, every column sums to 1.

    With k = 2 it is the sigmoid of the difference of the two rows.
    Source: Paiolla §3.6; Borghi, "Regresión Softmax".

    >>> softmax(np.array([[5.0], [2.0], [-1.0], [3.0]])).round(3).ravel()
    array([0.842, 0.042, 0.002, 0.114])
    """
    t = np.exp(Z - Z.max(axis=0))  # a number taken off a whole column leaves A as it is; so e^Z never overflows
    return t / t.sum(axis=0)


def softmax_backward(dA: Array, A: Array) -> Array:
    """Gradient dZ = A (dA - sum_j dA_j A_j) down each column: one column's Jacobian is diag(a) - a aᵀ; k x m.

    With the loss -sum_j Y_j log A_j and targets that sum to 1 it comes down to dZ = A - Y.
    Source: Bishop 2006, eq. 4.106.

    >>> A, Y = softmax(np.array([[1.0], [2.0]])), np.array([[0.0], [1.0]])
    >>> np.allclose(softmax_backward(-Y / A, A), A - Y)
    True
    """
    return A * (dA - (dA * A).sum(axis=0))


def softmax_temperature(Z: Array, T: float) -> Array:
    """A = softmax(Z / T): T -> 0 leaves the largest alone, T = 1 is softmax, T -> infinity makes all alike; k x m.

    Source: Hinton et al. 2015, arXiv:1503.02531, eq. 1.

    >>> softmax_temperature(np.array([[0.0], [1.0]]), 0.1).round(4).ravel()
    array([0., 1.])
    """
    return softmax(Z / T)


def softmax_temperature_backward(dA: Array, A: Array, T: float) -> Array:
    """Gradient dZ = softmax_backward(dA, A) / T: a warm softmax hands back less; k x m.

    Source: the derivative of `softmax_temperature`.
    """
    return softmax_backward(dA, A) / T


class Activation(NamedTuple):
    """A function of the weighted sums and its derivative, for a layer of a network."""

    g: Callable[[Array], Array]
    derivative: Callable[[Array], Array]


SIGMOID = Activation(sigmoid, sigmoid_derivative)
TANH = Activation(tanh, tanh_derivative)
RELU = Activation(relu, relu_derivative)
LEAKY_RELU = Activation(leaky_relu, leaky_relu_derivative)
LINEAR = Activation(linear, linear_derivative)
