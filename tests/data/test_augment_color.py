"""Colors: against textbook formulas, torchvision and NumPy; off, nothing is computed."""

import dataclasses

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as torchvision_functional
from hypothesis import given
from hypothesis import strategies as st

from rumbo.data.augmentation import color
from rumbo.data.augmentation.color import IMAGENET_AXES, ColorAxes, blur, color_axes, fade, pca_shift, recolor
from rumbo.data.augmentation.draws import LARGEST_SCORE, gaussian, per_item
from rumbo.data.options import AugmentOptions

STILL = AugmentOptions(flip="no", shift_fraction=0, zoom=0, rotate_degrees=0, light=0)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(5, 3, 24, 31, generator=torch.Generator().manual_seed(3)) * 255


def with_only(**values) -> AugmentOptions:
    return dataclasses.replace(STILL, **values)


def test_off_is_free_and_changes_no_bit(images, monkeypatch):
    for name in ("blur", "fade", "pca_shift", "_relight"):
        monkeypatch.delattr(color, name)
    assert recolor(images, None, STILL) is images  # type: ignore[arg-type]  # nothing is drawn either


@given(st.lists(st.floats(0, 6), min_size=5, max_size=5))
def test_blur_agrees_with_torchvision(sigmas):
    pictures = torch.rand(5, 3, 24, 31, generator=torch.Generator().manual_seed(3)) * 255
    changed = blur(pictures, torch.tensor(sigmas), reach_px=18)
    for picture, out, sigma in zip(pictures, changed, sigmas, strict=True):
        if sigma < 0.05:  # the kernel is one pixel; torchvision takes no 0
            torch.testing.assert_close(out, picture)
        else:
            judge = torchvision_functional.gaussian_blur(picture, kernel_size=[37, 37], sigma=[sigma, sigma])
            torch.testing.assert_close(out, judge, rtol=0, atol=0.01)


def test_blur_of_tiny_pictures():
    assert blur(torch.ones(2, 1, 1, 5), torch.ones(2), reach_px=3).shape == (2, 1, 1, 5)
    torch.testing.assert_close(
        blur(torch.full((2, 1, 3, 2), 7.0), torch.ones(2), reach_px=3), torch.full((2, 1, 3, 2), 7.0)
    )


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
def test_fading_agrees_with_torchvision(images, amount):
    judge = torchvision_functional.adjust_saturation(images / 255, 1 - amount) * 255
    # Its weights of grey have four digits; they sum to 0.9999.
    torch.testing.assert_close(fade(images, torch.full((5,), amount)), judge, rtol=0, atol=0.06)


def test_fading_stays_within_its_range_and_grey_stays_grey(images):
    out = recolor(images, per_item(1, np.arange(5)), with_only(fade=0.5))
    spread, before = (x.amax(1) - x.amin(1) for x in (out, images))
    ratio = spread / before
    assert (ratio > 0.499).all()
    assert (ratio < 1.001).all()
    grey = images[:, :1]
    assert recolor(grey, per_item(1, np.arange(5)), with_only(fade=1.0)) is grey


def test_color_shifts_are_one_number_per_channel_within_their_range():
    images = torch.full((300, 3, 2, 2), 128.0)
    out = recolor(images, per_item(4, np.arange(300)), with_only(color_shift=0.2)) - images
    assert (out.amax((2, 3)) == out.amin((2, 3))).all()
    shifts = out[:, :, 0, 0] / 255
    assert shifts.abs().max() <= 0.2
    assert shifts.abs().max() > 0.195
    assert np.abs(np.corrcoef(shifts.T.numpy()) - np.eye(3)).max() < 0.15


def test_axes_are_those_of_the_covariance():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3, 9, 7), dtype=np.uint8)
    pixels[:, 1] = pixels[:, 0] // 2 + pixels[:, 1] // 3
    axes = color_axes(pixels)
    flat = pixels.transpose(1, 0, 2, 3).reshape(3, -1) / 255
    deviations = flat - flat.mean(axis=1, keepdims=True)
    covariance = deviations @ deviations.T / (flat.shape[1] - 1)
    for direction, spread in zip(axes.directions, axes.spreads, strict=True):
        np.testing.assert_allclose(covariance @ direction, spread**2 * np.array(direction), atol=1e-12)
    assert list(axes.spreads) == sorted(axes.spreads, reverse=True)
    np.testing.assert_allclose(np.array(axes.directions) @ np.array(axes.directions).T, np.eye(3), atol=1e-12)


def test_pca_colors_agree_with_the_textbook(images):
    """Krizhevsky et al. 2012: to each pixel add [p1 p2 p3] [a1 l1, a2 l2, a3 l3]^T, with l the spreads."""
    alphas = np.random.default_rng(1).normal(0, 0.1, (5, 3))
    axes = color_axes(images.to(torch.uint8).numpy())
    p = np.array(axes.directions).T  # columns are eigenvectors
    expected = np.stack([p @ (alpha * np.array(axes.spreads)) for alpha in alphas])
    np.testing.assert_allclose(pca_shift(torch.tensor(alphas).float(), axes), expected, atol=1e-6)


def test_pca_draws_spread_along_the_axes_as_asked():
    rows = np.arange(4000)
    images = torch.full((4000, 3, 1, 1), 128.0)
    shifts = (recolor(images, per_item(2, rows), with_only(pca_color=0.3)) - images)[:, :, 0, 0].numpy() / 255
    along = shifts @ np.array(IMAGENET_AXES.directions).T
    np.testing.assert_allclose(along.std(axis=0), 0.3 * np.array(IMAGENET_AXES.spreads), rtol=0.05)
    one = ColorAxes(directions=((1, 0, 0), (0, 1, 0), (0, 0, 1)), spreads=(0.1, 0.0, 0.0))
    out = recolor(images, per_item(2, rows), with_only(pca_color=0.3), one) - images
    assert out[:, 0].std() > 5
    assert not out[:, 1:].any()


def test_pixels_stay_pixels_and_finite(images):
    options = with_only(light=0.9, fade=1.0, color_shift=0.5, pca_color=2.0, blur_px=10.0)
    out = recolor(images, per_item(0, np.arange(5)), options)
    assert out.isfinite().all()
    assert out.min() >= 0
    assert out.max() <= 255


def test_gaussian_draws_are_normal_and_bounded():
    scores = gaussian(np.random.default_rng(0).random(100_000))
    assert abs(scores.mean()) < 0.02
    assert abs(scores.std() - 1) < 0.02
    ends = gaussian(np.array([0.0, 1 - 2.0**-53]))
    assert ends.tolist() == [-LARGEST_SCORE, LARGEST_SCORE]
