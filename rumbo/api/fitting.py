"""`rumbo.fit`: train any torch module on tensors, with the loop that everything else uses."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.core.devices import cpu_flags
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.core.seeds import rng
from rumbo.data.loader import Examples, Loader
from rumbo.tasks.plain import LossFunction, PlainTask
from rumbo.training.events import Evaluated, Event, Finished
from rumbo.training.loop import FitData
from rumbo.training.loop import fit as fit_loop
from rumbo.training.options import (
    FitOptions,
    OptimizerName,
    OptimizerOptions,
    PrecisionName,
    ScheduleName,
    ScheduleOptions,
)
from rumbo.training.precision import choose
from rumbo.training.state import TrainState

Array = Tensor | np.ndarray


@dataclass
class History:
    """What happened: one row per epoch with names such as `train/loss`, `dev/loss`, `dev/accuracy`.

    Attributes:
        rows: the epochs' values.
        best_epoch: from 1; its weights are in the module.
        reason: why training ended: epochs, patience or budget.
    """

    rows: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    best_epoch: int = 0
    reason: str = ""

    def __getitem__(self, name: str) -> list[float]:
        """One column: `history["dev/loss"]`."""
        return [row[name] for row in self.rows]


def fit(
    module: nn.Module,
    x: Array,
    y: Array,
    *,
    loss: LossFunction | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    validation: float | tuple[Array, Array] | None = None,
    optimizer: OptimizerName = "adamw",
    learning_rate: float | None = None,
    weight_decay: float = 0.0,
    schedule: ScheduleName = "constant",
    clip_norm: float | None = None,
    micro_batch: int | None = None,
    average_decay: float = 0.0,
    patience: int | None = None,
    precision: PrecisionName = "auto",
    seed: int = 0,
    watch: Callable[[Event], None] | None = None,
) -> History:
    """Train a module in place; with `validation`, the best epoch's weights are restored at the end.

    Args:
        module: takes one tensor, gives outputs with the same first dimension; batches go to its device.
        x: inputs, m x anything.
        y: targets; whole numbers are class codes.
        loss: (outputs, targets) to one loss per item or their mean; none takes cross-entropy or squared error.
        epochs: passes over the data, >= 1.
        batch_size: examples per step; 0 means all of them.
        validation: (x, y) of dev, or the share of the examples to hold back for it, in (0, 1).
        optimizer: a name of `rumbo.training.options.OptimizerName`: sgd, momentum, adam, adamw and others.
        learning_rate: the base rate; none takes the usual one of the optimizer.
        weight_decay: L2 on matrices and kernels.
        schedule: a name of `rumbo.training.options.ScheduleName`: constant, cosine, one_cycle and others.
        clip_norm: largest norm of the gradient.
        micro_batch: examples in memory at a time; the gradients of a step's parts add up.
        average_decay: judge and keep a moving average of the weights with this decay, in [0, 1); 0 does not.
        patience: epochs without a lower loss on dev before training stops.
        precision: auto, fp32, bf16 or (on a GPU) fp16, of the forward and backward pass; auto goes by processor and
            network. Weights, outputs and costs stay fp32.
        seed: of shuffling, dropout and the held-back share.
        watch: sees each event.

    Returns:
        The history.

    Raises:
        UsageError: shapes or values that do not fit.
        TrainingError: the cost or a gradient is not finite.

    >>> module = nn.Linear(1, 1)
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> history = fit(module, x, 2 * x, epochs=60, optimizer="adam", learning_rate=0.05)
    >>> round(module.weight.item(), 2), history["train/loss"][-1] < 1e-3
    (2.0, True)
    """
    inputs, targets = _pair(x, y)
    options = FitOptions(
        epochs=epochs,
        batch_size=batch_size,
        optimizer=OptimizerOptions(name=optimizer, learning_rate=learning_rate, weight_decay=weight_decay),
        schedule=ScheduleOptions(name=schedule),
        clip_norm=clip_norm,
        micro_batch=micro_batch,
        average_decay=average_decay,
        patience=patience,
        precision=precision,
        layout="usual",
        compile="no",
    )
    place = next((weight.device for weight in module.parameters()), torch.device("cpu"))
    device = str(place)
    train, dev = _loaders(inputs, targets, validation, min(batch_size or len(inputs), len(inputs)), seed, device)
    if patience is not None and dev is None:
        raise UsageError(
            t("patience={value} needs validation: early stopping watches the loss on dev.", value=patience)
        )
    task = PlainTask(module, loss, is_classifier=not targets.is_floating_point())
    size = min(micro_batch or train.batch_size, train.batch_size)
    as_they_are = replace(options, threads=torch.get_num_threads())  # they are the caller's
    choice = choose(module, [inputs[:1].to(place)], size, as_they_are, place, cpu_flags())
    options = replace(options, precision=choice.precision)
    state = TrainState.fresh(module, options)
    history = History()
    data = FitData(train=train, dev=dev, goal="loss", higher_is_better=False, seed=seed)
    for event in fit_loop(task, data, state, options):
        if watch is not None:
            watch(event)
        if isinstance(event, Evaluated):
            history.rows.append({"epoch": float(event.epoch), **event.metrics})
        elif isinstance(event, Finished):
            history.best_epoch, history.reason = event.best_epoch, event.reason
    return history


def _loaders(
    inputs: Tensor,
    targets: Tensor,
    validation: float | tuple[Array, Array] | None,
    batch_size: int,
    seed: int,
    device: str,
) -> tuple[Loader, Loader | None]:
    rows = np.arange(len(inputs))
    train = Loader(examples=_examples(inputs, targets), rows=rows, batch_size=batch_size, seed=seed, device=device)
    if validation is None:
        return train, None
    if isinstance(validation, tuple):
        held = _examples(*_pair(*validation))
        return train, Loader(examples=held, rows=np.arange(len(held.ids)), batch_size=256, device=device)
    num_dev = round(validation * len(rows))
    if not 0 < num_dev < len(rows):
        raise UsageError(
            t("validation={share} of {count} examples leaves train or dev empty.", share=validation, count=len(rows))
        )
    order = rng(seed, "validation").permutation(rows)
    dev = replace(train, rows=np.sort(order[:num_dev]), batch_size=256)
    return replace(train, rows=np.sort(order[num_dev:])), dev


def _examples(inputs: Tensor, targets: Tensor) -> Examples:
    return Examples(
        ids=[str(row) for row in range(len(inputs))], targets=targets, weights=torch.ones(len(inputs)), numbers=inputs
    )


def _pair(x: Array, y: Array) -> tuple[Tensor, Tensor]:
    """Inputs and as many targets; whole numbers are class codes."""
    inputs, targets = _tensor(x, "x"), _tensor(y, "y")
    if len(inputs) != len(targets) or len(inputs) == 0:
        raise UsageError(
            t("x has {x} examples and y has {y}: one target each is needed.", x=len(inputs), y=len(targets))
        )
    return inputs, targets if targets.is_floating_point() else targets.long()


def _tensor(values: Any, name: str) -> Tensor:
    tensor = values if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))
    if tensor.dtype == torch.float64:
        tensor = tensor.float()
    if tensor.ndim == 0:
        raise UsageError(t("{name} is a single number; examples go along the first dimension.", name=name))
    return tensor
