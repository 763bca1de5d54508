# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Options of training. Needs no torch."""

from dataclasses import dataclass
from typing import Literal

from rumbo.core.options import Options, option
from rumbo.training.optimizer_options import OptimizerName, OptimizerOptions
from rumbo.training.schedule_options import ScheduleName, ScheduleOptions

PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]

__all__ = ["FitOptions", "OptimizerName", "OptimizerOptions", "PrecisionName", "ScheduleName", "ScheduleOptions"]


@dataclass(frozen=True, kw_only=True)
class FitOptions(Options):
    """How long and how a network is trained."""

    epochs: int | None = option(None, "Passes over the training data; none chooses from their number.", low=1)
    batch_size: int | None = option(
        None, "Examples per step; none chooses from their number, and 0 means all of them.", low=0
    )
    micro_batch: int | None = option(
        None,
        "Examples in memory at a time; the gradients of a step's parts add up exactly. None: all of a step.",
        low=1,
    )
    full_batch_epochs: int = option(0, "The last epochs that make one step of all examples each.", low=0)
    optimizer: OptimizerOptions = option(OptimizerOptions, "How gradients become updates.")
    schedule: ScheduleOptions = option(ScheduleOptions, "How the learning rate moves.")
    clip_norm: float | None = option(None, "Largest norm of the gradient; none does not clip.", low=0.0)
    clip_value: float | None = option(
        None, "Largest absolute value of each entry of the gradient; none does not clip.", low=0.0
    )
    average_decay: float = option(
        0.0,
        "Judge and keep a moving average of the weights with this decay (0.99 to 0.9999); 0 does not.",
        low=0.0,
        high=0.999999,
    )
    patience: int | None = option(
        None, "Early stopping: epochs without a better goal on dev; none trains to the end.", low=1
    )
    label_smoothing: float = option(0.0, "Classes: share of the target spread over all classes.", low=0.0, high=0.9)
    mixup: float = option(
        0.0, "Blend pairs of examples; alpha of the Beta distribution of the shares, 0 is off.", low=0.0
    )
    cutmix: float = option(
        0.0, "Paste a rectangle of one picture into another; alpha of the shares' distribution, 0 is off.", low=0.0
    )
    balance: Literal["no", "weights", "sampling"] = option(
        "no", "Classes of unequal size: count rare ones more (weights), or draw them more often (sampling)."
    )
    class_weights: dict[str, str | int | float | bool | None] = option(
        {}, "How much single classes count in the cost, as in train.class_weights.cat=2."
    )
    freeze_norms: bool = option(False, "Batch normalization keeps its statistics, as when little data fine-tunes.")
    on_nonfinite: Literal["stop", "skip"] = option(
        "stop",
        "A step whose cost or gradient is not finite stops the training, or is left out (a fourth in a row stops it).",
    )
    precision: PrecisionName = option(
        "auto", "Numbers of the forward and backward pass; auto goes by processor and network. Weights stay fp32."
    )
    layout: Literal["auto", "usual", "channels_last"] = option(
        "auto", "How pictures lie in memory; auto goes by the network."
    )
    compile: Literal["auto", "no", "yes"] = option("auto", "Compile the network first; auto does it where it pays.")
    threads: int | None = option(
        None, "Threads of the CPU's arithmetic; none takes all cores. Another number gives other bits.", low=1
    )
    shard: bool = option(
        False, "Several processes: cut the weights and the optimizer's memory into shards (FSDP2), for large networks."
    )
    budget_seconds: float | None = option(None, "Stop after the epoch in which this time is over.", low=0.0)
    save_every_seconds: float = option(300.0, "Time between checkpoints inside an epoch.", low=0.0)
