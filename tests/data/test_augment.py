"""Random changes of pictures: a function of (seed, row), within the stated bounds, geometry as stated."""

import numpy as np
import pytest
import torch

from rumbo.data.augmentation.pictures import augment
from rumbo.data.options import AugmentOptions

NOTHING = AugmentOptions(flip="no", shift_fraction=0, zoom=0, rotate_degrees=0, light=0)
ROWS = np.arange(12)


def pictures(num_items=12, side=9):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(num_items, 2, side, side, generator=generator) * 255


def changed(options, rows=ROWS, seed=5, *, flip=False, images=None):
    return augment((pictures() if images is None else images)[rows], rows, seed, options, flip=flip)


def test_nothing_asked_for_changes_nothing():
    torch.testing.assert_close(changed(NOTHING), pictures(), rtol=0, atol=1e-3)


def test_a_picture_is_changed_alike_in_any_batch():
    options = AugmentOptions()
    whole = changed(options, flip=True)
    part = changed(options, rows=np.array([7, 2]), flip=True)
    torch.testing.assert_close(part, whole[[7, 2]], rtol=0, atol=1e-3)


def test_another_epoch_changes_otherwise():
    options = AugmentOptions()
    first, second = changed(options, seed=1), changed(options, seed=2)
    same = [torch.allclose(a, b, atol=1e-3) for a, b in zip(first, second, strict=True)]
    assert sum(same) == 0


def test_half_of_the_pictures_are_mirrored_exactly():
    rows = np.arange(400)
    images = pictures(400, side=6)
    out = augment(images, rows, 3, NOTHING, flip=True)
    mirrored = [torch.allclose(a, b.flip(-1), atol=1e-2) for a, b in zip(out, images, strict=True)]
    kept = [torch.allclose(a, b, atol=1e-2) for a, b in zip(out, images, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 150 < sum(mirrored) < 250


def test_shifts_stay_within_their_bound():
    side = 41
    images = torch.zeros(200, 1, side, side)
    images[:, :, side // 2, side // 2] = 255
    options = AugmentOptions(flip="no", shift_fraction=0.1, zoom=0, rotate_degrees=0, light=0)
    out = augment(images, np.arange(200), 9, options, flip=False)
    grid = torch.arange(side).float() - side // 2
    mass = out.sum(dim=(1, 2, 3))
    dx = (out.sum(dim=(1, 2)) * grid).sum(1) / mass
    dy = (out.sum(dim=(1, 3)) * grid).sum(1) / mass
    bound = 0.1 * side
    assert dx.abs().max() <= bound + 0.01
    assert dy.abs().max() <= bound + 0.01
    assert dx.abs().max() > 0.8 * bound
    assert dy.abs().max() > 0.8 * bound


def test_a_rotation_keeps_distances_on_pictures_that_are_not_square():
    height, width = 41, 81
    images = torch.zeros(50, 1, height, width)
    center, reach = (height // 2, width // 2), 12
    images[:, :, center[0], center[1] + reach] = 255
    options = AugmentOptions(flip="no", shift_fraction=0, zoom=0, rotate_degrees=60, light=0)
    out = augment(images, np.arange(50), 1, options, flip=False)
    mass = out.sum(dim=(1, 2, 3))
    x = (out.sum(dim=(1, 2)) * (torch.arange(width) - center[1])).sum(1) / mass
    y = (out.sum(dim=(1, 3)) * (torch.arange(height) - center[0])).sum(1) / mass
    np.testing.assert_allclose(torch.hypot(x, y), reach, atol=0.7)
    assert y.abs().max() > 5


@pytest.mark.parametrize("light", [0.3, 0.9])
def test_pixels_stay_pixels(light):
    out = changed(AugmentOptions(light=light))
    assert out.min() >= 0
    assert out.max() <= 255
