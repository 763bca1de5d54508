"""Metrics of numbers: true values (n,), predictions (n,), weights (n,)."""

import numpy as np
from numpy.typing import NDArray

from rumbo import metrics

Array = NDArray[np.float64]


@metrics.register("regress", "rmse")
def rmse(truth: Array, prediction: Array, weights: Array) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.average((truth - prediction) ** 2, weights=weights)))


@metrics.register("regress", "mae")
def mae(truth: Array, prediction: Array, weights: Array) -> float:
    """Mean absolute error."""
    return float(np.average(np.abs(truth - prediction), weights=weights))


@metrics.register("regress", "r2")
def r2(truth: Array, prediction: Array, weights: Array) -> float:
    """1 - squared error / squared distance from the mean. A constant target has 1 when hit exactly, else 0."""
    residual = float(np.sum(weights * (truth - prediction) ** 2))
    total = float(np.sum(weights * (truth - np.average(truth, weights=weights)) ** 2))
    if len(truth) < 2:
        return np.nan
    if total == 0:
        return 1.0 if residual == 0 else 0.0
    return 1 - residual / total
