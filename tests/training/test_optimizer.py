"""Optimizers by name: groups, penalties, memory layout, memories that are saved. Steps are judged in tests/oracle."""

import copy
from typing import get_args

import pytest
import torch
from torch import nn

from rumbo.training.optimizer import RULES, apply_penalties, base_rate, make_optimizer
from rumbo.training.optimizer_options import OptimizerName, OptimizerOptions

NAMES = get_args(OptimizerName)
every_name = pytest.mark.parametrize("name", NAMES)


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    return layers.to(memory_format=torch.channels_last)


def learn(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int, first: int = 0) -> None:
    for step in range(first, first + steps):
        torch.manual_seed(step)
        optimizer.zero_grad()
        model(torch.randn(4, 2, 6, 6)).square().mean().backward()
        apply_penalties(optimizer)
        optimizer.step()


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_every_name_is_built():
    assert set(RULES) == set(NAMES)


@every_name
def test_the_cost_falls_at_the_usual_rate(name):
    model = network()
    inputs = torch.randn(32, 2, 6, 6)
    before = model(inputs).square().mean().item()
    learn(model, make_optimizer(model, OptimizerOptions(name=name)), 40)
    assert model(inputs).square().mean().item() < 0.8 * before


@every_name
@pytest.mark.parametrize("decoupled", [None, True, False])
def test_frozen_weights_biases_and_norms_take_no_penalty(name, decoupled):
    """With gradients of zero whatever moves is moved by a penalty."""
    model = network()
    model[4].weight.requires_grad_(False)
    options = OptimizerOptions(name=name, learning_rate=0.1, weight_decay=0.5, l1=0.5, decoupled=decoupled)
    optimizer = make_optimizer(model, options)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    before = weights(model)
    apply_penalties(optimizer)
    optimizer.step()
    moved = [not torch.equal(old, new) for old, new in zip(before, weights(model), strict=True)]
    assert moved == [True, False, False, False, False, False]


@every_name
def test_decoupled_decay_is_the_same_share_for_every_rule(name):
    model = network()
    options = OptimizerOptions(name=name, learning_rate=0.1, weight_decay=0.5, decoupled=True)
    optimizer = make_optimizer(model, options)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    before = weights(model)
    optimizer.step()
    torch.testing.assert_close(model[4].weight.detach(), 0.95 * before[4])
    assert torch.equal(model[4].bias.detach(), before[5])


@every_name
def test_the_layout_of_a_gradient_changes_nothing(name):
    """Fused updates read memory in order: torch alone puts such a gradient onto the wrong weights."""
    ends = []
    for layout in (torch.channels_last, torch.contiguous_format):
        model = network()
        optimizer = make_optimizer(model, OptimizerOptions(name=name, learning_rate=0.1))
        for step in range(3):
            torch.manual_seed(step)
            for parameter in model.parameters():
                gradient = torch.randn(parameter.shape)
                parameter.grad = gradient.contiguous(memory_format=layout) if gradient.ndim == 4 else gradient
            optimizer.step()
        ends.append(weights(model))
    for first, second in zip(*ends, strict=True):
        assert torch.equal(first, second)


@every_name
def test_a_weight_whose_first_gradient_comes_late_is_trained(name):
    model = network()
    optimizer = make_optimizer(model, OptimizerOptions(name=name, learning_rate=0.1))
    for parameter in model[0].parameters():
        parameter.grad = torch.ones_like(parameter)
    before = weights(model)
    optimizer.step()
    assert torch.equal(model[4].weight.detach(), before[4])
    model[4].weight.grad = torch.ones_like(model[4].weight)
    optimizer.step()
    assert not torch.equal(model[4].weight.detach(), before[4])


@every_name
def test_memories_are_tensors_that_continue_bit_for_bit(name):
    options = OptimizerOptions(name=name, weight_decay=0.1, l1=0.01)
    model = network()
    optimizer = make_optimizer(model, options)
    learn(model, optimizer, 3)
    other = copy.deepcopy(model)
    continued = make_optimizer(other, options)
    state = optimizer.state_dict()
    assert all(isinstance(slot, torch.Tensor) for slots in state["state"].values() for slot in slots.values())
    continued.load_state_dict(copy.deepcopy(state))
    learn(model, optimizer, 2, first=3)
    learn(other, continued, 2, first=3)
    for first, second in zip(weights(model), weights(other), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("found", [0.0, 1.0])
def test_a_step_that_is_left_out_decays_nothing(found):
    """As on a GPU, where only the device knows yet whether the gradient is finite."""
    model = network()
    optimizer = make_optimizer(model, OptimizerOptions(name="momentum", weight_decay=0.5, decoupled=True))
    optimizer.found_inf = torch.tensor(found)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    before = model[4].weight.detach().clone()
    optimizer.step()
    assert torch.equal(model[4].weight.detach(), before) is bool(found)


def test_nesterov_without_momentum_is_plain_descent():
    ends = []
    for name in ("nesterov", "sgd"):
        model = network()
        learn(model, make_optimizer(model, OptimizerOptions(name=name, learning_rate=0.1, momentum=0.0)), 3)
        ends.append(weights(model))
    for first, second in zip(*ends, strict=True):
        torch.testing.assert_close(first, second)


def test_l1_alone_shrinks_what_the_cost_does_not_need():
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight[:] = torch.tensor([[1.0, 1.0]])
    optimizer = make_optimizer(model, OptimizerOptions(name="sgd", learning_rate=0.05, weight_decay=0.0, l1=0.1))
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    for _ in range(300):
        optimizer.zero_grad()
        (0.5 * (model(x) - 2 * x[:, :1]).square()).mean().backward()
        apply_penalties(optimizer)
        optimizer.step()
    assert model.weight[0].tolist() == pytest.approx([1.9, 0.0], abs=0.01)  # soft threshold: 2 - l1


def test_the_rate_given_is_taken():
    assert base_rate(OptimizerOptions(name="adadelta", learning_rate=0.3)) == 0.3
    assert base_rate(OptimizerOptions(name="sgd")) == RULES["sgd"].usual_rate
