r"""Pooling: a window moves over the picture like a filter, and an aggregate stands for what it sees. Nothing to learn.

`A_prev` is m x sizes x C, each channel by itself; `f` is the window's side, `stride` how far it moves.
An aggregate sees `windows`, N x m x outputs x C: first the N places of the window, in the order of reading.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rumbo.reference.arrays import Array, Integers
from rumbo.reference.convolution import Each, crop, met_by, output_sizes, pad_two_sides, per_dimension


class Aggregate(NamedTuple):
    """One number for each window, its derivative with respect to all places of the window, and what padding holds."""

    g: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    padding_holds: float


def largest(windows: Array) -> Array:
    """The maximum: what a filter looks for is somewhere in the window.

    Source: Paiolla §5.3; Borghi, "Max Pooling".
    """
    return windows.max(axis=0)


def largest_derivative(windows: Array) -> Array:
    """1 for the place that won, 0 for the others; of several that tie, the first in the order of reading wins.

    Source: the derivative of `largest`.
    """
    return _only(windows.argmax(axis=0), len(windows))


def smallest(windows: Array) -> Array:
    """The minimum.

    Source: Paiolla §5.3.
    """
    return windows.min(axis=0)


def smallest_derivative(windows: Array) -> Array:
    """1 for the place that won, as for the maximum.

    Source: the derivative of `smallest`.
    """
    return _only(windows.argmin(axis=0), len(windows))


def _only(winner: Integers, num_places: int) -> Array:
    return np.equal.outer(np.arange(num_places), winner).astype(np.float64)


def average(windows: Array) -> Array:
    """The mean.

    Source: Paiolla §5.3; Borghi, "Pooling promedio".
    """
    return windows.mean(axis=0)


def average_derivative(windows: Array) -> Array:
    """1 / N for every place.

    Source: the derivative of `average`.
    """
    return np.full(windows.shape, 1 / len(windows))


def total(windows: Array) -> Array:
    """The sum.

    Source: Paiolla §5.3.
    """
    return windows.sum(axis=0)


def total_derivative(windows: Array) -> Array:
    """1 for every place.

    Source: the derivative of `total`.
    """
    return np.ones(windows.shape)


def product(windows: Array) -> Array:
    """All places multiplied.

    Source: Paiolla §5.3.
    """
    return windows.prod(axis=0)


def product_derivative(windows: Array) -> Array:
    """The product of all other places; no division, which a zero would spoil.

    Source: the derivative of `product`.
    """
    return np.stack([np.delete(windows, n, axis=0).prod(axis=0) for n in range(len(windows))])


def standard_deviation(windows: Array) -> Array:
    """The root of the mean squared distance from the mean.

    Source: Paiolla §5.3.
    """
    return windows.std(axis=0)


def standard_deviation_derivative(windows: Array) -> Array:
    """(x_n - mean) / (N std); 0 where all places are equal, a corner like that of |x|.

    Source: the derivative of `standard_deviation`.
    """
    std = windows.std(axis=0)
    return (windows - windows.mean(axis=0)) / (len(windows) * np.where(std == 0, 1.0, std))


MAX = Aggregate(largest, largest_derivative, -np.inf)
MIN = Aggregate(smallest, smallest_derivative, np.inf)
AVERAGE = Aggregate(average, average_derivative, 0.0)
SUM = Aggregate(total, total_derivative, 0.0)
PRODUCT = Aggregate(product, product_derivative, 1.0)
STANDARD_DEVIATION = Aggregate(standard_deviation, standard_deviation_derivative, 0.0)


def pool(A_prev: Array, f: Each, stride: Each, padding: Each = 0, aggregate: Aggregate = MAX) -> Array:
    """A[i, x, c] = g of A_prev[i, s x + k - p, c] over the places k of the window.

    Source: Paiolla §5.3 (max, min, prod, sum, mean, std); Borghi, "Capas tipo Pooling".

    >>> pool(np.arange(16.0).reshape(1, 4, 4, 1), f=2, stride=2)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    padded, places = _padded_and_places(A_prev, f, stride, padding, aggregate)
    return aggregate.g(np.stack([padded[place] for place in places]))


def pool_backward(
    dA: Array, A_prev: Array, f: Each, stride: Each, padding: Each = 0, aggregate: Aggregate = MAX
) -> Array:
    """dA_prev[i, s x + k - p, c] += dA[i, x, c] dg/dk: what the window saw gets back its share.

    Source: the derivative of `pool`.

    >>> picture = np.array([4.0, 4, 1, 2]).reshape(1, 4, 1)
    >>> pool_backward(np.ones((1, 2, 1)), picture, f=2, stride=2)[0, :, 0]
    array([1., 0., 0., 1.])
    """
    padded, places = _padded_and_places(A_prev, f, stride, padding, aggregate)
    shares = dA * aggregate.derivative(np.stack([padded[place] for place in places]))
    d_padded = np.zeros_like(padded)
    for place, share in zip(places, shares, strict=True):
        d_padded[place] += share
    return crop(d_padded, padding)


def max_pool(A_prev: Array, f: Each, stride: Each, padding: Each = 0) -> Array:
    """The largest of each window. Source: Borghi, "Max Pooling"."""
    return pool(A_prev, f, stride, padding, MAX)


def max_pool_backward(dA: Array, A_prev: Array, f: Each, stride: Each, padding: Each = 0) -> Array:
    """The place that won gets the whole gradient; of several that tie, the first in the order of reading.

    Source: the derivative of `max_pool`.
    """
    return pool_backward(dA, A_prev, f, stride, padding, MAX)


def average_pool(A_prev: Array, f: Each, stride: Each, padding: Each = 0) -> Array:
    """The mean of each window, zeros of the padding included. Source: Borghi, "Pooling promedio"."""
    return pool(A_prev, f, stride, padding, AVERAGE)


def average_pool_backward(dA: Array, A_prev: Array, f: Each, stride: Each, padding: Each = 0) -> Array:
    """Each place of a window of N gets dA / N.

    Source: the derivative of `average_pool`.
    """
    return pool_backward(dA, A_prev, f, stride, padding, AVERAGE)


def global_average_pool(A_prev: Array) -> Array:
    """One mean for each channel, m x sizes x C -> m x C. Source: Lin et al. 2013, arXiv:1312.4400, sec. 3.2."""
    return A_prev.mean(axis=tuple(range(1, A_prev.ndim - 1)))


def global_average_pool_backward(dA: Array, A_prev: Array) -> Array:
    """Every place of a channel gets the same share of its gradient.

    Source: the derivative of `global_average_pool`.
    """
    num_places = A_prev[0, ..., 0].size
    return np.broadcast_to(np.expand_dims(dA, tuple(range(1, A_prev.ndim - 1))) / num_places, A_prev.shape)


def _padded_and_places(
    A_prev: Array, f: Each, stride: Each, padding: Each, aggregate: Aggregate
) -> tuple[Array, list[tuple[slice, ...]]]:
    """The padded input, and for each place of the window the inputs it lies on, one for each output."""
    dimensions = A_prev.ndim - 2
    window, p = per_dimension(f, dimensions), per_dimension(padding, dimensions)
    outputs = output_sizes(A_prev.shape[1:-1], window, p, stride)
    padded = pad_two_sides(A_prev, p, p, aggregate.padding_holds)
    return padded, [met_by(k, outputs, stride, 1) for k in np.ndindex(*window)]
