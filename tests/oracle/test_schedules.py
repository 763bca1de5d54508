"""Schedules equal torch's schedulers and ours, at every step."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler as torchs

from rumbo.reference import schedules as ref
from rumbo.training.options import ScheduleOptions
from rumbo.training.schedule import FINAL_FRACTION, rate_factor

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


# Ours: factors of the base rate. `step` counts from 0 there, and warm-up has left its start at step 0: one ahead.


def our_factors(num_steps, steps_per_epoch, **options):
    return [rate_factor(ScheduleOptions(**options), step, num_steps, steps_per_epoch) for step in range(num_steps)]


sizes = st.tuples(st.integers(1, 60), st.integers(1, 12))


@few
@given(sizes)
def test_our_constant(size):
    agree((ref.manual([(0, 1.0)], step) for step in range(size[0])), our_factors(*size, name="constant"))


@few
@given(sizes, st.floats(0, 5))
def test_our_decay(size, decay):
    judge = our_factors(*size, name="decay", decay_rate=decay)
    agree((ref.inverse_decay(1.0, decay, step // size[1]) for step in range(size[0])), judge)


@few
@given(sizes, st.integers(1, 4), st.floats(0.1, 0.9))
def test_our_step(size, every, factor):
    judge = our_factors(*size, name="step", step_epochs=every, step_factor=factor)
    agree((ref.staircase(1.0, factor, every, step // size[1]) for step in range(size[0])), judge)


@few
@given(sizes, st.floats(0, 0.9))
def test_our_cosine(size, share):
    num_steps, steps_per_epoch = size
    warm = min(share * num_steps, steps_per_epoch)
    mine = [
        ref.warm_up_then_cosine(0.0, 1.0, FINAL_FRACTION, warm + 1, num_steps + 1, step + 1)
        for step in range(num_steps)
    ]
    agree(mine, our_factors(*size, name="cosine", warmup_fraction=share))


@few
@given(sizes, st.floats(0, 0.9))
def test_our_one_cycle(size, share):
    num_steps = size[0]
    mine = [
        ref.one_cycle(0.04, 1.0, FINAL_FRACTION, share * num_steps + 1, num_steps + 1, step + 1)
        for step in range(num_steps)
    ]
    agree(mine, our_factors(*size, name="one_cycle", warmup_fraction=share))


@few
@given(rates, st.floats(0.1, 3), lengths)
def test_decay_with_the_root(alpha, k, steps):
    """torch has no such scheduler; its LambdaLR takes the notes' formula."""
    judge = torch_rates(lambda o: torchs.LambdaLR(o, lambda epoch: k * math.pow(epoch + 1, -0.5)), steps, alpha)
    agree((ref.root_decay(alpha, k, epoch + 1) for epoch in range(steps)), judge)
