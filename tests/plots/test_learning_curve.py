"""The picture of a learning curve, and the real world among the bars of a diagnosis."""

import numpy as np
import pytest

from rumbo.plots.gaps import error_bars
from rumbo.plots.learning_curve import learning_curve_figure
from rumbo.plots.style import SPLIT_COLORS, to_svg

SIZES = [100, 200, 400, 800]


def law(level):
    grid = np.geomspace(100, 3200, 20)
    middle = level + grid**-0.5
    points = {"sizes": SIZES, "errors": [level + size**-0.5 for size in SIZES]}
    return {**points, "grid": grid, "middle": middle, "low": middle - 0.01, "high": middle + 0.02}


def test_measured_and_expected_sizes_are_marked():
    drawn = to_svg(learning_curve_figure({"dev": law(0.1), "train": law(0.05)}, now=800, possible=0.03))
    for text in ("dev", "train", "possible", "1\u202f600", "3\u202f200", "training examples", "error in %"):
        assert text in drawn
    for split in ("dev", "train"):
        assert SPLIT_COLORS[split] in drawn
    assert "stroke-dasharray" in drawn  # what was not measured


def test_errors_of_numbers_are_named_as_such():
    drawn = to_svg(learning_curve_figure({"dev": law(0.1)}, now=800, kind="root_mean_square"))
    assert "standard deviation" in drawn
    assert "possible" not in drawn


def test_the_middle_is_drawn_where_it_is():
    axes = learning_curve_figure({"dev": law(0.1)}, now=800).axes[0]
    ends = [line.get_ydata()[-1] for line in axes.lines if len(line.get_xdata()) > 4]
    assert max(line.get_xdata()[-1] for line in axes.lines if len(line.get_xdata()) > 4) == 3200
    assert ends[-1] == pytest.approx(100 * (0.1 + 3200**-0.5))


def test_the_real_world_has_a_bar_of_its_own():
    level = {"value": 0.2, "interval": [0.1, 0.3]}
    drawn = to_svg(error_bars({"test": level, "real_world": level}))
    assert "real_world" in drawn
    assert SPLIT_COLORS["real_world"] in drawn
