"""Checks speak where a fault is planted, name it right, and are silent on clean sets."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rumbo.core.errors import DataError
from rumbo.data.checks import CheckReport, check_data, refuse_too_many_bad
from rumbo.data.manifest import Dataset, Target, TargetKind
from rumbo.data.options import SplitOptions
from rumbo.data.pictures.decode import BadItem
from rumbo.data.pictures.images import ArrayImages
from rumbo.data.splits.split import make_split

NUM_ROWS = 3000


def clean_table(kind=TargetKind.CLASS, num_rows=NUM_ROWS, **changes) -> Dataset:
    """Noisy, complete, balanced; large enough for a test set of 500."""
    rng = np.random.default_rng(0)
    score = rng.normal(size=num_rows)
    y = pl.Series((score + rng.normal(size=num_rows) > 0).tolist()).cast(pl.String)
    if kind is TargetKind.NUMBER:
        y = pl.Series(score * 3 + rng.normal(size=num_rows))
    columns = {
        "id": [f"a.csv#{row}" for row in range(num_rows)],
        "content": [f"c{row}" for row in range(num_rows)],
        "score": score,
        "size": rng.normal(size=num_rows),
        "color": rng.choice(["red", "green", "blue"], num_rows),
        "y": y,
    } | changes
    table = pl.DataFrame(columns, nan_to_null=False)
    classes = tuple(sorted(table["y"].unique().to_list())) if kind is TargetKind.CLASS else ()
    target = Target(columns=("y",), kind=kind, classes=classes)
    return Dataset(
        path=Path("a.csv"), format="table", table=table, target=target, numbers=("score", "size"), categories=("color",)
    )


def report(data: Dataset, bad=()) -> CheckReport:
    return check_data(data, make_split(data, SplitOptions(), 0), bad)


def codes(data: Dataset, bad=()) -> set[str]:
    return {finding.code for finding in report(data, bad).findings}


def finding(data: Dataset, code: str, bad=()):
    (found,) = [found for found in report(data, bad).findings if found.code == code]
    assert found.message.endswith(".")
    assert found.remedy or found.severity == "note"
    return found


def planted(column: str, rows, value) -> list:
    """The clean column with a value planted in some rows."""
    values = clean_table().table[column].to_list()
    for row in rows:
        values[row] = value
    return values


def test_clean_sets_are_met_with_silence():
    assert codes(clean_table()) == set()
    assert codes(clean_table(TargetKind.NUMBER)) == set()


def pictures(num=2600, side=16, **changes) -> Dataset:
    rng = np.random.default_rng(1)
    labels = rng.choice(["cat", "dog"], num).tolist()
    columns = {"id": [str(i) for i in range(num)], "content": [str(i) for i in range(num)], "class": labels} | changes
    table = pl.DataFrame(columns)
    target = Target(columns=("class",), kind=TargetKind.CLASS, classes=tuple(sorted(set(columns["class"]))))
    images = ArrayImages(rng.integers(0, 256, (num, side, side), np.uint8))
    return Dataset(path=Path("a"), format="npz", table=table, target=target, images=images)


def test_clean_pictures_are_met_with_silence():
    assert codes(pictures()) == set()


def test_a_copy_across_given_splits_is_a_leak():
    given = ["train"] * 1600 + ["dev"] * 500 + ["test"] * 500
    contents = [str(row) for row in range(2600)]
    contents[2300] = contents[146]
    data = pictures(split=given, content=contents, **{"class": ["cat", "dog"] * 1300})
    found = finding(data, "leak.exact_duplicate")
    assert (found.severity, found.num_items, found.items) == ("warning", 1, ("146",))
    assert "'146' (train) is '2300' (test)" in found.message
    assert "taken out of train: 1" in found.done
    assert "dup.exact" not in codes(data)


def test_copies_between_dev_and_test_leak_too():
    given = ["train"] * 1600 + ["dev"] * 500 + ["test"] * 500
    contents = [str(row) for row in range(2600)]
    contents[2300] = contents[1700]
    data = pictures(split=given, content=contents, **{"class": ["cat", "dog"] * 1300})
    found = finding(data, "leak.exact_duplicate")
    assert "'1700' (dev) is '2300' (test)" in found.message
    assert "kept" in found.done


def test_copies_in_one_split_are_a_note():
    contents = [str(row) for row in range(2600)]
    contents[8] = contents[6] = contents[4]
    data = pictures(content=contents, **{"class": ["cat", "dog"] * 1300})
    found = finding(data, "dup.exact")
    assert (found.severity, found.num_items, found.items) == ("note", 2, ("6", "8"))
    assert codes(data) == {"dup.exact"}


def test_the_same_picture_with_two_labels_is_a_contradiction():
    contents = [str(row) for row in range(2600)]
    contents[5] = contents[4]
    found = finding(pictures(content=contents, **{"class": ["cat", "dog"] * 1300}), "label.conflict")
    assert found.items == ("4", "5")


def test_the_same_features_with_two_labels_are_a_contradiction():
    base = clean_table().table
    y = base["y"].to_list()
    y[0], y[1] = "false", "true"
    features = {name: base[name].to_list() for name in ("score", "size", "color")}
    for values in features.values():
        values[1] = values[0]
    assert finding(clean_table(y=y, **features), "label.conflict").num_items == 2


def test_different_shares_in_given_splits():
    """The course's cats: 72 of 209 in train, 33 of 50 in test; dev is cut from train."""
    labels = ["cat"] * 72 + ["non-cat"] * 137 + ["cat"] * 33 + ["non-cat"] * 17
    data = pictures(259, split=["train"] * 209 + ["test"] * 50, **{"class": labels})
    found = finding(data, "class.shares_differ")
    assert "34 % of train, but 66 % of test" in found.message
    balanced = pictures(1000, split=["train"] * 500 + ["test"] * 500, **{"class": ["cat", "dog"] * 500})
    assert "class.shares_differ" not in codes(balanced)


def test_shares_differ_needs_more_than_chance():
    labels = ["cat"] * 105 + ["dog"] * 95 + ["cat"] * 45 + ["dog"] * 55
    assert "class.shares_differ" not in codes(
        pictures(300, split=["train"] * 200 + ["test"] * 100, **{"class": labels})
    )


def test_rare_classes():
    found = finding(clean_table(y=planted("y", range(0, 27, 3), "maybe")), "class.rare")
    assert (found.items, found.num_items) == (("maybe",), 1)
    assert "maybe 9" in found.message
    assert "class.rare" not in codes(clean_table(y=planted("y", range(0, 30, 3), "maybe")))


def test_a_single_class_stops_training():
    data = clean_table(y=["yes"] * NUM_ROWS)
    assert finding(data, "class.single").severity == "error"
    with pytest.raises(DataError, match="of one class, 'yes'") as caught:
        report(data).raise_errors()
    assert caught.value.exit_code == 3
    report(clean_table()).raise_errors()


def test_a_test_class_that_train_lacks_stops_training():
    given = ["train"] * 2000 + ["dev"] * 500 + ["test"] * 500
    data = clean_table(split=given, y=planted("y", [2900], "new"))
    found = finding(data, "class.missing_in_train")
    assert (found.severity, found.items) == ("error", ("new",))


@pytest.mark.parametrize(("limit", "word"), [(5.0, "largest"), (-5.0, "smallest")])
def test_a_capped_target(limit, word):
    values = clean_table(TargetKind.NUMBER).table["y"].to_numpy()
    capped = np.minimum(values, 5.0) if limit > 0 else np.maximum(values, -5.0)
    found = finding(clean_table(TargetKind.NUMBER, y=capped), "target.capped")
    assert found.num_items == (capped == limit).sum()
    assert word in found.message


def test_a_target_of_round_numbers_is_not_capped():
    values = clean_table(TargetKind.NUMBER).table["y"].to_numpy()
    assert "target.capped" not in codes(clean_table(TargetKind.NUMBER, y=np.round(values * 2)))
    waiting_minutes = np.floor(np.random.default_rng(0).exponential(10, NUM_ROWS))  # 0 is the most frequent, no pile-up
    assert "target.capped" not in codes(clean_table(TargetKind.NUMBER, y=waiting_minutes))


def test_missing_entries():
    found = finding(clean_table(size=planted("size", [3, 4], None)), "feature.missing")
    assert (found.severity, found.num_items, found.items) == ("note", 2, ("a.csv#3", "a.csv#4"))
    assert "size 2 (0.1 %)" in found.message
    assert finding(clean_table(size=planted("size", range(2000), None)), "feature.missing").severity == "warning"


def test_infinite_entries():
    found = finding(clean_table(size=planted("size", [7], float("inf"))), "feature.infinite")
    assert (found.items, found.severity) == (("a.csv#7",), "warning")


def test_constant_columns():
    assert finding(clean_table(color=["red"] * NUM_ROWS), "feature.constant").items == ("color",)
    assert finding(clean_table(size=[1.0] * NUM_ROWS), "feature.constant").items == ("size",)


def test_columns_that_are_the_answer():
    y = clean_table().table["y"].to_list()
    as_text = finding(clean_table(color=["p" if label == "true" else "q" for label in y]), "feature.leak")
    assert as_text.items == ("color",)
    rng = np.random.default_rng(0)
    as_number = [(1 if label == "true" else -1) * rng.uniform(1, 2) for label in y]
    assert finding(clean_table(size=as_number), "feature.leak").items == ("size",)
    price = clean_table(TargetKind.NUMBER).table["y"].to_numpy()
    assert finding(clean_table(TargetKind.NUMBER, size=price * 1.16 + 3), "feature.leak").items == ("size",)
    assert "feature.leak" not in codes(clean_table(TargetKind.NUMBER, size=price + rng.normal(0, 0.1, NUM_ROWS)))


def test_tiny_and_mixed_pictures():
    assert finding(pictures(1000, side=4), "image.tiny").num_items == 1000
    assert "image.tiny" not in codes(pictures(1000, side=8))

    class Mixed(ArrayImages):
        def size(self, row):
            return (10 + row % 3, 20, 1)

    data = pictures()
    mixed = Dataset(
        path=data.path, format="npz", table=data.table, target=data.target, images=Mixed(data.images.pixels)
    )
    assert "3 sizes, from 10 to 20 px" in finding(mixed, "image.size_mixed").message


def test_bad_pictures_and_rows_are_counted():
    bad = [BadItem(3, "3.jpg", "the file is empty (0 bytes).")]
    assert "3.jpg: the file is empty" in finding(pictures(), "image.bad", bad).message
    base = clean_table()
    missing = (BadItem(-1, "a.csv#9", "'a.csv' line 11: column 'y' is empty.", "target.missing"),)
    data = Dataset(path=base.path, format="table", table=base.table, target=base.target, bad=missing)
    assert "line 11" in finding(data, "target.missing").message
    assert report(data, bad).counts["bad"] == 2


def test_too_many_bad_examples_stop_training():
    data = clean_table(num_rows=200)
    bad = [BadItem(row, f"{row}.jpg", "damaged.") for row in range(3)]
    refuse_too_many_bad(data, bad[:2], 0.01)
    with pytest.raises(DataError, match=r"3 of 200 examples cannot be used \(1.5 %; at most 1 %") as caught:
        refuse_too_many_bad(data, bad, 0.01)
    assert "0.jpg: damaged." in str(caught.value)
    assert "max_bad_fraction" in str(caught.value)


def test_a_small_test_set_is_a_note():
    assert "uncertain by up to ± 15 points" in finding(clean_table(num_rows=200), "split.small_test").message
    assert "split.small_test" not in codes(clean_table(TargetKind.NUMBER, num_rows=200))


def test_counts_and_json():
    found = report(clean_table(size=planted("size", [3], None)))
    assert found.counts["splits"] == {"train": 1800, "dev": 600, "test": 600}
    assert sum(found.counts["classes"]["dev"].values()) == 600
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["findings"][0]["code"] == "feature.missing"


def test_errors_come_first():
    data = clean_table(y=["yes"] * NUM_ROWS, size=planted("size", [3], None))
    assert [found.severity for found in report(data).findings] == ["error", "note"]
