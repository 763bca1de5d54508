"""`rumbo.next_steps` and `rumbo.improve` on digits: a rate that is far too low is found, and nothing is lost."""

import json
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits

import rumbo
from rumbo.api import advising, improving, trying
from rumbo.api.run import Run
from rumbo.core.errors import DataError, TrainingError, UsageError
from rumbo.data.splits.split import Split
from rumbo.strategy.actions import Action, Situation
from rumbo.strategy.gaps import Stage
from rumbo.strategy.improvement import Stop
from rumbo.strategy.knobs import candidates

pytestmark = pytest.mark.train

SLOW = {"train.optimizer.learning_rate": "0.00005", "model.options.hidden": "32"}


@pytest.fixture(autouse=True)
def three_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few enough that they come to their end within any budget, however busy the machine."""
    wanted = ("usual_rate", "lower_rate", "more_weight_decay")

    def chosen(now: Situation) -> tuple[Action, ...]:
        return tuple(action for action in candidates(now) if action.name in wanted)

    for module in (advising, improving):
        monkeypatch.setattr(module, "candidates", chosen)


def digits_file(folder: Path, num: int = 1_000) -> Path:
    pixels, truth = load_digits(return_X_y=True)
    columns = {f"p{place:02d}": pixels[:num, place] for place in range(64)}
    path = folder / "digits.csv"
    pl.DataFrame({**columns, "label": [f"d{code}" for code in truth[:num]]}).write_csv(path)
    return path


@pytest.fixture(scope="module")
def slow_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose learning rate is forty times too low."""
    folder = tmp_path_factory.mktemp("advice")
    return rumbo.train(digits_file(folder), model="mlp", epochs=3, device="cpu", settings=SLOW, out=folder / "run")


def test_the_usual_rate_is_found_and_the_command_that_takes_it_trains_as_well(slow_run, tmp_path):
    told: list[float] = []
    found = slow_run.next(budget_seconds=120, show=lambda _, share: told.append(share))
    by_name = {each.action.name: each for each in found.advice.tried}
    assert by_name["usual_rate"].outcome == "helps"
    assert by_name["lower_rate"].outcome in ("hurts", "undecided")
    assert found.advice.best is not None
    assert told == sorted(told)
    command = found.command(by_name["usual_rate"].action)
    assert command == f"rumbo train --config {slow_run.path}/config.yaml --set train.optimizer.learning_rate=0.002"
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("name", ["usual_rate", "stronger_network", "larger_network", "longer", "label_smoothing"])
def test_the_command_that_is_told_is_the_training_that_was_tried(slow_run, tmp_path, name):
    bench = trying.Workbench.of(slow_run)
    predictions = {
        split: slow_run.model.task.from_table(pl.read_parquet(slow_run.folder.predictions / f"{split}.parquet"))
        for split in slow_run.metrics
    }
    now = advising.situation_of(bench.config, bench.gathered, slow_run.model.task, predictions)
    action = next(each for each in candidates(now) if each.name == name)
    words = shlex.split(advising.command_of(slow_run, bench.varied(action)))
    assert words[:4] == ["rumbo", "train", "--config", str(slow_run.path / "config.yaml")]
    settings = dict(pair.split("=", 1) for pair in words[5::2])
    run = rumbo.train(config=words[3], settings=settings, out=tmp_path / "told")
    tried = bench.train(action).predictions("dev")
    told = run.model.task.from_table(pl.read_parquet(run.folder.predictions / "dev.parquet"))
    np.testing.assert_array_equal(tried.outputs, told.outputs)


def test_an_action_that_does_not_go_with_the_run_fails_alone(slow_run, tmp_path):
    weights = slow_run.path / "model" / "model.safetensors"
    run = rumbo.train(config=slow_run.path / "config.yaml", weights=str(weights), epochs=1, out=tmp_path / "again")
    bench = trying.Workbench.of(run)
    action = Action(
        name="larger_network", gap=None, stage=Stage.DEV, sentence="", settings={"model.options.hidden": "64"}
    )
    with pytest.raises(TrainingError):
        bench.attempt(action, 1.0, 0)


def test_an_attempt_with_the_first_seed_is_the_run_itself(slow_run):
    bench = trying.Workbench.of(slow_run)
    predictions = bench.train().predictions("dev")
    kept = slow_run.model.task.from_table(pl.read_parquet(slow_run.folder.predictions / "dev.parquet"))
    assert predictions.ids == kept.ids
    np.testing.assert_array_equal(predictions.outputs, kept.outputs)


def test_the_run_folder_stays_as_it_is(slow_run):
    before = {path: path.stat().st_mtime_ns for path in slow_run.path.rglob("*")}
    rumbo.next_steps(slow_run, budget_seconds=0.5)
    assert {path: path.stat().st_mtime_ns for path in slow_run.path.rglob("*")} == before


def test_wrong_labels_are_left_out_of_train_alone(slow_run):
    bench = trying.Workbench.of(slow_run)
    dataset = bench.gathered.dataset
    rows = bench.gathered.split.rows(dataset, "train")
    labels = dataset.table["label"].to_list()
    wrong = rows[::10]
    for row in wrong:
        labels[row] = f"d{(int(labels[row][1]) + 3) % 10}"
    table = dataset.table.with_columns(pl.Series("label", labels))
    bench.gathered = trying.replace(bench.gathered, dataset=trying.replace(dataset, table=table))
    bench.config = bench.config.override("train.optimizer.learning_rate", "0.005").override("train.epochs", "4")
    action = Action(name="cleaned_labels", gap=None, stage=Stage.DEV, sentence="", cleans_labels=True)
    changed = bench.with_action(action)
    planted = {dataset.table["id"][int(row)] for row in wrong}
    assert len(changed.left_out & planted) >= 0.6 * len(planted)
    assert len(changed.left_out - planted) <= 0.1 * len(rows)
    kept = set(changed.gathered.split.table["id"].to_list())
    assert set(bench.gathered.split.table["id"].to_list()) - kept == changed.left_out


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_that_is_none_is_refused(slow_run, budget):
    with pytest.raises(UsageError, match="--budget"):
        rumbo.next_steps(slow_run, budget_seconds=budget)


def test_a_dev_set_that_decides_nothing_is_refused(tmp_path):
    settings = {"data.split.dev_fraction": "0.05"}
    path, out = digits_file(tmp_path, 120), tmp_path / "run"
    run = rumbo.train(path, model="softmax_regression", epochs=1, settings=settings, out=out)
    with pytest.raises(DataError, match="examples; at least 10"):
        rumbo.next_steps(run, budget_seconds=1)


def test_improve_takes_what_helps_keeps_a_book_and_looks_at_test_once(slow_run, tmp_path, monkeypatch):
    looked: list[str] = []
    usual = trying.Trained.predictions

    def predictions(self, split):
        looked.append(split)
        return usual(self, split)

    monkeypatch.setattr(trying.Trained, "predictions", predictions)
    said: list[str] = []
    found = rumbo.improve(slow_run.path, budget_seconds=240, out=tmp_path / "better", say=said.append)
    assert "test" not in looked
    book = found.book
    assert book.value > book.first_value + 0.1
    assert book.entries[0].is_kept
    assert book.stopped in (Stop.NOTHING_HELPS, Stop.BUDGET)
    assert book.test == pytest.approx(found.run.metrics["test"]["accuracy"])
    assert said
    text = (found.folder / "improve.md").read_text()
    assert "On test, looked at once" in text
    # The run of the end is the training that was kept, bit for bit.
    assert found.run.metrics["dev"]["accuracy"] == pytest.approx(book.value)
    splits = [Split.load(path / "split.parquet").table for path in (slow_run.path, found.run.path)]
    assert splits[0].sort("id").equals(splits[1].sort("id"))


def test_a_cycle_that_was_stopped_goes_on_where_it_was(slow_run, tmp_path, monkeypatch):
    rounds: list[int] = []
    usual = improving.tried_on

    def stopped(*arguments, **keywords):
        rounds.append(1)
        if len(rounds) == 2:
            raise KeyboardInterrupt
        return usual(*arguments, **keywords)

    monkeypatch.setattr(improving, "tried_on", stopped)
    with pytest.raises(improving.Stopped, match=r"rumbo improve --resume --out .*better"):
        rumbo.improve(slow_run.path, budget_seconds=240, out=tmp_path / "better")
    state = json.loads((tmp_path / "better" / "improve.json").read_text())
    assert len(state["book"]["entries"]) == 1
    found = rumbo.improve(out=tmp_path / "better", resume=True)
    assert found.book.entries[0].to_dict() == state["book"]["entries"][0]
    assert found.book.stopped is not Stop.NOT_YET


def test_whoever_stops_the_first_training_leaves_no_folder(slow_run, tmp_path, monkeypatch):
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(improving, "trained", stopped)
    with pytest.raises(KeyboardInterrupt):
        rumbo.improve(slow_run.path, out=tmp_path / "better")
    assert not (tmp_path / "better").exists()


def test_what_does_not_hold_is_taken_back(slow_run, tmp_path, monkeypatch):
    """An action that looked good when it was tried, and is not when it is trained whole."""
    values = iter([0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    monkeypatch.setattr(improving, "_value", lambda *_: next(values))
    found = rumbo.improve(slow_run.path, budget_seconds=240, out=tmp_path / "better")
    assert found.book.entries[0].action is not None
    assert not any(entry.is_kept for entry in found.book.entries)
    assert found.book.value == 0.9
    assert len({entry.action for entry in found.book.entries}) == len(found.book.entries)
    assert found.run.config.train.optimizer.learning_rate == 0.00005


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "taken"}, "taken exists already"),
        ({"resume": True}, "--resume needs the folder"),
        ({"resume": True, "out": "nowhere", "goal": "error"}, "leave out --goal"),
        ({"config": "other.yaml"}, "leave out --config"),
        ({"resume": True, "out": "nowhere"}, "'nowhere' has no lab book"),
        ({"budget_seconds": 0}, "--budget"),
    ],
)
def test_improve_refuses_what_it_cannot_do(slow_run, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    path = None if options.get("resume") else slow_run.path
    with pytest.raises(UsageError, match=message):
        rumbo.improve(path, **options)
