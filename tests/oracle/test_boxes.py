"""Boxes against torchvision: corners, IoU, suppression; the loss of a localisation against torch's gradient."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import ops

from rumbo.reference import boxes as ref

SEEDS = st.integers(0, 2**32)


def agree(ours, torchs):
    np.testing.assert_allclose(ours, torchs, rtol=1e-9, atol=1e-13)


def random_boxes(rng, n):
    """Many overlap, some lie inside others, some are equal."""
    boxes = np.column_stack([rng.uniform(0, 1, (n, 2)), rng.uniform(0.05, 0.8, (n, 2))])
    copies = rng.integers(0, max(n, 1), n // 3)
    boxes[: n // 3] = boxes[copies]
    return boxes


@given(SEEDS, st.integers(0, 12), st.integers(0, 12))
def test_iou_agrees_with_torchvision(seed, n, k):
    rng = np.random.default_rng(seed)
    P, Q = ref.corners(random_boxes(rng, n)), ref.corners(random_boxes(rng, k))
    agree(ref.iou(P, Q), ops.box_iou(torch.tensor(P), torch.tensor(Q)))
    agree(ref.area(P), ops.box_area(torch.tensor(P)))


@given(SEEDS, st.integers(1, 12))
def test_corners_and_middles_agree_with_torchvision(seed, n):
    boxes = random_boxes(np.random.default_rng(seed), n)
    x_y_w_h = torch.tensor(boxes[:, [0, 1, 3, 2]])
    agree(ref.corners(boxes), ops.box_convert(x_y_w_h, "cxcywh", "xyxy"))
    agree(ref.middles(ref.corners(boxes)), boxes)


@given(SEEDS, st.integers(0, 30), st.floats(0.01, 0.99), st.floats(0, 1))
def test_suppression_agrees_with_torchvision(seed, n, most, least):
    rng = np.random.default_rng(seed)
    corners, p_c = ref.corners(random_boxes(rng, n)), rng.uniform(0, 1, n)
    sure = np.flatnonzero(p_c >= least)
    kept = ops.nms(torch.tensor(corners[sure]), torch.tensor(p_c[sure]), most)
    assert ref.non_max_suppression(corners, p_c, least, most).tolist() == sure[kept.numpy()].tolist()


@given(SEEDS, st.integers(0, 30), st.floats(0.01, 0.99), st.integers(1, 4))
def test_suppression_per_class_agrees_with_torchvision(seed, n, most, num_classes):
    rng = np.random.default_rng(seed)
    corners, p_c, classes = ref.corners(random_boxes(rng, n)), rng.uniform(0, 1, n), rng.integers(0, num_classes, n)
    kept = ops.batched_nms(torch.tensor(corners), torch.tensor(p_c), torch.tensor(classes), most)
    assert ref.non_max_suppression_per_class(corners, p_c, classes, 0.0, most).tolist() == kept.tolist()


def test_an_overlap_of_exactly_the_threshold_is_discarded_here_and_kept_by_torchvision():
    corners, p_c = np.array([[0.0, 0, 1, 2], [0, 0, 1, 1]]), np.array([0.9, 0.8])
    assert ref.iou(corners, corners)[0, 1] == 0.5
    assert ref.non_max_suppression(corners, p_c).tolist() == [0]
    assert ops.nms(torch.tensor(corners), torch.tensor(p_c), 0.5).tolist() == [0, 1]


@given(SEEDS, st.integers(1, 5), st.integers(1, 3), st.integers(1, 4))
def test_the_loss_of_a_localisation_and_its_gradient_agree_with_torch(seed, grid, num_anchors, num_classes):
    rng = np.random.default_rng(seed)
    shape = (grid, grid, num_anchors, 5 + num_classes)
    yhat, y = rng.normal(size=shape), rng.normal(size=shape)
    y[..., 0] = rng.integers(0, 2, shape[:-1])
    prediction, target = torch.tensor(yhat, requires_grad=True), torch.tensor(y)
    squares = (prediction - target) ** 2
    loss = torch.where(target[..., 0] == 1, squares.sum(-1), squares[..., 0]).sum()
    loss.backward()
    agree(ref.localization_loss(yhat, y), loss.item())
    agree(ref.localization_loss_gradient(yhat, y), prediction.grad)
