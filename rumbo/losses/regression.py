"""Losses on numbers: squared, absolute, and between the two."""

import torch
from jaxtyping import Float
from torch import Tensor


def squared_error(predictions: Float[Tensor, "*s"], targets: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    """(p - y)^2 per element, without the 1/2 of some notes: its mean is the mean squared error.

    Source: Gauss 1809. Judge: rumbo.reference.losses.squared_error.

    >>> squared_error(torch.tensor([1.0]), torch.tensor([3.0]))
    tensor([4.])
    """
    return (predictions - targets) ** 2


def absolute_error(predictions: Float[Tensor, "*s"], targets: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    """|p - y| per element; the best constant under it is the median.

    Source: Laplace 1793. Judge: rumbo.reference.losses.absolute_error.

    >>> absolute_error(torch.tensor([1.0]), torch.tensor([3.0]))
    tensor([2.])
    """
    return (predictions - targets).abs()


def huber(predictions: Float[Tensor, "*s"], targets: Float[Tensor, "*s"], *, delta: float = 1.0) -> Float[Tensor, "*s"]:
    """Half the squared error up to `delta`, a straight line beyond it: far outliers pull no harder than near ones.

    Args:
        predictions: numbers.
        targets: numbers in the same unit.
        delta: where the line begins, > 0, in the unit of the targets.

    Raises:
        ValueError: delta not above 0.

    Source: Huber 1964, Annals of Mathematical Statistics 35(1), sec. 1. Judge: rumbo.reference.losses.huber.

    >>> huber(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]))
    tensor([0.1250, 2.5000])
    """
    if not delta > 0:
        raise ValueError(f"delta={delta} must be above 0.")
    error = (predictions - targets).abs()
    return torch.where(error <= delta, 0.5 * error**2, delta * (error - 0.5 * delta))
