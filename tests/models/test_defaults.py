"""Options must not move the defaults: the usual networks are what plain torch draws from the same seed, bit for bit."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize

GREY = InputSpec(image=(1, 28, 28))
TABLE = InputSpec(num_numbers=5, category_sizes=(3, 7))


def lenet5():
    return [nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 7)]


def convnet():
    widths = [(1, 16), (16, 32), (32, 32), (32, 64), (64, 64)]
    parts = [part for a, b in widths for part in (nn.Conv2d(a, b, 3, bias=False), nn.BatchNorm2d(b))]
    return [*parts, nn.Linear(64, 7)]


def mlp(num_features):
    parts = [nn.Linear(a, b) for a, b in pairwise((num_features, 256, 128, 7))]
    for part in parts:
        nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        nn.init.zeros_(part.bias)
    return parts


def table_net():
    class Frequencies(nn.Module):
        def __init__(self):
            super().__init__()
            self.frequencies = nn.Parameter(0.3 * torch.randn(5, 32))

    parts = [Frequencies(), nn.Linear(64, 12)]
    for num_codes, size in ((3, 2), (7, 4)):
        parts.append(nn.Embedding(num_codes, size))
        nn.init.normal_(parts[-1].weight, std=0.3)
    return [*parts, *(nn.Linear(a, b) for a, b in pairwise((5 * 13 + 6, 192, 192, 192, 7)))]


RECIPES = {
    "lenet5": ("lenet5", GREY, lenet5),
    "convnet": ("convnet", GREY, convnet),
    "mlp on pictures": ("mlp", GREY, lambda: mlp(784)),
    "mlp on tables": ("mlp", TABLE, lambda: mlp(15)),
    "table_net": ("table_net", TABLE, table_net),
}


@pytest.mark.parametrize("case", RECIPES)
def test_default_networks_are_plain_torch_bit_for_bit(case):
    name, spec, recipe = RECIPES[case]
    torch.manual_seed(3)
    expected = [tensor for part in recipe() for tensor in part.state_dict().values()]
    state = torch.get_rng_state()
    torch.manual_seed(3)
    found = list(models.build(name, spec, 7).state_dict().values())
    assert [tensor.shape for tensor in found] == [tensor.shape for tensor in expected]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("norm", "num_parameters"),
    [
        ("none", 61_706),
        ("before", 61_706 + (2 - 1) * (6 + 16 + 120 + 84)),  # gamma and beta come, the bias goes
        ("after", 61_706 + 2 * (6 + 16 + 120 + 84)),
    ],
)
def test_what_batch_norm_adds_to_lenet5(norm, num_parameters):
    spec = InputSpec(image=(1, 32, 32))
    assert summarize(models.build("lenet5", spec, 10, norm=norm), spec).num_parameters == num_parameters
