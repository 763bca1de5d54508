"""`rumbo lrfind`: the loop itself with a rising rate, an answer, a picture, and nothing else on the disk."""

import shlex

import pytest
from workbench import Command, csv, inside, tree

from rumbo.api import rate_finding
from rumbo.api.rate_finding import find_learning_rate
from rumbo.cli.main import main
from rumbo.core.errors import TrainingError
from rumbo.training.events import Warned
from rumbo.training.guards import NotFinite


@pytest.fixture
def folder(tmp_path):
    csv(tmp_path / "table.csv", 200)
    with inside(tmp_path):
        yield tmp_path


SHORT = ("--model", "softmax_regression", "--device", "cpu", "--set", "train.optimizer.name=sgd")


@pytest.mark.train
def test_it_suggests_a_rate_and_the_training_that_takes_it(folder, rumbo: Command):
    answer = rumbo("lrfind", "table.csv", *SHORT, "--low", "1e-4", "--out", "curve.png")
    assert answer.code == 0, answer.err
    assert "suggestion for softmax_regression with sgd" in answer.out
    command = next(line for line in answer.out.splitlines() if "rumbo train" in line)
    words = shlex.split(command)
    rate = float(words[-1].removeprefix("train.optimizer.learning_rate="))
    assert 0.03 < rate < 30
    assert words[:4] == ["rumbo", "train", "table.csv", "--model"]
    assert "train.optimizer.name=sgd" in words
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert tree(folder) == [str(folder / "curve.png"), str(folder / "table.csv")]  # no run folder, no checkpoint
    assert main([*words[1:], "--epochs", "2", "--out", "run"]) == 0


@pytest.mark.train
def test_its_numbers_are_of_one_length_and_rise(folder):
    answer = find_learning_rate("table.csv", model="softmax_regression", steps=120)
    assert tree(folder) == [str(folder / "table.csv")]
    assert len(answer.rates) == len(answer.losses) == len(answer.smoothed) <= 120
    assert list(answer.rates) == sorted(answer.rates)
    assert answer.rates[0] == pytest.approx(1e-6)
    assert answer.usual_rate == pytest.approx(2e-3)
    assert answer.losses[0] == pytest.approx(0.69, abs=0.3)
    assert find_learning_rate("table.csv", model="softmax_regression", steps=120).losses == answer.losses


@pytest.mark.train
def test_pictures_without_a_name_are_numbered(folder, rumbo: Command):
    for name in ("lrfind.png", "lrfind-2.png"):
        answer = rumbo("lrfind", "table.csv", *SHORT, "--steps", "100", "--json")
        assert answer.json["picture"] == name
        assert (folder / name).is_file()


@pytest.mark.train
def test_without_an_answer_it_says_why(folder, rumbo: Command):
    answer = rumbo("lrfind", "table.csv", *SHORT, "--high", "1e-4", "--json")
    assert answer.code == 0
    assert answer.json["suggestion"] is None
    assert answer.json["command"] is None
    assert "never fell" in answer.json["reason"]
    assert "Undecided: " in rumbo("lrfind", "table.csv", *SHORT, "--high", "1e-4").out


@pytest.mark.parametrize(("num_good", "code"), [(0, 4), (5, 0), (120, 0)])
def test_a_loss_that_is_not_finite_is_an_error_only_at_the_start(num_good, code, folder, rumbo: Command, monkeypatch):
    real = rate_finding.fit

    def failing(*arguments):
        for event in real(*arguments):
            if getattr(event, "step", 0) > num_good:
                raise NotFinite("the cost is not finite.", None)
            yield event

    monkeypatch.setattr(rate_finding, "fit", failing)
    answer = rumbo("lrfind", "table.csv", *SHORT, "--low", "1e-3", "--out", "curve.png", "--json")
    assert answer.code == code
    if num_good == 5:
        assert "before there was anything to see" in answer.json["reason"]
    if num_good == 120:
        assert len(answer.json["losses"]) == 120


def test_other_errors_are_told_and_so_are_remarks(folder, rumbo: Command, monkeypatch):
    real = rate_finding.fit

    def failing(*arguments):
        for event in real(*arguments):
            yield event
            if getattr(event, "step", 0) == 99:
                yield Warned("memory is short.")
                if is_last:
                    raise TrainingError("there is no memory for a single example.")

    monkeypatch.setattr(rate_finding, "fit", failing)
    for is_last, code in ((False, 0), (True, 4)):
        answer = rumbo("lrfind", "table.csv", *SHORT, "--low", "1e-4")
        assert answer.code == code
        assert ("memory is short." in answer.err) == (not is_last)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--low", "1", "--high", "0.1"), "must be below the highest"),
        (("--low", "much"), "must be a number"),
        (("--low", "nan"), "low="),
        (("--steps", "1.5"), "whole number"),
        (("--steps", "20"), "must lie in"),
        (("--out", "curve.pdf"), "must end in .png"),
        (("--out", "nowhere/curve.png"), "does not exist"),
        (("--out", "there.png"), "exists already"),
        (("--model", "convnet7"), "convnet"),
        (("--preset", "swift"), "quick"),
        (("--set", "train.batchsize=3"), "batch_size"),
    ],
)
def test_bad_input_is_told_before_anything_is_trained(words, says, folder, rumbo: Command):
    (folder / "there.png").write_bytes(b"")
    answer = rumbo("lrfind", "table.csv", *words)
    assert answer.code == 2, answer.err
    assert says in answer.err
    assert tree(folder) == [str(folder / "table.csv"), str(folder / "there.png")]
