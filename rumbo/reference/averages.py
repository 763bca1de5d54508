"""Exponentially weighted averages: a mean that forgets, kept in one number."""

from typing import TypeVar

import numpy as np

from rumbo.reference.arrays import Array

Value = TypeVar("Value", float, Array)


def average_step(V: Value, theta: Value, beta: float) -> Value:
    """V := beta V + (1 - beta) theta; one new value enters, all older ones fade by beta.

    Source: Borghi, "Exponentially weighted averages"; Paiolla §3.3.2, algorithm 3.1.
    """
    return beta * V + (1 - beta) * theta


def weighted_averages(theta: Array, beta: float) -> Array:
    """V_t = beta V_(t-1) + (1 - beta) theta_t with V_0 = 0, for every t; (T, ...) -> (T, ...).

    Source: Borghi, "Exponentially weighted averages"; Paiolla §3.3.2.

    >>> weighted_averages(np.array([40.0, 49.0, 45.0]), 0.9).round(3).tolist()
    [4.0, 8.5, 12.15]
    """
    V = np.zeros_like(theta)
    before = np.zeros_like(theta[0])
    for t, value in enumerate(theta):
        V[t] = before = average_step(before, value, beta)
    return V


def bias_correction(beta: float, t: int) -> float:
    """1 - beta^t, the sum of the weights of the first t values: what V_t is divided by; t counts from 1.

    Source: Borghi, "Corrección del sesgo (bias)". The notes print 1 for beta = 0.98 and t = 100; it is 0.867.

    >>> round(bias_correction(0.98, 2), 4), round(bias_correction(0.98, 100), 3)
    (0.0396, 0.867)
    """
    return 1 - beta**t


def corrected_averages(theta: Array, beta: float) -> Array:
    """V_t / (1 - beta^t): averages that are right from the first value on; (T, ...) -> (T, ...).

    Source: Borghi, "Corrección del sesgo (bias)"; Paiolla §3.3.2. The notes of Paiolla print the corrected V on both
    sides; the V that goes on to t + 1 is the one without correction.

    >>> corrected_averages(np.array([40.0, 40.0, 40.0]), 0.98).round(6).tolist()
    [40.0, 40.0, 40.0]
    """
    V = weighted_averages(theta, beta)
    corrections = np.array([bias_correction(beta, t) for t in range(1, len(theta) + 1)])
    return V / corrections.reshape(-1, *[1] * (theta.ndim - 1))


def weights_of_past(beta: float, t: int) -> Array:
    """(1 - beta) beta^k, the weight in V_t of the value k steps back, k = 0 ... t - 1; their sum is 1 - beta^t.

    Source: Paiolla §3.3.2, the formula without iteration.

    >>> weights_of_past(0.9, 3).round(4).tolist()
    [0.1, 0.09, 0.081]
    """
    return (1 - beta) * np.power(beta, np.arange(t, dtype=np.float64))


def effective_window(beta: float) -> float:
    """1 / (1 - beta): about how many of the last values count.

    Source: Borghi, "Exponentially weighted averages"; Paiolla §3.3.2.

    >>> [round(effective_window(beta)) for beta in (0.5, 0.9, 0.98, 0.999)]
    [2, 10, 50, 1000]
    """
    return 1 / (1 - beta)


def beta_of_window(window: float) -> float:
    """The inverse of `effective_window`: beta = 1 - 1 / window.

    Source: Borghi, "Exponentially weighted averages", solved for beta.

    >>> beta_of_window(50)
    0.98
    """
    return 1 - 1 / window


def weight_beyond(beta: float, steps: float) -> float:
    """beta^steps: the share of all weight that older values hold; at the window 1 / (1 - beta) it is near 1 / e.

    Source: sum of the weights of Paiolla §3.3.2 from k = steps on.

    >>> round(weight_beyond(0.9, 10), 3)
    0.349
    """
    return beta**steps
