# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What guards a step: is it finite, and where did it stop being so."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.core.errors import TrainingError
from rumbo.core.messages import t
from rumbo.data.loader import Batch
from rumbo.tasks.task import Task

MOST_SKIPPED_IN_ROW = 3


class NotFinite(TrainingError):
    """A cost or gradient is not finite; the step was left out. `batch` holds examples that show it."""

    def __init__(self, message: str, batch: Batch):
        super().__init__(message)
        self.batch = batch


@dataclass(frozen=True)
class Cause:
    """Where a step stopped being finite. `batch` is the part that shows it."""

    where: str
    examples: str
    batch: Batch

    def stops(self, step: int) -> str:
        """The end of a training."""
        return t(
            "the cost of step {step}, or its gradient, is not finite; it begins in {where}. That step changed no "
            "weight; the last checkpoint is whole. Examples: {ids}. Look at these, or begin a new run with a lower "
            "learning rate (--set train.optimizer.learning_rate=…) or clipping (--set train.clip_norm=1).",
            step=step,
            where=self.where,
            ids=self.examples,
        )

    def is_left_out(self, step: int, num_skipped: int) -> str:
        """A step that was skipped."""
        return t(
            "left out step {step} ({count} so far): it is not finite, beginning in {where}. Examples: {ids}.",
            step=step,
            count=num_skipped,
            where=self.where,
            ids=self.examples,
        )


def cause_of(task: Task, batches: Sequence[Batch], ids: Sequence[str]) -> Cause:
    """What of a step was not finite: the first part of it where something is seen.

    Args:
        task: around the network, whose gradients of the step are still there if it was the last one.
        batches: the parts of the step.
        ids: names of all examples.
    """
    where, rows, shown_batch = None, np.concatenate([batch.rows for batch in batches]), batches[0]
    for batch in batches:
        found = _bad_input(batch) or _bad_layer(task, batch)
        if found is not None:
            where, is_bad = found
            rows, shown_batch = batch.rows[is_bad] if is_bad.any() else batch.rows, batch
            break
    names = [ids[int(row)] for row in rows]
    return Cause(
        where or _bad_gradient(task.model), ", ".join(names[:5]) + (", …" if len(names) > 5 else ""), shown_batch
    )


def _bad_input(batch: Batch) -> tuple[str, np.ndarray] | None:
    """Which inputs are not finite, and in which examples. NaN among targets only says that a label is missing."""
    inputs = {"images": batch.images, "numbers": batch.numbers, "targets": batch.targets, "weights": batch.weights}
    for name, x in inputs.items():
        if x is not None:
            is_bad = _by_example(x.isinf() if name == "targets" else ~x.isfinite())
            if is_bad.any():
                return t("the inputs ({name})", name=name), is_bad
    return None


def _bad_layer(task: Task, batch: Batch) -> tuple[str, np.ndarray] | None:
    """The first layer whose output is not finite, and in which examples the network's is not."""
    first: list[str] = []
    with _watching(task.model, first), torch.no_grad():
        outputs = task.forward(batch)
    if not first:
        return None
    return t("the output of layer '{layer}'", layer=first[0]), _by_example(~outputs.isfinite())


def _bad_gradient(model: nn.Module) -> str:
    """The forward pass is finite: the layer nearest to the output whose gradient is not."""
    for name, parameter in reversed(list(model.named_parameters())):
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return t("the gradient of '{layer}'", layer=name)
    return t("the cost itself")


def _by_example(is_bad: Tensor) -> np.ndarray:
    return is_bad.flatten(1).any(dim=1).cpu().numpy() if is_bad.ndim > 1 else is_bad.cpu().numpy()


@contextmanager
def _watching(model: nn.Module, first: list[str]) -> Generator[None]:
    """Note the first leaf layer whose output is not finite."""

    def watch(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if not first and isinstance(output, Tensor) and not torch.isfinite(output).all():
                first.append(name)

        return hook

    handles = [
        layer.register_forward_hook(watch(name)) for name, layer in model.named_modules() if not list(layer.children())
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
