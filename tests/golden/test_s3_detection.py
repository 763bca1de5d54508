"""Figures of Borghi's *Convolutional Neural Networks*, weeks 3 and 4: boxes, grids, faces, style."""

import numpy as np
import pytest
import torch
from generation import generation_costs

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize
from rumbo.reference import boxes, faces, network, style
from rumbo.reference.activations import softmax
from rumbo.reference.initializers import xavier

PEDESTRIAN, CAR, MOTORCYCLE = 0, 1, 2


def target(box, label):
    """The target of one picture with one object: a grid of a single cell."""
    return boxes.yolo_encode(np.array([box]), np.array([label]), grid=1, num_classes=3)[0, 0]


@pytest.mark.golden(
    "S3",
    lines=(810, 815),
    says=("4 - background", "4 filas"),
    shows="A network that tells three kinds of object and the background apart ends in a softmax of four outputs.",
)
def test_four_outputs_classify():
    spec = InputSpec(image=(3, 32, 32))
    assert summarize(models.build("lenet5", spec, 4), spec).rows[-1].output_shape == (4,)
    probabilities = softmax(np.random.default_rng(0).normal(size=(4, 3)))
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, rtol=1e-12)


@pytest.mark.golden(
    "S3",
    lines=(817, 829),
    says=("4 valores adicionales", "class label (1-4)", "c_3"),
    shows="Locating an object takes four numbers beside p_c and the three classes: eight outputs.",
)
def test_eight_outputs_locate_an_object():
    y = target([0.5, 0.7, 0.3, 0.4], CAR)
    assert len(y) == 1 + 4 + 3
    assert y[1:5].tolist() == pytest.approx([0.5, 0.7, 0.3, 0.4])
    assert [target([0.5, 0.5, 1, 1], label)[5:].argmax() for label in range(3)] == [0, 1, 2]


@pytest.mark.golden(
    "S3",
    line=833,
    says="1 \\\\ b_x \\\\ b_y \\\\ b_h \\\\ b_w \\\\ 0 \\\\ 0 \\\\ 1 \\\\ 0",
    shows="The target of a picture with a car, the second of three classes.",
    right="(1, b_x, b_y, b_h, b_w, 0, 1, 0)",
    why="The printed column has nine entries; with three classes there are eight, and one 0 is too many.",
)
def test_target_of_a_car():
    assert target([0.5, 0.7, 0.3, 0.4], CAR).tolist() == pytest.approx([1, 0.5, 0.7, 0.3, 0.4, 0, 1, 0])


@pytest.mark.golden(
    "S3",
    line=835,
    says="0 \\\\ ? \\\\ ? \\\\ ? \\\\ ? \\\\ ? \\\\ ? \\\\ ?",
    shows="Where there is no object only the first of the eight outputs is 0; nobody cares for the seven others.",
)
def test_target_without_an_object():
    rng = np.random.default_rng(0)
    y = boxes.yolo_encode(np.zeros((0, 4)), np.zeros(0, dtype=np.int64), grid=1, num_classes=3)[0, 0]
    assert (len(y), y[0]) == (8, 0)
    answers = np.concatenate([[0.3], rng.normal(size=7)])
    for others in rng.normal(size=(3, 7)):
        changed = np.concatenate([[0.3], others])
        assert boxes.localization_loss(changed, y) == boxes.localization_loss(answers, y) == pytest.approx(0.09)


@pytest.mark.golden(
    "S3",
    lines=(838, 840),
    says=("(\\hat{y}_1 - y_1)^2 + (\\hat{y}_2 - y_2)^2", "(\\hat{y}_8 - y_8)^2", "y_1 = 0"),
    shows="Squared loss of a localiser: eight terms where there is an object, the first alone where there is none.",
)
def test_loss_of_localization():
    rng = np.random.default_rng(0)
    y, yhat = target([0.5, 0.7, 0.3, 0.4], CAR), rng.normal(size=8)
    assert boxes.localization_loss(yhat, y) == pytest.approx(sum((yhat[j] - y[j]) ** 2 for j in range(8)))
    absent = np.concatenate([[0.0], rng.normal(size=7)])
    assert boxes.localization_loss(yhat, absent) == pytest.approx((yhat[0] - absent[0]) ** 2)
    answers, wanted = torch.tensor(yhat, requires_grad=True), torch.tensor(y)
    ((answers - wanted) ** 2).sum().backward()
    np.testing.assert_allclose(boxes.localization_loss_gradient(yhat, y), answers.grad.numpy(), rtol=1e-12)


@pytest.mark.golden(
    "S3",
    lines=(934, 936),
    says=("100×100", "3×3", "19×19", "c_1, c_2 y c_3"),
    shows="In a picture of 100 px every cell of a grid of 3x3, or of 19x19, has p_c, a box and three classes; the one "
    "cell that holds the object's middle says so.",
)
@pytest.mark.parametrize("grid", [3, 19])
def test_cells_of_a_picture(grid):
    for x_px, y_px in ((5, 50), (50, 85), (99, 1)):
        y = boxes.yolo_encode(np.array([[x_px / 100, y_px / 100, 0.1, 0.1]]), np.array([CAR]), grid, num_classes=3)
        assert y.shape == (grid, grid, 1 + 4 + 3)
        assert np.argwhere(y[..., 0]).tolist() == [[y_px * grid // 100, x_px * grid // 100]]


@pytest.mark.golden(
    "S3",
    line=938,
    says="1 \\\\ b_x \\\\ b_y \\\\ b_w \\\\ 0 \\\\ 1 \\\\ 0",
    shows="The target of a cell that holds a car.",
    right="(1, b_x, b_y, b_h, b_w, 0, 1, 0)",
    why="The printed column has seven entries: the height b_h is missing.",
)
def test_target_of_a_cell_with_a_car():
    y = boxes.yolo_encode(np.array([[0.1, 0.5, 0.2, 0.3]]), np.array([CAR]), grid=3, num_classes=3)[1, 0]
    assert y.tolist() == pytest.approx([1, 0.3, 0.5, 0.6, 0.9, 0, 1, 0])


@pytest.mark.golden(
    "S3",
    line=940,
    says="se obtendrá un 0",
    shows="A cell without an object has p_c = 0; an object belongs to the cell in which its middle lies.",
)
def test_objects_belong_to_the_cell_of_their_middle():
    y = boxes.yolo_encode(np.array([[0.35, 0.5, 0.9, 0.9]]), np.array([CAR]), grid=3, num_classes=3)
    assert np.argwhere(y[..., 0]).tolist() == [[1, 1]]  # the box reaches into all nine cells
    assert y[0, 0, 0] == 0


@pytest.mark.golden(
    "S3",
    line=942,
    says=("3 \\times 3 \\times 8", "8 es el número"),
    shows="A grid of 3x3 cells with eight numbers each is the whole target of a picture.",
)
def test_target_of_a_grid():
    y = boxes.yolo_encode(np.array([[0.2, 0.5, 0.2, 0.3]]), np.array([CAR]), grid=3, num_classes=3)
    assert y.shape == (3, 3, 8)
    assert boxes.yolo_encode(np.array([[0.2, 0.5, 0.2, 0.3]]), np.array([CAR]), 19, 3).shape == (19, 19, 8)


@pytest.mark.golden(
    "S3",
    line=953,
    says=("$(0,0)$ y $(1,1)$", "entre 0 y 1"),
    shows="Within its cell an object's middle lies between (0, 0) and (1, 1); its sides may be longer than the cell's.",
)
def test_coordinates_within_a_cell():
    rng = np.random.default_rng(0)
    middles = rng.uniform(0, 1, size=(200, 2))
    for x, y in middles:
        encoded = boxes.yolo_encode(np.array([[x, y, 0.8, 0.5]]), np.array([CAR]), grid=3, num_classes=3)
        b_x, b_y, b_h, b_w = encoded[encoded[..., 0] == 1][0, 1:5]
        assert 0 <= b_x <= 1
        assert 0 <= b_y <= 1
        assert (b_h, b_w) == pytest.approx((2.4, 1.5))
    upper_left = boxes.yolo_encode(np.array([[1 / 3, 1 / 3, 0.1, 0.1]]), np.array([CAR]), grid=3, num_classes=3)
    assert upper_left[1, 1, 1:3].tolist() == [0, 0]


@pytest.mark.golden(
    "S3",
    line=961,
    says=("0.5", "0.6"),
    shows="IoU is intersection over union; half a box against the whole is exactly the 0.5 that counts as right.",
)
def test_half_a_box_has_iou_one_half():
    whole, half = np.array([[0.0, 0, 4, 2]]), np.array([[0.0, 0, 2, 2]])
    assert boxes.iou(whole, half).item() == 0.5
    assert boxes.iou(whole, np.array([[0.0, 0, 2.4, 2]])).item() == pytest.approx(0.6)


@pytest.mark.golden(
    "S3",
    line=975,
    says="menor a 0.6",
    shows="Non-max suppression first leaves out all boxes with a probability below 0.6.",
)
def test_unsure_boxes_are_left_out():
    apart = np.array([[0.0, 0, 1, 1], [2, 0, 3, 1], [4, 0, 5, 1]])
    assert boxes.non_max_suppression(apart, np.array([0.59, 0.6, 0.61])).tolist() == [2, 1]


@pytest.mark.golden(
    "S3",
    lines=(977, 978),
    says="mayor o igual a 0.5",
    shows="Then it keeps the surest box and discards those that overlap it with an IoU of 0.5 or more.",
)
def test_overlapping_boxes_are_discarded():
    surest = [0.0, 0, 4, 2]
    overlapping = np.array([surest, [0, 0, 2, 2], [0, 0, 1.99, 2], [9, 9, 10, 10]])
    assert boxes.iou(overlapping[:1], overlapping)[0].tolist() == pytest.approx([1, 0.5, 0.4975, 0])
    assert boxes.non_max_suppression(overlapping, np.array([0.9, 0.8, 0.7, 0.95])).tolist() == [3, 0, 2]


PORTRAIT, LANDSCAPE = (0.8, 0.3), (0.3, 0.8)
ANCHORS = np.array([PORTRAIT, LANDSCAPE])


@pytest.mark.golden(
    "S3",
    line=1003,
    says=("anchor box 1 y 2", "dos anchor boxes y tres objetos", "tipo 2", "entre 5 y 10"),
    shows="Two anchors serve two objects of a cell, tall and wide; a third, or two of one shape, find no room.",
)
def test_two_anchors_serve_two_objects():
    person, car = [0.5, 0.5, 0.7, 0.25], [0.5, 0.5, 0.25, 0.7]
    y = boxes.yolo_encode_anchors(np.array([person, car]), np.array([PEDESTRIAN, CAR]), 1, 3, ANCHORS)
    assert y[0, 0, 0, 5:].argmax() == PEDESTRIAN
    assert y[0, 0, 1, 5:].argmax() == CAR
    with pytest.raises(ValueError, match="two objects"):
        boxes.yolo_encode_anchors(np.array([person, car, car]), np.array([0, 1, 2]), 1, 3, ANCHORS)
    with pytest.raises(ValueError, match="two objects"):
        boxes.yolo_encode_anchors(np.array([person, person]), np.array([0, 0]), 1, 3, ANCHORS)
    shapes = np.random.default_rng(2).uniform(0.1, 0.9, size=(300, 2))
    fits = [boxes.mean_iou(shapes, boxes.anchors_by_kmeans(shapes, k, np.random.default_rng(0), 3)) for k in (2, 5, 10)]
    assert fits == sorted(fits)


@pytest.mark.golden(
    "S3",
    line=1010,
    says=("3 \\times 3 \\times 2 \\times 8", "19 \\times 19 \\times 40"),
    shows="Targets with two anchors on a grid of 3x3, and with five on one of 19x19: eight numbers for each anchor.",
)
def test_targets_with_anchors():
    nothing, labels = np.zeros((0, 4)), np.zeros(0, dtype=np.int64)
    assert boxes.yolo_encode_anchors(nothing, labels, 3, 3, ANCHORS).shape == (3, 3, 2, 8)
    fine = boxes.yolo_encode_anchors(nothing, labels, 19, 3, np.ones((5, 2)))
    assert fine.reshape(19, 19, -1).shape == (19, 19, 40)


@pytest.mark.golden(
    "S3",
    line=1010,
    says=("elemento 1x1", "3x2 de tamaño 16", "0 1 0"),
    shows="A car in the lower middle cell: the first eight of its 16 numbers say nothing, the others say car.",
)
def test_target_of_the_car_in_the_lower_middle_cell():
    y = boxes.yolo_encode_anchors(np.array([[0.5, 0.85, 0.25, 0.6]]), np.array([CAR]), 3, 3, ANCHORS)
    assert y[0, 0, :, 0].tolist() == [0, 0]
    cell = y[2, 1].ravel()  # third row, second column
    assert len(cell) == 16
    assert (cell[0], cell[8]) == (0, 1)
    assert cell[9:13].tolist() == pytest.approx([0.5, 0.55, 0.75, 1.8])
    assert cell[13:].tolist() == [0, 1, 0]


@pytest.mark.golden(
    "S3",
    lines=(1022, 1024),
    says="dos cajas",
    shows="With two anchors every cell predicts two boxes, 18 on a grid of 3x3; suppression works class by class.",
)
def test_every_cell_predicts_two_boxes():
    y = np.zeros((3, 3, 2, 8))
    y[..., 0], y[..., 1:5] = 0.9, 0.5
    y[..., 0, 5 + PEDESTRIAN] = y[..., 1, 5 + CAR] = 1
    assert len(boxes.yolo_decode(y).boxes) == 18
    # The two boxes of a cell are the same here, and both stay: they are of different classes.
    assert len(boxes.yolo_predict(y).boxes) == 18
    y[..., 5:] = [1, 0, 0]
    assert len(boxes.yolo_predict(y).boxes) == 9


@pytest.mark.golden(
    "S3",
    line=1062,
    says=("99%", "100 personas", "99.9%"),
    shows="Who compares a face with 100 persons at 99 % is right in 37 % of cases; at 99.9 % in 90 %.",
)
def test_recognition_among_100_persons():
    assert faces.recognition_accuracy(0.99, 100) == pytest.approx(0.366, abs=5e-4)
    assert faces.recognition_accuracy(0.999, 100) == pytest.approx(0.905, abs=5e-4)
    rng = np.random.default_rng(0)
    all_right = (rng.random((20_000, 100)) < 0.99).all(axis=1).mean()
    assert all_right == pytest.approx(faces.recognition_accuracy(0.99, 100), abs=0.01)


@pytest.mark.golden(
    "S3",
    lines=(1065, 1067),
    says=("1:1", "1:K"),
    shows="Verification compares a face with the one that is claimed, recognition with all K that are stored.",
)
def test_one_to_one_and_one_to_many():
    rng = np.random.default_rng(0)
    stored = rng.normal(size=(128, 6))
    visitor = stored[:, [4]] + 0.01
    claimed = [bool(faces.same_person(visitor, stored[:, [k]], 0.5)) for k in range(6)]
    assert claimed == [False] * 4 + [True, False]
    assert faces.recognize(visitor, stored, 0.5) == 4


@pytest.mark.golden(
    "S3",
    lines=(1074, 1083),
    says=("4 empleados", "Softmax (5)", "Softmax(6)"),
    shows="A softmax for four persons and nobody has five outputs, and must grow to six for a new one; a store of "
    "encodings only gets one more column.",
)
def test_a_new_employee():
    rng = np.random.default_rng(0)

    def outputs(num_persons):
        (head,) = network.initialize((128, num_persons + 1), xavier, np.random.default_rng(0))
        return len(head.b)

    assert (outputs(4), outputs(5)) == (5, 6)
    stored, new = rng.normal(size=(128, 4)), rng.normal(size=(128, 1))
    assert faces.recognize(new, stored, 1.0) == faces.NOT_RECOGNIZED
    assert faces.recognize(new, np.hstack([stored, new]), 1.0) == 4


@pytest.mark.golden(
    "S3",
    lines=(1108, 1110),
    says="\\|f(x^{(i)}) - f(x^{(j)})\\|^2",
    shows="Two faces are as far apart as the squared length of the difference of their encodings.",
)
def test_distance_of_encodings():
    rng = np.random.default_rng(0)
    f_i, f_j = rng.normal(size=(128, 3)), rng.normal(size=(128, 3))
    np.testing.assert_allclose(faces.distance(f_i, f_j), np.linalg.norm(f_i - f_j, axis=0) ** 2, rtol=1e-12)
    fast = torch.nn.functional.pairwise_distance(torch.tensor(f_i.T), torch.tensor(f_j.T), eps=0) ** 2
    np.testing.assert_allclose(faces.distance(f_i, f_j), fast.numpy(), rtol=1e-9)


@pytest.mark.golden(
    "S3",
    lines=(1140, 1142),
    says=("{\\alpha} + 2 \\leq 0", "\\vec{0}"),
    shows="What an anchor, a positive and a negative must fulfil, so that encodings of zero do not.",
    right="d(A, P) - d(A, N) + alpha <= 0",
    why="The margin was misread: it is added, in place of the 2, and divides nothing.",
)
def test_the_margin_is_added():
    rng = np.random.default_rng(0)
    zero = np.zeros((128, 1))
    assert faces.violation(zero, zero, zero, alpha=0.0) <= 0  # without a margin encodings of zero would do
    assert faces.violation(zero, zero, zero, alpha=0.2) == 0.2
    A, P, N = (rng.normal(size=(128, 4)) for _ in range(3))
    margin = faces.violation(A, P, N, alpha=0.2) - (faces.distance(A, P) - faces.distance(A, N))
    np.testing.assert_allclose(margin, 0.2, rtol=1e-9)


@pytest.mark.golden(
    "S3",
    line=1144,
    says=("0.5", "0.51", "0.2", "0.7"),
    shows="With d(A, P) = 0.5 a negative at 0.51 would do without a margin; a margin of 0.2 asks for 0.7.",
)
def test_the_margin_of_the_example():
    def loss(d_positive, d_negative, alpha):
        A = np.zeros((2, 1))
        P, N = np.array([[np.sqrt(d_positive)], [0.0]]), np.array([[0.0], [np.sqrt(d_negative)]])
        return faces.triplet_loss(A, P, N, alpha).item()

    assert loss(0.5, 0.51, alpha=0.0) == 0
    assert loss(0.5, 0.51, alpha=0.2) == pytest.approx(0.19)
    assert loss(0.5, 0.7, alpha=0.2) == pytest.approx(0, abs=1e-12)
    assert loss(0.5, 0.69, alpha=0.2) > 0.009


@pytest.mark.golden(
    "S3",
    lines=(1148, 1153),
    says=("{\\alpha} + 2}_{\\alpha}, 0", "\\sum_{i=1}^m L("),
    shows="The triplet loss, and its sum over all triplets.",
    right="max(d(A, P) - d(A, N) + alpha, 0)",
    why="Again the margin was read as a division and a 2.",
)
def test_triplet_loss():
    rng = np.random.default_rng(0)
    A, P, N = (rng.normal(size=(128, 50)) for _ in range(3))
    loss = faces.triplet_loss(A, P, N, alpha=0.2)
    by_hand = np.maximum(((A - P) ** 2).sum(axis=0) - ((A - N) ** 2).sum(axis=0) + 0.2, 0)
    np.testing.assert_allclose(loss, by_hand, rtol=1e-9)
    assert 5 < (loss == 0).sum() < 45
    assert faces.triplet_cost(A, P, N, alpha=0.2) == pytest.approx(loss.sum())


@pytest.mark.golden(
    "S3",
    line=1155,
    says=("10k", "1k"),
    shows="10,000 pictures of 1,000 persons are ten of each: 90 pairs of every person, and 899 million triplets.",
)
def test_triplets_of_ten_thousand_pictures():
    def by_rule(persons, each=10):
        return persons * each * (each - 1) * each * (persons - 1)

    assert by_rule(1000) == 899_100_000
    for persons in (2, 3, 5):
        assert faces.all_triplets(np.repeat(np.arange(persons), 10_000 // 1_000)).shape[1] == by_rule(persons)


@pytest.mark.golden(
    "S3",
    line=1169,
    says=("\\sum_{k=1}^{128} w_i", "_{+ b}"),
    shows="A logistic unit on the differences of two encodings of 128 numbers says whether both show one person.",
    right="sigma(sum over k of w_k |f(x_i)_k - f(x_j)_k|, plus b)",
    why="Each of the 128 differences has its own weight, so the weight carries the sum's index; b is added once.",
)
def test_head_on_differences():
    rng = np.random.default_rng(0)
    f_i, f_j = rng.normal(size=(128, 4)), rng.normal(size=(128, 4))
    w, b = rng.normal(size=(1, 128)) / 11, np.array([[0.3]])
    yhat = faces.head(w, b, faces.absolute_difference(f_i, f_j))
    z = [sum(w[0, k] * abs(f_i[k, m] - f_j[k, m]) for k in range(128)) + 0.3 for m in range(4)]
    np.testing.assert_allclose(yhat[0], 1 / (1 + np.exp(-np.array(z))), rtol=1e-12)


@pytest.mark.golden(
    "S3",
    line=1174,
    says="(f(x^{(i)})_k - f(x^{(j)})_k)^2",
    shows="The chi-square difference of two numbers of an encoding: 1 for 1 and 3, and 0 for equal ones.",
)
def test_chi_square_difference():
    u = faces.chi_square(np.array([[1.0], [2.0], [0.0]]), np.array([[3.0], [2.0], [4.0]]))
    assert u.ravel().tolist() == [(1 - 3) ** 2 / (1 + 3), 0, (0 - 4) ** 2 / (0 + 4)] == [1, 0, 4]


@pytest.mark.golden(
    "S3",
    lines=(1237, 1238),
    says=("100x100x3", "minimizar J(G)"),
    shows="A generated picture of 100x100x3 starts at random, and each step of gradient descent lowers its cost.",
)
def test_a_generated_picture_starts_at_random():
    C, S, G = np.random.default_rng(0).random((3, 100, 100, 3))
    costs = generation_costs(G, C, S, num_steps=10)
    first = style.total_cost(style.content_cost(C, G), style.style_cost(S, G), alpha=1.0, beta=1e4)
    assert costs[0] == pytest.approx(first)
    assert (np.diff(costs) < 0).all()


@pytest.mark.golden(
    "S3",
    line=1249,
    says="\\frac{1}{2} \\|a^{[l](C)} - a^{[l](G)}\\|^2",
    shows="The content cost is half the squared difference: for all ones against all zeros, half their number.",
)
def test_content_cost():
    rng = np.random.default_rng(0)
    zeros, ones = np.zeros((4, 5, 3)), np.ones((4, 5, 3))
    assert style.content_cost(zeros, ones) == 4 * 5 * 3 / 2
    a_C, a_G = rng.normal(size=(2, 4, 5, 3))
    assert style.content_cost(a_C, a_G) == pytest.approx(np.linalg.norm(a_C - a_G) ** 2 / 2)


@pytest.mark.golden(
    "S3",
    lines=(1271, 1281),
    says=("k=1, \\dots, n_c", "\\sum_{i=1}^{n_h} \\sum_{j=1}^{n_w}"),
    shows="The style matrix has an entry for every two channels: the sum over all places of the product of both.",
)
def test_style_matrix():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4, 5, 3))
    by_hand = [[sum(a[i, j, k] * a[i, j, l] for i in range(4) for j in range(5)) for l in range(3)] for k in range(3)]  # noqa: E741
    np.testing.assert_allclose(style.gram_matrix(a), by_hand, rtol=1e-12)


@pytest.mark.golden(
    "S3",
    line=1285,
    says="\\|_F^2",
    shows="The style cost before it is divided: the squared Frobenius norm of the difference of two style matrices.",
)
def test_style_cost_as_a_norm():
    rng = np.random.default_rng(0)
    a_S, a_G = rng.normal(size=(2, 4, 5, 3))
    norm = np.linalg.norm(style.gram_matrix(a_S) - style.gram_matrix(a_G), ord="fro")
    assert style.frobenius_style_cost(a_S, a_G) == pytest.approx(norm**2)


@pytest.mark.golden(
    "S3",
    line=1288,
    says=("(2n_H^{[l]} n_W^{[l]} n_C^{[l]})^2", "(G_{kk'}^{[l](s)} - G_{kk'}^{[l](G)})$$"),
    shows="The style cost of a layer, divided by the square of twice its number of activations.",
    right="sum of (G(S) - G(G))^2",
    why="Without the square the sum changes its sign with the two pictures, and can be made as low as one likes.",
)
def test_style_cost_is_squared():
    rng = np.random.default_rng(0)
    a_S, a_G = rng.normal(size=(2, 4, 5, 3))
    difference = style.gram_matrix(a_S) - style.gram_matrix(a_G)
    factor = 1 / (2 * 4 * 5 * 3) ** 2
    assert style.style_cost(a_S, a_G) == pytest.approx(factor * (difference**2).sum())
    assert style.style_cost(a_S, a_G) == pytest.approx(style.style_cost(a_G, a_S))
    assert style.style_cost(a_S, a_G) != pytest.approx(factor * difference.sum())
