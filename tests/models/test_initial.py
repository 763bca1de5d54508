"""First weights by name: spread as the textbook's, nothing else touched, and what equal ones do to a training."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.datasets import load_digits
from torch import nn

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.losses import cross_entropy
from rumbo.models.initial import fans, initialize
from rumbo.models.option_names import INITIALIZERS
from rumbo.reference import initializers as ref
from tests.contracts.test_models import LIGHT, TOO_HEAVY, build, cases

DRAWN = [name for name in INITIALIZERS if name not in ("default", "zeros", "constant")]
LAYERS = {
    "dense": (lambda: nn.Linear(300, 170), (300, 170)),
    "convolution": (lambda: nn.Conv2d(24, 60, 3), (3, 3, 24, 60)),
    "grouped": (lambda: nn.Conv2d(60, 120, 5, groups=4), (5, 5, 15, 30)),
    "series": (lambda: nn.Conv1d(40, 90, 7), (7, 40, 90)),
    "volumes": (lambda: nn.Conv3d(6, 50, 3), (3, 3, 3, 6, 50)),
}
"""A layer, and the shape of its filters (of one group) as the textbook writes it."""


def made(kind):
    make, shape = LAYERS[kind]
    return make(), (shape if len(shape) == 2 else ref.filter_fans(shape))


@pytest.mark.parametrize("kind", LAYERS)
def test_fans_are_the_textbooks(kind):
    layer, expected = made(kind)
    assert fans(layer) == expected


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("name", DRAWN)
def test_weights_are_spread_as_the_textbooks(name, kind):
    layer, (n_in, n_out) = made(kind)
    torch.manual_seed(0)
    initialize(layer, name)
    weights = layer.weight.detach().numpy().ravel()
    judge = getattr(ref, name)(n_out, n_in, np.random.default_rng(0)).ravel()
    assert weights.var() == pytest.approx(judge.var(), rel=0.05)
    assert abs(weights.mean()) < 5 * weights.std() / np.sqrt(weights.size)
    assert stats.ks_2samp(weights, judge).pvalue > 1e-3
    assert layer.bias.eq(0).all()


@pytest.mark.parametrize("name", ["zeros", "constant"])
def test_equal_weights_are_the_textbooks(name):
    layer = nn.Linear(3, 2)
    initialize(layer, name)
    assert np.array_equal(layer.weight.detach().numpy(), getattr(ref, name)(2, 3, np.random.default_rng(0)))


def test_every_name_is_the_textbooks():
    assert all(callable(getattr(ref, name)) for name in INITIALIZERS if name != "default")


def embeddings(network):
    """Parameters of rows that are picked, and of the frequencies of numbers: no sums of inputs."""
    picked = {id(part.weight) for part in network.modules() if isinstance(part, nn.Embedding)}
    return picked | {id(p) for name, p in network.named_parameters() if name.endswith("numbers.frequencies")}


@pytest.mark.parametrize(("name", "spec"), cases(LIGHT))
def test_all_matrices_and_kernels_are_drawn_and_nothing_else(name, spec):
    network = build(name, spec)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    initialize(network, "constant")
    exempt = embeddings(network)
    parameters = dict(network.named_parameters())
    norms = {
        f"{path}.{key}"
        for path, part in network.named_modules()
        if isinstance(part, nn.modules.batchnorm._BatchNorm)
        for key, _ in part.named_parameters()
    }
    for key, tensor in network.state_dict().items():
        if key not in parameters or key in norms or id(parameters[key]) in exempt:
            assert torch.equal(tensor, before[key]), key
        else:
            assert tensor.eq(5.0 if tensor.ndim >= 2 else 0.0).all(), key


@pytest.mark.parametrize("name", sorted(TOO_HEAVY))
def test_the_heavy_ones_have_no_other_matrices(name):
    with torch.device("meta"):
        network = models.build(name, InputSpec(image=(3, 64, 64)), 7)
    summing = [part for part in network.modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    assert {id(p) for p in network.parameters() if p.ndim >= 2} == {id(part.weight) for part in summing}


def test_the_default_changes_and_draws_nothing():
    network = build("lenet5", InputSpec(image=(1, 28, 28)))
    before, state = {k: v.clone() for k, v in network.state_dict().items()}, torch.get_rng_state()
    initialize(network, "default")
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(network.state_dict()[key], before[key]) for key in before)


@given(name=st.sampled_from(DRAWN), seed=st.integers(0, 999))
def test_the_memory_layout_changes_no_weight(name, seed):
    usual, last = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    for layer in (usual, last):
        torch.manual_seed(seed)
        initialize(layer, name)
    assert torch.equal(usual.weight, last.weight)


def trained_on_digits(initial):
    """A real training of a layer of 6 units: its matrix before and after, and the share of digits it then reads."""
    pixels, codes = load_digits(return_X_y=True)
    x, y = torch.tensor(pixels / 16 / 64), torch.tensor(codes)  # / 64: fives times 64 pixels stay in range
    torch.manual_seed(0)
    network = models.build("mlp", InputSpec(num_numbers=64), 10, hidden=(6,)).double()
    initialize(network, initial)
    first = network.layers[0].weight.detach().clone()
    no_codes = torch.zeros(len(x), 0, dtype=torch.long)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        cross_entropy(network(x, no_codes), y).mean().backward()
        optimizer.step()
    accuracy = (network(x, no_codes).argmax(dim=1) == y).double().mean().item()
    return first, network.layers[0].weight.detach(), accuracy


@pytest.mark.parametrize("initial", ["zeros", "constant"])
def test_equal_units_stay_equal_and_read_badly(initial):
    """A hidden layer of copies is a layer of one unit (Paiolla, sec. 2.4)."""
    first, last, accuracy = trained_on_digits(initial)
    assert torch.allclose(last, last[:1].expand_as(last), rtol=1e-9, atol=1e-12)
    assert torch.equal(first, last) == (initial == "zeros")  # nothing flows back through zeros; fives move, all alike
    _, different, better = trained_on_digits("xavier")
    assert different.std(dim=0).min() > 1e-3
    assert better > accuracy + 0.2
