"""Fused kernels called straight away make torch's own steps, bit for bit."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from rumbo.training.optimizer import RULES, make_optimizer
from rumbo.training.optimizer_options import OptimizerOptions
from rumbo.training.update import Update

CASES = [
    *(OptimizerOptions(name=name) for name in RULES),
    OptimizerOptions(name="adam", weight_decay=0.1),
    OptimizerOptions(name="adamw", weight_decay=0.1),
    OptimizerOptions(name="adam", weight_decay=0.1, decoupled=True, epsilon=1e-3),
    OptimizerOptions(name="nesterov", weight_decay=0.1),
    OptimizerOptions(name="momentum", weight_decay=0.1, decoupled=True),
]

DIRECT = ("adam", "adamw", "amsgrad", "sgd", "momentum", "nesterov")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 5), nn.Linear(5, 2))


def walk(optimizer: torch.optim.Optimizer, take: Callable[[list[torch.Tensor]], object], *, without: int = -1) -> None:
    """Eight steps with gradients that are functions of the step; in step `without` the last weight has none."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for step in range(8):
        generator = torch.Generator().manual_seed(step)
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=generator)
        if step == without:
            weights[-1].grad = None
        for group in optimizer.param_groups:
            group["lr"] = 0.01 / (step + 1)
        take([weight.grad for weight in weights if weight.grad is not None])


def assert_same(one: torch.optim.Optimizer, other: torch.optim.Optimizer) -> None:
    for ours, theirs in zip(one.param_groups, other.param_groups, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(ours["params"], theirs["params"], strict=True))
    ours, theirs = (optimizer.state_dict()["state"] for optimizer in (one, other))
    assert ours.keys() == theirs.keys()
    for index, slots in ours.items():
        assert slots.keys() == theirs[index].keys()
        assert all(torch.equal(torch.as_tensor(slots[key]), torch.as_tensor(theirs[index][key])) for key in slots)


@pytest.mark.parametrize("without", [-1, 0, 3])
@pytest.mark.parametrize("options", CASES, ids=lambda o: f"{o.name}-{o.weight_decay:g}")
def test_steps_are_those_of_torch(options: OptimizerOptions, without: int) -> None:
    ours, theirs = make_optimizer(network(), options), make_optimizer(network(), options)
    walk(ours, Update(ours, is_alone=True), without=without)
    walk(theirs, lambda _: theirs.step(), without=without)
    assert_same(ours, theirs)


@pytest.mark.parametrize(
    "options",
    [case for case in CASES if case.name in DIRECT and not case.decoupled],
    ids=lambda o: f"{o.name}-{o.weight_decay:g}",
)
def test_the_kernels_are_called_straight_away(options: OptimizerOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer = make_optimizer(network(), options)
    calls: list[int] = []
    step = optimizer.step
    monkeypatch.setattr(optimizer, "step", lambda: (calls.append(1), step()))
    walk(optimizer, Update(optimizer, is_alone=True))
    assert len(calls) == (1 if options.name.startswith("a") else 0)


def test_gradients_laid_out_otherwise_are_put_right() -> None:
    ours, theirs = (make_optimizer(network(), OptimizerOptions(name="adam")) for _ in range(2))
    update = Update(ours, is_alone=True)

    def turned(take: Callable[[list[torch.Tensor]], object], optimizer: torch.optim.Optimizer) -> None:
        kernel = optimizer.param_groups[0]["params"][0]
        kernel.grad = kernel.grad.contiguous(memory_format=torch.channels_last)
        take([weight.grad for group in optimizer.param_groups for weight in group["params"]])

    walk(ours, lambda _: turned(update, ours))
    walk(theirs, lambda _: theirs.step())
    assert_same(ours, theirs)


def test_a_second_owner_and_loaded_memories_count_steps_alike():
    """A loop that is left and entered again makes a second `Update` of one optimizer; a resume loads its state."""
    options = OptimizerOptions(name="adam")
    ours, theirs = make_optimizer(network(), options), make_optimizer(network(), options)
    first = Update(ours, is_alone=True)
    for turn in range(3):
        walk(ours, first if turn == 0 else Update(ours, is_alone=True), without=0 if turn else -1)
        walk(theirs, lambda _: theirs.step(), without=0 if turn else -1)
        assert_same(ours, theirs)
    update = Update(ours, is_alone=True)
    walk(ours, update)
    walk(theirs, lambda _: theirs.step())
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    walk(ours, update)
    walk(theirs, lambda _: theirs.step())
    assert_same(ours, theirs)
