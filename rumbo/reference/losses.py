r"""Losses as a textbook writes them, one value per example; the notes' letters: `Z`, `A` in columns, `Y`, `m` examples.

Plain on purpose: probabilities first, then their logarithm. Right only where no probability rounds to 0 or 1.
"""

import numpy as np

from rumbo.reference.arrays import Array


def softmax(Z: Array) -> Array:
    """A = e^Z / sum(e^Z), column by column; k x m."""
    return np.exp(Z) / np.exp(Z).sum(axis=0)


def sigmoid(Z: Array) -> Array:
    """A = 1 / (1 + e^-Z)."""
    return 1 / (1 + np.exp(-Z))


def cross_entropy(Z: Array, Y: Array, w: Array | None = None) -> Array:
    """L = -sum_j w_j Y_j log A_j for columns of one-hot (or smoothed) targets; k x m -> m."""
    w = np.ones(len(Z)) if w is None else w
    return -(w[:, None] * Y * np.log(softmax(Z))).sum(axis=0)


def binary_cross_entropy(Z: Array, Y: Array, w: float = 1.0) -> Array:
    """L = -(w Y log A + (1 - Y) log(1 - A)); a target that is not known (NaN) costs nothing."""
    A = sigmoid(Z)
    return np.where(np.isnan(Y), 0.0, -(w * Y * np.log(A) + (1 - Y) * np.log(1 - A)))


def squared_error(yhat: Array, y: Array) -> Array:
    """L = (yhat - y)^2."""
    return (yhat - y) ** 2


def absolute_error(yhat: Array, y: Array) -> Array:
    """L = |yhat - y|."""
    return np.abs(yhat - y)


def huber(yhat: Array, y: Array, delta: float) -> Array:
    """L = e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2); e = yhat - y."""
    e = np.abs(yhat - y)
    return np.where(e <= delta, e**2 / 2, delta * (e - delta / 2))
