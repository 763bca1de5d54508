r"""Losses as a textbook writes them, one value per example; the notes' letters: `Z`, `A` in columns, `Y`, `m` examples.

A *loss* judges one example, the *cost* J is the mean of the losses of all m examples. Each `*_derivative` is that of
the loss, example by example; for the derivative of the cost divide by m.

Plain on purpose: probabilities first, then their logarithm. Right only where no probability rounds to 0 or 1.

Source: Borghi, "Función de coste de la regresión logística"; Paiolla §1.2 and §3.6; Teran, "Cuantificación de las
pérdidas".
"""

import numpy as np

from rumbo.reference.activations import sigmoid, softmax
from rumbo.reference.arrays import Array


def cost(L: Array) -> float:
    """J = (1/m) sum_i L(i): the mean of the losses of m examples.

    Source: Borghi, "Función de coste de la regresión logística".
    """
    return float(L.mean())


def log_loss(yhat: Array, y: Array) -> Array:
    """L = -(y log yhat + (1 - y) log(1 - yhat)), from probabilities; any shape.

    The notes slip: one of Borghi's lines prints yhat for y, Paiolla log(yhat - 1) for log(1 - yhat), and Teran's cost
    has no minus sign.
    Source: Borghi, "Gradiente descendente en regresión logística"; Paiolla §1.2.

    >>> log_loss(np.array([0.5, 0.9]), np.array([1.0, 1.0])).round(4)
    array([0.6931, 0.1054])
    """
    return -(y * np.log(yhat) + (1 - y) * np.log(1 - yhat))


def log_loss_derivative(yhat: Array, y: Array) -> Array:
    """dL/dyhat = -y / yhat + (1 - y) / (1 - yhat); times the sigmoid's derivative it is yhat - y.

    Source: the derivative of `log_loss`.
    """
    return -y / yhat + (1 - y) / (1 - yhat)


def binary_cross_entropy(Z: Array, Y: Array, w: float = 1.0) -> Array:
    """L = -(w Y log A + (1 - Y) log(1 - A)), A = sigmoid(Z); a target that is not known (NaN) costs nothing.

    w is the weight of a yes; with w = 1 it is `log_loss(sigmoid(Z), Y)`.
    Source: Teran, "Entropía cruzada binaria"; labels that are missing: Paiolla §4.5.
    """
    A = sigmoid(Z)
    return np.where(np.isnan(Y), 0.0, -(w * Y * np.log(A) + (1 - Y) * np.log(1 - A)))


def binary_cross_entropy_derivative(Z: Array, Y: Array, w: float = 1.0) -> Array:
    """dL/dZ = (1 - Y) A - w Y (1 - A): A - Y for w = 1; 0 where the target is not known.

    Source: Borghi, "Gradiente descendente en m ejemplos"; Paiolla eq. 2.5.

    >>> binary_cross_entropy_derivative(np.array([0.0, 0.0]), np.array([1.0, np.nan]))
    array([-0.5,  0. ])
    """
    A = sigmoid(Z)
    return np.where(np.isnan(Y), 0.0, (1 - Y) * A - w * Y * (1 - A))


def categorical_log_loss(yhat: Array, y: Array) -> Array:
    """L = -sum_j y_j log yhat_j down each column, from probabilities; k x m -> m.

    Source: Bishop 2006, eq. 4.108.
    """
    return -(y * np.log(yhat)).sum(axis=0)


def categorical_log_loss_derivative(yhat: Array, y: Array) -> Array:
    """dL/dyhat = -y / yhat; k x m. Through `softmax_backward` it is yhat - y.

    Source: the derivative of `categorical_log_loss`.
    """
    return -y / yhat


def cross_entropy(Z: Array, Y: Array, w: Array | None = None) -> Array:
    """L = -sum_j w_j Y_j log A_j, A = softmax(Z), for columns of one-hot (or smoothed) targets; k x m -> m.

    Source: Bishop 2006, eq. 4.108; with softmax Paiolla §3.6.

    >>> cross_entropy(np.zeros((4, 1)), np.eye(4)[:, :1]).round(4)
    array([1.3863])
    """
    w = np.ones(len(Z)) if w is None else w
    return -(w[:, None] * Y * np.log(softmax(Z))).sum(axis=0)


def cross_entropy_derivative(Z: Array, Y: Array, w: Array | None = None) -> Array:
    """dL/dZ = A sum_j w_j Y_j - w Y: A - Y without weights; k x m.

    Source: Paiolla eq. 2.5; Bishop 2006, eq. 4.109.
    """
    w = np.ones(len(Z)) if w is None else w
    wY = w[:, None] * Y
    return softmax(Z) * wY.sum(axis=0) - wY


def smoothed_targets(Y: Array, s: float) -> Array:
    """Y' = (1 - s) Y + s / k: a share s of each one-hot column is spread evenly over the k classes; k x m.

    Source: Szegedy et al. 2015, arXiv:1512.00567, sec. 7.

    >>> smoothed_targets(np.array([[1.0], [0.0], [0.0], [0.0]]), 0.1).ravel()
    array([0.925, 0.025, 0.025, 0.025])
    """
    return (1 - s) * Y + s / len(Y)


def squared_error(yhat: Array, y: Array) -> Array:
    """L = (yhat - y)^2.

    Source: Teran, "Perdida del Error cuadrático medio".
    """
    return (yhat - y) ** 2


def squared_error_derivative(yhat: Array, y: Array) -> Array:
    """dL/dyhat = 2 (yhat - y).

    Source: the derivative of `squared_error`.
    """
    return 2 * (yhat - y)


def half_squared_error(yhat: Array, y: Array) -> Array:
    """L = (yhat - y)^2 / 2: the half only makes the derivative yhat - y.

    With yhat = sigmoid(z) its cost is not convex in the weights, hence the cross-entropy.
    Source: Borghi, "Función de coste de la regresión logística".
    """
    return (yhat - y) ** 2 / 2


def half_squared_error_derivative(yhat: Array, y: Array) -> Array:
    """dL/dyhat = yhat - y.

    Source: the derivative of `half_squared_error`.
    """
    return yhat - y


def mean_squared_error(yhat: Array, y: Array) -> float:
    """J = mean of (yhat - y)^2 over all elements.

    Source: Teran, "Perdida del Error cuadrático medio".

    >>> mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    2.0
    """
    return float(((yhat - y) ** 2).mean())


def mean_squared_error_derivative(yhat: Array, y: Array) -> Array:
    """dJ/dyhat = 2 (yhat - y) / number of elements.

    Source: the derivative of `mean_squared_error`.
    """
    return 2 * (yhat - y) / yhat.size


def absolute_error(yhat: Array, y: Array) -> Array:
    """L = |yhat - y|.

    Source: Bishop 2006, eq. 1.91, with q = 1.
    """
    return np.abs(yhat - y)


def absolute_error_derivative(yhat: Array, y: Array) -> Array:
    """dL/dyhat = sign(yhat - y), 0 where they are equal.

    Source: the derivative of `absolute_error`.
    """
    return np.sign(yhat - y)


def huber(yhat: Array, y: Array, delta: float) -> Array:
    """L = e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2); e = yhat - y.

    Source: Huber 1964, Annals of Mathematical Statistics 35(1), sec. 1.
    """
    e = np.abs(yhat - y)
    return np.where(e <= delta, e**2 / 2, delta * (e - delta / 2))


def huber_derivative(yhat: Array, y: Array, delta: float) -> Array:
    """dL/dyhat = e, held within -delta and delta.

    Source: the derivative of `huber`.
    """
    return np.clip(yhat - y, -delta, delta)
