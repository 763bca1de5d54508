"""Figures of Paiolla, sections 5.1 to 5.4: convolution, padding, strides, pooling, classic networks."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize
from rumbo.reference import convolution, pooling
from rumbo.reference.convolution import HORIZONTAL, SCHARR, SOBEL, cross_correlate_matrix

IMAGENET = InputSpec(image=(3, 224, 224))


def on_paper(name, spec=IMAGENET, num_classes=1000):
    with torch.device("meta"):
        return models.build(name, spec, num_classes)


def sizes_of(layer, *shape):
    with torch.device("meta"):
        return tuple(layer(torch.zeros(1, *shape)).shape[1:])


@pytest.mark.golden(
    "S1",
    line=1039,
    says=("1000×1000", "3 million variables", "3 color channels"),
    shows="Inputs of a picture of 1,000 x 1,000 px in colour.",
)
def test_inputs_of_a_large_picture():
    spec = InputSpec(image=(3, 1000, 1000))
    with torch.device("meta"):
        assert models.build("logistic_regression", spec, 2).inputs.num_features == 3_000_000


@pytest.mark.golden(
    "S1",
    lines=(1045, 1049),
    says=("6×6 image", "3×3 submatrix"),
    shows="The first output multiplies the filter with the nine pixels of the upper left corner, and adds.",
)
def test_first_output():
    A, F = np.arange(36.0).reshape(6, 6), np.arange(9.0).reshape(3, 3)
    assert cross_correlate_matrix(A, F)[0, 0] == (A[:3, :3] * F).sum()


@pytest.mark.golden(
    "S1",
    line=1058,
    says=("6×6", "3×3", "4×4"),
    shows="A picture of 6x6 and a filter of 3x3 make one of 4x4.",
)
def test_6_and_3_make_4():
    assert cross_correlate_matrix(np.ones((6, 6)), np.ones((3, 3))).shape == (4, 4)
    assert sizes_of(nn.Conv2d(1, 1, 3), 1, 6, 6) == (1, 4, 4)


@pytest.mark.golden(
    "S1",
    line=1065,
    says=("\\sum_{l=0}^{n-1} \\sum_{k=0}^{n-1} A_{i+k, j+l} \\cdot F_{k,l}",),
    shows="The convolution of the course, element by element: the filter is laid on and not flipped.",
)
def test_definition_of_convolution():
    rng = np.random.default_rng(0)
    A, F = rng.normal(size=(6, 6)), rng.normal(size=(3, 3))
    by_hand = [
        [sum(A[i + k, j + l] * F[k, l] for l in range(3) for k in range(3)) for j in range(4)]  # noqa: E741
        for i in range(4)
    ]
    np.testing.assert_allclose(cross_correlate_matrix(A, F), by_hand, rtol=1e-12)
    assert not np.allclose(convolution.convolve_matrix(A, F), by_hand)


def answers(W):
    """To a horizontal and to a vertical edge of height 1, and to a picture without edges."""
    horizontal = np.repeat([[1.0], [1.0], [1.0], [0.0], [0.0], [0.0]], 6, axis=1)
    return [float(cross_correlate_matrix(A, W).max()) for A in (horizontal, horizontal.T, np.ones((6, 6)))]


@pytest.mark.golden(
    "S1",
    line=1073,
    says="1 & 1 & 1 \\\\ 0 & 0 & 0 \\\\ -1 & -1 & -1",
    shows="The filter for horizontal edges: 3 at an edge of height 1, 0 at a vertical one.",
)
def test_the_horizontal_filter():
    assert HORIZONTAL.tolist() == [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]
    assert answers(HORIZONTAL) == [3, 0, 0]


@pytest.mark.golden(
    "S1",
    line=1079,
    says="1 & 0 & -1 \\\\ 2 & 0 & -2 \\\\ 1 & 0 & -1",
    shows="The Sobel filter: 4 at a vertical edge of height 1, 0 at a horizontal one.",
)
def test_the_sobel_filter():
    assert SOBEL.tolist() == [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    assert answers(SOBEL) == [0, 4, 0]


@pytest.mark.golden(
    "S1",
    line=1083,
    says="3 & 0 & -3 \\\\ 10 & 0 & -10 \\\\ 3 & 0 & -3",
    shows="The Scharr filter: 16 at a vertical edge of height 1, 0 at a horizontal one.",
)
def test_the_scharr_filter():
    assert SCHARR.tolist() == [[3, 0, -3], [10, 0, -10], [3, 0, -3]]
    assert answers(SCHARR) == [0, 16, 0]


@pytest.mark.golden(
    "S1",
    line=1097,
    says=("$n - f + 1$", "$n + 2p - f + 1$"),
    shows="Side of the output without padding, and with p pixels of it on every side.",
)
def test_output_sizes():
    for n, f, p in itertools.product((6, 9), (2, 3, 5), (0, 1, 2)):
        assert convolution.output_size(n, f) == n - f + 1
        assert convolution.output_size(n, f, p) == n + 2 * p - f + 1
        assert sizes_of(nn.Conv2d(1, 1, f, padding=p), 1, n, n)[1] == n + 2 * p - f + 1


@pytest.mark.golden(
    "S1",
    line=1099,
    says="p = \\frac{f-1}{2}",
    shows="Padding that keeps a picture's size, for filters of odd side.",
)
def test_same_padding():
    for n, f in itertools.product((6, 11), (1, 3, 5, 7)):
        assert convolution.same_padding(f) == (f - 1) / 2
        assert convolution.output_size(n, f, convolution.same_padding(f)) == n
    with pytest.raises(ValueError, match="no middle"):
        convolution.same_padding(4)


@pytest.mark.golden(
    "S1",
    lines=(1107, 1109),
    says=("stride of 2", "\\left\\lfloor \\frac{n+2p-f}{s} \\right\\rfloor + 1"),
    shows="Side of the output with a stride: floor((n + 2p - f) / s) + 1.",
)
def test_output_sizes_with_stride():
    for n, f, p, s in itertools.product((7, 8), (2, 3, 5), (0, 1), (1, 2, 3)):
        size = int(np.floor((n + 2 * p - f) / s)) + 1
        assert convolution.output_size(n, f, p, s) == size
        assert sizes_of(nn.Conv2d(1, 1, f, s, p), 1, n, n)[1] == size
    A, F = np.arange(49.0).reshape(7, 7), np.ones((3, 3))
    np.testing.assert_array_equal(cross_correlate_matrix(A, F, stride=2), cross_correlate_matrix(A, F)[::2, ::2])


@pytest.mark.golden(
    "S1",
    lines=(1113, 1115),
    says=("6 \\times 6 \\times 3", "3 \\times 3 \\times 3", "last 3 must match"),
    shows="On a picture in colour a filter has three channels, too, and its output has one.",
)
def test_filters_are_as_deep_as_pictures():
    rng = np.random.default_rng(0)
    A, W = rng.normal(size=(1, 6, 6, 3)), rng.normal(size=(3, 3, 3, 1))
    Z = convolution.cross_correlate(A, W)
    assert Z.shape == (1, 4, 4, 1)
    channels = [cross_correlate_matrix(A[0, :, :, c], W[:, :, c, 0]) for c in range(3)]
    np.testing.assert_allclose(Z[0, :, :, 0], sum(channels), rtol=1e-12)
    with pytest.raises(ValueError, match="shape-mismatch"):
        convolution.cross_correlate(A, W[:, :, :2])


@pytest.mark.golden(
    "S1",
    lines=(1143, 1146),
    says=(
        "n_H^{[l-1]} \\times n_W^{[l-1]} \\times n_c^{[l-1]}",
        "f^{[l]} \\times f^{[l]} \\times n_c^{[l-1]} \\times n_c^{[l]}",
    ),
    shows="Shapes of a layer's input, of one filter, of all its filters and of its biases.",
)
def test_shapes_of_a_convolutional_layer():
    f, c_prev, c = 5, 3, 8
    layer = nn.Conv2d(c_prev, c, f)
    assert layer.weight.permute(2, 3, 1, 0).shape == (f, f, c_prev, c)
    assert layer.bias.shape == (c,)
    assert convolution.num_parameters((f, f), c_prev, c) == f * f * c_prev * c + c
    assert convolution.cross_correlate(np.zeros((2, 9, 9, c_prev)), np.zeros((f, f, c_prev, c))).shape == (2, 5, 5, c)


@pytest.mark.golden(
    "S1",
    line=1155,
    says="equal to 2",
    shows="Max pooling with a window and a stride of 2 keeps the largest of each square of four.",
)
def test_max_pooling_halves():
    A = np.random.default_rng(0).normal(size=(1, 4, 4, 1))
    pooled = pooling.max_pool(A, 2, stride=2)[0, :, :, 0]
    squares = [[A[0, i : i + 2, j : j + 2].max() for j in (0, 2)] for i in (0, 2)]
    assert pooled.tolist() == squares
    fast = nn.MaxPool2d(2)(torch.tensor(A).permute(0, 3, 1, 2))[0, 0]
    assert pooled.tolist() == fast.tolist()


LENET5 = InputSpec(image=(1, 32, 32))


@pytest.mark.golden(
    "S1",
    line=1169,
    says="32 \\times 32 \\times 1",
    shows="LeNet-5 reads digits of 32x32 px in grey: 28, 14, 10 and 5 px are the sides of its volumes.",
)
def test_volumes_of_lenet5():
    rows = summarize(on_paper("lenet5", LENET5, 10), LENET5).rows
    shapes = [row.output_shape for row in rows if row.kind in ("Conv2d", "MaxPool2d")]
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)]
    sides = [32]
    for f, s in ((5, 1), (2, 2), (5, 1), (2, 2)):
        sides.append(convolution.output_size(sides[-1], f, stride=s))
    assert sides[1:] == [28, 14, 10, 5]


@pytest.mark.golden("S1", line=1176, says="60k", shows="Parameters of LeNet-5, in thousands.")
def test_parameters_of_lenet5():
    assert summarize(on_paper("lenet5", LENET5, 10), LENET5).num_parameters / 1e3 == pytest.approx(60, rel=0.03)


@pytest.mark.golden(
    "S1",
    line=1180,
    says="227 \\times 227 \\times 3",
    shows="Why 227 px: filters of 11x11 with stride 4 then end at the border; the framework pads 224 px by 2.",
)
def test_picture_size_of_alexnet():
    assert (227 - 11) % 4 == 0
    assert (224 - 11) % 4 != 0
    assert convolution.output_size(227, f=11, stride=4) == 55
    assert convolution.output_size(224, f=11, padding=2, stride=4) == 55
    net = on_paper("alexnet")
    assert sizes_of(net.features[0], 3, 224, 224) == (64, 55, 55)


@pytest.mark.golden("S1", line=1187, says="60M", shows="Parameters of AlexNet, in millions.")
def test_parameters_of_alexnet():
    assert summarize(on_paper("alexnet"), IMAGENET).num_parameters / 1e6 == pytest.approx(60, rel=0.03)


@pytest.mark.golden(
    "S1",
    line=1189,
    says=("3×3 filters", "stride of 1", "2×2", "$s = 2$"),
    shows="All convolutions of VGG-16 are 3x3 with stride 1 and same padding, all poolings 2x2 with stride 2.",
)
def test_layers_of_vgg16():
    layers = list(on_paper("vgg16").features)
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    poolings = [layer for layer in layers if isinstance(layer, nn.MaxPool2d)]
    assert {(c.kernel_size, c.stride, c.padding) for c in convolutions} == {((3, 3), (1, 1), (1, 1))}
    assert {(p.kernel_size, p.stride, p.padding) for p in poolings} == {(2, 2, 0)}
    assert (len(convolutions), len(poolings)) == (13, 5)
    assert convolution.output_size(224, 3, convolution.same_padding(3)) == 224
    assert convolution.output_size(224, 2, stride=2) == 112


@pytest.mark.golden("S1", line=1191, says="138M", shows="Parameters of VGG-16, in millions.")
def test_parameters_of_vgg16():
    assert summarize(on_paper("vgg16"), IMAGENET).num_parameters / 1e6 == pytest.approx(138, abs=0.5)


@pytest.mark.golden(
    "S1",
    line=1200,
    says="over 100 layers",
    shows="Residual networks have more than 100 layers with weights: the two deepest have 101 and 152.",
)
def test_residual_networks_of_over_100_layers():
    def num_layers(name):
        layers = [n for n, layer in on_paper(name).named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        return sum("downsample" not in n for n in layers)

    assert [num_layers(name) for name in ("resnet101", "resnet152")] == [101, 152]


@pytest.mark.golden(
    "S1",
    lines=(1215, 1217),
    says=("32 \\times 32 \\times 192", "32 \\times 32 \\times 32", "32 $1 \\times 1 \\times 192$ filters"),
    shows="32 filters of 1x1x192 take 192 channels to 32, each pixel by itself.",
)
def test_1x1_filters_shrink_the_channels():
    rng = np.random.default_rng(0)
    A, W = rng.normal(size=(1, 32, 32, 192)), rng.normal(size=(1, 1, 192, 32))
    Z = convolution.cross_correlate(A, W)
    assert Z.shape == (1, 32, 32, 32)
    np.testing.assert_allclose(Z[0, 5, 7], A[0, 5, 7] @ W[0, 0], rtol=1e-10)
    assert nn.Conv2d(192, 32, 1).weight.shape == (32, 192, 1, 1)
