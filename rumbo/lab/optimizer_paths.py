"""The ways that optimizers take down one surface."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Line, Lines, Surface
from rumbo.reference import optimizers
from rumbo.reference.arrays import Array

RATES = tuple(float(f"{rate:.1g}") for rate in np.geomspace(1e-4, 100, 19))
"""1, 2 and 5 times the powers of ten: every optimizer walks with each, and its best walk is shown."""
GRID = 90


class Hill(NamedTuple):
    """A surface f(x, y) >= its minimum, with its gradient, where walks begin, and what is drawn of it."""

    height: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    start: tuple[float, float]
    minimum: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]


class Rule(NamedTuple):
    """A rule of descent and the memory that it begins with."""

    step: Callable[[Array, Array, Any, float], tuple[Array, Any]]
    memory: Callable[[Array], Any]


class Walk(NamedTuple):
    """Where an optimizer came by, 2 x (steps + 1), and its heights above the minimum."""

    rate: float
    path: Array
    above: Array


def _descend(W: Array, dW: Array, memory: None, alpha: float) -> tuple[Array, None]:
    return optimizers.gradient_descent(W, dW, alpha), memory


def _nothing(W: Array) -> None:
    return None


RULES: dict[str, Rule] = {
    "gradient descent": Rule(_descend, _nothing),
    "momentum": Rule(optimizers.momentum, np.zeros_like),
    "RMSprop": Rule(optimizers.rmsprop, np.zeros_like),
    "Adam": Rule(optimizers.adam, optimizers.no_moments),
    "Nesterov": Rule(optimizers.nesterov, np.zeros_like),
    "AMSGrad": Rule(optimizers.amsgrad, optimizers.no_largest_moments),
    "AdaGrad": Rule(optimizers.adagrad, np.zeros_like),
    "Adadelta": Rule(optimizers.adadelta, optimizers.no_deltas),
}
GROUPS = (tuple(RULES)[:4], tuple(RULES)[4:])


@experiments.register("optimizer_paths")
@dataclass(frozen=True, kw_only=True)
class OptimizerPaths(Experiment):
    """Let the rules of `rumbo.reference.optimizers` walk down one surface, each with the best rate of a list.

    Best is, of the rates whose walk stays on the map, the one that needs the fewest steps to come below the tolerance,
    or else ends lowest. (Off the map AdaGrad would win by luck: from any bowl a huge first step brings it back to the
    bottom with the second.) All else stays at the rules' defaults; gradients are exact, so nothing here is random.
    Source: Borghi, "Gradiente descendente con momentum" to "Algoritmo de optimización de Adam"; Paiolla §3.3.3 to
    §3.3.5; Ronchetti & Quiroga, "Optimizadores Avanzados"; the curved valley: Rosenbrock 1960.
    """

    surface: Literal["valley", "turned_valley", "rosenbrock", "saddle"] = option(
        "valley", "valley along an axis, the same turned by 45 degrees, Rosenbrock's curved one, or a saddle"
    )
    steepness: float = option(30.0, "of the straight valleys: curvature across over curvature along", low=1.0, high=1e4)
    steps: int = option(300, "longest walk", low=2, high=5_000)
    tolerance: float = option(
        0.001, "height above the minimum at which a walk has come down, as a share of the start's", low=1e-12, high=0.9
    )

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Walk; takes no source."""
        hill = self._hill()
        walks = {
            name: min(
                (walk(hill, rule, rate, self.steps) for rate in RATES),
                key=lambda found: (_leaves(hill, found), self._steps_down(found) or math.inf, _last(found)),
            )
            for name, rule in track(RULES.items(), t("walking"), len(RULES))
        }
        rows = tuple(
            (_shown(name), found.rate, self._steps_down(found), _last(found), _length(found))
            for name, found in walks.items()
        )
        return Result(
            title=t("Optimizers on the surface '{surface}', each at its best rate", surface=self.surface),
            finding=self._finding(walks),
            columns=(
                t("optimizer"),
                t("best rate"),
                t("steps to {share:g} of the height", share=self.tolerance),
                t("height after {steps} steps", steps=self.steps),
                t("length of the way"),
            ),
            rows=rows,
            panels=(
                self._map(t("ways of the first four"), hill, GROUPS[0], walks),
                self._map(t("ways of the other four"), hill, GROUPS[1], walks),
                *(self._heights(group, walks) for group in GROUPS),
            ),
        )

    def _hill(self) -> Hill:
        match self.surface:
            case "valley":
                return valley(self.steepness, turn=0.0)
            case "turned_valley":
                return valley(self.steepness, turn=math.pi / 4)
            case "rosenbrock":
                return ROSENBROCK
            case "saddle":
                return SADDLE

    def _steps_down(self, found: Walk) -> int | None:
        """Steps until the walk is below the tolerance for good; None when it does not get there."""
        outside = np.flatnonzero(~(found.above <= self.tolerance * found.above[0]))
        last = int(outside[-1]) if len(outside) else -1
        return last + 1 if last + 1 < len(found.above) else None

    def _finding(self, walks: dict[str, Walk]) -> str:
        counts = {name: self._steps_down(found) for name, found in walks.items()}
        arrived = {name: count for name, count in counts.items() if count is not None}
        late = [name for name in counts if name not in arrived]
        if not arrived:
            lowest = min(walks, key=lambda name: _last(walks[name]))
            return t(
                "None comes below the tolerance within {steps} steps; '{name}' ends lowest, {height:.2g} above the "
                "minimum.",
                steps=self.steps, name=_shown(lowest), height=_last(walks[lowest]),
            )  # fmt: skip
        first, last = (choose(arrived, key=lambda name: arrived[name]) for choose in (min, max))
        sentence = t(
            "'{first}' is down after {few} steps, '{last}' after {many}.",
            first=_shown(first), few=arrived[first], last=_shown(last), many=arrived[last],
        )  # fmt: skip
        if late:
            sentence += " " + t(
                "Not down within {steps} steps: {names}.", steps=self.steps, names=", ".join(map(_shown, late))
            )  # fmt: skip
        return sentence

    def _map(self, title: str, hill: Hill, group: tuple[str, ...], walks: dict[str, Walk]) -> Surface:
        x, y = np.linspace(*hill.x_range, GRID), np.linspace(*hill.y_range, GRID)
        paths = tuple(
            Line(name=_shown(name), x=walks[name].path[0], y=walks[name].path[1], mark="path", color=_color(name))
            for name in group
        )
        return Surface(
            title=title, x_label="w₁", y_label="w₂", x=x, y=y, z=hill.height(np.array(np.meshgrid(x, y))),
            paths=paths, log=True,
        )  # fmt: skip

    def _heights(self, group: tuple[str, ...], walks: dict[str, Walk]) -> Lines:
        x = np.arange(self.steps + 1, dtype=float)
        start = walks[group[0]].above[0]
        lines = tuple(
            Line(name=_shown(name), x=x, y=np.where(above > 0, above, np.nan), color=_color(name))
            for name in group
            for above in [walks[name].above]
        )
        wanted = Line(
            name=t("tolerance"), x=x[[0, -1]], y=np.full(2, self.tolerance * start), mark="dashes", color=6
        )  # fmt: skip
        return Lines(
            title=t("height above the minimum"), x_label=t("step"), y_label=t("height"), lines=(*lines, wanted),
            log_y=True, y_range=(0.01 * self.tolerance * start, 10 * start),
        )  # fmt: skip


def valley(steepness: float, turn: float) -> Hill:
    """(u^2 + steepness v^2) / 2 with (u, v) the axes turned by an angle; minimum 0 at the origin."""
    across = np.array([-math.sin(turn), math.cos(turn)])
    along = np.array([math.cos(turn), math.sin(turn)])
    H = np.outer(along, along) + steepness * np.outer(across, across)
    start = -4 * along + 1.2 * across
    return Hill(
        height=lambda W: np.einsum("i...,ij,j...->...", W, H, W) / 2,
        gradient=lambda W: H @ W,
        start=(float(start[0]), float(start[1])),
        minimum=0.0,
        x_range=(-5.0, 2.0),
        y_range=(-2.0, 2.0) if turn == 0 else (-4.5, 2.5),
    )


def _rosenbrock(W: Array) -> Array:
    return (1 - W[0]) ** 2 + 100 * (W[1] - W[0] ** 2) ** 2


def _rosenbrock_gradient(W: Array) -> Array:
    return np.array([-2 * (1 - W[0]) - 400 * W[0] * (W[1] - W[0] ** 2), 200 * (W[1] - W[0] ** 2)])


def _saddle(W: Array) -> Array:
    return W[0] ** 2 / 2 - W[1] ** 2 / 2 + W[1] ** 4 / 4


def _saddle_gradient(W: Array) -> Array:
    return np.array([W[0], W[1] ** 3 - W[1]])


ROSENBROCK = Hill(_rosenbrock, _rosenbrock_gradient, (-1.2, 1.0), 0.0, (-1.8, 1.8), (-0.8, 2.2))
# The start is a hair beside the ridge that leads straight into the saddle at the origin; minima are at (0, ±1).
SADDLE = Hill(_saddle, _saddle_gradient, (-1.5, 1e-3), -0.25, (-1.8, 1.0), (-1.4, 1.4))


def walk(hill: Hill, rule: Rule, rate: float, steps: int) -> Walk:
    """Go down with exact gradients. A walk that flies off is infinitely high from there on."""
    W = np.array(hill.start)
    memory = rule.memory(W)
    path = [W]
    with np.errstate(all="ignore"):
        for _ in range(steps):
            W, memory = rule.step(W, hill.gradient(W), memory, rate)
            path.append(W)
        places = np.array(path).T
        above = hill.height(places) - hill.minimum
    return Walk(rate, places, np.where(np.isfinite(above), above, np.inf))


def _leaves(hill: Hill, found: Walk) -> bool:
    """Whether a walk leaves the map, or flies off."""
    inside = [(low <= w) & (w <= high) for w, (low, high) in zip(found.path, (hill.x_range, hill.y_range), strict=True)]
    return not np.all(inside)


def _last(found: Walk) -> float:
    return float(found.above[-1])


def _length(found: Walk) -> float:
    with np.errstate(all="ignore"):
        return float(np.hypot(*np.diff(found.path)).sum())


def _shown(name: str) -> str:
    """In the user's language; the other names are the field's in every one."""
    return t("gradient descent") if name == "gradient descent" else name


def _color(name: str) -> int:
    """The same in all panels, and the four of one group far from each other."""
    return tuple(RULES).index(name) % 4
