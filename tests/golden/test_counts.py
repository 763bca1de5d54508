"""Parameters and multiply-adds as printed in papers and course notes: value, source."""

import pytest
import torch
from torch import nn

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize

IMAGENET = InputSpec(image=(3, 224, 224))

# torchvision's printed counts for 1,000 classes.
PARAMETERS = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "alexnet": 61_100_840,
    "vgg16": 138_357_544,
    "mobilenet_v2": 3_504_872,
    "mobilenet_v3_small": 2_542_856,
    "squeezenet1_0": 1_248_424,
    "squeezenet1_1": 1_235_496,
}
# Multiply-adds in 10^9: ResNets He et al. 2015, table 1; MobileNetV2 Sandler et al. 2018, table 4.
GIGA_MULTIPLY_ADDS = {
    "resnet18": 1.8, "resnet34": 3.6, "resnet50": 3.8, "resnet101": 7.6, "resnet152": 11.3, "mobilenet_v2": 0.3,
}  # fmt: skip


def on_paper(name, spec, num_classes, **options):
    """Sizes only: no memory, no arithmetic."""
    with torch.device("meta"):
        return summarize(models.build(name, spec, num_classes, **options), spec)


@pytest.mark.parametrize("name", PARAMETERS)
def test_published_networks(name):
    assert on_paper(name, IMAGENET, 1000).num_parameters == PARAMETERS[name]


@pytest.mark.parametrize("name", GIGA_MULTIPLY_ADDS)
def test_multiply_adds(name):
    # torchvision moves the stride of the bottleneck into its 3x3 convolution: up to 7 % more than the paper.
    measured = on_paper(name, IMAGENET, 1000).num_multiply_adds / 1e9
    assert measured == pytest.approx(GIGA_MULTIPLY_ADDS[name], rel=0.08)


def test_the_net_of_the_notes_has_53_parameters():
    """Notes, S4, "Al entrenar": 12 + 20 + 10 weights and 4 + 5 + 2 biases."""
    summary = on_paper("mlp", InputSpec(num_numbers=3), 2, hidden=(4, 5))
    assert summary.num_parameters == 53
    assert summary.num_multiply_adds == 12 + 20 + 10


@pytest.mark.parametrize("side", [28, 32])
def test_lenet5(side):
    summary = on_paper("lenet5", InputSpec(image=(1, side, side)), 10)
    assert summary.num_parameters == 61_706
    assert [row.num_parameters for row in summary.rows if row.num_parameters] == [156, 2416, 48120, 10164, 850]
    assert summary.num_multiply_adds == 28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10


def test_the_dropout_net_of_the_notes():
    """Notes, S4, "Dropout en Keras": 1,853,770."""
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.Flatten(), nn.Linear(28_800, 64), nn.Dropout(0.3), nn.Linear(64, 128),
        nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip
    summary = summarize(net, InputSpec(image=(3, 32, 32)))
    assert [row.num_parameters for row in summary.rows] == [896, 0, 1_843_264, 0, 8_320, 0, 1_290]
    assert [row.output_shape for row in summary.rows][:3] == [(32, 30, 30), (28_800,), (64,)]
    assert summary.num_parameters == 1_853_770


def test_the_counting_net_of_the_notes():
    """Notes, S4, "# de parámetros en Keras": 319,370."""
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(576, 512), nn.Linear(512, 10),
    )  # fmt: skip
    summary = summarize(net, InputSpec(image=(1, 28, 28)))
    assert [row.num_parameters for row in summary.rows] == [320, 0, 18_496, 0, 0, 295_424, 5_130]
    assert [row.output_shape for row in summary.rows][:5] == [
        (32, 28, 28),
        (32, 14, 14),
        (64, 7, 7),
        (64, 3, 3),
        (576,),
    ]
    assert summary.num_parameters == 319_370
