"""Metrics of one class out of several: true codes (n,), probabilities (n, k), weights (n,).

A class absent from truth and predictions is left out of means over classes. The predicted class is the most probable
one, the first of them when several are.
"""

import numpy as np
from numpy.typing import NDArray

from rumbo import metrics
from rumbo.metrics.counts import Hits, clipped_log, mean_f1, mean_precision, mean_recall
from rumbo.metrics.counts import roc_auc as binary_roc_auc

Array = NDArray[np.float64]


@metrics.register("classify", "accuracy")
def accuracy(truth: Array, prediction: Array, weights: Array) -> float:
    """Share of weight on examples whose class was told."""
    return float(np.average(prediction.argmax(axis=1) == truth, weights=weights))


@metrics.register("classify", "error")
def error(truth: Array, prediction: Array, weights: Array) -> float:
    """1 - accuracy."""
    return float(np.average(prediction.argmax(axis=1) != truth, weights=weights))


@metrics.register("classify", "balanced_accuracy")
def balanced_accuracy(truth: Array, prediction: Array, weights: Array) -> float:
    """Mean of the recalls of the classes that occur in truth."""
    hits = _hits(truth, prediction, weights)
    occurs = hits.true > 0
    return float((hits.right[occurs] / hits.true[occurs]).mean())


@metrics.register("classify", "precision_macro")
def precision_macro(truth: Array, prediction: Array, weights: Array) -> float:
    """Mean of the precisions of the classes."""
    return mean_precision(_hits(truth, prediction, weights))


@metrics.register("classify", "recall_macro")
def recall_macro(truth: Array, prediction: Array, weights: Array) -> float:
    """Mean of the recalls of the classes; one that is predicted but never true has 0."""
    return mean_recall(_hits(truth, prediction, weights))


@metrics.register("classify", "f1_macro")
def f1_macro(truth: Array, prediction: Array, weights: Array) -> float:
    """Mean of the F1 scores of the classes."""
    return mean_f1(_hits(truth, prediction, weights))


@metrics.register("classify", "f1")
def f1(truth: Array, prediction: Array, weights: Array) -> float:
    """F1 of class 1 of two; 0 when it is neither true nor predicted."""
    hits = _hits(truth, prediction, weights)
    both = hits.predicted[1] + hits.true[1]
    return float(2 * hits.right[1] / both) if both > 0 else 0.0


@metrics.register("classify", "roc_auc")
def roc_auc(truth: Array, prediction: Array, weights: Array) -> float:
    """Of class 1 when there are two; else the mean over classes against the rest, of classes that occur in truth."""
    num_classes = prediction.shape[1]
    if num_classes == 2:
        return binary_roc_auc(truth == 1, prediction[:, 1], weights)
    areas = [binary_roc_auc(truth == code, prediction[:, code], weights) for code in range(num_classes)]
    defined = [area for area in areas if not np.isnan(area)]
    return float(np.mean(defined)) if defined else np.nan


@metrics.register("classify", "log_loss")
def log_loss(truth: Array, prediction: Array, weights: Array) -> float:
    """Mean of -log p of the true class, in nats."""
    true_probability = prediction[np.arange(len(truth)), truth.astype(np.intp)]
    return float(-np.average(clipped_log(true_probability), weights=weights))


def _hits(truth: Array, prediction: Array, weights: Array) -> Hits:
    true, predicted, num_classes = truth.astype(np.intp), prediction.argmax(axis=1), prediction.shape[1]
    return Hits(
        right=_sums(true, weights * (true == predicted), num_classes),
        predicted=_sums(predicted, weights, num_classes),
        true=_sums(true, weights, num_classes),
    )


def _sums(codes: NDArray[np.intp], weights: Array, num_classes: int) -> Array:
    return np.bincount(codes, weights, num_classes).astype(np.float64)
