"""Laws of moving: annotations go where the pixels go, whatever is drawn; nothing asked for changes no bit."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from rumbo.core.seeds import stream
from rumbo.data.augmentation.annotations import area, clip, move_box_rows, move_boxes, move_landmarks, move_masks
from rumbo.data.augmentation.draws import per_item
from rumbo.data.augmentation.geometry import CROP_ASPECT, Geometry, draw_crops, draw_geometry
from rumbo.data.augmentation.pictures import augment
from rumbo.data.augmentation.warp import NUM_WAVES, STEEPEST, draw_waves
from rumbo.data.options import AugmentOptions

STILL = AugmentOptions(flip="no", shift_fraction=0, zoom=0, rotate_degrees=0, light=0)
EVERYTHING = AugmentOptions(
    crop_area=0.4, shear_degrees=15, shrink=0.2, warp_fraction=0.05, blur_px=1, fade=0.5, color_shift=0.1, pca_color=0.3
)
ROWS = np.arange(6)

moving = st.builds(
    AugmentOptions,
    flip=st.just("no"),
    light=st.just(0.0),
    shift_fraction=st.floats(0, 0.2),
    zoom=st.floats(0, 0.3),
    rotate_degrees=st.floats(0, 180),
    shear_degrees=st.floats(0, 35),
    shrink=st.floats(0, 0.3),
    warp_fraction=st.floats(0, 0.12),
    crop_area=st.floats(0.5, 1),
)
straight = st.builds(
    AugmentOptions,
    flip=st.just("no"),
    light=st.just(0.0),
    shift_fraction=st.floats(0, 0.2),
    zoom=st.floats(0, 0.3),
    rotate_degrees=st.just(0.0),
    shrink=st.floats(0, 0.3),
    crop_area=st.floats(0.5, 1),
)
sizes = st.tuples(st.integers(60, 90), st.integers(60, 90))
seeds = st.integers(0, 2**32)


def drawn(options: AugmentOptions, seed: int, size: tuple[int, int], *, flip: bool, num_items: int = 6) -> Geometry:
    return draw_geometry(
        per_item(seed, np.arange(num_items)), options, height=size[0], width=size[1], flip=flip
    )  # fmt: skip


def centers(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    return y, x


def rectangle(size: tuple[int, int], box: np.ndarray) -> np.ndarray:
    y, x = centers(size)
    return ((x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])).astype(np.uint8)


@given(moving, seeds, sizes, st.floats(0.2, 0.8), st.floats(0.2, 0.8), st.booleans())
def test_a_blob_is_where_its_point_says(options, seed, size, down, across, flip):
    geometry = drawn(options, seed, size, flip=flip)
    place = np.array([across * size[1], down * size[0]])
    y, x = centers(size)
    blob = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * 2.0**2)).astype(np.float32)
    moved = geometry.sample(torch.from_numpy(np.tile(blob, (6, 1, 1, 1))), mode="bilinear", padding="zeros")
    points, _ = move_landmarks(geometry, np.tile(place, (6, 1, 1)))
    margin = 12
    seen = [
        (image, point)
        for image, point in zip(moved[:, 0].numpy(), points[:, 0], strict=True)
        if (point > margin).all() and (point < [size[1] - margin, size[0] - margin]).all()
    ]
    assume(seen)
    for image, point in seen:
        weights = image**2 / (image**2).sum()
        assert abs((weights * x).sum() - point[0]) < 1
        assert abs((weights * y).sum() - point[1]) < 1


@given(straight, seeds, sizes, st.booleans())
def test_a_box_that_stays_upright_is_the_frame_of_its_pixels(options, seed, size, flip):
    geometry = drawn(options, seed, size, flip=flip)
    assert geometry.keeps_axes
    box = np.array([0.3 * size[1], 0.25 * size[0], 0.6 * size[1], 0.8 * size[0]])
    moved = move_boxes(geometry, np.tile(box, (6, 1)), ROWS)
    masks = move_masks(geometry, np.tile(rectangle(size, box), (6, 1, 1)), border=0)
    for mask, corners, left in zip(masks, moved.boxes, moved.left, strict=True):
        assert (mask.sum() > 0) or left < 0.2
        if left == 0:
            assert np.isnan(corners).all()
        elif mask.any():
            rows, columns = np.nonzero(mask)
            frame = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            # The rectangle was rounded to pixels before it was enlarged by up to 2 * 1.4.
            np.testing.assert_allclose(corners, frame, atol=3)


@given(moving, seeds, sizes, st.booleans())
def test_a_box_holds_its_object_and_touches_it(options, seed, size, flip):
    geometry = drawn(options, seed, size, flip=flip)
    box = np.array([0.3 * size[1], 0.25 * size[0], 0.7 * size[1], 0.8 * size[0]])
    moved = move_boxes(geometry, np.tile(box, (6, 1)), ROWS)
    # The judge is the way back: an output place is in the object where its original place is in the box.
    fine = Geometry(
        height=4 * size[0], width=4 * size[1], mirrored=geometry.mirrored, theta=geometry.theta, waves=geometry.waves
    )
    masks = move_masks(fine, np.tile(rectangle(fine_size(size), 4 * box), (6, 1, 1)), border=0)
    for mask, corners, left in zip(masks, moved.boxes, moved.left, strict=True):
        rows, columns = np.nonzero(mask)
        if left == 0:
            assert len(rows) == 0
        elif left > 0.3:
            frame = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / 4
            np.testing.assert_allclose(corners, frame, atol=2.5)
            assert 0 <= corners[0] <= corners[2] <= size[1]
            assert 0 <= corners[1] <= corners[3] <= size[0]


def fine_size(size: tuple[int, int]) -> tuple[int, int]:
    return 4 * size[0], 4 * size[1]


@given(moving, seeds, sizes, st.booleans())
def test_polygons_go_with_the_mask_and_give_a_tighter_box(options, seed, size, flip):
    geometry = drawn(options, seed, size, flip=flip)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    middle, reach = np.array(size[::-1]) / 2, np.array(size[::-1]) * 0.28
    disc = middle + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    box = np.array([*disc.min(axis=0), *disc.max(axis=0)])
    y, x = centers(size)
    mask = (((x - middle[0]) / reach[0]) ** 2 + ((y - middle[1]) / reach[1]) ** 2 <= 1).astype(np.uint8)
    masks = move_masks(geometry, np.tile(mask, (6, 1, 1)), border=0)
    moved = move_boxes(geometry, np.tile(box, (6, 1)), ROWS, [[disc]] * 6)
    plain = move_boxes(geometry, np.tile(box, (6, 1)), ROWS)
    for item in range(6):
        canvas = Image.new("L", size[::-1])
        for polygon in moved.polygons[item]:
            ImageDraw.Draw(canvas).polygon([(px - 0.5, py - 0.5) for px, py in polygon], fill=1)
        painted, expected = np.asarray(canvas) > 0, masks[item] > 0
        if expected.sum() > 400:
            assert (painted & expected).sum() / (painted | expected).sum() > 0.88
            width, height = moved.boxes[item][2:] - moved.boxes[item][:2]
            plain_width, plain_height = plain.boxes[item][2:] - plain.boxes[item][:2]
            assert width <= plain_width + 0.5
            assert height <= plain_height + 0.5


@given(moving, seeds, sizes, st.booleans())
def test_masks_are_the_moved_picture_at_its_threshold(options, seed, size, flip):
    geometry = drawn(options, seed, size, flip=flip)
    mask = np.random.default_rng(seed).integers(0, 2, (6, *(side // 6 for side in size))).repeat(6, 1).repeat(6, 2)
    assume(mask.shape[1:] == size or True)
    geometry = drawn(options, seed, mask.shape[1:], flip=flip)
    moved = move_masks(geometry, mask.astype(np.uint8), border=7)
    image = geometry.sample(torch.from_numpy(mask[:, None]).float(), mode="bilinear", padding="border")[:, 0].numpy()
    inside = moved != 7
    # Where all four neighbors agree, the nearest one does as well.
    assert (moved[inside & (image > 0.999)] == 1).all()
    assert (moved[inside & (image < 0.001)] == 0).all()
    assert set(np.unique(moved)) <= {0, 1, 7}


@settings(max_examples=25)
@given(seeds, st.integers(1, 40), st.integers(1, 40))
def test_mirroring_twice_gives_the_same_bits(seed, height, width):
    images = torch.rand(8, 3, height, width, generator=torch.Generator().manual_seed(seed % 1000)) * 255
    rows = np.arange(8)
    once = augment(images, rows, seed, STILL, flip=True)
    assert torch.equal(augment(once, rows, seed, STILL, flip=True), images)
    geometry = draw_geometry(per_item(seed, rows), STILL, height=height, width=width, flip=True)
    points = np.random.default_rng(seed).integers(0, 40, (8, 5, 2)).astype(float)
    there, _ = move_landmarks(geometry, points)
    np.testing.assert_array_equal(move_landmarks(geometry, there)[0], points)
    masks = np.random.default_rng(seed).integers(0, 300, (8, height, width)).astype(np.uint16)
    np.testing.assert_array_equal(
        move_masks(geometry, move_masks(geometry, masks, border=0), border=0), masks
    )  # fmt: skip


@given(seeds)
def test_with_all_ranges_at_0_no_bit_changes(seed):
    images = torch.rand(3, 3, 7, 9) * 255
    assert augment(images, np.arange(3), seed, STILL, flip=False) is images
    geometry = draw_geometry(per_item(seed, np.arange(3)), STILL, height=7, width=9, flip=False)
    points = np.random.default_rng(0).random((3, 4, 2)) * 7
    points[0, 0] = np.nan
    np.testing.assert_array_equal(move_landmarks(geometry, points)[0], points)
    box = {"class": "a", "x1": 0.1, "y1": 0.7, "x2": 3.3, "y2": 6.9, "polygons": [[0.1, 0.7, 3.3, 1.0, 2.0, 6.9]]}
    assert move_box_rows(geometry, [[box], [], [box]], keep_fraction=1.0) == [[box], [], [box]]
    masks = np.random.default_rng(0).integers(0, 60000, (3, 7, 9)).astype(np.uint16)
    np.testing.assert_array_equal(move_masks(geometry, masks, border=0), masks)


@settings(max_examples=20)
@given(seeds, st.permutations(range(10)), st.integers(1, 10))
def test_a_picture_is_changed_alike_in_any_company_and_order(seed, order, count):
    images = torch.rand(10, 3, 16, 20, generator=torch.Generator().manual_seed(1)) * 255
    whole = augment(images, np.arange(10), seed, EVERYTHING, flip=True)
    rows = np.array(order[:count])
    part = augment(images[rows], rows, seed, EVERYTHING, flip=True)
    torch.testing.assert_close(part, whole[rows], rtol=0, atol=2e-3)


def test_each_purpose_has_draws_of_its_own():
    """A new operation changes nothing about the others."""
    rows = np.arange(50)
    plain = drawn(AugmentOptions(), 3, (20, 30), flip=True, num_items=50)
    more = drawn(AugmentOptions(crop_area=0.5, warp_fraction=0.05), 3, (20, 30), flip=True, num_items=50)
    np.testing.assert_array_equal(plain.mirrored, more.mirrored)
    purposes = [per_item(3, rows)(purpose, 1)[:, 0] for purpose in ("crop", "shear", "warp", "fade")]
    correlations = np.corrcoef(purposes) - np.eye(4)
    assert np.abs(correlations).max() < 0.45
    assert not np.allclose(per_item(stream(0, "augment", 1), rows)("crop", 1), per_item(3, rows)("crop", 1))


@given(st.floats(0.05, 1), seeds, st.integers(8, 400), st.integers(8, 400))
def test_crops_keep_to_their_area_and_aspect(crop_area, seed, height, width):
    sizes = np.tile([height, width], (50, 1))
    left, top, right, bottom = draw_crops(per_item(seed, np.arange(50)), crop_area, sizes).T
    wide, high = right - left, bottom - top
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (right <= width + 1e-9).all()
    assert (bottom <= height + 1e-9).all()
    assert (wide * high <= height * width * (1 + 1e-9)).all()
    free = (wide < width - 1e-9) & (high < height - 1e-9)
    assert (wide * high >= crop_area * height * width * (1 - 1e-9))[free].all()
    assert (np.abs(np.log(wide / high)) <= np.log(CROP_ASPECT) + 1e-9)[free].all()


def test_crops_use_their_whole_range():
    left, top, right, bottom = draw_crops(per_item(1, np.arange(2000)), 0.08, np.tile([100, 100], (2000, 1))).T
    areas = (right - left) * (bottom - top) / 1e4
    assert areas.min() < 0.1
    assert areas.max() > 0.93
    assert abs(areas.mean() - 0.54) < 0.03
    np.testing.assert_allclose([((left + right) / 2).mean(), ((top + bottom) / 2).mean()], 50, atol=1.5)


def test_a_crop_fills_the_frame():
    options = dataclasses.replace(STILL, crop_area=0.3)
    parts = draw_crops(per_item(4, np.arange(100)), 0.3, np.tile([50, 80], (100, 1)))
    geometry = drawn(options, 4, (50, 80), flip=False, num_items=100)
    moved, _ = move_landmarks(geometry, parts.reshape(100, 2, 2))
    np.testing.assert_allclose(moved, np.tile([[0.0, 0.0], [80.0, 50.0]], (100, 1, 1)), atol=1e-3)


def test_a_shear_slants_by_its_angle_and_a_shrink_reduces_by_its_part():
    sheared = drawn(dataclasses.replace(STILL, shear_degrees=30.0), 4, (50, 80), flip=False, num_items=300)
    ends = np.tile([[40.0, 0.0], [40.0, 50.0], [30.0, 25.0]], (300, 1, 1))
    moved, _ = move_landmarks(sheared, ends)
    slants = np.degrees(np.arctan((moved[:, 1, 0] - moved[:, 0, 0]) / 50))
    assert -30.01 < slants.min() < -28
    assert 28 < slants.max() < 30.01
    np.testing.assert_allclose(moved[:, :, 1], ends[:, :, 1], atol=1e-4)  # rows stay rows
    np.testing.assert_allclose(moved[:, 2], ends[:, 2], atol=1e-4)  # and the middle stays
    shrunk = drawn(dataclasses.replace(STILL, shrink=0.4), 4, (50, 80), flip=False, num_items=300)
    moved, _ = move_landmarks(shrunk, ends)
    shares = (moved[:, 1, 1] - moved[:, 0, 1]) / 50
    assert 0.6 - 1e-4 <= shares.min() < 0.62
    assert 0.98 < shares.max() <= 1 + 1e-4


def test_a_warp_stays_within_its_bound_and_the_border_stays():
    geometry = drawn(dataclasses.replace(STILL, warp_fraction=0.12), 4, (60, 80), flip=False, num_items=50)
    y, x = np.mgrid[0:61:5, 0:81:5].astype(float)
    grid = np.tile(np.stack([x.ravel(), y.ravel()], axis=1), (50, 1, 1))
    moved, _ = move_landmarks(geometry, grid)
    shift = np.abs(moved - grid)
    assert (shift <= [0.12 * 80 + 1e-6, 0.12 * 60 + 1e-6]).all()
    assert shift.max() > 4
    border = (x.ravel() % 80 == 0) | (y.ravel() % 60 == 0)
    assert (shift[:, border].min(axis=2) < 1e-4).all()
    steps = np.diff(moved.reshape(50, *x.shape, 2)[..., 0], axis=2)
    assert (steps > 0).all()  # nothing folds: what was to the right still is


def test_a_warp_is_nowhere_too_steep_to_be_undone():
    """The bound is computed wave by wave; where it was reached, waves were lowered."""
    waves = draw_waves(per_item(4, np.arange(5000)), 0.12).abs()
    orders = torch.arange(1, NUM_WAVES + 1)
    slopes = np.pi * (waves * torch.maximum(orders[:, None], orders)).sum(dim=(2, 3))
    assert slopes.max() <= STEEPEST + 1e-5
    assert (slopes > STEEPEST - 1e-5).any()
    assert waves.sum(dim=(2, 3)).max() <= 0.12 + 1e-6
    assert waves.sum(dim=(2, 3)).median() > 0.09
    gentle = draw_waves(per_item(4, np.arange(100)), 0.05).abs().sum(dim=(2, 3))
    torch.testing.assert_close(gentle, torch.full((100, 2), 0.05))


def test_a_box_that_leaves_is_dropped_and_a_cut_one_says_so():
    geometry = drawn(dataclasses.replace(STILL, shift_fraction=0.5), 8, (100, 100), flip=False, num_items=200)
    box = {"class": "a", "x1": 2.0, "y1": 2.0, "x2": 22.0, "y2": 42.0, "truncated": False, "polygons": None}
    moved = move_box_rows(geometry, [[box]] * 200, keep_fraction=0.5)
    corners, _ = move_landmarks(geometry, np.tile([[2.0, 2.0], [22.0, 42.0]], (200, 1, 1)))
    for boxes, ((x1, y1), (x2, y2)) in zip(moved, corners, strict=True):
        seen = max(0, min(x2, 100) - max(x1, 0)) * max(0, min(y2, 100) - max(y1, 0)) / 800
        assert len(boxes) == (seen >= 0.5)
        if boxes:
            expected = [max(x1, 0), max(y1, 0), min(x2, 100), min(y2, 100)]
            np.testing.assert_allclose([boxes[0][name] for name in ("x1", "y1", "x2", "y2")], expected, atol=1e-6)
            assert boxes[0]["truncated"] == (seen < 1 - 1e-9)
    assert {len(boxes) for boxes in moved} == {0, 1}
    assert box["x1"] == 2.0  # the original is not touched


def test_classes_with_sides_swap_in_a_mirror():
    geometry = drawn(STILL, 8, (10, 10), flip=True, num_items=40)
    box = {"class": "left_hand", "x1": 1.0, "y1": 2.0, "x2": 4.0, "y2": 5.0}
    swaps = {"left_hand": "right_hand", "right_hand": "left_hand"}
    moved = move_box_rows(geometry, [[box]] * 40, keep_fraction=0.1, swaps=swaps)
    assert [boxes[0]["class"] == "right_hand" for boxes in moved] == geometry.mirrored.tolist()
    masks = np.zeros((40, 10, 10), np.uint8)
    masks[:, :, :3] = 1
    masks[:, 0, 0] = 255
    changed = move_masks(geometry, masks, border=255, order=np.array([0, 2, 1]))
    for mask, is_mirrored in zip(changed, geometry.mirrored, strict=True):
        expected = np.where(masks[0] == 1, 2, masks[0])[:, ::-1] if is_mirrored else masks[0]
        np.testing.assert_array_equal(mask, expected)


@given(st.lists(st.tuples(st.floats(-20, 40), st.floats(-20, 40)), min_size=3, max_size=3))
def test_clipping_agrees_with_counting(corners):
    triangle = np.array(corners)
    inside = clip(triangle, 16.0, 12.0)
    assert ((inside >= -1e-9) & (inside <= [16 + 1e-9, 12 + 1e-9])).all()
    step = 0.1
    y, x = np.mgrid[step / 2 : 12 : step, step / 2 : 16 : step]
    ends = np.roll(triangle, -1, axis=0)
    sides = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in zip(triangle, ends, strict=True)]
    counted = (np.all([s >= 0 for s in sides], axis=0) | np.all([s <= 0 for s in sides], axis=0)).sum() * step**2
    assume(area(triangle) > 1e-6)
    assert area(inside) == pytest.approx(counted, abs=4.0 * step + 1.5)
