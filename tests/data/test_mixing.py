"""Sets that only add to train: dev and test stay what the model will meet."""

import dataclasses

import numpy as np
import pytest

from rumbo.core.errors import DataError, OptionError
from rumbo.data import open_data
from rumbo.data.mixing import Addition, mix, parse_addition, unique_names
from rumbo.data.options import SplitOptions
from rumbo.data.splits.split import make_split


@pytest.fixture(scope="module")
def insects(shared_data):
    return open_data(shared_data / "hymenoptera")


def given_splits(dataset):
    return dataset.table["split"].to_list()


def test_added_examples_are_train_with_source_and_weight(insects):
    web = insects.take(np.arange(30))
    found = mix(insects, given_splits(insects), [Addition("web", web, 0.05), Addition("made", web, 2.0)])
    assert len(found) == len(insects) + 60
    added = found.table[len(insects) :]
    assert added["split"].to_list() == ["train"] * 60
    assert added["source"].to_list() == ["web"] * 30 + ["made"] * 30
    assert added["weight"].to_list() == [0.05] * 30 + [2.0] * 30
    assert added["id"][0] == f"web:{web.ids[0]}"
    main = found.table[: len(insects)]
    assert set(main["source"]) == {"main"}
    assert set(main["weight"]) == {1.0}
    assert main["split"].to_list() == given_splits(insects)
    assert "30 examples of 'web' were added to train, with weight 0.05." in found.decisions


def test_pictures_follow_their_rows_through_take(insects):
    web = insects.take(np.array([5, 200]))
    found = mix(insects, given_splits(insects), [Addition("web", web, 1.0)])
    rows = np.array([len(insects) + 1, 7, len(insects)])
    taken = found.take(rows)
    for place, (source, row) in enumerate([(insects, 200), (insects, 7), (insects, 5)]):
        assert np.array_equal(taken.images.read(place), source.images.read(row))
        assert taken.images.size(place) == source.images.size(row)


def test_train_dev_is_carved_since_dev_comes_from_elsewhere(shared_data):
    cats = open_data(shared_data / "cats_vs_noncats")
    main = dataclasses.replace(cats, table=cats.table.drop("split"))
    split = make_split(main, SplitOptions(), seed=0)
    of_id = dict(split.table.select("id", "split").iter_rows())
    others = dataclasses.replace(cats.take(np.arange(100, 209)))
    found = mix(main.take(np.arange(100)), [of_id[name] for name in main.ids[:100]], [Addition("web", others, 0.5)])
    names = make_split(found, SplitOptions(), seed=0)
    by_source = found.table.join(names.table.select("id", cut="split"), on="id")
    assert set(by_source.filter(by_source["source"] == "web")["cut"]) == {"train", "train_dev"}
    assert set(by_source.filter(by_source["cut"].is_in(["dev", "test"]))["source"]) == {"main"}


def test_other_inputs_and_targets_are_refused(insects, shared_data):
    houses = open_data(shared_data / "california_housing")
    with pytest.raises(DataError, match="its target is median_house_value"):
        mix(insects, given_splits(insects), [Addition("houses", houses, 1.0)])
    fewer = dataclasses.replace(houses, numbers=houses.numbers[1:])
    with pytest.raises(DataError, match="Missing: longitude"):
        mix(houses, [None] * len(houses), [Addition("fewer", fewer, 1.0)])
    unlabelled = dataclasses.replace(insects, target=None)
    with pytest.raises(DataError, match="'web' has none"):
        mix(insects, given_splits(insects), [Addition("web", unlabelled, 1.0)])


def test_classes_that_nothing_could_judge_are_refused(insects):
    target = dataclasses.replace(insects.target, classes=("ants", "wasps"))
    wasps = dataclasses.replace(insects, target=target)
    with pytest.raises(DataError, match=r"classes that the main set lacks.*wasps"):
        mix(insects, given_splits(insects), [Addition("more", wasps, 1.0)])


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("web:0.05", ("web", 0.05)),
        ("a/b", ("a/b", 1.0)),
        ("C:\\web", ("C:\\web", 1.0)),
        ("a:b:2", ("a:b", 2.0)),
    ],
)
def test_additions_are_read(text, read):
    assert parse_addition(text) == read


@pytest.mark.parametrize("text", ["web:0", "web:-1", "web:nan", "web:inf", "web:1e9", "web:x", "web:"])
def test_weights_out_of_range_are_refused(text):
    with pytest.raises(OptionError, match="must be a number above 0"):
        parse_addition(text)


def test_sources_get_names_of_their_own():
    assert unique_names(["web", "web", "main"]) == ["web", "web-2", "main-2"]
