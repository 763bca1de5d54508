# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What guards a step: is it finite, and where did it stop being so; is there memory for it."""

import re
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.core.errors import TrainingError
from rumbo.core.messages import t
from rumbo.data.loader import Batch
from rumbo.tasks.task import Task

MOST_SKIPPED_IN_ROW = 3
LAG = 32
"""Steps after which a GPU is asked whether they were finite: by then it knows, and nobody waits."""


class NotFinite(TrainingError):
    """A cost or gradient is not finite; nothing was updated. `batch` is the one that showed it."""

    def __init__(self, message: str, batch: Batch):
        super().__init__(message)
        self.batch = batch


class LateAnswers:
    """Whether steps were finite, asked `LAG` steps later.

    A step that is not finite is left out on the GPU itself: fused optimizers take the flag as a tensor.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Tensor, np.ndarray]] = deque()

    def add(self, is_finite: Tensor, rows: np.ndarray) -> None:
        """Note a step's flag, on its way to the CPU, and the rows of its examples."""
        self._waiting.append((is_finite.to("cpu", non_blocking=True), rows))

    def bad(self, *, all_of_them: bool = False) -> list[np.ndarray]:
        """Rows of the steps that were not finite, among those old enough (or all)."""
        if all_of_them and torch.cuda.is_available():
            torch.cuda.synchronize()
        found: list[np.ndarray] = []
        while len(self._waiting) > (0 if all_of_them else LAG):
            flag, rows = self._waiting.popleft()
            if not bool(flag):
                found.append(rows)
        return found


def memory_short(error: BaseException) -> str | None:
    """How much memory was asked for in vain, as text for people; None for every other error.

    The words are those of the allocators of CPU and GPU, of C++, and of oneDNN, which cannot make a kernel's workspace.
    """
    text = str(error)
    signs = ("can't allocate memory", "not enough memory", "std::bad_alloc", "could not create a primitive")
    if not isinstance(error, torch.OutOfMemoryError | MemoryError) and not any(sign in text for sign in signs):
        return None
    if met := re.search(r"allocate ([\d.]+ [KMGT]iB)", text):
        return met[1]
    met = re.search(r"allocate (\d+) bytes", text)
    return f"{int(met[1]) / 2**20:.3g} MiB" if met else t("an unknown amount")


def explain(task: Task, batch: Batch, loss: Tensor, ids: Sequence[str], step: int) -> str:
    """What is not finite, where it begins, and in which examples."""
    inputs = {"images": batch.images, "numbers": batch.numbers, "targets": batch.targets, "weights": batch.weights}
    bad_input = next((name for name, x in inputs.items() if x is not None and _is_bad(name, x)), None)
    rows = batch.rows if batch.step_rows is None else batch.step_rows
    names = [ids[int(row)] for row in rows]
    shown_ids = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    where = t("the inputs ({name})", name=bad_input) if bad_input else _first_bad_layer(task, batch)
    return t(
        "the cost of step {step} is {loss} and not finite (or its gradient is not); it begins in {where}. Nothing was "
        "updated; the last checkpoint is whole. Batch: {ids}. Try a lower learning rate (--set "
        "train.optimizer.learning_rate=…), clipping (--set train.clip_norm=1), or look at these examples.",
        step=step + 1,
        loss=float(loss.detach()),
        where=where,
        ids=shown_ids,
    )


def _is_bad(name: str, x: Tensor) -> bool:
    """NaN among targets only says that a label is missing; infinity is always bad."""
    return bool(x.isinf().any()) or (name != "targets" and bool(x.isnan().any()))


def _first_bad_layer(task: Task, batch: Batch) -> str:
    first: list[str] = []
    with _watching(task.model, first), torch.no_grad():
        task.forward(batch)
    if first:
        return t("the output of layer '{layer}'", layer=first[0])
    # The forward pass is finite: take the layer nearest to the output whose gradient is not.
    for name, parameter in reversed(list(task.model.named_parameters())):
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return t("the gradient of '{layer}'", layer=name)
    return t("the cost itself")


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
