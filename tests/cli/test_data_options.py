"""`rumbo train` with corrections, a split from a file and further sets: what the run keeps, and what it meets again."""

import json
from pathlib import Path

import polars as pl
import pytest
from workbench import TINY, Command, csv, inside, pictures

pytestmark = pytest.mark.train


def findings(answer) -> set[str]:
    return {finding["code"] for finding in answer.json["findings"]}


def test_corrections_change_what_is_learned_and_stay_with_the_run(tmp_path: Path, rumbo: Command) -> None:
    csv(tmp_path / "table.csv", 90)
    lines = "".join(f"table.csv#{row},label,maybe\n" for row in range(0, 90, 3))
    (tmp_path / "fixes.csv").write_text("id,field,value\n" + lines, encoding="utf-8")
    with inside(tmp_path):
        answer = rumbo(
            "train", "table.csv", *TINY, "--set", "data.corrections=fixes.csv", "--out", "deep/run", "--json"
        )
        assert answer.code == 0, answer.err
        predictions = pl.read_parquet((tmp_path / "deep/run/predictions/test.parquet").read_bytes())
        assert "maybe" in set(predictions["true"])
        recorded = json.loads((tmp_path / "deep/run/data_check.json").read_text(encoding="utf-8"))["corrections"]
        assert [each["id"] for each in recorded] == [f"table.csv#{row}" for row in range(0, 90, 3)]
        assert rumbo("evaluate", "deep/run").code == 0
        (tmp_path / "fixes.csv").write_text("id,field,value\n", encoding="utf-8")
        again = rumbo("train", "--config", "deep/run/config.yaml", "--out", "run-2", "--json")
    assert again.code == 0
    assert again.json["parameters"] < answer.json["parameters"]  # two classes again


def test_a_split_from_a_file_is_kept(tmp_path: Path, rumbo: Command) -> None:
    csv(tmp_path / "table.csv", 90)
    with inside(tmp_path):
        assert rumbo("split", "table.csv", "--out", "mine.parquet").code == 0
        given = pl.read_parquet("mine.parquet")
        answer = rumbo(
            "train",
            "table.csv",
            *TINY,
            "--set",
            "data.split.file=mine.parquet",
            "--seed",
            "7",
            "--out",
            "run",
            "--json",
        )
        assert answer.code == 0, answer.err
        kept = pl.read_parquet("run/split.parquet")
    assert kept.sort("id").equals(given.sort("id"))


def test_the_split_of_other_data_is_refused(tmp_path: Path, rumbo: Command) -> None:
    csv(tmp_path / "table.csv", 90)
    csv(tmp_path / "other.csv", 90)
    with inside(tmp_path):
        rumbo("split", "other.csv", "--out", "other.parquet")
        answer = rumbo("train", "table.csv", *TINY, "--set", "data.split.file=other.parquet", "--out", "run")
    assert answer.code == 3
    assert "none of the 90 examples is in train" in answer.err
    assert not (tmp_path / "run").exists()


def test_mixed_sets_only_add_to_train(tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "phone", {"cat": 40, "dog": 40})
    pictures(tmp_path / "web", {"cat": 60, "dog": 60}, size=(9, 9))
    with inside(tmp_path):
        answer = rumbo("train", "phone", *TINY, "--set", "data.mix=web:0.25", "--out", "run", "--json")
        assert answer.code == 0, answer.err
        split = pl.read_parquet("run/split.parquet")
        assert rumbo("evaluate", "run", "--split", "train_dev").code == 0
        assert rumbo("report", "run").code == 0
    of_web = set(split.filter(pl.col("id").str.starts_with("web:"))["split"])
    assert of_web == {"train", "train_dev"}
    assert set(answer.json["metrics"]) == {"train", "train_dev", "dev", "test"}
    assert split.filter(pl.col("split").is_in(["dev", "test"]))["id"].str.starts_with("web:").sum() == 0


def test_a_resume_opens_all_sets_again(tmp_path: Path, rumbo: Command) -> None:
    pictures(tmp_path / "phone", {"cat": 40, "dog": 40})
    pictures(tmp_path / "web", {"cat": 20, "dog": 20}, size=(9, 9))
    with inside(tmp_path):
        rumbo("train", "phone", *TINY, "--set", "data.mix=web", "--out", "run")
        (tmp_path / "run" / "report.json").unlink()
        answer = rumbo("train", "--resume", "--out", "run", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["epochs"] == 1


def test_examples_that_leak_leave_train_and_the_run_goes_on(tmp_path: Path, rumbo: Command) -> None:
    for split, counts in (("train", {"cat": 150, "dog": 150}), ("test", {"cat": 30, "dog": 30})):
        pictures(tmp_path / "photos" / split, counts)
    twin = tmp_path / "photos" / "test" / "cat" / "00.png"
    for split in ("train", "test"):  # the generator draws the same pictures for both: tell them apart
        for number, path in enumerate(sorted((tmp_path / "photos" / split).rglob("*.png"))):
            with path.open("ab") as file:
                file.write(f"{split}{number}".encode())
    (tmp_path / "photos" / "train" / "cat" / "twin.png").write_bytes(twin.read_bytes())
    with inside(tmp_path):
        answer = rumbo("train", "photos", *TINY, "--out", "run", "--json")
        assert answer.code == 0, answer.err
        split = pl.read_parquet("run/split.parquet")
        assert "train/cat/twin.png" not in set(split["id"])
        assert "test/cat/00.png" in set(split["id"])
        assert rumbo("evaluate", "run").code == 0


@pytest.mark.parametrize(
    ("setting", "code", "words"),
    [
        ("data.corrections=none.csv", 2, "'none.csv' does not exist"),
        ("data.split.file=none.parquet", 2, "'none.parquet' does not exist"),
        ("data.mix=nowhere:0.5", 2, "no data at 'nowhere'"),
        ("data.mix=table.csv:-1", 2, "must be a number above 0"),
    ],
)
def test_what_is_not_there_is_told(setting: str, code: int, words: str, tmp_path: Path, rumbo: Command) -> None:
    csv(tmp_path / "table.csv", 60)
    with inside(tmp_path):
        answer = rumbo("train", "table.csv", *TINY, "--set", setting, "--out", "run")
    assert (answer.code, answer.err.count("\n")) == (code, 1), answer.err
    assert words in answer.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["raccoon", "membrane", "orl_faces", "movie_reviews", "kanji_strokes"])
def test_kinds_that_are_not_trained_yet_are_told(name: str, shared_data: Path, tmp_path: Path, rumbo: Command) -> None:
    with inside(tmp_path):
        answer = rumbo("train", shared_data / name, "--out", "run")
    assert (answer.code, answer.err.count("\n")) == (2, 1), answer.err
    assert not (tmp_path / "run").exists()


def test_a_run_does_not_go_on_with_other_labels(tmp_path: Path, rumbo: Command) -> None:
    csv(tmp_path / "table.csv", 90)
    (tmp_path / "fixes.csv").write_text("id,field,value\ntable.csv#0,label,no\n", encoding="utf-8")
    with inside(tmp_path):
        rumbo("train", "table.csv", *TINY, "--set", "data.corrections=fixes.csv", "--out", "run")
        (tmp_path / "fixes.csv").write_text("id,field,value\ntable.csv#0,label,yes\n", encoding="utf-8")
        (tmp_path / "run" / "report.json").unlink()
        resumed, measured = rumbo("train", "--resume", "--out", "run"), rumbo("evaluate", "run")
    assert (resumed.code, measured.code) == (3, 3)
    assert "have changed since this run began" in resumed.err


def test_groups_hold_across_added_sets(tmp_path: Path, rumbo: Command) -> None:
    for name, offset in (("clinic.csv", 0), ("other.csv", 1000)):
        rows = [f"p{row // 4},{row + offset},{'yes' if row % 3 else 'no'}" for row in range(160)]
        (tmp_path / name).write_text("patient,x,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    options = ["--set", "data.split.group=patient", "--set", "data.mix=other.csv", "--set", "data.split.allow_leak=no"]
    with inside(tmp_path):
        answer = rumbo("train", "clinic.csv", *TINY, *options, "--out", "run", "--json")
        assert answer.code == 0, answer.err
        split = pl.read_parquet("run/split.parquet")
    patient = split["id"].str.extract(r"#(\d+)$").cast(pl.Int64) // 4
    in_train = set(patient.filter(split["split"].is_in(["train", "train_dev"])))
    assert not in_train & set(patient.filter(split["split"].is_in(["dev", "test"])))


def test_the_column_of_groups_is_no_input(tmp_path: Path, rumbo: Command) -> None:
    rows = [f"p{row // 4},{row},{'yes' if row % 3 else 'no'}" for row in range(160)]
    (tmp_path / "clinic.csv").write_text("patient,x,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    with inside(tmp_path):
        answer = rumbo("check", "clinic.csv", "--set", "data.split.group=patient", "--json")
    assert answer.json["inputs"] == {"numbers": ["x"], "categories": []}
    assert "feature.unseen" not in findings(answer)
