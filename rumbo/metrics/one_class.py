"""Precision, recall and F1 of a single class or label, equal to scikit-learn's where they are defined."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rumbo.core.errors import unknown_name
from rumbo.metrics.index import ONE_CLASS
from rumbo.metrics.inputs import checked_inputs

Array = NDArray[np.float64]


def score_of_class(
    name: str,
    truth: NDArray[Any],
    prediction: NDArray[Any],
    code: int,
    weights: NDArray[Any] | None = None,
) -> float:
    """A metric of one class out of several, or of one yes/no label out of several.

    Args:
        name: precision, recall or f1.
        truth: codes of classes (n,); or labels 0, 1 or NaN = not known (n, k).
        prediction: probabilities (n, k).
        code: place of the class or label, in [0, k).
        weights: how much each example counts, >= 0 (n,); None = 1.

    Returns:
        The figure in [0, 1]; NaN where it is not defined: recall of a class that is never true, precision and F1 of
        one that is neither true nor predicted. The precision of a class that is true but never predicted is 0.

    Raises:
        UnknownName: no such metric.

    >>> truth, prediction = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> score_of_class("recall", truth, prediction, 1), score_of_class("precision", truth, prediction, 1)
    (0.5, 1.0)
    """
    if name not in ONE_CLASS:
        raise unknown_name("metric", name, ONE_CLASS)
    is_true, is_told, counts = checked_inputs(*true_and_told(truth, prediction, code), weights)
    counts = np.where(np.isnan(is_true), 0.0, counts)
    right = float(counts @ ((is_true == 1) & (is_told == 1)))
    told, true = float(counts @ (is_told == 1)), float(counts @ (is_true == 1))
    if told + true == 0 or (name == "recall" and true == 0):
        return np.nan
    if name == "f1":
        return 2 * right / (told + true)
    below = true if name == "recall" else told
    return right / below if below > 0 else 0.0


def true_and_told(truth: NDArray[Any], prediction: NDArray[Any], code: int) -> tuple[Array, Array]:
    """Whether each example is of a class, 0, 1 or NaN = not known, and whether it was said to be, 0 or 1."""
    if truth.ndim == 2:
        return np.asarray(truth[:, code], np.float64), np.asarray(prediction[:, code] >= 0.5, np.float64)
    return np.asarray(truth == code, np.float64), np.asarray(prediction.argmax(axis=1) == code, np.float64)
