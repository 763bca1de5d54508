"""Where channels lie last, and back again."""

import pytest
import torch
from torch import nn

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.layout import laid_out, layout_of


@pytest.mark.parametrize(
    ("name", "options", "layout"),
    [
        ("lenet5", {}, "usual"),
        ("convnet", {"width": 16}, "channels_last"),
        ("convnet", {"width": 8}, "usual"),
        ("squeezenet1_1", {}, "channels_last"),
        ("mobilenet_v2", {}, "channels_last"),
        ("mlp", {}, "usual"),
    ],
)
def test_networks_with_many_channels_have_them_last(name, options, layout):
    network = models.build(name, InputSpec(image=(3, 32, 32)), 10, **options)
    assert layout_of(network, {"avx2"}) == layout
    assert layout_of(network, {"avx2", "amx_bf16"}) == ("usual" if name == "mlp" else "channels_last")


def test_a_layout_can_be_set_and_taken_back():
    network = nn.Sequential(nn.Conv2d(3, 32, 3), nn.Conv2d(32, 32, 3), nn.BatchNorm2d(32), nn.Conv1d(3, 4, 3))
    weight = network[1].weight
    for layout, is_last in (("channels_last", True), ("usual", False), (None, True)):
        assert laid_out(network, layout) is network
        assert weight.is_contiguous(memory_format=torch.channels_last) == is_last
        assert weight.is_contiguous() != is_last
    with torch.device("meta"):
        assert laid_out(nn.Conv2d(16, 32, 3)).weight.is_contiguous(memory_format=torch.channels_last)
