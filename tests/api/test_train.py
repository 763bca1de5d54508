"""`rumbo.train` end to end: the run folder, interruption and resume, faults that leave nothing behind."""

import csv
import json
import os
import signal

import numpy as np
import polars as pl
import pytest

import rumbo
from rumbo.api.interrupts import Interrupted
from rumbo.core.errors import DataError, UsageError
from rumbo.runs import read_yaml
from rumbo.training.events import Evaluated, Stepped

pytestmark = pytest.mark.train

TINY = {"model": "mlp", "epochs": 3}
DIGITS = "demo:digits"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run on the digits."""
    return rumbo.train(DIGITS, out=tmp_path_factory.mktemp("runs") / "whole", **TINY)


def weights(run):
    return (run.path / "model" / "model.safetensors").read_bytes()


def results(run):
    """results.csv without its time column."""
    with (run.path / "results.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "time_s"} for row in csv.DictReader(file)]


def test_the_run_folder_holds_what_the_documentation_says(finished):
    names = {path.name for path in finished.path.iterdir()}
    assert names >= {
        "config.yaml", "split.parquet", "data_check.json", "results.csv", "events.jsonl", "checkpoints", "model",
        "predictions", "report.html", "report.json", "log.txt",
    }  # fmt: skip
    assert {path.name for path in (finished.path / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
    }
    assert [row["epoch"] for row in results(finished)] == ["1", "2", "3"]
    assert json.loads((finished.path / "report.json").read_text())["best_epoch"] in (1, 2, 3)


def test_metrics_can_be_recomputed_from_the_predictions(finished):
    for split, told in finished.metrics.items():
        table = pl.read_parquet(finished.path / "predictions" / f"{split}.parquet")
        assert (table["true"] == table["predicted"]).mean() == pytest.approx(told["accuracy"], abs=1e-12)


def test_splits_do_not_overlap_and_cover_everything(finished):
    split = pl.read_parquet(finished.path / "split.parquet")
    assert split["id"].n_unique() == split.height == 1797
    assert set(split["split"].unique()) == {"train", "dev", "test"}


def test_the_stored_config_reproduces_the_run_bit_for_bit(finished, tmp_path):
    again = rumbo.train(config=finished.path / "config.yaml", out=tmp_path / "again")
    assert weights(again) == weights(finished)
    assert results(again) == results(finished)


def test_another_seed_gives_other_weights(finished, tmp_path):
    other = rumbo.train(DIGITS, out=tmp_path / "other", seed=1, **TINY)
    assert weights(other) != weights(finished)


@pytest.mark.parametrize("moment", ["in the first epoch", "in the second epoch", "after an epoch"])
def test_ctrl_c_saves_and_a_resume_ends_with_the_same_bits(finished, tmp_path, moment):
    out = tmp_path / "stopped"

    def press_ctrl_c(event):
        is_now = {
            "in the first epoch": isinstance(event, Stepped) and event.step == 5,
            "in the second epoch": isinstance(event, Stepped) and event.step == 40,
            "after an epoch": isinstance(event, Evaluated) and event.epoch == 2,
        }
        if is_now[moment]:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="--resume") as caught:
        rumbo.train(DIGITS, out=out, watch=press_ctrl_c, **TINY)
    assert caught.value.exit_code == 130
    assert not (out / "report.json").exists()
    resumed = rumbo.train(out=out, resume=True)
    assert weights(resumed) == weights(finished)
    assert results(resumed) == results(finished)
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert [event.get("epoch") for event in events] == [1, 2, 3, None]


def test_early_stopping_survives_an_interruption_at_its_last_epoch(tmp_path):
    options = {"model": "softmax_regression", "epochs": 30, "settings": {"train.patience": "1"}}
    whole = rumbo.train(DIGITS, out=tmp_path / "whole", **options)
    last = len(results(whole))
    assert last < 30

    def press_ctrl_c(event):
        if isinstance(event, Evaluated) and event.epoch == last:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        rumbo.train(DIGITS, out=tmp_path / "stopped", watch=press_ctrl_c, **options)
    assert caught.value.exit_code == 143
    resumed = rumbo.train(out=tmp_path / "stopped", resume=True)
    assert results(resumed) == results(whole)
    assert weights(resumed) == weights(whole)


def test_a_finished_run_is_left_alone_by_a_resume(finished):
    before = weights(finished)
    assert rumbo.train(out=finished.path, resume=True).path == finished.path
    assert weights(finished) == before


def test_an_existing_folder_is_refused_without_resume(finished):
    with pytest.raises(UsageError, match="exists already"):
        rumbo.train(DIGITS, out=finished.path, **TINY)


def test_a_resume_refuses_changed_options(finished):
    with pytest.raises(UsageError, match="--epochs"):
        rumbo.train(out=finished.path, resume=True, epochs=9)


def test_a_resume_refuses_changed_data(tmp_path):
    table = tmp_path / "houses.csv"
    rows = np.random.default_rng(0).normal(size=(60, 3)).round(3)
    table.write_text("size,rooms,price\n" + "\n".join(",".join(map(str, row)) for row in rows))

    def stop(event):
        if isinstance(event, Stepped):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        rumbo.train(table, out=tmp_path / "run", model="mlp", epochs=2, watch=stop)
    table.write_text(table.read_text().replace("\n0", "\n9", 1).replace("\n-", "\n", 1))
    with pytest.raises(DataError, match="have changed"):
        rumbo.train(out=tmp_path / "run", resume=True)


def test_the_config_is_complete_and_knows_every_choice(finished):
    config = read_yaml(finished.path / "config.yaml")
    assert config["model"]["name"] == "mlp"
    assert config["train"]["epochs"] == 3
    assert config["train"]["batch_size"] == 32
    assert config["goal"] == "accuracy"
    assert config["train"]["optimizer"]["learning_rate"] is not None


def test_predictions_of_the_run_equal_the_stored_ones(finished):
    answers = finished.predict(DIGITS)
    stored = pl.read_parquet(finished.path / "predictions" / "test.parquet")
    joined = stored.join(answers, on="id", suffix="_again")
    assert joined.height == stored.height
    for column in (name for name in stored.columns if name.startswith("p(")):
        np.testing.assert_allclose(joined[column], joined[f"{column}_again"], rtol=1e-5, atol=1e-7)


def test_pictures_of_one_name_in_two_folders_are_told_apart(finished, tmp_path):
    from PIL import Image

    paths = []
    for patient in ("ana", "eva"):
        paths.append(tmp_path / patient / "scan#1.png")
        paths[-1].parent.mkdir()
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(paths[-1])
    assert finished.predict(paths[0])["id"].to_list() == ["scan#1.png"]
    assert finished.predict(paths)["id"].to_list() == [str(path) for path in paths]
    folders = [path.parent for path in paths]
    assert finished.predict(folders)["id"].to_list() == [str(path) for path in paths]


def test_a_report_can_be_made_again_in_spanish(finished):
    from rumbo.core.messages import use_language

    use_language("es")
    try:
        page = rumbo.report(finished).read_text()
    finally:
        use_language(None)
    assert '<html lang="es"' in page
    assert "Exactitud" in page or "exactitud" in page or "Informe" in page


def test_runs_are_ranked_with_the_noise_named(finished, tmp_path):
    poor = rumbo.train(DIGITS, out=tmp_path / "poor", model="softmax_regression", epochs=1)
    found = rumbo.compare([poor, finished])
    assert [ranked.name for ranked in found.ranking] == [str(finished.path), str(poor.path)]
    assert not found.differences[0].is_noise


def test_budget_stops_early_and_still_finishes(tmp_path):
    run = rumbo.train(DIGITS, out=tmp_path / "run", model="mlp", epochs=500, budget_seconds=0.01)
    assert len(results(run)) == 1
    assert run.summary["ended_by"] == "budget"


def test_pictures_and_columns_train_a_network_with_two_branches(tmp_path):
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    (tmp_path / "set").mkdir()
    lines = ["image,age,site,label"]
    for row in range(120):
        Image.fromarray((digits.images[row] * 15).astype(np.uint8)).save(tmp_path / "set" / f"{row}.png")
        lines.append(f"{row}.png,{row % 7},{'north' if row % 2 else 'south'},{digits.target[row]}")
    (tmp_path / "set" / "table.csv").write_text("\n".join(lines))
    run = rumbo.train(tmp_path / "set", out=tmp_path / "run", target="label", epochs=2)
    spec = run.model.preprocess.spec
    assert spec.image is not None
    assert spec.num_numbers == 1
    assert len(spec.category_sizes) == 1
    assert type(run.model.task.model).__name__ == "TwoBranch"
    assert run.predict(tmp_path / "set").height == 120


def test_labels_with_missing_entries_train_a_multilabel_network(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 3))
    lines = ["a,b,c,wet,cold"]
    for row in x:
        wet = "" if generator.random() < 0.2 else int(row[0] > 0)
        cold = "" if wet != "" and generator.random() < 0.2 else int(row[1] + row[2] > 0)
        lines.append(",".join(map(str, [*row.round(3), wet, cold])))
    (tmp_path / "weather.csv").write_text("\n".join(lines))
    run = rumbo.train(tmp_path / "weather.csv", out=tmp_path / "run", target="wet,cold", epochs=30)
    assert run.summary["task"] == "multilabel"
    assert run.metrics["dev"]["f1_macro"] > 0.8


def test_frozen_features_leave_everything_but_the_last_layer(tmp_path, shared_data):
    import torch

    weights_file = shared_data / "pretrained" / "squeezenet1_0.safetensors"
    run = rumbo.train(
        shared_data / "hymenoptera", out=tmp_path / "run", model="squeezenet1_0", weights=str(weights_file),
        freeze="features", epochs=1, settings={"data.image_size": "96"},
    )  # fmt: skip
    from safetensors.torch import load_file

    before = load_file(weights_file)
    after = run.model.task.model.state_dict()
    moved = [name for name, tensor in before.items() if not torch.equal(tensor.float(), after[name])]
    assert moved == [] or all(name.startswith("classifier.1") for name in moved)
    assert run.metrics["dev"]["accuracy"] > 0.6


def test_categories_stay_categories_where_new_rows_hold_only_numbers(tmp_path):
    """Codes such as `012` are text in training; in a file of one row they look like a number."""
    codes = ["012", "7", "A", "B"] * 30
    lines = [f"{code},{row % 5},{'low' if code in ('012', 'A') else 'high'}" for row, code in enumerate(codes)]
    (tmp_path / "all.csv").write_text("\n".join(["code,size,kind", *lines]))
    run = rumbo.train(tmp_path / "all.csv", out=tmp_path / "run", epochs=2)
    expected = run.predict(tmp_path / "all.csv")["p(low)"].to_list()[:2]
    assert expected[0] != expected[1]
    (tmp_path / "new.csv").write_text("code,size\n012,0\n7,1\n")
    assert run.predict(tmp_path / "new.csv")["p(low)"].to_list() == pytest.approx(expected, rel=1e-6)
    (tmp_path / "labelled.csv").write_text("code,size,kind\n012,0,low\n7,1,high\n")
    told = -(np.log(expected[0]) + np.log(1 - expected[1])) / 2
    assert run.evaluate(tmp_path / "labelled.csv")["log_loss"] == pytest.approx(told, rel=1e-6)


def test_evaluation_refuses_to_measure_changed_data_by_the_old_split(tmp_path):
    """With rows shifted by one, examples of train would stand in test."""
    lines = [f"{row % 7},{row % 3},{'yes' if row % 2 else 'no'}" for row in range(60)]
    path = tmp_path / "all.csv"
    path.write_text("\n".join(["a,b,label", *lines]))
    run = rumbo.train(path, out=tmp_path / "run", **TINY)
    path.write_text("\n".join(["a,b,label", *lines, "3,1,yes"]))
    assert run.evaluate() == run.metrics["test"]  # rows that came later are in no split
    path.write_text("\n".join(["a,b,label", "3,1,yes", *lines]))
    with pytest.raises(DataError, match="have changed since this run began"):
        run.evaluate()


def test_a_resume_finds_weights_beside_moved_data(finished, tmp_path, monkeypatch):
    """`--weights FILE` is kept relative to the run folder, also when the data are named anew."""
    rows = "".join(f"{row % 7},{row % 3},{'yes' if row % 2 else 'no'}\n" for row in range(60))
    (tmp_path / "a.csv").write_text("a,b,label\n" + rows)
    first = rumbo.train(tmp_path / "a.csv", out=tmp_path / "first", **TINY)
    with pytest.raises(Interrupted):
        rumbo.train(
            tmp_path / "a.csv", out=tmp_path / "deep" / "run", weights=str(first.path / "model" / "model.safetensors"),
            watch=lambda event: os.kill(os.getpid(), signal.SIGINT) if isinstance(event, Stepped) else None, **TINY,
        )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert rumbo.train("a.csv", out="deep/run", resume=True).metrics["test"]


def test_a_resume_refuses_a_checkpoint_of_another_network(tmp_path):
    with pytest.raises(Interrupted):
        rumbo.train(
            DIGITS, out=tmp_path / "run",
            watch=lambda event: os.kill(os.getpid(), signal.SIGINT) if isinstance(event, Stepped) else None, **TINY,
        )  # fmt: skip
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace("name: mlp", "name: softmax_regression"))
    with pytest.raises(DataError, match="not of this network"):
        rumbo.train(out=tmp_path / "run", resume=True)


def test_ctrl_c_while_the_report_is_made_says_how_to_go_on(finished, tmp_path, monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("rumbo.api.finish.finish", press)
    with pytest.raises(Interrupted, match=r"in epoch 3.*--resume") as caught:
        rumbo.train(DIGITS, out=tmp_path / "run", **TINY)
    assert caught.value.exit_code == 130
    monkeypatch.undo()
    assert weights(rumbo.train(out=tmp_path / "run", resume=True)) == weights(finished)
