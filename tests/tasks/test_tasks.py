"""Laws of tasks: weights mean what they say, tables read back, a stored model answers bit for bit the same."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo import tasks
from rumbo.core.errors import DataError
from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Batch, Examples, Loader
from rumbo.data.manifest import Dataset, Target, TargetKind
from rumbo.data.preprocess import fit_preprocess
from rumbo.tasks.inference import infer, infer_in_parts
from rumbo.tasks.task import Predictions
from rumbo.tasks.trained import ModelSpec, TrainedModel, build_task

TARGETS = {
    "classify": {"column": "kind", "classes": ["a", "b", "c"]},
    "regress": {"column": "price", "mean": 10.0, "std": 2.0},
    "multilabel": {"labels": ["wet", "cold", "dark"]},
}


def make(name):
    torch.manual_seed(0)
    kind = tasks.get(name)
    network = torch.nn.Linear(4, kind.num_outputs(TARGETS[name]))
    task = kind(network, InputSpec(num_numbers=4), TARGETS[name])
    task.forward = lambda batch: network(batch.numbers)
    return task


def targets(name, count, seed):
    generator = torch.Generator().manual_seed(seed)
    if name == "classify":
        return torch.randint(0, 3, (count,), generator=generator)
    if name == "regress":
        return torch.randn(count, generator=generator)
    labels = torch.randint(0, 2, (count, 3), generator=generator).float()
    labels[torch.rand(count, 3, generator=generator) < 0.3] = math.nan
    return labels


def batch(name, rows, weights):
    numbers = torch.randn(12, 4, generator=torch.Generator().manual_seed(1))
    index = torch.tensor(rows)
    return Batch(
        numbers=numbers[index],
        targets=targets(name, 12, 2)[index],
        weights=torch.tensor(weights, dtype=torch.float32),
        rows=np.array(rows),
    )


def mean_cost(name, rows, weights):
    return float(make(name).cost(batch(name, rows, weights)).mean.detach())


@pytest.mark.parametrize("name", tasks.names())
class TestLawsOfCost:
    @settings(deadline=None, max_examples=20)
    @given(rows=st.lists(st.integers(0, 11), min_size=1, max_size=8), which=st.integers(0, 7))
    def test_weight_two_is_the_item_twice(self, name, rows, which):
        which = which % len(rows)
        weights = [2.0 if place == which else 1.0 for place in range(len(rows))]
        twice = mean_cost(name, [*rows, rows[which]], [1.0] * (len(rows) + 1))
        assert mean_cost(name, rows, weights) == pytest.approx(twice, rel=1e-5)

    @settings(deadline=None, max_examples=20)
    @given(rows=st.lists(st.integers(0, 11), min_size=2, max_size=8))
    def test_weight_zero_is_the_item_left_out(self, name, rows):
        without = mean_cost(name, rows[1:], [1.0] * (len(rows) - 1))
        assert mean_cost(name, rows, [0.0] + [1.0] * (len(rows) - 1)) == pytest.approx(without, rel=1e-5, abs=1e-7)

    @settings(deadline=None, max_examples=20)
    @given(rows=st.permutations(list(range(6))))
    def test_order_does_not_matter(self, name, rows):
        assert mean_cost(name, rows, [1.0] * 6) == pytest.approx(mean_cost(name, list(range(6)), [1.0] * 6), rel=1e-5)


@pytest.mark.parametrize("name", tasks.names())
def test_the_loss_of_a_split_does_not_depend_on_how_it_is_cut(name):
    """Batches with few known labels, or little weight, count for as much as they hold."""
    weights = torch.tensor([1.0, 0, 0, 3, 1, 1, 0.5, 2, 1, 1, 1])
    examples = Examples(
        ids=[str(row) for row in range(11)],
        targets=targets(name, 11, 3),
        weights=weights,
        numbers=torch.randn(11, 4, generator=torch.Generator().manual_seed(1)),
    )
    losses = [
        infer(make(name), Loader(examples=examples, rows=np.arange(11), batch_size=size)).loss for size in (2, 11)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("name", tasks.names())
def test_a_table_of_predictions_reads_back(name):
    task = make(name)
    with torch.no_grad():
        outputs = task.decode(task.forward(batch(name, list(range(6)), [1.0] * 6)))
    truth = task.decode_truth(targets(name, 6, 3))
    told = Predictions(ids=tuple("uvwxyz"), outputs=outputs, truth=truth, weights=np.ones(6))
    back = task.from_table(task.table(told))
    assert back.ids == told.ids
    np.testing.assert_array_equal(back.outputs, told.outputs)
    np.testing.assert_array_equal(back.truth, told.truth)


def test_missing_labels_have_no_gradient():
    task = make("multilabel")
    one = batch("multilabel", [0, 1, 2], [1.0, 1.0, 1.0])
    outputs = torch.zeros(3, 3, requires_grad=True)
    task.cost_of(outputs, one).mean.backward()
    assert outputs.grad is not None
    assert torch.equal(outputs.grad == 0, one.targets.isnan())


def table_dataset() -> Dataset:
    generator = np.random.default_rng(0)
    size = generator.normal(100, 30, 60)
    town = generator.choice(["north", "south", None], 60)
    price = 3 * size + np.where(town == "north", 50, 0)
    price[5] = price.mean()
    size[7] = np.nan
    table = pl.DataFrame(
        {
            "id": [f"houses.csv#{row}" for row in range(60)],
            "size": pl.Series(size).fill_nan(None),
            "town": pl.Series(town.tolist(), dtype=pl.String),
            "price": price,
        }
    )
    return Dataset(
        path=Path("houses.csv"),
        format="table",
        table=table,
        target=Target(columns=("price",), kind=TargetKind.NUMBER),
        numbers=("size",),
        categories=("town",),
    )


def trained_on(dataset: Dataset) -> TrainedModel:
    preprocess = fit_preprocess(dataset, None, None, quantiles=True)
    spec = ModelSpec(name="table_net", options={})
    target = tasks.get("regress").read_target(dataset)
    return TrainedModel(task=build_task("regress", target, preprocess, spec), preprocess=preprocess, model=spec)


def test_a_stored_model_gives_the_same_bits(tmp_path):
    dataset = table_dataset()
    model = trained_on(dataset)
    model.save(tmp_path / "model", card="# card")
    loaded = TrainedModel.load(tmp_path / "model")
    np.testing.assert_array_equal(model.predict(dataset).outputs, loaded.predict(dataset).outputs)
    assert loaded.preprocess == model.preprocess
    assert (tmp_path / "model" / "README.md").read_text() == "# card"


def test_a_missing_column_is_named():
    model = trained_on(table_dataset())
    narrow = table_dataset()
    narrow = Dataset(**{**narrow.__dict__, "table": narrow.table.drop("town"), "categories": ()})
    with pytest.raises(DataError, match="'town'"):
        model.predict(narrow)


def test_unseen_categories_and_missing_numbers_are_answered():
    model = trained_on(table_dataset())
    row = pl.DataFrame({"id": ["x"], "size": [None], "town": ["the moon"]}, schema_overrides={"size": pl.Float64})
    dataset = Dataset(path=Path("x"), format="table", table=row, target=None, numbers=("size",), categories=("town",))
    assert np.isfinite(model.predict(dataset).outputs).all()


def loader_of(count, *, batch_size, part=(0, 1)):
    numbers = torch.randn(count, 4, generator=torch.Generator().manual_seed(3))
    examples = Examples(
        ids=[str(row) for row in range(count)],
        targets=targets("classify", count, 1),
        weights=torch.ones(count),
        numbers=numbers,
    )
    return Loader(examples=examples, rows=np.arange(count), batch_size=batch_size, part=part)


def short_of_memory(task, largest, met):
    """The task, whose network has memory for so many examples; the sizes that it met are noted."""
    real = task.forward

    def forward(batch):
        met.append(len(batch.rows))
        if met[-1] > largest:
            raise RuntimeError("can't allocate memory: you tried to allocate 536870912 bytes")
        return real(batch)

    task.forward = forward
    return task


def test_judging_takes_smaller_batches_where_memory_is_short():
    met = []
    found = infer(short_of_memory(make("classify"), 3, met), loader_of(20, batch_size=256))
    whole = infer(make("classify"), loader_of(20, batch_size=256))
    assert met == [20, 10, 5, *[2] * 10]  # a batch of 256 would be these 20 once more
    assert found.ids == whole.ids
    np.testing.assert_allclose(found.outputs, whole.outputs, atol=1e-6)
    assert found.loss == pytest.approx(whole.loss)


@pytest.mark.parametrize(("largest", "part"), [(0, (0, 1)), (3, (0, 2))], ids=["not even one", "others wait"])
def test_judging_gives_up_where_smaller_batches_cannot_help(largest, part):
    with pytest.raises(RuntimeError, match="can't allocate"):
        list(infer_in_parts(short_of_memory(make("classify"), largest, []), loader_of(9, batch_size=4, part=part)))


def test_other_errors_of_judging_are_not_swallowed():
    task, calls = make("classify"), []

    def forward(batch):
        calls.append(len(batch.rows))
        raise RuntimeError("sizes do not match")

    task.forward = forward
    with pytest.raises(RuntimeError, match="do not match"):
        infer(task, loader_of(9, batch_size=4))
    assert calls == [4]
