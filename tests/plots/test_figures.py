import math
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest

from rumbo.plots import (
    class_shares,
    confusion_matrix,
    contact_sheet,
    error_bars,
    predicted_against_true,
    to_png,
    to_svg,
    training_curves,
)
from rumbo.plots.confusion import MAX_CLASSES, most_confused
from rumbo.plots.curves import series
from rumbo.plots.style import plain

HISTORY = [
    {"epoch": 1, "train/loss": 1.0, "dev/loss": 1.2, "dev/accuracy": 0.5},
    {"epoch": 2, "train/loss": 0.5, "dev/loss": float("nan"), "dev/accuracy": None},
    {"epoch": 3, "train/loss": 0.4, "dev/loss": 0.7, "dev/accuracy": 0.8},
]
LEVEL = {"value": 0.1, "interval": [0.08, 0.12], "items": 100}


def texts(svg: str) -> list[str]:
    return ["".join(part.itertext()) for part in ET.fromstring(svg).iter() if part.tag.endswith("text")]


def test_missing_values_are_left_out_of_curves():
    epochs, values = series(HISTORY, "dev/loss")
    assert epochs.tolist() == [1, 3]
    assert values.tolist() == [1.2, 0.7]
    assert len(series(HISTORY, "test/loss")[0]) == 0


def test_curves_mark_the_epoch_that_was_kept():
    figure = training_curves(HISTORY, metric="accuracy", best_epoch=3)
    assert len(figure.axes) == 2
    found = texts(to_svg(figure))
    assert {"loss", "accuracy", "train", "dev", "kept: epoch 3"} <= set(found)


def test_one_epoch_and_an_unknown_metric_can_be_drawn():
    assert len(training_curves(HISTORY[:1], metric="f1_macro").axes) == 1


def test_cells_have_counts_and_shares_of_the_row():
    found = "\n".join(texts(to_svg(confusion_matrix(np.array([[6, 2], [0, 0]]), ["cat", "dog"]))))
    for wanted in ("6", "75 %", "2", "25 %", "cat", "dog"):
        assert wanted in found
    assert "nan" not in found


def test_many_classes_are_cut_to_the_most_confused():
    counts = np.diag(np.full(100, 10))
    counts[97, 98] = 5
    chosen = most_confused(counts)
    assert len(chosen) == MAX_CLASSES
    assert {97, 98} <= set(chosen.tolist())
    assert "c97" in texts(to_svg(confusion_matrix(counts, [f"c{i}" for i in range(100)])))


def test_thirty_classes_have_readable_counts():
    figure = confusion_matrix(np.full((30, 30), 123), [f"class {i}" for i in range(30)])
    assert min(text.get_fontsize() for text in figure.axes[0].texts) >= 4.5


def test_many_points_become_one_picture():
    values = np.random.default_rng(0).normal(size=20_000)
    svg = to_svg(predicted_against_true(values, values + 1, name="price"))
    assert svg.count("<image") == 2
    assert len(svg) < 500_000


@pytest.mark.parametrize("num_points", [1, 2, 50])
def test_few_points_can_be_drawn(num_points):
    values = np.arange(num_points, dtype=float)
    assert to_svg(predicted_against_true(values, values))


def test_bars_tell_values_and_intervals():
    found = texts(to_svg(error_bars({"human": {"value": 0.0, "interval": None}, "train": LEVEL})))
    assert {"possible", "train", "10.00 %", "0.00 %"} <= set(found)
    assert to_svg(error_bars({"human": {"value": 0.0, "interval": None}}))


def test_shares_have_a_mark_for_each_class_and_split():
    found = texts(to_svg(class_shares({"train": {"cat": 5, "dog": 5}, "test": {"cat": 1}})))
    assert {"cat", "dog", "train", "test"} <= set(found)


def test_a_sheet_has_a_caption_for_each_picture():
    examples = [
        {
            "picture": np.zeros((8, 8, 3), np.uint8),
            "true": f"c{i}",
            "predicted": "dog",
            "probability": None if i else 0.9,
        }
        for i in range(8)
    ]
    found = "\n".join(texts(to_svg(contact_sheet(examples))))
    assert "true: c7" in found
    assert "taken for: dog (90 %)" in found


def test_drawing_is_the_same_twice_and_leaves_no_settings():
    before = dict(matplotlib.rcParams)
    pictures = [(to_svg(figure), to_png(figure)) for figure in (training_curves(HISTORY) for _ in range(2))]
    assert pictures[0] == pictures[1]
    assert dict(matplotlib.rcParams) == before
    assert b"Software" not in pictures[0][1]
    assert "metadata" not in pictures[0][0]


def test_figures_take_the_ink_of_their_page():
    svg = to_svg(training_curves(HISTORY))
    assert "currentColor" in svg
    assert "#1b2430" not in svg


@pytest.mark.parametrize("letters", ["a", "名", "🐱"])
def test_long_names_are_cut_to_their_width(letters):
    short = plain(letters * 300 + ".png", 20)
    assert short.endswith(".png")
    assert "…" in short
    assert math.ceil(len(short)) <= 20
