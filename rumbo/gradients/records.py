# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What a gradient check is asked and what it finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.gradients.float64_copy import Mode

Verdict = Literal["unmeasured", "zero", "great", "good", "look", "worry"]
SEVERITY: tuple[Verdict, ...] = ("unmeasured", "zero", "great", "good", "look", "worry")
BANDS: tuple[tuple[float, Verdict], ...] = ((1e-7, "great"), (1e-5, "good"), (1e-3, "look"))

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
