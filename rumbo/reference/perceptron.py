"""The perceptron: a weighted sum of the inputs, then a nonlinearity.

Source: Teran, "El Perceptrón" and "Perceptrón de salida múltiple".
"""

from collections.abc import Callable

from rumbo.reference.arrays import Array


def weighted_sum(w0: float | Array, w: Array, x: Array) -> Array:
    """Weighted sum z = w0 + wᵀ x, with the bias w0.

    Shapes: w and x of n numbers give one z. Several outputs z_i = w0_i + sum_j x_j w_ji come from w0 (k, 1), w (n, k)
    and examples in columns x (n, m): z is k x m.

    >>> import numpy as np
    >>> float(weighted_sum(1.0, np.array([3.0, -2.0]), np.array([-1.0, 2.0])))
    -6.0
    """
    return w0 + w.T @ x


def perceptron(w0: float | Array, w: Array, x: Array, g: Callable[[Array], Array]) -> Array:
    """Output yhat = g(w0 + wᵀ x); where w0 + wᵀ x = 0 lies the line (the plane) that parts the two answers.

    >>> import numpy as np
    >>> from rumbo.reference.activations import sigmoid
    >>> float(perceptron(1.0, np.array([3.0, -2.0]), np.array([-1.0, 2.0]), sigmoid).round(4))
    0.0025
    """
    return g(weighted_sum(w0, w, x))
