"""`rumbo diagnose`: a run or bare numbers, what is refused, and what people read."""

import subprocess
import sys

import pytest
from workbench import TINY, Command, csv, inside

from rumbo.cli.main import main


def numbers(human=None, **errors):
    """Words of the command line."""
    words = [] if human is None else ["--human-error", human]
    for name, value in errors.items():
        words += [f"--{name.replace('_', '-')}-error", value]
    return words


@pytest.mark.parametrize(
    ("words", "verdict", "also"),
    [
        (numbers("0.01", train="0.08", dev="0.10"), "avoidable_bias", ["variance"]),
        (numbers("7.5%", train="8%", dev="10%"), "variance", []),
        (numbers(train="15%", dev="30%"), "avoidable_bias", ["variance"]),
        (numbers("0", train="10%", train_dev="11%", dev="20%"), "avoidable_bias", ["data_mismatch"]),
        (numbers(train="0.01", train_dev="0.015", dev="0.1"), "data_mismatch", []),
        (numbers("1%", train="1.2%", dev="1.5%", test="4%"), "dev_overfit", []),
        (numbers("15%", train="15%", dev="16%"), "none", []),
        ([*numbers(train="0.5%", dev="5%"), "--dev-size", "12"], "undecided", []),
        (numbers("5%", train="3%", dev="3.5%"), "none", []),
    ],
)
def test_bare_numbers_have_a_verdict(words, verdict, also, rumbo: Command):
    answer = rumbo("diagnose", *words, "--json")
    assert answer.code == 0, answer.err
    found = answer.json
    assert (found["verdict"], found["also"]) == (verdict, also)
    assert found["run"] is None
    assert ("--dev-size" in words) == any(gap["interval"] is not None for gap in found["gaps"])


def test_people_read_errors_gaps_stages_and_steps(rumbo: Command):
    out = rumbo("diagnose", *numbers("1%", train="8%", dev="10%")).out
    assert "verdict: avoidable bias, variance." in out
    for word in ("possible", "stage", "matters", "7.0 %", "What to try next:"):
        assert word in out
    assert "--human-error says" not in out
    assert "--human-error says" in rumbo("diagnose", *numbers(train="8%")).out
    spanish = rumbo("diagnose", *numbers("1%", train="8%", dev="10%"), "--lang", "es")
    assert spanish.code == 0


def test_the_dev_size_gives_intervals_and_the_size_that_decides(rumbo: Command):
    found = rumbo("diagnose", *numbers(train="1%", dev="1.5%"), "--dev-size", "300", "--json").json
    assert found["verdict"] == "undecided"
    assert found["errors"]["dev"]["items"] == 300
    assert 300 < found["smallest_dev_size"] < 1000
    assert str(found["smallest_dev_size"]) in " ".join(found["remarks"])
    large = rumbo("diagnose", *numbers(train="1%", dev="1.5%"), "--dev-size", "30000", "--json").json
    assert large["verdict"] == "none"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing to diagnose"),
        (numbers("5", train="8%"), "write 5% or 0.05"),
        (numbers(train="eight"), "must be a share"),
        (numbers(train="108%"), "must be a share"),
        (numbers(dev="3%"), "give the error on train"),
        ([*numbers(train="3%"), "--dev-size", "10"], "add that"),
        ([*numbers(train="3%", dev="4%"), "--dev-size", "ten"], "whole number"),
        ([*numbers(train="3%", dev="4%"), "--dev-size", "0"], "at least 1"),
        ([*numbers(train="3%"), "--curve"], "need a run"),
        ([*numbers(train="3%"), "--out", "a.png"], "need a run"),
        (["somewhere", *numbers(train="3%")], "leave out --train-error"),
        (["somewhere", "--budget", "1m"], "--curve"),
        (["somewhere"], "is not a run folder"),
        ([*numbers(train="3%"), "--threshold", "0"], "threshold"),
        (["--trian-error", "3%"], "--train-error"),
    ],
)
def test_what_cannot_be_done_is_said(words, says, rumbo: Command):
    answer = rumbo("diagnose", *words)
    assert answer.code == 2
    assert says in answer.err
    assert "Traceback" not in answer.err


def test_numbers_need_no_torch():
    code = (
        "import sys; from rumbo.cli.main import main; "
        "main('diagnose --train-error 8% --dev-error 10% --json'.split()); "
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.train
def test_a_run_is_diagnosed_drawn_and_its_curve_told(tmp_path, rumbo: Command):
    csv(tmp_path / "table.csv", 400)
    with inside(tmp_path):
        assert main(["train", "table.csv", *TINY, "--out", "run"]) == 0
        plain = rumbo("diagnose", "run", "--human-error", "1%", "--out", "errors.png")
        curve = rumbo("diagnose", "run", "--curve", "--budget", "10s", "--out", "curve.png", "--json")
        text = rumbo("diagnose", "run", "--curve")
    assert plain.code == curve.code == text.code == 0, (plain.err, curve.err, text.err)
    assert "picture: errors.png" in plain.out
    found = curve.json["curve"]
    assert found["helps"] in ("yes", "no", "undecided")
    assert [forecast["size"] for forecast in found["forecasts"]] == [2 * found["size"], 4 * found["size"]]
    assert found["points"][-1]["dev"] == curve.json["errors"]["dev"]["value"]  # the run itself
    assert "training examples" in text.out
    assert "training examples, seed 0" in text.err
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
