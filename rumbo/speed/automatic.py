# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Our side of a race computes as a training would choose: precision and layout by rule, or fp32 in the usual layout."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from rumbo.core.devices import cpu_flags
from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Batch
from rumbo.models.layout import laid_out
from rumbo.tasks.task import Task
from rumbo.training.options import FitOptions
from rumbo.training.precision import Choice, autocast, choose

T = TypeVar("T", bound=Task)
CPU = torch.device("cpu")


def choice_for(network: nn.Module, example: InputSpec | Sequence[Tensor], batch_size: int, *, fp32: bool) -> Choice:
    """What the rule says here; with `fp32` nothing is left to it."""
    options = FitOptions(precision="fp32", layout="usual", compile="no") if fp32 else FitOptions()
    return choose(network, example, batch_size, options, CPU, cpu_flags())


def computing(kind: type[T], choice: Choice) -> type[T]:
    """A kind of task whose network computes as chosen."""
    precision = autocast(choice, CPU)
    memory_format = torch.channels_last if choice.layout == "channels_last" else torch.contiguous_format

    class Computing(cast("type[Any]", kind)):
        def __init__(self, *positions: Any, **keywords: Any):
            super().__init__(*positions, **keywords)
            laid_out(self.model, choice.layout)

        def forward(self, batch: Batch) -> Tensor:
            if batch.images is not None:
                batch = dataclasses.replace(batch, images=batch.images.contiguous(memory_format=memory_format))
            with precision:
                outputs = super().forward(batch)
            return outputs.float()

    return kind if choice.precision == "fp32" and choice.layout == "usual" else cast("type[T]", Computing)
