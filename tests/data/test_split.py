"""Splits: sizes, strata, copies and groups, given splits; the same seed gives the same file."""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.core.errors import DataError, UnknownName, UsageError
from rumbo.data.manifest import SPLITS, Dataset, Target, TargetKind
from rumbo.data.options import SplitOptions
from rumbo.data.splits.split import Split, fractions, make_split


def dataset(labels, *, kind=TargetKind.CLASS, contents=None, **columns) -> Dataset:
    num_rows = len(labels)
    if kind is TargetKind.CLASS:
        labels = [str(label) for label in labels]
        target = Target(columns=("y",), kind=kind, classes=tuple(sorted(set(labels))))
    else:
        labels = [float(label) for label in labels]
        target = Target(columns=("y",), kind=kind)
    table = pl.DataFrame(
        {
            "id": [f"{row}" for row in range(num_rows)],
            "content": [f"c{row}" for row in range(num_rows)] if contents is None else [f"c{key}" for key in contents],
            "y": labels,
            **columns,
        }
    )
    return Dataset(path=Path("a.csv"), format="table", table=table, target=target)


def names(split: Split) -> np.ndarray:
    return split.table["split"].to_numpy()


@pytest.mark.parametrize(
    ("num_items", "expected"),
    [(10_000, 0.2), (10_001, 0.1), (100_000, 0.1), (100_001, 0.01), (1_000_000, 0.01), (1_000_001, 0.0025)],
)
def test_shares_follow_from_the_number_of_examples(num_items, expected):
    assert fractions(num_items, SplitOptions()) == (expected, expected)


def test_shares_that_leave_no_train_are_refused():
    with pytest.raises(UsageError, match="leave nothing"):
        fractions(10, SplitOptions(dev_fraction=0.5, test_fraction=0.5))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=6), st.integers(0, 10), st.floats(0.05, 0.4), st.floats(0.05, 0.4)
)
def test_law_each_class_gets_its_share(sizes, seed, dev, test):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    if len(labels) < 5:
        return
    split = make_split(dataset(labels), SplitOptions(dev_fraction=dev, test_fraction=test), seed)
    for label, size in enumerate(sizes):
        inside = names(split)[labels == label]
        assert (inside == "train").any()
        for name, share in (("dev", dev), ("test", test)):
            assert abs((inside == name).sum() - share * size) <= 1.5 or size < 4


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 15), st.booleans()), min_size=60, max_size=120),
    st.integers(0, 5),
)
def test_law_copies_and_groups_never_straddle(rows, seed):
    contents, groups, labels = zip(*rows, strict=True)
    data = dataset(labels, contents=contents, group=[f"g{group}" for group in groups])
    try:
        split = make_split(data, SplitOptions(), seed)
    except DataError:
        return  # chains of copies and groups left fewer than three units
    for column in ("content", "group"):
        joined = data.table.with_columns(pl.Series("cut", names(split)))
        assert joined.group_by(column).agg(pl.col("cut").n_unique())["cut"].max() == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_law_the_seed_decides(seed):
    data = dataset(np.arange(100) % 3)
    first, again, other = (make_split(data, SplitOptions(), s) for s in (seed, seed, seed + 1))
    assert first.sha256 == again.sha256 != other.sha256
    assert first.table.equals(again.table)


def test_every_example_is_in_one_split_and_the_sizes_fit():
    data = dataset(np.arange(1000) % 7)
    split = make_split(data, SplitOptions(), 0)
    rows = [split.rows(data, name) for name in SPLITS]
    assert sorted(np.concatenate(rows).tolist()) == list(range(1000))
    assert [len(part) for part in rows] == pytest.approx([600, 0, 200, 200], abs=7)
    assert not any("train_dev" in sentence for sentence in split.decisions)


def test_numbers_are_cut_by_quantiles():
    values = np.random.default_rng(0).lognormal(0, 2, 500)
    split = make_split(dataset(values, kind=TargetKind.NUMBER), SplitOptions(), 0)
    ranks = np.argsort(np.argsort(values)) * 10 // 500
    for name in ("dev", "test"):
        np.testing.assert_array_equal(np.bincount(ranks[names(split) == name]), np.full(10, 10))


def test_rare_classes_stay_in_train():
    labels = ["a"] * 50 + ["b", "b", "b", "c", "c", "d"]
    split = make_split(dataset(labels), SplitOptions(), 3)
    inside = {label: set(names(split)[np.array(labels) == label]) for label in "abcd"}
    assert all("train" in where for where in inside.values())
    assert inside["b"] == {"train", "dev", "test"}


def test_labels_spread_the_rarest_label():
    rng = np.random.default_rng(0)
    columns = {name: (rng.random(400) < share).astype(float) for name, share in (("p", 0.5), ("q", 0.05))}
    table = pl.DataFrame({"id": [str(i) for i in range(400)], "content": [str(i) for i in range(400)], **columns})
    target = Target(columns=("p", "q"), kind=TargetKind.LABELS, classes=("p", "q"))
    data = Dataset(path=Path("a"), format="table", table=table, target=target)
    cut = names(make_split(data, SplitOptions(), 0))
    assert columns["q"][cut == "test"].sum() == round(0.2 * columns["q"].sum())


def test_given_splits_are_respected():
    given_names = ["train"] * 50 + ["dev"] * 10 + ["test"] * 20
    split = make_split(dataset(np.arange(80) % 2, split=given_names), SplitOptions(), 0)
    assert names(split).tolist() == given_names


def test_a_missing_dev_is_cut_from_train_and_copies_stay_together():
    given_names = ["train"] * 80 + ["test"] * 20
    contents = [*(row // 2 for row in range(80)), *range(100, 120)]
    split = make_split(dataset(np.arange(100) % 2, contents=contents, split=given_names), SplitOptions(), 0)
    cut = names(split)
    assert (cut[80:] == "test").all()
    assert (cut[:80] == "dev").sum() == 16
    assert (cut[:80:2] == cut[1:80:2]).all()
    assert any("no dev" in sentence for sentence in split.decisions)


def test_a_missing_test_is_said():
    split = make_split(dataset(np.arange(60) % 2, split=["train"] * 40 + ["dev"] * 20), SplitOptions(), 0)
    assert set(names(split)) == {"train", "dev"}
    assert any("no test" in sentence for sentence in split.decisions)


def test_splits_that_make_no_sense_are_refused():
    with pytest.raises(DataError, match="nothing is train"):
        make_split(dataset([0, 1], split=["dev", "test"]), SplitOptions(), 0)
    with pytest.raises(UnknownName, match="no split is called 'holdout'"):
        make_split(dataset([0, 1], split=["train", "holdout"]), SplitOptions(), 0)
    for labels in ([0], [0, 1], [0, 0]):
        with pytest.raises(DataError, match="too few"):
            make_split(dataset(labels), SplitOptions(), 0)
    with pytest.raises(DataError, match="1 different examples are too few"):
        make_split(dataset([0] * 9, contents=[1] * 9), SplitOptions(), 0)


def test_three_examples_are_enough_to_cut():
    assert sorted(names(make_split(dataset([0, 0, 0]), SplitOptions(), 0))) == ["dev", "test", "train"]
    assert sorted(set(names(make_split(dataset([0, 1, 0, 1, 2]), SplitOptions(), 0)))) == ["dev", "test", "train"]


def test_no_test_when_none_is_wanted():
    split = make_split(dataset(np.arange(50) % 2), SplitOptions(test_fraction=0), 0)
    assert set(names(split)) == {"train", "dev"}


def test_a_split_survives_its_file(tmp_path):
    data = dataset(np.arange(50) % 2)
    split = make_split(data, SplitOptions(), 0)
    split.save(tmp_path / "split.parquet")
    loaded = Split.load(tmp_path / "split.parquet")
    assert loaded.sha256 == split.sha256
    np.testing.assert_array_equal(loaded.rows(data, "test"), split.rows(data, "test"))
    assert Split(split.table.reverse(), "").table.height == 50
    shuffled = pl.DataFrame(split.table.reverse())
    shuffled.write_parquet(tmp_path / "turned.parquet")
    assert Split.load(tmp_path / "turned.parquet").sha256 == split.sha256


def test_a_changed_split_has_another_hash(tmp_path):
    split = make_split(dataset(np.arange(50) % 2), SplitOptions(), 0)
    changed = split.table.with_columns(
        pl.when(pl.col("id") == "7")
        .then(pl.lit("train"))
        .when(pl.col("id") == "8")
        .then(pl.lit("dev"))
        .otherwise("split")
        .alias("split")
    )
    changed.write_parquet(tmp_path / "a.parquet")
    assert Split.load(tmp_path / "a.parquet").sha256 != split.sha256


def test_files_that_are_no_split_are_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        Split.load(tmp_path / "none.parquet")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="Parquet"):
        Split.load(tmp_path / "a.parquet")
    pl.DataFrame({"id": ["a", "a"], "split": ["train", "dev"]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="is no split"):
        Split.load(tmp_path / "a.parquet")


def test_rows_of_a_part_of_the_data_and_of_no_split():
    data = dataset(np.arange(50) % 2)
    split = make_split(data, SplitOptions(), 0)
    part = data.take(np.arange(10, 20))
    expected = [row for row in range(10) if names(split)[row + 10] == "train"]
    assert split.rows(part, "train").tolist() == expected
    with pytest.raises(UnknownName, match="nearest: train"):
        split.rows(data, "trian")


WRONG_FILES = {
    "a.csv": (b"id,where\na,train\n", "id, where"),
    "b.csv": (b"id,split\na,train\na,dev\n", "'a' stands there twice"),
    "c.csv": (b"id,split\na,holdout\n", "'holdout' is none of train, train_dev, dev, test"),
    "d.csv": (b"id,fold\na,1\nb,two\n", "fold 'two' is no whole number"),
    "e.csv": (b"", "cannot be read as CSV"),
    "f.parquet": (b"id,split\na,train\n", "cannot be read as Parquet"),
    "g.csv": (b"id,split\na,\n", "'' is none of train"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_wrong_file_of_splits_is_named_with_what_is_allowed(tmp_path, name):
    data, words = WRONG_FILES[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as problem:
        Split.load(tmp_path / name)
    assert name in str(problem.value)
    assert words in str(problem.value)
    assert "parquet:" not in str(problem.value)


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=8, unique=True))
def test_law_a_file_of_splits_reads_as_it_was_written(ids):
    table = pl.DataFrame({"id": ids, "split": (["train", "dev"] * len(ids))[: len(ids)]})
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.csv", "a.parquet"):
            Split(table, "").save(Path(folder) / name)
            assert Split.load(Path(folder) / name).table.equals(table)


def test_of_a_file_of_folds_it_is_told_which_is_dev(tmp_path):
    (tmp_path / "k.csv").write_text("id,fold\na,1\nb,2\nc,\n")
    split = Split.load(tmp_path / "k.csv", 2)
    assert split.table["split"].to_list() == ["train", "dev", "test"]
    assert "fold 2 of" in split.decisions[0]
    (tmp_path / "s.csv").write_text("id,split\na,train\n")
    with pytest.raises(UsageError, match=r"holds no folds.*fold=2"):
        Split.load(tmp_path / "s.csv", 2)
