"""What every metric may rely on: float64 arrays of fitting shapes, and only examples that count."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rumbo.core.errors import UsageError
from rumbo.core.messages import t

Array = NDArray[np.float64]


def checked_inputs(
    truth: NDArray[Any], prediction: NDArray[Any], weights: NDArray[Any] | None
) -> tuple[Array, Array, Array]:
    """Truth, prediction and weights of the examples whose weight is not 0.

    Raises:
        UsageError: lengths differ, or a weight is negative or not finite, or nothing is left.
    """
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, np.float64)
    if not len(truth) == len(prediction) == len(weights):
        raise UsageError(
            t(
                "there are {truth} true values, {prediction} predictions and {weights} weights; they must be as many.",
                truth=len(truth),
                prediction=len(prediction),
                weights=len(weights),
            )
        )
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise UsageError(t("weights of examples must be finite and at least 0."))
    counts = weights > 0
    if not counts.any():
        raise UsageError(t("there is no example to score."))
    return np.asarray(truth, np.float64)[counts], np.asarray(prediction, np.float64)[counts], weights[counts]
