"""Laws of YOLO's grid and of its anchors."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rumbo.reference import boxes as ref

SEEDS = st.integers(0, 2**32)


def random_objects(rng, n, num_classes):
    boxes = np.column_stack([rng.uniform(0, 1, (n, 2)), rng.uniform(0.01, 1, (n, 2))])
    return boxes, rng.integers(0, num_classes, n)


def in_order(boxes, classes):
    rows = np.column_stack([boxes, classes])
    return rows[np.lexsort(rows.T)]


def apart(cells):
    return len(np.unique(cells, axis=0)) == len(cells)


@given(SEEDS, st.integers(0, 6), st.integers(1, 19), st.integers(1, 5))
def test_decoding_gives_back_what_was_encoded(seed, n, grid, num_classes):
    boxes, classes = random_objects(np.random.default_rng(seed), n, num_classes)
    assume(apart((boxes[:, :2] * grid).astype(int)))
    y = ref.yolo_encode(boxes, classes, grid, num_classes)
    found = ref.yolo_decode(y)
    assert y.shape == (grid, grid, 5 + num_classes)
    np.testing.assert_allclose(in_order(found.boxes, found.classes), in_order(boxes, classes), rtol=1e-12, atol=1e-14)
    assert (found.p_c == 1).all()
    np.testing.assert_array_equal(ref.yolo_encode(found.boxes, found.classes, grid, num_classes).round(9), y.round(9))


@given(SEEDS, st.integers(0, 8), st.integers(1, 19), st.integers(1, 5), st.integers(1, 5))
def test_decoding_gives_back_what_was_encoded_with_anchors(seed, n, grid, num_classes, num_anchors):
    rng = np.random.default_rng(seed)
    boxes, classes = random_objects(rng, n, num_classes)
    anchors = rng.uniform(0.05, 1, (num_anchors, 2))
    best = ref.iou_of_shapes(boxes[:, 2:], anchors).argmax(axis=1)
    assume(apart(np.column_stack([(boxes[:, :2] * grid).astype(int), best])))
    y = ref.yolo_encode_anchors(boxes, classes, grid, num_classes, anchors)
    found = ref.yolo_decode(y)
    assert y.shape == (grid, grid, num_anchors, 5 + num_classes)
    np.testing.assert_allclose(in_order(found.boxes, found.classes), in_order(boxes, classes), rtol=1e-12, atol=1e-14)


def test_the_shapes_of_the_notes():
    boxes, classes = np.array([[0.5, 0.85, 0.2, 0.5]]), np.array([1])
    two, five = np.array([[0.6, 0.2], [0.2, 0.5]]), np.linspace(0.1, 0.9, 10).reshape(5, 2)
    y = ref.yolo_encode_anchors(boxes, classes, 3, 3, two)
    assert ref.yolo_encode(boxes, classes, 3, 3).shape == (3, 3, 8)
    assert y.shape == (3, 3, 2, 8)
    assert ref.yolo_encode_anchors(boxes, classes, 19, 3, five).reshape(19, 19, -1).shape == (19, 19, 40)
    # A wide car low in the middle: the second anchor of that cell holds it, the first says "nothing here".
    cell = y[2, 1].ravel()
    np.testing.assert_allclose(cell, [0, 0, 0, 0, 0, 0, 0, 0, 1, 0.5, 0.55, 0.6, 1.5, 0, 1, 0])
    assert y[..., 0].sum() == 1


@given(SEEDS, st.integers(1, 19))
def test_a_cell_says_where_inside_itself_the_middle_lies(seed, grid):
    boxes, classes = random_objects(np.random.default_rng(seed), 1, 1)
    y = ref.yolo_encode(boxes, classes, grid, 1)
    ((row, column),) = np.argwhere(y[..., 0])
    _, b_x, b_y, b_h, b_w, _ = y[row, column]
    assert 0 <= b_x <= 1
    assert 0 <= b_y <= 1
    assert column / grid <= boxes[0, 0] <= (column + 1) / grid
    assert row / grid <= boxes[0, 1] <= (row + 1) / grid
    np.testing.assert_allclose([b_h / grid, b_w / grid], boxes[0, 2:])


def test_a_middle_on_the_far_edge_belongs_to_the_last_cell():
    y = ref.yolo_encode(np.array([[1.0, 1.0, 0.2, 0.2]]), np.array([0]), 4, 2)
    assert y[3, 3, :3].tolist() == [1, 1, 1]


def test_two_objects_of_one_cell_need_two_anchors():
    boxes, classes = np.array([[0.5, 0.5, 0.8, 0.2], [0.52, 0.5, 0.2, 0.8]]), np.array([0, 1])
    with pytest.raises(ValueError, match="anchor 0 of the cell in row 1, column 1"):
        ref.yolo_encode(boxes, classes, 3, 3)
    y = ref.yolo_encode_anchors(boxes, classes, 3, 3, np.array([[0.9, 0.3], [0.3, 0.9]]))
    assert y[1, 1, :, 0].tolist() == [1, 1]
    with pytest.raises(ValueError, match="anchor 1"):
        ref.yolo_encode_anchors(boxes[[1, 1]], classes, 3, 3, np.array([[0.9, 0.3], [0.3, 0.9]]))


def test_the_prediction_leaves_out_the_unsure_and_keeps_one_of_each_object():
    # Two neighbouring cells saw the same car, a third a pedestrian on top of it; one is just sure enough, one is not.
    y = np.zeros((3, 3, 7))
    y[1, 1] = 0.7, 0.9, 0.5, 1.0, 1.5, 0.1, 0.9
    y[1, 2] = 0.9, 0.0, 0.5, 1.0, 1.5, 0.2, 0.8
    y[0, 2] = 0.8, 0.0, 1.4, 1.0, 1.4, 0.9, 0.1
    y[0, 0] = 0.6, 0.5, 0.5, 1.0, 1.0, 0.9, 0.1
    y[2, 0] = 0.59, 0.5, 0.5, 1.0, 1.0, 0.9, 0.1
    found = ref.yolo_predict(y)
    assert found.p_c.tolist() == [0.9, 0.8, 0.6]
    assert found.classes.tolist() == [1, 0, 0]
    np.testing.assert_allclose(found.boxes[0], [2 / 3, 0.5, 1 / 3, 0.5])


@given(SEEDS, st.integers(1, 30), st.floats(0.05, 0.95))
def test_what_is_kept_hardly_overlaps_and_what_is_not_overlaps_something_surer(seed, n, most):
    rng = np.random.default_rng(seed)
    boxes, p_c = random_objects(rng, n, 1)[0], rng.uniform(0.6, 1, n)
    corners = ref.corners(boxes)
    kept = ref.non_max_suppression(corners, p_c, 0.6, most)
    overlaps = ref.iou(corners, corners)
    assert (np.triu(overlaps[np.ix_(kept, kept)], 1) < most).all()
    assert np.diff(p_c[kept]).max(initial=-1) <= 0
    for i in np.setdiff1d(np.arange(n), kept):
        assert max(p_c[k] for k in kept if overlaps[i, k] >= most) >= p_c[i]


@given(SEEDS, st.integers(1, 60), st.integers(1, 6))
def test_no_step_of_kmeans_lowers_the_mean_iou(seed, n, k):
    rng = np.random.default_rng(seed)
    shapes = rng.uniform(0.01, 1, (n, 2)) ** rng.uniform(0.5, 4)
    anchors = shapes[rng.integers(0, n, k)]
    fits = [ref.mean_iou(shapes, anchors)]
    for _ in range(10):
        anchors = ref.kmeans_step(shapes, anchors)
        fits.append(ref.mean_iou(shapes, anchors))
    assert np.diff(fits).min() >= -1e-12


def test_a_mean_that_fits_worse_is_refused():
    """Of the shapes 1, 1, 1 and 9 wide the mean is 3: IoU 1/3 for all; the anchor that fits three of them stays."""
    shapes = np.array([[1.0, 1], [1, 1], [1, 1], [1, 9]])
    assert ref.kmeans_step(shapes, np.array([[1.0, 1.0]])).tolist() == [[1, 1]]


@pytest.mark.parametrize("seed", range(20))
def test_planted_shapes_are_found(seed):
    rng = np.random.default_rng(seed)
    planted = np.array([[0.05, 0.05], [0.5, 0.15], [0.15, 0.5], [0.45, 0.5], [0.95, 0.9]])
    shapes = planted[rng.integers(0, 5, 400)] * rng.uniform(0.95, 1.05, (400, 2))
    anchors = ref.anchors_by_kmeans(shapes, 5, rng)
    assert np.diff(anchors.prod(axis=1)).min() > 0
    best = ref.iou_of_shapes(planted, anchors).argmax(axis=1)
    assert sorted(best) == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(anchors[best], planted, rtol=0.02)
    assert ref.mean_iou(shapes, anchors) > 0.94


@given(SEEDS, st.integers(1, 8))
def test_first_anchors_are_different_shapes(seed, k):
    rng = np.random.default_rng(seed)
    shapes = np.repeat(rng.uniform(0.1, 1, (k, 2)), rng.integers(1, 5, k), axis=0)
    anchors = ref.first_anchors(shapes, k, rng)
    np.testing.assert_array_equal(np.unique(anchors, axis=0), np.unique(shapes, axis=0))
    assert len(anchors) == k


def test_first_anchors_are_drawn_by_squared_distance():
    """Each order of three out of four widths, as often as its chance: products of d^2 / sum d^2, d to the nearest."""
    widths, draws, rng = (0.1, 0.2, 0.5, 0.9), 6000, np.random.default_rng(0)

    def squared_distance(i, drawn):
        return min(1 - min(widths[i], widths[j]) / max(widths[i], widths[j]) for j in drawn) ** 2

    def chance(order):
        p = 1 / len(widths)
        for n in range(1, len(order)):
            p *= squared_distance(order[n], order[:n]) / sum(squared_distance(i, order[:n]) for i in range(4))
        return p

    shapes = np.array([[1.0, width] for width in widths])
    drawn = Counter(tuple(widths.index(w) for w in ref.first_anchors(shapes, 3, rng)[:, 1]) for _ in range(draws))
    expected = {order: draws * chance(order) for order in permutations(range(4), 3)}
    assert sum(expected.values()) == pytest.approx(draws)
    chi_squared = sum((drawn[order] - n) ** 2 / n for order, n in expected.items())
    assert chi_squared < 49.7, "23 degrees of freedom: larger once in a thousand"


def test_more_anchors_than_different_shapes():
    shapes = np.array([[1.0, 2], [1, 2], [3, 1]])
    anchors = ref.anchors_by_kmeans(shapes, 2, np.random.default_rng(0))
    assert anchors.tolist() == [[1, 2], [3, 1]]
    with pytest.raises(ValueError, match="3 anchors, but only 2 different shapes"):
        ref.anchors_by_kmeans(shapes, 3, np.random.default_rng(0))
