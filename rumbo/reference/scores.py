"""Scores of a classifier: what share is right, precision, recall, their harmonic mean, and the area under their curve.

Letters: `y` is the truth and `yhat` what was predicted, whole numbers (m,); 1 is the class that one looks for, 0 the
rest. `score` (m,) tells how sure the classifier is of a 1.
"""

from typing import NamedTuple

import numpy as np

from rumbo.reference.arrays import Array, Integers


class Counts(NamedTuple):
    """How often each of the four things happened."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


def counts(y: Integers, yhat: Integers) -> Counts:
    """Compare truth (m,) and prediction (m,), both 0 or 1.

    Source: Borghi, "Métrica de evaluación de un número único"; the names of the four are the field's.

    >>> counts(np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 1, 0]))
    Counts(true_positives=2, false_positives=1, false_negatives=1, true_negatives=1)
    """
    return Counts(
        true_positives=int(np.sum((yhat == 1) & (y == 1))),
        false_positives=int(np.sum((yhat == 1) & (y == 0))),
        false_negatives=int(np.sum((yhat == 0) & (y == 1))),
        true_negatives=int(np.sum((yhat == 0) & (y == 0))),
    )


def confusion_matrix(y: Integers, yhat: Integers, k: int) -> Integers:
    """Examples of each true class (row) by predicted class (column); classes 0 ... k - 1; k x k.

    Source: Kohavi & Provost 1998, "Glossary of Terms", Machine Learning 30, "confusion matrix".

    >>> confusion_matrix(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]), 3)
    array([[1, 0, 0],
           [0, 1, 1],
           [0, 0, 1]])
    """
    table = np.zeros((k, k), np.int64)
    for true, predicted in zip(y, yhat, strict=True):
        table[true, predicted] += 1
    return table


def accuracy(y: Integers, yhat: Integers) -> float:
    """Share of examples whose class was told: 1/m sum 1{yhat = y}.

    Source: Paiolla §4.1.

    >>> accuracy(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 0]))
    0.75
    """
    return float(np.sum(yhat == y) / len(y))


def error(y: Integers, yhat: Integers) -> float:
    """Share of examples whose class was not told: 1/m sum 1{yhat != y}.

    Source: Paiolla §4.1.
    """
    return float(np.sum(yhat != y) / len(y))


def weighted_error(y: Integers, yhat: Integers, w: Array) -> float:
    """Error in which example i counts w_i times: sum_i w_i 1{yhat_i != y_i} / sum_i w_i.

    The notes print yhat + y where the indicator must stand; that sum is 2 for a 1 that was found.

    Source: Borghi, "¿Cuándo cambiar el conjunto de testeo/desarrollo?"; Paiolla §4.1.

    One mistake in four, on an example that must not be got wrong:

    >>> y, yhat = np.array([1, 1, 0, 0]), np.array([1, 1, 0, 1])
    >>> weighted_error(y, yhat, np.array([1.0, 1.0, 1.0, 10.0])) == 10 / 13
    True
    """
    return float(np.sum(w * (yhat != y)) / np.sum(w))


def precision(y: Integers, yhat: Integers) -> float:
    """Of those predicted 1, the share that is 1: TP / (TP + FP); 0 when none is predicted.

    Source: Borghi, "Métrica de evaluación de un número único".

    >>> precision(np.array([1, 1, 1, 0]), np.array([1, 1, 0, 0]))
    1.0
    """
    n = counts(y, yhat)
    predicted = n.true_positives + n.false_positives
    return n.true_positives / predicted if predicted else 0.0


def recall(y: Integers, yhat: Integers) -> float:
    """Of those that are 1, the share predicted 1: TP / (TP + FN); 0 when there are none.

    Source: Borghi, "Métrica de evaluación de un número único".

    >>> recall(np.array([1, 1, 1, 1]), np.array([1, 1, 1, 0]))
    0.75
    """
    n = counts(y, yhat)
    true = n.true_positives + n.false_negatives
    return n.true_positives / true if true else 0.0


def harmonic_mean(P: float, R: float) -> float:
    """F1 of a precision and a recall: 2 / (1/P + 1/R), written 2PR / (P + R); 0 when both are 0.

    Source: Borghi, "Métrica de evaluación de un número único".

    >>> round(harmonic_mean(0.95, 0.90), 3), round(harmonic_mean(0.98, 0.85), 3)
    (0.924, 0.91)
    """
    return 2 * P * R / (P + R) if P + R > 0 else 0.0


def f1(y: Integers, yhat: Integers) -> float:
    """Harmonic mean of precision and recall.

    Source: Borghi, "Métrica de evaluación de un número único".
    """
    return harmonic_mean(precision(y, yhat), recall(y, yhat))


class Curve(NamedTuple):
    """Precision and recall when all examples whose score is at least `threshold` are called 1; highest first."""

    precision: Array
    recall: Array
    threshold: Array


def precision_recall_curve(y: Integers, score: Array) -> Curve:
    """Precision and recall at each score that occurs.

    Source: Everingham et al. 2010, "The PASCAL Visual Object Classes Challenge", section 4.2.
    """
    threshold = np.unique(score)[::-1]
    called = [(score >= s).astype(np.int64) for s in threshold]
    return Curve(
        precision=np.array([precision(y, yhat) for yhat in called]),
        recall=np.array([recall(y, yhat) for yhat in called]),
        threshold=threshold,
    )


def average_precision(y: Integers, score: Array) -> float:
    """Area under the curve of precision over recall, in steps: AP = sum_n (R_n - R_{n-1}) P_n, R_0 = 0.

    Source: Everingham et al. 2010, section 4.2; without the interpolation of that section.

    Right, wrong, right, in the order of their scores: 1/2 at precision 1 and 1/2 at precision 2/3:

    >>> round(average_precision(np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7])), 4)
    0.8333
    """
    curve = precision_recall_curve(y, score)
    return float(np.sum(np.diff(curve.recall, prepend=0.0) * curve.precision))


def interpolated_average_precision(y: Integers, score: Array) -> float:
    """Area in which the precision at recall R is the best precision at R or beyond, as detectors are scored.

    Source: Everingham et al. 2010, section 4.2, at every recall that occurs (as the challenge does since 2010).

    >>> interpolated_average_precision(np.array([0, 1, 1]), np.array([0.9, 0.8, 0.7])) == 2 / 3
    True
    """
    curve = precision_recall_curve(y, score)
    best_from_here = np.maximum.accumulate(curve.precision[::-1])[::-1]
    return float(np.sum(np.diff(curve.recall, prepend=0.0) * best_from_here))
