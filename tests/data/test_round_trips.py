"""Whatever a format can hold comes back from it: pictures, splits, classes, boxes, masks, points, features."""

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writing_bench import (
    CLASS,
    assert_same,
    boxes,
    labelled,
    masked,
    pictures,
    pointed,
    source,
    through,
)

from rumbo.data.manifest import Target, TargetKind

HELD = {
    "voc": {"difficult", "truncated"},
    "coco": {"crowd", "difficult", "truncated", "polygons"},
    "csv": {"crowd", "difficult", "truncated", "polygons"},
    "yolo": set[str](),
}
CHAINS = [(name,) for name in HELD] + [(first, second) for first in HELD for second in HELD if first != second]


@st.composite
def boxes_and_chain(draw):
    chain = draw(st.sampled_from(CHAINS))
    fields = sorted(set.intersection(*(HELD[name] for name in chain)))
    return draw(boxes(fields, classes_told="csv" not in chain)), chain


def law_of_boxes(drawn):
    dataset, chain = drawn
    after = dataset
    for name in chain:
        after = through(after, name)
    assert_same(dataset, after, tolerance_px=0 if set(chain) <= {"voc", "csv"} else 2e-9)
    assert set(after.target.classes) == set(dataset.target.classes)
    if "csv" not in chain:
        assert after.target.classes == dataset.target.classes


@st.composite
def labels_and_chain(draw):
    dataset = draw(labelled())
    given = dataset.table["split"].to_list() if "split" in dataset.table.columns else None
    alone = given is not None and len(set(given)) == 1  # folders do not tell one split alone
    chains = [("csv",)] if alone else [("csv",), ("folder",), ("csv", "folder"), ("folder", "csv")]
    return dataset, draw(st.sampled_from(chains))


def law_of_classes(drawn):
    dataset, chain = drawn
    after = dataset
    for name in chain:
        after = through(after, name)
    assert_same(dataset, after)
    assert set(after.target.classes) == set(dataset.target.classes)


def law_of_masks(dataset):
    after = dataset
    for name in ("masks", "coco", "masks"):
        after = through(after, name)
        assert_same(dataset, after)
        assert after.target.classes == dataset.target.classes


def law_of_points(dataset):
    after = through(dataset, "csv")
    assert_same(dataset, after, tolerance_px=0)
    assert_same(dataset, through(after, "csv"), tolerance_px=0)


NUMBER = st.floats(-1e99, 1e99)
NUMBERS = st.lists(NUMBER, min_size=5, max_size=5)
GAPPY = st.lists(st.none() | NUMBER, min_size=4, max_size=4)
WORDS = st.lists(st.none() | st.sampled_from(("red", "blue", "añil", "a,b", 'q"q')), min_size=4, max_size=4)
LABELS = st.lists(CLASS, min_size=5, max_size=5)
ANSWERS = st.lists(st.sampled_from((0.0, 1.0)), min_size=5, max_size=5)


@st.composite
def tables(draw):
    """Features of both kinds, with gaps; a number, a class or yes/no labels; with pictures or without."""
    images, _, contents = draw(pictures())
    count = len(images)
    # An empty column would be no input.
    table = pl.DataFrame({"id": images.names, "content": contents}).with_columns(
        pl.Series("size, cm", [1.5, *draw(GAPPY)][:count], pl.Float64),
        pl.Series("color", ["red", *draw(WORDS)][:count], pl.String),
    )
    kind = draw(st.sampled_from((TargetKind.CLASS, TargetKind.NUMBER, TargetKind.LABELS)))
    names = ("yes_1", "yes_2") if kind is TargetKind.LABELS else ("y",)
    values = {TargetKind.CLASS: LABELS, TargetKind.NUMBER: NUMBERS, TargetKind.LABELS: ANSWERS}[kind]
    table = table.with_columns(pl.Series(name, draw(values)[:count]) for name in names)
    classes = tuple(sorted(set(table["y"].to_list()))) if kind is TargetKind.CLASS else ()
    return source(
        table,
        Target(columns=names, kind=kind, classes=classes),
        images=images if draw(st.booleans()) else None,
        numbers=("size, cm",),
        categories=("color",),
    )


def law_of_tables(dataset):
    after = through(dataset, "csv")
    wanted = [*dataset.numbers, *dataset.categories, *dataset.target.columns]
    for name in wanted:
        new = name if name in after.table.columns else after.target.columns[0]
        assert after.table[new].to_list() == dataset.table[name].to_list()


LAWS = {
    # the law, data sets that it is tried on in the long form, and here
    "boxes": (law_of_boxes, boxes_and_chain(), 2_600, 300),
    "classes": (law_of_classes, labels_and_chain(), 1_000, 120),
    "masks": (law_of_masks, masked(), 600, 60),
    "points": (law_of_points, pointed(), 400, 60),
    "tables": (law_of_tables, tables(), 500, 60),
}


def tried(name, count):
    law, data, _, _ = LAWS[name]
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    settings(max_examples=count, deadline=None, suppress_health_check=checks)(given(data)(law))()


@pytest.mark.parametrize("name", LAWS)
def test_what_a_format_holds_comes_back(name):
    tried(name, LAWS[name][3])


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_what_a_format_holds_comes_back_from_thousands(name):
    assert sum(count for _, _, count, _ in LAWS.values()) >= 5_000
    tried(name, LAWS[name][2])
