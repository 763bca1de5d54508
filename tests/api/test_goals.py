"""Goals of runs from end to end: chosen by, held against, ranked by; weights and costs in loss and metric."""

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

import rumbo
from rumbo.core.errors import DataError, UnknownName, UsageError
from rumbo.runs import read_yaml

pytestmark = pytest.mark.train
QUICK = {"model": "softmax_regression", "epochs": 2}


def write_table(path, num_rows=400, *, seed=0):
    """x and y decide the kind, less surely in the south; w is 10 for what must be found."""
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(2, num_rows))
    region = generator.choice(["north", "south"], num_rows)
    noise = np.where(region == "south", 1.2, 0.1) * generator.normal(size=num_rows)
    kind = np.where(x + 0.5 * y + noise > 0.8, "rare", "usual")
    weight = np.where(kind == "rare", 10.0, 1.0)
    pl.DataFrame({"x": x, "y": y, "region": region, "w": weight, "kind": kind}).write_csv(path)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("goals")
    write_table(folder / "table.csv")
    return folder


@pytest.fixture(scope="module")
def plain(place):
    return rumbo.train(place / "table.csv", target="kind", out=place / "plain", **QUICK)


@pytest.fixture(scope="module")
def aimed(place):
    return rumbo.train(
        place / "table.csv",
        target="kind",
        goal="recall[rare]",
        require=["mean(accuracy@region)>=0.5", "parameters<=10", "size_mb<1", "recall[rare]>=1.0"],
        out=place / "aimed",
        **QUICK,
    )


def test_a_class_chooses_the_best_epoch_and_requirements_are_told(aimed):
    goal = aimed.goal
    assert goal["metric"] == "recall[rare]"
    assert goal["value"] == aimed.metrics[goal["split"]]["recall[rare]"]
    assert [check["requirement"] for check in goal["requirements"]] == [
        "mean(accuracy@region)>=0.5", "parameters<=10", "size_mb<1", "recall[rare]>=1",
    ]  # fmt: skip
    region, parameters, size, recall = goal["requirements"]
    assert region["met"]
    assert region["interval"][0] < region["value"] < region["interval"][1]
    assert (parameters["met"], parameters["value"]) == (False, aimed.summary["parameters"])
    assert parameters["missed_by"] == parameters["value"] - 10
    model = aimed.path / "model"
    assert size["value"] == sum(file.stat().st_size for file in model.iterdir()) / 1e6
    assert recall["value"] == goal["value"]
    assert goal["met"] == all(check["met"] for check in goal["requirements"])
    page = (aimed.path / "report.html").read_text()
    assert "parameters&lt;=10 is missed by" in page
    header = (aimed.path / "results.csv").read_text().splitlines()[0]
    assert "dev/recall[rare]" in header
    assert read_yaml(aimed.folder.config)["require"][1] == "parameters<=10"


def test_slices_are_unweighted_means(aimed, place):
    told = (
        pl.read_csv(place / "table.csv")
        .with_row_index()
        .select(pl.concat_str(pl.lit("table.csv#"), pl.col("index")).alias("id"), "region")
    )
    found = pl.read_parquet(aimed.path / "predictions" / f"{aimed.goal['split']}.parquet").join(told, on="id")
    right = found.with_columns((pl.col("true") == pl.col("predicted")).alias("right"))
    means = right.group_by("region").agg(pl.col("right").mean())["right"]
    assert aimed.goal["requirements"][0]["value"] == pytest.approx(means.mean())
    assert means.n_unique() == 2


def test_the_stored_config_reproduces_the_goal(aimed, tmp_path):
    again = rumbo.train(config=aimed.path / "config.yaml", out=tmp_path / "again")
    assert again.goal == aimed.goal


def test_evaluating_holds_the_requirements_again(aimed, place):
    found = rumbo.evaluate(aimed, require=["recall[rare]>=0.0", "error<=0.01"])
    assert found.metrics["recall[rare]"] == aimed.metrics["test"]["recall[rare]"]
    assert [check.requirement.text for check in found.missed] == ["error<=0.01"]
    assert len(found.checks) == 6
    elsewhere = rumbo.evaluate(aimed, place / "table.csv", require=["worst(accuracy@region)>=0.99"])
    assert elsewhere.num_items == 400
    assert len(elsewhere.missed) == 1


def test_new_data_without_the_column_of_a_slice_leave_it_undefined(aimed, tmp_path, place):
    table = pl.read_csv(place / "table.csv").with_columns(region=pl.lit(None, dtype=pl.String))
    table.write_csv(tmp_path / "nowhere.csv")
    found = rumbo.evaluate(aimed, tmp_path / "nowhere.csv", require=["accuracy>=0.0"])
    assert found.missed == ()
    told = found.goal_dict()["requirements"][0]
    assert (told["requirement"], told["value"], told["met"]) == ("mean(accuracy@region)>=0.5", None, False)


def test_runs_are_ranked_by_any_goal(plain, aimed):
    found = rumbo.compare([plain, aimed], goal="f1_macro", require=["parameters<=10"])
    assert found.goal == "f1_macro"
    assert not found.found.any_meets
    told = found.to_dict()
    assert {run["run"] for run in told["ranking"]} == {str(plain.path), str(aimed.path)}
    assert all(not run["meets"] for run in told["ranking"])
    json.dumps(told, allow_nan=False)
    by_slices = rumbo.compare([plain, aimed], goal="worst(accuracy@region)").ranking
    assert by_slices[0].score >= by_slices[1].score
    assert rumbo.compare([plain, aimed]).goal == "accuracy"  # their own goals differ


def test_runs_that_agree_are_ranked_by_their_own_goal(aimed, place):
    other = rumbo.train(config=aimed.path / "config.yaml", seed=3, out=place / "other")
    found = rumbo.compare([aimed, other])
    assert found.goal == "recall[rare]"
    assert all(len(checks) == 4 for checks in found.checks.values())


# Weights and costs.


def test_weights_count_in_loss_and_metric_and_are_no_input(place, plain):
    weighed = rumbo.train(
        place / "table.csv", target="kind", settings={"data.weights": "w"}, out=place / "weighed", **QUICK
    )
    assert (
        "w" not in json.loads((weighed.path / "model" / "config.json").read_text())["preprocess"]["numbers"][0]["name"]
    )
    dev = pl.read_parquet(weighed.path / "predictions" / "dev.parquet")
    right = (dev["true"] == dev["predicted"]).to_numpy()
    weights = np.where(dev["true"] == "rare", 10.0, 1.0)
    assert dev["weight"].to_numpy().tolist() == weights.tolist()
    assert weighed.metrics["dev"]["accuracy"] == pytest.approx(np.average(right, weights=weights))
    assert "weight" not in pl.read_parquet(plain.path / "predictions" / "dev.parquet").columns

    def recall(run):
        return rumbo.evaluate(run, split="train", require=["recall[rare]>=0"]).checks[0].value

    assert recall(weighed) > recall(plain)  # a mistake about the rare kind costs ten
    rumbo.report(weighed)
    lacking = place / "lacking.csv"
    pl.read_csv(place / "table.csv").drop("w").write_csv(lacking)
    with pytest.raises(UnknownName, match="'w'"):
        rumbo.evaluate(weighed, lacking)
    assert weighed.predict(lacking).height == 400


def test_a_split_without_weight_is_refused(tmp_path):
    table = pl.read_csv(write_table(tmp_path / "table.csv", 60))
    split = ["train"] * 40 + ["dev"] * 10 + ["test"] * 10
    zero = table.with_columns(pl.Series("split", split), w=pl.Series([1.0] * 40 + [0.0] * 20))
    zero.write_csv(tmp_path / "zero.csv")
    with pytest.raises(DataError, match="dev"):
        rumbo.train(tmp_path / "zero.csv", target="kind", settings={"data.weights": "w"}, out=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


def test_costs_turn_the_answers_and_are_a_metric(place, plain):
    costs = place / "costs.csv"
    costs.write_text("true,rare,usual\nrare,0,20\n")
    priced = rumbo.train(
        place / "table.csv",
        target="kind",
        goal="mean_cost",
        settings={"costs": str(costs)},
        out=place / "priced",
        model="softmax_regression",
        epochs=12,
    )
    train = pl.read_parquet(priced.path / "predictions" / "train.parquet")
    missed = ((train["true"] == "rare") & (train["predicted"] == "usual")).sum()
    false = ((train["true"] == "usual") & (train["predicted"] == "rare")).sum()
    assert priced.metrics["train"]["mean_cost"] == pytest.approx((20 * missed + false) / train.height)
    by_epoch = pl.read_csv(priced.path / "results.csv")["dev/mean_cost"]
    assert by_epoch[priced.summary["best_epoch"] - 1] == by_epoch.min() < by_epoch.max()
    found = rumbo.compare([plain, priced], goal="mean_cost", split="train")
    assert [run.name for run in found.ranking] == [str(priced.path), str(plain.path)]
    assert not found.differences[0].is_noise
    costs.write_text("true,rare,usual\nrare,0,3\n")
    dearer = rumbo.train(config=priced.path / "config.yaml", out=place / "dearer")
    with pytest.raises(UsageError, match="different costs"):
        rumbo.compare([priced, dearer])  # both by what mistakes cost
    assert len(rumbo.compare([priced, dearer], goal="accuracy").ranking) == 2
    costs.write_text("true,rare,usual\nrare,0,20\n")
    write_table(place / "others.csv").write_text((place / "others.csv").read_text().replace("usual", "common"))
    others = rumbo.train(place / "others.csv", target="kind", out=place / "others", **QUICK)
    with pytest.raises(UsageError, match="classes"):
        rumbo.compare([priced, others], goal="mean_cost")
    assert rumbo.evaluate(priced).goal == "mean_cost"
    again = rumbo.train(config=priced.path / "config.yaml", out=place / "priced again")
    assert again.metrics == priced.metrics


def test_a_resume_with_other_costs_is_refused(place, tmp_path):
    import os
    import signal

    from rumbo.api.interrupts import Interrupted
    from rumbo.training.events import Evaluated

    costs = tmp_path / "costs.csv"
    costs.write_text("true,rare,usual\nrare,0,20\n")

    def press_ctrl_c(event):
        if isinstance(event, Evaluated):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        rumbo.train(
            place / "table.csv",
            target="kind",
            settings={"costs": str(costs)},
            out=tmp_path / "run",
            watch=press_ctrl_c,
            **QUICK,
        )
    costs.write_text("true,rare,usual\nrare,0,21\n")
    with pytest.raises(DataError, match="costs"):
        rumbo.train(out=tmp_path / "run", resume=True)
    costs.write_text("true,rare,usual\nrare,0,20\n")
    assert rumbo.train(out=tmp_path / "run", resume=True).metrics["dev"]["mean_cost"] >= 0


REFUSED = {
    "a metric of another task": ({"require": ["rmse<=1"]}, "regress"),
    "a class that is not there": ({"require": ["recall[rar]>=0.5"]}, "rare"),
    "a column that is not there": ({"goal": "mean(accuracy@regin)"}, "region"),
    "a column of many values": ({"goal": "mean(accuracy@x)"}, "different values"),
    "what is the same in each epoch": ({"goal": "latency_ms"}, "--require"),
    "costs that are not there": ({"goal": "mean_cost"}, "costs"),
    "no requirement": ({"require": ["accuracy=0.9"]}, "no requirement"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_asked_for_leaves_no_folder(place, tmp_path, what):
    asked, word = REFUSED[what]
    with pytest.raises(UsageError, match=word):
        rumbo.train(place / "table.csv", target="kind", out=tmp_path / "run", **asked, **QUICK)
    assert not (tmp_path / "run").exists()


def test_labels_have_goals(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 2))
    table = pl.DataFrame(
        {"a": x[:, 0], "b": x[:, 1], "wet": (x[:, 0] > 0).astype(int), "cold": (x[:, 1] > 0.5).astype(int)}
    )
    table.write_csv(tmp_path / "labels.csv")
    run = rumbo.train(
        tmp_path / "labels.csv",
        target="wet,cold",
        task="multilabel",
        goal="f1[cold]",
        require=["recall[wet]>=0.5"],
        out=tmp_path / "run",
        **QUICK,
    )
    test = pl.read_parquet(run.path / "predictions" / "test.parquet")
    told, true = (test["p(cold)"] >= 0.5), test["true(cold)"] == 1
    assert run.metrics["test"]["f1[cold]"] == pytest.approx(2 * (told & true).sum() / (told.sum() + true.sum()))


def test_costs_are_for_classes(tmp_path):
    (tmp_path / "costs.csv").write_text("true,a,b\na,0,2\n")
    x = np.arange(60.0)
    pl.DataFrame({"x": x, "price": x**2 + 0.5}).write_csv(tmp_path / "prices.csv")
    with pytest.raises(UsageError, match="costs"):
        rumbo.train(
            tmp_path / "prices.csv", settings={"costs": str(tmp_path / "costs.csv")}, out=tmp_path / "run", **QUICK
        )


def test_pictures_of_a_table_have_weights_too(tmp_path):
    generator = np.random.default_rng(0)
    data, lines = tmp_path / "data", ["picture,kind,w"]
    data.mkdir()
    for number in range(60):
        level = 60 + 120 * (number % 2)
        pixels = generator.normal(level, 10, (8, 8)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(data / f"{number}.png")
        lines.append(f"{number}.png,{'ab'[number % 2]},{1 + 2 * (number % 2)}")
    (data / "table.csv").write_text("\n".join(lines))
    run = rumbo.train(data, target="kind", settings={"data.weights": "w"}, out=tmp_path / "run", **QUICK)
    dev = pl.read_parquet(run.path / "predictions" / "dev.parquet")
    assert dev["weight"].to_list() == [1.0 if true == "a" else 3.0 for true in dev["true"].to_list()]
