# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Options of the learning-rate schedule. Needs no torch."""

from dataclasses import dataclass
from typing import Literal

from rumbo.core.options import Options, option

ScheduleName = Literal["constant", "decay", "step", "cosine", "one_cycle"]


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions(Options):
    """How the learning rate moves; `rumbo.training.schedule` has the formulas."""

    name: ScheduleName = option("one_cycle", "constant, decay 1/(1 + rate*epoch), step, cosine, or one_cycle.")
    warmup_fraction: float = option(
        0.25, "one_cycle and cosine: share of the steps in which the rate rises.", low=0.0, high=0.9
    )
    decay_rate: float = option(1.0, "decay: the rate of 1/(1 + rate*epoch).", low=0.0)
    step_epochs: int = option(10, "step: epochs between two reductions.", low=1)
    step_factor: float = option(0.1, "step: what each reduction multiplies by.", low=0.0, high=1.0)
