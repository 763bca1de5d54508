"""Local warping: a smooth field of displacements, a sum of a few sine waves that vanish at the border.

A formula rather than a table: it has an exact value at any point, so that landmarks and pixels move alike, and a bound
on its slope, so that no picture folds and the way back can be found.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rumbo.data.augmentation.draws import Draw, centered

NUM_WAVES = 4
"""Half waves over a side, at most."""
STEEPEST = 0.85
"""Slope of the field, at most: below 1, so that the map is one to one."""
NUM_ROUNDS = 100
"""Rounds to find the way back: 0.85^100 = 1e-7 of the first error."""


def draw_waves(draw: Draw, warp_fraction: float) -> Float[Tensor, "b 2 k l"]:
    """Heights of the waves for x and y, in fractions of the side; their sizes sum to `warp_fraction` for each, or less.

    Third powers let a few waves lead; short waves are lower, and all are, where their slopes would add up to too much:
    a wave of height a with k and l half waves is nowhere steeper than pi a max(k, l), in the largest norm.
    """
    draws = centered(draw("warp", 2 * NUM_WAVES**2)).view(-1, 2, NUM_WAVES, NUM_WAVES)
    orders = torch.arange(1.0, NUM_WAVES + 1)
    longest = torch.maximum(orders[:, None], orders)
    heights = draws**3 / longest
    heights = warp_fraction * heights / heights.abs().sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)
    slopes = math.pi * (heights.abs() * longest).sum(dim=(2, 3), keepdim=True)
    return heights * (STEEPEST / slopes.clamp_min(STEEPEST))


def field(waves: Float[Tensor, "b 2 k l"], height: int, width: int) -> Float[Tensor, "b h w 2"]:
    """Displacements at the centers of pixels, in fractions of the side: x first, then y."""
    across = torch.from_numpy(_sines((np.arange(width) + 0.5) / width)).to(waves)
    down = torch.from_numpy(_sines((np.arange(height) + 0.5) / height)).to(waves)
    return torch.einsum("bckl,wk,hl->bhwc", waves, across, down)


def displacement(waves: Float[np.ndarray, "n 2 k l"], places: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """The same at any places, each with waves of its own.

    Args:
        waves: heights.
        places: x and y in fractions of the side.
    """
    return np.einsum("nckl,nk,nl->nc", waves, _sines(places[:, 0]), _sines(places[:, 1]))


def undo(waves: Float[np.ndarray, "n 2 k l"], targets: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """The places p with p + displacement(p) = target: a contraction, so they exist and are found by going round."""
    places = targets
    for _ in range(NUM_ROUNDS):
        nearer = targets - displacement(waves, places)
        if np.allclose(nearer, places, rtol=0, atol=1e-9, equal_nan=True):
            return nearer
        places = nearer
    return places


def _sines(places: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
    return np.sin(math.pi * places[:, None] * np.arange(1, NUM_WAVES + 1))
