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
    lines = ["x,who,day,site,half,label"]
    for row in range(120):
        day = f"2024-{1 + row // 28:02d}-{1 + row % 28:02d}"
        site, label = ("north", "south", "east")[row % 3], "yes" if row % 2 else "no"
        lines.append(f"{rng.normal():.4f},p{row // 4},{day},{site},h{row // 60},{label}")
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
    "split visits.csv --by group": (2, ["no groups are known", "--group COLUMN", "Columns: x, who, day"]),
    "split visits.csv --by source --dev north": (2, ["--source COLUMN", "Columns: x, who, day"]),
    "split visits.csv --group half": (3, ["groups of examples that stay together: 2 (examples: 120)"]),
    "split visits.csv --group half --folds 3": (3, ["groups of examples that stay together: 2;", "3 folds"]),
    "split visits.csv --dev 20": (2, ["--dev=20", "0.2"]),
    "split visits.csv --test -0.1": (2, ["--test=-0.1", "0.2"]),
    "split visits.csv --set data.split.fold=2": (2, ["data.split.fold=2", "data.split.folds=5"]),
    "split visits.csv --set data.split.file=a.csv": (2, ["data.split.file"]),
    "split visits.csv --folds 3 --source site --dev north": (2, ["by=source"]),
    "split visits.csv --out split.xlsx": (2, ["split.xlsx", ".parquet or .csv"]),
    "split visits.csv --by random --group who": (2, ["tear apart", "by=group", "allow_leak=yes"]),
    "split visits.csv --by time": (2, ["which column holds the time", "--time COLUMN", "Columns: x, who, day"]),
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
    assert "id, content" not in answer.err
    assert not (folder / "split.parquet").exists()


def test_a_random_split_of_groups_can_be_asked_for(folder, rumbo: Command):
    answer = rumbo(*["split", "visits.csv", "--by", "random", "--group", "who", "--set", "data.split.allow_leak=yes"])
    assert answer.code == 0, answer.err
    assert "torn apart, as asked" in answer.out


def test_a_name_decides_the_format(folder, rumbo: Command):
    assert rumbo("split", "table.csv", "--out", "a.csv").code == 0
    assert rumbo("split", "table.csv", "--out", "a.parquet").code == 0
    assert (folder / "a.csv").read_text(encoding="utf-8").startswith("id,split\n")
    assert pl.read_csv(folder / "a.csv").equals(pl.read_parquet(folder / "a.parquet"))
    assert rumbo("split", "table.csv", "--out", "a.csv").code == 0  # the same again
    assert rumbo("split", "table.csv", "--seed", "1", "--out", "a.csv").code == 2
    assert Split.load(folder / "a.csv").sha256 == Split.load(folder / "a.parquet").sha256
    assert rumbo("split", "visits.csv", "--folds", "3", "--test", "0.1", "--out", "k.csv").code == 0
    assert Split.load(folder / "k.csv", 2).table["split"].value_counts().height == 3


def test_the_share_of_dev_is_told_to_be_unused_with_folds(folder, rumbo: Command):
    answer = rumbo("split", "visits.csv", "--folds", "3", "--dev", "0.3", "--target", "label")
    assert answer.code == 0, answer.err
    assert "the share of dev, 0.3, is not used: each fold is 1/3" in answer.out


def test_corrections_are_laid_over_the_data(folder, rumbo: Command):
    pictures(folder / "photos", {"cat": 20, "dog": 20})
    before = rumbo("split", "photos", "--json").json["classes"]
    name = sorted(path.relative_to(folder / "photos").as_posix() for path in (folder / "photos").rglob("*.*"))[0]
    lines = ["id,field,value,who,when,why", f"{name},class,dog,me,2024-01-01,slip"]
    (folder / "fixes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    answer = rumbo("split", "photos", "--corrections", "fixes.csv", "--out", "c.parquet", "--json")
    assert answer.code == 0, answer.err
    assert sum(counts["cat"] for counts in before.values()) == 20
    assert sum(counts["cat"] for counts in answer.json["classes"].values()) == 19
