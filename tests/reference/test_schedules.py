"""Laws of schedules: where each begins, peaks and ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import schedules as ref

rates = st.floats(1e-4, 10)


@given(rates, st.floats(0.01, 3), st.integers(0, 100))
def test_decays_begin_at_the_base_and_fall(alpha0, decay, epoch):
    assert ref.inverse_decay(alpha0, decay, 0) == ref.exponential_decay(alpha0, 0) == alpha0
    assert ref.root_decay(alpha0, 1.0, 1) == ref.staircase(alpha0, 0.5, 3, 2) == alpha0
    assert ref.inverse_decay(alpha0, decay, epoch + 1) < ref.inverse_decay(alpha0, decay, epoch)
    assert ref.exponential_decay(alpha0, epoch + 1) < ref.exponential_decay(alpha0, epoch)
    assert ref.root_decay(alpha0, 1.0, epoch + 2) < ref.root_decay(alpha0, 1.0, epoch + 1)
    assert ref.staircase(alpha0, 0.5, 3, epoch + 3) == pytest.approx(ref.staircase(alpha0, 0.5, 3, epoch) / 2)


@given(rates, st.integers(1, 20), st.integers(0, 200))
def test_the_triangle_repeats_and_is_symmetric(low, half_cycle, step):
    high = 3 * low
    rate = ref.triangular(low, high, half_cycle, step)
    assert low * (1 - 1e-9) <= rate <= high * (1 + 1e-9)
    assert ref.triangular(low, high, half_cycle, step + 2 * half_cycle) == pytest.approx(rate, rel=1e-9)
    assert ref.triangular(low, high, half_cycle, 2 * half_cycle * 20 - step) == pytest.approx(rate, rel=1e-9)
    assert ref.triangular(low, high, half_cycle, half_cycle) == pytest.approx(high)


@given(rates, st.integers(1, 30), st.integers(1, 50))
def test_warm_ups_meet_their_three_points(high, peak, rest):
    for schedule in (ref.warm_up_then_cosine, ref.one_cycle):
        points = [schedule(high / 20, high, high / 1e4, peak, peak + rest, step) for step in (0, peak, peak + rest)]
        assert points == pytest.approx([high / 20, high, high / 1e4], rel=1e-9)
        assert schedule(high / 20, high, high / 1e4, peak, peak + rest, peak + rest + 5) == pytest.approx(high / 1e4)
    assert ref.warm_up(high / 20, high, peak, 0) == pytest.approx(high / 20)
    assert ref.warm_up(high / 20, high, peak, peak + 1) == high


@given(rates, st.integers(1, 30))
def test_the_cosine_is_half_way_down_half_way_through_and_restarts(alpha0, half):
    assert ref.cosine(alpha0, 0.0, 2 * half, half) == pytest.approx(alpha0 / 2)
    assert ref.cosine(alpha0, 0.1 * alpha0, half, half + 3) == pytest.approx(0.1 * alpha0)
    assert ref.cosine_restarts(alpha0, 0.0, half, 3 * half) == alpha0
