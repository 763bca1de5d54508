"""Figures of S0 on convolution, pooling, layers and their parameters, and the published networks."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torchvision.models.googlenet import Inception

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize
from rumbo.models.weights import fit_state
from rumbo.reference import convolution
from rumbo.reference.convolution import cross_correlate, cross_correlate_backward, cross_correlate_matrix, output_size
from rumbo.reference.pooling import max_pool

IMAGENET = InputSpec(image=(3, 224, 224))

PICTURE = np.array(
    [
        [3.0, 0, 1, 2, 7, 4],
        [1, 5, 8, 9, 3, 1],
        [2, 7, 2, 5, 1, 3],
        [0, 1, 3, 1, 7, 8],
        [4, 2, 1, 6, 2, 8],
        [2, 4, 5, 2, 3, 9],
    ]
)


def by_torch(picture, filter_, **options):
    """The same by torch, in float64."""
    picture, filter_ = torch.from_numpy(picture), torch.from_numpy(filter_)
    return nn.functional.conv2d(picture[None, None], filter_[None, None], **options)[0, 0].numpy()


def on_paper(name, spec, num_classes, **options):
    """Sizes only: no memory, no arithmetic."""
    with torch.device("meta"):
        return summarize(models.build(name, spec, num_classes, **options), spec)


def num_layers(summary):
    """Layers with weights, as papers count them: without the shortcuts' projections."""
    return sum(row.kind in ("Conv2d", "Linear") and "downsample" not in row.name for row in summary.rows)


@pytest.mark.golden(
    "S0",
    line=2061,
    says="3 mil millones",
    shows="A color picture of 1,000 by 1,000 pixels, fully connected to 1,000 units, takes three thousand million "
    "weights.",
)
def test_weights_of_a_large_picture_fully_connected():
    summary = on_paper("mlp", InputSpec(image=(3, 1000, 1000)), 2, hidden=(1000,))
    assert max(row.num_parameters for row in summary.rows) == 3_000_000_000 + 1_000


@pytest.mark.golden(
    "S0",
    line=2073,
    says=r"= -5",
    shows="First element of the vertical edge filter's answer: the nine products sum to −5.",
)
def test_first_element_of_the_edge_filter():
    products = PICTURE[:3, :3] * convolution.VERTICAL
    np.testing.assert_array_equal(products, [[3, 0, -1], [1, 0, -8], [2, 0, -2]])
    assert cross_correlate_matrix(PICTURE[:3, :3], convolution.VERTICAL).item() == -5


@pytest.mark.golden(
    "S0",
    lines=(2071, 2109),
    says=("3\t0\t1\t-1\t2\t7\t4", "1\t5\t8\t9\t3\t1", "2\t4\t5\t2\t3\t9", "1\t0\t-1", "-5\t-4\t0\t8", "-10\t-2\t2\t3",
          "0\t-2\t-4\t-7", "-3\t-2\t-3\t-16", "4x4"),
    shows="A 6 x 6 picture under the 3 x 3 filter of vertical edges makes 4 x 4 numbers.",
    right="3 0 1 2 7 4 in the first row of the picture; the answer is right as printed",
    why="A −1 of the filter that was drawn on top of the picture slipped into its first row, which has seven numbers.",
)  # fmt: skip
def test_vertical_edges():
    right = [[-5, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]]
    np.testing.assert_array_equal(cross_correlate_matrix(PICTURE, convolution.VERTICAL), right)
    np.testing.assert_array_equal(by_torch(PICTURE, convolution.VERTICAL), right)


@pytest.mark.golden(
    "S0",
    line=2115,
    says=("3x3 output image", "0, 30, 30, 0"),
    shows="A picture of 10 on its left and 0 on its right half answers the filter with 30 in the middle.",
    right="a 4 x 4 output of four rows 0, 30, 30, 0",
    why="6 − 3 + 1 = 4, and the rows that are named have four numbers.",
)
def test_bright_to_dark():
    picture = np.repeat([[10.0, 0.0]], 3, axis=1).repeat(6, axis=0)
    assert picture.shape == (6, 6)
    answer = cross_correlate_matrix(picture, convolution.VERTICAL)
    np.testing.assert_array_equal(answer, [[0, 30, 30, 0]] * 4)
    np.testing.assert_array_equal(by_torch(picture, convolution.VERTICAL), answer)


@pytest.mark.golden(
    "S0",
    line=2123,
    says="0, -30, -30, 0",
    shows="Dark to bright, the same edge answers with −30: the sign tells the direction.",
)
def test_dark_to_bright():
    picture = np.repeat([[0.0, 10.0]], 3, axis=1).repeat(6, axis=0)
    answer = cross_correlate_matrix(picture, convolution.VERTICAL)
    np.testing.assert_array_equal(answer, [[0, -30, -30, 0]] * 4)
    np.testing.assert_array_equal(np.abs(answer), cross_correlate_matrix(10 - picture, convolution.VERTICAL))


@pytest.mark.golden(
    "S0",
    lines=(2130, 2156),
    says=("1\t1\t1", r"10 & 10 & 10 & 0 & 0 & 0 \\", r"30 & 10 & -10 & -30 \\", r"0 & 0 & 0 & 0"),
    shows="A picture of two bright and two dark quarters under the filter of horizontal edges.",
)
def test_horizontal_edges():
    bright, dark = np.full((3, 3), 10.0), np.zeros((3, 3))
    picture = np.block([[bright, dark], [dark, bright]])
    right = [[0, 0, 0, 0], [30, 10, -10, -30], [30, 10, -10, -30], [0, 0, 0, 0]]
    np.testing.assert_array_equal(convolution.HORIZONTAL, [[1, 1, 1], [0, 0, 0], [-1, -1, -1]])
    np.testing.assert_array_equal(cross_correlate_matrix(picture, convolution.HORIZONTAL), right)
    np.testing.assert_array_equal(by_torch(picture, convolution.HORIZONTAL), right)


@pytest.mark.golden(
    "S0",
    lines=(2158, 2174),
    says=("1\t0\t-1", r"2 & 0 & -2 \\", r"10 & 0 & -10 \\", "Sobel filter", "Scharr filter"),
    shows="Sobel's and Scharr's filters; both answer an even slope with one number, weighting the middle row most.",
)
def test_sobel_and_scharr():
    np.testing.assert_array_equal(convolution.VERTICAL, [[1, 0, -1]] * 3)
    np.testing.assert_array_equal(convolution.SOBEL, np.outer([1, 2, 1], [1, 0, -1]))
    np.testing.assert_array_equal(convolution.SCHARR, np.outer([3, 10, 3], [1, 0, -1]))
    slope = np.tile(np.arange(5.0), (5, 1))
    for filter_ in (convolution.VERTICAL, convolution.SOBEL, convolution.SCHARR):
        answer = cross_correlate_matrix(slope, filter_)
        np.testing.assert_array_equal(answer, -filter_[:, 0].sum() * 2)


@pytest.mark.golden(
    "S0",
    lines=(2178, 2180),
    says=("w_1\tw_2\tw_3", "w_9"),
    shows="A filter whose nine numbers are learned: fitted to the answers of the vertical filter it becomes that "
    "filter.",
)
def test_a_filter_is_learned():
    assert convolution.num_parameters((3, 3), 1, 1) - 1 == 9
    A, target = PICTURE.reshape(1, 6, 6, 1) / 5, cross_correlate_matrix(PICTURE / 5, convolution.VERTICAL)
    W = np.zeros((3, 3, 1, 1))
    for _ in range(1_500):
        dZ = cross_correlate(A, W) - target.reshape(1, 4, 4, 1)
        W -= 0.015 * cross_correlate_backward(dZ, A, W).dW
    np.testing.assert_allclose(W[:, :, 0, 0], convolution.VERTICAL, atol=1e-3)


@pytest.mark.golden(
    "S0",
    line=2186,
    says="6-3+1=4",
    shows="A 3 x 3 filter has 4 x 4 places on a 6 x 6 picture: n − f + 1.",
)
def test_size_without_padding():
    assert output_size(6, 3) == 4
    assert by_torch(PICTURE, convolution.VERTICAL).shape == (4, 4)


@pytest.mark.golden(
    "S0",
    line=2196,
    says="una única vez",
    shows="How often a pixel at the border is used.",
    right="once in the corners, up to f times elsewhere at the edge, f² times inside",
    why="A 3 x 3 filter lies on a corner once, on the pixels beside it twice and on the others of the edge three "
    "times.",
)
def test_how_often_a_pixel_is_used():
    A, W = np.ones((1, 6, 6, 1)), np.ones((3, 3, 1, 1))
    uses = cross_correlate_backward(np.ones((1, 4, 4, 1)), A, W).dA_prev[0, :, :, 0]
    np.testing.assert_array_equal(uses[0], [1, 2, 3, 3, 2, 1])
    np.testing.assert_array_equal(uses[2], [3, 6, 9, 9, 6, 3])


@pytest.mark.golden(
    "S0",
    lines=(2200, 2211),
    says=("8x8", "salida de 6x6", "$p = 1$", "6+2-3+1"),
    shows="One pixel of padding makes a 6 x 6 picture 8 x 8, and a 3 x 3 filter then gives 6 x 6 numbers.",
)
def test_size_with_padding():
    padded = convolution.pad(PICTURE.reshape(1, 6, 6, 1), 1)
    assert padded.shape == (1, 8, 8, 1)
    assert output_size(6, 3, padding=1) == 6
    assert cross_correlate_matrix(padded[0, :, :, 0], convolution.VERTICAL).shape == (6, 6)
    assert by_torch(PICTURE, convolution.VERTICAL, padding=1).shape == (6, 6)


@pytest.mark.golden(
    "S0",
    lines=(2220, 2222),
    says=(r"n+2p-f+1 \leq n+2p-f+1", r"p = \frac{f-1}{2}"),
    shows="Padding that keeps the size of the picture.",
    right="(n + 2p − f + 1) × (n + 2p − f + 1), and n + 2p − f + 1 = n gives p = (f − 1)/2",
    why="A × between the two sides was read as ≤.",
)
@pytest.mark.parametrize("f", [1, 3, 5, 7, 11])
def test_padding_that_keeps_the_size(f):
    p = convolution.same_padding(f)
    assert p == (f - 1) / 2
    assert [output_size(n, f, padding=p) for n in (11, 28, 39)] == [11, 28, 39]


@pytest.mark.golden(
    "S0",
    lines=(2230, 2255),
    says=("91\t100\t83", "69", r"\xrightarrow{7 \times 7}", "stride = 2", "3×3"),
    shows="A 7 x 7 picture under a 3 x 3 filter that moves two pixels at a time: 3 x 3 numbers, four of them printed.",
    right="91, 100, 88 and 69",
    why="The last place of the first row sums to 6·3 + 2·4 + 9·4 + 7·1 + 4·0 + 3·2 − 8·1 + 9·0 + 7·3 = 88.",
)
def test_a_filter_that_moves_by_two():
    picture = np.array(
        [
            [2.0, 3, 7, 4, 6, 2, 9],
            [6, 6, 9, 8, 7, 4, 3],
            [3, 4, 8, 3, 8, 9, 7],
            [7, 8, 3, 6, 6, 3, 4],
            [4, 2, 1, 8, 3, 4, 6],
            [3, 2, 4, 1, 9, 8, 3],
            [0, 1, 3, 9, 2, 1, 4],
        ]
    )
    filter_ = np.array([[3.0, 4, 4], [1, 0, 2], [-1, 0, 3]])
    answer = cross_correlate_matrix(picture, filter_, stride=2)
    assert answer.shape == (output_size(7, 3, stride=2),) * 2 == (3, 3)
    np.testing.assert_array_equal(answer[0], [91, 100, 88])
    assert answer[1, 0] == 69
    np.testing.assert_array_equal(by_torch(picture, filter_, stride=2), answer)


@pytest.mark.golden(
    "S0",
    line=2264,
    says=r"\left\lfloor \frac{n+2p-f}{s} + 1 \right\rfloor",
    shows="Size of what comes out, rounded down: as torch for all small pictures, filters, paddings and strides.",
)
def test_size_in_general():
    cases = [
        (n, f, p, s) for n in range(1, 12) for f in range(1, 6) for p in range(3) for s in range(1, 4) if n + 2 * p >= f
    ]
    for n, f, p, s in cases:
        by_formula = int(np.floor((n + 2 * p - f) / s + 1))
        with torch.device("meta"):
            by_layer = nn.Conv1d(1, 1, f, padding=p, stride=s)(torch.empty(1, 1, n)).shape[-1]
        assert output_size(n, f, p, s) == by_formula == by_layer


@pytest.mark.golden(
    "S0",
    lines=(2300, 2324),
    says=("$f^{(l)} \\times f^{(l)} \\times n_c^{(l)}$", r"f^{(l)} \times f^{(l)} \times n_c^{(l-1)} \times n_c^{(l)}",
          r"(1, 1, 1, n_c^{(l)})"),
    shows="Shapes of a convolutional layer: one filter, all weights, the biases, and what comes out.",
    right="each filter is f[l] × f[l] × n_c[l−1]",
    why="A filter spans all channels of its input; the number of filters is the last dimension of the weights, as "
    "the line on the weights says.",
)  # fmt: skip
def test_shapes_of_a_convolutional_layer():
    rng = np.random.default_rng(0)
    A, W, b = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(3, 3, 3, 5)), rng.normal(size=5)
    Z = cross_correlate(A, W, b)
    assert Z.shape == (2, 4, 4, 5)
    np.testing.assert_allclose(Z, cross_correlate(A, W) + b.reshape(1, 1, 1, 5), rtol=1e-12)
    assert W[..., 0].shape == (3, 3, A.shape[-1])
    with pytest.raises(ValueError, match="shape"):
        cross_correlate(A, rng.normal(size=(3, 3, 5, 5)))
    assert convolution.num_parameters((3, 3), 3, 5) == W.size + b.size


@pytest.mark.golden(
    "S0",
    line=2333,
    says="$(39 + 0 - 3) / 1 + 1 = 37$",
    shows="The first layer of the example network: a picture of 39 pixels under a filter of 3 leaves 37.",
)
def test_first_layer_of_the_example_network():
    assert output_size(39, 3, padding=0, stride=1) == 37


@pytest.mark.golden(
    "S0",
    line=2376,
    says=("400 inputs", "120"),
    shows="The first fully connected layer of LeNet-5 takes 400 numbers to 120.",
)
def test_first_fully_connected_layer():
    with torch.device("meta"):
        lenet5 = models.build("lenet5", InputSpec(image=(1, 32, 32)), 10)
    first = next(layer for layer in lenet5.modules() if isinstance(layer, nn.Linear))
    assert (first.weight.shape, first.bias.shape) == ((120, 400), (120,))


@pytest.mark.golden(
    "S0",
    lines=(2392, 2394),
    says="tipo pooling es cero",
    shows="What there is to learn in a pooling layer.",
    right="0 parameters; its two hyperparameters are the window's size and its stride",
    why="Hyperparameters are chosen, parameters are learned. The notes list those of max pooling themselves.",
)
def test_pooling_has_no_parameters():
    spec = InputSpec(image=(8, 28, 28))
    shapes = {}
    for size, stride in ((2, 2), (3, 2), (2, 1)):
        summary = summarize(nn.MaxPool2d(size, stride), spec)
        assert summary.num_parameters == 0
        shapes[size, stride] = summary.rows[0].output_shape
    assert shapes == {(2, 2): (8, 14, 14), (3, 2): (8, 13, 13), (2, 1): (8, 27, 27)}


@pytest.mark.golden(
    "S0",
    lines=(2397, 2405),
    says=("3,072", "6,272\t208", "1,568", "1,600\t416", "400\t0", "48,001", "10,081", "10\t841"),
    shows="Activation sizes and parameters of the example network, layer by layer.",
    right="the sizes as printed; 608, 3,216, 48,120, 10,164 and 850 parameters",
    why="Filters span the channels of their input, (5·5·3 + 1)·8 and (5·5·8 + 1)·16, and every unit of a fully "
    "connected layer has a bias of its own: 400·120 + 120, 120·84 + 84, 84·10 + 10.",
)
def test_table_of_the_example_network():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10),
    )  # fmt: skip
    rows = [row for row in summarize(net, InputSpec(image=(3, 32, 32))).rows if row.kind != "Flatten"]
    assert [row.num_parameters for row in rows] == [608, 0, 3216, 0, 48120, 10164, 850]
    assert 32 * 32 * 3 == 3072
    assert [int(np.prod(row.output_shape)) for row in rows] == [6272, 1568, 1600, 400, 120, 84, 10]
    shapes = [row.output_shape for row in rows[:4]]
    assert shapes == [(8, 28, 28), (8, 14, 14), (16, 10, 10), (16, 5, 5)]
    by_formula = [convolution.num_parameters((5, 5), *channels) for channels in ((3, 8), (8, 16))]
    by_formula += [convolution.num_dense_parameters(*sizes) for sizes in ((400, 120), (120, 84), (84, 10))]
    assert by_formula == [608, 3216, 48120, 10164, 850]


@pytest.mark.golden(
    "S0",
    line=2414,
    says=("14M", "156", "5x5x6=156"),
    shows="Connecting the input of the example to the first layer's activations takes 14 million weights if fully "
    "connected, and a few hundred parameters as six filters.",
    right="(5 · 5 · 3 + 1) · 6 = 456",
    why="156 is the count for one channel with a bias each; the picture has three. Nor is 5 · 5 · 6 equal to 156.",
)
def test_shared_parameters():
    weights = convolution.num_dense_parameters(32 * 32 * 3, 28 * 28 * 6) - 28 * 28 * 6
    assert weights == 14_450_688
    assert convolution.num_parameters((5, 5), 1, 6) == 156
    assert convolution.num_parameters((5, 5), 3, 6) == 456
    layer = summarize(nn.Conv2d(3, 6, 5), InputSpec(image=(3, 32, 32)))
    assert layer.num_parameters == 456
    assert layer.rows[0].output_shape == (6, 28, 28)


@pytest.mark.golden(
    "S0",
    line=2421,
    says=("el valor 0", "3x3", "10s"),
    shows="Sparse connections: the 0 in the upper left of the answer depends on the nine 10s of the upper left alone.",
)
def test_sparse_connections():
    A = np.repeat([[10.0, 0.0]], 3, axis=1).repeat(6, axis=0).reshape(1, 6, 6, 1)
    W = np.array([[1.0, 1, 1], [1, 1, 1], [-2, -2, -2]]).reshape(3, 3, 1, 1)  # no zeros: each connection shows
    dZ = np.zeros((1, 4, 4, 1))
    dZ[0, 0, 0, 0] = 1
    reached = np.argwhere(cross_correlate_backward(dZ, A, W).dA_prev[0, :, :, 0])
    assert {tuple(place) for place in reached.tolist()} == {(i, j) for i in range(3) for j in range(3)}
    assert cross_correlate_matrix(A[0, :, :, 0], convolution.VERTICAL)[0, 0] == 0
    np.testing.assert_array_equal(A[0, :3, :3, 0], 10)


@pytest.mark.golden(
    "S0",
    lines=(2449, 2454),
    says=("152 capas", "ResNet (152)"),
    shows="The deepest ResNet has 152 layers with weights.",
)
def test_layers_of_resnet152():
    assert num_layers(on_paper("resnet152", IMAGENET, 1000)) == 152


@pytest.mark.golden(
    "S0",
    lines=(2461, 2465),
    says=(r"32 \times 32 \times 1", "6 filtros", r"28 \times 28 \times 6", "10 valores", "60k"),
    shows="LeNet-5: six 5 x 5 filters make 28 x 28 x 6 of a 32 x 32 picture, ten outputs, about 60,000 parameters.",
)
def test_lenet5():
    summary = on_paper("lenet5", InputSpec(image=(1, 32, 32)), 10)
    first, last = summary.rows[0], summary.rows[-1]
    assert (first.output_shape, first.num_parameters) == ((6, 28, 28), (5 * 5 + 1) * 6)
    assert last.output_shape == (10,)
    assert round(summary.num_parameters, -4) == 60_000


@pytest.mark.golden(
    "S0",
    line=2470,
    says="60M",
    shows="AlexNet has about 60 million parameters.",
)
def test_parameters_of_alexnet():
    assert round(on_paper("alexnet", IMAGENET, 1000).num_parameters / 1e6, -1) == 60


@pytest.mark.golden(
    "S0",
    lines=(2474, 2478),
    says=("VGG-16", "138M", "16."),
    shows="VGG-16 has 16 layers with weights and 138 million parameters.",
)
def test_vgg16():
    summary = on_paper("vgg16", IMAGENET, 1000)
    assert num_layers(summary) == 16
    assert round(summary.num_parameters / 1e6) == 138


@pytest.mark.golden(
    "S0",
    lines=(2495, 2511),
    says=("orden l+2", r"a^{[l+2]} = g(z^{[l+2]} + a^{[l]})"),
    shows="A residual block adds its input two layers on, before the nonlinearity; where its weights are zero it "
    "hands its input on unchanged.",
)
def test_a_residual_block():
    torch.manual_seed(0)
    block = models.build("resnet18", IMAGENET, 10).layer1[0].eval()
    a = torch.rand(1, 64, 5, 5)
    a1 = torch.relu(block.bn1(block.conv1(a)))
    z2 = block.bn2(block.conv2(a1))
    torch.testing.assert_close(block(a), torch.relu(z2 + a))
    assert not torch.allclose(block(a), torch.relu(z2), rtol=0.1)
    nn.init.zeros_(block.conv2.weight)
    torch.testing.assert_close(block(a), a)


@pytest.mark.golden(
    "S0",
    lines=(2550, 2554),
    says=("256x128", "R \\cdot w_s \\cdot a^{[l]}", "256×128"),
    shows="Where a residual block goes from 128 to 256 channels, a matrix of 256 x 128 takes the shortcut along.",
    right="a[l+2] = g(z[l+2] + W_s a[l])",
    why="The residual block adds the shortcut before the nonlinearity, as the notes have it for equal sizes; the "
    "printed line has lost the sum and the function.",
)
def test_projection_of_a_shortcut():
    torch.manual_seed(0)
    network = models.build("resnet18", IMAGENET, 10).eval()
    block = network.layer3[0]
    # One pixel: the 1x1 convolution of the shortcut, which halves the picture, is a matrix there.
    a = torch.randn(1, 128, 1, 1)
    W_s = block.downsample[0].weight[:, :, 0, 0]
    assert W_s.shape == (256, 128)
    z = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(a)))))
    shortcut = block.downsample[1]((W_s @ a[:, :, 0, 0].T).T[:, :, None, None])  # batch norm, at its start all but 1
    torch.testing.assert_close(block(a), torch.relu(z + shortcut))
    torch.testing.assert_close(shortcut[0, :, 0, 0], W_s @ a[0, :, 0, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.golden(
    "S0",
    line=2559,
    says="34 capas",
    shows="The network of the paper's figure, plain or residual, has 34 layers with weights.",
)
def test_layers_of_resnet34():
    assert num_layers(on_paper("resnet34", IMAGENET, 1000)) == 34


@pytest.mark.golden(
    "S0",
    line=2566,
    says=("6x6x1", "1x1x1", "filtro de 1x1x32", "dimensión 6x6x32"),
    shows="A 1 x 1 filter over one channel scales the picture; over 32 channels it adds them up at each pixel.",
    right="6 x 6 x 1 for one filter of 1 x 1 x 32; 6 x 6 x n for n filters",
    why="A filter gives one channel, whatever the channels of its input; 32 of them are needed for 6 x 6 x 32.",
)
def test_one_by_one_convolution():
    rng = np.random.default_rng(0)
    grey, A, w = PICTURE.reshape(1, 6, 6, 1), rng.normal(size=(1, 6, 6, 32)), rng.normal(size=(1, 1, 32, 1))
    np.testing.assert_array_equal(cross_correlate(grey, np.full((1, 1, 1, 1), 2.0)), 2 * grey)
    Z = cross_correlate(A, w)
    assert Z.shape == (1, 6, 6, 1)
    np.testing.assert_allclose(Z[0, 4, 2, 0], A[0, 4, 2] @ w[0, 0, :, 0], rtol=1e-12)
    assert cross_correlate(A, rng.normal(size=(1, 1, 32, 32))).shape == (1, 6, 6, 32)


@pytest.mark.golden(
    "S0",
    lines=(2570, 2574),
    says=("1x1", "32 filtros"),
    shows="32 filters of 1 x 1 leave height and width and bring the channels down to 32.",
)
def test_fewer_channels_by_one_by_one():
    summary = summarize(nn.Conv2d(192, 32, 1), InputSpec(image=(192, 28, 28)))
    assert summary.rows[0].output_shape == (32, 28, 28)
    assert summary.num_parameters == convolution.num_parameters((1, 1), 192, 32)


@pytest.mark.golden(
    "S0",
    line=2586,
    says=(r"28 \times 28 \times 192", r"28 \times 28 \times 64", r"28 \times 28 \times 128", r"28 \times 28 \times 32",
          r"28 \times 28 \times 256"),
    shows="An Inception layer lays side by side 64, 128, 32 and 32 channels of 28 x 28: together 256.",
)  # fmt: skip
def test_channels_of_an_inception_layer():
    def pooled(A):  # "same", so that the sizes fit
        return cross_correlate(max_pool(A, 3, 1, padding=1), np.ones((1, 1, 192, 32)))

    A = np.random.default_rng(0).normal(size=(1, 28, 28, 192))
    branches = [
        cross_correlate(A, np.ones((f, f, 192, n)), padding=convolution.same_padding(f))
        for f, n in ((1, 64), (3, 128), (5, 32))
    ]
    together = np.concatenate([*branches, pooled(A)], axis=-1)
    assert [branch.shape for branch in branches] == [(1, 28, 28, n) for n in (64, 128, 32)]
    assert together.shape == (1, 28, 28, 256)


@pytest.mark.golden(
    "S0",
    lines=(2591, 2593),
    says=(r"5 \times 5 \times 192", r"el número de filtros es de $28 \times 28 \times 32$", "120M"),
    shows="Filters of 5 x 5 x 192 over 28 x 28 places, 32 of them, cost 120 million multiplications.",
    right="32 filters, which give 28 × 28 × 32 numbers; the 120 million are right",
    why="28 x 28 x 32 counts the numbers that come out. Each costs 5 · 5 · 192 multiplications.",
)
def test_multiplications_of_a_large_filter():
    assert convolution.multiply_adds((28, 28), (5, 5), C_in=192, C_out=32) == 120_422_400
    layer = nn.Conv2d(192, 32, 5, padding=2, device="meta")
    summary = summarize(layer, InputSpec(image=(192, 28, 28)))
    assert summary.num_multiply_adds == 120_422_400
    assert summary.rows[0].output_shape == (32, 28, 28)


@pytest.mark.golden(
    "S0",
    line=2598,
    says=(r"28 \times 28 \times 16", r"2.4 \text{ M}", r"10 \text{ M}", r"12.4 \text{ M}"),
    shows="Through a bottleneck of 16 channels the same costs 2.4 and 10, together 12.4 million multiplications: a "
    "tenth.",
)
def test_multiplications_through_a_bottleneck():
    bottleneck = convolution.multiply_adds((28, 28), (1, 1), C_in=192, C_out=16)
    filters = convolution.multiply_adds((28, 28), (5, 5), C_in=16, C_out=32)
    assert (bottleneck, filters, bottleneck + filters) == (2_408_448, 10_035_200, 12_443_648)
    net = nn.Sequential(nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5, padding=2)).to("meta")
    summary = summarize(net, InputSpec(image=(192, 28, 28)))
    assert [row.num_multiply_adds for row in summary.rows] == [bottleneck, filters]
    assert [row.output_shape for row in summary.rows] == [(16, 28, 28), (32, 28, 28)]
    assert 120_422_400 / summary.num_multiply_adds == pytest.approx(10, rel=0.05)


@pytest.mark.golden(
    "S0",
    line=2606,
    says=(r"1 \times 1 \times 32$", r"28 \times 28 \times 32", r"28 \times 28 \times 256"),
    shows="The pooling branch of an Inception module ends in 32 filters of 1 x 1.",
    right="32 filters of 1 × 1 × 192",
    why="Pooling leaves all 192 channels, and a filter spans them all.",
)
def test_pooling_branch_of_inception():
    module = Inception(192, 64, 96, 128, 16, 32, 32).to("meta")
    summary = summarize(module, InputSpec(image=(192, 28, 28)))
    pool = next(row for row in summary.rows if row.kind == "MaxPool2d")
    assert pool.output_shape == (192, 28, 28)
    assert module.branch4[1].conv.weight.shape == (32, 192, 1, 1)
    assert module(torch.empty(1, 192, 28, 28, device="meta")).shape == (1, 256, 28, 28)


@pytest.mark.golden(
    "S0",
    line=2639,
    says="1000 objetos",
    shows="Networks trained on ImageNet tell 1,000 classes apart; the published names and weights have as many.",
)
def test_classes_of_imagenet(shared_data):
    names = (shared_data / "pretrained" / "imagenet_classes.txt").read_text().split("\n")
    assert len([name for name in names if name.strip()]) == 1000
    weights = load_file(shared_data / "pretrained" / "mobilenet_v2.safetensors")
    assert fit_state(models.build("mobilenet_v2", IMAGENET, 1000), weights).replaced == ()
    assert fit_state(models.build("mobilenet_v2", IMAGENET, 999), weights).replaced != ()
