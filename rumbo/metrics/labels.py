"""Metrics of several yes/no labels: truth 0, 1 or NaN = not known (n, k), probabilities (n, k), weights (n,).

Entries that are not known are left out; so is, from means over labels, a label for which the metric is not defined:
F1 without a yes in truth or predictions, ROC-AUC without both a yes and a no. A label is told from 0.5 on.
"""

import numpy as np
from numpy.typing import NDArray

from rumbo import metrics
from rumbo.metrics.counts import Hits, clipped_log, mean_f1, roc_auc

Array = NDArray[np.float64]


@metrics.register("multilabel", "f1_macro")
def f1_macro(truth: Array, prediction: Array, weights: Array) -> float:
    """Mean of the F1 scores of the labels."""
    counts = _known_weights(truth, weights)
    yes, told = truth == 1, prediction >= 0.5
    hits = Hits(right=(counts * yes * told).sum(0), predicted=(counts * told).sum(0), true=(counts * yes).sum(0))
    return mean_f1(hits)


@metrics.register("multilabel", "accuracy")
def accuracy(truth: Array, prediction: Array, weights: Array) -> float:
    """Share of weight on known labels that were told."""
    return _mean((prediction >= 0.5) == (truth == 1), _known_weights(truth, weights))


@metrics.register("multilabel", "error")
def error(truth: Array, prediction: Array, weights: Array) -> float:
    """1 - accuracy."""
    return _mean((prediction >= 0.5) != (truth == 1), _known_weights(truth, weights))


@metrics.register("multilabel", "roc_auc_macro")
def roc_auc_macro(truth: Array, prediction: Array, weights: Array) -> float:
    """Mean of the areas of the labels."""
    areas: list[float] = []
    for yes_or_no, probability in zip(truth.T, prediction.T, strict=True):
        known = ~np.isnan(yes_or_no)
        areas.append(roc_auc(yes_or_no[known] == 1, probability[known], weights[known]))
    defined = [area for area in areas if not np.isnan(area)]
    return float(np.mean(defined)) if defined else np.nan


@metrics.register("multilabel", "log_loss")
def log_loss(truth: Array, prediction: Array, weights: Array) -> float:
    """Mean of -log p of what is true of each known label, in nats."""
    true_probability = np.where(truth == 1, prediction, 1 - prediction)
    return _mean(-clipped_log(true_probability), _known_weights(truth, weights))


def _known_weights(truth: Array, weights: Array) -> Array:
    return np.where(np.isnan(truth), 0.0, weights[:, None])


def _mean(values: Array | NDArray[np.bool_], counts: Array) -> float:
    return float(np.average(values, weights=counts)) if counts.sum() > 0 else np.nan
