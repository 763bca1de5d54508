"""Schedules equal torch's schedulers and ours, at every step."""

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler as torchs

from rumbo.reference import schedules as ref
from rumbo.training.schedule import FINAL_FRACTION, START_FRACTION, rate_factor
from rumbo.training.schedule_options import ScheduleName, ScheduleOptions, read_table

few = settings(max_examples=25)
rates = st.floats(1e-4, 10)
lengths = st.integers(2, 40)


def torch_rates(make, steps, alpha=1.0):
    """The rate that torch uses for each of `steps` steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=alpha)
    schedule = make(optimizer)
    met = [optimizer.param_groups[0]["lr"]]
    for _ in range(steps - 1):
        optimizer.step()
        schedule.step()
        met.append(optimizer.param_groups[0]["lr"])
    return met


def agree(rates, judge):
    np.testing.assert_allclose(list(rates), judge, rtol=1e-9, atol=0)


@few
@given(rates, st.floats(0.5, 0.999), lengths)
def test_exponential(alpha, base, steps):
    judge = torch_rates(lambda o: torchs.ExponentialLR(o, base), steps, alpha)
    agree((ref.exponential_decay(alpha, epoch, base) for epoch in range(steps)), judge)


@few
@given(rates, st.floats(0.1, 0.9), st.integers(1, 6), lengths)
def test_staircase(alpha, factor, every, steps):
    judge = torch_rates(lambda o: torchs.StepLR(o, every, factor), steps, alpha)
    agree((ref.staircase(alpha, factor, every, epoch) for epoch in range(steps)), judge)


@few
@given(rates, st.floats(0.1, 0.9), st.lists(st.integers(1, 30), max_size=4, unique=True).map(sorted), lengths)
def test_manual(alpha, factor, milestones, steps):
    judge = torch_rates(lambda o: torchs.MultiStepLR(o, milestones, factor), steps, alpha)
    changes = [(0, alpha), *((first, alpha * factor ** (i + 1)) for i, first in enumerate(milestones))]
    agree((ref.manual(changes, epoch) for epoch in range(steps)), judge)


@pytest.mark.parametrize(("schedule", "mode"), [(ref.triangular, "triangular"), (ref.triangular_halved, "triangular2")])
@few
@given(rates, st.floats(1.5, 20), st.integers(1, 8), lengths)
def test_cyclical(schedule, mode, low, times, half_cycle, steps):
    high = times * low

    def make(optimizer):
        return torchs.CyclicLR(optimizer, low, high, step_size_up=half_cycle, mode=mode, cycle_momentum=False)

    agree((schedule(low, high, half_cycle, step) for step in range(steps)), torch_rates(make, steps))


@few
@given(rates, st.floats(0.001, 0.9), lengths)
def test_cosine(alpha, share, steps):
    judge = torch_rates(lambda o: torchs.CosineAnnealingLR(o, steps, eta_min=share * alpha), steps + 1, alpha)
    agree((ref.cosine(alpha, share * alpha, steps, step) for step in range(steps + 1)), judge)


@few
@given(rates, st.floats(0.001, 0.9), st.integers(1, 9), lengths)
def test_cosine_restarts(alpha, share, period, steps):
    judge = torch_rates(lambda o: torchs.CosineAnnealingWarmRestarts(o, period, eta_min=share * alpha), steps, alpha)
    agree((ref.cosine_restarts(alpha, share * alpha, period, step) for step in range(steps)), judge)


@few
@given(rates, st.floats(0.01, 0.9), st.integers(1, 10), lengths)
def test_warm_up(alpha, share, warm, steps):
    judge = torch_rates(lambda o: torchs.LinearLR(o, start_factor=share, total_iters=warm), steps, alpha)
    agree((ref.warm_up(share * alpha, alpha, warm, step) for step in range(steps)), judge)


@few
@given(rates, st.floats(0.01, 0.9), st.integers(1, 10), st.integers(1, 30))
def test_warm_up_then_cosine(alpha, share, warm, rest):
    def make(optimizer):
        rise = torchs.LinearLR(optimizer, start_factor=share, total_iters=warm)
        fall = torchs.CosineAnnealingLR(optimizer, rest, eta_min=share * alpha)
        return torchs.SequentialLR(optimizer, [rise, fall], [warm])

    start = end = share * alpha
    mine = (ref.warm_up_then_cosine(start, alpha, end, warm, warm + rest, step) for step in range(warm + rest + 1))
    agree(mine, torch_rates(make, warm + rest + 1, alpha))


@few
@given(rates, st.floats(2, 50), st.floats(2, 1e4), st.floats(0.1, 0.9), st.integers(11, 60))
def test_one_cycle(high, div, final_div, pct, steps):
    def make(optimizer):
        return torchs.OneCycleLR(
            optimizer, high, steps, pct_start=pct, div_factor=div, final_div_factor=final_div, cycle_momentum=False
        )

    start = high / div
    mine = (ref.one_cycle(start, high, start / final_div, pct * steps - 1, steps - 1, step) for step in range(steps))
    agree(mine, torch_rates(make, steps))


@few
@given(rates, st.floats(0.1, 3), lengths)
def test_decay_with_the_root(alpha, k, steps):
    """torch has no such scheduler; its LambdaLR takes the notes' formula."""
    judge = torch_rates(lambda o: torchs.LambdaLR(o, lambda epoch: k * math.pow(epoch + 1, -0.5)), steps, alpha)
    agree((ref.root_decay(alpha, k, epoch + 1) for epoch in range(steps)), judge)


# Ours: factors of the base rate. `step` counts from 0 there, and warm-up has left its start at step 0: one ahead.

sizes = st.tuples(st.integers(1, 60), st.integers(1, 12))
warm_ups = st.sampled_from([0.0, 0.5, 1.0, 2.7])
BY_EPOCH = {
    "constant": lambda o, epoch: 1.0,
    "decay": lambda o, epoch: ref.inverse_decay(1.0, o.decay_rate, epoch),
    "exponential": lambda o, epoch: ref.exponential_decay(1.0, epoch, o.exponential_base),
    "root": lambda o, epoch: ref.root_decay(1.0, o.root_k, epoch + 1),
    "step": lambda o, epoch: ref.staircase(1.0, o.step_factor, o.step_epochs, epoch),
    "manual": lambda o, epoch: ref.manual([(0, 1.0), *read_table(o.table)], epoch),
}
# Of the steps since the warm-up, how many there are, and how many a cycle has.
BY_STEP = {
    "cyclical": lambda o, step, steps, cycle: (ref.triangular_halved if o.cycle_halving else ref.triangular)(
        o.cycle_low, 1.0, cycle / 2, step
    ),
    "cosine_restarts": lambda o, step, steps, cycle: ref.cosine_restarts(1.0, FINAL_FRACTION, cycle, step),
    "cosine": lambda o, step, steps, cycle: ref.cosine(1.0, FINAL_FRACTION, steps, step),
    "linear": lambda o, step, steps, cycle: ref.linear_between(1.0, 0.0, min(step / steps, 1)),
}
options = st.builds(
    ScheduleOptions,
    warmup_epochs=warm_ups,
    decay_rate=st.floats(0, 5),
    exponential_base=st.floats(0, 1),
    root_k=st.floats(0, 3),
    step_epochs=st.integers(1, 4),
    step_factor=st.floats(0, 1),
    table=st.sampled_from(["0:0.5", "1:2,3:0.25,40:0", "10:0.1,20:0.01"]),
    cycle_epochs=st.integers(1, 5),
    cycle_low=st.floats(0, 1),
    cycle_halving=st.booleans(),
)


def our_factors(chosen, num_steps, steps_per_epoch):
    return [rate_factor(chosen, step, num_steps, steps_per_epoch) for step in range(num_steps)]


def close(mine, judge):
    np.testing.assert_allclose(list(mine), judge, rtol=1e-12, atol=1e-12)


def test_every_schedule_of_training_is_judged():
    assert {*BY_EPOCH, *BY_STEP, "one_cycle", "range_test"} == set(get_args(ScheduleName))


@pytest.mark.parametrize("name", BY_EPOCH)
@few
@given(sizes, options)
def test_ours_by_epoch(name, size, options):
    chosen = replace(options, name=name)
    num_steps, steps_per_epoch = size
    warm = chosen.warmup_epochs * steps_per_epoch
    judge = [
        ref.warm_up(0.0, 1.0, warm + 1, step + 1) * BY_EPOCH[name](chosen, step // steps_per_epoch)
        for step in range(num_steps)
    ]
    close(our_factors(chosen, *size), judge)


@pytest.mark.parametrize("name", BY_STEP)
@few
@given(sizes, options)
def test_ours_by_step(name, size, options):
    chosen = replace(options, name=name)
    num_steps, steps_per_epoch = size
    warm, cycle = chosen.warmup_epochs * steps_per_epoch, chosen.cycle_epochs * steps_per_epoch
    judge = [
        ref.warm_up(0.0, 1.0, warm + 1, step + 1)
        * BY_STEP[name](chosen, max(step - warm, 0.0), max(num_steps - warm, 1), cycle)
        for step in range(num_steps)
    ]
    close(our_factors(chosen, *size), judge)


@few
@given(sizes, st.floats(0, 3))
def test_our_root_of_steps(size, k):
    judge = [ref.root_decay(1.0, k, step + 1) for step in range(size[0])]
    close(our_factors(ScheduleOptions(name="root", root_of="step", root_k=k), *size), judge)


@few
@given(sizes, warm_ups)
def test_our_cosine_after_warm_up(size, epochs):
    num_steps, steps_per_epoch = size
    warm = epochs * steps_per_epoch
    last = max(num_steps, warm + 1) + 1
    judge = [ref.warm_up_then_cosine(0.0, 1.0, FINAL_FRACTION, warm + 1, last, step + 1) for step in range(num_steps)]
    close(our_factors(ScheduleOptions(name="cosine", warmup_epochs=epochs), *size), judge)


@few
@given(sizes, st.floats(0, 0.9))
def test_our_one_cycle(size, share):
    num_steps = size[0]
    judge = [
        ref.one_cycle(START_FRACTION, 1.0, FINAL_FRACTION, share * num_steps + 1, num_steps + 1, step + 1)
        for step in range(num_steps)
    ]
    close(our_factors(ScheduleOptions(name="one_cycle", warmup_fraction=share), *size), judge)


@few
@given(st.floats(1e-12, 0.5), st.integers(2, 200))
def test_our_range_test_rises_by_equal_ratios_and_stays(low, steps):
    chosen = ScheduleOptions(name="range_test", range_low=low, range_steps=steps)
    close(our_factors(chosen, steps + 3, 5), [*np.geomspace(low, 1, steps), 1, 1, 1])
