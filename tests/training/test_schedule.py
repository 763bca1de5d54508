"""Schedules are pure functions of the position: printed tables, bounds, shapes. Judged in tests/oracle as well."""

import math
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import OptionError
from rumbo.training.options import FitOptions
from rumbo.training.schedule import rate_factor
from rumbo.training.schedule_options import ScheduleName, ScheduleOptions, read_table

NAMES = get_args(ScheduleName)
FALLING = ("constant", "decay", "exponential", "root", "step", "cosine", "linear")


def factors(name: str, num_steps: int, per_epoch: int, **options: float | str | bool) -> list[float]:
    schedule = ScheduleOptions(name=name, **options)
    return [rate_factor(schedule, step, num_steps, per_epoch) for step in range(num_steps)]


def test_decay_reproduces_the_printed_table():
    # Notes S0, "learning rate decay", rate 1 and 0.2 at the start: 0.1, 0.067, 0.05, 0.04 after epochs 1 to 4.
    values = [0.2 * factor for factor in factors("decay", 5, 1)]
    assert values == pytest.approx([0.2, 0.1, 0.2 / 3, 0.05, 0.04])


def test_step_reduces_every_few_epochs():
    assert factors("step", 6, 1, step_epochs=2, step_factor=0.5) == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_the_table_holds_from_each_of_its_epochs_on():
    assert factors("manual", 12, 2, table="2:0.5, 4:0.1") == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1]


def test_cyclical_goes_up_and_down_and_halves():
    up_and_down = [0.2, 0.6, 1.0, 0.6]
    assert factors("cyclical", 8, 2, cycle_epochs=2, cycle_low=0.2) == pytest.approx(up_and_down * 2)
    halved = factors("cyclical", 8, 2, cycle_epochs=2, cycle_low=0.2, cycle_halving=True)
    assert halved == pytest.approx([*up_and_down, 0.2, 0.4, 0.6, 0.4])


def test_cosine_starts_again_with_each_cycle():
    values = factors("cosine_restarts", 12, 2, cycle_epochs=3)
    assert values[0] == values[6] == 1
    assert values[:6] == values[6:] == sorted(values[:6], reverse=True)


def test_linear_ends_one_step_above_zero():
    assert factors("linear", 4, 2) == [1, 0.75, 0.5, 0.25]


def test_warm_up_comes_before_what_moves_by_step_and_multiplies_what_moves_by_epoch():
    rise = [0.2, 0.4, 0.6, 0.8]
    assert factors("linear", 8, 4, warmup_epochs=1) == pytest.approx([*rise, 1, 0.75, 0.5, 0.25])
    after = [0.5] * 4
    assert factors("step", 8, 4, warmup_epochs=1, step_epochs=1, step_factor=0.5) == pytest.approx([*rise, *after])


def test_epochs_of_unequal_length_are_told():
    # The last two epochs have one step each: step 10 is in epoch 2, not in epoch 1.
    schedule = ScheduleOptions(name="decay")
    assert rate_factor(schedule, 10, 12, 10) == rate_factor(schedule, 10, 12, 10, epoch=1) == 0.5
    assert rate_factor(schedule, 11, 12, 10, epoch=2) == pytest.approx(1 / 3)


def test_one_cycle_rises_to_the_peak_and_falls_to_nearly_nothing():
    values = factors("one_cycle", 100, 10, warmup_fraction=0.25)
    peak = max(range(100), key=lambda step: values[step])
    assert 23 <= peak <= 26
    assert values[:peak] == sorted(values[:peak])
    assert values[peak:] == sorted(values[peak:], reverse=True)
    assert values[0] < 0.1
    assert values[-1] < 0.01


options = st.fixed_dictionaries(
    {
        "warmup_epochs": st.floats(0, 10_000),
        "warmup_fraction": st.floats(0, 0.9),
        "decay_rate": st.floats(0, 1e6),
        "exponential_base": st.floats(0, 1),
        "step_epochs": st.integers(1, 10**9),
        "step_factor": st.floats(0, 1),
        "cycle_epochs": st.integers(1, 10**9),
        "cycle_low": st.floats(0, 1),
        "cycle_halving": st.booleans(),
        "root_of": st.sampled_from(["epoch", "step"]),
    }
)


@given(st.sampled_from(NAMES), st.integers(1, 10**9), st.integers(1, 10**6), st.floats(0, 1), options)
def test_factors_stay_in_their_range(name, num_steps, per_epoch, share, options):
    step = min(int(share * num_steps), num_steps - 1)
    factor = rate_factor(ScheduleOptions(name=name, **options), step, num_steps, per_epoch)
    assert math.isfinite(factor)
    assert 0 <= factor <= 1 + 1e-12


@given(st.sampled_from(FALLING), st.integers(1, 120), st.integers(1, 12), options)
def test_what_falls_never_rises_again(name, num_steps, per_epoch, options):
    values = factors(name, num_steps, per_epoch, **options | {"warmup_epochs": 0.0})
    assert values[0] == 1
    assert all(later <= before + 1e-12 for before, later in pairwise(values))


@given(st.sampled_from(NAMES), st.integers(2, 120), st.integers(1, 12))
def test_no_step_is_wasted_at_rate_zero(name, num_steps, per_epoch):
    assert all(value > 0 for value in factors(name, num_steps, per_epoch))


def test_a_table_is_read_with_its_blanks():
    assert read_table(" 5 : 0.5 ,20:1e-1") == ((5, 0.5), (20, 0.1))


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("", "''"),
        ("5", "'5' must be EPOCH:FACTOR"),
        ("5:0.5,", "'' must be"),
        ("5:half", "'5:half'"),
        ("1.5:0.5", "'1.5:0.5'"),
        ("-1:0.5", "'-1:0.5'"),
        ("5:-0.1", "'5:-0.1'"),
        ("5:nan", "'5:nan'"),
        ("5:101", "'5:101'"),
        ("5:0.5:0.1", "'5:0.5:0.1'"),
        ("20:0.1,5:0.5", "but 5 follows 20"),
        ("5:0.1,5:0.5", "but 5 follows 5"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(text, met):
    with pytest.raises(OptionError) as caught:
        ScheduleOptions(table=text)
    assert "train.schedule.table=" in str(caught.value)
    assert met in str(caught.value)


def test_a_table_from_the_command_line():
    chosen = FitOptions().override("schedule.name", "manual").override("schedule.table", "1:0.5")
    assert rate_factor(chosen.schedule, 3, 4, 2) == 0.5
    assert FitOptions.from_dict(chosen.to_dict()) == chosen
