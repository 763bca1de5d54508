# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""One update: backward, finiteness, clipping, rate, step. Refuses an update that is not finite."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rumbo.core.errors import TrainingError
from rumbo.core.messages import t
from rumbo.data.loader import Batch
from rumbo.tasks.task import Task


def update(
    task: Task,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    *,
    rate: float,
    clip_norm: float | None,
    ids: Sequence[str],
) -> Tensor:
    """Make one update and return the batch's mean cost.

    Raises:
        TrainingError: the cost or a gradient is not finite; nothing was updated. Names the first bad layer and the
            batch's examples.
    """
    loss = task.cost(batch).mean
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if not torch.isfinite(loss.detach() + norm):
        raise TrainingError(_explain(task, batch, loss, ids))
    if clip_norm is not None:
        torch.nn.utils.clip_grads_with_norm_(parameters, clip_norm, norm)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    return loss.detach()


def _explain(task: Task, batch: Batch, loss: Tensor, ids: Sequence[str]) -> str:
    """What is not finite, where it begins, and in which examples."""
    inputs = {"images": batch.images, "numbers": batch.numbers}
    bad_input = next((name for name, x in inputs.items() if x is not None and not torch.isfinite(x).all()), None)
    names = [ids[int(row)] for row in batch.rows]
    shown_ids = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    where = t("the inputs ({name})", name=bad_input) if bad_input else _first_bad_layer(task, batch)
    return t(
        "the cost is {loss} and not finite (or its gradient is not); it begins in {where}. Nothing was updated; the "
        "last checkpoint is whole. Batch: {ids}. Try a lower learning rate (--set train.optimizer.learning_rate=…), "
        "clipping (--set train.clip_norm=1), or look at these examples.",
        loss=float(loss.detach()),
        where=where,
        ids=shown_ids,
    )


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
