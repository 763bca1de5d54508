r"""Rectangles around objects: how well two agree, which of many to keep, and how YOLO writes them into its grid.

A box is a row. As a network learns it: (b_x, b_y, b_h, b_w), its middle, height and width, the picture going from
(0, 0), upper left, to (1, 1), lower right. As one measures it: corners (x_1, y_1, x_2, y_2).
"""

from typing import NamedTuple

import numpy as np

from rumbo.reference.arrays import Array, Integers


class Detections(NamedTuple):
    """n boxes (b_x, b_y, b_h, b_w) in the picture, their classes 0, 1, ..., and how sure each is, p_c."""

    boxes: Array
    classes: Integers
    p_c: Array


def corners(boxes: Array) -> Array:
    """(b_x, b_y, b_h, b_w) to (x_1, y_1, x_2, y_2).

    Source: Borghi, "Localización de objetos", for the four numbers; Paiolla §5.6.1.

    >>> corners(np.array([[0.5, 0.5, 0.2, 0.4]]))
    array([[0.3, 0.4, 0.7, 0.6]])
    """
    x, y, h, w = boxes.T
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)


def middles(corner_boxes: Array) -> Array:
    """(x_1, y_1, x_2, y_2) to (b_x, b_y, b_h, b_w).

    Source: the inverse of `corners`.
    """
    x1, y1, x2, y2 = corner_boxes.T
    return np.stack([(x1 + x2) / 2, (y1 + y2) / 2, y2 - y1, x2 - x1], axis=1)


def area(corner_boxes: Array) -> Array:
    """Width times height.

    Source: Borghi, "Intersección sobre unión (IoU)".
    """
    x1, y1, x2, y2 = corner_boxes.T
    return (x2 - x1) * (y2 - y1)


def intersection(P: Array, Q: Array) -> Array:
    """The area that each of n boxes shares with each of k others; corners; n x k.

    Source: Borghi, "Intersección sobre unión (IoU)"; Paiolla §5.6.4.
    """
    upper_left = np.maximum(P[:, None, :2], Q[None, :, :2])
    lower_right = np.minimum(P[:, None, 2:], Q[None, :, 2:])
    return np.maximum(lower_right - upper_left, 0).prod(axis=2)


def iou(P: Array, Q: Array) -> Array:
    """IoU = intersection / union of each of n boxes with each of k others; corners; n x k. 1 = equal, 0 = apart.

    Source: Paiolla §5.6.4, "Intersection over Union"; Borghi, "Intersección sobre unión (IoU)": 0.5 counts as right.

    >>> iou(np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).round(3)
    array([[1.   , 0.333, 0.   ]])
    """
    both = intersection(P, Q)
    return both / (area(P)[:, None] + area(Q)[None, :] - both)


def non_max_suppression(
    corner_boxes: Array, p_c: Array, least_p_c: float = 0.6, suppressing_iou: float = 0.5
) -> Integers:
    """Which boxes to keep, the surest first.

    Leave out p_c < 0.6; then, while boxes remain: keep the surest, and discard those whose IoU with it is 0.5 or more.

    Source: Borghi, "Salida del algoritmo non-max suppressed" and the section before "Anchor boxes"; Paiolla §5.6.4.

    >>> boxes = np.array([[0.0, 0, 2, 2], [0, 0, 2, 1.8], [5, 5, 6, 6], [8, 8, 9, 9]])
    >>> non_max_suppression(boxes, np.array([0.7, 0.9, 0.8, 0.5])).tolist()
    [1, 2]
    """
    kept: list[int] = []
    remaining = np.argsort(-p_c, kind="stable")
    remaining = remaining[p_c[remaining] >= least_p_c]
    while len(remaining) > 0:
        kept.append(int(remaining[0]))
        overlaps = iou(corner_boxes[remaining[:1]], corner_boxes[remaining])[0]
        overlaps[0] = np.inf
        remaining = remaining[overlaps < suppressing_iou]
    return np.array(kept, dtype=np.int64)


def non_max_suppression_per_class(
    corner_boxes: Array, p_c: Array, classes: Integers, least_p_c: float = 0.6, suppressing_iou: float = 0.5
) -> Integers:
    """A pedestrian never suppresses a car: each class by itself, then all that are kept, the surest first.

    Source: Borghi, "Salida del algoritmo non-max suppressed".
    """
    kept: list[int] = []
    for c in np.unique(classes):
        own = np.flatnonzero(classes == c)
        kept += own[non_max_suppression(corner_boxes[own], p_c[own], least_p_c, suppressing_iou)].tolist()
    together = np.array(sorted(kept), dtype=np.int64)
    return together[np.argsort(-p_c[together], kind="stable")]


def localization_loss(yhat: Array, y: Array) -> float:
    """sum_j (yhat_j - y_j)^2 where y_1 = p_c = 1; (yhat_1 - y_1)^2 where there is no object: the rest is "don't care".

    Both are (..., 5 + classes), p_c first; the sum is over all cells and anchors.

    Source: Borghi, "Localización de objetos"; Paiolla §5.6.1.

    >>> localization_loss(np.array([0.5, 0.9, 0.9, 0.9, 0.9, 1.0]), np.zeros(6))
    0.25
    """
    return float((_cared_for(y) * (yhat - y) ** 2).sum())


def localization_loss_gradient(yhat: Array, y: Array) -> Array:
    """dL/dyhat_j = 2 (yhat_j - y_j), and 0 for what nobody cares for.

    Source: the derivative of `localization_loss`.
    """
    return 2 * _cared_for(y) * (yhat - y)


def _cared_for(y: Array) -> Array:
    cared_for = np.broadcast_to(y[..., :1], y.shape).copy()
    cared_for[..., 0] = 1
    return cared_for


def yolo_encode(boxes: Array, classes: Integers, grid: int, num_classes: int) -> Array:
    """Objects as the target of a network: grid x grid x (5 + classes), each in the cell that its middle lies in.

    A cell holds (p_c, b_x, b_y, b_h, b_w, c_1 ... c_k). b_x and b_y lie in [0, 1], from the cell's upper left corner to
    its lower right; b_h and b_w are in sides of a cell, and may exceed 1. Rows of cells first: y[row, column].

    Source: Borghi, "Algoritmo YOLO" and "¿Cómo se codean los parámetros"; Paiolla §5.6.4 (which prints b_h, b_w as
    shares of the picture, and yet greater than 1: only sides of a cell can be).

    >>> y = yolo_encode(np.array([[0.5, 0.9, 0.2, 0.4]]), np.array([1]), grid=3, num_classes=3)
    >>> y.shape, y[2, 1].round(3).tolist()
    ((3, 3, 8), [1.0, 0.5, 0.7, 0.6, 1.2, 0.0, 1.0, 0.0])
    """
    return yolo_encode_anchors(boxes, classes, grid, num_classes, np.ones((1, 2)))[:, :, 0]


def yolo_encode_anchors(boxes: Array, classes: Integers, grid: int, num_classes: int, anchors: Array) -> Array:
    """The same with anchors (h, w): grid x grid x anchors x (5 + classes), each object at the anchor most like it.

    An anchor's h and w are shares of the picture's height and width, as those of `boxes`; not sides of a cell.
    3 x 3 x 2 x 8 = 3 x 3 x 16; 19 x 19 x 5 x 8 = 19 x 19 x 40 with the last two dimensions reshaped into one.

    Raises:
        ValueError: two objects want the same anchor of the same cell, which this code cannot tell apart.

    Source: Borghi, "Anchor boxes", "Juntando todo lo visto en el algoritmo YOLO"; Paiolla §5.6.4, "Anchor Boxes".
    """
    y = np.zeros((grid, grid, len(anchors), 5 + num_classes))
    best_anchor = iou_of_shapes(boxes[:, 2:], anchors).argmax(axis=1)
    for (b_x, b_y, b_h, b_w), c, anchor in zip(boxes, classes, best_anchor, strict=True):
        # A middle on the right or lower edge of the picture belongs to the last cell.
        column, row = min(int(b_x * grid), grid - 1), min(int(b_y * grid), grid - 1)
        if y[row, column, anchor, 0] == 1:
            raise ValueError(f"two objects want anchor {anchor} of the cell in row {row}, column {column}.")
        y[row, column, anchor, :5] = 1, b_x * grid - column, b_y * grid - row, b_h * grid, b_w * grid
        y[row, column, anchor, 5 + c] = 1
    return y


def yolo_decode(y: Array, least_p_c: float = 0.6) -> Detections:
    """What a network says, as boxes in the picture, where p_c is 0.6 or more; row by row of the grid.

    `y` is grid x grid x (5 + classes) or grid x grid x anchors x (5 + classes).

    Source: Borghi, "Predicciones": the equations of `yolo_encode`, solved for the box.

    >>> y = yolo_encode(np.array([[0.5, 0.9, 0.2, 0.4]]), np.array([1]), grid=3, num_classes=3)
    >>> yolo_decode(y).boxes.round(3).tolist()
    [[0.5, 0.9, 0.2, 0.4]]
    """
    grid = len(y)
    cells = y.reshape(grid, grid, -1, y.shape[-1])
    row, column, anchor = np.nonzero(cells[..., 0] >= least_p_c)
    p_c, b_x, b_y, b_h, b_w = cells[row, column, anchor, :5].T
    boxes = np.stack([(column + b_x) / grid, (row + b_y) / grid, b_h / grid, b_w / grid], axis=1)
    return Detections(boxes, cells[row, column, anchor, 5:].argmax(axis=1), p_c)


def yolo_predict(y: Array, least_p_c: float = 0.6, suppressing_iou: float = 0.5) -> Detections:
    """Decode, leave out the unsure, and suppress per class: what YOLO shows at last, the surest first.

    Source: Borghi, "Salida del algoritmo non-max suppressed".
    """
    found = yolo_decode(y, least_p_c)
    kept = non_max_suppression_per_class(corners(found.boxes), found.p_c, found.classes, least_p_c, suppressing_iou)
    return Detections(found.boxes[kept], found.classes[kept], found.p_c[kept])


def iou_of_shapes(shapes: Array, anchors: Array) -> Array:
    """IoU of heights and widths laid on one middle, n x 2 and k x 2 -> n x k.

    Source: Redmon & Farhadi 2016, arXiv:1612.08242, sec. 2, "Dimension Clusters".

    >>> iou_of_shapes(np.array([[2.0, 1]]), np.array([[1.0, 2], [2, 1]])).round(3)
    array([[0.333, 1.   ]])
    """
    both = np.minimum(shapes[:, None], anchors[None]).prod(axis=2)
    return both / (shapes.prod(axis=1)[:, None] + anchors.prod(axis=1)[None] - both)


def mean_iou(shapes: Array, anchors: Array) -> float:
    """How well the anchors fit: the IoU of each shape with the anchor most like it, averaged.

    Source: Redmon & Farhadi 2016, arXiv:1612.08242, table 1 ("Avg IOU").
    """
    return float(iou_of_shapes(shapes, anchors).max(axis=1).mean())


def kmeans_step(shapes: Array, anchors: Array) -> Array:
    """Each shape goes to the nearest anchor by the distance 1 - IoU; each anchor to the mean of its shapes.

    A mean need not be the shape with the largest IoU: an anchor stays where the mean would fit its shapes worse, so
    that no step lowers `mean_iou`. One without shapes stays too.

    Source: Redmon & Farhadi 2016, arXiv:1612.08242, sec. 2, "Dimension Clusters"; the refusal of worse means is ours.
    """
    nearest, moved = (1 - iou_of_shapes(shapes, anchors)).argmin(axis=1), anchors.copy()
    for k in np.unique(nearest):
        own = shapes[nearest == k]
        mean = own.mean(axis=0, keepdims=True)
        if mean_iou(own, mean) > mean_iou(own, anchors[k : k + 1]):
            moved[k] = mean[0]
    return moved


def first_anchors(shapes: Array, k: int, rng: np.random.Generator) -> Array:
    """k of the shapes, each drawn in proportion to its squared distance 1 - IoU from those drawn before it.

    Raises:
        ValueError: there are fewer than k different shapes.

    Source: k-means++, Arthur & Vassilvitskii 2007, sec. 2.2.
    """
    if k > (num_different := len(np.unique(shapes, axis=0))):
        raise ValueError(f"{k} anchors, but only {num_different} different shapes.")
    anchors = shapes[rng.integers(len(shapes), size=1)]
    while len(anchors) < k:
        distance = 1 - iou_of_shapes(shapes, anchors).max(axis=1)
        drawn = rng.choice(len(shapes), p=distance**2 / (distance**2).sum())
        anchors = np.concatenate([anchors, shapes[drawn : drawn + 1]])
    return anchors


def anchors_by_kmeans(shapes: Array, k: int, rng: np.random.Generator, restarts: int = 10) -> Array:
    """k anchors (h, w) that fit n shapes (h, w) best, the smallest first; the best of some random starts.

    Source: Redmon & Farhadi 2016, arXiv:1612.08242, sec. 2; that 5 to 10 anchors are usual: Borghi, "Anchor boxes".
    """
    tries = [_settled(shapes, first_anchors(shapes, k, rng)) for _ in range(restarts)]
    best = max(tries, key=lambda anchors: mean_iou(shapes, anchors))
    return best[np.argsort(best.prod(axis=1))]


def _settled(shapes: Array, anchors: Array) -> Array:
    while not np.array_equal(moved := kmeans_step(shapes, anchors), anchors):
        anchors = moved
    return anchors
