# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""How our side of a race computes: as a training would choose here, or in fp32."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from rumbo.core.devices import cpu_flags
from rumbo.core.inputs import InputSpec
from rumbo.models.layout import laid_out
from rumbo.speed.loops import EPOCHS
from rumbo.training.options import FitOptions, OptimizerOptions, ScheduleOptions
from rumbo.training.precision import Choice, choose


@dataclass(frozen=True)
class Computing:
    """A copy of a network, laid out, and the options of its training, with everything chosen."""

    model: nn.Module
    options: FitOptions
    choice: Choice


def computing(
    network: nn.Module,
    example: InputSpec | Sequence[Tensor],
    batch_size: int,
    optimizer: OptimizerOptions,
    *,
    fp32: bool,
) -> Computing:
    """Choose by rule; with `fp32` the layout alone.

    Args:
        network: to be copied.
        example: sizes of its inputs, or the inputs of one example.
        batch_size: examples in a step.
        optimizer: of the training.
        fp32: whatever the rule on precision says.
    """
    options = FitOptions(epochs=EPOCHS, optimizer=optimizer, schedule=ScheduleOptions(name="constant"), compile="no")
    if fp32:
        options = replace(options, precision="fp32")
    choice = choose(network, example, batch_size, options, torch.device("cpu"), cpu_flags())
    options = replace(options, precision=choice.precision, layout=choice.layout)
    return Computing(laid_out(copy.deepcopy(network), choice.layout), options, choice)
