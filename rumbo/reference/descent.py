"""Down the gradient with all examples, with some, or with one at a time.

A cost is known by its gradient: gradient(W, X, Y) -> dW, the mean over the examples in the columns of X and Y. W is one
array of any shape. What comes back is the path: W at the start and after every step.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from rumbo.reference.arrays import Array, Integers
from rumbo.reference.optimizers import gradient_descent

Gradient = Callable[[Array, Array, Array], Array]
"""gradient(W, X, Y) -> dW."""

USUAL_SIZES = (64, 128, 256, 512)
"""Usual sizes of a mini-batch, 2^6 to 2^9. Source: Borghi, "¿Qué tamaño se elige entonces?"; Paiolla §3.3.1."""

Memory = TypeVar("Memory")


def split(order: Integers, size: int) -> list[Integers]:
    """Cut an order of the examples into mini-batches of `size`; the last one holds what is left.

    Source: Borghi, "Mini-batch gradiente descendiente"; Paiolla §3.3.1.

    >>> [batch.tolist() for batch in split(np.arange(7), 3)]
    [[0, 1, 2], [3, 4, 5], [6]]
    """
    return [order[first : first + size] for first in range(0, len(order), size)]


def number_of_batches(m: int, size: int) -> int:
    """Mini-batches, and so steps, in one epoch: m / size, rounded up.

    Source: Borghi, "Mini-batch gradiente descendiente".

    >>> number_of_batches(5_000_000, 1000)
    5000
    """
    return -(-m // size)


def mini_batches(X: Array, Y: Array, size: int, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """One epoch: the columns of X and Y, shuffled alike, as X^{1}, Y^{1}, X^{2}, Y^{2}, ...

    Source: Borghi, "Mini-batch gradiente descendiente"; Paiolla §3.3.1.
    """
    for batch in split(rng.permutation(X.shape[1]), size):
        yield X[:, batch], Y[:, batch]


def batch_gradient_descent(gradient: Gradient, W: Array, X: Array, Y: Array, alpha: float, epochs: int) -> list[Array]:
    """One step an epoch, by all examples.

    Source: Borghi, "Mini-batch gradiente descendiente"; Ronchetti & Quiroga, "Descenso de gradiente - Versiones".
    """
    path = [W]
    for _ in range(epochs):
        path.append(gradient_descent(path[-1], gradient(path[-1], X, Y), alpha))
    return path


def mini_batch_gradient_descent(
    gradient: Gradient, W: Array, X: Array, Y: Array, alpha: float, epochs: int, size: int, rng: np.random.Generator
) -> list[Array]:
    """One step for every mini-batch; size = m is `batch_gradient_descent`.

    Source: Borghi, "Mini-batch gradiente descendiente"; Paiolla §3.3.1; Teran, "Gradiente descendente estocástico".
    """
    path = [W]
    for _ in range(epochs):
        for X_t, Y_t in mini_batches(X, Y, size, rng):
            path.append(gradient_descent(path[-1], gradient(path[-1], X_t, Y_t), alpha))
    return path


def stochastic_gradient_descent(
    gradient: Gradient, W: Array, X: Array, Y: Array, alpha: float, epochs: int, rng: np.random.Generator
) -> list[Array]:
    """Mini-batches of one example: m noisy steps an epoch.

    Source: Borghi, "Mini-batch gradiente descendiente"; Paiolla §3.3.1; Teran, "Gradiente descendente estocástico".
    """
    return mini_batch_gradient_descent(gradient, W, X, Y, alpha, epochs, 1, rng)


def mini_batches_then_batch(
    gradient: Gradient,
    W: Array,
    X: Array,
    Y: Array,
    alpha: float,
    epochs: int,
    size: int,
    epochs_at_the_end: int,
    rng: np.random.Generator,
) -> list[Array]:
    """Mini-batches until the cost is near its minimum, then all examples at once, which settles in it.

    Source: Paiolla §3.3.1.
    """
    path = mini_batch_gradient_descent(gradient, W, X, Y, alpha, epochs, size, rng)
    return path + batch_gradient_descent(gradient, path[-1], X, Y, alpha, epochs_at_the_end)[1:]


def follow(
    step: Callable[[Array, Array, Memory], tuple[Array, Memory]],
    memory: Memory,
    gradient: Callable[[Array], Array],
    W: Array,
    steps: int,
) -> list[Array]:
    """The path of any rule of `optimizers` with memory, its rate bound beforehand.

    Source: Paiolla §3.3, whose algorithms repeat such a step.

    >>> from functools import partial
    >>> from rumbo.reference.optimizers import momentum
    >>> path = follow(partial(momentum, alpha=1.0), np.zeros(1), lambda W: W, np.ones(1), 3)
    >>> [round(W.item(), 4) for W in path]
    [1.0, 0.9, 0.72, 0.486]
    """
    path = [W]
    for _ in range(steps):
        W_next, memory = step(path[-1], gradient(path[-1]), memory)
        path.append(W_next)
    return path
