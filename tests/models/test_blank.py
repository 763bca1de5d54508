"""Blank networks cost no memory and no time, and are the network once they are filled."""

import subprocess
import sys

import pytest
import torch

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.blank import blank, fill


def spec_for(name):
    if models.takes(name) == "image":
        return InputSpec(image=(1, 32, 32) if name == "lenet5" else (3, 64, 64))
    return InputSpec(num_numbers=3, category_sizes=(4,))


@pytest.mark.parametrize("name", [name for name in models.names() if name not in ("vgg16", "alexnet", "resnet152")])
def test_a_filled_network_is_the_one_that_was_saved(name):
    whole = models.build(name, spec_for(name), 2)
    with blank():
        empty = models.build(name, spec_for(name), 2)
    assert all(tensor.is_meta for tensor in empty.state_dict().values())
    fill(empty, whole.state_dict())
    assert [(n, t.dtype, t.stride()) for n, t in empty.state_dict().items()] == [
        (n, t.dtype, t.stride()) for n, t in whole.state_dict().items()
    ]
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), empty.state_dict().values(), strict=True))
    assert not any(tensor.is_meta for tensor in (*empty.parameters(), *empty.buffers()))


@pytest.mark.parametrize("name", ["table_net", "mlp"])
def test_nothing_heavy_is_imported_for_it(name):
    """Arithmetic on the meta device imports sympy and torch's decompositions: two seconds before a prediction."""
    code = f"""
import sys
from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.blank import blank, fill
with blank():
    network = models.build({name!r}, InputSpec(num_numbers=3, category_sizes=(4,)), 2)
fill(network, models.build({name!r}, InputSpec(num_numbers=3, category_sizes=(4,)), 2).state_dict())
assert "sympy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
