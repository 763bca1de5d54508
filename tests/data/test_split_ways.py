"""Splits by several labels, groups, sources, times and folds."""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.core.errors import DataError, UnknownName, UsageError
from rumbo.data import open_data
from rumbo.data.manifest import BOX, Dataset, Target, TargetKind
from rumbo.data.options import SplitOptions
from rumbo.data.splits.split import Split, make_folds, make_split
from rumbo.data.splits.stratify import deal_labels
from rumbo.data.splits.times import times_of


def dataset(labels, **columns) -> Dataset:
    labels = [str(label) for label in labels]
    table = {"id": [f"{row}" for row in range(len(labels))], "content": [f"c{row}" for row in range(len(labels))]}
    target = Target(columns=("y",), kind=TargetKind.CLASS, classes=tuple(sorted(set(labels))))
    return Dataset(path=Path("a"), format="table", table=pl.DataFrame({**table, "y": labels, **columns}), target=target)


def names(split: Split) -> np.ndarray:
    return split.table["split"].to_numpy()


# several labels


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(60, 200), st.integers(2, 8))
def test_law_each_label_gets_its_share(seed, num_rows, num_labels):
    rng = np.random.default_rng(seed)
    has = (rng.random((num_rows, num_labels)) < rng.uniform(0.03, 0.5, num_labels)).astype(float)
    shares = {"train": 0.6, "dev": 0.2, "test": 0.2}
    cut = deal_labels(has, np.ones(num_rows, int), shares, rng.permutation(num_rows))
    for name, share in shares.items():
        inside = has[cut == name].sum(axis=0)
        # The rarest labels come first and get their share to the item; common ones within a few items.
        assert (np.abs(inside - share * has.sum(axis=0)) <= 1 + 0.15 * has.sum(axis=0)).all()
        assert abs((cut == name).sum() - share * num_rows) <= 0.1 * num_rows + 2


def test_iterative_stratification_beats_chance_on_rare_labels():
    rng = np.random.default_rng(0)
    has = (rng.random((500, 12)) < np.linspace(0.01, 0.3, 12)).astype(float)
    shares = {"train": 0.6, "dev": 0.2, "test": 0.2}

    def worst(cut):
        return max(abs(has[cut == n].sum(axis=0) / has.sum(axis=0) - share).max() for n, share in shares.items())

    dealt = worst(deal_labels(has, np.ones(500, int), shares, rng.permutation(500)))
    at_random = [worst(rng.permutation(np.repeat(list(shares), [300, 100, 100]))) for _ in range(20)]
    assert dealt < 0.5 * np.median(at_random)


def test_labels_of_a_data_set_are_spread():
    rng = np.random.default_rng(1)
    columns = {name: (rng.random(300) < share).astype(float) for name, share in (("p", 0.4), ("q", 0.05), ("r", 0.02))}
    base = {"id": [str(i) for i in range(300)], "content": [str(i) for i in range(300)]}
    target = Target(columns=("p", "q", "r"), kind=TargetKind.LABELS, classes=("p", "q", "r"))
    data = Dataset(path=Path("a"), format="table", table=pl.DataFrame({**base, **columns}), target=target)
    cut = names(make_split(data, SplitOptions(), 0))
    for name, column in columns.items():
        assert abs(column[cut == "test"].sum() - 0.2 * column.sum()) <= 1, name


def test_boxes_are_spread_by_the_categories_that_a_picture_shows():
    def box(name):
        return {
            **dict.fromkeys(("x1", "y1"), 0.0),
            **dict.fromkeys(("x2", "y2"), 5.0),
            **{"class": name, "crowd": None, "difficult": None, "truncated": None, "polygons": None},
        }

    shown = [["cat"] * (row % 3 == 0) + ["dog"] * (row % 2 == 0) + ["rare"] * (row % 20 == 0) for row in range(200)]
    boxes = pl.Series("boxes", [[box(name) for name in row] for row in shown], dtype=pl.List(BOX))
    table = pl.DataFrame({"id": [str(r) for r in range(200)], "content": [str(r) for r in range(200)], "boxes": boxes})
    target = Target(columns=("boxes",), kind=TargetKind.BOXES, classes=("cat", "dog", "rare"))
    cut = names(make_split(Dataset(path=Path("a"), format="voc", table=table, target=target), SplitOptions(), 0))
    for name in ("cat", "dog", "rare", None):
        has = np.array([name in row if name else not row for row in shown])
        for split, share in (("train", 0.6), ("dev", 0.2), ("test", 0.2)):
            assert abs((has & (cut == split)).sum() - share * has.sum()) <= 2.5, (name, split)


# groups


@settings(max_examples=30)
@given(st.integers(0, 1000))
def test_law_groups_are_whole_and_classes_balanced(seed):
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(60), rng.integers(1, 9, 60))
    labels = np.array(["ab"[group % 2] if group % 5 else "ab"[row % 2] for row, group in enumerate(who)])
    split = make_split(dataset(labels, patient=[f"p{group}" for group in who]), SplitOptions(group="patient"), seed)
    cut = names(split)
    assert all(len(set(cut[who == group])) == 1 for group in range(60))
    for name, share in (("train", 0.6), ("dev", 0.2), ("test", 0.2)):
        assert abs((cut == name).mean() - share) <= 0.06
        for label in "ab":
            assert abs((cut[labels == label] == name).mean() - share) <= 0.1
    assert any("'patient' makes groups" in sentence for sentence in split.decisions)


def test_small_shares_of_many_groups_are_met_and_hold_large_groups_too():
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(6000), rng.integers(2, 6, 6000))
    data = dataset(rng.integers(0, 10, len(who)), group=[f"g{group}" for group in who])
    cut = names(make_split(data, SplitOptions(dev_fraction=0.05, test_fraction=0.1), 0))
    sizes = np.bincount(who)[who]
    for name, share in (("train", 0.85), ("dev", 0.05), ("test", 0.1)):
        assert (cut == name).mean() == pytest.approx(share, abs=0.003)
        assert sizes[cut == name].mean() == pytest.approx(sizes.mean(), rel=0.08)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_law_train_has_every_label(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 7, 40)
    labels = rng.choice(12, int(sizes.sum()), p=np.arange(12, 0, -1) ** 2.0 / (np.arange(12, 0, -1) ** 2.0).sum())
    counts = np.zeros((40, 12))
    np.add.at(counts, (np.repeat(np.arange(40), sizes), labels), 1)
    cut = deal_labels(counts, sizes, {"train": 0.4, "dev": 0.3, "test": 0.3}, rng.permutation(40))
    assert (counts[cut == "train"].any(axis=0) == counts.any(axis=0)).all()
    assert set(cut) == {"train", "dev", "test"}


def test_groups_that_are_nowhere_are_refused():
    with pytest.raises(UsageError, match="no groups are known"):
        make_split(dataset("ab" * 30), SplitOptions(by="group"), 0)
    with pytest.raises(UnknownName, match="nearest: patient"):
        make_split(dataset("ab" * 30, patient=["x"] * 60), SplitOptions(group="patients"), 0)


def test_missing_groups_stand_alone():
    split = make_split(dataset("ab" * 30, group=[None] * 50 + ["x"] * 10), SplitOptions(), 0)
    assert len(set(names(split)[50:])) == 1
    assert set(names(split)[:50]) == {"train", "dev", "test"}


# sources


def sourced(**columns) -> Dataset:
    return dataset("ab" * 200, source=["web"] * 280 + ["phone"] * 80 + ["drone"] * 40, **columns)


def test_named_sources_make_dev_and_test_and_train_dev_is_carved():
    data = sourced()
    split = make_split(data, SplitOptions(dev_sources=("phone",), test_sources=("drone",)), 0)
    cut, source = names(split), data.table["source"].to_numpy()
    assert set(cut[source == "phone"]) == {"dev"}
    assert set(cut[source == "drone"]) == {"test"}
    assert set(cut[source == "web"]) == {"train", "train_dev"}
    assert (cut == "train_dev").sum() == 56
    assert "examples: train 224, train_dev 56, dev 80, test 40." in split.decisions
    assert any("became train_dev" in sentence for sentence in split.decisions)


def test_one_list_of_sources_is_halved_between_dev_and_test():
    data = sourced()
    for options in (
        SplitOptions(dev_sources=("phone", "drone")),
        SplitOptions(test_sources=("phone", "drone")),
        SplitOptions(dev_sources=("phone", "drone"), test_sources=("drone", "phone")),
    ):
        cut = names(make_split(data, options, 0))
        assert ((cut == "dev").sum(), (cut == "test").sum()) == (60, 60)
    assert "test" not in names(make_split(data, SplitOptions(dev_sources=("phone",), test_fraction=0), 0))


def test_given_splits_of_other_sources_get_a_train_dev():
    data = sourced(split=["train"] * 280 + ["dev"] * 80 + ["test"] * 40)
    assert (names(make_split(data, SplitOptions(), 0)) == "train_dev").sum() == 56
    assert (names(make_split(data, SplitOptions(train_dev_fraction=0), 0)) == "train_dev").sum() == 0
    mixed = dataset("ab" * 200, source=["web", "phone"] * 200, split=["train"] * 300 + ["dev"] * 60 + ["test"] * 40)
    assert "train_dev" not in names(make_split(mixed, SplitOptions(), 0))
    assert (names(make_split(mixed, SplitOptions(train_dev_fraction=0.1), 0)) == "train_dev").sum() == 30


def test_sources_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match=r"say which sources.*drone, phone, web"):
        make_split(sourced(), SplitOptions(by="source"), 0)
    with pytest.raises(UnknownName, match="nearest: phone"):
        make_split(sourced(), SplitOptions(dev_sources=("phones",)), 0)
    with pytest.raises(UsageError, match="no column says"):
        make_split(dataset("ab" * 20), SplitOptions(by="source"), 0)
    with pytest.raises(DataError, match="nothing is left for train"):
        make_split(sourced(), SplitOptions(dev_sources=("phone", "web"), test_sources=("drone",)), 0)


# time


@settings(max_examples=40)
@given(st.lists(st.integers(0, 40), min_size=20, max_size=100), st.integers(0, 5))
def test_law_train_is_older_than_dev_is_older_than_test(days, seed):
    if len(set(days)) < 3:
        return
    cut = names(
        make_split(dataset(["a"] * len(days), day=[float(day) for day in days]), SplitOptions(time="day"), seed)
    )
    days = np.array(days)
    assert days[cut == "train"].max() < days[cut == "dev"].min() <= days[cut == "dev"].max() < days[cut == "test"].min()


def test_time_gives_the_shares_where_no_moment_repeats():
    order = np.random.default_rng(0).permutation(500)
    data = dataset(
        ["a"] * 500, day=[f"{2000 + day // 300}-{1 + day % 300 // 28:02d}-{1 + day % 28:02d}" for day in order]
    )
    split = make_split(data, SplitOptions(time="day"), 0)
    assert [(names(split) == name).sum() for name in ("train", "dev", "test")] == pytest.approx([300, 100, 100], abs=3)


def test_too_few_moments_are_refused():
    with pytest.raises(DataError, match="2 different times"):
        make_split(dataset("ab" * 20, day=["2020-01-01", "2020-01-02"] * 20), SplitOptions(time="day"), 0)
    with pytest.raises(UsageError, match="which column holds the time"):
        make_split(dataset("ab" * 20), SplitOptions(by="time"), 0)


@pytest.mark.parametrize(
    ("texts", "gaps"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-04"], [86400, 172800]),
        (["2024-01-01 00:00:00", "2024-01-01 00:00:10", "2024-01-01 00:01:00"], [10, 50]),
        (["31/01/2024", "01/02/2024", "02/02/2024"], [86400, 86400]),
        (["01/31/2024", "02/01/2024", "02/02/2024"], [86400, 86400]),
        (["2024:05:01 12:00:00", "2024:05:01 12:00:02", "2024:05:01 12:00:03"], [2, 1]),
        (["31.12.2023", "01.01.2024", "02.01.2024"], [86400, 86400]),
        (["1", "2.5", "10"], [1.5, 7.5]),
        (["20240101", "20240102", "20240201"], [1, 99]),
    ],
)
def test_times_are_read(texts, gaps):
    assert np.diff(times_of(pl.Series("t", texts), ["a", "b", "c"])).tolist() == gaps


def test_times_that_cannot_be_read_are_told():
    with pytest.raises(DataError, match="1 rows; the first is b: 'soon'"):
        times_of(pl.Series("t", ["2024-01-01", "soon"]), ["a", "b"])
    with pytest.raises(DataError, match="day/month/year or month/day/year"):
        times_of(pl.Series("t", ["01/02/2024", "03/04/2024"]), ["a", "b"])
    with pytest.raises(DataError, match="1 rows"):
        times_of(pl.Series("t", [1.0, None]), ["a", "b"])
    dates = pl.Series("t", ["2024-01-01", "2024-01-02"]).str.to_date()
    assert np.diff(times_of(dates, ["a", "b"])).tolist() == [86400]


# folds


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(2, 8), st.booleans())
def test_law_every_item_is_in_dev_of_one_fold(seed, folds, grouped):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 90)
    columns = {"group": [f"g{row // 3}" for row in range(90)]} if grouped else {}
    data = dataset(labels, **columns)
    table, _ = make_folds(data, SplitOptions(folds=folds), seed)
    fold = table["fold"].to_numpy()
    assert sorted(set(fold)) == list(range(1, folds + 1))
    for label in range(3):
        counts = np.bincount(fold[labels == label], minlength=folds + 1)[1:]
        assert counts.max() - counts.min() <= (8 if grouped else 1)
    if grouped:
        assert all(len(set(fold[3 * g : 3 * g + 3])) == 1 for g in range(30))
    for number in (1, folds):
        cut = names(make_split(data, SplitOptions(folds=folds, fold=number), seed))
        assert ((cut == "dev") == (fold == number)).all()
        assert set(cut) == {"train", "dev"}


def test_test_stays_apart_from_folds():
    data = dataset("ab" * 50, split=["train"] * 70 + ["dev"] * 10 + ["test"] * 20)
    fold = make_folds(data, SplitOptions(folds=4), 0)[0]["fold"]
    assert fold[80:].null_count() == 20
    assert fold[:80].null_count() == 0
    cut, _ = make_folds(dataset("ab" * 50), SplitOptions(folds=4, test_fraction=0.2), 0)
    assert cut["fold"].null_count() == 20


def test_folds_that_make_no_sense_are_refused():
    with pytest.raises(DataError, match="6 different examples are too few for 7 folds"):
        make_split(dataset("ab" * 3), SplitOptions(folds=7), 0)
    with pytest.raises(UsageError, match="fold 4 is none"):
        make_split(dataset("ab" * 30), SplitOptions(folds=3, fold=4), 0)
    with pytest.raises(UsageError, match="by=time"):
        make_split(dataset("ab" * 30, t=range(60)), SplitOptions(folds=3, by="time", time="t"), 0)


def test_a_file_of_folds_is_read(tmp_path):
    data = dataset("ab" * 50)
    table, _ = make_folds(data, SplitOptions(folds=5, test_fraction=0.1), 0)
    table.write_parquet(tmp_path / "k.parquet")
    read = Split.load(tmp_path / "k.parquet", 2)
    assert (read.table["split"] == "dev").to_list() == (table["fold"] == 2).fill_null(False).to_list()
    assert (read.table["split"] == "test").sum() == 10
    for fold in (None, 6):
        with pytest.raises(UsageError, match=r"data\.split\.fold=N"):
            Split.load(tmp_path / "k.parquet", fold)


def test_given_splits_are_put_aside_when_asked():
    data = dataset("ab" * 50, split=["train"] * 50 + ["test"] * 50)
    split = make_split(data, SplitOptions(by="random"), 0)
    assert (names(split) == "dev").sum() == 20
    assert any("put aside" in sentence for sentence in split.decisions)


def test_people_of_a_real_set_in_folds(shared_data):
    data = open_data(shared_data / "orl_faces")
    table, _ = make_folds(data, SplitOptions(folds=4, near_duplicates=False), 0)
    people = table.with_columns(who=data.table["group"]).group_by("who").agg(pl.col("fold").n_unique())
    assert people["fold"].max() == 1
    assert table["fold"].value_counts()["count"].to_list() == [100] * 4


# columns that look like groups


def torn(name: str, values, options: SplitOptions | None = None, **columns) -> list[str]:
    data = dataset([row % 2 for row in range(240)], **{name: values}, **columns)
    return [text for text in make_split(data, options or SplitOptions(), 0).decisions if "looks like groups" in text]


PATIENTS = [f"p{row // 4}" for row in range(240)]


@pytest.mark.parametrize("name", ["patient", "Patient_ID", "patientId", "id del paciente", "video", "user.name"])
def test_a_column_that_says_groups_is_told(name):
    (sentence,) = torn(name, PATIENTS)
    assert "60 values in 240 rows" in sentence
    assert f"--set data.split.group={name} keeps" in sentence


def test_numbers_of_people_are_groups_and_their_ages_are_none():
    numbers = [float(row // 4) for row in range(240)]
    assert len(torn("customer_id", numbers)) == 1
    assert torn("customer_age", numbers) == []
    assert torn("customer_id", [row / 4 for row in range(240)]) == []


def test_what_is_no_group_or_is_kept_together_is_not_told():
    assert torn("patients", PATIENTS) == []  # another word
    assert torn("outpatient", PATIENTS) == []
    assert torn("site", [f"s{row % 5}" for row in range(240)]) == []  # few values
    assert torn("patient", [f"p{row // 1.5}" for row in range(240)]) == []  # hardly repeated
    assert torn("patient", PATIENTS, SplitOptions(group="patient")) == []
    assert torn("patient", PATIENTS, group=PATIENTS) == []
    given_splits = np.repeat(["train", "dev", "test"], 80).tolist()
    assert torn("patient", PATIENTS, split=given_splits) == []


def test_torn_patients_of_given_splits_need_a_new_cut():
    (sentence,) = torn("patient", PATIENTS, split=["train", "train", "dev", "test"] * 60)
    assert "data.split.group=patient --set data.split.by=group keeps" in sentence


def test_folds_tell_of_patients_too():
    data = dataset([row % 2 for row in range(240)], patient=PATIENTS)
    assert sum("looks like groups" in text for text in make_folds(data, SplitOptions(folds=4), 0)[1]) == 1


# texts


def test_texts_that_differ_only_in_how_they_are_written_stay_together(shared_data):
    data = open_data(shared_data / "movie_reviews").take(np.arange(0, 2000, 10))

    class Twice:
        kind, rate_hz = data.signals.kind, None

        def read(self, row):
            text = data.signals.read(row % 100)
            return text if row < 100 else "  " + text.upper() + " !"

    texts = dataclasses.replace(data, signals=Twice())
    cut = names(make_split(texts, SplitOptions(), 0))
    assert (cut[:100] == cut[100:]).all()
    assert set(cut) == {"train", "dev", "test"}


def test_train_dev_has_no_more_examples_than_dev():
    data = dataset("ab" * 200, source=["web"] * 350 + ["phone"] * 50)
    cut = names(make_split(data, SplitOptions(dev_sources=("phone",), dev_fraction=0.4), 0))
    assert (cut == "dev").sum() == 26
    assert 20 <= (cut == "train_dev").sum() <= 27
