"""What every registered network keeps to; registering a network is testing it."""

import importlib

import pytest
import torch

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.losses import cross_entropy
from rumbo.models.summary import summarize

TABLE = InputSpec(num_numbers=5, category_sizes=(3, 7))
SIDES_PX = {"lenet5": 28, "alexnet": 63, "vgg16": 32, "squeezenet1_0": 21, "squeezenet1_1": 17, "convnet": 9}
OURS = [name for name in models.names() if models.entry(name).module != "rumbo.models.published"]
TOO_HEAVY = {"alexnet", "vgg16", "resnet50", "resnet101", "resnet152"}
LIGHT = [name for name in models.names() if name not in TOO_HEAVY]


def image_spec(name):
    side = SIDES_PX.get(name, 8 if name in OURS else 32)
    return InputSpec(image=(1, side, side))


def cases(names):
    images = [(name, image_spec(name)) for name in names if models.takes(name) != "table"]
    tables = [(name, TABLE) for name in names if models.takes(name) != "image"]
    both = [("convnet", InputSpec(image=(3, 8, 8), num_numbers=2, category_sizes=(4,)))]
    return [
        pytest.param(*case, id=f"{case[0]}-{'table' if case[1].has_table else 'image'}")
        for case in images + tables + both
    ]


def inputs_of(spec, batch_size):
    torch.manual_seed(1)
    inputs = []
    if spec.image is not None:
        inputs.append(torch.randn(batch_size, *spec.image))
    if spec.has_table:
        inputs.append(torch.randn(batch_size, spec.num_numbers))
        columns = [torch.randint(0, size, (batch_size,)) for size in spec.category_sizes]
        inputs.append(torch.stack(columns, dim=1))
    return inputs


def num_classes(name):
    return 2 if name == "logistic_regression" else 7


def build(name, spec):
    torch.manual_seed(0)
    return models.build(name, spec, num_classes(name))


@pytest.mark.parametrize(("name", "spec"), cases(LIGHT))
def test_every_parameter_learns(name, spec):
    model = build(name, spec)
    logits = model(*inputs_of(spec, 4))
    assert logits.shape == (4, num_classes(name))
    logits.square().sum().backward() if logits.any() else logits.sum().backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.parametrize("name", sorted(TOO_HEAVY))
def test_the_heavy_ones_keep_shape_and_graph(name):
    with torch.device("meta"):
        model = models.build(name, InputSpec(image=(1, 64, 64)), 7)
        logits = model(torch.zeros(2, 1, 64, 64))
    assert logits.shape == (2, 7)
    logits.sum().backward()
    assert [key for key, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(("name", "spec"), cases(LIGHT))
def test_evaluation_is_deterministic_and_knows_no_neighbours(name, spec):
    model, inputs = build(name, spec).eval(), inputs_of(spec, 5)
    order = torch.tensor([3, 1, 4, 0, 2])
    with torch.inference_mode():
        logits = model(*inputs)
        torch.testing.assert_close(model(*inputs), logits, rtol=0, atol=0)
        torch.testing.assert_close(model(*[part[order] for part in inputs]), logits[order], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(*[part[:1] for part in inputs]), logits[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "spec"), cases(OURS))
def test_sixteen_examples_are_learnt_by_heart(name, spec):
    """Linear networks too: the examples have more features than there are examples."""
    if name in ("logistic_regression", "softmax_regression") and spec.has_table:
        spec = InputSpec(num_numbers=20, category_sizes=(3,))
    model, inputs = build(name, spec), inputs_of(spec, 16)
    codes = torch.arange(16) % num_classes(name)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        cross_entropy(model(*inputs), codes).mean().backward()
        optimizer.step()
    assert (model.eval()(*inputs).argmax(dim=1) == codes).all()


@pytest.mark.parametrize(("name", "spec"), cases(LIGHT))
def test_the_summary_counts_every_parameter_once(name, spec):
    model = build(name, spec)
    summary = summarize(model, spec)
    assert sum(row.num_parameters for row in summary.rows) == summary.num_parameters
    assert summary.num_multiply_adds > 0
    assert model.training


def test_index_and_registry_agree():
    for entry in models.INDEX.values():
        importlib.import_module(entry.module)
    assert set(models._registry._parts) == set(models.INDEX)


@pytest.mark.parametrize("name", OURS)
def test_building_twice_from_one_seed_gives_one_network(name):
    spec = TABLE if models.takes(name) == "table" else image_spec(name)
    first, second = build(name, spec).state_dict(), build(name, spec).state_dict()
    assert list(first) == list(second)
    assert all(torch.equal(first[key], second[key]) for key in first)
