"""What mistakes cost: a matrix with a row for each true class and a column for each predicted one."""

import numpy as np
from numpy.typing import NDArray

from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.metrics.inputs import checked_inputs

Array = NDArray[np.float64]


def usual_costs(num_classes: int) -> Array:
    """0 for what is right, 1 for each mistake: their mean is the error.

    >>> usual_costs(2)
    array([[0., 1.],
           [1., 0.]])
    """
    return 1 - np.eye(num_classes)


def checked_costs(costs: NDArray[np.generic]) -> Array:
    """A matrix of costs as float64, k x k.

    Raises:
        UsageError: it is not square, a cost is negative or not finite, a right answer costs more than a mistake about
            the same class, or every answer costs the same, so that nothing could be learned from it.
    """
    matrix = np.asarray(costs, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        shape = "x".join(map(str, matrix.shape))
        raise UsageError(t("costs of shape {shape}: a row and a column for each class are needed.", shape=shape))
    if not (np.isfinite(matrix) & (matrix >= 0)).all():
        raise UsageError(t("costs must be finite and at least 0."))
    if (matrix.diagonal()[:, None] > matrix).any():
        raise UsageError(
            t("a right answer costs more than a mistake: rows are true classes, columns what was predicted.")
        )
    if (matrix == matrix[:, :1]).all():
        raise UsageError(t("every answer costs the same: with such costs nothing is worth learning."))
    return matrix


def mean_cost(
    truth: NDArray[np.generic],
    prediction: NDArray[np.generic],
    costs: NDArray[np.generic],
    weights: NDArray[np.generic] | None = None,
) -> float:
    """Mean of the costs of the answers: sum_i w_i C[y_i, yhat_i] / sum_i w_i, yhat the most probable class.

    Args:
        truth: codes (n,).
        prediction: probabilities (n, k).
        costs: C, k x k, true classes in rows.
        weights: how much each example counts, >= 0 (n,); None = 1.

    Source: Elkan 2001, "The foundations of cost-sensitive learning", eq. 1, on decisions that were made.

    >>> mean_cost(np.array([0, 1]), np.array([[0.2, 0.8], [0.2, 0.8]]), np.array([[0, 10], [1, 0]]))
    5.0
    """
    truth, prediction, weights = checked_inputs(truth, prediction, weights)
    return float(np.average(item_costs(truth, prediction, costs), weights=weights))


def item_costs(truth: NDArray[np.generic], prediction: NDArray[np.generic], costs: NDArray[np.generic]) -> Array:
    """What each answer costs, n."""
    return np.asarray(costs, np.float64)[truth.astype(np.intp), prediction.argmax(axis=1)]
