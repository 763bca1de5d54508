"""Figures of Borghi's *Convolutional Neural Networks*, week 2: classic networks, residual blocks, 1x1, Inception."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import GoogLeNet

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize
from rumbo.reference import convolution, pooling
from rumbo.reference.activations import relu

IMAGENET = InputSpec(image=(3, 224, 224))


def on_paper(name):
    with torch.device("meta"):
        return models.build(name, IMAGENET, 1000)


def weight_layers(net):
    layers = [name for name, layer in net.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    return [name for name in layers if "downsample" not in name]


@pytest.mark.golden(
    "S3",
    lines=(534, 539),
    says=("152", "152 capas"),
    shows="Layers with weights of the deepest residual network of the notes.",
)
def test_layers_of_the_deepest_network():
    assert len(weight_layers(on_paper("resnet152"))) == 152


@pytest.mark.golden("S3", line=555, says="60M", shows="Parameters of AlexNet, in millions.")
def test_parameters_of_alexnet():
    assert summarize(on_paper("alexnet"), IMAGENET).num_parameters / 1e6 == pytest.approx(60, rel=0.03)


@pytest.mark.golden("S3", line=561, says="138M", shows="Parameters of VGG-16, in millions.")
def test_parameters_of_vgg16():
    assert summarize(on_paper("vgg16"), IMAGENET).num_parameters / 1e6 == pytest.approx(138, abs=0.5)


@pytest.mark.golden(
    "S3", line=561, says="capas que posee, 16", shows="Layers with weights of VGG-16, which give it its name."
)
def test_layers_of_vgg16():
    assert len(weight_layers(on_paper("vgg16"))) == 16


@pytest.mark.golden(
    "S3",
    line=598,
    says="a^{[l+2]} = g(z^{[l+2]} + a^{[l]})",
    shows="A residual block adds its input before the last ReLU: with weights of zero it hands its input on.",
)
def test_a_residual_block_of_zeros_is_the_identity():
    torch.manual_seed(0)
    block = models.build("resnet18", InputSpec(image=(3, 64, 64)), 10).layer1[0].eval()
    a = torch.rand(2, 64, 8, 8)
    z = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(a)))))
    assert torch.allclose(block(a), torch.relu(z + a))
    nn.init.zeros_(block.bn2.weight)
    assert torch.equal(block(a), a)


@pytest.mark.golden(
    "S3",
    line=637,
    says=("dimensión 256", "dimensión 128", "256x128"),
    shows="A shortcut from 128 to 256 numbers holds a matrix of 256x128: learnt, or one that only adds zeros.",
)
def test_a_shortcut_of_other_size_has_a_matrix():
    rng = np.random.default_rng(0)
    assert on_paper("resnet18").layer3[0].downsample[0].weight.shape == (256, 128, 1, 1)
    W_s, a = np.eye(256, 128), rng.uniform(size=(128, 1))
    assert (W_s @ a).shape == (256, 1)
    np.testing.assert_array_equal(W_s @ a, np.pad(a, ((0, 128), (0, 0))))


@pytest.mark.golden(
    "S3",
    lines=(640, 642),
    says=("a^{[l+2]} = R^{256 \\times 128}", "W_s"),
    shows="What has 256x128 entries in a shortcut between layers of 128 and 256 numbers.",
    right="the matrix W_s, which is added as W_s a[l]",
    why="The three lines were misread from a drawing: a[l+2] is a vector of 256 numbers, neither a matrix nor zero.",
)
def test_the_matrix_of_the_shortcut_has_256_rows():
    rows = summarize(on_paper("resnet18"), IMAGENET).rows
    by_name = {row.name: row for row in rows}
    projection = by_name["layer3.0.downsample.0"]
    assert projection.num_parameters == 256 * 128 == convolution.num_parameters((1, 1), 128, 256) - 256
    assert projection.output_shape == by_name["layer3.0.conv2"].output_shape == (256, 14, 14)


@pytest.mark.golden(
    "S3",
    line=648,
    says="34 capas",
    shows="Layers with weights of the network that is drawn with and without shortcuts.",
)
def test_layers_of_the_drawn_network():
    net = on_paper("resnet34")
    assert len(weight_layers(net)) == 34
    assert all(conv.padding[0] == conv.kernel_size[0] // 2 for conv in net.modules() if isinstance(conv, nn.Conv2d))


@pytest.mark.golden(
    "S3",
    line=655,
    says=("6x6x1", "1x1x1"),
    shows="A 1x1 filter on one channel does no more than multiply by a number.",
)
def test_a_1x1_filter_on_one_channel_is_a_factor():
    rng = np.random.default_rng(0)
    A_prev = rng.normal(size=(1, 6, 6, 1))
    np.testing.assert_array_equal(convolution.cross_correlate(A_prev, np.full((1, 1, 1, 1), 2.0)), 2 * A_prev)


@pytest.mark.golden(
    "S3",
    line=657,
    says=("6 \\times 6 \\times 32", "1 \\times 1 \\times 32", "dimensión $6 \\times 6 \\times 32$"),
    shows="What one filter of 1x1x32 leaves of a volume of 6x6x32.",
    right="6 x 6 x 1",
    why="One filter makes one channel, however deep it is; 32 channels need 32 such filters.",
)
def test_one_1x1_filter_makes_one_channel():
    rng = np.random.default_rng(0)
    A_prev = rng.normal(size=(1, 6, 6, 32))
    assert convolution.cross_correlate(A_prev, rng.normal(size=(1, 1, 32, 1))).shape == (1, 6, 6, 1)
    W = rng.normal(size=(1, 1, 32, 32))
    Z = convolution.cross_correlate(A_prev, W)
    assert Z.shape == (1, 6, 6, 32)
    np.testing.assert_allclose(Z[0, 2, 3], W[0, 0].T @ A_prev[0, 2, 3], rtol=1e-12)  # a dense layer at every pixel


@pytest.mark.golden(
    "S3",
    line=663,
    says="32 filtros",
    shows="1x1 filters leave rows and columns as they are, and the number of filters becomes that of the channels.",
)
def test_32_filters_make_32_channels():
    A_prev = np.zeros((1, 28, 28, 192))
    assert convolution.cross_correlate(A_prev, np.zeros((1, 1, 192, 32))).shape == (1, 28, 28, 32)


def inception():
    """The four branches of the course's Inception module, without activations."""
    one = nn.Conv2d(192, 64, 1)
    three = nn.Sequential(nn.Conv2d(192, 96, 1), nn.Conv2d(96, 128, 3, padding=1))
    five = nn.Sequential(nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5, padding=2))
    pooled = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(192, 32, 1))
    return one, three, five, pooled


INCEPTION_INPUT = InputSpec(image=(192, 28, 28))


@pytest.mark.golden(
    "S3",
    line=675,
    says=(
        "28 \\times 28 \\times 192",
        "28 \\times 28 \\times 64",
        "28 \\times 28 \\times 128",
        "28 \\times 28 \\times 256",
    ),
    shows="An Inception module lays its four branches side by side: 64 + 128 + 32 + 32 = 256 channels of 28x28.",
)
def test_volumes_of_the_inception_module():
    shapes = [summarize(branch, INCEPTION_INPUT).rows[-1].output_shape for branch in inception()]
    assert shapes == [(64, 28, 28), (128, 28, 28), (32, 28, 28), (32, 28, 28)]
    volume = torch.zeros(1, 192, 28, 28)
    assert torch.cat([branch(volume) for branch in inception()], dim=1).shape == (1, 256, 28, 28)
    padding = convolution.same_padding(3)
    assert pooling.max_pool(np.zeros((1, 28, 28, 2)), 3, stride=1, padding=padding).shape == (1, 28, 28, 2)


@pytest.mark.golden(
    "S3",
    line=682,
    says=("5 \\times 5 \\times 192", "120M"),
    shows="Multiplications of 32 filters of 5x5 on a volume of 28x28x192, in millions.",
)
def test_multiplications_of_the_5x5_convolution():
    direct = convolution.multiply_adds((28, 28), (5, 5), C_in=192, C_out=32)
    assert direct / 1e6 == pytest.approx(120, abs=0.5)
    assert summarize(nn.Conv2d(192, 32, 5, padding=2), INCEPTION_INPUT).num_multiply_adds == direct


@pytest.mark.golden(
    "S3",
    line=682,
    says="número de filtros es de $28 \\times 28 \\times 32$",
    shows="How many filters of 5x5x192 take 28x28x192 to 28x28x32.",
    right="32 filters; 28 x 28 x 32 is how many numbers come out",
    why="A filter is used again at each of the 28 x 28 places; it is those places that make its multiplications many.",
)
def test_there_are_32_filters():
    layer = nn.Conv2d(192, 32, 5, padding=2)
    assert layer.weight.shape == (32, 192, 5, 5)
    (row,) = summarize(layer, INCEPTION_INPUT).rows
    assert np.prod(row.output_shape) == 28 * 28 * 32
    assert row.num_multiply_adds == np.prod(row.output_shape) * 5 * 5 * 192


def bottlenecked():
    narrow = convolution.multiply_adds((28, 28), (1, 1), C_in=192, C_out=16)
    return narrow, convolution.multiply_adds((28, 28), (5, 5), C_in=16, C_out=32)


@pytest.mark.golden(
    "S3",
    line=682,
    says="factor de 10",
    shows="How many times fewer multiplications the 5x5 convolution needs behind a bottleneck of 16 channels.",
)
def test_a_bottleneck_saves_a_factor_of_ten():
    direct = convolution.multiply_adds((28, 28), (5, 5), C_in=192, C_out=32)
    assert direct / sum(bottlenecked()) == pytest.approx(10, abs=0.5)


@pytest.mark.golden(
    "S3",
    line=687,
    says=("16 \\times 192 \\sim 2.4", "5 \\times 5 \\times 16 \\sim 10", "12.4 M << 120M"),
    shows="Multiplications with a bottleneck of 16 channels, in millions: 2.4 and 10, together 12.4.",
)
def test_multiplications_with_a_bottleneck():
    assert [count / 1e6 for count in bottlenecked()] == pytest.approx([2.4, 10], abs=0.05)
    assert sum(bottlenecked()) / 1e6 == pytest.approx(12.4, abs=0.05)
    branch = summarize(inception()[2], INCEPTION_INPUT)
    assert [row.num_multiply_adds for row in branch.rows] == list(bottlenecked())


@pytest.mark.golden(
    "S3",
    line=695,
    says=("32 filtros", "1 \\times 1 \\times 32"),
    shows="Size of the filters that take the pooled branch of an Inception module to 32 channels.",
    right="1 x 1 x 192",
    why="Pooling leaves all 192 channels, and a filter reaches over all that it is given.",
)
def test_filters_behind_the_pooling():
    with torch.device("meta"):
        published = GoogLeNet(init_weights=False, aux_logits=False).inception3a.branch4
    assert published[1].conv.weight.shape == (32, 192, 1, 1)
    for branch in (inception()[3], published):
        rows = summarize(branch, INCEPTION_INPUT).rows
        assert (rows[0].kind, rows[0].output_shape) == ("MaxPool2d", (192, 28, 28))
        assert rows[1].output_shape == (32, 28, 28)
        assert rows[1].num_multiply_adds == convolution.multiply_adds((28, 28), (1, 1), C_in=192, C_out=32)


@pytest.mark.golden(
    "S3",
    line=695,
    says=("28 \\times 28 \\times 32", "28 \\times 28 \\times 256", "5×5 o 3×3"),
    shows="With bottlenecks the module gives the same 28x28x256, with fewer multiplications in both wide branches.",
)
def test_the_module_with_bottlenecks():
    for branch, f, c_out in zip(inception()[1:3], (3, 5), (128, 32), strict=True):
        summary = summarize(branch, INCEPTION_INPUT)
        assert summary.rows[-1].output_shape == (c_out, 28, 28)
        assert summary.num_multiply_adds < convolution.multiply_adds((28, 28), (f, f), C_in=192, C_out=c_out)
    with torch.device("meta"):
        published = GoogLeNet(init_weights=False, aux_logits=False).inception3a
        assert published(torch.zeros(1, 192, 28, 28)).shape == (1, 256, 28, 28)


def small_net(rng):
    """Filters of the course's detector: 5x5x3 to 16 channels, pooling, then 5x5x16, 1x1 and 1x1 as dense layers."""
    shapes = ((5, 5, 3, 16), (5, 5, 16, 400), (1, 1, 400, 400), (1, 1, 400, 4))
    return [rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1])) for shape in shapes]


def answer(pictures, filters):
    first, *dense = filters
    A = pooling.max_pool(relu(convolution.cross_correlate(pictures, first)), 2, stride=2)
    for W in dense:
        A = convolution.cross_correlate(relu(A), W)
    return A


@pytest.mark.golden(
    "S3",
    line=893,
    says=("400 filtros de 5×5", "1 \\times 1 \\times 400", "400 filtros de 1×1"),
    shows="A dense layer of 400 units on a volume of 5x5x16 is 400 filters of 5x5; the next one is 400 filters of 1x1.",
)
def test_dense_layers_as_convolutions():
    rng = np.random.default_rng(0)
    A_prev, W = rng.normal(size=(2, 5, 5, 16)), rng.normal(size=(5, 5, 16, 400))
    Z = convolution.cross_correlate(A_prev, W)
    assert Z.shape == (2, 1, 1, 400)
    np.testing.assert_allclose(Z[:, 0, 0], A_prev.reshape(2, -1) @ W.reshape(-1, 400), rtol=1e-9)
    W = rng.normal(size=(1, 1, 400, 400))
    np.testing.assert_allclose(convolution.cross_correlate(Z, W)[:, 0, 0], Z[:, 0, 0] @ W[0, 0], rtol=1e-9)


@pytest.mark.golden(
    "S3",
    lines=(902, 907),
    says=("16 \\times 16 \\times 3", "stride de 2", "4 veces", "2 \\times 2 \\times 4", "14 \\times 14 \\times 3"),
    shows="Applied to 16x16x3 at once, a network for windows of 14x14x3 gives 2x2x4: the answers to the four windows.",
)
def test_sliding_windows_at_once():
    rng = np.random.default_rng(0)
    filters, picture = small_net(np.random.default_rng(1)), rng.normal(size=(1, 16, 16, 3))
    at_once = answer(picture, filters)
    assert at_once.shape == (1, 2, 2, 4)
    corners = [(i, j) for i in (0, 2) for j in (0, 2)]
    assert len(corners) == 4
    windows = np.concatenate([picture[:, i : i + 14, j : j + 14] for i, j in corners])
    one_by_one = answer(windows, filters)
    assert one_by_one.shape == (4, 1, 1, 4)
    np.testing.assert_allclose(at_once.reshape(4, 4), one_by_one.reshape(4, 4), rtol=1e-9)


@pytest.mark.golden(
    "S3",
    line=910,
    says="stride de 2",
    shows="The one pooling of 2x2 sets neighbouring windows two pixels apart, in pictures of any size.",
)
def test_windows_are_two_pixels_apart():
    rng = np.random.default_rng(0)
    filters, picture = small_net(np.random.default_rng(1)), rng.normal(size=(1, 28, 28, 3))
    at_once = answer(picture, filters)
    num_windows = (28 - 14) // 2 + 1
    assert at_once.shape == (1, num_windows, num_windows, 4)
    np.testing.assert_allclose(at_once[0, 3, 6], answer(picture[:, 6:20, 12:26], filters)[0, 0, 0], rtol=1e-9)
