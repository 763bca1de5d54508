"""Confident learning: which given labels does a model speak against that never saw them.

Codes of classes run from 0; `given` holds the label that each example came with, `probabilities` what a model says of
it that was trained without the example. A probability counts as confident when it is at least what is usual for its
class, so a model that is too sure, or too careful, for some class does no harm.

Source: Northcutt, Jiang, Chuang 2021, "Confident learning: estimating uncertainty in dataset labels",
arXiv:1911.00068; their equations are named at each function. Their latent true label is y*, the given one y~.
"""

from typing import Literal

import numpy as np

ScoreName = Literal["self_confidence", "normalized_margin"]
SelectionName = Literal["noise_rate", "class", "confident_joint"]
TOLERANCE = 1e-9
"""A probability so little below its threshold still reaches it: means of equal numbers are not equal to the bit."""


def class_thresholds(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """How sure the model usually is of each class: t_j = mean of p(j; x) over the x that are given as j (eq. 2).

    Args:
        probabilities: n x k, rows that sum to 1.
        given: codes, n.

    Returns:
        k thresholds; infinite for a class that nothing is given as, which then is nobody's.
    """
    num_classes = probabilities.shape[1]
    counts = np.bincount(given, minlength=num_classes)
    sums = np.bincount(given, probabilities[np.arange(len(given)), given], num_classes)
    return np.divide(sums, counts, out=np.full(num_classes, np.inf), where=counts > 0)


def confident_classes(probabilities: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The most probable of the classes that reach their threshold: argmax of p(j; x) over p(j; x) >= t_j (eq. 1).

    Returns:
        Codes, n; -1 where no class reaches its own.
    """
    reached = np.where(probabilities >= thresholds - TOLERANCE, probabilities, -np.inf)
    best = reached.argmax(axis=1)
    return np.where(np.isfinite(reached[np.arange(len(best)), best]), best, -1)


def confident_joint(given: np.ndarray, confident: np.ndarray, num_classes: int) -> np.ndarray:
    """Examples by given (rows) and confident class (columns): C[i, j] = |{x: y~ = i, confident in j}| (eq. 1)."""
    counts = np.zeros((num_classes, num_classes))
    has_one = confident >= 0
    np.add.at(counts, (given[has_one], confident[has_one]), 1)
    return counts


def calibrated_joint(counts: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Shares of all examples by given and true class, in agreement with how often each label is given (eq. 3).

    Q[i, j] = (C[i, j] / sum_j C[i, j]) |y~ = i| / n. A label whose examples are confident in nothing is taken as right.
    """
    num_classes = len(counts)
    of_label = np.bincount(given, minlength=num_classes)
    totals = counts.sum(axis=1)
    shares = np.where(totals[:, None] > 0, counts / np.maximum(totals, 1)[:, None], np.eye(num_classes))
    return shares * of_label[:, None] / max(len(given), 1)


def joint_of(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The calibrated joint of given and true labels, k x k."""
    confident = confident_classes(probabilities, class_thresholds(probabilities, given))
    return calibrated_joint(confident_joint(given, confident, probabilities.shape[1]), given)


def label_scores(probabilities: np.ndarray, given: np.ndarray, score: ScoreName) -> np.ndarray:
    """How much the model stands by each given label, in [0, 1]: the lower, the more suspicious.

    self_confidence: p(y~; x). normalized_margin: (p(y~; x) - max over j != y~ of p(j; x) + 1) / 2 (sec. 3.2).
    """
    rows = np.arange(len(given))
    own = probabilities[rows, given]
    if score == "self_confidence":
        return own
    return (own - probabilities[rows, best_others(probabilities, given)] + 1) / 2


def best_others(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The most probable class other than the given one: what a wrong label would be corrected to."""
    others = probabilities.copy()
    others[np.arange(len(given)), given] = -np.inf
    return others.argmax(axis=1)


def select_suspects(probabilities: np.ndarray, given: np.ndarray, selection: SelectionName) -> np.ndarray:
    """Which labels are suspects.

    confident_joint: confident in another class than the given one (sec. 3.2, "C_confusion" by thresholds). class: of
    each label i, the n (sum over j != i of Q[i, j]) examples with the lowest p(i; x). noise_rate: of each pair i, j,
    the n Q[i, j] examples given as i with the largest p(j; x) - p(i; x), as long as that is above 0.

    Returns:
        bool, n.
    """
    num_items, num_classes = probabilities.shape
    confident = confident_classes(probabilities, class_thresholds(probabilities, given))
    if selection == "confident_joint":
        return (confident >= 0) & (confident != given)
    joint = calibrated_joint(confident_joint(given, confident, num_classes), given)
    chosen = np.zeros(num_items, dtype=bool)
    for label in range(num_classes):
        rows = np.flatnonzero(given == label)
        own = probabilities[rows, label]
        if selection == "class":
            count = round(num_items * (joint[label].sum() - joint[label, label]))
            chosen[rows[np.argsort(own, kind="stable")[:count]]] = True
            continue
        for other in range(num_classes):
            count = round(num_items * joint[label, other])
            if other != label and count:
                margins = probabilities[rows, other] - own
                first = np.argsort(-margins, kind="stable")[:count]
                chosen[rows[first[margins[first] > 0]]] = True
    return chosen
