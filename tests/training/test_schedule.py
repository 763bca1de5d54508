"""Schedules are pure functions of the position: printed tables, bounds, shapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.training.options import ScheduleOptions
from rumbo.training.schedule import rate_factor

NAMES = ("constant", "decay", "step", "cosine", "one_cycle")


def factors(name: str, num_steps: int, per_epoch: int, **options: float) -> list[float]:
    schedule = ScheduleOptions(name=name, **options)
    return [rate_factor(schedule, step, num_steps, per_epoch) for step in range(num_steps)]


def test_decay_reproduces_the_printed_table():
    # Notes S0, "learning rate decay", rate 1 and 0.2 at the start: 0.1, 0.067, 0.05, 0.04 after epochs 1 to 4.
    values = [0.2 * factor for factor in factors("decay", 5, 1)]
    assert values == pytest.approx([0.2, 0.1, 0.2 / 3, 0.05, 0.04])


def test_step_reduces_every_few_epochs():
    assert factors("step", 6, 1, step_epochs=2, step_factor=0.5) == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_one_cycle_rises_to_the_peak_and_falls_to_nearly_nothing():
    values = factors("one_cycle", 100, 10, warmup_fraction=0.25)
    peak = max(range(100), key=lambda step: values[step])
    assert 23 <= peak <= 26
    assert values[:peak] == sorted(values[:peak])
    assert values[peak:] == sorted(values[peak:], reverse=True)
    assert values[0] < 0.1
    assert values[-1] < 0.01


@given(name=st.sampled_from(NAMES), num_steps=st.integers(1, 300), per_epoch=st.integers(1, 50))
def test_factors_stay_in_their_range(name, num_steps, per_epoch):
    assert all(0 <= value <= 1 for value in factors(name, num_steps, per_epoch))
