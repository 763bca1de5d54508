"""Noise on the numeric columns of training examples."""

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from rumbo.data.augmentation.draws import gaussian, per_item


def add_noise(
    numbers: Float[Tensor, "b d"],
    rows: np.ndarray,
    seed: int,
    noise: float,
    *,
    spreads: Float[Tensor, " d"],
    measured: Bool[Tensor, "b d"] | None = None,
) -> Float[Tensor, "b d"]:
    """Add normal noise to each number, by draws that depend on the seed and the row alone.

    Args:
        numbers: scaled or not; NaN, which is a missing number, stays NaN.
        rows: the examples' rows in the data set.
        seed: the stream of this epoch.
        noise: standard deviation of the noise, as a fraction of `spreads`; 0 gives the numbers back as they are.
        spreads: standard deviation of each column over the training examples; 0 where a column is not to change, as one
            that says where another is missing.
        measured: where numbers were measured; others were filled in and stay as they are. None for everywhere.
    """
    if noise == 0:
        return numbers
    scores = gaussian(per_item(seed, rows)("numbers", numbers.shape[1])).to(numbers)
    added = noise * spreads.to(numbers) * scores
    return numbers + (added if measured is None else added * measured)
