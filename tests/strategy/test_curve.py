"""Learning curves: laws that are known, few and strange points, the laws of a forecast, and coverage."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.core.errors import UsageError
from rumbo.strategy.curve import CurvePoint, fit_curve
from rumbo.strategy.more_data import more_data

SIZES = (100, 200, 400, 800)


def law(size, floor=0.05, scale=1.0, exponent=0.5):
    return floor + scale * size**-exponent


def points(sizes=SIZES, *, noise=0.0, variance=1e-6, generator=None, **kind):
    errors = [law(size, **kind) for size in sizes]
    if generator is not None:
        errors = [error + noise * generator.standard_normal() for error in errors]
    return [CurvePoint(size, max(error, 0.0), variance) for size, error in zip(sizes, errors, strict=True)]


@pytest.mark.parametrize(("floor", "exponent"), [(0.0, 0.3), (0.05, 0.5), (0.1, 1.0)])
def test_a_known_law_is_continued(floor, exponent):
    curve = fit_curve(points(floor=floor, exponent=exponent))
    for size in (1600, 3200):
        forecast, truth = curve.predict(size), law(size, floor, exponent=exponent)
        assert forecast.error == pytest.approx(truth, rel=0.08)
        assert forecast.interval[0] < truth < forecast.interval[1]


def test_farther_is_less_certain():
    curve = fit_curve(points())
    widths = [high - low for low, high in (curve.predict(size).interval for size in (800, 1600, 3200, 12_800))]
    assert widths == sorted(widths)


def test_noisier_points_tell_less():
    generator = np.random.default_rng(0)
    noisy = fit_curve(points(noise=0.01, variance=1e-4, generator=generator)).predict(1600).interval
    exact = fit_curve(points()).predict(1600).interval
    assert noisy[1] - noisy[0] > 2 * (exact[1] - exact[0])


def test_more_trainings_of_a_size_tell_more():
    once = fit_curve(points(variance=1e-4)).gain(800, 1600)[1]
    often = fit_curve(points(variance=1e-4) * 8).gain(800, 1600)[1]
    assert often[1] - often[0] < once[1] - once[0]


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 2)), min_size=2, max_size=8),
    st.floats(1e-10, 0.1),
)
def test_laws_never_rise_nor_go_below_zero(measured, variance):
    given_points = [CurvePoint(size, error, variance) for size, error in measured]
    if len({size for size, _ in measured}) < 2:
        with pytest.raises(UsageError, match="two sizes"):
            fit_curve(given_points)
        return
    curve = fit_curve(given_points)
    assert (curve.drops >= 0).all()
    assert np.isfinite(curve.drops).all()
    middle, low, high = curve.band(np.geomspace(1, 4 * curve.largest, 12))
    assert (low >= 0).all()
    assert (low <= middle).all()
    assert (middle <= high).all()
    text = json.dumps(more_data(given_points).to_dict(), allow_nan=False)
    assert json.loads(text) == more_data(given_points).to_dict()


def test_an_error_that_rises_goes_to_its_limit():
    rising = [CurvePoint(size, 0.1 - 0.9 * size**-0.5, 1e-6) for size in SIZES]
    curve = fit_curve(rising, rises=True)
    assert (curve.drops <= 0).all()
    low, high = curve.predict(3200).interval
    assert low < 0.1 - 0.9 * 3200**-0.5 < high


def test_more_data_helps_where_the_error_falls_and_not_where_it_is_flat():
    steep = more_data(points(floor=0.0, exponent=0.5))
    assert steep.helps == "yes"
    assert [forecast.size for forecast in steep.forecasts] == [1600, 3200]
    gain, (low, high) = steep.gains[0]
    assert low < law(800, 0) - law(1600, 0) < high
    assert gain == pytest.approx(law(800, 0) - law(1600, 0), rel=0.2)
    assert "1600 examples" in steep.reason
    assert more_data(points(scale=0.0, floor=0.1)).helps == "no"
    assert more_data([CurvePoint(size, 0.0, 1e-8) for size in SIZES]).helps == "no"


@pytest.mark.parametrize(
    "measured",
    [
        [CurvePoint(100, 0.10, 1e-4), CurvePoint(200, 0.08, 1e-4)],
        [CurvePoint(100, 0.10, 1e-5), CurvePoint(200, 0.13, 1e-5), CurvePoint(400, 0.15, 1e-5)],
    ],
    ids=["two points", "an error that grows"],
)
def test_points_that_tell_little_leave_it_open(measured):
    assert more_data(measured).helps == "undecided"


def test_intervals_of_made_curves_hold_what_is_measured_later():
    generator, held = np.random.default_rng(3), 0
    for seed in range(120):
        kind = {"floor": generator.uniform(0, 0.15), "scale": 1.0, "exponent": generator.uniform(0.2, 0.9)}
        noise = 0.005
        measured = points(noise=noise, variance=noise**2 / 2, generator=generator, **kind)
        low, high = fit_curve(measured, seed=seed).predict(1600).interval
        held += low <= law(1600, **kind) + noise * generator.standard_normal() <= high
    assert held / 120 >= 0.88


def test_the_same_points_give_the_same_curve_quickly():
    start = time.process_time()
    first, second = (fit_curve(points(), seed=5).predict(1600) for _ in range(2))
    assert first == second
    assert time.process_time() - start < 1


@pytest.mark.parametrize("wrong", [(0, 0.1, 1.0), (10, -0.1, 1.0), (10, 0.1, 0.0), (10, float("nan"), 1.0)])
def test_impossible_points_are_refused(wrong):
    with pytest.raises(UsageError, match="learning curve"):
        CurvePoint(*wrong)
    with pytest.raises(UsageError, match="size"):
        fit_curve(points()).predict(0)
