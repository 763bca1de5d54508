"""Figures of Paiolla, sections 5.6 to 5.9: boxes, grids, transposed convolution, faces, style."""

import numpy as np
import pytest
import torch
from torch import nn

from rumbo.reference import boxes, convolution, faces, pooling, style
from rumbo.reference.activations import relu
from rumbo.reference.transposed import transposed, transposed_size

PEDESTRIAN, CAR = 0, 1


def cell(box, label, num_classes):
    """The target of a picture with one object: a grid of a single cell."""
    return boxes.yolo_encode(np.array([box]), np.array([label]), grid=1, num_classes=num_classes)[0, 0]


@pytest.mark.golden(
    "S1",
    lines=(1267, 1269),
    says=("c_1 \\\\ c_2 \\\\ \\vdots \\\\ c_n", "c_1, c_2, \\dots, c_n"),
    shows="The target of a localiser: whether there is an object, four numbers of its box, and a one-hot class.",
)
@pytest.mark.parametrize("n", [1, 3, 20])
def test_target_of_a_localiser(n):
    y = cell([0.5, 0.7, 0.3, 0.4], n - 1, n)
    assert y.tolist() == pytest.approx([1, 0.5, 0.7, 0.3, 0.4, *[0] * (n - 1), 1])


@pytest.mark.golden(
    "S1",
    lines=(1275, 1276),
    says=("is 1, we take the sum of squared differences", "When y_1 is 0"),
    shows="Squared loss of a localiser: all entries where there is an object, the first alone where there is none.",
)
def test_loss_of_a_localiser():
    rng = np.random.default_rng(0)
    present, yhat = cell([0.5, 0.7, 0.3, 0.4], CAR, 3), rng.normal(size=8)
    assert boxes.localization_loss(yhat, present) == pytest.approx(((yhat - present) ** 2).sum())
    absent = np.concatenate([[0.0], rng.normal(size=7)])
    assert boxes.localization_loss(yhat, absent) == pytest.approx(yhat[0] ** 2)
    assert boxes.localization_loss_gradient(yhat, absent)[1:].tolist() == [0] * 7


@pytest.mark.golden(
    "S1",
    line=1311,
    says=("5 \\times 5 \\times 16", "400 node FC", "400 filters", "1 \\times 1 \\times 400"),
    shows="A dense layer of 400 units on a volume of 5x5x16 is a convolution with 400 filters of 5x5x16.",
)
def test_a_dense_layer_is_a_convolution():
    rng = np.random.default_rng(0)
    A, W = rng.normal(size=(2, 5, 5, 16)), rng.normal(size=(5, 5, 16, 400))
    Z = convolution.cross_correlate(A, W)
    assert Z.shape == (2, 1, 1, 400)
    np.testing.assert_allclose(Z[:, 0, 0], A.reshape(2, 400) @ W.reshape(400, 400), rtol=1e-9, atol=1e-12)
    dense, filters = nn.Linear(400, 400), nn.Conv2d(16, 400, 5)
    assert dense.weight.numel() == filters.weight.numel() == convolution.num_parameters((5, 5), 16, 400) - 400


@pytest.mark.golden(
    "S1",
    line=1320,
    says=("16 \\times 16 \\times 3", "four times (stride of 2)", "2 \\times 2 \\times 4"),
    shows="The network for windows of 14x14, run over 16x16x3 at once, gives 2x2x4: what four windows give one by one.",
)
def test_sliding_windows_at_once():
    rng = np.random.default_rng(1)
    shapes = ((5, 5, 3, 16), (5, 5, 16, 400), (1, 1, 400, 400), (1, 1, 400, 4))
    first, *dense = (rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1])) for shape in shapes)

    def answer(pictures):
        A = pooling.max_pool(relu(convolution.cross_correlate(pictures, first)), 2, stride=2)
        for W in dense:
            A = convolution.cross_correlate(relu(A), W)
        return A

    picture = rng.normal(size=(1, 16, 16, 3))
    windows = [picture[:, i : i + 14, j : j + 14] for i in range(0, 3, 2) for j in range(0, 3, 2)]
    assert len(windows) == 4
    assert answer(picture).shape == (1, 2, 2, 4)
    np.testing.assert_allclose(answer(picture).reshape(4, 4), answer(np.concatenate(windows)).reshape(4, 4), rtol=1e-9)


@pytest.mark.golden(
    "S1",
    line=1326,
    says=("3×3", "3 \\times 3 \\times 8", "1 + 4 + 3 = 8"),
    shows="On a grid of 3x3 with three classes a target is 3x3x8.",
)
def test_target_of_a_grid():
    y = boxes.yolo_encode(np.array([[0.5, 0.5, 0.2, 0.2]]), np.array([CAR]), grid=3, num_classes=3)
    assert y.shape == (3, 3, 1 + 4 + 3)


@pytest.mark.golden(
    "S1",
    line=1328,
    says=("3 \\times 3 \\times 8", "at maximum one bounding box per square"),
    shows="Such a target holds nine boxes at most, one for each cell; two objects in one cell are one too many.",
)
def test_one_box_a_cell():
    middles = np.array([[(2 * column + 1) / 6, (2 * row + 1) / 6, 0.2, 0.2] for row in range(3) for column in range(3)])
    y = boxes.yolo_encode(middles, np.full(9, CAR), grid=3, num_classes=3)
    assert len(boxes.yolo_decode(y).boxes) == 9
    np.testing.assert_allclose(boxes.yolo_decode(y).boxes, middles, rtol=1e-12)
    with pytest.raises(ValueError, match="two objects"):
        boxes.yolo_encode(middles[[4, 4]], np.full(2, CAR), grid=3, num_classes=3)


@pytest.mark.golden(
    "S1",
    line=1343,
    says=("corner of the image is $(0, 0)$", "$(1, 1)$", "percentage of coverage of the image", "greater than 1"),
    shows="Coordinates of a box within its cell: the middle between 0 and 1, sides that may exceed 1.",
    right="(0, 0) and (1, 1) are corners of the cell, and the sides are measured in sides of a cell",
    why="In shares of the picture no side could be greater than 1, and the middle would not say where in its cell.",
)
def test_coordinates_are_those_of_the_cell():
    y = boxes.yolo_encode(np.array([[0.5, 0.9, 0.6, 0.8]]), np.array([CAR]), grid=3, num_classes=3)
    assert y[2, 1, 1:5].tolist() == pytest.approx([0.5, 0.7, 1.8, 2.4])
    assert boxes.yolo_decode(y).boxes[0].tolist() == pytest.approx([0.5, 0.9, 0.6, 0.8])


@pytest.mark.golden(
    "S1",
    lines=(1347, 1349),
    says="union by the intersection",
    shows="What intersection over union divides by what.",
    right="the intersection by the union",
    why="Upside down the measure would be at least 1, and infinite for boxes that are apart.",
)
def test_iou_is_at_most_one():
    rng = np.random.default_rng(0)
    P, Q = np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2]])
    both = boxes.intersection(P, Q).item()
    union = (boxes.area(P) + boxes.area(Q)).item() - both
    assert (both, union) == (2, 6)
    assert boxes.iou(P, Q).item() == pytest.approx(both / union)
    corners = rng.uniform(0, 1, size=(2, 100, 2))
    random = np.concatenate([corners.min(axis=0), corners.max(axis=0)], axis=1)
    assert boxes.iou(random, random).max() == pytest.approx(1)
    assert boxes.iou(random, random).min() == 0


@pytest.mark.golden(
    "S1",
    lines=(1349, 1351),
    says=("closer to 1", "value is 0", "is 1 if", "0.5"),
    shows="IoU is 0 for boxes that are apart, 1 for equal ones, and 0.5 for a box and its half.",
)
def test_iou_of_boxes_apart_equal_and_half():
    box = np.array([[0.0, 0, 4, 2]])
    others = np.array([[5.0, 5, 6, 6], [0, 0, 4, 2], [0, 0, 4, 1]])
    assert boxes.iou(box, others)[0].tolist() == [0, 1, 0.5]


@pytest.mark.golden(
    "S1",
    line=1363,
    says=("0.9 and 0.8 are kept", "IoU of 0"),
    shows="Two cars, apart from each other, are found with 0.9 and 0.8; all other boxes on them are suppressed.",
)
def test_suppression_keeps_the_surest_of_each_object():
    left, right = np.array([0.0, 0, 4, 2]), np.array([8.0, 0, 12, 2])
    found = np.stack([left + 0.3, right, left, right - 0.4, right + 0.2])
    p_c = np.array([0.7, 0.9, 0.8, 0.6, 0.7])
    assert boxes.iou(left[None], right[None]).item() == 0
    kept = boxes.non_max_suppression(found, p_c)
    assert p_c[kept].tolist() == [0.9, 0.8]
    assert kept.tolist() == [1, 2]


PORTRAIT, LANDSCAPE = (0.8, 0.3), (0.3, 0.8)
ANCHORS = np.array([PORTRAIT, LANDSCAPE])


@pytest.mark.golden(
    "S1",
    line=1371,
    says=("the portrait one will detect the car", "the landspace one will detect the pedestrian"),
    shows="Which of two anchors, a tall and a wide one, an object goes to.",
    right="the tall one gets the pedestrian, the wide one the car",
    why="The two are exchanged: an object goes to the anchor with which its shape has the larger IoU. A later "
    "paragraph of the text has it right.",
)
def test_a_pedestrian_goes_to_the_tall_anchor():
    pedestrian, car = (0.7, 0.25), (0.25, 0.6)
    overlaps = boxes.iou_of_shapes(np.array([pedestrian, car]), ANCHORS)
    assert overlaps.argmax(axis=1).tolist() == [0, 1]
    objects = np.array([[0.5, 0.5, *pedestrian], [0.5, 0.5, *car]])
    y = boxes.yolo_encode_anchors(objects, np.array([PEDESTRIAN, CAR]), 1, 3, ANCHORS)[0, 0]
    assert y[:, 5:].argmax(axis=1).tolist() == [PEDESTRIAN, CAR]


@pytest.mark.golden(
    "S1",
    lines=(1373, 1384),
    says=("8 nodes", "16 nodes", "anchor box 1", "anchor box 2"),
    shows="With two anchors a cell has 16 outputs in place of 8, the upper half for the first anchor.",
)
def test_two_anchors_double_the_outputs():
    objects, labels = np.array([[0.5, 0.5, 0.25, 0.6]]), np.array([CAR])
    one = boxes.yolo_encode(objects, labels, 3, 3)
    two = boxes.yolo_encode_anchors(objects, labels, 3, 3, ANCHORS).reshape(3, 3, -1)
    assert (one.shape[-1], two.shape[-1]) == (8, 16)
    assert not two[1, 1, :8].any()
    np.testing.assert_array_equal(two[1, 1, 8:], one[1, 1])


I = np.array([[2.0, 1], [3, 2]])  # noqa: E741
F = np.array([[1.0, 2, 1], [2, 0, 1], [0, 2, 1]])


def laid_out(A, **how):
    """The transposed convolution with the example's filter and stride 2, of one channel."""
    return transposed(A[None, :, :, None], F[:, :, None, None], stride=2, **how)[0, :, :, 0]


@pytest.mark.golden(
    "S1",
    lines=(1410, 1412),
    says=("2×2 input", "4×4 output", "3×3 filter, padding of 1 and stride of 2"),
    shows="Size that a transposed convolution makes of 2x2 with filters of 3x3, padding 1 and stride 2.",
    right="4x4 needs one row and column of output padding as well; without it 3x3 comes out",
    why="2 (2 - 1) + 3 - 2 = 3. The example starts from 6x6, a row and a column more than the filters reach.",
)
def test_size_of_the_transposed_example():
    assert transposed_size(2, f=3, stride=2, padding=1) == 3
    assert transposed_size(2, f=3, stride=2, padding=1, output_padding=1) == 4
    with torch.device("meta"):
        small, large = (nn.ConvTranspose2d(1, 1, 3, 2, 1, output_padding=extra) for extra in (0, 1))
        assert small(torch.zeros(1, 1, 2, 2)).shape == (1, 1, 3, 3)
        assert large(torch.zeros(1, 1, 2, 2)).shape == (1, 1, 4, 4)


@pytest.mark.golden(
    "S1",
    line=1426,
    says=("6×6", "0,0 entry of the filter with the 0,0 entry"),
    shows="Before its border is taken off the output is 6x6; the first input's copy of the filter lies in its corner.",
)
def test_the_padded_output_is_6x6():
    first = laid_out(np.array([[1.0, 0], [0, 0]]), output_padding=1)
    assert first.shape == (6, 6)
    np.testing.assert_array_equal(first[:3, :3], F)
    assert first.sum() == F.sum()


@pytest.mark.golden(
    "S1",
    lines=(1431, 1435),
    says=("multiply the filter by 2, put it in the 0,0 position", "resulting in 0,2", "position 2,0"),
    shows="With stride 2 the input at (0, 1) lays its copy of the filter at (0, 2), and that at (1, 0) at (2, 0).",
)
def test_where_the_copies_lie():
    for (i, j), value in np.ndenumerate(I):
        alone = np.zeros((2, 2))
        alone[i, j] = value
        copy = laid_out(alone)
        np.testing.assert_array_equal(copy[2 * i : 2 * i + 3, 2 * j : 2 * j + 3], value * F)
        assert copy.sum() == value * F.sum()


@pytest.mark.golden(
    "S1",
    line=1416,
    says=("2 & 1 \\\\ 3 & 2", "1 & 2 & 1 \\\\ 2 & 0 & 1 \\\\ 0 & 2 & 1"),
    shows="Input and filter of the example: where copies overlap they add up, so all entries together are the product "
    "of both sums.",
)
def test_copies_add_up():
    assert laid_out(I).sum() == I.sum() * F.sum() == 80
    assert laid_out(I)[2, 2] == 2 * 1 + 1 * 0 + 3 * 1 + 2 * 1  # a corner of each of the four copies


@pytest.mark.golden(
    "S1",
    line=1449,
    says="0 & 4 & 0 & 1 \\\\ 10 & 7 & 6 & 3 \\\\ 0 & 7 & 0 & 2 \\\\ 6 & 3 & 4 & 2",
    shows="The transposed convolution of the example.",
)
def test_the_transposed_example():
    wanted = [[0, 4, 0, 1], [10, 7, 6, 3], [0, 7, 0, 2], [6, 3, 4, 2]]
    assert laid_out(I, padding=1, output_padding=1).tolist() == wanted
    fast = torch.nn.functional.conv_transpose2d(
        torch.tensor(I)[None, None], torch.tensor(F)[None, None], stride=2, padding=1, output_padding=1
    )
    assert fast[0, 0].tolist() == wanted


@pytest.mark.golden(
    "S1",
    line=1480,
    says=("99% accuracy", "K times more chances"),
    shows="Chance of an error when a face is compared with K persons, each time right in 99 %: 1 - 0.99^K, nearly K "
    "times 1 % while that is small. 9.6 % for 10 persons, 63 % for 100.",
)
def test_errors_among_K_persons():
    wrong = [1 - faces.recognition_accuracy(0.99, K) for K in (1, 10, 100, 200)]
    assert wrong == pytest.approx([0.01, 0.0956, 0.634, 0.866], abs=5e-4)
    rng = np.random.default_rng(0)
    drawn = (rng.random((20_000, 100)) < 0.01).any(axis=1).mean()
    assert drawn == pytest.approx(wrong[2], abs=0.015)


@pytest.mark.golden(
    "S1",
    line=1486,
    says="$k + 1$",
    shows="A softmax over k persons and nobody has k + 1 outputs, and a new person changes their number; a search "
    "among k stored encodings has k + 1 answers, too, and only needs one more column.",
)
def test_answers_of_a_recogniser():
    rng = np.random.default_rng(0)
    k = 5
    stored = rng.normal(size=(128, k))
    asked = [*stored.T, rng.normal(size=128)]
    assert {faces.recognize(f[:, None], stored, 1.0) for f in asked} == {*range(k), faces.NOT_RECOGNIZED}
    grown = np.column_stack([stored, asked[-1]])
    assert faces.recognize(asked[-1][:, None], grown, 1.0) == k


@pytest.mark.golden(
    "S1",
    lines=(1494, 1500),
    says=("128 units", "$\\|x^{(i)} - x^{(j)}\\|^2$"),
    shows="How far two faces are apart, by their encodings of 128 numbers.",
    right="||f(x_i) - f(x_j)||^2",
    why="The printed distance is that of the pictures; the encodings f(x), which the sentence before names, are meant.",
)
def test_faces_are_compared_by_their_encodings():
    rng = np.random.default_rng(0)
    f_i, f_j = rng.normal(size=(2, 128, 1))
    assert faces.distance(f_i, f_j).item() == pytest.approx(np.linalg.norm(f_i - f_j) ** 2)
    # A network that ignores brightness: the pictures differ, the encodings do not.
    picture = rng.uniform(size=(128, 1))
    encode = {name: x - x.mean() for name, x in (("dark", picture), ("bright", picture + 0.5))}
    assert faces.distance(picture, picture + 0.5).item() == pytest.approx(32)
    assert faces.distance(encode["dark"], encode["bright"]).item() == pytest.approx(0, abs=1e-20)


@pytest.mark.golden(
    "S1",
    lines=(1510, 1512),
    says=("\\|f(A) - f(P)\\|^2 \\leq \\|f(A) - f(N)\\|^2", "$0 \\leq 0$"),
    shows="Without a margin a network that gives every face the same encoding fulfils the inequality: 0 <= 0.",
)
def test_equal_encodings_fulfil_the_inequality():
    same = np.full((128, 3), 0.7)
    assert faces.distance(same, same).tolist() == [0, 0, 0]
    assert (faces.violation(same, same, same, alpha=0.0) <= 0).all()
    assert faces.triplet_loss(same, same, same, alpha=0.0).tolist() == [0, 0, 0]


@pytest.mark.golden(
    "S1",
    lines=(1516, 1526),
    says=("+ \\alpha \\leq 0", "+ \\alpha, 0)", "\\sum_{i=1}^n"),
    shows="With a margin alpha equal encodings cost alpha for each triplet; the cost is the sum over all triplets.",
)
@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_equal_encodings_cost_the_margin(alpha):
    rng = np.random.default_rng(0)
    same = np.full((128, 3), 0.7)
    assert faces.triplet_loss(same, same, same, alpha).tolist() == [alpha] * 3
    assert faces.triplet_cost(same, same, same, alpha) == pytest.approx(3 * alpha)
    A, P, N = (torch.tensor(rng.normal(size=(20, 128)) / 8) for _ in range(3))
    fast = torch.relu(((A - P) ** 2).sum(dim=1) - ((A - N) ** 2).sum(dim=1) + alpha).sum().item()
    assert faces.triplet_cost(A.numpy().T, P.numpy().T, N.numpy().T, alpha) == pytest.approx(fast)


@pytest.mark.golden(
    "S1",
    line=1528,
    says=("10k pictures of 1k people", "10 pictures per person"),
    shows="10,000 pictures of 1,000 persons, ten of each: 9 positives and 9,990 negatives for every anchor.",
)
def test_pictures_per_person():
    pictures, persons = 10_000, 1_000
    assert pictures / persons == 10
    # The same with four persons, whose triplets can be counted.
    labels = np.repeat(np.arange(4), 10)
    assert faces.all_triplets(labels).shape[1] == 40 * 9 * 30


@pytest.mark.golden(
    "S1",
    line=1534,
    says="the difference is smaller than α",
    shows="When a triplet no longer pulls at the network.",
    right="d(A, N) - d(A, P) is at least alpha",
    why="The loss pushes the two distances apart until the margin lies between them; as long as their difference is "
    "smaller there is a loss.",
)
def test_a_triplet_pulls_until_the_margin_is_reached():
    A, P = np.zeros((1, 3)), np.zeros((1, 3))
    N = np.sqrt(np.array([[0.1, 0.2, 0.3]]))
    gap = faces.distance(A, N) - faces.distance(A, P)
    assert gap.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert faces.triplet_loss(A, P, N, alpha=0.2).tolist() == pytest.approx([0.1, 0, 0])
    assert (faces.triplet_backward(A, P, N, alpha=0.19).dN != 0).tolist() == [[True, False, False]]


@pytest.mark.golden(
    "S1",
    lines=(1540, 1547),
    says=("1 if the images are the same person or 0", "predicts 1 or 0"),
    shows="A logistic unit on two encodings answers near 1 for one person and near 0 for two.",
)
def test_a_siamese_head_answers_yes_or_no():
    rng = np.random.default_rng(0)
    f = rng.normal(size=(128, 1))
    w, b = np.full((1, 128), -1.0), np.array([[8.0]])
    same = faces.head(w, b, faces.absolute_difference(f, f + 0.01)).item()
    other = faces.head(w, b, faces.absolute_difference(f, rng.normal(size=(128, 1)))).item()
    assert other < 0.01 < 0.99 < same


@pytest.mark.golden(
    "S1",
    line=1597,
    says="\\frac{1}{2} \\|a^{[l](C)} - a^{[l](G)}\\|^2",
    shows="The content cost is half the squared difference of two layers: half the number of entries, for 1s and 0s.",
)
def test_content_cost():
    zeros, ones = np.zeros((6, 5, 3)), np.ones((6, 5, 3))
    assert style.content_cost(zeros, ones) == style.content_cost(ones, zeros) == 6 * 5 * 3 / 2


@pytest.mark.golden(
    "S1",
    lines=(1609, 1615),
    says=("n_c^{[l]} \\times n_c^{[l]}", "\\sum_{i=1}^{n_H^{[l]}} \\sum_{j=1}^{n_W^{[l]}}"),
    shows="The style matrix is as large as there are channels: sums over all places of products of two channels.",
)
def test_style_matrix():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6, 5, 3))
    G = style.gram_matrix(a)
    assert G.shape == (3, 3)
    np.testing.assert_allclose(G, [[(a[..., k] * a[..., j]).sum() for j in range(3)] for k in range(3)], rtol=1e-12)


@pytest.mark.golden(
    "S1",
    lines=(1621, 1625),
    says=("(2n_H^{[l]} n_W^{[l]} n_C^{[l]})^2", "\\right)^2"),
    shows="The style cost of a layer of 1s against one of 0s is 1/4, whatever the layer's size.",
)
@pytest.mark.parametrize("shape", [(2, 3, 1), (6, 5, 3), (1, 1, 8)])
def test_style_cost_of_ones_and_zeros(shape):
    assert style.style_cost(np.ones(shape), np.zeros(shape)) == pytest.approx(1 / 4)
