"""Optimizers' ways: surfaces have their gradients and minima, steps are the equations', the best rate is best."""

import math

import numpy as np
import pytest

from rumbo.core.errors import OptionError
from rumbo.lab.optimizer_paths import GROUPS, RATES, ROSENBROCK, RULES, SADDLE, OptimizerPaths, Walk, valley, walk

HILLS = {
    "valley": (valley(30.0, 0.0), [(0, 0)]),
    "turned_valley": (valley(30.0, math.pi / 4), [(0, 0)]),
    "rosenbrock": (ROSENBROCK, [(1, 1)]),
    "saddle": (SADDLE, [(0, 1), (0, -1)]),
}


@pytest.mark.parametrize("name", HILLS)
def test_gradients_are_those_of_the_heights(name):
    hill, _ = HILLS[name]
    for W in np.random.default_rng(0).normal(size=(20, 2)):
        steps = 1e-6 * np.eye(2)
        slopes = [(hill.height(W + step) - hill.height(W - step)) / 2e-6 for step in steps]
        np.testing.assert_allclose(hill.gradient(W), slopes, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", HILLS)
def test_minima_are_where_and_as_low_as_told(name):
    hill, minima = HILLS[name]
    for place in minima:
        assert hill.height(np.array(place, dtype=float)) == hill.minimum
    grid = np.array(np.meshgrid(np.linspace(*hill.x_range, 61), np.linspace(*hill.y_range, 61)))
    assert hill.height(grid).min() >= hill.minimum
    assert hill.x_range[0] <= hill.start[0] <= hill.x_range[1]
    assert hill.y_range[0] <= hill.start[1] <= hill.y_range[1]


def test_the_turned_valley_is_the_valley_turned():
    straight, turned = HILLS["valley"][0], HILLS["turned_valley"][0]
    R = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    for W in np.random.default_rng(1).normal(size=(5, 2)):
        assert turned.height(R @ W) == pytest.approx(straight.height(W))
    assert turned.start == pytest.approx(tuple(R @ np.array(straight.start)))


def test_gradient_descent_in_a_valley_is_known_in_closed_form():
    found = walk(valley(30.0, 0.0), RULES["gradient descent"], 0.02, 25)
    start, rates = np.array([-4.0, 1.2]), np.array([1.0, 30.0])
    wanted = start[:, None] * (1 - 0.02 * rates[:, None]) ** np.arange(26)
    np.testing.assert_allclose(found.path, wanted, rtol=1e-12)
    np.testing.assert_allclose(found.above, (rates[:, None] * wanted**2).sum(0) / 2, rtol=1e-12)


def test_the_first_step_of_adam_has_the_size_of_the_rate():
    found = walk(ROSENBROCK, RULES["Adam"], 0.1, 1)
    np.testing.assert_allclose(np.abs(np.diff(found.path)), 0.1, rtol=1e-6)


def test_who_scales_each_axis_feels_the_turn_and_who_does_not_does_not():
    steps = {
        surface: {row[0]: row[2] for row in OptimizerPaths(surface=surface, steps=200).run(None).rows}
        for surface in ("valley", "turned_valley")
    }
    for name in ("gradient descent", "momentum", "Nesterov"):
        assert steps["valley"][name] == steps["turned_valley"][name]
    assert 10 * steps["valley"]["AdaGrad"] < steps["turned_valley"]["AdaGrad"]


@pytest.mark.parametrize("name", ["gradient descent", "AdaGrad"])
def test_the_rate_is_the_best_of_those_that_stay_on_the_map(name):
    chosen = OptimizerPaths(steps=60)
    row = next(row for row in chosen.run(None).rows if row[0] == name)
    counts, off_the_map = {}, {}
    for rate in RATES:
        found = walk(HILLS["valley"][0], RULES[name], rate, 60)
        stays = np.abs(found.path[0] + 1.5).max() <= 3.5 and np.abs(found.path[1]).max() <= 2
        (counts if stays else off_the_map)[rate] = chosen._steps_down(found) or math.inf
    assert row[2] == min(counts.values())
    assert counts[row[1]] == row[2]
    assert (min(off_the_map.values()) < row[2]) == (name == "AdaGrad")


def test_a_walk_that_flies_off_is_infinitely_high_and_never_down():
    found = walk(ROSENBROCK, RULES["gradient descent"], 100.0, 50)
    assert found.above[-1] == math.inf
    assert OptimizerPaths()._steps_down(found) is None


@pytest.mark.parametrize(
    ("above", "steps"), [([8, 4, 0.1, 0.1], 2), ([8, 0.1, 4, 0.1], 3), ([8, 0.1, 0.1, 4], None), ([8, 8, 8, 8], None)]
)
def test_down_is_down_for_good(above, steps):
    found = Walk(0.1, np.zeros((2, 4)), np.array(above, dtype=float))
    assert OptimizerPaths(tolerance=0.05)._steps_down(found) == steps


def test_the_finding_names_the_first_the_last_and_the_late():
    result = OptimizerPaths(surface="rosenbrock").run(None)
    steps = {row[0]: row[2] for row in result.rows}
    late = [name for name, count in steps.items() if count is None]
    arrived = {name: count for name, count in steps.items() if count is not None}
    first = min(arrived, key=lambda name: arrived[name])
    assert late
    assert f"'{first}' is down after {arrived[first]} steps" in result.finding
    assert f"Not down within 300 steps: {', '.join(late)}." in result.finding


def test_when_none_is_down_the_lowest_is_named():
    result = OptimizerPaths(surface="rosenbrock", steps=3).run(None)
    lowest = min(result.rows, key=lambda row: row[3])
    assert result.finding.startswith(f"None comes below the tolerance within 3 steps; '{lowest[0]}' ends lowest")


def test_nothing_is_random_and_all_are_drawn():
    first, second = (OptimizerPaths(steps=5, seed=seed).run(None) for seed in (0, 1))
    assert first.rows == second.rows
    assert [row[0] for row in first.rows] == [name for group in GROUPS for name in group] == list(RULES)
    assert [path.name for panel in first.panels[:2] for path in panel.paths] == list(RULES)


def test_an_unknown_surface_is_refused():
    with pytest.raises(OptionError, match="valley, turned_valley, rosenbrock, saddle"):
        OptimizerPaths().override("surface", "hole")
