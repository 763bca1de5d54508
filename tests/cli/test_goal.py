"""What people read about goals: requirements after a training, gates of an evaluation, places in a comparison."""

from pathlib import Path

import pytest
from workbench import TINY, Command, csv, inside

from rumbo.cli.main import main

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("goals")
    csv(folder / "table.csv", 1000)
    with inside(folder):
        longer = ("--epochs", "20", "--set", "train.optimizer.learning_rate=0.05")
        assert main(["train", "table.csv", *TINY, *longer, "--out", "good", "--json"]) == 0
        assert main(["train", "table.csv", *TINY, "--out", "poor", "--json", "--set", "train.batch_size=0"]) == 0
    return folder


def test_a_training_tells_its_requirements(runs: Path, tmp_path: Path, rumbo: Command) -> None:
    words = ("--goal", "recall[yes]", "--require", "parameters<1", "--require", "error<=1", "--out", tmp_path / "run")
    with inside(runs):
        answer = rumbo("train", "table.csv", *TINY, *words)
    assert answer.code == 0  # told, not a gate
    assert "goal: recall[yes] " in answer.out
    assert "parameters<1 is missed by " in answer.out
    assert "error<=1 is met: " in answer.out
    assert "dev/recall[yes]" in answer.err


def test_a_missed_requirement_is_a_gate(runs: Path, rumbo: Command) -> None:
    with inside(runs):
        missed = rumbo("evaluate", "good", "--require", "parameters<1", "--require", "accuracy>=0%", "--json")
        met = rumbo("evaluate", "good", "--require", "accuracy>=0%")
        resumed = rumbo("train", "--resume", "--out", "good", "--require", "accuracy>=0")
    assert missed.code == 5
    assert missed.err.startswith("error: parameters<1 is missed by ")
    assert [check["met"] for check in missed.json["goal"]["requirements"]] == [False, True]
    assert missed.json["goal"]["met"] is False
    assert met.code == 0
    assert "accuracy>=0 is met" in met.out
    assert resumed.code == 2
    assert "--require" in resumed.err


def test_a_comparison_says_who_misses_what(runs: Path, rumbo: Command) -> None:
    with inside(runs):
        plain = rumbo("compare", "poor", "good")
        nobody = rumbo("compare", "poor", "good", "--require", "parameters<1")
        slowest = rumbo("compare", "poor", "good", "--goal", "error", "--require", "accuracy<0.9")
    assert plain.out.splitlines()[1].startswith("good ")
    assert "good is better than poor: the difference is no noise." in plain.out
    assert "No run meets all requirements; they are ranked by accuracy all the same." in nobody.out
    assert "good: parameters<1 is missed by " in nobody.out
    assert nobody.out.splitlines()[0].endswith("parameters")
    assert slowest.out.splitlines()[1].startswith("poor ")
    assert "good: accuracy<0.9 is missed by " in slowest.out
    assert "good is ahead of poor, and that is no noise, but it misses a requirement." in slowest.out


def test_names_of_classes_cannot_drive_the_terminal(tmp_path: Path, rumbo: Command) -> None:
    hostile = "y,$e_s$[1]@>=\x1b[31m<b>"
    table = csv(tmp_path / "table.csv", 120)
    text = "".join(line.replace("yes", f'"{hostile}"') for line in table.read_text(encoding="utf-8").splitlines(True))
    table.write_text(text, encoding="utf-8")
    words = ("--goal", f"recall[{hostile}]", "--require", f"precision[{hostile}]<=100%")
    with inside(tmp_path):
        trained = rumbo("train", "table.csv", *TINY, *words, "--out", "run")
        assert rumbo("train", "table.csv", *TINY, *words, "--out", "other").code == 0
        measured = rumbo("evaluate", "run", "--require", f"f1[{hostile}]>=0")
        compared = rumbo("compare", "run", "other")
    for answer in (trained, measured, compared):
        assert answer.code == 0, answer.err
        assert "\x1b" not in answer.out + answer.err
        assert r"recall[y,$e_s$[1]@>=\x1b[31m<b>]" in answer.out
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "\x1b" not in page
    assert "[31m<b>" not in page
