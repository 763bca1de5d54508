# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Where the parameters are, and what is measured around: lines, slopes, rounding, a point beside."""

import math

import numpy as np
import torch
from torch import Tensor

from rumbo.core.seeds import rng
from rumbo.gradients.differences import FIRST_LEVEL, Line, Slope, noise_of, slope
from rumbo.gradients.problem import Problem, real

NUDGE = 1e-3
"""How far a point that lies on a kink is moved, as a share of the weights' size."""


class Point:
    """Where the parameters are: the cost there, its rounding, and what backward gives."""

    def __init__(self, problem: Problem, step: int, is_moved: bool = False):
        self.problem, self.step, self.is_moved = problem, step, is_moved
        self.cost = problem.backward()
        problem.require_finite(self.cost, step)
        self.gradients = problem.gradients()
        self.level = FIRST_LEVEL
        self.noise = self._noise()

    def data(self, name: str) -> Tensor:
        """A leaf's values, complex ones as pairs of real numbers."""
        return real(self.problem.leaves[name].data)

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

    def moved(self) -> "Point":
        """A point a little beside, off the kinks that zeros lie on. `restore` goes back."""
        self._before = {name: self.data(name).clone() for name in self.problem.leaves}
        for name in self.problem.leaves:
            self.data(name).add_(self._draw("nudge", name, self.data(name)), alpha=NUDGE * self.scale(name))
        return Point(self.problem, self.step, is_moved=True)

    def restore(self) -> None:
        """Back to the point."""
        for name, values in self._before.items():
            self.data(name).copy_(values)
