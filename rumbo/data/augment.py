"""Random changes of training pictures: one resampling does mirror, shift, zoom and rotation together."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from rumbo.core.seeds import uniform_per_item
from rumbo.data.options import AugmentOptions

NUM_DRAWS = 7


def augment(
    images: Float[Tensor, "b c h w"], rows: np.ndarray, seed: int, options: AugmentOptions, *, flip: bool
) -> Float[Tensor, "b c h w"]:
    """Change each picture by draws that depend on the seed and its row alone: not on its batch, not on workers.

    Args:
        images: pixels in 0..255.
        rows: the pictures' rows in the data set.
        seed: the stream of this epoch.
        options: how much may change.
        flip: whether half of the pictures are mirrored.

    Returns:
        Changed pictures, same shape and range.
    """
    draws = torch.from_numpy(uniform_per_item(seed, rows, NUM_DRAWS)).to(images.device, torch.float32)
    centered = 2 * draws - 1  # in [-1, 1)
    angle = centered[:, 0] * math.radians(options.rotate_degrees)
    scale = 1 + centered[:, 1] * options.zoom
    mirror = torch.where(draws[:, 2] < 0.5, -1.0, 1.0) if flip else torch.ones_like(angle)
    height, width = images.shape[2:]
    # Rows of the inverse map, from output to input coordinates in [-1, 1]; the aspect keeps rotations rigid.
    cos, sin, aspect = torch.cos(angle) * scale, torch.sin(angle) * scale, height / width
    shift = 2 * options.shift_fraction
    theta = torch.stack(
        [
            torch.stack([cos * mirror, -sin * aspect, centered[:, 3] * shift], dim=1),
            torch.stack([sin * mirror / aspect, cos, centered[:, 4] * shift], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if options.light == 0:
        return moved
    contrast = (1 + centered[:, 5] * options.light).view(-1, 1, 1, 1)
    brightness = (centered[:, 6] * options.light * 255 / 2).view(-1, 1, 1, 1)
    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    return ((moved - mean) * contrast + mean + brightness).clamp(0, 255)
