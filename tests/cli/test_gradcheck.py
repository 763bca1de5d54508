"""`rumbo gradcheck` on data, on a run, and on a function in somebody's own file."""

import sys
from pathlib import Path

import pytest
from workbench import TINY, Command, csv, inside, pictures, tree

from rumbo.cli.main import main

OWN = """
import torch
from torch import nn
from helper import SIZE


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, up):
        return 1.02 * up


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(SIZE, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.second(torch.relu(Scaled.apply(self.first(x))))


def batch():
    return torch.randn(5, SIZE), torch.tensor([0, 1, 1, 0, 1])


def right():
    return nn.Linear(SIZE, 2), nn.CrossEntropyLoss(), batch()


def wrong():
    return Layer(), nn.CrossEntropyLoss(), batch()


def whole():
    loss = lambda module, x: module(x).square().mean()
    return nn.Linear(SIZE, 2), loss, batch()[0], {"takes": "module", "steps": (1,)}


def fails():
    return Layer(), nn.CrossEntropyLoss(), (torch.randn(5, SIZE + 1), batch()[1])


def divides():
    return 1 / 0


def leaves():
    raise SystemExit(3)


def noisy():
    return nn.Sequential(nn.Linear(SIZE, 2)), lambda o, y: (o + torch.rand_like(o)).mean(), batch()


def number():
    return 3


def needs(argument):
    return argument


def cut():
    return nn.Linear(SIZE, 2), lambda outputs, y: outputs.detach().square().mean(), batch()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gradcheck")
    csv(folder / "table.csv", 60)
    pictures(folder / "photos", {"cat": 12, "dog": 12})
    (folder / "own.py").write_text(OWN, encoding="utf-8")
    (folder / "helper.py").write_text("SIZE = 3\n", encoding="utf-8")
    (folder / "broken.py").write_text("import torch\n\ndef f(:\n", encoding="utf-8")
    with inside(folder):
        assert main(["train", "table.csv", *TINY, "--out", "run", "--json"]) == 0
        assert main(["train", "photos", *TINY, "--out", "photo_run", "--json"]) == 0
    return folder


FAST = ("--components", "2", "--steps", "1")


@pytest.mark.train
@pytest.mark.parametrize(
    ("source", "parameters"),
    [
        ("table.csv --model mlp", 6),
        ("table.csv --model softmax_regression --set train.label_smoothing=0.1", 2),
        ("photos --model lenet5 --set train.optimizer.name=sgd", 10),
        ("run", 2),
        ("photo_run --examples 3", 2),
        ("own.py:right", 2),
    ],
)
def test_sources_of_all_kinds(source: str, parameters: int, place: Path, rumbo: Command) -> None:
    before = tree(place)
    with inside(place):
        answer = rumbo("gradcheck", *source.split(" "), *FAST, "--json")
    assert answer.code == 0, answer.err
    assert answer.out.count("\n") == 1
    found = answer.json
    assert found["verdict"] in ("great", "good")
    assert found["source"] == source.split(" ")[0]
    assert len(found["parameters"]) == 2 * parameters
    assert [stage["step"] for stage in found["stages"]] == [0, 1]
    assert all(set(row) >= {"name", "shape", "step", "verdict", "distance", "worst"} for row in found["parameters"])
    assert tree(place) == before


def test_the_table_tells_each_parameter(place: Path, rumbo: Command) -> None:
    with inside(place):
        answer = rumbo("gradcheck", "own.py:right", "--steps", "0")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split()[:5] == ["parameter", "shape", "step", "distance", "verdict"]
    assert [line.split()[0] for line in lines[1:3]] == ["weight", "bias"]
    assert lines[-1].startswith("great: the largest distance is ")


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_wrong_gradient_is_a_gate(flags: tuple[str, ...], place: Path, rumbo: Command) -> None:
    with inside(place):
        answer = rumbo("gradcheck", "own.py:wrong", *FAST, *flags)
    assert answer.code == 5
    for word in ("the gradient of first.", "distance 9.9e-03", "backward gives", "differences give", "first."):
        assert word in answer.err
    if flags:
        assert answer.json["error"]["exit_code"] == 5
        assert answer.json["verdict"] == "worry"
        assert {row["name"] for row in answer.json["parameters"]} == {
            *("first.weight", "first.bias", "second.weight", "second.bias")
        }
    else:
        assert "worry" in answer.out
        assert "second.weight" in answer.out


def test_nothing_is_left_of_the_file(place: Path, rumbo: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bytecode beside it, and Python looks for modules where it did."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    before, path = tree(place), list(sys.path)
    with inside(place):
        assert rumbo("gradcheck", "own.py:right", *FAST).code == 0
    assert tree(place) == before
    assert (sys.path, sys.dont_write_bytecode) == (path, False)


def test_arguments_of_the_function_come_from_the_file(place: Path, rumbo: Command) -> None:
    with inside(place):
        answer = rumbo("gradcheck", "own.py:whole", "--json")
    assert answer.code == 0, answer.err
    assert [stage["step"] for stage in answer.json["stages"]] == [1]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", ["SOURCE"]),
        ("nowhere", ["'nowhere'", "no such file"]),
        ("nowhere.py:f", ["'nowhere.py'"]),
        ("own.py", ["own.py:check", "(module, loss, batch)"]),
        ("own.py:wrnog", ["'wrnog'", "wrong", "right"]),
        ("own.py:fails", ["'own.py', line 23", "RuntimeError"]),
        ("own.py:divides", ["'own.py', line 48", "ZeroDivisionError"]),
        ("own.py:leaves", ["'own.py', line 52", "SystemExit"]),
        ("own.py:needs", ["'own.py'", "TypeError", "argument"]),
        ("own.py:number", ["number", "(module, loss, batch)", "int"]),
        ("own.py:noisy", ["random"]),
        ("broken.py:f", ["'broken.py', line 3", "SyntaxError"]),
        ("own.py:right --model mlp", ["--model"]),
        ("run --set train.clip_norm=1", ["'run'", "--set"]),
        ("table.csv --model resnet18", ["'resnet18'", "table_net"]),
        ("table.csv --set train.clip_nrom=3", ["'train.clip_nrom'", "train.clip_norm"]),
        ("table.csv --components 0", ["--components=0", "at least 1"]),
        ("table.csv --steps -1", ["--steps=-1", "at least 0"]),
        ("table.csv --steps many", ["--steps='many'", "whole number"]),
        ("table.csv --examples 1", ["--examples=1", "at least 2"]),
        ("table.csv --seed -1", ["--seed=-1", "at least 0"]),
    ],
)
@pytest.mark.train
def test_what_cannot_be_done_is_told(typed: str, words: list[str], place: Path, rumbo: Command) -> None:
    before = tree(place)
    with inside(place):
        answer = rumbo("gradcheck", *typed.split())
    assert answer.code == 2, answer.err
    assert [word for word in words if word not in answer.err] == []
    assert answer.err.count("\n") == 1
    assert answer.out == ""
    assert tree(place) == before


@pytest.mark.train
def test_regularisation_of_the_training_is_in_the_cost(place: Path, rumbo: Command) -> None:
    words = ("gradcheck", "table.csv", "--model", "mlp", "--steps", "0", "--json")
    with_l2 = ("--set", "train.optimizer.name=sgd", "--set", "train.optimizer.weight_decay=0.5")
    outside = ("--set", "train.optimizer.name=adamw", "--set", "train.optimizer.weight_decay=0.5")
    with inside(place):
        plain, decayed, decoupled = (rumbo(*words, *more).json for more in ((), with_l2, outside))
    costs = [found["stages"][0]["cost"] for found in (plain, decayed, decoupled)]
    assert costs[1] > costs[0] == costs[2]
    assert decayed["verdict"] in ("great", "good")


@pytest.mark.train
def test_what_reaches_no_parameter_is_called_detached(place: Path, rumbo: Command) -> None:
    with inside(place):
        answer = rumbo("gradcheck", "own.py:cut", "--steps", "0")
    assert answer.code == 5
    assert "detached" in answer.err
