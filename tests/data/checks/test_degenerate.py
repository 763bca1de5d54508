"""Checks never stop on odd data: whatever a reader or a correction hands over, a report comes back."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planting import Changed

from rumbo.core.errors import DataError
from rumbo.data.checks import check_data
from rumbo.data.manifest import BOX, POINT, Dataset, SignalKind, Target, TargetKind
from rumbo.data.pictures.decode import BadImage
from rumbo.data.pictures.images import ArrayImages
from rumbo.data.splits.split import Split


def split_of(data, names=("train", "dev", "test", "train")):
    """A split that deals rows out in turn."""
    parts = [names[row % len(names)] for row in range(len(data))]
    return Split(pl.DataFrame({"id": data.table["id"], "split": pl.Series(parts, dtype=pl.String)}), "")


def examined(data, names=("train", "dev", "test", "train")):
    """A report that is JSON."""
    report = check_data(data, split_of(data, names), thorough=True)
    json.dumps(report.to_dict(), allow_nan=False)
    return report


numbers = st.one_of(st.none(), st.floats(), st.sampled_from([1e308, -1e308, 5e-324, -999.0, 0.0]))
words = st.one_of(st.none(), st.text(max_size=6), st.sampled_from(["-", "2020-01-01", "$5", "Ã±", "a", "A "]))


@settings(max_examples=60)
@given(st.data(), st.sampled_from([0, 1, 2, 30, 150]), st.sampled_from(list(TargetKind)[:3]))
def test_any_table_gives_a_report(draws, num_rows, kind):
    def column(values):
        some = draws.draw(st.lists(values, min_size=1, max_size=8))
        return [some[row % len(some)] for row in range(num_rows)]

    floats = {name: pl.Series(name, column(numbers), dtype=pl.Float64) for name in "ab"}
    texts = {name: pl.Series(name, column(words), dtype=pl.String) for name in "cd"}
    labels = [str(row % 3) for row in range(num_rows)]
    y = pl.Series("y", labels, dtype=pl.String)
    if kind is not TargetKind.CLASS:
        y = y.cast(pl.Float64).clip(0, 1)
    ids = pl.Series("id", [f"a#{row}" for row in range(num_rows)], dtype=pl.String)
    table = pl.DataFrame([ids, ids.alias("content"), *floats.values(), *texts.values(), y], nan_to_null=False)
    classes = {TargetKind.CLASS: ("0", "1", "2"), TargetKind.LABELS: ("y",)}.get(kind, ())
    target = Target(columns=("y",), kind=kind, classes=classes)
    data = Dataset(
        path=Path("a"), format="table", table=table, target=target, numbers=("a", "b"), categories=("c", "d")
    )
    examined(data)
    examined(dataclasses.replace(data, target=None))


class Broken(ArrayImages):
    """Pictures of which none can be read."""

    def read(self, row):
        raise BadImage("damaged.")

    def size(self, row):
        raise BadImage("damaged.")


class Unreadable(Changed):
    """Signals or masks of which none can be read."""

    def read(self, row):
        raise DataError("damaged.")

    def size(self, row):
        return (3, 3)


def base(num=30, **columns):
    """Rows without a target."""
    names = [f"{row}.png" for row in range(num)]
    return pl.DataFrame({"id": names, "content": names} | columns)


@pytest.mark.parametrize("num", [0, 1, 30])
@pytest.mark.parametrize("images", [ArrayImages, Broken])
@pytest.mark.parametrize("side", [1, 2, 9])
def test_pictures_of_any_size_give_a_report(num, images, side):
    pixels = np.random.default_rng(0).integers(0, 256, (num, side, side, 3), np.uint8)
    table = base(num, **{"class": pl.Series([str(row % 2) for row in range(num)], dtype=pl.String)})
    target = Target(columns=("class",), kind=TargetKind.CLASS, classes=("0", "1"))
    examined(Dataset(path=Path("a"), format="npz", table=table, target=target, images=images(pixels)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300, 0.0, None])
def test_boxes_of_any_numbers_give_a_report(value):
    box = dict.fromkeys(BOX.to_schema(), None) | {"class": "a", "x1": value, "y1": value, "x2": value, "y2": 3.0}
    boxes = pl.Series("boxes", [[box, box], [], [box]] * 10, dtype=pl.List(BOX))
    table = base().with_columns(boxes, annotated_height=pl.lit(9), annotated_width=pl.lit(None, dtype=pl.Int64))
    target = Target(columns=("boxes",), kind=TargetKind.BOXES, classes=("a", "b", "c"))
    images = ArrayImages(np.zeros((30, 9, 9), np.uint8))
    data = Dataset(path=Path("a"), format="coco", table=table, target=target, images=images, num_annotations=30)
    assert "box.invalid" in {finding.code for finding in examined(data).findings}
    examined(dataclasses.replace(data, images=Broken(images.pixels)))
    examined(data.take(np.arange(0)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, 0.0, None])
def test_points_of_any_numbers_give_a_report(value):
    lists = [[{"x": value, "y": 1.0 + row, "visible": None}] * 5 for row in range(28)] + [[], None]
    table = base().with_columns(pl.Series("points", lists, dtype=pl.List(POINT)))
    target = Target(columns=("points",), kind=TargetKind.POINTS, classes=("a", "b", "c", "left_d", "right_d"))
    images = ArrayImages(np.zeros((30, 9, 9), np.uint8))
    data = Dataset(path=Path("a"), format="landmarks", table=table, target=target, images=images, num_annotations=140)
    examined(data)
    examined(dataclasses.replace(data, images=Broken(images.pixels)))
    examined(data.take(np.arange(0)))


@pytest.mark.parametrize("masks", [Changed, Unreadable])
@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (9, 9), (4, 9, 9)])
def test_masks_of_any_shape_give_a_report(masks, shape):
    codes = np.random.default_rng(0).integers(0, 9, (30, *shape)).astype(np.uint8)
    target = Target(columns=("mask",), kind=TargetKind.MASK, classes=("a", "b"))
    table = base(mask=[f"{row}" for row in range(30)])
    source = masks(codes, dict(enumerate(codes)))
    images = ArrayImages(np.zeros((30, 9, 9), np.uint8))
    examined(Dataset(path=Path("a"), format="mask-pairs", table=table, target=target, images=images, masks=source))


@pytest.mark.parametrize("kind", SignalKind)
@pytest.mark.parametrize("signals", [Changed, Unreadable])
@pytest.mark.parametrize("length", [0, 1, 200])
def test_signals_of_any_length_give_a_report(kind, signals, length):
    shape = {SignalKind.VOLUME: (2, 2, length + 1), SignalKind.STROKES: (length, 3)}.get(kind, (length, 2))
    value = "a" * length if kind is SignalKind.TEXT else np.full(shape, np.nan if length == 200 else 0, np.float32)
    source = signals([None] * 30, dict.fromkeys(range(30), value))
    source.kind = kind
    target = Target(columns=("class",), kind=TargetKind.CLASS, classes=("0", "1"))
    table = base(**{"class": [str(row % 2) for row in range(30)]})
    data = Dataset(path=Path("a"), format="text", table=table, target=target, signals=source)
    examined(data)
    examined(data, names=("train",))
