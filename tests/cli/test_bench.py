"""`rumbo bench`: a table for people, one object for programs, and what it refuses."""

import json

import pytest
from workbench import csv

from rumbo.speed.lenet5 import lenet5
from rumbo.speed.race import races

ROW = {
    *("name", "unit", "items_per_step", "steps_per_round", "rounds", "ours_per_second", "by_hand_per_second"),
    *("ours_ms", "by_hand_ms", "ratio", "processor_time_ratio", "overhead_percent", "precision", "layout"),
    *("loss_difference", "mean_loss_difference", "strangers_fraction"),
}


@pytest.fixture
def short(monkeypatch):
    """The first row with rounds of three steps."""
    monkeypatch.setitem(races._parts, "lenet5", lambda data: lenet5(data, steps=3))


@pytest.mark.usefixtures("short")
def test_numbers_for_programs(rumbo, tmp_path):
    out = tmp_path / "speed.json"
    answer = rumbo("bench", "--rows", "lenet5", "--rounds", "1", "--out", out, "--json")
    assert answer.code == 0, answer.err
    (row,) = answer.json["rows"]
    assert set(row) == ROW
    assert row["rounds"] == 1
    assert row["loss_difference"] < 1e-5
    assert 0 < row["ratio"]["least"] <= row["ratio"]["median"] <= row["ratio"]["most"]
    assert row["ours_per_second"] == pytest.approx(128 / row["ours_ms"] * 1000)
    assert set(answer.json["machine"]) == {"cores", "threads", "flags", "torch", "load"}
    assert {**json.loads(out.read_text()), "out": str(out)} == answer.json
    assert "lenet5" in answer.err, "progress"


@pytest.mark.usefixtures("short")
def test_a_table_for_people(rumbo):
    answer = rumbo("bench", "--rows", "lenet5, lenet5", "--rounds", "2")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0].startswith("row")
    assert sum(line.startswith("lenet5 ") for line in lines) == 1, "a row that is named twice is measured once"
    assert "fp32" in lines[1]
    assert any(line.startswith("Machine: ") for line in lines)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--rows", "lenet"], 2, "no row is called 'lenet'; nearest: lenet5"),
        (["--rows", "lenet5,resnet500"], 2, "nearest: resnet50"),
        (["--rows", ","], 2, "no row is named. Known: lenet5, resnet18"),
        (["--rounds", "0"], 2, "--rounds=0 must be at least 1"),
        (["--rounds", "few"], 2, "--rounds"),
        (["--rows", "lstm", "--data", "x"], 2, "only lenet5 takes data"),
        (["--rows", "lenet5", "--data", "nowhere"], 2, "nowhere"),
        (["--rows", "lenet5", "--data", "table.csv"], 3, "no pictures with classes"),
        (["--out", "table.csv"], 2, "table.csv exists already"),
        (["--out", "nowhere/speed.json"], 2, "there is no folder"),
        (["--row", "lenet5"], 2, "nearest: --rows"),
    ],
)
def test_bad_input(words, code, says, rumbo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    csv(tmp_path / "table.csv", 30)
    answer = rumbo("bench", *words)
    assert answer.code == code, answer.err
    assert says in answer.err


def test_rows_are_listed_without_torch(rumbo):
    answer = rumbo("bench", "--list", "--json")
    assert [row["name"] for row in answer.json["rows"]] == ["lenet5", "resnet18", "resnet50", "lstm", "overhead"]
