"""Parameters and multiply-adds of published networks, as papers and torchvision print them."""

import pytest
import torch

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


@pytest.mark.parametrize("side", [28, 32])
def test_lenet5(side):
    summary = on_paper("lenet5", InputSpec(image=(1, side, side)), 10)
    assert summary.num_parameters == 61_706
    assert [row.num_parameters for row in summary.rows if row.num_parameters] == [156, 2416, 48120, 10164, 850]
    assert summary.num_multiply_adds == 28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10
