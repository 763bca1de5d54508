"""Learning-rate schedules: the rate alpha as a function of where training is, nothing else.

`epoch` and `step` may be fractions; both count from 0 except where a docstring says otherwise.
"""

import math
from collections.abc import Sequence


def inverse_decay(alpha0: float, decay_rate: float, epoch: float) -> float:
    """Inverse decay: alpha = alpha0 / (1 + decay_rate epoch).

    Source: Borghi, "Definición de epoch y decaimiento del ritmo de aprendizaje"; Paiolla §3.3.6. The notes of Paiolla
    leave out the 1 of the denominator; Borghi's table prints 0.67 at epoch 2, where 0.067 is right.

    >>> [round(inverse_decay(0.2, 1.0, epoch), 3) for epoch in (1, 2, 3, 4)]
    [0.1, 0.067, 0.05, 0.04]
    """
    return alpha0 / (1 + decay_rate * epoch)


def exponential_decay(alpha0: float, epoch: float, base: float = 0.95) -> float:
    """Exponential decay: alpha = base^epoch alpha0.

    Source: Borghi, "Definición de epoch y decaimiento del ritmo de aprendizaje"; Paiolla §3.3.6.

    >>> round(exponential_decay(0.2, 10), 4)
    0.1197
    """
    return base**epoch * alpha0


def root_decay(alpha0: float, k: float, t: float) -> float:
    """Decay with the root: alpha = k / sqrt(t) alpha0; t is the epoch or the mini-batch, from 1.

    Source: Borghi, "Definición de epoch y decaimiento del ritmo de aprendizaje"; Paiolla §3.3.6.

    >>> root_decay(0.2, 1.0, 4)
    0.1
    """
    return k / math.sqrt(t) * alpha0


def staircase(alpha0: float, factor: float, every: int, epoch: int) -> float:
    """Constant for `every` epochs, then a step down: alpha = factor^floor(epoch / every) alpha0.

    Source: Borghi, "Definición de epoch y decaimiento del ritmo de aprendizaje" (discrete staircase).

    >>> [staircase(0.8, 0.5, 2, epoch) for epoch in range(6)]
    [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]
    """
    return factor ** (epoch // every) * alpha0


def manual(changes: Sequence[tuple[int, float]], epoch: int) -> float:
    """The rate set by hand last: `changes` are (first epoch, rate) in rising order, the first at epoch 0.

    Source: Ronchetti & Quiroga, "Cronogramas de tasas de aprendizaje", for the idea alone, a rate that falls as
    training goes on; here it has no formula at all.

    >>> [manual([(0, 0.1), (3, 0.02)], epoch) for epoch in range(5)]
    [0.1, 0.1, 0.1, 0.02, 0.02]
    """
    return [rate for first, rate in changes if first <= epoch][-1]


def linear_between(start: float, end: float, share: float) -> float:
    """The straight line from start (share 0) to end (share 1).

    Source: Smith 2017, arXiv:1506.01186, §3.1, for the lines of `triangular`.
    """
    return start + (end - start) * share


def cosine_between(start: float, end: float, share: float) -> float:
    """Half a cosine wave from start (share 0) to end (share 1): flat at both ends.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5.
    """
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def triangular(low: float, high: float, half_cycle: int, step: float) -> float:
    """Up from low to high in `half_cycle` steps, down in as many, for ever.

    Source: Ronchetti & Quiroga, "Cronogramas de tasas de aprendizaje" (cyclical); Smith 2017, arXiv:1506.01186, §3.1.

    >>> [round(triangular(0.1, 0.3, 2, step), 3) for step in range(6)]
    [0.1, 0.2, 0.3, 0.2, 0.1, 0.2]
    """
    position = step / half_cycle % 2
    return linear_between(low, high, 1 - abs(position - 1))


def triangular_halved(low: float, high: float, half_cycle: int, step: float) -> float:
    """`triangular`, with the height of the triangle halved after each cycle.

    Source: Smith 2017, arXiv:1506.01186, §3.1 ("triangular2").

    >>> [round(triangular_halved(0.1, 0.3, 2, step), 3) for step in (2, 6, 10)]
    [0.3, 0.2, 0.15]
    """
    cycle = step // (2 * half_cycle)
    return triangular(low, low + (high - low) / 2**cycle, half_cycle, step)


def cosine(alpha0: float, end: float, steps: int, step: float) -> float:
    """Half a cosine wave: alpha = end + (alpha0 - end) (1 + cos(pi step / steps)) / 2; at `steps` and later, end.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5.

    >>> [round(cosine(0.2, 0.0, 4, step), 3) for step in range(5)]
    [0.2, 0.171, 0.1, 0.029, 0.0]
    """
    return cosine_between(alpha0, end, min(step / steps, 1))


def cosine_restarts(alpha0: float, end: float, period: int, step: float) -> float:
    """`cosine` over and over: back to alpha0 every `period` steps.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5 with T_i = period; Ronchetti & Quiroga, "Cronogramas de
    tasas de aprendizaje" (cyclical).
    """
    return cosine(alpha0, end, period, step % period)


def warm_up(start: float, alpha: float, steps: float, step: float) -> float:
    """A straight line from start at step 0 to alpha at `steps`, then alpha.

    Source: Goyal et al. 2017, arXiv:1706.02677, §2.2 (gradual warm-up).

    >>> [warm_up(0.0, 0.4, 4, step) for step in range(6)]
    [0.0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.4]
    """
    return alpha if step >= steps else linear_between(start, alpha, step / steps)


def warm_up_then_cosine(start: float, high: float, end: float, peak: float, last: float, step: float) -> float:
    """A straight line from start at step 0 to high at step `peak`, then half a cosine wave to end at step `last`.

    Source: Goyal et al. 2017, arXiv:1706.02677, §2.2, followed by Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5.
    """
    if step < peak:
        return linear_between(start, high, step / peak)
    return cosine_between(high, end, min((step - peak) / (last - peak), 1))


def one_cycle(start: float, high: float, end: float, peak: float, last: float, step: float) -> float:
    """Half a cosine wave from start at step 0 up to high at step `peak`, another down to end at step `last`.

    Source: Smith 2018, arXiv:1803.09820, §4 (one cycle, then far below the start), with cosine halves for the lines.

    >>> [round(one_cycle(0.1, 1.0, 0.0, 2, 6, step), 3) for step in range(7)]
    [0.1, 0.55, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    if step < peak:
        return cosine_between(start, high, step / peak)
    return cosine_between(high, end, min((step - peak) / (last - peak), 1))
