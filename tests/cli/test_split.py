"""`rumbo split`: the file, the table, what is refused."""

import numpy as np
import polars as pl
import pytest
from workbench import Command, csv, inside, pictures

from rumbo.data.splits.split import Split


@pytest.fixture
def folder(tmp_path):
    csv(tmp_path / "table.csv", 60)
    rng = np.random.default_rng(0)
    lines = ["x,who,day,site,label"]
    for row in range(120):
        day = f"2024-{1 + row // 28:02d}-{1 + row % 28:02d}"
        lines.append(
            f"{rng.normal():.4f},p{row // 4},{day},{('north', 'south', 'east')[row % 3]},{'yes' if row % 2 else 'no'}"
        )
    (tmp_path / "visits.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with inside(tmp_path):
        yield tmp_path


def test_the_file_is_a_split(folder, rumbo: Command):
    answer = rumbo("split", "table.csv", "--json")
    assert answer.code == 0, answer.err
    split = Split.load(folder / "split.parquet")
    assert split.sha256 == answer.json["sha256"]
    assert answer.json["counts"] == {"train": 36, "dev": 12, "test": 12}
    assert sum(answer.json["classes"]["train"].values()) == 36


def test_the_table_tells_classes_and_decisions(folder, rumbo: Command):
    pictures(folder / "photos", {"cat": 20, "dog": 20})
    answer = rumbo("split", "photos", "--dev", "0.25", "--test", "0.25")
    assert answer.code == 0, answer.err
    assert "split  examples  cat  dog" in answer.out
    assert [line.split() for line in answer.out.splitlines() if line.startswith("dev ")] == [["dev", "10", "5", "5"]]
    assert "written: split.parquet" in answer.out
    assert "25 % for dev" in answer.out


def test_groups_sources_and_times_by_flag(folder, rumbo: Command):
    table = pl.read_csv(folder / "visits.csv")
    assert rumbo("split", "visits.csv", "--group", "who", "--target", "label", "--out", "g.parquet").code == 0
    cut = table.with_columns(split=pl.read_parquet(folder / "g.parquet")["split"])
    assert cut.group_by("who").agg(pl.col("split").n_unique())["split"].max() == 1
    answer = rumbo("split", "visits.csv", "--source", "site", "--dev", "north", "--test", "east", "--out", "s.parquet")
    assert answer.code == 0, answer.err
    cut = table.with_columns(split=pl.read_parquet(folder / "s.parquet")["split"])
    assert set(cut.filter(pl.col("site") == "north")["split"]) == {"dev"}
    assert set(cut.filter(pl.col("site") == "south")["split"]) == {"train", "train_dev"}
    assert rumbo("split", "visits.csv", "--time", "day", "--out", "t.parquet").code == 0
    cut = table.with_columns(split=pl.read_parquet(folder / "t.parquet")["split"])
    assert cut.filter(pl.col("split") == "train")["day"].max() < cut.filter(pl.col("split") == "test")["day"].min()


def test_folds(folder, rumbo: Command):
    answer = rumbo("split", "visits.csv", "--folds", "4", "--target", "label", "--out", "k.parquet", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["counts"] == {"1": 30, "2": 30, "3": 30, "4": 30}
    assert set(pl.read_parquet(folder / "k.parquet").columns) == {"id", "fold"}
    told = rumbo("split", "visits.csv", "--folds", "4", "--target", "label", "--out", "k.parquet")
    assert told.code == 0  # the same file again


REFUSED = {
    "split visits.csv --by alphabet": (2, ["alphabet", "random"]),
    "split visits.csv --group wo": (2, ["'wo'", "who"]),
    "split visits.csv --by group": (2, ["no groups are known", "who"]),
    "split visits.csv --by random --group who": (2, ["tear apart", "by=group", "allow_leak=yes"]),
    "split visits.csv --by time": (2, ["which column holds the time"]),
    "split visits.csv --time site": (3, ["holds no time", "'north'"]),
    "split visits.csv --folds 1": (2, ["--folds=1"]),
    "split visits.csv --set data.split.foldz=1": (2, ["foldz", "folds"]),
    "split visits.csv --dev 0.5 --test 0.6": (2, ["leave nothing"]),
    "split visits.csv --out no/where.parquet": (2, ["folder of --out"]),
    "split visits.csv --out table.csv": (2, ["exists already"]),
    "split nothing.csv": (2, ["nothing.csv"]),
}


@pytest.mark.parametrize("typed", REFUSED)
def test_what_makes_no_sense_is_refused(typed, folder, rumbo: Command):
    code, words = REFUSED[typed]
    answer = rumbo(*typed.split(" "))
    assert answer.code == code, answer.err
    assert [word for word in words if word not in answer.err] == []
    assert not (folder / "split.parquet").exists()


def test_a_random_split_of_groups_can_be_asked_for(folder, rumbo: Command):
    answer = rumbo(*["split", "visits.csv", "--by", "random", "--group", "who", "--set", "data.split.allow_leak=yes"])
    assert answer.code == 0, answer.err
    assert "torn apart, as asked" in answer.out
