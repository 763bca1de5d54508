"""What every value of every option of every network keeps to; a new option without a value here fails."""

import pytest
import torch
from torch import nn

from rumbo import models
from rumbo.api.model_list import model_options
from rumbo.core.errors import OptionError
from rumbo.core.inputs import InputSpec
from rumbo.models.initial import initialize
from rumbo.models.option_names import ACTIVATIONS, INITIALIZERS, NORM_PLACES
from tests.contracts.test_models import LIGHT, OURS, TABLE, build, image_spec, inputs_of, num_classes

VALUES = {
    "activation": ACTIVATIONS,
    "norm": NORM_PLACES,
    "norm_momentum": (0.01, 1),
    "dropout": (0.0, 0.3),
    "hidden": ((4,), (4, 5), (3, 4, 5)),
    "embedding_size": (1, 3),
    "num_frequencies": (1, 5),
    "frequency_scale": (0.05, 2.0),
    "width": (1, 3),
    "depth": (1, 3),
}
NEEDS = {"norm_momentum": {"norm": "after"}}
"""What an option must stand beside to have an effect; an embedding needs categories."""
HARMFUL = {"zeros", "constant"}
"""First weights that a network may not learn from: gradients vanish, or are not finite in a deep one."""
BOTH = InputSpec(image=(1, 8, 8), num_numbers=2, category_sizes=(4,))


def specs(name):
    found = [] if models.takes(name) == "table" else [image_spec(name)]
    found += [] if models.takes(name) == "image" else [TABLE]
    return [*found, *([BOTH] if name in ("convnet", "mlp") else [])]


CASES = [
    pytest.param(name, spec, option, value, id=f"{name}-{option}={value}-{'both' if spec is BOTH else spec.has_table}")
    for name in OURS
    for option, default in model_options(name).options.items()
    for spec in specs(name)
    for value in VALUES[option]
    if value != default and (option != "embedding_size" or spec is TABLE)
]


def made(name, spec, **options):
    torch.manual_seed(0)
    return models.build(name, spec, num_classes(name), **options)


def described(network):
    """Modules, their settings and the shapes of their parameters, in order."""
    return [repr(part) for part in network.modules()] + [p.shape for p in network.parameters()]


@pytest.mark.parametrize(("name", "spec", "option", "value"), CASES)
def test_a_value_of_an_option(name, spec, option, value):
    beside = NEEDS.get(option, {})
    network, usual = made(name, spec, **beside, **{option: value}), made(name, spec, **beside)
    inputs = inputs_of(spec, 4)
    logits = network(*inputs)
    assert logits.shape == usual(*inputs).shape == (4, num_classes(name))
    logits.square().sum().backward()
    assert [key for key, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    same_parts = described(network) == described(usual)
    same_numbers = same_parts and all(map(torch.equal, network.parameters(), usual.parameters()))
    assert not same_numbers, "the option has no effect"
    as_text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    assert described(made(name, spec, **beside, **{option: as_text})) == described(network)


@pytest.mark.parametrize("initial", INITIALIZERS)
@pytest.mark.parametrize("name", [name for name in LIGHT if name != "resnet34"])  # resnet18 is made of the same layers
def test_first_weights(name, initial):
    for spec in specs(name):
        network, inputs = build(name, spec), inputs_of(spec, 4)
        torch.manual_seed(0)
        initialize(network, initial)
        first = [p.clone() for p in network.parameters()]
        torch.manual_seed(0)
        initialize(network, initial)
        assert all(map(torch.equal, network.parameters(), first))
        logits = network(*inputs)
        assert logits.shape == (4, num_classes(name))
        logits.square().sum().backward()
        absent = [key for key, p in network.named_parameters() if p.grad is None]
        assert absent == []
        if initial not in HARMFUL:
            assert all(p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", OURS)
def test_every_option_has_a_meaning(name):
    listed = model_options(name)
    assert listed.options.keys() == listed.meanings.keys() <= VALUES.keys()
    assert all(sentence.endswith(".") for sentence in listed.meanings.values())


@pytest.mark.parametrize("name", [name for name in OURS if "activation" in model_options(name).options])
@pytest.mark.parametrize("option", ["activation", "norm"])
@pytest.mark.parametrize("value", ["no such", "", None, 3, "Relu", ["relu", "relu"]])
def test_a_value_that_is_no_name(name, option, value):
    if (option, value) == ("norm", None):  # `--set model.options.norm=none` arrives so
        value = "nowhere"
    with pytest.raises(OptionError, match=rf"model.{option}='.*' must be one of: .*{VALUES[option][1]}"):
        made(name, specs(name)[0], **{option: value})


@pytest.mark.parametrize("name", [name for name in OURS if "norm_momentum" in model_options(name).options])
@pytest.mark.parametrize("value", [0, -0.1, 1.5, "nan", "none", "much"])
def test_a_momentum_out_of_range(name, value):
    with pytest.raises(OptionError, match=r"model.norm_momentum=.* must be"):
        made(name, specs(name)[0], norm="after", norm_momentum=value)


@pytest.mark.parametrize("name", [name for name in OURS if "norm" in model_options(name).options])
@pytest.mark.parametrize("place", NORM_PLACES)
def test_the_place_of_batch_norm(name, place):
    """Before each activation, or after it; no bias before it, and one everywhere else."""
    network = made(name, specs(name)[0], norm=place, activation="sigmoid", norm_momentum=0.3)
    kinds = (nn.Linear, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.Sigmoid)
    parts = [part for part in network.modules() if isinstance(part, kinds)]
    activations = [i for i, part in enumerate(parts) if isinstance(part, nn.Sigmoid)]
    assert len(activations) >= 2
    for i in activations:
        summing = parts[i - (2 if place == "before" else 1)]
        assert isinstance(summing, nn.Linear | nn.Conv2d)
        assert (summing.bias is None) == (place == "before")
        if place != "none":
            norm = parts[i - 1 if place == "before" else i + 1]
            assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
            assert norm.momentum == 0.3
    num_norms = sum(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in parts)
    assert num_norms == (0 if place == "none" else len(activations))


def test_options_of_hidden_layers_hold_for_both_branches():
    def count(network, kind):
        return sum(isinstance(part, kind) for part in network.modules())

    network = made("mlp", BOTH, activation="tanh", norm="after", norm_momentum=0.3, dropout=0.0, hidden="5,6")
    assert (count(network, nn.Tanh), count(network, nn.ReLU)) == (2 + 3 + 1, 0)
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm1d)]
    assert [norm.num_features for norm in norms] == [5, 6, 192, 192, 192]  # `hidden` is the picture's alone
    assert {norm.momentum for norm in norms} == {0.3}
