# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Options of training. Needs no torch."""

from dataclasses import dataclass

from rumbo.core.options import Options, option
from rumbo.training.optimizer_options import OptimizerName, OptimizerOptions
from rumbo.training.schedule_options import ScheduleName, ScheduleOptions

__all__ = ["FitOptions", "OptimizerName", "OptimizerOptions", "ScheduleName", "ScheduleOptions"]


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
