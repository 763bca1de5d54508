"""Figures of S0 on localisation, landmarks, sliding windows, YOLO's targets, overlaps and anchors."""

import numpy as np
import pytest

from rumbo.reference import convolution
from rumbo.reference.activations import relu, softmax
from rumbo.reference.boxes import (
    anchors_by_kmeans,
    iou,
    localization_loss,
    mean_iou,
    non_max_suppression,
    yolo_decode,
    yolo_encode,
    yolo_encode_anchors,
)
from rumbo.reference.convolution import cross_correlate
from rumbo.reference.pooling import max_pool

PERSON, CAR, MOTORCYCLE = 0, 1, 2
TALL_AND_WIDE = np.array([[0.6, 0.2], [0.2, 0.6]])  # heights and widths of anchor 1 and 2


def objects(*rows):
    """Boxes (b_x, b_y, b_h, b_w) and their classes."""
    return np.array([row[:4] for row in rows]), np.array([row[4] for row in rows])


@pytest.mark.golden(
    "S0",
    lines=(2719, 2726),
    says=("4 - background", "4 filas", "4 valores adicionales"),
    shows="A network that tells four classes apart has four softmax outputs; to place an object it needs four "
    "numbers more, its middle, height and width.",
)
def test_outputs_of_classification_and_localization():
    probabilities = softmax(np.random.default_rng(0).normal(size=(4, 3)))
    assert probabilities.shape == (4, 3)
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, rtol=1e-12)
    target = yolo_encode(*objects((0.4, 0.7, 0.3, 0.2, CAR)), grid=1, num_classes=3)[0, 0]
    np.testing.assert_allclose(target[1:5], [0.4, 0.7, 0.3, 0.2], rtol=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(2734, 2742),
    says=(r"p_c \\ b_x \\ b_y \\ b_h \\ b_w \\ c_1 \\ c_2 \\ c_3", r"\begin{bmatrix} 0 \\ ? \\ ?", "(1-4)"),
    shows="The target has eight numbers: whether there is an object, its box, and one of three classes.",
    right="with an object, one of c1, c2, c3 is 1: for a car (1, b_x, b_y, b_h, b_w, 0, 1, 0)",
    why="The example with p_c = 1 prints three zeros for the classes, which is an object of none of them.",
)
def test_target_of_localization():
    target = yolo_encode(*objects((0.4, 0.7, 0.3, 0.2, CAR)), grid=1, num_classes=3)[0, 0]
    np.testing.assert_allclose(target, [1, 0.4, 0.7, 0.3, 0.2, 0, 1, 0], rtol=1e-12)
    nothing = yolo_encode(np.empty((0, 4)), np.empty(0, dtype=int), grid=1, num_classes=3)[0, 0]
    assert (nothing.shape, nothing[0]) == ((8,), 0)


@pytest.mark.golden(
    "S0",
    line=2746,
    says=(r"\dots + (\hat{y}_8 - y_8)^2 & \text{if } \underline{y_1 = 1}", r"(\hat{y}_1 - y_1)^2 & \text{if } y_1 = 0"),
    shows="The squared loss of localisation counts all eight numbers if there is an object, and only the first if not.",
)
def test_loss_of_localization():
    rng = np.random.default_rng(0)
    yhat, y = rng.random(8), np.array([1, 0.4, 0.7, 0.3, 0.2, 0, 1, 0])
    assert localization_loss(yhat, y) == pytest.approx(sum((yhat[j] - y[j]) ** 2 for j in range(8)), rel=1e-12)
    assert localization_loss(yhat, 0 * y) == pytest.approx(yhat[0] ** 2, rel=1e-12)


@pytest.mark.golden(
    "S0",
    line=2809,
    says=("400 filtros de 5×5", r"1 \times 1 \times 400$", "400 filtros de 1×1"),
    shows="A fully connected layer of 400 units is a convolution with 400 filters as large as its input, 5 x 5; the "
    "next one is 400 filters of 1 x 1.",
)
def test_fully_connected_layers_as_convolutions():
    rng = np.random.default_rng(0)
    A, W1, b1 = rng.normal(size=(2, 5, 5, 16)), rng.normal(size=(400, 400)), rng.normal(size=(400, 1))
    W2, b2 = rng.normal(size=(400, 400)), rng.normal(size=(400, 1))
    dense = W2 @ relu(W1 @ A.reshape(2, -1).T + b1) + b2

    first = cross_correlate(A, W1.T.reshape(5, 5, 16, 400), b1.ravel())
    second = cross_correlate(relu(first), W2.T.reshape(1, 1, 400, 400), b2.ravel())
    assert first.shape == second.shape == (2, 1, 1, 400)
    np.testing.assert_allclose(second[:, 0, 0].T, dense, rtol=1e-9)
    assert convolution.num_parameters((5, 5), 16, 400) == convolution.num_dense_parameters(400, 400)


@pytest.mark.golden(
    "S0",
    lines=(2816, 2823),
    says=(r"16 \times 16 \times 3", "stride de 2", "4 veces", r"2 \times 2 \times 4", r"1 \times 1 \times 4",
          r"14 \times 14 \times 3"),
    shows="A network for 14 x 14 windows, run once over a 16 x 16 picture, gives 2 x 2 x 4 numbers: those of the "
    "four windows that lie two pixels apart.",
)  # fmt: skip
def test_sliding_windows_by_one_convolution():
    rng = np.random.default_rng(0)
    filters = [rng.normal(size=shape) for shape in ((5, 5, 3, 16), (5, 5, 16, 40), (1, 1, 40, 40), (1, 1, 40, 4))]

    def network(A):
        A = max_pool(relu(cross_correlate(A, filters[0])), 2, 2)
        for W in filters[1:-1]:
            A = relu(cross_correlate(A, W))
        return cross_correlate(A, filters[-1])

    picture = rng.normal(size=(1, 16, 16, 3))
    at_once = network(picture)
    assert at_once.shape == (1, 2, 2, 4)
    windows = {(i, j): picture[:, 2 * i : 2 * i + 14, 2 * j : 2 * j + 14] for i in (0, 1) for j in (0, 1)}
    assert len(windows) == 4
    for (i, j), window in windows.items():
        alone = network(window)
        assert (window.shape, alone.shape) == ((1, 14, 14, 3), (1, 1, 1, 4))
        np.testing.assert_allclose(at_once[0, i, j], alone[0, 0, 0], rtol=1e-9)
    assert network(rng.normal(size=(1, 28, 28, 3))).shape == (1, 8, 8, 4)


@pytest.mark.golden(
    "S0",
    lines=(2842, 2844),
    says=("100x100", "3x3", "19x19"),
    shows="A picture of 100 x 100 pixels is cut into 3 x 3 cells, usually 19 x 19; a middle lies in exactly one of "
    "them.",
)
@pytest.mark.parametrize("grid", [3, 19])
def test_one_cell_has_the_middle(grid):
    for x_px, y_px in ((10, 20), (34, 66), (99, 1)):
        y = yolo_encode(*objects((x_px / 100, y_px / 100, 0.1, 0.1, CAR)), grid, num_classes=3)
        assert y.shape[:2] == (grid, grid)
        ((row, column),) = np.argwhere(y[..., 0])
        assert (row, column) == (y_px * grid // 100, x_px * grid // 100)


@pytest.mark.golden(
    "S0",
    lines=(2846, 2849),
    says=(r"\begin{bmatrix} 1 \\ b_x \\ b_y \\ b_w \\ 0 \\ 0 \\ 1 \\ 0 \end{bmatrix}", "un 0 y un Don't care"),
    shows="Targets of a cell with a car, and of a cell without an object, which is a 0 and nothing that counts.",
    right="(1, b_x, b_y, b_h, b_w, 0, 1, 0)",
    why="The height is left out, and a zero makes up the eight numbers, so that the classes would be 0, 0, 1, 0.",
)
def test_targets_of_cells():
    y = yolo_encode(*objects((0.15, 0.5, 0.2, 0.3, CAR)), grid=3, num_classes=3)
    np.testing.assert_allclose(y[1, 0], [1, 0.45, 0.5, 0.6, 0.9, 0, 1, 0], rtol=1e-12)
    rest = y.copy()
    rest[1, 0] = 0
    assert not rest.any()
    anything = np.random.default_rng(0).random(8)
    anything[0] = 0
    assert localization_loss(anything, y[0, 0]) == 0


@pytest.mark.golden(
    "S0",
    line=2851,
    says=("3x3x8", "8 es el número de parámetros"),
    shows="Nine cells with eight numbers each: the target is 3 x 3 x 8.",
)
def test_size_of_the_target():
    y = yolo_encode(*objects((0.15, 0.5, 0.2, 0.3, CAR)), grid=3, num_classes=3)
    assert y.shape == (3, 3, 8)
    assert y.size == 9 * 8


@pytest.mark.golden(
    "S0",
    line=2861,
    says=("(0,0) y (1,1)", "entre 0 y 1"),
    shows="A middle lies between (0, 0) and (1, 1) of its cell, while heights and widths may exceed 1.",
)
def test_middles_lie_in_their_cells():
    rng = np.random.default_rng(0)
    for _ in range(200):
        box = (*rng.random(2), *rng.uniform(0.05, 1, 2))
        (target,) = (cell for row in yolo_encode(*objects((*box, CAR)), 3, 3) for cell in row if cell[0])
        assert ((target[1:3] >= 0) & (target[1:3] <= 1)).all()
    wide = yolo_encode(*objects((0.5, 0.5, 0.3, 0.8, CAR)), 3, 3)
    np.testing.assert_allclose(wide[1, 1, 3:5], [0.9, 2.4], rtol=1e-12)
    np.testing.assert_allclose(yolo_decode(wide).boxes, [[0.5, 0.5, 0.3, 0.8]], rtol=1e-12)


@pytest.mark.golden(
    "S0",
    line=2870,
    says=("IoU mayor o igual a 0.5", "0.6"),
    shows="Intersection over union: 0.5 or more counts as right. Two equal boxes reach it a third of their side "
    "apart, and 0.6 a quarter apart.",
)
def test_intersection_over_union():
    truth = np.array([[0.0, 0, 12, 12]])
    moved = np.array([[0.0, 0, 12, 12], [3, 0, 15, 12], [4, 0, 16, 12], [6, 0, 18, 12], [12, 0, 24, 12]])
    np.testing.assert_allclose(iou(truth, moved)[0], [1, 0.6, 0.5, 1 / 3, 0], rtol=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(2882, 2885),
    says=("probabilidad menor a 0.6", "IoU mayor o igual a 0.5"),
    shows="Non-max suppression drops what is less sure than 0.6, then what overlaps a surer box by 0.5 or more.",
)
def test_non_max_suppression():
    boxes = np.array([[0.0, 0, 12, 12], [4, 0, 16, 12], [5, 0, 17, 12], [40, 0, 52, 12], [60, 0, 72, 12]])
    p_c = np.array([0.9, 0.8, 0.7, 0.6, 0.59])
    # The second overlaps the first by exactly 0.5, the third by less; the fourth is just sure enough, the fifth not.
    assert non_max_suppression(boxes, p_c).tolist() == [0, 2, 3]


@pytest.mark.golden(
    "S0",
    lines=(2898, 2903),
    says=("anchor box 1 y 2", "entre 5 y 10", "Anchor box 1: Anchor box 2:"),
    shows="Two anchors keep a person and a car apart that share a cell; three objects in it, or two of one shape, "
    "are too many. In practice five to ten anchors are used, which fit common shapes better than two.",
)
def test_two_anchors():
    person, car = (0.5, 0.5, 0.6, 0.2, PERSON), (0.5, 0.5, 0.2, 0.6, CAR)
    cell = yolo_encode_anchors(*objects(person, car), 3, 3, TALL_AND_WIDE)[1, 1]
    np.testing.assert_array_equal(cell[:, 0], [1, 1])
    assert (cell[0, 5:].argmax(), cell[1, 5:].argmax()) == (PERSON, CAR)
    for too_many in ((person, car, (0.5, 0.5, 0.3, 0.6, MOTORCYCLE)), (car, (0.45, 0.5, 0.25, 0.6, CAR))):
        with pytest.raises(ValueError, match="two objects want anchor 1"):
            yolo_encode_anchors(*objects(*too_many), 3, 3, TALL_AND_WIDE)
    rng = np.random.default_rng(0)
    shapes = rng.uniform(0.05, 0.9, (120, 2))
    fits = [mean_iou(shapes, anchors_by_kmeans(shapes, k, rng, restarts=3)) for k in (2, 5, 10)]
    assert fits == sorted(fits)
    assert fits[1] > fits[0] + 0.05


@pytest.mark.golden(
    "S0",
    line=2913,
    says=(r"3 \times 3 \times 2 \times 8", r"$8 = 5 + \#clases"),
    shows="With two anchors and three classes the target is 3 x 3 x 2 x 8: five numbers and the classes for each "
    "anchor.",
)
def test_size_of_the_target_with_anchors():
    y = yolo_encode_anchors(*objects((0.5, 0.5, 0.2, 0.6, CAR)), 3, 3, TALL_AND_WIDE)
    assert y.shape == (3, 3, 2, 8)
    assert y.shape[-1] == 5 + 3


@pytest.mark.golden(
    "S0",
    lines=(2917, 2930),
    says=("19x19x40", "de tamaño 16", "0 1 0", "3x3x16"),
    shows="The target in full: 16 numbers a cell, all about nothing in the first; a car in the lower middle is in "
    "the second eight of its cell as 1, four numbers, 0 1 0. Of 19 x 19 cells and five anchors it is 19 x 19 x 40.",
)
def test_the_whole_target():
    # A car of 20 x 60 pixels in the lower middle of a picture of 100 x 100.
    car = objects((0.5, 0.8, 0.2, 0.6, CAR))
    y = yolo_encode_anchors(*car, 3, 3, TALL_AND_WIDE).reshape(3, 3, 16)
    assert (y[0, 0, 0], y[0, 0, 8]) == (0, 0)
    cell = y[2, 1]
    assert cell[0] == 0
    np.testing.assert_allclose(cell[8:], [1, 0.5, 0.4, 0.6, 1.8, 0, 1, 0], rtol=1e-12)
    assert np.count_nonzero(y) == 6
    five_anchors = np.array([[0.1, 0.1], [0.3, 0.1], [0.1, 0.3], [0.6, 0.2], [0.2, 0.6]])
    assert yolo_encode_anchors(*car, 19, 3, five_anchors).reshape(19, 19, -1).shape == (19, 19, 40)
