"""The picture of a range test: what is marked, and what there is to draw when there is little."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from rumbo.plots.rate_test import rate_test_curve
from rumbo.plots.style import to_png, to_svg


def texts(figure):
    return {"".join(part.itertext()) for part in ET.fromstring(to_svg(figure)).iter() if part.tag.endswith("text")}


def test_the_suggestion_is_marked_on_a_logarithmic_axis():
    rates = np.geomspace(1e-6, 1.0, 50)
    losses = 2.3 - 2 / (1 + 1e-3 / rates)
    losses[-1] = 1e6
    figure = rate_test_curve(rates, losses, losses, suggestion=0.02, largest_rate=0.1)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert {line.get_xdata()[0] for line in axes.lines[2:]} == {0.02, 0.1}
    assert {"suggestion: 2.0e-02", "still trains: 1.0e-01", "learning rate", "smoothed"} <= texts(figure)
    low, high = axes.get_ylim()
    assert low < 0.3 < 2.3 < high < 10  # what exploded does not flatten the fall
    assert to_png(figure) == to_png(rate_test_curve(rates, losses, losses, suggestion=0.02, largest_rate=0.1))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_test_that_ended_at_once_can_be_drawn(count):
    values = [1e-6 * 2**n for n in range(count)]
    figure = rate_test_curve(values, values, values, suggestion=None)
    assert "suggestion" not in " ".join(texts(figure))
