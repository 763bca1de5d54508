"""Where each pixel goes: one matrix per picture, and waves for local warping. Pixels and annotations share them.

Places are in px with pixel i covering [i, i + 1), x to the right and y down. Inside, a side runs from -1 to 1, as
`torch.nn.functional.affine_grid` has it without aligned corners, which is the same convention.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from rumbo.data.augmentation.draws import BASE, NUM_BASE, Draw, centered
from rumbo.data.augmentation.warp import draw_waves, field, undo
from rumbo.data.options import AugmentOptions

CROP_ASPECT = 4 / 3
"""Crops are between 3:4 and 4:3, in px of the picture (Szegedy et al. 2014, arXiv:1409.4842, sec. 6)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Geometry:
    """How a batch of pictures of one size is moved.

    Attributes:
        height: of the pictures, in px.
        width: of the pictures, in px.
        mirrored: which ones are mirrored.
        theta: from changed to original places, x and y from -1 to 1; None when pictures are mirrored at most.
        waves: displacements of changed places before `theta`; None for none.
    """

    height: int
    width: int
    mirrored: Bool[np.ndarray, " b"]
    theta: Float[Tensor, "b 2 3"] | None = None
    waves: Float[Tensor, "b 2 k l"] | None = None

    @property
    def keeps_axes(self) -> bool:
        """Whether all boxes stay boxes: nothing is turned, slanted or warped."""
        return self.theta is None or (self.waves is None and not self.theta[:, [0, 1], [1, 0]].any())

    def sample(self, images: Float[Tensor, "b c h w"], *, mode: str, padding: str) -> Float[Tensor, "b c h w"]:
        """The pictures, moved: one resampling, whatever is done. Mirroring alone is exact."""
        if self.theta is None:
            if not self.mirrored.any():
                return images
            chosen = torch.from_numpy(self.mirrored).to(images.device).view(-1, 1, 1, 1)
            return torch.where(chosen, images.flip(-1), images)
        grid = self._places(images.device)
        return F.grid_sample(images, grid, mode=mode, padding_mode=padding, align_corners=False)

    def _places(self, device: torch.device) -> Float[Tensor, "b h w 2"]:
        """The original place of each pixel's center."""
        assert self.theta is not None
        theta = self.theta.to(device)
        size = [len(theta), 1, self.height, self.width]
        if self.waves is None:
            return F.affine_grid(theta, size, align_corners=False)
        plain = torch.eye(2, 3, device=device).expand(len(theta), 2, 3)
        places = F.affine_grid(plain, size, align_corners=False) + 2 * field(
            self.waves.to(device), self.height, self.width
        )
        moved = places.flatten(1, 2) @ theta[:, :, :2].transpose(1, 2) + theta[:, None, :, 2]
        return moved.view_as(places)

    def points(self, xy: Float[np.ndarray, "n 2"], items: np.ndarray) -> Float[np.ndarray, "n 2"]:
        """Where points of the original pictures are in the changed ones, in px; NaN stays NaN.

        Args:
            xy: places in px.
            items: the picture of each point, its place in the batch.
        """
        size = np.array([self.width, self.height], np.float64)
        if self.theta is None:
            mirrored_x = np.where(self.mirrored[items], self.width - xy[:, 0], xy[:, 0])
            return np.stack([mirrored_x, xy[:, 1]], axis=1)
        theta = self.theta.double().cpu().numpy()[items]
        offset = 2 * xy / size - 1 - theta[:, :, 2]
        places = np.linalg.solve(theta[:, :, :2], offset[:, :, None])[:, :, 0] if len(xy) else offset
        fractions = (places + 1) / 2
        if self.waves is not None:
            fractions = undo(self.waves.double().cpu().numpy()[items], fractions)
        return fractions * size


def draw_geometry(draw: Draw, options: AugmentOptions, *, height: int, width: int, flip: bool) -> Geometry:
    """Draw how each picture of a batch is moved.

    Args:
        draw: numbers in [0, 1) per picture, as `draws.per_item` gives them.
        options: how much may change.
        height: of the pictures, in px.
        width: of the pictures, in px.
        flip: whether half of the pictures are mirrored.
    """
    base = torch.from_numpy(draw(BASE, NUM_BASE)).to(torch.float32)
    mirrored = base[:, 2] < 0.5 if flip else torch.zeros(len(base), dtype=torch.bool)
    geometry = Geometry(height=height, width=width, mirrored=mirrored.numpy())
    is_moved = (
        options.shift_fraction
        or options.zoom
        or options.rotate_degrees
        or options.shear_degrees
        or options.shrink
        or options.warp_fraction
        or options.crop_area < 1
    )
    if not is_moved:
        return geometry
    theta = _frame(base, mirrored, options, height / width)
    if options.shear_degrees:
        slant = torch.tan(centered(draw("shear", 1))[:, 0] * math.radians(options.shear_degrees)) * height / width
        theta = _with_linear(theta, theta[:, :, :2] @ _matrix(1, slant, 0, 1))
    if options.shrink:
        larger = 1 / (1 - torch.from_numpy(draw("shrink", 1)).to(torch.float32)[:, 0] * options.shrink)
        theta = _with_linear(theta, theta[:, :, :2] * larger.view(-1, 1, 1))
    if options.crop_area < 1:
        sizes = np.tile([height, width], (len(base), 1))
        theta = _inside(theta, draw_crops(draw, options.crop_area, sizes) / [width, height, width, height])
    waves = draw_waves(draw, options.warp_fraction) if options.warp_fraction else None
    return Geometry(height=height, width=width, mirrored=mirrored.numpy(), theta=theta, waves=waves)


def draw_crops(draw: Draw, crop_area: float, sizes: Float[np.ndarray, "b 2"] | np.ndarray) -> Float[np.ndarray, "b 4"]:
    """A random part of each picture: left, top, right, bottom in px.

    Its area is between `crop_area` and all, its aspect between 3:4 and 4:3; where that does not fit, the longer side
    is cut to the picture's. Crops lie anywhere with equal chance.

    Args:
        draw: numbers in [0, 1) per picture.
        crop_area: the smallest part of the area.
        sizes: height and width of each picture, in px.
    """
    area, aspect, left, top = draw("crop", 4).T
    height, width = np.asarray(sizes, np.float64).T
    target = (1 - (1 - crop_area) * area) * height * width
    ratio = CROP_ASPECT ** (2 * aspect - 1)
    wide, high = np.minimum(np.sqrt(target * ratio), width), np.minimum(np.sqrt(target / ratio), height)
    x, y = left * (width - wide), top * (height - high)
    return np.stack([x, y, x + wide, y + high], axis=1)


def _frame(
    base: Float[Tensor, "b n"], mirrored: Bool[Tensor, " b"], options: AugmentOptions, aspect: float
) -> Float[Tensor, "b 2 3"]:
    """Mirror, shift, zoom and rotation. The aspect keeps rotations rigid."""
    around = 2 * base - 1  # in [-1, 1)
    angle = around[:, 0] * math.radians(options.rotate_degrees)
    scale = 1 + around[:, 1] * options.zoom
    mirror = torch.where(mirrored, -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = 2 * options.shift_fraction
    return torch.stack(
        [
            torch.stack([cos * mirror, -sin * aspect, around[:, 3] * shift], dim=1),
            torch.stack([sin * mirror / aspect, cos, around[:, 4] * shift], dim=1),
        ],
        dim=1,
    )


def _matrix(a: float, b: Float[Tensor, " b"], c: float, d: float) -> Float[Tensor, "b 2 2"]:
    first = torch.stack([torch.full_like(b, a), b], dim=1)
    second = torch.tensor([c, d]).to(b).expand(len(b), 2)
    return torch.stack([first, second], dim=1)


def _with_linear(theta: Float[Tensor, "b 2 3"], linear: Float[Tensor, "b 2 2"]) -> Float[Tensor, "b 2 3"]:
    return torch.cat([linear, theta[:, :, 2:]], dim=2)


def _inside(theta: Float[Tensor, "b 2 3"], parts: Float[np.ndarray, "b 4"]) -> Float[Tensor, "b 2 3"]:
    """The same changes of a part of each picture: left, top, right, bottom in fractions of the sides."""
    low, high = torch.from_numpy(parts).to(theta).chunk(2, dim=1)
    moved = theta * (high - low)[:, :, None]
    moved[:, :, 2] += low + high - 1
    return moved
