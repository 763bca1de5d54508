# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Is what backward gives the gradient of the cost? Two-sided differences in float64 against it, parameter by parameter.

Two kinds of probes: single components, drawn at random, and directions that move all components of a parameter at once,
so that none can hide. What is measured comes from values of the cost alone (`rumbo.gradients.differences`).
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.gradients.differences import Slope
from rumbo.gradients.float64_copy import exact_numbers
from rumbo.gradients.point import Point
from rumbo.gradients.problem import Problem, dense
from rumbo.gradients.records import (
    BANDS,
    SEVERITY,
    CheckOptions,
    Component,
    Cost,
    ParameterCheck,
    Started,
    Verdict,
    band,
)

MOST_COMPONENTS, FEWEST_COMPONENTS = 24, 1
SECONDS = 20.0
"""About how long a check may take where the number of components is left to us."""
VALUES_A_PROBE = 6
LARGE_BELOW = 20
"""Where time allows fewer probes than this for a parameter, each is content with a less exact slope."""
LEAST_COST = 0.1
"""Training ends early where the cost falls to this share of what it was: few examples are soon learnt by heart."""


def check_gradients(
    module: nn.Module, cost: Cost, batch: Any, options: CheckOptions, *, loss: nn.Module | None = None
) -> Iterator[Started | ParameterCheck]:
    """Check every trainable parameter, at each stage; what is yielded is whole, so one may stop at any time.

    Args:
        module: any; a copy is checked.
        cost: of the copy on the batch in float64; called as often as there are probes, times four or more.
        batch: tensors in any nest; real ones become float64, whole numbers stay.
        options: how closely.
        loss: a loss with parameters of its own, already as a copy in float64 that `cost` uses.

    Yields:
        `Started` and then one `ParameterCheck` for each parameter, at each stage.

    Raises:
        UsageError: nothing to check, or a cost that is random, not finite, or not one float64 number.
        TrainingError: the cost is not finite after some steps.

    Source: two-sided differences, the relative distance and its bands as in Paiolla §3.2.3 and Borghi, "Gradient
    Checking".
    """
    with exact_numbers():
        problem = Problem(module, cost, batch, options, loss)
        components, directions = _how_many(problem, options)
        steps = sorted(set(options.steps))
        made, training = 0, _training(problem, options.learning_rate)
        for number, stage in enumerate(steps):
            before = made
            while made < stage and next(training, False):
                made += 1
            if number and made == before:
                return
            point = Point(problem, made)
            yield Started(
                step=made,
                cost=point.cost,
                noise=point.noise,
                num_rows=len(steps) * len(problem.leaves),
                components=components,
            )
            for name in problem.leaves:
                yield _check(point, name, components, directions)


def _training(problem: Problem, learning_rate: float) -> Iterator[bool]:
    """Steps of Adam on the batch, until the cost is a fraction of what it was: its gradient would drown in rounding."""
    weights = problem.trainable()
    if not weights:
        return
    optimizer = torch.optim.Adam(weights, lr=learning_rate)
    first: float | None = None
    for made in itertools.count():
        cost = problem.backward()
        problem.require_finite(cost, made)
        first = cost if first is None else first
        if made and 0 <= cost < LEAST_COST * first:
            return
        for leaf in weights:
            leaf.grad = None if leaf.grad is None else dense(leaf.grad)
        optimizer.step()
        yield True


def _how_many(problem: Problem, options: CheckOptions) -> tuple[int, int]:
    """Components and directions a parameter: as asked for, or what fits into `SECONDS`; large modules get fewer."""
    values = SECONDS / max(problem.seconds, 1e-5) / (len(problem.leaves) * len(set(options.steps)))
    num_probes = int(values / VALUES_A_PROBE)
    problem.is_large = num_probes < LARGE_BELOW
    if options.components is not None:
        return options.components, options.directions
    if num_probes < FEWEST_COMPONENTS + options.directions:
        return FEWEST_COMPONENTS, min(options.directions, 1)
    return min(num_probes - options.directions, MOST_COMPONENTS), options.directions


@dataclass(frozen=True)
class Probes:
    """Gradients along some lines: what backward says, what was measured, and how far that may be off."""

    analytic: np.ndarray
    measured: tuple[Slope, ...]

    def judge(self) -> tuple[Verdict, float | None, float]:
        """Verdict, distance and resolution."""
        if not self.measured:
            return "unmeasured", None, math.inf
        numeric = np.array([found.value for found in self.measured])
        error = float(np.linalg.norm([found.error for found in self.measured]))
        difference = float(np.linalg.norm(self.analytic - numeric))
        sizes = float(np.linalg.norm(self.analytic) + np.linalg.norm(numeric))
        if not math.isfinite(difference):
            return "worry", math.inf, 0.0
        resolution = error / sizes if sizes > 0 else 0.0
        if sizes <= 2 * error or sizes == 0:
            return "zero", None, resolution
        distance = difference / sizes
        if distance <= resolution and resolution > BANDS[1][0]:  # as near as can be seen, which is not very near
            return ("good", distance, resolution) if resolution <= BANDS[2][0] else ("unmeasured", None, resolution)
        return band(distance), distance, resolution


def _check(point: Point, name: str, components: int, directions: int) -> ParameterCheck:
    """One parameter; where it lies on a kink in every direction, at a point beside."""
    row = _check_at(point, name, components, directions)
    is_stuck = row.num_kinks > 0 and (row.num_components == 0 or (directions > 0 and row.num_directions == 0))
    if not is_stuck or SEVERITY.index(row.verdict) >= SEVERITY.index("look"):
        return row
    try:
        beside = _check_at(point.moved(), name, components, directions)
    finally:
        point.restore()
    has_more = (beside.num_directions, beside.num_components) > (row.num_directions, row.num_components)
    return replace(beside, num_kinks=row.num_kinks + beside.num_kinks) if has_more else row


def _check_at(point: Point, name: str, components: int, directions: int) -> ParameterCheck:
    given = point.gradients[name]
    data = point.data(name)
    gradient = torch.zeros_like(data) if given is None else given
    lines, num_kinks = _probe_directions(point, name, gradient, directions)
    norm = math.sqrt(sum(found.value**2 for found in lines.measured) / max(len(lines.measured), 1))
    indices, singles, kinks = _probe_components(point, name, gradient, components, norm / max(data.numel(), 1) ** 0.5)
    if _hides(lines, singles):
        found = _search(point, name, gradient, norm)
        if found is not None:
            indices, singles = [*indices, found[0]], _joined(singles, found[1], found[2])
    judged = [probes.judge() for probes in (lines, singles)]
    verdict, distance, resolution = max(judged, key=lambda j: (SEVERITY.index(j[0]), j[1] or 0.0))
    return ParameterCheck(
        name=name,
        shape=tuple(point.problem.leaves[name].shape),
        step=point.step,
        verdict=verdict,
        distance=distance,
        resolution=resolution,
        worst=_worst(indices, singles),
        num_components=len(indices),
        num_directions=len(lines.measured),
        num_kinks=num_kinks + kinks,
        has_gradient=given is not None,
        is_moved=point.is_moved,
    )


def _hides(lines: Probes, singles: Probes) -> bool:
    """Whether directions differ by more than rounding explains, and the components that were drawn do not."""
    _, distance, resolution = lines.judge()
    among_singles = singles.judge()[1] or 0.0
    return distance is not None and distance > max(BANDS[0][0], 3 * resolution, 10 * among_singles)


def _joined(probes: Probes, analytic: float, measured: Slope) -> Probes:
    return Probes(np.append(probes.analytic, analytic), (*probes.measured, measured))


def _worst(indices: list[tuple[int, ...]], probes: Probes) -> Component | None:
    rows = zip(indices, probes.analytic.tolist(), probes.measured, strict=True)
    found = [Component(index=index, analytic=a, numeric=m.value) for index, a, m in rows]
    far = [c for c in found if not math.isfinite(c.analytic)]
    return next(iter(far), None) or max(found, key=lambda c: abs(c.analytic - c.numeric), default=None)


def _probe_directions(point: Point, name: str, gradient: Tensor, wanted: int) -> tuple[Probes, int]:
    """Slopes along random directions; one that meets a kink is replaced, as long as there are tries."""
    analytic: list[float] = []
    measured: list[Slope] = []
    num_kinks, scale = 0, point.scale(name)
    for number in range(point.problem.tries(wanted)):
        if len(measured) == wanted:
            break
        direction = point.direction(name, number)
        size = max([abs(found.value) for found in measured], default=0.0)
        found = point.slope(point.along(name, direction), scale=scale, size=size)
        if found.is_kink:
            num_kinks += 1
            continue
        analytic.append(float((gradient * direction).sum()))
        measured.append(found)
    return Probes(np.array(analytic), tuple(measured)), num_kinks


def _probe_components(
    point: Point, name: str, gradient: Tensor, wanted: int, size: float
) -> tuple[list[tuple[int, ...]], Probes, int]:
    """Slopes along single components: the one that backward takes for the largest, and others at random."""
    indices: list[tuple[int, ...]] = []
    analytic: list[float] = []
    measured: list[Slope] = []
    num_kinks, scale = 0, _component_scale(point, name)
    for index in _draw_components(point, name, gradient, point.problem.tries(wanted)):
        if len(measured) == wanted:
            break
        found = point.slope(point.at(name, index), scale=scale, size=size)
        if found.is_kink:
            num_kinks += 1
            continue
        indices.append(index)
        analytic.append(float(gradient[index]))
        measured.append(found)
    return indices, Probes(np.array(analytic), tuple(measured)), num_kinks


def _component_scale(point: Point, name: str) -> float:
    """One weight of many may move further than all at once: as far as its row is long."""
    data = point.data(name)
    fan_in = 1 if data.ndim < 2 else data.numel() // max(data.shape[0], 1)
    return point.scale(name) * max(fan_in, 1) ** 0.5


def _draw_components(point: Point, name: str, gradient: Tensor, tries: int) -> list[tuple[int, ...]]:
    """All where they are few; else the largest by backward and random others, with spares for those at kinks."""
    count = gradient.numel()
    if count == 0:
        return []
    drawn = point.rng("components", name).choice(count, size=min(count, tries), replace=False).tolist()
    largest = int(gradient.abs().argmax())
    chosen = list(dict.fromkeys([largest, *drawn]))[:tries]
    return [tuple(int(place) for place in np.unravel_index(flat, tuple(gradient.shape))) for flat in chosen]


def _search(point: Point, name: str, gradient: Tensor, norm: float) -> tuple[tuple[int, ...], float, Slope] | None:
    """The component that a wrong direction hides, by halving: into the half that differs more, down to one."""
    count, scale = gradient.numel(), point.scale(name)
    low, high = 0, count
    direction = point.direction(name, 0).flatten()
    while high - low > 1:
        middle = (low + high) // 2
        worse: list[float] = []
        for begin, end in ((low, middle), (middle, high)):
            part = torch.zeros(count, dtype=torch.float64)
            part[begin:end] = direction[begin:end]
            part = part.view(gradient.shape)
            found = point.slope(point.along(name, part), scale=scale, size=norm)
            worse.append(abs(float((gradient * part).sum()) - found.value) - found.error)
        low, high = (low, middle) if worse[0] >= worse[1] else (middle, high)
    index = tuple(int(place) for place in np.unravel_index(low, tuple(gradient.shape)))
    found = point.slope(point.at(name, index), scale=_component_scale(point, name), size=norm / count**0.5)
    return None if found.is_kink else (index, float(gradient[index]), found)
