# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Is what backward gives the gradient of the cost? Two-sided differences in float64 against it, parameter by parameter.

Two kinds of probes: single components, drawn at random, and directions that move all components of a parameter at once,
so that none can hide. What is measured comes from values of the cost alone (`rumbo.training.differences`).
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.core.errors import TrainingError, UsageError
from rumbo.core.messages import t
from rumbo.core.seeds import rng
from rumbo.training.differences import FIRST_LEVEL, Line, Slope, noise_of, slope
from rumbo.training.float64_copy import ExactMode, Mode, each_tensor, exact_numbers, float64_copy, wide

Verdict = Literal["unmeasured", "zero", "great", "good", "look", "worry"]
SEVERITY: tuple[Verdict, ...] = ("unmeasured", "zero", "great", "good", "look", "worry")
BANDS: tuple[tuple[float, Verdict], ...] = ((1e-7, "great"), (1e-5, "good"), (1e-3, "look"))
MOST_COMPONENTS, FEWEST_COMPONENTS = 24, 1
SECONDS = 20.0
"""About how long a check may take where the number of components is left to us."""
VALUES_A_PROBE = 6
LARGE_BELOW = 20
"""Where time allows fewer probes than this for a parameter, each is content with a less exact slope."""
LEAST_COST = 0.1
"""Training ends early where the cost falls to this share of what it was: few examples are soon learnt by heart."""
NUDGE = 1e-3
"""How far a point that lies on a kink is moved, as a share of the weights' size."""

Cost = Callable[[nn.Module, Any], Tensor]
"""(module, batch) to one number."""


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """How closely to look.

    Attributes:
        steps: numbers of training steps after which to check; 0 is as the module comes. Fewer are made where the cost
            has fallen to a tenth before.
        components: how many single components of each parameter; none takes as many as a short time allows, 1 to 24.
        directions: how many directions that move a whole parameter.
        seed: of the choice of components and directions.
        mode: train takes batch norm's statistics from the batch; eval takes the running ones; keep leaves the modes.
        weight_decay: L2, adds weight_decay / 2 times the sum of squared weights; biases and norms are exempt.
        l1: adds l1 times the sum of absolute weights; biases and norms are exempt.
        penalty: any other term, from the module to one number.
        inputs: check the gradient with respect to the inputs, too; a module without parameters always has it checked.
        learning_rate: of Adam, which makes the steps.
    """

    steps: Sequence[int] = (0, 10)
    components: int | None = None
    directions: int = 2
    seed: int = 0
    mode: Mode = "train"
    weight_decay: float = 0.0
    l1: float = 0.0
    penalty: Callable[[nn.Module], Tensor] | None = None
    inputs: bool = False
    learning_rate: float = 1e-3

    def __post_init__(self):
        if not self.steps or any(steps < 0 for steps in self.steps):
            raise UsageError(t("steps={steps} must be numbers of at least 0.", steps=str(list(self.steps))))
        if self.mode not in ("train", "eval", "keep"):
            raise UsageError(
                t(
                    "{path}='{text}' must be one of: {allowed}.",
                    path="mode",
                    text=str(self.mode),
                    allowed="train, eval, keep",
                )
            )
        at_least = {"components": 1, "directions": 0, "seed": 0, "weight_decay": 0, "l1": 0, "learning_rate": 0}
        for name, low in at_least.items():
            value = getattr(self, name)
            if value is not None and not value >= low:
                raise UsageError(
                    t("{path}={value} must be {bound}.", path=name, value=value, bound=t("at least {low}", low=low))
                )


@dataclass(frozen=True, kw_only=True)
class Component:
    """One component of a parameter: its index, what backward gave, and what differences gave."""

    index: tuple[int, ...]
    analytic: float
    numeric: float


@dataclass(frozen=True, kw_only=True)
class ParameterCheck:
    """One parameter at one stage.

    Attributes:
        name: its path in the module; "loss." before those of a loss that has its own, "inputs" for inputs.
        shape: its sizes.
        step: training steps made before.
        verdict: great (distance up to 1e-7), good (1e-5), look (1e-3), worry (above); zero where both gradients are
            zero as far as the cost's rounding shows; unmeasured where kinks or rounding hide it.
        distance: |analytic - numeric| / (|analytic| + |numeric|), of the components or of the directions, whichever is
            worse; none where the verdict is zero or unmeasured.
        resolution: the distance that rounding alone may make.
        worst: the component that differs most.
        num_components: components that were measured.
        num_directions: directions that were measured.
        num_kinks: probes that met a kink and were replaced.
        has_gradient: whether backward reached it at all.
        is_moved: whether it was checked a little beside its values, which lie on a kink.
    """

    name: str
    shape: tuple[int, ...]
    step: int
    verdict: Verdict
    distance: float | None
    resolution: float
    worst: Component | None
    num_components: int
    num_directions: int
    num_kinks: int
    has_gradient: bool
    is_moved: bool


@dataclass(frozen=True, kw_only=True)
class Started:
    """A stage begins: the training steps made, the cost there, and how many rows the whole check will have."""

    step: int
    cost: float
    noise: float
    num_rows: int
    components: int


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
        problem = _Problem(module, cost, batch, options, loss)
        components, directions = _how_many(problem, options)
        steps = sorted(set(options.steps))
        made, training = 0, _training(problem, options.learning_rate)
        for number, stage in enumerate(steps):
            before = made
            while made < stage and next(training, False):
                made += 1
            if number and made == before:
                return
            point = _Point(problem, made)
            yield Started(
                step=made,
                cost=point.cost,
                noise=point.noise,
                num_rows=len(steps) * len(problem.leaves),
                components=components,
            )
            for name in problem.leaves:
                yield _check(point, name, components, directions)


def _training(problem: "_Problem", learning_rate: float) -> Iterator[bool]:
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
            leaf.grad = None if leaf.grad is None else _dense(leaf.grad)
        optimizer.step()
        yield True


class _Problem:
    """The copy, what can be moved in it, and its cost as a number."""

    def __init__(self, module: nn.Module, cost: Cost, batch: Any, options: CheckOptions, loss: nn.Module | None = None):
        self.options, self._cost = options, cost
        self.module = float64_copy(module, options.mode)
        self.batch = each_tensor(lambda x: wide(x).clone(), batch)
        self.leaves: dict[str, Tensor] = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        if loss is not None:
            self.leaves |= {f"loss.{n}": p for n, p in loss.named_parameters() if p.requires_grad}
        if options.inputs or not self.leaves:
            self.leaves |= self._open_inputs()
        if not self.leaves:
            raise UsageError(
                t("nothing to check: no parameter of the module is trainable, and no input is a real number.")
            )
        self.with_grad, self._exact, self._needs_exact = False, ExactMode(), True
        self._matrices = [p for p in self.module.parameters() if p.requires_grad and p.ndim >= 2]
        self._buffers = [(buffer, buffer.clone()) for buffer in self.module.buffers()]
        self.seconds, self.is_large = 0.0, False
        self._require_a_function()

    def _open_inputs(self) -> dict[str, Tensor]:
        """Real inputs as leaves; targets, the second of a pair, are none."""
        found: dict[str, Tensor] = {}

        def open_one(x: Tensor) -> Tensor:
            if x.is_floating_point() or x.is_complex():
                found[f"inputs[{len(found)}]" if found else "inputs"] = x.requires_grad_()
            return x

        is_pair = isinstance(self.batch, list | tuple) and len(self.batch) == 2
        each_tensor(open_one, self.batch[0] if is_pair else self.batch)
        return found

    def tries(self, wanted: int) -> int:
        """How many probes are tried for so many that meet no kink."""
        return wanted + 1 if self.is_large else 3 * wanted

    def trainable(self) -> list[Tensor]:
        """What training steps move."""
        return [leaf for name, leaf in self.leaves.items() if not name.startswith("inputs")]

    def cost(self) -> Tensor:
        """The cost with its penalties; buffers are put back, so that it is a function of the leaves alone."""
        for buffer, before in self._buffers:
            buffer.data.copy_(before)  # not `detach()`: autograd must not see it, or it refuses the backward pass
        with self._guard():
            total = self._cost(self.module, each_tensor(Tensor.clone, self.batch))
            if self.options.weight_decay:
                total = total + self.options.weight_decay / 2 * sum(w.abs().square().sum() for w in self._matrices)
            if self.options.l1:
                total = total + self.options.l1 * sum(w.abs().sum() for w in self._matrices)
            if self.options.penalty is not None:
                total = total + self.options.penalty(self.module)
            return total

    def _guard(self) -> Any:
        """Dropout functions and casts are watched until it is known whether there are any: it takes time."""
        return self._exact if self._needs_exact else nullcontext()

    def value(self) -> float:
        """The cost as a number."""
        with torch.set_grad_enabled(self.with_grad):
            return float(self.cost().detach())

    def backward(self) -> float:
        """Fill the leaves' gradients; the cost."""
        for leaf in self.leaves.values():
            leaf.grad = None
        with torch.enable_grad():
            total = self.cost()
            if total.requires_grad:
                with self._guard():
                    torch.autograd.backward(total)  # not `total.backward()`, which would suspend the guard
        return float(total.detach())

    def gradients(self) -> dict[str, Tensor | None]:
        """What the last backward gave: complex ones as pairs of real numbers, sparse ones filled up."""
        return {name: None if leaf.grad is None else _real(_dense(leaf.grad)) for name, leaf in self.leaves.items()}

    def require_finite(self, cost: float, step: int) -> None:
        """Stop at a cost that has no derivative."""
        if math.isfinite(cost):
            return
        if step == 0:
            raise UsageError(t("the cost is {cost} on this batch: it has no gradient to check.", cost=cost))
        raise TrainingError(
            t(
                "the cost is {cost} after {step} steps of training. Check with fewer steps, or a lower learning rate.",
                cost=cost,
                step=step,
            )
        )

    def _require_a_function(self) -> None:
        """One finite float64 number, the same each time, with or without a graph."""
        with torch.enable_grad():
            first: Any = self.cost()
        if not isinstance(first, Tensor) or first.numel() != 1 or first.is_complex():
            shape = str(tuple(first.shape)) if isinstance(first, Tensor) else type(first).__name__
            raise UsageError(t("the cost must be one real number, and is {shape}.", shape=shape))
        if first.dtype != torch.float64:
            raise UsageError(
                t(
                    "the cost comes out as {dtype}: somewhere the forward pass leaves float64, where alone differences "
                    "are exact enough. Take the conversion out.",
                    dtype=str(first.dtype),
                )
            )
        one = float(first.detach())
        self.require_finite(one, 0)
        start = time.thread_time()  # not the clock: a busy machine is to choose the same probes
        with torch.enable_grad():
            two = float(self.cost().detach())
        self.seconds = time.thread_time() - start
        if not math.isclose(one, two, rel_tol=1e-12, abs_tol=1e-300):
            raise UsageError(
                t(
                    "two forward passes on the same batch cost {one} and {two}: something in them is random. Dropout "
                    "layers are off already; seed or switch off what else draws numbers.",
                    one=repr(one),
                    two=repr(two),
                )
            )
        self.backward()
        self._needs_exact = self._exact.was_needed
        self.with_grad = not math.isclose(self.value(), one, rel_tol=1e-12, abs_tol=1e-300)


def _dense(gradient: Tensor) -> Tensor:
    return gradient.to_dense() if gradient.is_sparse else gradient


def _real(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def _how_many(problem: _Problem, options: CheckOptions) -> tuple[int, int]:
    """Components and directions a parameter: as asked for, or what fits into `SECONDS`; large modules get fewer."""
    values = SECONDS / max(problem.seconds, 1e-5) / (len(problem.leaves) * len(set(options.steps)))
    num_probes = int(values / VALUES_A_PROBE)
    problem.is_large = num_probes < LARGE_BELOW
    if options.components is not None:
        return options.components, options.directions
    if num_probes < FEWEST_COMPONENTS + options.directions:
        return FEWEST_COMPONENTS, min(options.directions, 1)
    return min(num_probes - options.directions, MOST_COMPONENTS), options.directions


class _Point:
    """Where the parameters are: the cost there, its rounding, and what backward gives."""

    def __init__(self, problem: _Problem, step: int, is_moved: bool = False):
        self.problem, self.step, self.is_moved = problem, step, is_moved
        self.cost = problem.backward()
        problem.require_finite(self.cost, step)
        self.gradients = problem.gradients()
        self.level = FIRST_LEVEL
        self.noise = self._noise()

    def data(self, name: str) -> Tensor:
        """A leaf's values, complex ones as pairs of real numbers."""
        return _real(self.problem.leaves[name].data)

    def rng(self, purpose: str, name: str) -> np.random.Generator:
        """Draws that depend on nothing but the seed, the stage, the parameter and the purpose."""
        return rng(self.problem.options.seed, f"gradient check: {purpose} {name}", self.step)

    def along(self, name: str, direction: Tensor) -> Line:
        """The cost along a direction of one parameter."""
        data = self.data(name)
        before = data.clone()

        def line(distance: float) -> float:
            data.copy_(before).add_(direction, alpha=distance)
            cost = self.problem.value()
            data.copy_(before)
            return cost

        return line

    def at(self, name: str, index: tuple[int, ...]) -> Line:
        """The cost along one component."""
        data = self.data(name)
        before = float(data[index])

        def line(distance: float) -> float:
            data[index] = before + distance
            cost = self.problem.value()
            data[index] = before
            return cost

        return line

    def slope(self, line: Line, *, scale: float, size: float) -> Slope:
        """Measure along a line, beginning with the step that served last."""
        found = slope(
            line,
            at_zero=self.cost,
            scale=scale,
            noise=self.noise,
            size=size,
            enough=1e-5 if self.problem.is_large else 1e-7,
            level=self.level,
        )
        if not found.is_kink:
            back = 0 if self.problem.is_large else 1  # larger steps suffer less from rounding, but a try costs time
            self.level = max(found.level - back, FIRST_LEVEL)
        return found

    def scale(self, name: str) -> float:
        """How large the weights are (root mean square), or would usually be where they are zero."""
        data = self.data(name)
        usual = 1.0 if data.ndim < 2 else (data.shape[0] / max(data.numel(), 1)) ** 0.5
        return max(float(data.square().mean().sqrt()), 1e-3 * usual) if bool(data.any()) else usual

    def _noise(self) -> float:
        """The deviation of the cost's rounding, along two random directions of everything."""
        found: list[float] = []
        for number in range(2):
            moves = {n: self._draw("noise", f"{n} {number}", self.data(n)) * self.scale(n) for n in self.problem.leaves}
            before = {name: self.data(name).clone() for name in moves}
            values: list[float] = []
            for count in range(8):
                for name, move in moves.items():
                    self.data(name).copy_(before[name]).add_(move, alpha=1e-9 * (count - 4))
                values.append(self.problem.value())
            for name, values_before in before.items():
                self.data(name).copy_(values_before)
            found.append(noise_of([value for value in values if math.isfinite(value)] or [0.0] * 4))
        return max(found)

    def _draw(self, purpose: str, name: str, like: Tensor) -> Tensor:
        drawn = self.rng(purpose, name).standard_normal(tuple(like.shape))
        return torch.as_tensor(drawn, dtype=torch.float64)

    def direction(self, name: str, number: int) -> Tensor:
        """A random direction of one parameter, each component about 1."""
        return self._draw("direction", f"{name} {number}", self.data(name))

    def moved(self) -> "_Point":
        """A point a little beside, off the kinks that zeros lie on. `restore` goes back."""
        self._before = {name: self.data(name).clone() for name in self.problem.leaves}
        for name in self.problem.leaves:
            self.data(name).add_(self._draw("nudge", name, self.data(name)), alpha=NUDGE * self.scale(name))
        return _Point(self.problem, self.step, is_moved=True)

    def restore(self) -> None:
        """Back to the point."""
        for name, values in self._before.items():
            self.data(name).copy_(values)


@dataclass(frozen=True)
class _Probes:
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


def band(distance: float) -> Verdict:
    """The word for a relative distance.

    >>> [band(distance) for distance in (1e-9, 1e-6, 1e-4, 1e-2)]
    ['great', 'good', 'look', 'worry']
    """
    found: list[Verdict] = [word for limit, word in BANDS if distance <= limit]
    return found[0] if found else "worry"


def worst_verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """The one that matters most; unmeasured and zero give way to any that was measured."""
    return max(verdicts, key=SEVERITY.index)


def _check(point: _Point, name: str, components: int, directions: int) -> ParameterCheck:
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


def _check_at(point: _Point, name: str, components: int, directions: int) -> ParameterCheck:
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


def _hides(lines: _Probes, singles: _Probes) -> bool:
    """Whether directions differ by more than rounding explains, and the components that were drawn do not."""
    _, distance, resolution = lines.judge()
    among_singles = singles.judge()[1] or 0.0
    return distance is not None and distance > max(BANDS[0][0], 3 * resolution, 10 * among_singles)


def _joined(probes: _Probes, analytic: float, measured: Slope) -> _Probes:
    return _Probes(np.append(probes.analytic, analytic), (*probes.measured, measured))


def _worst(indices: list[tuple[int, ...]], probes: _Probes) -> Component | None:
    rows = zip(indices, probes.analytic.tolist(), probes.measured, strict=True)
    found = [Component(index=index, analytic=a, numeric=m.value) for index, a, m in rows]
    far = [c for c in found if not math.isfinite(c.analytic)]
    return next(iter(far), None) or max(found, key=lambda c: abs(c.analytic - c.numeric), default=None)


def _probe_directions(point: _Point, name: str, gradient: Tensor, wanted: int) -> tuple[_Probes, int]:
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
    return _Probes(np.array(analytic), tuple(measured)), num_kinks


def _probe_components(
    point: _Point, name: str, gradient: Tensor, wanted: int, size: float
) -> tuple[list[tuple[int, ...]], _Probes, int]:
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
    return indices, _Probes(np.array(analytic), tuple(measured)), num_kinks


def _component_scale(point: _Point, name: str) -> float:
    """One weight of many may move further than all at once: as far as its row is long."""
    data = point.data(name)
    fan_in = 1 if data.ndim < 2 else data.numel() // max(data.shape[0], 1)
    return point.scale(name) * max(fan_in, 1) ** 0.5


def _draw_components(point: _Point, name: str, gradient: Tensor, tries: int) -> list[tuple[int, ...]]:
    """All where they are few; else the largest by backward and random others, with spares for those at kinks."""
    count = gradient.numel()
    if count == 0:
        return []
    drawn = point.rng("components", name).choice(count, size=min(count, tries), replace=False).tolist()
    largest = int(gradient.abs().argmax())
    chosen = list(dict.fromkeys([largest, *drawn]))[:tries]
    return [tuple(int(place) for place in np.unravel_index(flat, tuple(gradient.shape))) for flat in chosen]


def _search(point: _Point, name: str, gradient: Tensor, norm: float) -> tuple[tuple[int, ...], float, Slope] | None:
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
