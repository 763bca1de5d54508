"""Subsets of the training examples, and the learning curve of a run."""

import numpy as np
import polars as pl
import pytest

import rumbo
from rumbo.api.learning_curves import learning_curve
from rumbo.api.subsets import nested_order, options_for
from rumbo.core.errors import DataError, UsageError
from rumbo.data import open_data
from rumbo.training.options import FitOptions


def table(path, num_rows, *, seed=0, **columns):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(num_rows, 3))
    label = np.where(x @ [2.0, -1.0, 0.5] + 0.8 * generator.normal(size=num_rows) > 0.7, "yes", "no")
    frame = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], **columns, "label": label}
    pl.DataFrame(frame).write_csv(path)
    return path


def test_each_beginning_of_the_order_is_stratified_and_inside_the_next(tmp_path):
    dataset = open_data(table(tmp_path / "t.csv", 1000))
    rows = np.arange(100, 900)
    order = nested_order(dataset, rows, seed=1)
    assert sorted(order) == sorted(rows)
    share = (dataset.table["label"].to_numpy()[rows] == "yes").mean()
    for size in (50, 100, 400):
        assert (dataset.table["label"].to_numpy()[order[:size]] == "yes").mean() == pytest.approx(share, abs=0.03)
    assert set(dataset.table["label"].to_numpy()[order[:2]]) == {"yes", "no"}
    assert not np.array_equal(order, nested_order(dataset, rows, seed=2))
    assert np.array_equal(order, nested_order(dataset, rows, seed=1))


def test_numbers_are_stratified_by_their_size(tmp_path):
    pl.DataFrame({"x": np.arange(400.0), "price": np.arange(400.0) ** 2}).write_csv(tmp_path / "t.csv")
    dataset = open_data(tmp_path / "t.csv", target="price", task="regress")
    first = np.sort(nested_order(dataset, np.arange(400), seed=0)[:40])
    assert np.bincount(first // 40, minlength=10).tolist() == [4] * 10


def test_members_of_a_group_come_together(tmp_path):
    group = np.repeat(np.arange(100), 5)
    dataset = open_data(table(tmp_path / "t.csv", 500, group=[f"p{number}" for number in group]))
    order = nested_order(dataset, np.arange(500), seed=0)
    assert (np.diff(group[order]) != 0).sum() == 99


@pytest.mark.parametrize(
    ("size", "expected"),
    [(16_000, (10, 128)), (4_000, (40, 128)), (1_000, (160, 128)), (100, (1600, 100))],
)
def test_a_part_of_the_data_makes_as_many_steps(size, expected):
    options = options_for(FitOptions(epochs=10, batch_size=128, budget_seconds=5.0), 16_000, size)
    assert (options.epochs, options.batch_size, options.budget_seconds) == (*expected, None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curve")
    path = table(folder / "t.csv", 1600)
    return rumbo.train(path, model="mlp", epochs=3, device="cpu", out=folder / "run")


def test_a_runs_curve_has_its_sizes_its_own_point_and_an_extrapolation(run):
    told = []
    found = learning_curve(run, tell=told.append)
    full = run.diagnose().diagnosis.errors
    num_train = full["train"].num_items
    assert [point.size for point in found.points] == [num_train // part for part in (16, 8, 4, 2, 1)]
    assert found.points[-1].dev.value == full["dev"].value
    assert found.points[-1].train.value == full["train"].value
    assert found.points[0].dev.value > found.points[-1].dev.value
    assert all(point.dev.num_items == full["dev"].num_items for point in found.points)
    assert [forecast.size for forecast in found.more.forecasts] == [2 * num_train, 4 * num_train]
    assert found.more.helps in ("yes", "no", "undecided")
    assert len(told) == 4
    assert f"{num_train // 16} training examples" in told[0]
    again = learning_curve(run)
    assert [point.dev.value for point in again.points] == [point.dev.value for point in found.points]


def test_a_budget_is_spent_on_more_seeds_and_kept(run):
    found = learning_curve(run, budget_seconds=6)
    assert found.seconds < 8
    seeds = {point.seed for point in found.points}
    assert len(seeds) > 1
    assert len(found.points) > 5


def test_a_budget_that_is_too_short_is_told(run):
    with pytest.raises(UsageError, match="too short for a learning curve"):
        learning_curve(run, budget_seconds=0.01)


def test_data_that_have_changed_are_no_longer_the_runs(tmp_path):
    path = table(tmp_path / "t.csv", 300)
    made = rumbo.train(path, model="softmax_regression", epochs=1, device="cpu", out=tmp_path / "run")
    table(path, 300, seed=1)
    with pytest.raises(DataError, match="have changed"):
        learning_curve(made)


def test_too_few_examples_make_no_curve(tmp_path):
    path = table(tmp_path / "t.csv", 60)
    made = rumbo.train(path, model="softmax_regression", epochs=1, device="cpu", out=tmp_path / "run")
    with pytest.raises(DataError, match="too few for a learning curve"):
        learning_curve(made)


def test_numbers_are_measured_on_the_scale_of_the_diagnosis(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=800)
    frame = {"x": x, "y": generator.normal(size=800), "price": 100 * x + 20 * generator.normal(size=800)}
    pl.DataFrame(frame).write_csv(tmp_path / "t.csv")
    made = rumbo.train(tmp_path / "t.csv", model="mlp", epochs=6, device="cpu", out=tmp_path / "run")
    found = made.diagnose(curve=True)
    assert found.curve.points[-1].dev.value == pytest.approx(found.diagnosis.errors["dev"].value)
    assert 0.1 < found.curve.points[-2].dev.value < 0.6
