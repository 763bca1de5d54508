"""Automatic tags: each is borne by what was made to bear it, by borders that train alone sets."""

import dataclasses

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageFilter

from rumbo.api.slicing import data_columns, parts_of, tag_columns
from rumbo.api.tagging import automatic_tags, hand_tags
from rumbo.data import open_data
from rumbo.data.example_facts import ExampleFacts, example_facts
from rumbo.data.pictures.images import ArrayImages


def tags_of(dataset, rows, train):
    facts = example_facts(dataset, rows, train)
    return {tag.name: tag.looked.has for tag in automatic_tags(dataset, rows, train, facts)}


@pytest.fixture(scope="module")
def bees(shared_data):
    """Rows of real photographs, the first five of which were changed: blurred, dark, bright, flat, grey."""
    dataset = open_data(shared_data / "hymenoptera").take(np.arange(0, 390, 3))
    pixels = [np.asarray(Image.fromarray(dataset.images.read(row)).resize((96, 96))) for row in range(len(dataset))]
    pixels = [p if p.ndim == 3 else np.stack([p] * 3, axis=2) for p in pixels]
    pixels[0] = np.asarray(Image.fromarray(pixels[0]).filter(ImageFilter.GaussianBlur(6)))
    pixels[1] = (pixels[1] * 0.1).astype(np.uint8)
    pixels[2] = (255 - (255 - pixels[2]) * 0.1).astype(np.uint8)
    pixels[3] = (127 + (pixels[3] - 127.0) * 0.1).clip(0, 255).astype(np.uint8)
    pixels[4] = np.repeat(pixels[4].mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    contents = [f"{row}" for row in range(len(dataset))]
    pixels[6], contents[6] = (pixels[5] * 0.95).astype(np.uint8), "6"
    table = dataset.table.with_columns(
        pl.Series("content", contents), pl.Series("source", ["web", "phone"] * (len(dataset) // 2))
    )
    return dataclasses.replace(dataset, images=ArrayImages(np.stack(pixels)), table=table)


def test_pictures_bear_what_was_done_to_them(bees):
    rows, train = np.arange(10), np.arange(10, len(bees))
    tags = tags_of(bees, rows, train)
    for row, name in enumerate(("blur", "dark", "bright", "low_contrast", "grey")):
        assert tags[name][row], name
        assert tags[name].sum() <= (6 if name == "low_contrast" else 4), name
    assert tags["near_duplicate"].tolist() == [row in (5, 6) for row in range(10)]
    assert tags["source=web"].tolist() == [True, False] * 5
    assert "aspect" not in tags  # all have the same
    assert "small_object" not in tags


def test_borders_come_from_train_alone(bees):
    train = np.arange(10, len(bees))
    of_train = tags_of(bees, train, train)
    for name in ("blur", "dark", "bright", "low_contrast"):
        assert of_train[name].mean() == pytest.approx(0.1, abs=0.02), name
    night = ExampleFacts({"mean": np.full(5, 1.0)}, example_facts(bees, np.arange(5), train).train)
    dark = next(tag for tag in automatic_tags(bees, np.arange(5), train, night) if tag.name == "dark")
    assert dark.looked.has.all()  # however many they are


def test_objects_that_are_small(shared_data):
    dataset = open_data(shared_data / "raccoon")
    rows, train = np.arange(30), np.arange(30, len(dataset))
    facts = example_facts(dataset, rows, train)
    assert facts.values["object_area"].max() <= 1.0
    has = tags_of(dataset, rows, train)["small_object"]
    assert 0 < has.sum() < 12
    assert facts.values["object_area"][has].max() < facts.values["object_area"][~has].min()


def test_rows_of_tables(shared_data):
    dataset = open_data(shared_data / "adult_income").take(np.arange(3000))
    rows, train = np.arange(600), np.arange(600, 3000)
    tags = tags_of(dataset, rows, train)
    own = dataset.table[rows]
    columns = [*dataset.numbers, *dataset.categories]
    missing = own.select(pl.any_horizontal(pl.col(columns).is_null())).to_series().to_numpy()
    assert (tags["missing_value"] == missing).all()
    assert 0 < missing.mean() < 0.2
    assert 0 < tags["outlying_number"].mean() < 0.1
    assert 0 < tags["rare_category"].mean() < 0.3


def test_series_and_texts(shared_data):
    hearts = open_data(shared_data / "ecg" / "ECG5000_TRAIN.txt")
    tags = tags_of(hearts, np.arange(100), np.arange(100, len(hearts)))
    assert {"noisy", "spike"} <= set(tags)
    reviews = open_data(shared_data / "movie_reviews").take(np.arange(0, 2000, 10))
    tags = tags_of(reviews, np.arange(60), np.arange(60, 200))
    assert {"short", "long", "unknown_words", "digits"} <= set(tags)
    assert not (tags["short"] & tags["long"]).any()


def test_too_few_training_examples_set_no_borders(bees):
    assert set(tags_of(bees, np.arange(5), np.arange(10, 25))) <= {"near_duplicate", "source=web", "source=phone"}


def test_tags_by_hand_know_who_was_looked_at():
    dark, wet = hand_tags([("dark",), None, (), ("wet", "dark")])
    assert (dark.name, dark.looked.has.tolist()) == ("dark", [True, False, False, True])
    assert wet.looked.known.tolist() == [True, False, True, True]
    assert tag_columns([dark]) == []  # those that were looked at may be the wrong ones
    everywhere = hand_tags([("dark",), ()])
    assert [column.name for column in tag_columns(everywhere)] == ["dark"]


def test_columns_of_the_data_are_sliced(shared_data):
    dataset = open_data(shared_data / "california_housing")
    columns = data_columns(dataset, np.arange(500), np.arange(500, 5000), dataset.target.columns)
    assert {column.name for column in columns} == {*dataset.numbers, *dataset.categories}
    parts = parts_of(columns)
    assert all(len(has) == 500 for has in parts.values())
    assert parts[next(name for name in parts if name.startswith("ocean_proximity: "))].any()
    assert ExampleFacts({}, {}).values == {}
