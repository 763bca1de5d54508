# pyright: strict
"""Slopes measured from values of a function alone: two-sided differences, with what rounding and kinks do to them.

Nothing here knows a gradient, so nothing here can be biased towards one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

Line = Callable[[float], float]
"""The function at a distance from the point, along one direction."""

FIRST_LEVEL, LEVELS = 2, 7
"""Steps are scale * 1e-2, 1e-3 ... 1e-8; 1e-4 is tried first."""
TINY_LEVEL = 4
"""From this step on, what a two-sided difference leaves out of a smooth function is below what counts."""
SIGMAS = 20.0
"""How far rounding may carry a slope, in standard deviations of noise / step. Its own is about two."""


@dataclass(frozen=True)
class Slope:
    """A measured derivative.

    Attributes:
        value: by two-sided differences at a step and at half of it, extrapolated to a step of 0.
        error: what rounding and kinks may have done to it.
        is_kink: the function bends here, or jumps: it has no derivative that can be measured.
        level: which step served.
    """

    value: float
    error: float
    is_kink: bool
    level: int


def noise_of(values: list[float]) -> float:
    """The standard deviation of rounding, from values at equal, very small distances.

    A smooth function has third differences of almost 0 at such distances; what is left is rounding.

    Source: Moré & Wild 2011, "Estimating computational noise", sec. 3 (k = 3: the sum of squared binomials is 20).

    >>> noise_of([1.0, 2.0, 3.0, 4.0, 5.0])
    4.440892098500626e-16
    """
    thirds = [d - 3 * c + 3 * b - a for a, b, c, d in zip(values, values[1:], values[2:], values[3:], strict=False)]
    measured = math.sqrt(sum(third * third for third in thirds) / (20 * len(thirds)))
    return max(measured, 2.0**-52 * max(abs(value) / 2.5 for value in values))


def slope(
    line: Line,
    *,
    at_zero: float,
    scale: float,
    noise: float,
    size: float,
    enough: float = 1e-7,
    level: int = FIRST_LEVEL,
) -> Slope:
    """Measure the derivative at 0, at the step that leaves the least error.

    Two differences at one step and at half of it agree where the function is smooth. So do the gaps between the slopes
    on both sides: they halve with the step. At a kink inside of the step the first disagree, at one in the point itself
    the second do, and near a third of the step, where the second agree by chance, the first do not.

    Args:
        line: the function along the direction.
        at_zero: its value at 0.
        scale: a distance over which the function may change a lot; steps are small fractions of it.
        noise: the standard deviation of its rounding.
        size: how large slopes are here, as far as is known; what is far below need not be measured well.
        enough: the error, as a share of the slope or of `size`, at which to stop looking for a better step.
        level: the step to begin with.

    >>> found = slope(lambda t: math.exp(t), at_zero=1.0, scale=1.0, noise=1e-16, size=1.0)
    >>> abs(found.value - 1) < 1e-11, found.is_kink
    (True, False)
    >>> slope(lambda t: abs(t), at_zero=0.0, scale=1.0, noise=1e-16, size=1.0).is_kink
    True
    """
    limit = max(1e-5, 10 * enough)
    best: Slope | None = None
    bends, tried = False, set[int]()
    while 0 <= level < LEVELS and level not in tried:
        tried.add(level)
        step = scale * 10.0 ** (-2 - level)
        value, bend, rounding = _measure(line, at_zero, step, noise, enough * size if level >= TINY_LEVEL else 0.0)
        found = Slope(value, 4 * bend + rounding, False, level)
        if best is None or not found.error >= best.error:
            best = found
        wanted = max(abs(best.value), size)
        if best.error <= enough * wanted:
            break
        bends = bends or not 4 * bend <= limit * wanted
        level += 1 if not 4 * bend <= rounding else -1
    assert best is not None
    is_kink = bends and not best.error <= limit * max(abs(best.value), size)
    return Slope(best.value, best.error, is_kink, best.level)


def _measure(line: Line, at_zero: float, step: float, noise: float, enough: float) -> tuple[float, float, float]:
    """The slope at one step, what disagrees in it beyond rounding, and what rounding may do to it."""
    grain = noise / step
    ahead, behind = line(step), line(-step)
    wide, gap = (ahead - behind) / (2 * step), (ahead - 2 * at_zero + behind) / step
    # Both sides agree, so no kink lies in between, and the step is tiny: half of it would tell nothing new.
    if 2 * abs(gap) + SIGMAS * grain < enough:
        return wide, abs(gap) / 2, SIGMAS * grain
    near_ahead, near_behind = line(step / 2), line(-step / 2)
    narrow, near_gap = (near_ahead - near_behind) / step, (near_ahead - 2 * at_zero + near_behind) / (step / 2)
    if not math.isfinite(wide + gap + narrow + near_gap):
        return 0.0, math.inf, grain
    # The deviations of the two differences under rounding alone are 1.6 and 10.1 grains; four of them are let pass.
    bend = max(abs(wide - narrow) - 6 * grain, abs(gap - 2 * near_gap) - 40 * grain, 0.0)
    return (4 * narrow - wide) / 3, bend, SIGMAS * grain
