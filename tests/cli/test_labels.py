"""`rumbo labels RUN`: what people read, what they are asked, and what is refused."""

import re
from pathlib import Path

import pytest
from workbench import TINY, Command, csv, inside

from rumbo.cli.main import main
from rumbo.data.corrections import read_corrections

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a table whose yes and no are wrong in some rows."""
    folder = tmp_path_factory.mktemp("labels")
    csv(folder / "table.csv", 300)
    lines = (folder / "table.csv").read_text(encoding="utf-8").splitlines()
    for row in range(5, 300, 12):
        values, _, label = lines[row].rpartition(",")
        lines[row] = f"{values},{'no' if label == 'yes' else 'yes'}"
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = [word if word != "1" else "60" for word in TINY]
    with inside(folder):
        assert main(["train", "table.csv", *words, "--out", "run", "--json"]) == 0
        assert main(["labels", "run", "--folds", "3", "--json"]) == 0
    return folder


def test_what_people_read(place: Path, rumbo: Command) -> None:
    with inside(place):
        answer = rumbo("labels", "run", "--folds", "3", "--top", "30")
    assert answer.code == 0, answer.err
    assert "240 labels were judged by 3 networks that did not see them, of" in answer.out
    assert re.search(r"About [\d.]+ % of the labels are wrong \(95 % interval", answer.out)
    assert "Of the dev error of" in answer.out
    assert "chance that it is right" in answer.out
    assert "--test lists them" in answer.out
    assert "rumbo labels run --top 30 --folds 3 --from run/labels/review.csv" in answer.out
    assert (place / "run" / "labels" / "labels.html").is_file()


def test_a_review_by_hand(place: Path, rumbo: Command) -> None:
    with inside(place):
        rumbo("labels", "run", "--folds", "3", "--top", "30")
        review = place / "run" / "labels" / "review.csv"
        text = review.read_text(encoding="utf-8")
        review.write_text(text.replace('"suspect",""', '"suspect","yes"').replace('"sample",""', '"sample","no"'))
        answer = rumbo("labels", "run", "--folds", "3", "--from", review, "--write", "mine.csv", "--who", "ana")
        assert answer.code == 0, answer.err
        assert "80 labels were looked at: of 30 suspects 30 are wrong, of 50 others 0." in answer.out
        assert "By this review" in answer.out
        assert "rumbo train --config run/config.yaml --set data.corrections=mine.csv" in answer.out
        assert {made.who for made in read_corrections("mine.csv")} == {"ana"}
        review.unlink()
        trained = rumbo("train", "--config", "run/config.yaml", "--set", "data.corrections=mine.csv", "--out", "again")
        assert trained.code == 0, trained.err


def test_unseen_corrections(place: Path, rumbo: Command) -> None:
    with inside(place):
        answer = rumbo("labels", "run", "--folds", "3", "--accept", "--write", "unseen.csv", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["num_looked_at"] == 0
    assert answer.json["num_corrections"] == len(read_corrections(place / "unseen.csv")) > 5
    assert {made.why for made in read_corrections(place / "unseen.csv")} == {"rumbo labels --accept: nobody looked"}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("labels", 2, "missing: RUN"),
        ("labels nowhere", 2, "is not a run folder"),
        ("labels run --folds 1", 2, "--folds=1 must be at least 2"),
        ("labels run --folds many", 2, "--folds"),
        ("labels run --top 0", 2, "--top=0"),
        ("labels run --budget soon", 2, "--budget='soon' must be a time"),
        ("labels run --from none.csv --folds 3", 2, "does not exist"),
        ("labels run --from a.csv --accept", 2, "choose one"),
        ("labels run --write a.csv", 2, "add --from"),
        ("labels run --folds 3 --accept --write none/a.csv", 2, "the folder of 'none/a.csv' does not exist"),
        ("labels run --folds 300", 2, "must be from 2 to 100"),
    ],
)
def test_what_is_refused(place: Path, rumbo: Command, words: str, code: int, says: str) -> None:
    with inside(place):
        answer = rumbo(*words.split())
    assert (answer.code, says in answer.err) == (code, True), answer.err
    assert "Traceback" not in answer.err
