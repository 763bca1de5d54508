"""Logistic regression as a network of one neuron, by loops over examples and features, and vectorised.

Shapes: X (n_x, m) examples in columns, Y (1, m) of 0 and 1, w (n_x, 1), b one number.

Source: Borghi, "Gradiente descendente en m ejemplos" (loops) and "Implementación vectorial del gradiente descendente
en regresión logística"; Paiolla §1.2, algorithms 1.2 and 1.3.
"""

import math
from typing import NamedTuple

import numpy as np

from rumbo.reference.activations import sigmoid
from rumbo.reference.arrays import Array
from rumbo.reference.losses import log_loss
from rumbo.reference.regularization import l2_gradient, l2_penalty


class Gradients(NamedTuple):
    """Gradients of the cost."""

    dw: Array
    db: float


class Fit(NamedTuple):
    """What gradient descent found, and the cost before each step."""

    w: Array
    b: float
    costs: list[float]


def output_loop(w: Array, b: float, x: Array) -> float:
    """Output a = sigmoid(w_1 x_1 + ... + w_n x_n + b) of one example x (n_x,), one product at a time."""
    z = b
    for j in range(len(x)):
        z += float(w[j, 0]) * float(x[j])
    return 1 / (1 + math.exp(-z))


def cost_loop(w: Array, b: float, X: Array, Y: Array) -> float:
    """J = -(1/m) sum_i [y(i) log a(i) + (1 - y(i)) log(1 - a(i))], one example at a time."""
    total = 0.0
    m = X.shape[1]
    for i in range(m):
        a, y = output_loop(w, b, X[:, i]), float(Y[0, i])
        total += -(y * math.log(a) + (1 - y) * math.log(1 - a))
    return total / m


def gradients_loop(w: Array, b: float, X: Array, Y: Array) -> Gradients:
    """By two loops: dz(i) = a(i) - y(i); dw_j = (1/m) sum_i x_j(i) dz(i); db = (1/m) sum_i dz(i)."""
    n_x, m = X.shape
    dw, db = np.zeros((n_x, 1)), 0.0
    for i in range(m):
        dz = output_loop(w, b, X[:, i]) - float(Y[0, i])
        for j in range(n_x):
            dw[j, 0] += X[j, i] * dz
        db += dz
    return Gradients(dw / m, db / m)


def forward(w: Array, b: float, X: Array) -> Array:
    """A = sigmoid(wᵀ X + b): the probability that y = 1 of every column; (1, m)."""
    return sigmoid(w.T @ X + b)


def cost(w: Array, b: float, X: Array, Y: Array) -> float:
    """J = (1/m) sum_i L(a(i), y(i)).

    At w = 0, b = 0 every probability is one half:

    >>> round(cost(np.zeros((2, 1)), 0.0, np.ones((2, 3)), np.array([[1.0, 0.0, 1.0]])), 4)
    0.6931
    """
    return float(log_loss(forward(w, b, X), Y).mean())


def gradients(w: Array, b: float, X: Array, Y: Array) -> Gradients:
    """At once: dZ = A - Y; dw = (1/m) X dZᵀ; db = (1/m) sum dZ: the same numbers as the loops.

    >>> X, Y = np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[1.0, 0.0]])
    >>> w = np.array([[0.3], [-0.2]])
    >>> np.allclose(gradients(w, 0.1, X, Y).dw, gradients_loop(w, 0.1, X, Y).dw)
    True
    """
    m = X.shape[1]
    dZ = forward(w, b, X) - Y
    return Gradients(X @ dZ.T / m, float(dZ.sum()) / m)


def gradient_descent(X: Array, Y: Array, rate: float, steps: int, lam: float = 0.0) -> Fit:
    """Repeat w := w - rate dw, b := b - rate db from w = 0, b = 0: the cost is convex, so any start would do.

    With lam the cost has (lam / 2m) ‖w‖² more, and dw has (lam / m) w more; b is left free.
    Source: Borghi, "Gradiente descendente" and "Aplicado a Regresión Logística".

    >>> fit = gradient_descent(np.array([[-1.0, 1.0]]), np.array([[0.0, 1.0]]), rate=1.0, steps=10)
    >>> fit.costs[0] > fit.costs[-1]
    True
    """
    n_x, m = X.shape
    w, b = np.zeros((n_x, 1)), 0.0
    costs: list[float] = []
    for _ in range(steps):
        dw, db = gradients(w, b, X, Y)
        costs.append(cost(w, b, X, Y) + l2_penalty([w], lam, m))
        w, b = w - rate * (dw + l2_gradient(w, lam, m)), b - rate * db
    return Fit(w, b, costs)


def predict(w: Array, b: float, X: Array) -> Array:
    """1 where the probability is above one half, else 0; (1, m)."""
    return np.where(forward(w, b, X) > 0.5, 1.0, 0.0)
