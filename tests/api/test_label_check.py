"""`rumbo.check_labels`: out-of-fold predictions kept in the run folder, suspects, and corrections of a review."""

import csv
import dataclasses
import os
import re
import signal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits

import rumbo
from rumbo.api import held_out
from rumbo.api.interrupts import Interrupted
from rumbo.api.label_answers import accept_suspects, corrections_name, take_review
from rumbo.api.label_check import check_labels, dev_label_noise, label_noise_of
from rumbo.api.label_pages import write_pages
from rumbo.api.label_review import COLUMNS, has_answers
from rumbo.api.run import Run
from rumbo.core.errors import DataError, UnknownName, UsageError
from rumbo.data.corrections import read_corrections
from rumbo.data.splits.split import Split

pytestmark = pytest.mark.train

FAST = {"model": "softmax_regression", "device": "cpu", "epochs": 4}
WRONG = 0.1


def digits_file(folder: Path, *, num: int = 900, regular: bool = False) -> tuple[Path, dict[str, str]]:
    """Digits whose labels are wrong for one in ten, and the right label of those by id."""
    generator = np.random.default_rng(0)
    pixels, truth = load_digits(return_X_y=True)
    pixels, truth = pixels[:num], truth[:num]
    given = np.where(generator.random(num) < WRONG, (truth + generator.integers(1, 10, num)) % 10, truth)
    columns = {f"p{place:02d}": pixels[:, place] for place in range(64)}
    label = truth * 1.5 if regular else [f"d{code}" for code in given]
    path = folder / ("numbers.csv" if regular else "digits.csv")
    pl.DataFrame({**columns, "label": label}).write_csv(path)
    right = {f"{path.name}#{row}": f"d{truth[row]}" for row in range(num) if truth[row] != given[row]}
    return path, right


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("labels")
    path, right = digits_file(folder)
    run = rumbo.train(path, out=folder / "run", **FAST)
    told: list[str] = []
    return run, run.labels(folds=3, tell=told.append), right, told


@pytest.fixture
def copied(checked, tmp_path: Path) -> Run:
    """A run of one's own, with the data beside it as before."""
    import shutil

    original = checked[0].path
    shutil.copytree(original.parent, tmp_path / "place")
    return Run(tmp_path / "place" / "run")


def test_planted_labels_are_found(checked):
    run, check, right, told = checked
    assert (check.task, check.folds, check.num_judged) == ("classify", 3, len(check.known))
    assert len(told) == 3
    assert check.noise.kind == "random"
    planted = {key for key in right if (key, "label") in check.known}
    assert check.noise.interval[0] <= len(planted) / check.num_judged <= check.noise.interval[1]
    first = check.suspects[:40]
    assert np.mean([row.id in right for row in first]) > 0.9
    assert np.mean([row.suggested == right.get(row.id) for row in first]) > 0.85
    assert {row.split for row in check.suspects} <= {"train", "dev"}
    assert all(row.field == "label" and row.given != row.suggested for row in check.suspects)
    assert check.error is not None
    assert check.error.error == pytest.approx(run.metrics["dev"]["error"])
    dev = pl.read_parquet(run.folder.predictions / "dev.parquet")
    mistaken = dev.filter(pl.col("true") != pl.col("predicted"))["id"].to_list()
    part = sum(key in right for key in mistaken) / dev.height
    assert check.error.label_interval[0] <= part <= check.error.label_interval[1]


def test_others_are_drawn_to_be_looked_at_too(checked):
    _, check, _, _ = checked
    assert {row.listed for row in check.sample} == {"sample"}
    assert len(check.sample) == 50
    assert not {row.id for row in check.sample} & {row.id for row in check.suspects}


def test_no_network_judges_what_it_learned_from(copied: Run, monkeypatch: pytest.MonkeyPatch):
    saved = Split.load(copied.folder.split).table
    test = set(saved.filter(pl.col("split") == "test")["id"])
    learned: list[set[str]] = []
    original = held_out.gather

    def spy(config, *, split: Split, **rest):
        assert set(split.table["split"]) == {"train"}
        learned.append(set(split.table["id"]))
        return original(config, split=split, **rest)

    monkeypatch.setattr(held_out, "gather", spy)
    check_labels(copied, folds=2)
    judged = [set(pl.read_parquet(copied.path / "labels" / f"fold-{fold}.parquet")["id"]) for fold in (1, 2)]
    for held, others in zip(judged, learned, strict=True):
        assert not held & others
        assert not (held | others) & test
    assert judged[0] | judged[1] == set(saved["id"]) - test
    assert not judged[0] & judged[1]


def test_a_second_call_trains_nothing(checked, monkeypatch: pytest.MonkeyPatch):
    run, check, _, _ = checked
    monkeypatch.setattr(held_out, "gather", None)
    monkeypatch.setattr(held_out, "_own_data", None)  # nor does it open the data
    again = check_labels(run, folds=3, top=7)
    assert again.suspects == check.suspects[:7]
    assert again.noise == check.noise
    assert label_noise_of(run) == check.noise
    assert check_labels(run, folds=3, budget_seconds=1e-3).epochs == check.epochs  # what is there is better


def test_a_fold_that_is_missing_is_made_again(copied: Run):
    before = (copied.path / "labels" / "fold-1.parquet").read_bytes()
    missing = copied.path / "labels" / "fold-2.parquet"
    kept = missing.read_bytes()
    missing.unlink()
    assert label_noise_of(copied) is None
    told: list[str] = []
    check_labels(copied, folds=3, tell=told.append)
    assert missing.read_bytes() == kept  # the same numbers
    assert (copied.path / "labels" / "fold-1.parquet").read_bytes() == before
    assert sum("already" in sentence for sentence in told) == 2


def test_ctrl_c_keeps_whole_folds(copied: Run):
    seen: list[str] = []

    def interrupt(what: str, done: int, total: int) -> None:
        seen.append(what)
        if what.startswith("fold 2"):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="stopped in fold 2 of 4") as stop:
        check_labels(copied, folds=4, progress=interrupt)
    assert stop.value.exit_code == 130
    assert [file.name for file in sorted((copied.path / "labels").glob("fold-*"))] == ["fold-1.parquet"]
    told: list[str] = []
    assert check_labels(copied, folds=4, tell=told.append).folds == 4
    assert "already" in told[0]
    assert not list((copied.path / "labels").glob(".tmp-*"))


def test_another_number_of_folds_begins_anew(copied: Run):
    assert check_labels(copied, folds=2).folds == 2
    assert len(list((copied.path / "labels").glob("fold-*.parquet"))) == 2


def test_predictions_of_another_config_are_not_taken(copied: Run):
    text = copied.folder.config.read_text(encoding="utf-8")
    copied.folder.config.write_text(re.sub(r"seed: 0", "seed: 1", text, count=1), encoding="utf-8")
    assert label_noise_of(copied) is None


def test_data_that_changed_are_refused_and_those_that_are_gone_too(copied: Run):
    data = copied.path.parent / "digits.csv"
    lines = data.read_text(encoding="utf-8").splitlines()
    data.write_text("\n".join([lines[0], "9" + lines[1], *lines[2:]]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="have changed"):
        check_labels(copied, folds=2)
    data.unlink()
    with pytest.raises(DataError, match="no data at"):
        check_labels(copied, folds=2)
    check = check_labels(copied, folds=3)  # these are kept
    _, _, remarks = write_pages(copied, check)
    assert any("no pictures" in sentence for sentence in remarks)


def test_a_budget_shortens_the_folds(copied: Run):
    facts = copied.folder.report_json.read_text(encoding="utf-8")
    copied.folder.report_json.write_text(
        re.sub(r'"seconds": [\d.]+', '"seconds": 1000.0', facts, count=1), encoding="utf-8"
    )
    check = check_labels(Run(copied.path), folds=2, budget_seconds=500)
    assert 1 <= check.epochs < 4
    assert any("to keep to the budget" in sentence for sentence in check.remarks)


def test_groups_stay_together(tmp_path: Path):
    path, _ = digits_file(tmp_path, num=300)
    table = pl.read_csv(path).with_columns(pl.Series("group", [row // 3 for row in range(300)]))
    table.write_csv(path)
    run = rumbo.train(path, out=tmp_path / "run", **FAST)
    check_labels(run, folds=3)
    group_of = {f"{path.name}#{row}": row // 3 for row in range(300)}
    folds = [pl.read_parquet(run.path / "labels" / f"fold-{fold}.parquet")["id"].to_list() for fold in (1, 2, 3)]
    groups = [{group_of[name] for name in names} for names in folds]
    assert not groups[0] & groups[1]
    assert not groups[1] & groups[2]


def test_yes_no_labels_with_gaps(tmp_path: Path):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((500, 4))
    truth = (x[:, :2] > 0).astype(int)
    given = truth.copy()
    hits = generator.random(500) < 0.1
    given[hits, 0] = 1 - given[hits, 0]
    columns = {f"x{place}": x[:, place] for place in range(4)}
    gaps = generator.random(500) < 0.1
    labels = {"cat": given[:, 0].tolist(), "dog": [None if gap else int(v) for gap, v in zip(gaps, given[:, 1])]}  # noqa: B905
    pl.DataFrame({**columns, **labels}).write_csv(tmp_path / "many.csv")
    run = rumbo.train(tmp_path / "many.csv", target="cat,dog", task="multilabel", out=tmp_path / "run", epochs=15)
    check = check_labels(run, folds=3)
    assert check.task == "multilabel"
    assert np.mean([row.field == "cat" for row in check.suspects[:20]]) > 0.8
    wrong = {f"many.csv#{row}" for row in np.flatnonzero(hits)}
    assert np.mean([row.id in wrong for row in check.suspects[:20]]) > 0.8
    assert {row.given for row in check.suspects} <= {"0", "1"}
    page, review, _ = write_pages(run, check)
    assert "cat: present?" in page.read_text(encoding="utf-8")
    answer(review, lambda row: "yes" if row["id"] in wrong and row["field"] == "cat" else "no")
    answers = take_review(run, check, review, out=tmp_path / "c.csv", who="me")
    assert answers.num_corrections > 10
    assert {made.value for made in read_corrections(tmp_path / "c.csv")} <= {"0", "1"}
    rumbo.train(config=run.folder.config, out=tmp_path / "again", epochs=1, settings=corrections(tmp_path / "c.csv"))


def corrections(path: Path) -> dict[str, str]:
    return {"data.corrections": str(path)}


def test_first_look_from_dev_alone(checked):
    noise, error = dev_label_noise(checked[0])
    dev = pl.read_parquet(checked[0].folder.predictions / "dev.parquet")
    assert noise.num_items == error.num_items == dev.height
    assert noise.interval[0] <= WRONG <= noise.interval[1]


# Reviews.


def answer(path: Path, verdict, correct=lambda row: "") -> None:
    """Fill the columns of a review as a person would."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "verdict": verdict(row), "correct": correct(row)})


def test_a_review_becomes_corrections_that_train_takes(checked, copied: Run, tmp_path: Path):
    _, _, right, _ = checked
    check = check_labels(copied, folds=3, top=60)
    page, review, remarks = write_pages(copied, check)
    assert page.name == "labels.html"
    assert remarks == []
    rows = pl.read_csv(review)
    assert rows.height == 110
    assert rows["listed"].to_list() != sorted(rows["listed"].to_list(), reverse=True)  # mixed
    assert not has_answers(review)
    answer(review, lambda row: "Yes" if row["id"] in right else "no", lambda row: right.get(row["id"], ""))
    assert has_answers(review)
    out = tmp_path / "corrections.csv"
    answers = take_review(copied, check, review, out=out, who="me")
    made = read_corrections(out)
    assert len(made) == answers.num_corrections > 30
    assert all(right[each.id] == each.value and each.who == "me" and each.field == "label" for each in made)
    assert answers.num_looked_at == 110
    planted = sum(key in right for key, _ in check.known)
    assert answers.interval[0] <= planted / check.num_judged <= answers.interval[1]
    again = rumbo.train(config=copied.folder.config, out=tmp_path / "again", settings=corrections(out))
    assert "corrections were laid over the data" in again.folder.data_check.read_text(encoding="utf-8")
    # what a run was trained with stays in what its own review makes
    later = check_labels(again, folds=3, top=20)
    _, second, _ = write_pages(again, later)
    answer(second, lambda row: "yes")
    with pytest.raises(UsageError, match="trained with"):
        take_review(again, later, second, out=out, who="me")
    joined = tmp_path / "joined.csv"
    take_review(again, later, second, out=joined, who="me")
    assert read_corrections(joined)[: len(made)] == made
    assert len(read_corrections(joined)) == len(made) + 70


def test_a_begun_review_stays(copied: Run):
    check = check_labels(copied, folds=3, top=5)
    _, review, _ = write_pages(copied, check)
    answer(review, lambda row: "no")
    kept = review.read_bytes()
    _, other, _ = write_pages(copied, check)
    assert other.name == "review-2.csv"
    assert review.read_bytes() == kept
    answers = take_review(copied, check, review, out=Path("nothing.csv"), who="")
    assert (answers.out, answers.num_corrections) == (None, 0)
    assert "Nothing is to be corrected" in answers.sentences[-1]
    assert not Path("nothing.csv").exists()


def test_spreadsheets_save_semicolons(copied: Run, tmp_path: Path):
    check = check_labels(copied, folds=3, top=5)
    _, review, _ = write_pages(copied, check)
    answer(review, lambda row: "yes")
    text = review.read_text(encoding="utf-8").replace(",", ";")
    review.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert take_review(copied, check, review, out=tmp_path / "c.csv", who="").num_corrections == 55


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda text: text.replace('"",""', '"maybe",""', 1), DataError, "line 2: verdict 'maybe'"),
        (lambda text: text, UsageError, "answers nothing"),
        (lambda text: text.replace('"",""', '"yes","d77"', 1), UnknownName, "d77"),
        (lambda text: re.sub(r'#\d+"(.*)"",""', r'#99999"\1"yes",""', text, count=1), DataError, "none of this run's"),
        (lambda text: text.replace("verdict", "opinion"), DataError, "lacks the columns verdict"),
        (lambda text: text.replace('"",""', '"yes"', 1), DataError, "fields, but the header has"),
    ],
)
def test_reviews_that_cannot_be_taken(copied: Run, change, error, says):
    check = check_labels(copied, folds=3, top=5)
    _, review, _ = write_pages(copied, check)
    review.write_text(change(review.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(error, match=says):
        take_review(copied, check, review, out=copied.path.parent / "c.csv", who="")
    assert not (copied.path.parent / "c.csv").exists()


def test_a_review_that_is_not_there(copied: Run):
    check = check_labels(copied, folds=3)
    with pytest.raises(UsageError, match="does not exist"):
        take_review(copied, check, copied.path / "none.csv", out=None, who="")


def test_unseen_corrections_are_for_train_alone(checked, copied: Run, tmp_path: Path):
    _, _, right, _ = checked
    check = check_labels(copied, folds=3)
    answers = accept_suspects(copied, check, out=tmp_path / "c.csv", who="me")
    made = read_corrections(tmp_path / "c.csv")
    split_of = dict(Split.load(copied.folder.split).table.iter_rows())
    assert {split_of[each.id] for each in made} == {"train"}
    assert np.mean([right.get(each.id) == each.value for each in made]) > 0.8
    assert any(row.split == "dev" and row.score < 0.5 for row in check.suspects)
    assert "dev or test" in answers.sentences[-1]
    assert corrections_name(copied) == Path("digits-corrections.csv")


def test_test_is_listed_only_when_asked_for(checked):
    run, check, right, _ = checked
    assert any("--test lists them" in sentence for sentence in check.remarks)
    asked = check_labels(run, folds=3, test=True)
    found = [row for row in asked.suspects if row.split == "test"]
    assert found
    assert np.mean([row.id in right for row in found if row.score < 0.5]) > 0.8
    assert asked.noise == check.noise


# Pages.


def test_the_page_is_whole_and_harmless(checked, copied: Run):
    check = check_labels(copied, folds=3, top=5)
    odd = "=<script>alert(1)</script>\u202e'\"=1"
    hostile = dataclasses.replace(
        check, suspects=tuple(dataclasses.replace(row, given=odd, suggested=odd) for row in check.suspects)
    )
    page, review, _ = write_pages(copied, hostile)
    text = page.read_text(encoding="utf-8")
    assert text.count("<script") == 1  # our own
    assert "\u202e" not in text
    assert "script-src 'sha256-" in text.replace("&#39;", "'")
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("data-row=") == 55
    rows = pl.read_csv(review)
    assert f"'{odd}" in rows["given"].to_list()  # no formula
    assert not any(value[0] in "=+-@" for value in rows["given"].to_list() if isinstance(value, str))


# Bad input.


def test_a_regression_is_refused(tmp_path: Path):
    path, _ = digits_file(tmp_path, num=200, regular=True)
    run = rumbo.train(path, task="regress", out=tmp_path / "run", epochs=1)
    with pytest.raises(UsageError, match=r"tasks classify and multilabel.*predicts numbers"):
        run.labels()
    assert label_noise_of(run) is None
    assert dev_label_noise(run) is None


def test_an_unfinished_run_is_refused(copied: Run):
    os.unlink(copied.folder.report_json)
    with pytest.raises(DataError, match="has not finished"):
        check_labels(Run(copied.path))


def test_two_examples_of_a_class_are_not_judged(tmp_path: Path):
    path, _ = digits_file(tmp_path, num=240)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1:4] = [line.rpartition(",")[0] + ",rare" for line in lines[1:4]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = rumbo.train(path, out=tmp_path / "run", **FAST)
    check = check_labels(run)
    assert any("fewer than 5 examples: " in sentence and "rare" in sentence for sentence in check.remarks)
    assert not {"rare"} & {row.given for row in check.known.values()}


@pytest.mark.parametrize("asked", [{"folds": 1}, {"folds": 101}, {"top": 0}, {"budget_seconds": -1.0}])
def test_values_out_of_range(checked, asked):
    with pytest.raises(UsageError, match="must be"):
        check_labels(checked[0], **asked)


def test_more_folds_than_examples(tmp_path: Path):
    path, _ = digits_file(tmp_path, num=60)
    run = rumbo.train(path, out=tmp_path / "run", model="softmax_regression", device="cpu", epochs=1)
    with pytest.raises(DataError, match="too few for 90 folds"):
        check_labels(run, folds=90)
