# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Learning-rate schedules as pure functions of the position: nothing to store, nothing to step."""

import math

from rumbo.training.schedule_options import ScheduleOptions, read_table

START_FRACTION = 0.04
"""Where one_cycle starts, as a fraction of the base rate, which is its peak."""
FINAL_FRACTION = 1e-3
"""Where one_cycle, cosine and each cosine of the restarts end."""


def rate_factor(
    options: ScheduleOptions, step: int, num_steps: int, steps_per_epoch: int, *, epoch: int | None = None
) -> float:
    """What the base learning rate is multiplied by at a step.

    Args:
        options: which schedule.
        step: steps made so far, from 0.
        num_steps: steps of the whole training.
        steps_per_epoch: batches in one epoch.
        epoch: whole epochs made so far, where they differ in length; else step // steps_per_epoch.

    Returns:
        A factor in [0, 1]; root reaches `root_k`, and manual the largest of its table.

    constant, decay, exponential, root, step and manual stay inside of an epoch (root moves by step where asked to); a
    warm-up multiplies them, so that their epochs are those of the training. cyclical, cosine_restarts, cosine and
    linear move at each step, and begin when the warm-up is over; a cycle has `cycle_epochs * steps_per_epoch` steps.

    Source: course notes S0 and S1, "learning rate decay", for decay, exponential, root and step; S4 for cyclical, with
    the triangles of Smith 2017, arXiv:1506.01186, §3.1; range_test: §3.3 there, by equal ratios (one step each, from
    `range_low` to 1); cosine: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5; one_cycle: Smith 2018,
    arXiv:1803.09820, with cosine halves; warm-up: Goyal et al. 2017, arXiv:1706.02677, §2.2.
    Judge: `rumbo.reference.schedules`, in tests/oracle.

    >>> [round(0.2 * rate_factor(ScheduleOptions(name="decay"), e, 4, 1), 3) for e in range(1, 5)]
    [0.1, 0.067, 0.05, 0.04]
    """
    if options.name == "one_cycle":
        return _one_cycle(step, num_steps, options.warmup_fraction * num_steps)
    if options.name == "range_test":
        return options.range_low ** (1 - min(step / (options.range_steps - 1), 1.0))
    epoch = step // steps_per_epoch if epoch is None else epoch
    warmup = options.warmup_epochs * steps_per_epoch
    rise = min((step + 1) / (warmup + 1), 1.0)
    since, cycle = max(step - warmup, 0.0), options.cycle_epochs * steps_per_epoch
    share = min(since / max(num_steps - warmup, 1), 1.0)
    match options.name:
        case "constant":
            return rise
        case "decay":
            return rise / (1 + options.decay_rate * epoch)
        case "exponential":
            return rise * options.exponential_base**epoch
        case "root":
            return rise * options.root_k / math.sqrt(1 + (epoch if options.root_of == "epoch" else step))
        case "step":
            return rise * options.step_factor ** (epoch // options.step_epochs)
        case "manual":
            return rise * next((factor for first, factor in reversed(read_table(options.table)) if first <= epoch), 1.0)
        case "cyclical":
            height = 0.5 ** (since // cycle) if options.cycle_halving else 1.0
            up = 1 - abs(2 * since / cycle % 2 - 1)
            return rise * (options.cycle_low + (1 - options.cycle_low) * height * up)
        case "cosine_restarts":
            return rise * _half_wave(1.0, FINAL_FRACTION, since % cycle / cycle)
        case "cosine":
            return rise * _half_wave(1.0, FINAL_FRACTION, share)
        case "linear":
            return rise * (1 - share)


def _one_cycle(step: int, num_steps: int, peak: float) -> float:
    if step < peak:
        return _half_wave(START_FRACTION, 1.0, (step + 1) / (peak + 1))
    return _half_wave(1.0, FINAL_FRACTION, min((step - peak) / max(num_steps - peak, 1), 1.0))


def _half_wave(start: float, end: float, share: float) -> float:
    """Half a cosine wave from start to end."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
