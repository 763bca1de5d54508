"""Figures of Ronchetti & Quiroga: residual networks, tables of layers, filters, recurrent networks, autoencoders."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.resnet import Bottleneck

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize
from rumbo.reference import convolution, network, recurrent
from rumbo.reference.activations import LINEAR, sigmoid
from rumbo.reference.initializers import xavier, zeros

IMAGENET = InputSpec(image=(3, 224, 224))
DEPTHS = (18, 34, 50, 101, 152)


def on_paper(name, spec=IMAGENET, num_classes=1000, **options):
    """A network without memory behind it."""
    with torch.device("meta"):
        return models.build(name, spec, num_classes, **options)


def weight_layers(net):
    """Convolutions and dense layers on the main path: what the number in a network's name counts."""
    layers = [name for name, layer in net.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    return [name for name in layers if "downsample" not in name]


def kernels(block):
    return [(conv.kernel_size[0], conv.out_channels) for name, conv in block.named_children() if "conv" in name]


@pytest.mark.golden(
    "S4",
    line=21,
    says=("1088", "2304"),
    shows="Weights of a bottleneck on 256 channels, and of one plain 3x3 convolution in its place.",
    right="69,632 against 589,824",
    why="The printed sums multiply each filter's area by one number of channels only; a filter bank has input channels "
    "times output channels.",
)
def test_bottleneck_against_plain_convolution():
    def weights(f, c_in, c_out):
        return convolution.num_parameters((f, f), c_in, c_out) - c_out

    assert weights(1, 1, 256) + weights(3, 1, 64) + weights(1, 1, 256) == 1088  # how the notes come to theirs
    assert weights(3, 1, 256) == 2304
    assert weights(1, 256, 64) + weights(3, 64, 64) + weights(1, 64, 256) == 69_632
    assert weights(3, 256, 256) == 589_824
    block = on_paper("resnet50").layer1[1]
    assert sum(conv.weight.numel() for name, conv in block.named_children() if "conv" in name) == 69_632


@pytest.mark.golden(
    "S4",
    lines=(56, 63),
    says=("(3,3)", "mismas dimensiones"),
    shows="A residual block adds its input to its output, so both must be of one size.",
    right="the 3x3 convolution needs a padding of 1",
    why='Keras convolves without padding unless told padding="same": the listed 3x3 layer takes two pixels off each '
    "side's length, and the sum cannot be formed.",
)
def test_residual_block_keeps_the_size_only_with_padding():
    side = 56
    assert convolution.output_size(convolution.output_size(side, 1), 3) == side - 2
    assert convolution.output_size(side, 3, padding=convolution.same_padding(3)) == side
    block = on_paper("resnet50").layer1[1]
    assert block.conv2.padding == (1, 1)
    assert block(torch.zeros(1, 256, side, side, device="meta")).shape == (1, 256, side, side)


@pytest.mark.golden("S4", line=68, says="152", shows="Layers with weights of the deepest published residual network.")
def test_the_deepest_residual_network_has_152_layers():
    assert len(weight_layers(on_paper("resnet152"))) == 152


@pytest.mark.golden(
    "S4",
    line=70,
    says=("18-layer", "34-layer", "50-layer", "101-layer", "152-layer"),
    shows="The number in the name of a residual network is its convolutions and dense layers, shortcuts left out.",
)
@pytest.mark.parametrize("depth", DEPTHS)
def test_layers_of_residual_networks(depth):
    assert len(weight_layers(on_paper(f"resnet{depth}"))) == depth


@pytest.mark.golden(
    "S4",
    line=71,
    says=("112×112", "7 \\times 7, 64", "stride } 2"),
    shows="The first convolution of every residual network: 64 filters of 7x7 with stride 2 halve 224 px to 112.",
)
@pytest.mark.parametrize("depth", DEPTHS)
def test_first_layer_of_residual_networks(depth):
    net = on_paper(f"resnet{depth}")
    assert (net.conv1.kernel_size, net.conv1.out_channels, net.conv1.stride) == ((7, 7), 64, (2, 2))
    assert summarize(net, IMAGENET).rows[0].output_shape == (64, 112, 112)
    assert convolution.output_size(224, f=7, padding=3, stride=2) == 112


@pytest.mark.golden(
    "S4",
    lines=(72, 75),
    says=("56×56", "28×28", "14×14", "7×7"),
    shows="Sides of the feature maps after the four stages of a residual network.",
)
@pytest.mark.parametrize("depth", DEPTHS)
def test_feature_maps_of_residual_networks(depth):
    rows = summarize(on_paper(f"resnet{depth}"), IMAGENET).rows
    sides = [
        [row.output_shape[1] for row in rows if row.name.startswith(f"layer{stage}.")][-1] for stage in (1, 2, 3, 4)
    ]
    assert sides == [56, 28, 14, 7]


@pytest.mark.golden(
    "S4",
    lines=(72, 75),
    says=("\\times 23$", "\\times 36$", "3 \\times 3, 128", "1 \\times 1, 2048"),
    shows="Blocks in each stage of the five residual networks, and sizes and numbers of the filters in a block.",
)
@pytest.mark.parametrize(
    ("depth", "blocks"),
    [(18, (2, 2, 2, 2)), (34, (3, 4, 6, 3)), (50, (3, 4, 6, 3)), (101, (3, 4, 23, 3)), (152, (3, 8, 36, 3))],
)
def test_blocks_of_residual_networks(depth, blocks):
    net = on_paper(f"resnet{depth}")
    stages = [net.layer1, net.layer2, net.layer3, net.layer4]
    assert tuple(len(stage) for stage in stages) == blocks
    for stage, width in zip(stages, (64, 128, 256, 512), strict=True):
        wanted = [(3, width), (3, width)] if depth < 50 else [(1, width), (3, width), (1, 4 * width)]
        assert all(kernels(block) == wanted for block in stage)


@pytest.mark.golden(
    "S4",
    line=76,
    says=("1×1", "1000-d"),
    shows="Residual networks end with one average per channel, and a dense layer for 1,000 classes.",
)
@pytest.mark.parametrize("depth", DEPTHS)
def test_head_of_residual_networks(depth):
    pooled, head = summarize(on_paper(f"resnet{depth}"), IMAGENET).rows[-2:]
    assert pooled.output_shape[1:] == (1, 1)
    assert head.output_shape == (1000,)


@pytest.mark.golden(
    "S4",
    line=77,
    says=("1.8×10^9", "3.6×10^9", "3.8×10^9", "7.6×10^9", "11.3×10^9"),
    shows="Multiply-adds of the five residual networks for a picture of 224 px.",
)
@pytest.mark.parametrize(("depth", "printed"), [(18, 1.8), (34, 3.6), (50, 3.8), (101, 7.6), (152, 11.3)])
def test_multiply_adds_of_residual_networks(depth, printed):
    net = on_paper(f"resnet{depth}")
    for block in net.modules():
        if isinstance(block, Bottleneck):  # the paper halves in the first 1x1 layer, torchvision in the 3x3 one
            block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)
    # The paper cuts off more than it rounds: 3.66 and 3.86 are printed as 3.6 and 3.8.
    assert summarize(net, IMAGENET).num_multiply_adds / 1e9 == pytest.approx(printed, abs=0.07)


@pytest.mark.golden(
    "S4",
    lines=(87, 88),
    says=("[64,128,256,512]", "[3,4,6,3]"),
    shows="Stages of 3, 4, 6 and 3 bottlenecks of three layers each, with the first and the last layer, make 50.",
)
def test_blocks_of_the_50_layer_network():
    net = on_paper("resnet50")
    stages = [net.layer1, net.layer2, net.layer3, net.layer4]
    assert [len(stage) for stage in stages] == [3, 4, 6, 3]
    assert [stage[0].conv1.out_channels for stage in stages] == [64, 128, 256, 512]
    assert 1 + sum(len(kernels(block)) for stage in stages for block in stage) + 1 == 50


@pytest.mark.golden(
    "S4",
    line=90,
    says="reduction*2",
    shows="How many times wider a bottleneck leaves than its narrow middle is.",
    right="4 times",
    why="The published network, and the table four lines above the listing, widen 64 to 256, 128 to 512 and so on.",
)
def test_bottlenecks_widen_four_times():
    blocks = [block for block in on_paper("resnet50").modules() if isinstance(block, Bottleneck)]
    assert {block.conv3.out_channels / block.conv2.out_channels for block in blocks} == {4}


@pytest.mark.golden(
    "S4",
    line=91,
    says=("(3,3)", "strides=(2,2)"),
    shows="Layers with weights of the listed 50-layer network.",
    right="no convolution of its own before a stage",
    why="A 3x3 convolution before each of the four stages makes 54 layers; the published network halves inside of the "
    "first block of a stage, and in a max pooling before the first stage.",
)
def test_stages_begin_with_a_block():
    blocks = (3, 4, 6, 3)
    assert 1 + sum(1 + 3 * num_blocks for num_blocks in blocks) + 1 == 54  # the listing, layer by layer
    net = on_paper("resnet50")
    assert len(weight_layers(net)) == 50
    assert all(isinstance(stage[0], Bottleneck) for stage in (net.layer1, net.layer2, net.layer3, net.layer4))
    assert (net.maxpool.kernel_size, net.maxpool.stride) == (3, 2)


@pytest.mark.golden(
    "S4",
    lines=(89, 95),
    says=("for i,", "GlobalAveragePooling2D"),
    shows="The average over what is left of the picture is taken once, after all stages.",
    right="pooling and the dense layer stand behind the loop",
    why="Indented into the loop they would flatten the picture after the first stage, and the next convolution could "
    "not be applied.",
)
def test_the_picture_is_averaged_once_at_the_end():
    rows = summarize(on_paper("resnet50"), IMAGENET).rows
    pooled = [place for place, row in enumerate(rows) if row.kind == "AdaptiveAvgPool2d"]
    dense = [place for place, row in enumerate(rows) if row.kind == "Linear"]
    assert (pooled, dense) == ([len(rows) - 2], [len(rows) - 1])


def dropout_net():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.Flatten(), nn.Linear(28_800, 64), nn.Dropout(1 - 0.7), nn.Linear(64, 128),
        nn.Dropout(1 - 0.5), nn.Linear(128, 10),
    )  # fmt: skip


@pytest.mark.golden(
    "S4",
    lines=(369, 375),
    says=("(None, 30, 30, 32)", "896", "28800", "1843264", "8320", "1290"),
    shows="Row by row: output shapes and parameters of the network with two dropout layers, for 32x32 px in colour.",
)
def test_rows_of_the_dropout_network():
    rows = summarize(dropout_net(), InputSpec(image=(3, 32, 32))).rows
    assert [row.num_parameters for row in rows] == [896, 0, 1_843_264, 0, 8_320, 0, 1_290]
    assert [row.output_shape for row in rows] == [(32, 30, 30), (28_800,), (64,), (64,), (128,), (128,), (10,)]
    assert convolution.num_parameters((3, 3), 3, 32) == 896
    dense = [(28_800, 64), (64, 128), (128, 10)]
    assert [convolution.num_dense_parameters(*sizes) for sizes in dense] == [1_843_264, 8_320, 1_290]


@pytest.mark.golden("S4", line=377, says="1,853,770", shows="Parameters of the whole network with two dropout layers.")
def test_total_of_the_dropout_network():
    assert summarize(dropout_net(), InputSpec(image=(3, 32, 32))).num_parameters == 1_853_770


def net_of_the_drawing():
    """The dense network with 3 inputs, hidden layers of 4 and 5, and 2 outputs."""
    return network.initialize((3, 4, 5, 2), zeros, np.random.default_rng(0))


@pytest.mark.golden(
    "S4",
    line=641,
    says=("3 \\times 4 = 12", "4 \\times 5 = 20", "5 \\times 2 = 10"),
    shows="Weights of the three layers of a dense network with 3, 4, 5 and 2 units.",
)
def test_weights_of_the_dense_network():
    assert [layer.W.size for layer in net_of_the_drawing()] == [12, 20, 10]


@pytest.mark.golden(
    "S4",
    line=642,
    says=("B1: 4", "B2: 5", "B3=2"),
    shows="Biases of the three layers of a dense network with 3, 4, 5 and 2 units.",
)
def test_biases_of_the_dense_network():
    assert [layer.b.size for layer in net_of_the_drawing()] == [4, 5, 2]


@pytest.mark.golden(
    "S4", line=643, says="12+20+10+4+5+2 = 53", shows="Parameters of a dense network with 3, 4, 5 and 2 units."
)
def test_parameters_of_the_dense_network():
    assert network.number_of_parameters(net_of_the_drawing()) == 53
    fast = summarize(models.build("mlp", InputSpec(num_numbers=3), 2, hidden=(4, 5)), InputSpec(num_numbers=3))
    assert fast.num_parameters == 53


def counting_net():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(576, 512), nn.Linear(512, 10),
    )  # fmt: skip


@pytest.mark.golden(
    "S4",
    lines=(653, 659),
    says=("320", "(None, 14, 14, 32)", "18496", "(None, 3, 3, 64)", "576", "295424", "5130"),
    shows="Row by row: output shapes and parameters of a small convolutional network for digits of 28x28 px.",
)
def test_rows_of_the_small_convolutional_network():
    rows = summarize(counting_net(), InputSpec(image=(1, 28, 28))).rows
    assert [row.num_parameters for row in rows] == [320, 0, 18_496, 0, 0, 295_424, 5_130]
    shapes = [(32, 28, 28), (32, 14, 14), (64, 7, 7), (64, 3, 3), (576,), (512,), (10,)]
    assert [row.output_shape for row in rows] == shapes
    assert [convolution.num_parameters((3, 3), *channels) for channels in ((1, 32), (32, 64))] == [320, 18_496]


@pytest.mark.golden(
    "S4",
    lines=(663, 667),
    says=("Total params: 319,370", "Trainable params: 319,370", "Non-trainable params: 0"),
    shows="Parameters of the small convolutional network for digits; all of them learn.",
)
def test_total_of_the_small_convolutional_network():
    summary = summarize(counting_net(), InputSpec(image=(1, 28, 28)))
    assert summary.num_parameters == summary.num_trainable == 319_370


VGG_WIDTHS = [(64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)]


@pytest.fixture(scope="module")
def vgg():
    return on_paper("vgg16")


@pytest.fixture(scope="module")
def vgg_summary(vgg):
    return summarize(vgg, IMAGENET)


@pytest.mark.golden(
    "S4",
    lines=(1127, 1146),
    says=("1792", "36928", "73856", "147584", "295168", "590080", "1180160", "2359808", "(None, 7, 7, 512)"),
    shows="Row by row: output shapes and parameters of the convolutions and poolings of VGG-16.",
)
def test_convolutional_rows_of_vgg16(vgg_summary):
    rows = [row for row in vgg_summary.rows if row.kind in ("Conv2d", "MaxPool2d")]
    wanted, channels = [], 3
    for widths, side in zip(VGG_WIDTHS, (224, 112, 56, 28, 14), strict=True):
        for width in widths:
            wanted.append(((width, side, side), convolution.num_parameters((3, 3), channels, width)))
            channels = width
        wanted.append(((channels, side // 2, side // 2), 0))
    assert [(row.output_shape, row.num_parameters) for row in rows] == wanted
    printed = [1792, 36_928, 73_856, 147_584, 295_168, 590_080, 590_080, 1_180_160, *[2_359_808] * 5]
    assert [row.num_parameters for row in rows if row.kind == "Conv2d"] == printed
    assert rows[-1].output_shape == (512, 7, 7)


@pytest.mark.golden(
    "S4",
    lines=(1147, 1150),
    says=("25088", "102764544", "16781312", "4097000"),
    shows="The dense end of VGG-16: 25,088 flattened inputs, and the parameters of its three layers.",
)
def test_dense_rows_of_vgg16(vgg_summary):
    assert 7 * 7 * 512 == 25_088
    rows = [row for row in vgg_summary.rows if row.kind == "Linear"]
    assert [row.num_parameters for row in rows] == [102_764_544, 16_781_312, 4_097_000]
    assert [row.output_shape for row in rows] == [(4096,), (4096,), (1000,)]
    dense = [(25_088, 4096), (4096, 4096), (4096, 1000)]
    assert [convolution.num_dense_parameters(*sizes) for sizes in dense] == [102_764_544, 16_781_312, 4_097_000]


@pytest.mark.golden(
    "S4",
    lines=(1152, 1154),
    says=("Total params: 138,357,544", "Trainable params: 138,357,544", "Non-trainable params: 0"),
    shows="Parameters of VGG-16; all of them learn.",
)
def test_total_of_vgg16(vgg_summary):
    assert vgg_summary.num_parameters == vgg_summary.num_trainable == 138_357_544


def filter_shapes(net):
    """(height, width, channels in, channels out), as Keras writes them."""
    return [
        tuple(conv.weight.permute(2, 3, 1, 0).shape) for conv in net.features.modules() if isinstance(conv, nn.Conv2d)
    ]


@pytest.mark.golden(
    "S4",
    lines=(1168, 1174),
    says=("(3, 3, 3, 64)", "(3, 3, 64, 128)", "(3, 3, 256, 256)"),
    shows="Shapes of the filters in the first three blocks of VGG-16.",
)
def test_filters_of_the_first_blocks_of_vgg16(vgg):
    assert filter_shapes(vgg)[:7] == [
        (3, 3, 3, 64), (3, 3, 64, 64), (3, 3, 64, 128), (3, 3, 128, 128),
        (3, 3, 128, 256), (3, 3, 256, 256), (3, 3, 256, 256),
    ]  # fmt: skip


@pytest.mark.golden(
    "S4",
    lines=(1178, 1183),
    says=("(3, 3, 256, 512)", "(3, 3, 512, 512)"),
    shows="Shapes of the filters in the last two blocks of VGG-16.",
)
def test_filters_of_the_last_blocks_of_vgg16(vgg):
    assert filter_shapes(vgg)[7:] == [(3, 3, 256, 512), *[(3, 3, 512, 512)] * 5]


@pytest.mark.golden(
    "S4",
    lines=(1185, 1190),
    says=("64 filtros de 3x3x3", "64 filtros de 3x3x64", "128 filtros de 3x3x128", "512 filtros de 3x3x512"),
    shows="How many filters each convolution of VGG-16 has, and over how many channels each of them reaches.",
)
def test_number_and_depth_of_filters_of_vgg16(vgg):
    counted = [(c_out, f, c_in) for f, _, c_in, c_out in filter_shapes(vgg)]
    assert counted[:4] == [(64, 3, 3), (64, 3, 64), (128, 3, 64), (128, 3, 128)]
    assert counted[-1] == (512, 3, 512)


@pytest.mark.golden(
    "S4",
    line=1209,
    says="filters[:,:,:,:,filter_index]",
    shows="One filter is cut out of a layer's weights, which have four dimensions.",
    right="filters[:, :, :, filter_index]",
    why="Weights are height x width x channels in x channels out; a fifth index has nothing to act on.",
)
def test_a_filter_is_cut_out_with_four_indices(vgg):
    filters = vgg.features[2].weight.permute(2, 3, 1, 0)
    assert filters.ndim == 4
    with pytest.raises(IndexError, match="too many indices"):
        filters[:, :, :, :, 0]
    assert filters[:, :, :, 0].shape == (3, 3, 64)


@pytest.mark.golden(
    "S4",
    line=1223,
    says="filters[:, :, :, i]",
    shows="One channel of a filter is cut out, to be drawn as a square.",
    right="filters[:, :, i]",
    why="What is handed over is one filter, height x width x channels, with three dimensions.",
)
def test_a_channel_of_a_filter_is_cut_out_with_three_indices(vgg):
    one_filter = vgg.features[2].weight.permute(2, 3, 1, 0)[:, :, :, 0]
    with pytest.raises(IndexError, match="too many indices"):
        one_filter[:, :, :, 0]
    assert one_filter[:, :, 0].shape == (3, 3)


@pytest.mark.golden(
    "S4",
    lines=(1239, 1242),
    says=("(3, 3, 64, 64)", "(3,3,64)", "64 cuadrados de 3x3"),
    shows="The first filter of VGG-16's second layer is 64 squares of 3x3, one for each channel of the layer before.",
)
def test_a_filter_of_the_second_layer_is_64_squares(vgg):
    filters = vgg.features[2].weight.permute(2, 3, 1, 0)
    assert filters.shape == (3, 3, 64, 64)
    squares = filters[:, :, :, 0].unbind(dim=2)
    assert [square.shape for square in squares] == [(3, 3)] * 64


@pytest.mark.golden(
    "S4",
    lines=(1300, 1307),
    says=("x_1, x_2, x_3", "vector con 0", "y_1, y_2, y_3"),
    shows="Many to many: three inputs give three outputs, and before the first step the state is zero.",
)
def test_three_inputs_give_three_outputs():
    rng = np.random.default_rng(0)
    W = recurrent.RNN(rng.normal(size=(4, 2)), rng.normal(size=(4, 4)), rng.normal(size=(4, 1)))
    x, start = rng.normal(size=(2, 1, 3)), np.zeros((4, 1))
    y, steps = recurrent.rnn_forward(x, start, W)
    assert y.shape[2] == 3
    assert not steps[0].a_prev.any()
    np.testing.assert_allclose(y[:, :, 0], np.tanh(W.W_ax @ x[:, :, 0] + W.b_a), rtol=1e-12)


@pytest.mark.golden(
    "S4",
    line=1315,
    says="t+1",
    shows="What comes out at one step goes in at the next.",
)
def test_the_output_of_a_step_goes_into_the_next():
    rng = np.random.default_rng(1)
    W = recurrent.RNN(rng.normal(size=(4, 2)), rng.normal(size=(4, 4)), rng.normal(size=(4, 1)))
    x = rng.normal(size=(2, 1, 5))
    y, steps = recurrent.rnn_forward(x, np.zeros((4, 1)), W)
    for t in range(4):
        np.testing.assert_array_equal(steps[t + 1].a_prev, y[:, :, t])
    again, _ = recurrent.rnn_forward(x[:, :, 2:], y[:, :, 1], W)
    np.testing.assert_allclose(again, y[:, :, 2:], rtol=1e-12)


def dense_autoencoder(num_pixels, num_latent):
    encoder = nn.Linear(num_pixels, num_latent)
    decoder = nn.Sequential(nn.Linear(num_latent, num_pixels), nn.Sigmoid())
    return encoder, decoder


@pytest.mark.golden(
    "S4",
    lines=(1524, 1526),
    says=("28*28", "/255.0"),
    shows="A digit of 28x28 px is 784 numbers between 0 and 1.",
)
def test_a_digit_is_784_numbers():
    pixels = torch.arange(256, dtype=torch.uint8).repeat(49)[: 16 * 784].reshape(16, 28, 28)
    flat = (nn.Flatten()(pixels) / 255.0).numpy()
    assert flat.shape == (16, 784)
    assert (flat.min(), flat.max()) == (0, 1)
    assert models.build("mlp", InputSpec(image=(1, 28, 28)), 10).inputs.num_features == 784


@pytest.mark.golden(
    "S4",
    lines=(1543, 1547),
    says=("28*28", "/255.0"),
    shows="A dense autoencoder takes 784 pixels in and gives as many out, each between 0 and 1.",
)
def test_an_autoencoder_gives_as_many_pixels_as_it_takes():
    autoencoder = nn.Sequential(*dense_autoencoder(28 * 28, 64))
    rows = summarize(autoencoder, InputSpec(image=(1, 1, 784))).rows
    assert [row.output_shape[-1] for row in rows] == [64, 784, 784]
    layers = network.initialize((784, 64, 784), xavier, np.random.default_rng(0))
    assert network.number_of_parameters(layers) == sum(row.num_parameters for row in rows)
    pixels = np.random.default_rng(1).uniform(size=(784, 2))
    *_, last = network.forward(
        network.Network((LINEAR,), network.BINARY), layers, pixels, network.no_dropout(layers, 2)
    )
    restored = sigmoid(last.Z)
    assert restored.shape == pixels.shape
    assert 0 < restored.min() < restored.max() < 1


@pytest.mark.golden(
    "S4",
    line=1580,
    says="latent_dim = 64",
    shows="A code of 64 numbers stands for the 784 pixels of a digit.",
)
def test_the_code_of_the_dense_autoencoder():
    encoder, decoder = dense_autoencoder(784, 64)
    code = summarize(encoder, InputSpec(image=(1, 1, 784)))
    assert code.rows[-1].output_shape[-1] == 64
    assert code.num_parameters == convolution.num_dense_parameters(784, 64)
    assert summarize(decoder, InputSpec(image=(1, 1, 64))).num_parameters == convolution.num_dense_parameters(64, 784)


def convolutional_encoder():
    # Keras pools with padding="same": 7 px leave 4, as with ceil_mode here.
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(16, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
    )  # fmt: skip


def convolutional_decoder():
    return nn.Sequential(
        nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2),
        nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2),
        nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Upsample(scale_factor=2),
        nn.Conv2d(16, 1, 3, padding=1), nn.Sigmoid(),
    )  # fmt: skip


@pytest.mark.golden(
    "S4",
    lines=(1604, 1609),
    says=("Conv2D(16, (3, 3)", "MaxPooling2D((2, 2)", "Conv2D(8, (3, 3)"),
    shows="The convolutional encoder halves 28 px three times, rounding up: the code is 4x4 with 8 channels.",
)
def test_the_code_of_the_convolutional_autoencoder():
    rows = summarize(convolutional_encoder(), InputSpec(image=(1, 28, 28))).rows
    assert [row.output_shape for row in rows if row.kind == "MaxPool2d"] == [(16, 14, 14), (8, 7, 7), (8, 4, 4)]
    before, after = convolution.same_padding_of_two_sides(7, f=2, stride=2)
    assert convolution.output_size(7 + before + after, f=2, stride=2) == 4


@pytest.mark.golden(
    "S4",
    lines=(1629, 1635),
    says=("UpSampling2D((2, 2))", "Conv2D(16, (3, 3), activation='relu')", "Conv2D(1, (3, 3)"),
    shows="The decoder's one convolution without padding takes 16 px to 14, so that doubling ends at 28 px again.",
)
def test_the_decoder_ends_at_28_px():
    rows = summarize(convolutional_decoder(), InputSpec(image=(8, 4, 4))).rows
    sides = [row.output_shape[1] for row in rows if row.kind in ("Conv2d", "Upsample")]
    assert sides == [4, 8, 8, 16, 14, 28, 28]
    assert convolution.output_size(16, f=3) == 14


@pytest.mark.golden(
    "S4", line=1622, says=("1 filtro", "1 canal"), shows="One filter in the last layer makes a picture of one channel."
)
def test_one_filter_makes_one_channel():
    autoencoder = nn.Sequential(convolutional_encoder(), convolutional_decoder())
    rows = summarize(autoencoder, InputSpec(image=(1, 28, 28))).rows
    assert rows[-1].output_shape == (1, 28, 28)
    last = [row for row in rows if row.kind == "Conv2d"][-1]
    assert last.num_parameters == convolution.num_parameters((3, 3), 16, 1)
