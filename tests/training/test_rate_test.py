"""The range test: rates, the curve as it grows, and the rule, on curves whose answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import OptionError
from rumbo.reference.averages import corrected_averages
from rumbo.training.rate_test import BETA, RateCurve, RateFinding, RateTest
from rumbo.training.schedule import rate_factor
from rumbo.training.schedule_options import ScheduleOptions


def losses_at(rates, *, learns_at=1e-3, breaks_at=0.1, start=2.3, end=0.3, noise=0.0, seed=0):
    """Losses that fall around one rate and rise steeply around another."""
    fallen = 1 / (1 + (learns_at / rates) ** 2)
    lost = (rates / breaks_at) ** 3
    drawn = np.random.default_rng(seed).normal(0, 1, len(rates))
    return start - (start - end) * fallen + lost + noise * drawn


def curve_of(losses, test):
    curve = RateCurve(test)
    for loss in losses:
        curve.add(float(loss))
        if curve.is_over:
            break
    return curve


def found(test=None, optimizer="sgd", scale=1.0, **curve) -> RateFinding:
    test = test or RateTest()
    rates = np.array([test.rate(step) for step in range(test.num_steps)])
    return curve_of(scale * losses_at(rates, **curve), test).finding(optimizer)


@given(low=st.floats(1e-9, 1e-3), ratio=st.floats(1e2, 1e5), num_steps=st.integers(100, 500))
def test_rates_rise_by_equal_ratios_as_the_schedule_does(low, ratio, num_steps):
    test = RateTest(low=low, high=min(low * ratio * 1.0001, 100.0), num_steps=num_steps)
    options = ScheduleOptions(name="range_test", range_low=test.low / test.high, range_steps=num_steps)
    rates = [test.rate(step) for step in range(num_steps)]
    assert rates[0] == pytest.approx(test.low)
    assert rates[-1] == pytest.approx(test.high)
    by_schedule = [test.high * rate_factor(options, step, 10_000, 7, epoch=0) for step in range(num_steps)]
    np.testing.assert_allclose(rates, by_schedule, rtol=1e-9)


def test_losses_are_smoothed_as_the_notes_say():
    losses = np.random.default_rng(0).uniform(1.0, 1.5, 60)
    test = RateTest(num_steps=100)
    np.testing.assert_allclose(curve_of(losses, test).smoothed, corrected_averages(losses, BETA), rtol=1e-12)


def test_the_suggestion_lies_between_where_it_learns_and_where_it_breaks():
    for breaks_at in (0.01, 0.1, 1.0, 10.0):
        finding = found(breaks_at=breaks_at, learns_at=breaks_at / 100)
        assert breaks_at / 10 < finding.suggestion < breaks_at / 1.5
        assert finding.suggestion < finding.largest_rate < 1.5 * breaks_at
        assert breaks_at / 400 < finding.steepest_rate < finding.minimum_rate < breaks_at


def test_optimizers_that_scale_their_steps_are_given_a_wider_margin():
    plain, scaled = found(optimizer="momentum"), found(optimizer="adamw")
    assert scaled.largest_rate == plain.largest_rate
    assert scaled.suggestion == pytest.approx(plain.suggestion * 3 / 5)


@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_the_unit_of_the_loss_does_not_matter(scale, seed):
    one = found(noise=0.02, seed=seed)
    assert found(noise=0.02, seed=seed, scale=scale).suggestion == pytest.approx(one.suggestion)


@given(shift=st.floats(1e-3, 10.0))
def test_rates_and_suggestion_scale_together(shift):
    test = RateTest(low=1e-6 * shift, high=10.0 * shift)
    moved = found(test, learns_at=1e-3 * shift, breaks_at=0.1 * shift)
    assert moved.suggestion == pytest.approx(shift * found(RateTest(high=10.0)).suggestion, rel=1e-6)


def test_noise_alone_never_suggests():
    for seed in range(100):
        noise = np.random.default_rng(seed).normal(2.3, 0.2, 200)
        finding = curve_of(noise, RateTest()).finding("sgd")
        assert finding.suggestion is None
        assert "never fell" in finding.reason


def test_noise_moves_the_suggestion_little():
    clean = found().suggestion
    noisy = [found(noise=0.3, seed=seed).suggestion for seed in range(50)]
    assert max(abs(math.log10(one / clean)) for one in noisy) < 0.5


def test_a_spike_from_which_the_network_recovers_is_not_the_end():
    test = RateTest()
    rates = np.array([test.rate(step) for step in range(200)])
    losses = losses_at(rates)
    losses[100] = 500.0  # at a rate of 0.01, a tenth of what breaks it
    curve = curve_of(losses, test)
    assert len(curve.losses) > 120
    assert curve.finding("sgd").suggestion == pytest.approx(found().suggestion)


def test_the_test_ends_when_the_loss_is_lost():
    test = RateTest()
    rates = np.array([test.rate(step) for step in range(200)])
    exploding = curve_of(losses_at(rates), test)
    assert rates[len(exploding.losses)] < 1.0  # ten times what breaks it, with rates up to 100 to come
    stuck = np.minimum(losses_at(rates), 2.3)  # lost without exploding, as when all units are dead
    assert len(curve_of(stuck, test).losses) < 160
    assert curve_of(stuck, test).finding("sgd").suggestion == pytest.approx(found().suggestion, rel=0.3)


def test_a_loss_that_is_not_finite_ends_it_and_is_no_loss():
    test = RateTest()
    curve = RateCurve(test)
    for step in range(150):
        curve.add(float(losses_at(np.array([test.rate(step)]), breaks_at=1e9)[0]))
    assert not curve.is_over
    curve.add(math.nan)
    assert curve.is_over
    assert len(curve.losses) == 150
    assert curve.finding("sgd").suggestion == pytest.approx(test.rate(149) / 3)


def test_what_does_not_decide_says_why():
    few = RateCurve(RateTest())
    few.add(1.0)
    few.add(math.inf)
    assert "--low" in few.finding("sgd").reason
    good = found(breaks_at=1e9)
    assert good.suggestion is None
    assert "--high" in good.reason
    assert good.largest_rate == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"low": 1.0, "high": 0.1}, "must be below the highest"),
        ({"low": 0.5, "high": 0.5}, "must be below the highest"),
        ({"low": 0.01, "high": 0.5}, "100 times"),
        ({"low": 0.0}, "must lie in"),
        ({"high": 1e9}, "must lie in"),
        ({"low": math.nan}, "low"),
        ({"num_steps": 10}, "must lie in"),
    ],
)
def test_ranges_that_say_nothing_are_refused(wrong, says):
    with pytest.raises(OptionError, match=says):
        RateTest(**wrong)
