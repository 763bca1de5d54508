# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Learning-rate schedules as pure functions of the position: nothing to store, nothing to step."""

import math

from rumbo.training.options import ScheduleOptions

FINAL_FRACTION = 1e-3
"""Where one_cycle and cosine end, as a fraction of the base rate."""


def rate_factor(options: ScheduleOptions, step: int, num_steps: int, steps_per_epoch: int) -> float:
    """What the base learning rate is multiplied by at a step.

    Args:
        options: which schedule.
        step: steps made so far, from 0.
        num_steps: steps of the whole training.
        steps_per_epoch: batches in one epoch.

    Returns:
        A factor in [0, 1].

    Source: course notes S0 and S1, "learning rate decay", for `decay` (1 / (1 + rate * epoch)) and `step`; cosine:
    Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5 without restarts; one_cycle: Smith 2018, arXiv:1803.09820, with
    cosine halves.

    >>> [round(0.2 * rate_factor(ScheduleOptions(name="decay"), e, 4, 1), 3) for e in range(1, 5)]
    [0.1, 0.067, 0.05, 0.04]
    """
    epoch = step // steps_per_epoch
    match options.name:
        case "constant":
            return 1.0
        case "decay":
            return 1.0 / (1.0 + options.decay_rate * epoch)
        case "step":
            return options.step_factor ** (epoch // options.step_epochs)
        case "cosine":
            warmup = min(options.warmup_fraction * num_steps, steps_per_epoch)
            return _warm_then_cosine(step, warmup, num_steps, linear=True)
        case "one_cycle":
            return _warm_then_cosine(step, options.warmup_fraction * num_steps, num_steps, linear=False)


def _warm_then_cosine(step: int, warmup: float, num_steps: int, *, linear: bool) -> float:
    if step < warmup:
        share = (step + 1) / (warmup + 1)
        return share if linear else 0.04 + 0.96 * (1 - math.cos(math.pi * share)) / 2
    share = min((step - warmup) / max(num_steps - warmup, 1), 1.0)
    return FINAL_FRACTION + (1 - FINAL_FRACTION) * (1 + math.cos(math.pi * share)) / 2
