"""What pixels are: blur, light, saturation, shifts of color; each picture by its own draws, and what is off is free."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from rumbo.data.augmentation.draws import BASE, NUM_BASE, Draw, centered, gaussian
from rumbo.data.options import AugmentOptions

WHITE = 255.0
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601), as in `data.decode`."""
MAX_SAMPLED = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ColorAxes:
    """Principal axes of the colors of pixels in [0, 1].

    Attributes:
        directions: three unit vectors over red, green, blue, one after the other.
        spreads: standard deviation along each.
    """

    directions: tuple[tuple[float, float, float], ...]
    spreads: tuple[float, ...]


IMAGENET_AXES = ColorAxes(
    directions=((-0.5675, -0.5808, -0.5836), (0.7192, -0.0045, -0.6948), (0.4009, -0.8140, 0.4203)),
    spreads=(0.2175, 0.0188, 0.0045),
)
"""Those of ImageNet's training pictures, as its trainers have handed them on since 2014."""


def color_axes(pixels: np.ndarray) -> ColorAxes:
    """The axes of a set of pictures.

    Args:
        pixels: uint8, n x 3 x h x w; of very many, evenly spaced ones are taken.
    """
    colors = pixels.transpose(0, 2, 3, 1).reshape(-1, 3)
    colors = colors[:: max(1, len(colors) // MAX_SAMPLED)].astype(np.float64) / WHITE
    variances, vectors = np.linalg.eigh(np.cov(colors.T))
    return ColorAxes(
        directions=tuple((float(v[0]), float(v[1]), float(v[2])) for v in vectors.T[::-1]),
        spreads=tuple(np.sqrt(np.maximum(variances, 0))[::-1].tolist()),
    )


def recolor(
    images: Float[Tensor, "b c h w"], draw: Draw, options: AugmentOptions, axes: ColorAxes = IMAGENET_AXES
) -> Float[Tensor, "b c h w"]:
    """Change what pixels are, by draws per picture.

    Args:
        images: pixels in 0..255.
        draw: numbers in [0, 1) per picture.
        options: how much may change.
        axes: of the colors.

    Returns:
        Pixels in 0..255; the same tensor where nothing may change. Grey pictures have no saturation to lose, no axes,
        and a shift of color is one of brightness.
    """
    changed = images
    if options.blur_px:
        sigmas_px = _uniform(draw("blur", 1))[:, 0] * options.blur_px
        changed = blur(changed, sigmas_px, reach_px=math.ceil(3 * options.blur_px))
    if options.light:
        changed = _relight(changed, centered(draw(BASE, NUM_BASE)).to(images), options.light)
    if options.fade and images.shape[1] == 3:
        changed = fade(changed, _uniform(draw("fade", 1))[:, 0] * options.fade)
    shift = torch.zeros(images.shape[:2])
    if options.color_shift:
        shift += WHITE * options.color_shift * centered(draw("color_shift", 3))[:, : images.shape[1]]
    if options.pca_color and images.shape[1] == 3:
        shift += WHITE * pca_shift(gaussian(draw("pca_color", 3)) * options.pca_color, axes)
    if options.color_shift or options.pca_color:
        changed = changed + shift.to(images)[:, :, None, None]
    return changed if changed is images else changed.clamp(0, WHITE)


def fade(images: Float[Tensor, "b 3 h w"], amounts: Float[Tensor, " b"]) -> Float[Tensor, "b 3 h w"]:
    """Move each color toward its grey: by 0 not at all, by 1 all the way."""
    grey = (images * torch.tensor(LUMA).to(images).view(-1, 1, 1)).sum(dim=1, keepdim=True)
    return torch.lerp(images, grey, amounts.to(images).view(-1, 1, 1, 1))


def pca_shift(alphas: Float[Tensor, "b 3"], axes: ColorAxes) -> Float[Tensor, "b 3"]:
    """What is added to red, green and blue: the sum over axes of alpha * spread * direction, in [0, 1].

    Source: Krizhevsky et al. 2012, sec. 4.1. The paper writes the variance where we take its root, the spread: only so
    does the change not depend on the unit of the pixels, and the numbers that its followers hand on are spreads.
    """
    return (alphas * alphas.new_tensor(axes.spreads)) @ alphas.new_tensor(axes.directions)


def blur(
    images: Float[Tensor, "b c h w"], sigmas_px: Float[Tensor, " b"], *, reach_px: int
) -> Float[Tensor, "b c h w"]:
    """Gaussian blur, each picture with its own standard deviation; the border is mirrored, as torchvision does it.

    Args:
        images: any range.
        sigmas_px: standard deviations.
        reach_px: where the weights are cut. One number for all batches, so that companions change nothing.
    """
    num_items, num_channels, height, width = images.shape
    reach = min(reach_px, height - 1, width - 1)
    if reach < 1:
        return images
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernels = torch.exp(-0.5 * (offsets / sigmas_px.clamp_min(1e-3)[:, None]) ** 2)
    kernels = (kernels / kernels.sum(dim=1, keepdim=True)).to(images).repeat_interleave(num_channels, dim=0)
    flat = F.pad(images, [reach] * 4, mode="reflect").reshape(1, num_items * num_channels, height + 2 * reach, -1)
    flat = F.conv2d(flat, kernels[:, None, None, :], groups=len(kernels))
    flat = F.conv2d(flat, kernels[:, None, :, None], groups=len(kernels))
    return flat.view(num_items, num_channels, height, width)


def _relight(images: Float[Tensor, "b c h w"], around: Float[Tensor, "b n"], light: float) -> Float[Tensor, "b c h w"]:
    contrast = (1 + around[:, 5] * light).view(-1, 1, 1, 1)
    brightness = (around[:, 6] * light * WHITE / 2).view(-1, 1, 1, 1)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return ((images - mean) * contrast + mean + brightness).clamp(0, WHITE)


def _uniform(draws: np.ndarray) -> Tensor:
    return torch.from_numpy(draws).to(torch.float32)
