"""Which labels stand for which classes, read off the examples that a model is clearest about.

There a model that never saw the example is wrong about next to none, so what disagrees with it are wrong labels;
farther out, hard examples would be counted as wrong labels, too. Noise is taken to depend on the true class alone, not
on the example (Northcutt, Jiang, Chuang 2021, sec. 2). Patrini et al. 2017, arXiv:1609.03683, theorem 3, reads the same
matrix off the clearest example of each class; what is done here with half of them is our own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from rumbo.strategy.intervals import proportion_draws

MIN_CLEAR = 20
"""Examples that a class is read off, where it has so many."""
LINE_WORTH = 0.25
"""The variance at the end of a fitted line is four times that of the mean."""
PRIOR = 10.0
"""Examples that uniform noise counts as, when a matrix is smoothed."""
LEAST_RATE = 1e-3
DOUBT = 0.3
"""How far, as a share of what a line took off for mistakes of the model, its beginning may be beside the noise: one
standard deviation, which bench/labels.py measures."""
NUM_ROUNDS = 40
TINY = 1e-12
"""A probability below it counts as it."""
LOG_TEMPERATURES = (-1.5, 3.0)


@dataclass(frozen=True, eq=False)
class Flows:
    """The labels of the examples that a model is clearest about.

    Attributes:
        counts: true class (rows) by given label (columns), k x k.
        expected: mean probability of each label (columns) among the same examples, k x k.
        rise: what a line took off the share of wrong labels of each class, k.
        given: how often each label is given, over all examples, k.
    """

    counts: np.ndarray
    expected: np.ndarray
    rise: np.ndarray
    given: np.ndarray

    @property
    def trials(self) -> np.ndarray:
        """Clear examples of each class."""
        return self.counts.sum(axis=1)


def read_flows(probabilities: np.ndarray, given: np.ndarray) -> Flows:
    """Count the labels of the clear examples of each class.

    Of the examples that the model takes for class j, the half with the largest p(j; x) is looked at, sorted. Wrong
    labels are spread evenly over it; mistakes of the model grow with its doubt. So where the share of other labels
    grows along the half, by more than its standard error, a line is laid through it, and what it has at its beginning
    is noise; else the mean is. A line's beginning is known as well as the mean of a fourth of the examples.

    Args:
        probabilities: n x k, of a model that never saw the examples.
        given: codes, n.
    """
    num_classes = probabilities.shape[1]
    taken_for = probabilities.argmax(axis=1)
    counts, expected, rise = np.zeros((num_classes, num_classes)), np.eye(num_classes), np.zeros(num_classes)
    for label in range(num_classes):
        rows = np.flatnonzero(taken_for == label)
        if len(rows):
            rows = rows[np.argsort(-probabilities[rows, label], kind="stable")][: max(MIN_CLEAR, len(rows) // 2)]
            counts[label] = _begin(given[rows], label, num_classes)
            begin = counts[label, label] / counts[label].sum()
            rise[label] = max(0.0, float(begin - (given[rows] == label).mean()))
            expected[label] = probabilities[rows].mean(axis=0)
    return Flows(counts, expected, rise, np.bincount(given, minlength=num_classes).astype(np.float64))


def _begin(labels: np.ndarray, taken_for: int, num_classes: int) -> np.ndarray:
    """Labels of the clearest examples of a class, as counts that say how much they are worth; k."""
    size = len(labels)
    means = np.bincount(labels, minlength=num_classes) / size
    place = (np.arange(size) + 0.5) / size - 0.5
    slopes = np.bincount(labels, place, num_classes) / max((place**2).sum(), 1e-12)
    wrong, rise = 1 - means[taken_for], -slopes[taken_for]
    left = (labels != taken_for) - wrong - rise * place
    error = np.sqrt((left**2).sum() / max(size - 2, 1) / max((place**2).sum(), 1e-12))
    if size < MIN_CLEAR or rise <= error + TINY:
        return means * size
    others = np.maximum(means - 0.5 * slopes, 0)
    others[taken_for] = 0
    wrong = float(np.clip(wrong - 0.5 * rise, 0, 1)) if others.sum() > 0 else 0.0
    shares = others / max(others.sum(), 1e-12) * wrong
    shares[taken_for] = 1 - wrong
    return shares * size * LINE_WORTH


def transition(counts: np.ndarray) -> np.ndarray:
    """P(given label | true class) from counts, ... x k x k; a class that nothing is taken for keeps its labels."""
    totals = counts.sum(axis=-1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1e-12), np.eye(counts.shape[-1]))


def true_counts(matrix: np.ndarray, observed: np.ndarray, num_rounds: int = NUM_ROUNDS) -> np.ndarray:
    """The counts of true classes that explain the counts of given labels best: EM for the shares of a mixture.

    x_j <- x_j sum_i T[j, i] y_i / (sum_l x_l T[l, i]), which keeps all x >= 0 and their sum.

    Args:
        matrix: T, P(given | true), ... x k x k.
        observed: y, by given label, ... x k x columns; each column is explained apart.
        num_rounds: of EM; few of them keep near what was observed where it is uncertain itself.

    Source: Richardson 1972, "Bayesian-based iterative method of image restoration", eq. 8; Vardi, Lee 1993.
    """
    found = observed + 1e-12
    for _ in range(num_rounds):
        expected = np.swapaxes(matrix, -1, -2) @ found
        found = found * (matrix @ (observed / np.maximum(expected, 1e-12)))
    return found


def smoothed(flow: Flows) -> np.ndarray:
    """The matrix with `PRIOR` examples of uniform noise added to each class, so that no wrong label is impossible."""
    return transition(flow.counts + PRIOR * uniform(max(wrong_share([flow]), LEAST_RATE), len(flow.given)))


def uniform(rate: float, num_classes: int) -> np.ndarray:
    """Noise that falls on all other labels alike."""
    eye = np.eye(num_classes)
    return (1 - rate) * eye + rate * (1 - eye) / (num_classes - 1)


def wrong_counts(matrix: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Examples by true class and given label, zeros where these agree; ... x k x k."""
    of_class = true_counts(matrix, np.broadcast_to(given[:, None], (*matrix.shape[:-2], len(given), 1)))
    return of_class * matrix * (1 - np.eye(len(given)))


def wrong_share(flows: Sequence[Flows]) -> float:
    """The share of all labels that is wrong."""
    wrong = sum(float(wrong_counts(transition(flow.counts), flow.given).sum()) for flow in flows)
    return wrong / max(sum(float(flow.given.sum()) for flow in flows), 1e-12)


def worth(flows: Sequence[Flows]) -> float:
    """The number of examples that tell the share as well, if each had been looked at: (sum n)^2 / sum (n^2 / w)."""
    sizes = np.concatenate([flow.given for flow in flows])
    trials = np.concatenate([flow.trials for flow in flows])
    told = trials > 0
    return float(sizes[told].sum() ** 2 / max((sizes[told] ** 2 / trials[told]).sum(), 1e-12)) if told.any() else 0.0


def doubt(flows: Sequence[Flows]) -> float:
    """How far the share of wrong labels may be beside the noise because the model is weak: a standard deviation."""
    total = sum(float(flow.given.sum()) for flow in flows)
    return DOUBT * sum(float(flow.rise @ flow.given) for flow in flows) / max(total, 1e-12)


def matrix_draws(flows: Sequence[Flows], num_draws: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Plausible matrices of each: the share of wrong labels from its distribution, on pairs as they were seen.

    Returns:
        draws x k x k, for each of the flows.
    """
    rate = wrong_share(flows)
    rates = proportion_draws(rate, worth(flows), num_draws, generator)
    rates = np.clip(rates + doubt(flows) * generator.standard_normal(num_draws), 0, 1)
    found: list[np.ndarray] = []
    for flow in flows:
        matrix, eye = transition(flow.counts), np.eye(len(flow.given))
        if rate > 0:
            most = (matrix - eye).min()  # of the diagonal: how far it can be scaled
            scale = np.minimum(rates / rate, -0.99 / most if most < 0 else np.inf)
            found.append(eye + scale[:, None, None] * (matrix - eye))
        else:
            found.append(eye + rates[:, None, None] * (uniform(1.0, len(eye)) - eye))
    return found


def calibrated(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Probabilities as sure as they may be: p^(1/t), scaled to sum 1, with the t that makes the labels most likely.

    Networks are often too sure of themselves. One number for all examples cannot learn the labels that are judged.

    Args:
        probabilities: n x k.
        given: codes, n.

    Source: Guo et al. 2017, "On calibration of modern neural networks", arXiv:1706.04599, sec. 4.2.
    """
    from scipy.optimize import minimize_scalar

    logs, rows = np.log(np.maximum(probabilities, TINY)), np.arange(len(given))

    def cost(log_temperature: float) -> float:
        scaled = logs * np.exp(-log_temperature)
        return float((logsumexp(scaled, axis=1) - scaled[rows, given]).mean())

    best = minimize_scalar(cost, bounds=LOG_TEMPERATURES, method="bounded").x
    scaled = logs * np.exp(-best)
    return np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True))
