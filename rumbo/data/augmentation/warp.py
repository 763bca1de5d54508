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
"""Half waves over a side, at most. With displacements of at most 0.07 of the side, the slope of the field stays below
pi * 4 * 0.07 = 0.88: below 1, so the map is one to one."""
NUM_ROUNDS = 120
"""Rounds to find the way back: 0.88^120 = 2e-7 of the first error."""


def draw_waves(draw: Draw, warp_fraction: float) -> Float[Tensor, "b 2 k l"]:
    """Heights of the waves for x and y, in fractions of the side; their sizes sum to `warp_fraction` for each."""
    draws = centered(draw("warp", 2 * NUM_WAVES**2)).view(-1, 2, NUM_WAVES, NUM_WAVES)
    return warp_fraction * draws / draws.abs().sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)


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
