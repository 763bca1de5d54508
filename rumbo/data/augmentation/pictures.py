"""Random changes of a batch of pictures: where pixels are, then what they are."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from rumbo.data.augmentation.color import IMAGENET_AXES, ColorAxes, recolor
from rumbo.data.augmentation.draws import Draw, per_item
from rumbo.data.augmentation.geometry import Geometry, draw_geometry
from rumbo.data.options import AugmentOptions


def augment(
    images: Float[Tensor, "b c h w"],
    rows: np.ndarray,
    seed: int,
    options: AugmentOptions,
    *,
    flip: bool,
    axes: ColorAxes = IMAGENET_AXES,
) -> Float[Tensor, "b c h w"]:
    """Change each picture by draws that depend on the seed and its row alone: not on its batch, not on workers.

    Args:
        images: pixels in 0..255.
        rows: the pictures' rows in the data set.
        seed: the stream of this epoch.
        options: how much may change; what is 0 costs nothing.
        flip: whether half of the pictures are mirrored.
        axes: of the colors, for `pca_color`.

    Returns:
        Changed pictures, same shape and range; the pictures themselves where nothing may change.
    """
    return augment_and_tell(images, per_item(seed, rows), options, flip=flip, axes=axes)[0]


def augment_and_tell(
    images: Float[Tensor, "b c h w"], draw: Draw, options: AugmentOptions, *, flip: bool, axes: ColorAxes
) -> tuple[Float[Tensor, "b c h w"], Geometry]:
    """As `augment`, with where everything went, for boxes, masks and landmarks."""
    height, width = images.shape[2:]
    geometry = draw_geometry(draw, options, height=height, width=width, flip=flip)
    moved = geometry.sample(images, mode="bilinear", padding="border")
    return recolor(moved, draw, options, axes), geometry
