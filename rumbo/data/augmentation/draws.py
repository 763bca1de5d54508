"""Where chance comes from: numbers in [0, 1) by purpose, for each item of a batch."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from rumbo.core.seeds import stream, uniform_per_item

Draw: TypeAlias = Callable[[str, int], np.ndarray]
"""(purpose, how many) -> float64, items x how many, in [0, 1). Another purpose gives other numbers."""

BASE = "base"
"""The draws of mirror, shift, zoom, rotation and light: seven an item, see `NUM_BASE`."""
NUM_BASE = 7
LARGEST_SCORE = 4.0
"""Gaussian draws end here: one in 16,000 is beyond."""


def per_item(seed: int, rows: np.ndarray) -> Draw:
    """Draws that depend on the seed of the epoch and each item's row alone: not on its batch, threads or order.

    Args:
        seed: a `stream` of the epoch.
        rows: the items' rows in the data set.
    """

    def draw(purpose: str, num_draws: int) -> np.ndarray:
        return uniform_per_item(seed if purpose == BASE else stream(seed, purpose), rows, num_draws)

    return draw


def centered(draws: np.ndarray) -> Tensor:
    """Draws as float32 in [-1, 1)."""
    return 2 * torch.from_numpy(draws).to(torch.float32) - 1


def gaussian(draws: np.ndarray) -> Tensor:
    """Draws as standard normal numbers, float32: the inverse of the distribution, cut at 4 standard deviations.

    >>> gaussian(np.array([0.5, 0.0]))
    tensor([ 0., -4.])
    """
    scores = torch.special.ndtri(torch.from_numpy(draws))
    return scores.clamp(-LARGEST_SCORE, LARGEST_SCORE).to(torch.float32)
