# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Options of training. Needs no torch."""

from dataclasses import dataclass
from typing import Literal

from rumbo.core.options import Options, option

OptimizerName = Literal["sgd", "momentum", "rmsprop", "adam", "adamw"]
ScheduleName = Literal["constant", "decay", "step", "cosine", "one_cycle"]


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(Options):
    """How gradients become updates."""

    name: OptimizerName = option("adamw", "The rule of the update.")
    learning_rate: float | None = option(
        None, "The base rate; none takes the usual one of the optimizer and network.", low=0.0, high=100.0
    )
    momentum: float = option(0.9, "Momentum (sgd takes none), or Adam's beta 1.", low=0.0, high=0.9999)
    beta2: float = option(
        0.999, "Decay of the mean of squared gradients (Adam's beta 2, RMSprop's alpha).", low=0.0, high=0.999999
    )
    weight_decay: float = option(
        0.01,
        "L2: added to the gradient (sgd, momentum, rmsprop, adam) or taken off the weight (adamw); "
        "biases and norms are exempt.",
        low=0.0,
        high=10.0,
    )


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


@dataclass(frozen=True, kw_only=True)
class FitOptions(Options):
    """How long and how a network is trained."""

    epochs: int | None = option(None, "Passes over the training data; none chooses from their number.", low=1)
    batch_size: int | None = option(
        None, "Examples per step; none chooses from their number, and 0 means all of them.", low=0
    )
    optimizer: OptimizerOptions = option(OptimizerOptions, "How gradients become updates.")
    schedule: ScheduleOptions = option(ScheduleOptions, "How the learning rate moves.")
    clip_norm: float | None = option(None, "Largest norm of the gradient; none does not clip.", low=0.0)
    patience: int | None = option(
        None, "Early stopping: epochs without a better goal on dev; none trains to the end.", low=1
    )
    label_smoothing: float = option(0.0, "Classes: share of the target spread over all classes.", low=0.0, high=0.9)
    budget_seconds: float | None = option(None, "Stop after the epoch in which this time is over.", low=0.0)
    save_every_seconds: float = option(300.0, "Time between checkpoints inside an epoch.", low=0.0)
