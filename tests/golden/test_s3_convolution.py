"""Figures of Borghi's *Convolutional Neural Networks*, week 1: edges, padding, strides, layers, counts."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize
from rumbo.reference import convolution, network
from rumbo.reference.convolution import HORIZONTAL, SCHARR, SOBEL, VERTICAL, cross_correlate_matrix
from rumbo.reference.initializers import zeros

PICTURE = np.array(
    [
        [3, 0, 1, 2, 7, 4],
        [1, 5, 8, 9, 3, 1],
        [2, 7, 2, 5, 1, 3],
        [0, 1, 3, 1, 7, 8],
        [4, 2, 1, 6, 2, 8],
        [2, 4, 5, 2, 3, 9],
    ],
    dtype=np.float64,
)
BRIGHT_LEFT = np.array([[10.0, 10, 10, 0, 0, 0]] * 6)


def by_torch(A, W, stride=1):
    picture, kernel = (torch.tensor(array.copy())[None, None] for array in (A, W))
    return F.conv2d(picture, kernel, stride=stride)[0, 0].numpy()


def sizes_of(layer, *shape):
    with torch.device("meta"):
        return tuple(layer(torch.zeros(1, *shape)).shape[1:])


@pytest.mark.golden(
    "S3",
    line=153,
    says="3 mil millones",
    shows="Weights of a dense layer of 1,000 units on a picture of 1,000 x 1,000 px in colour.",
)
def test_a_dense_layer_on_a_large_picture():
    num_inputs = 1000 * 1000 * 3
    with torch.device("meta"):
        layer = nn.Linear(num_inputs, 1000)
    assert layer.weight.numel() == 3_000_000_000
    assert convolution.num_dense_parameters(num_inputs, 1000) == pytest.approx(3e9, rel=1e-5)


@pytest.mark.golden(
    "S3",
    lines=(164, 166),
    says=("6 \\times 6 \\times 1", "3×3", "8 \\times -1 + 2 \\times -1 = -5"),
    shows="The filter for vertical edges on the upper left corner of the example: nine products, together -5.",
)
def test_first_element_of_the_edge_example():
    assert (PICTURE[:3, :3] * VERTICAL).sum() == -5
    assert cross_correlate_matrix(PICTURE, VERTICAL)[0, 0] == -5


@pytest.mark.golden(
    "S3",
    lines=(168, 192),
    says=("-5 -4 0 8", "-10 -2 2 3", "0 -2 -4 -7", "-3 -2 -3 -16", "6×6", "4×4"),
    shows="A picture of 6x6 and the filter for vertical edges give 4x4 numbers.",
)
def test_the_edge_example():
    wanted = [[-5, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]]
    assert cross_correlate_matrix(PICTURE, VERTICAL).tolist() == wanted
    assert by_torch(PICTURE, VERTICAL).tolist() == wanted


@pytest.mark.golden(
    "S3",
    line=198,
    says=("6×6", "3×3", "output image of size 3×3"),
    shows="Size of what a filter of 3x3 leaves of a picture of 6x6.",
    right="4x4",
    why="6 - 3 + 1 = 4; the same picture gave 4x4 a few lines before.",
)
def test_a_picture_of_6_leaves_4():
    assert convolution.output_size(6, f=3) == 4
    assert cross_correlate_matrix(BRIGHT_LEFT, VERTICAL).shape == (4, 4)


@pytest.mark.golden(
    "S3",
    line=206,
    says=("0, 10, 10, 10, 10, 10", "-30"),
    shows="On a picture that is dark on the left and bright on the right the vertical filter gives -30 in the middle.",
    right="0, 0, 0, 10, 10, 10",
    why="The caption's row has its edge at the left side, and so would the -30 be; dark and bright halves, as the text "
    "has them, give 0, -30, -30, 0.",
)
def test_dark_to_bright_is_negative():
    dark_left = BRIGHT_LEFT[:, ::-1]
    assert cross_correlate_matrix(dark_left, VERTICAL).tolist() == [[0, -30, -30, 0]] * 4
    as_captioned = np.array([[0.0, 10, 10, 10, 10, 10]] * 6)
    assert cross_correlate_matrix(as_captioned, VERTICAL).tolist() == [[-30, 0, 0, 0]] * 4


@pytest.mark.golden(
    "S3",
    lines=(214, 216),
    says=("1 1 1", "0 0 0", "-1 -1 -1"),
    shows="The filter for horizontal edges is the one for vertical edges with rows and columns exchanged.",
)
def test_the_horizontal_filter():
    assert HORIZONTAL.tolist() == [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]
    np.testing.assert_array_equal(
        cross_correlate_matrix(PICTURE.T, HORIZONTAL), cross_correlate_matrix(PICTURE, VERTICAL).T
    )


CHECKERS = np.block([[np.full((3, 3), 10.0), np.zeros((3, 3))], [np.zeros((3, 3)), np.full((3, 3), 10.0)]])


@pytest.mark.golden(
    "S3",
    line=222,
    says=("6x6", "3x3", "4x4", "central element is 30"),
    shows="Where the largest answers of the horizontal filter stand in its example.",
    right="30 at the left end of the two middle rows; the central elements are 10 and -10",
    why="The filter answers where all three of its columns see the edge; in the middle it sees both edges, which "
    "nearly cancel.",
)
def test_the_centre_of_the_horizontal_example():
    Z = cross_correlate_matrix(CHECKERS, HORIZONTAL)
    assert Z.shape == (4, 4)
    assert Z[1:3, 1:3].tolist() == [[10, -10], [10, -10]]
    assert np.argwhere(Z == 30).tolist() == [[1, 0], [2, 0]]
    assert Z.max() == 30


@pytest.mark.golden(
    "S3",
    lines=(224, 242),
    says=("10 10 10 0 0 0", "0 0 0 10 10 10", "30 10 -10 -30"),
    shows="A picture of four squares, bright and dark, and the filter for horizontal edges.",
)
def test_the_horizontal_example():
    wanted = [[0, 0, 0, 0], [30, 10, -10, -30], [30, 10, -10, -30], [0, 0, 0, 0]]
    assert cross_correlate_matrix(CHECKERS, HORIZONTAL).tolist() == wanted
    assert by_torch(CHECKERS, HORIZONTAL).tolist() == wanted


def answers(W):
    """To a vertical edge of height 1, to a horizontal one, to a picture without edges."""
    edge = BRIGHT_LEFT / 10
    return [float(cross_correlate_matrix(A, W).max()) for A in (edge, edge.T, np.ones((6, 6)))]


@pytest.mark.golden(
    "S3",
    lines=(246, 248),
    says="1 0 -1",
    shows="The simple filter for vertical edges: 3 at an edge of height 1, and 0 where there is none.",
)
def test_the_vertical_filter():
    assert VERTICAL.tolist() == [[1, 0, -1]] * 3
    assert answers(VERTICAL) == [3, 0, 0]


@pytest.mark.golden(
    "S3",
    lines=(252, 254),
    says=("1 0 -1", "2 0 -2"),
    shows="The Sobel filter counts the middle row twice: 4 at an edge of height 1.",
)
def test_the_sobel_filter():
    assert SOBEL.tolist() == [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    assert answers(SOBEL) == [4, 0, 0]


@pytest.mark.golden(
    "S3",
    lines=(258, 260),
    says=("3 0 -3", "10 0 -10"),
    shows="The Scharr filter weighs the rows 3, 10 and 3: 16 at an edge of height 1.",
)
def test_the_scharr_filter():
    assert SCHARR.tolist() == [[3, 0, -3], [10, 0, -10], [3, 0, -3]]
    assert answers(SCHARR) == [16, 0, 0]


@pytest.mark.golden(
    "S3",
    lines=(276, 280),
    says=("6×6", "n-f+1 \\times n-f+1", "6-3+1=4"),
    shows="A filter of side f leaves n - f + 1 of n pixels: 4 of 6.",
)
def test_output_size_without_padding():
    assert convolution.output_size(6, f=3) == 4
    for n, f in itertools.product((5, 6, 9), (1, 2, 3, 5)):
        assert convolution.output_size(n, f) == n - f + 1
        assert cross_correlate_matrix(np.ones((n, n)), np.ones((f, f))).shape == (n - f + 1,) * 2


@pytest.mark.golden(
    "S3",
    line=294,
    says=("8x8", "6x6"),
    shows="A border of one pixel makes the picture of 6x6 one of 8x8, and the output one of 6x6.",
)
def test_padding_by_one_keeps_6():
    padded = convolution.pad(PICTURE[None, :, :, None], 1)
    assert padded.shape == (1, 8, 8, 1)
    assert convolution.cross_correlate(padded, VERTICAL[:, :, None, None]).shape == (1, 6, 6, 1)


@pytest.mark.golden(
    "S3",
    lines=(303, 305),
    says=("p = 1", "n+2p-f+1", "6+2-3+1"),
    shows="With a padding of p pixels n + 2p - f + 1 come out: 6 of 6 with p = 1 and a filter of 3x3.",
)
def test_output_size_with_padding():
    assert convolution.output_size(6, f=3, padding=1) == 6
    for n, f, p in itertools.product((6, 9), (2, 3, 5), (0, 1, 2)):
        assert convolution.output_size(n, f, p) == n + 2 * p - f + 1
        assert sizes_of(nn.Conv2d(1, 1, f, padding=p), 1, n, n) == (1, n + 2 * p - f + 1, n + 2 * p - f + 1)


@pytest.mark.golden(
    "S3",
    line=314,
    says=("p+2p-f+1 = p", "\\frac{f-1}{2}"),
    shows="The padding that keeps a picture's size is p = (f - 1) / 2.",
    right="n + 2p - f + 1 = n",
    why="The size that is kept is n; the printed equation has p in its place, twice, and yet comes to the right p.",
)
def test_same_padding():
    for n, f in itertools.product((6, 11), (1, 3, 5, 7)):
        p = convolution.same_padding(f)
        assert p == (f - 1) / 2
        assert convolution.output_size(n, f, padding=p) == n
        assert sizes_of(nn.Conv2d(1, 1, f, padding="same"), 1, n, n) == (1, n, n)


@pytest.mark.golden(
    "S3",
    lines=(322, 325),
    says=("91 & 100 & 83", "69", "stride = 2"),
    shows="First row, and first element of the second, of a 7x7 picture under a 3x3 filter with stride 2.",
    right="91, 100, 88",
    why="6*3 + 2*4 + 9*4 + 7*1 + 3*2 - 8 + 7*3 = 88.",
)
def test_the_strided_example():
    picture = np.array(
        [
            [2, 3, 7, 4, 6, 2, 9],
            [6, 6, 9, 8, 7, 4, 3],
            [3, 4, 8, 3, 8, 9, 7],
            [7, 8, 3, 6, 6, 3, 4],
            [4, 2, 1, 8, 3, 4, 6],
            [3, 2, 4, 1, 9, 8, 3],
            [0, 1, 3, 9, 2, 1, 4],
        ],
        dtype=np.float64,
    )
    W = np.array([[3.0, 4, 4], [1, 0, 2], [-1, 0, 3]])
    Z = cross_correlate_matrix(picture, W, stride=2)
    assert Z.shape == (3, 3)
    assert Z[0].tolist() == [91, 100, 88]
    assert Z[1, 0] == 69
    assert by_torch(picture, W, stride=2).tolist() == Z.tolist()


@pytest.mark.golden(
    "S3",
    line=327,
    says=("= 2", "a 2 pasos en lugar de 1"),
    shows="With stride 2 every second place of the picture is met, and every second output is left.",
)
def test_a_stride_of_2_takes_every_second_output():
    every = cross_correlate_matrix(PICTURE, VERTICAL)
    assert cross_correlate_matrix(PICTURE, VERTICAL, stride=2).tolist() == every[::2, ::2].tolist()


@pytest.mark.golden(
    "S3",
    lines=(336, 338),
    says=("\\frac{n+2p-f}{s} + 1", "\\text{floor}(z)"),
    shows="The output has floor((n + 2p - f) / s) + 1 places a side.",
)
def test_output_size_with_stride():
    for n, f, p, s in itertools.product((7, 8, 11), (2, 3, 5), (0, 1, 2), (1, 2, 3)):
        size = int(np.floor((n + 2 * p - f) / s + 1))
        assert convolution.output_size(n, f, p, s) == size
        assert sizes_of(nn.Conv2d(1, 1, f, s, p), 1, n, n) == (1, size, size)


@pytest.mark.golden(
    "S3",
    lines=(393, 397),
    says=("f^{[l]} \\times f^{[l]} \\times n_c^{[l]}", "n_c^{[l]} \\times n_c^{[l]}"),
    shows="Shapes of one filter of layer l, and of all its filters.",
    right="f x f x n_c[l-1], and f x f x n_c[l-1] x n_c[l]",
    why="A filter reaches over the channels of the layer before; how many filters there are is the layer's own number.",
)
def test_a_filter_is_as_deep_as_the_layer_before():
    rng = np.random.default_rng(0)
    A_prev, W = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(3, 3, 3, 5))
    assert convolution.cross_correlate(A_prev, W).shape == (2, 4, 4, 5)
    with pytest.raises(ValueError, match="shape-mismatch"):
        convolution.cross_correlate(A_prev, rng.normal(size=(3, 3, 5, 5)))
    assert nn.Conv2d(3, 5, 3).weight.shape == (5, 3, 3, 3)


@pytest.mark.golden(
    "S3",
    line=399,
    says="(1, 1, 1, n_c^{[l]})",
    shows="One bias for each filter, the same for all examples and all places.",
)
def test_one_bias_a_filter():
    rng = np.random.default_rng(0)
    A_prev, W, b = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(3, 3, 3, 5)), rng.normal(size=(1, 1, 1, 5))
    without = convolution.cross_correlate(A_prev, W)
    np.testing.assert_allclose(convolution.cross_correlate(A_prev, W, b) - without, np.broadcast_to(b, without.shape))
    np.testing.assert_array_equal(
        convolution.cross_correlate(A_prev, W, b), convolution.cross_correlate(A_prev, W, b.ravel())
    )
    assert nn.Conv2d(3, 5, 3).bias.numel() == 5


@pytest.mark.golden(
    "S3",
    lines=(401, 403),
    says=("n_H^{[l-1]} + 2p^{[l]} - f^{[l]}", "+ 1"),
    shows="Height after a layer, from the height before it and the layer's filter, padding and stride.",
)
def test_height_and_width_after_a_layer():
    A_prev = np.zeros((1, 9, 12, 2))
    for f, p, s in itertools.product((3, 5), (0, 1), (1, 2)):
        Z = convolution.cross_correlate(A_prev, np.zeros((f, f, 2, 4)), stride=s, padding=p)
        assert Z.shape == (1, (9 + 2 * p - f) // s + 1, (12 + 2 * p - f) // s + 1, 4)
        assert convolution.output_sizes((9, 12), (f, f), p, s) == Z.shape[1:3]


@pytest.mark.golden(
    "S3",
    line=412,
    says="(39 + 0 - 3) / 1 + 1 = 37",
    shows="The example's picture of 39 px leaves its first layer, a filter of 3x3, with 37 px.",
)
def test_first_layer_of_the_example_network():
    assert convolution.output_size(39, f=3, padding=0, stride=1) == 37
    assert sizes_of(nn.Conv2d(3, 10, 3), 3, 39, 39) == (10, 37, 37)


@pytest.mark.golden(
    "S3",
    line=456,
    says=("400", "120"),
    shows="The first dense layer of the network for digits: 400 inputs, 120 units.",
)
def test_first_dense_layer_of_the_digit_network():
    (layer,) = network.initialize((5 * 5 * 16, 120), zeros, np.random.default_rng(0))
    assert (layer.W.shape, layer.b.shape) == ((120, 400), (120, 1))
    dense = [row for row in summarize(digit_network(), DIGIT_INPUT).rows if row.kind == "Linear"]
    assert dense[0].num_parameters == layer.W.size + layer.b.size


DIGIT_INPUT = InputSpec(image=(3, 32, 32))


def digit_network():
    """LeNet-5 as the course draws it, with 8 and 16 filters."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 5), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10),
    )  # fmt: skip


@pytest.mark.golden(
    "S3",
    lines=(479, 486),
    says=("(32,32,3) 3,072", "(28,28,8) 6,272", "(14,14,8) 1,568", "(10,10,16) 1,600", "(5,5,16) 400", "(120,1) 120"),
    shows="Row by row: shapes and numbers of activations of a network for digits of 32x32 px in colour.",
)
def test_activations_of_the_digit_network():
    rows = [row for row in summarize(digit_network(), DIGIT_INPUT).rows if row.kind != "Flatten"]
    shapes = [(8, 28, 28), (8, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]
    assert [row.output_shape for row in rows] == shapes
    sizes = [int(np.prod(shape)) for shape in (DIGIT_INPUT.image, *shapes)]
    assert sizes == [3072, 6272, 1568, 1600, 400, 120, 84, 10]


@pytest.mark.golden(
    "S3",
    lines=(480, 486),
    says=("208", "416", "48,001", "10,081", "841"),
    shows="Row by row: parameters of a network for digits of 32x32 px in colour.",
    right="608, 3,216, 48,120, 10,164, 850; poolings 0",
    why="The convolutions are counted as if their input had one channel, the dense layers with one bias for all units.",
)
def test_parameters_of_the_digit_network():
    rows = [row for row in summarize(digit_network(), DIGIT_INPUT).rows if row.kind != "Flatten"]
    assert [row.num_parameters for row in rows] == [608, 0, 3216, 0, 48_120, 10_164, 850]
    filters = [convolution.num_parameters((5, 5), *channels) for channels in ((3, 8), (8, 16))]
    dense = [convolution.num_dense_parameters(*sizes) for sizes in ((400, 120), (120, 84), (84, 10))]
    assert filters + dense == [608, 3216, 48_120, 10_164, 850]
    printed = [convolution.num_parameters((5, 5), 1, c) for c in (8, 16)] + [400 * 120 + 1, 120 * 84 + 1, 84 * 10 + 1]
    assert printed == [208, 416, 48_001, 10_081, 841]  # how the notes come to theirs


@pytest.mark.golden(
    "S3",
    line=495,
    says="14M",
    shows="Weights of a dense layer between a picture of 32x32x3 and a volume of 28x28x6.",
)
def test_a_dense_layer_in_place_of_a_convolution():
    parameters = convolution.num_dense_parameters(32 * 32 * 3, 28 * 28 * 6)
    assert parameters / 1e6 == pytest.approx(14.5, abs=0.05)
    with torch.device("meta"):
        assert sum(p.numel() for p in nn.Linear(3072, 4704).parameters()) == parameters


@pytest.mark.golden(
    "S3",
    line=495,
    says="5 \\times 5 \\times 6 = 156",
    shows="Parameters of six filters of 5x5 on a picture in colour.",
    right="(5 * 5 * 3 + 1) * 6 = 456",
    why="5 * 5 * 6 is 150; with six biases it is 156 for one channel, and a picture in colour has three.",
)
def test_parameters_of_six_filters():
    assert convolution.num_parameters((5, 5), 1, 6) == 156
    assert convolution.num_parameters((5, 5), 3, 6) == 456
    assert sum(p.numel() for p in nn.Conv2d(3, 6, 5).parameters()) == 456


@pytest.mark.golden(
    "S3",
    line=502,
    says=("10 & 10 & 10 & 0 & 0 & 0", "1 & 0 & -1", "0 & 30 & 30 & 0"),
    shows="A picture that is bright on the left and dark on the right, and the filter for vertical edges.",
)
def test_bright_to_dark_is_positive():
    assert cross_correlate_matrix(BRIGHT_LEFT, VERTICAL).tolist() == [[0, 30, 30, 0]] * 4
    assert by_torch(BRIGHT_LEFT, VERTICAL).tolist() == [[0, 30, 30, 0]] * 4


@pytest.mark.golden(
    "S3",
    line=504,
    says=("valor 0", "3x3"),
    shows="Sparse connections: the first output, a 0, depends on the nine pixels of the upper left corner alone.",
)
def test_an_output_depends_on_nine_pixels():
    picture, filters = BRIGHT_LEFT[None, :, :, None], np.random.default_rng(0).normal(size=(3, 3, 1, 1))
    dZ = np.zeros((1, 4, 4, 1))
    dZ[0, 0, 0, 0] = 1
    reached = convolution.cross_correlate_backward(dZ, picture, filters).dA_prev[0, :, :, 0] != 0
    assert reached[:3, :3].all()
    assert reached.sum() == 9
    assert cross_correlate_matrix(BRIGHT_LEFT, VERTICAL)[0, 0] == 0


LENET5 = InputSpec(image=(1, 32, 32))


@pytest.mark.golden(
    "S3",
    line=546,
    says=("32x32x1", "6 filtros de 5x5", "28x28x6", "10 valores"),
    shows="LeNet-5: six filters of 5x5 without padding take 32x32x1 to 28x28x6; at the end there are 10 answers.",
)
def test_first_and_last_layer_of_lenet5():
    rows = summarize(models.build("lenet5", LENET5, 10), LENET5).rows
    assert (rows[0].output_shape, rows[-1].output_shape) == ((6, 28, 28), (10,))
    assert rows[0].num_parameters == convolution.num_parameters((5, 5), 1, 6)
    assert convolution.output_size(32, f=5, stride=1, padding=0) == 28


@pytest.mark.golden("S3", line=550, says="60k", shows="Parameters of LeNet-5, in thousands.")
def test_parameters_of_lenet5():
    assert summarize(models.build("lenet5", LENET5, 10), LENET5).num_parameters == pytest.approx(60e3, rel=0.03)
