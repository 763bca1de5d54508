"""Gradient checking: is what backward returns the gradient of the cost? Two-sided differences say.

Only to find faults: 2n costs for n parameters. Dropout must be off, or its masks fixed; penalties belong to the cost.
Check at random parameters, and again after some training: faults that vanish at w, b near 0 show there.

Source: Borghi, "Aproximación numérica de gradientes" and "Gradient Checking"; Paiolla §3.2.3.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from rumbo.reference.arrays import Array

# The notes take 1e-7. Rounding then costs 1e-16 / 1e-7 = 1e-9 of J, and 1e-5 balances it with the O(eps^2) of the rule.
EPSILON = 1e-5


def one_sided(f: Callable[[float], float], theta: float, eps: float) -> float:
    """Slope (f(theta + eps) - f(theta)) / eps, wrong by O(eps).

    Source: Borghi, "Aproximación numérica de gradientes".
    """
    return (f(theta + eps) - f(theta)) / eps


def two_sided(f: Callable[[float], float], theta: float, eps: float) -> float:
    """Slope (f(theta + eps) - f(theta - eps)) / (2 eps), wrong by O(eps^2).

    Source: Borghi, "Aproximación numérica de gradientes"; Paiolla §3.2.3.

    >>> round(one_sided(lambda t: t**3, 1.0, 0.01), 4), round(two_sided(lambda t: t**3, 1.0, 0.01), 4)
    (3.0301, 3.0001)
    """
    return (f(theta + eps) - f(theta - eps)) / (2 * eps)


def flatten(arrays: Sequence[Array]) -> Array:
    """All parameters (or gradients) in one long vector theta."""
    return np.concatenate([array.ravel() for array in arrays])


def unflatten(theta: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """The way back: theta cut into arrays of the given shapes.

    >>> [part.shape for part in unflatten(np.arange(8.0), [(2, 3), (2, 1)])]
    [(2, 3), (2, 1)]
    """
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(theta, ends[:-1]), shapes, strict=True)]


def numeric_gradient(cost: Callable[[Array], float], theta: Array, eps: float = EPSILON) -> Array:
    """For each i: (J(..., theta_i + eps, ...) - J(..., theta_i - eps, ...)) / (2 eps); theta (n,) -> (n,).

    >>> numeric_gradient(lambda theta: float((theta**2).sum()), np.array([1.0, -3.0])).round(6)
    array([ 2., -6.])
    """
    return np.array([_slope_along(cost, theta, i, eps) for i in range(theta.size)])


def _slope_along(cost: Callable[[Array], float], theta: Array, i: int, eps: float) -> float:
    direction = np.zeros_like(theta)
    direction[i] = 1
    return two_sided(lambda t: cost(theta + t * direction), 0.0, eps)


def distance(approx: Array, exact: Array) -> float:
    """Relative distance ‖approx - exact‖ / (‖approx‖ + ‖exact‖), in [0, 1]; two zero vectors are alike.

    >>> distance(np.array([1.0, 0.0]), np.array([1.0, 0.0])), distance(np.array([1.0]), np.array([-1.0]))
    (0.0, 1.0)
    """
    total = float(np.linalg.norm(approx) + np.linalg.norm(exact))
    return float(np.linalg.norm(approx - exact)) / total if total > 0 else 0.0


def worst_component(approx: Array, exact: Array) -> int:
    """Index of the component that differs most: where to look for the fault."""
    return int(np.abs(approx - exact).argmax())


def verdict(relative_distance: float) -> str:
    """`great` up to 1e-7, `good` up to 1e-5, `look` at the components up to 1e-3, above it `worry`.

    >>> [verdict(d) for d in (1e-8, 1e-6, 1e-4, 1e-2)]
    ['great', 'good', 'look', 'worry']
    """
    for bound, word in ((1e-7, "great"), (1e-5, "good"), (1e-3, "look")):
        if relative_distance <= bound:
            return word
    return "worry"


class Check(NamedTuple):
    """How far the two gradients are apart, what to think of it, and the component that differs most."""

    distance: float
    verdict: str
    worst: int


def check(cost: Callable[[Array], float], theta: Array, exact: Array, eps: float = EPSILON) -> Check:
    """Whether `exact` is the gradient of the cost at theta, and where not.

    >>> theta = np.array([1.0, -3.0, 0.5])
    >>> check(lambda t: float((t**2).sum()), theta, 2 * theta).verdict
    'great'
    >>> wrong = check(lambda t: float((t**2).sum()), theta, np.array([2.0, 6.0, 1.0]))
    >>> wrong.verdict, wrong.worst
    ('worry', 1)
    """
    approx = numeric_gradient(cost, theta, eps)
    far = distance(approx, exact)
    return Check(far, verdict(far), worst_component(approx, exact))
