"""T09: a hundred NaN and infinities at every place where one can come from: none reaches a weight or a checkpoint.

Mutants seen caught: the check after the update; only the loss is looked at.
"""

import csv
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from kinds import OFTEN, PICTURES, TABLE, first_of, options
from safetensors.torch import load
from sittings import End, ForkServer, outcome, strict

from rumbo.runs.publisher import latest

pytestmark = pytest.mark.train

NUMBERS = ("table.csv", "--target", "width", "--model", "mlp", *options(model__options__hidden="24,12"))
RUNS = {"classes of a table": TABLE, "numbers of a table": NUMBERS, "classes of pictures": PICTURES}
EPOCHS = ("--epochs", "2", *options(train__batch_size=16))
VALUES, STEPS = ("nan", "inf", "-inf"), (0, 4, 6)


Injection = tuple[str, str, dict[str, Any]]
"""Kind of run, fault, and its keywords."""


def injections() -> list[Injection]:
    """A hundred, each of which reaches a cost or a gradient."""
    found: list[Injection] = []
    for run, value in itertools.product(RUNS, VALUES):
        for number, step in enumerate(STEPS):
            found.append((run, "poison_batch", {"part": "inputs", "value": value, "steps": [step]}))
            found.append((run, "poison_gradient", {"layer": number - 1, "value": value, "steps": [step]}))
        # ReLU and softmax swallow a minus infinity: infinity in another step for it.
        above, step = ("inf", 7) if value == "-inf" else (value, 1)
        found.append((run, "poison_activation", {"layer": 0, "value": above, "steps": [step]}))
        found.append((run, "poison_activation", {"layer": -1, "value": above, "steps": [step + 1]}))
        found.append((run, "poison_batch", {"part": "weights", "value": value, "steps": [3]}))
        found.append((run, "poison_weight", {"layer": 1, "value": value, "steps": [2]}))
    for value, step in itertools.product(("inf", "-inf"), (2, 9)):
        found.append(("numbers of a table", "poison_batch", {"part": "targets", "value": value, "steps": [step]}))
    for value, run in itertools.product(VALUES, ("numbers of a table", "classes of a table")):
        found.append((run, "poison_gradient", {"layer": 1, "value": value, "steps": [11]}))
    return found


ALL = injections()
ONE_OF_EACH = {0, *{fault: number for number, (_, fault, _) in enumerate(ALL)}.values()}


def train(server: ForkServer, data: Path, run: Path, kind: str, faults: dict[str, Any], *more: str) -> End:
    return server.run("train", *RUNS[kind], *EPOCHS, *OFTEN, *more, "--out", run, folder=data, faults=faults)[0]


def unclean(run: Path) -> list[str]:
    """Files of a run with numbers that are not finite where there must be none."""
    found: list[str] = []
    for path in run.rglob("*.safetensors"):
        tensors = load(path.read_bytes())
        bad = [name for name, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
        found += [f"{path.name}: {name}" for name in bad if path.name != "bad_batch.safetensors"]
    for path in (*run.rglob("*.json"), *run.rglob("*.jsonl")):
        lines = path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]
        for line in lines:
            try:
                strict(line)
            except ValueError as error:
                found.append(f"{path.name}: {error}")
    return found


def told_wrong(end: End, fault: str, step: int) -> list[str]:
    """What the sentence lacks: the step, where it begins, and the examples."""
    lacking: list[str] = []
    if f"step {step + 1}, or its gradient" not in end.told:
        lacking.append("the step")
    poisoned = re.search(r"poisoned '(.*)'", end.told)
    where = {"poison_batch": r"the inputs \(", "poison_gradient": r"the gradient of '{}\."}
    if not re.search(where.get(fault, r"the output of layer '{}'").format(poisoned and poisoned[1]), end.told):
        lacking.append("where it begins")
    if not re.search(r"Examples: \S", end.told):
        lacking.append("the examples")
    return lacking


def check_that_it_stops(server: ForkServer, data: Path, run: Path, kind: str, fault: str, keywords: Any) -> None:
    end, step = train(server, data, run, kind, {fault: keywords}), keywords["steps"][0]
    assert end.code == 4, end.told
    assert told_wrong(end, fault, step) == [], end.told
    assert unclean(run) == []
    assert latest(run / "checkpoints").step == step  # the steps before it, and none of what followed


@pytest.mark.parametrize("number", sorted(ONE_OF_EACH))
def test_a_training_stops_before_the_update(server, data, tmp_path, number):
    check_that_it_stops(server, data, tmp_path / "run", *ALL[number])


@pytest.mark.slow
@pytest.mark.parametrize("number", sorted({*range(100)} - ONE_OF_EACH))
def test_every_injection_stops_the_training(server, data, tmp_path, number):
    check_that_it_stops(server, data, tmp_path / "run", *ALL[number])


@pytest.mark.slow
def test_it_goes_on_as_if_nothing_had_been_once_the_cause_is_gone(server, data, tmp_path):
    kind = "classes of pictures"  # with batch norm, whose statistics a step changes before its cost is known
    assert train(server, data, tmp_path / "whole", kind, {}).code == 0
    fault = {"poison_activation": {"layer": 0, "value": "nan", "steps": [3]}}
    assert train(server, data, tmp_path / "run", kind, fault).code == 4
    assert server.run("train", "--resume", "--out", tmp_path / "run", folder=data)[0].code == 0
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


@pytest.mark.parametrize("number", first_of(range(3, 100, 32)))
def test_a_step_is_left_out_where_that_is_asked_for(server, data, tmp_path, number):
    kind, fault, keywords = ALL[number]
    skip = ("--set", "train.on_nonfinite=skip")
    end = train(server, data, tmp_path / "run", kind, {fault: keywords}, *skip)
    if fault == "poison_weight":  # it stays bad, whatever is left out
        assert end.code == 4, end.told
    else:
        assert end.code == 0, end.told
        assert f"left out step {keywords['steps'][0] + 1} (" in end.told
    assert unclean(tmp_path / "run") == []


def test_four_in_a_row_stop_it_nevertheless(server, data, tmp_path):
    fault = {"poison_batch": {"part": "inputs", "value": "nan", "steps": [1, 2, 3, 4]}}
    end = train(server, data, tmp_path / "run", "classes of a table", fault, "--set", "train.on_nonfinite=skip")
    assert end.code == 4
    assert unclean(tmp_path / "run") == []
    assert latest(tmp_path / "run" / "checkpoints").step == 4


@pytest.mark.parametrize(
    ("kind", "value"),
    first_of([("numbers of a table", "nan"), ("numbers of a table", "inf"), ("classes of pictures", "-inf")]),
)
def test_dev_that_is_not_finite_is_marked_and_never_the_best(server, data, tmp_path, kind, value):
    end = train(server, data, tmp_path / "run", kind, {"poison_dev": {"value": value}})
    assert end.code == 0, end.told
    assert unclean(tmp_path / "run") == []
    with (tmp_path / "run" / "results.csv").open(newline="", encoding="utf-8") as file:
        first, _ = csv.DictReader(file)
    assert first["dev/loss"] in ("nan", "inf", "")
    assert strict((tmp_path / "run" / "report.json").read_bytes())["best_epoch"] == 2


@pytest.mark.parametrize("value", first_of(VALUES))
def test_a_goal_that_is_not_finite_is_marked_and_never_the_best(server, data, tmp_path, value):
    fault = {"poison_score": {"value": value, "task": "classify"}}
    end = train(server, data, tmp_path / "run", "classes of a table", fault)
    assert end.code == 0, end.told
    assert unclean(tmp_path / "run") == []
    assert strict((tmp_path / "run" / "report.json").read_bytes())["best_epoch"] == 2


@pytest.mark.parametrize(
    ("kind", "name"),
    first_of(
        [*itertools.product(["numbers of a table"], ["sgd", "momentum", "adam"]), ("classes of pictures", "rmsprop")]
    ),
)
def test_a_rate_that_blows_the_weights_up_leaves_no_bad_checkpoint(server, data, tmp_path, kind, name):
    rate = options(train__optimizer__name=name, train__optimizer__learning_rate=100, train__schedule__name="constant")
    end = train(server, data, tmp_path / "run", kind, {}, *rate)
    assert end.code in (0, 4), end.told
    assert "fault of ours" not in end.told
    assert unclean(tmp_path / "run") == []


def test_there_are_a_hundred():
    assert len(ALL) == len({str(injection) for injection in ALL}) == 100


def test_strict_reading_refuses_what_it_must():
    for text in ('{"a": NaN}', "[Infinity]", "-Infinity"):
        with pytest.raises(ValueError, match="no JSON"):
            strict(text)
