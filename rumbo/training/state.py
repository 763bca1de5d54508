# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""All that must survive an interruption, as named tensors and JSON numbers."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from rumbo.core.errors import DataError, TrainingError
from rumbo.core.messages import t
from rumbo.training.averaging import WeightAverage
from rumbo.training.distributed import cut_like, is_sharded, whole
from rumbo.training.optimizer import make_optimizer
from rumbo.training.options import FitOptions
from rumbo.training.trend import Trend

FORMAT = 2
"""1 had no average, scaler, micro-batch or count of skipped steps; it is still read."""
LAG = 32
"""Steps after which a GPU is asked for its losses."""
LEAST_SCALE = 2.0**-20
"""Of fp16 gradients; with less, none is left of them."""


@dataclass
class TrainState:
    """Weights, optimizer, position and the best weights so far. Whole after every event of the loop.

    Randomness needs no state: it is a function of (seed, purpose, position).

    Attributes:
        model: the network in training.
        optimizer: its optimizer.
        average: the moving average of the weights; None where none is kept.
        scaler: of fp16 gradients; None in other precisions.
        epoch: the epoch in progress, from 0.
        batch: steps of that epoch already done.
        step: steps made, skipped ones included.
        num_skipped: steps that were left out because they were not finite.
        skipped_in_row: those since the last update.
        left_out: those that nobody has explained yet: number, rows of the examples, how manieth in a row.
        micro_batch: examples in memory at a time; None: all of a step. Shrinks when memory is short.
        trend: what the losses so far say of how it goes.
        loss_sum: sum of the losses of this epoch's steps so far that were finite.
        num_counted: how many those are.
        best_value: the goal's best value on dev; NaN before the first evaluation.
        best_loss: the loss on dev of that epoch.
        best_epoch: the epoch (from 1) that gave it; 0 before.
        best_weights: the weights of that epoch.
        stale_epochs: epochs since then.
        seconds: time spent in training, over all sittings.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: WeightAverage | None = None
    scaler: torch.amp.GradScaler | None = None
    epoch: int = 0
    batch: int = 0
    step: int = 0
    num_skipped: int = 0
    skipped_in_row: int = 0
    left_out: list["LeftOut"] = field(default_factory=list["LeftOut"])
    micro_batch: int | None = None
    trend: Trend = field(default_factory=Trend)
    loss_sum: float = 0.0
    num_counted: int = 0
    best_value: float = math.nan
    best_loss: float = math.inf
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    stale_epochs: int = 0
    seconds: float = 0.0
    _unread: list[tuple[Tensor, np.ndarray]] = field(default_factory=list[tuple[Tensor, np.ndarray]])
    _told: list[str] = field(default_factory=list[str])

    @classmethod
    def fresh(cls, model: nn.Module, options: FitOptions) -> "TrainState":
        """The state before the first step. The network is on its device and in its memory layout already."""
        return cls(
            model=model,
            optimizer=make_optimizer(model, options.optimizer),
            average=WeightAverage(model, options.average_decay) if options.average_decay else None,
            scaler=torch.amp.GradScaler(device_of(model).type) if options.precision == "fp16" else None,
            micro_batch=options.micro_batch,
        )

    @property
    def judged(self) -> nn.Module:
        """The network that is evaluated on dev and kept: the averaged one where there is one."""
        return self.model if self.average is None else self.average.model

    def advance(self, loss: Tensor, rows: np.ndarray) -> list[str]:
        """Move on by a step that was made, or left out: then its loss is NaN. Sentences on how it goes.

        On a GPU losses are read together, so that nobody waits for each: every `LAG` steps, at the end of an epoch, and
        before a checkpoint.
        """
        self.step, self.batch = self.step + 1, self.batch + 1
        if loss.device.type == "cpu":
            self._take(loss.item(), self.step, rows)
        else:
            self._unread.append((loss, rows))
            if len(self._unread) >= LAG:
                self.read()
        return self.take_told()

    def read(self) -> None:
        """Read the losses that are still on a GPU."""
        if not self._unread:
            return
        first = self.step - len(self._unread) + 1
        losses = torch.stack([loss for loss, _ in self._unread]).tolist()
        for number, (value, (_, rows)) in enumerate(zip(losses, self._unread, strict=True), start=first):
            self._take(value, number, rows)
        self._unread.clear()
        if self.scaler is not None and self.scaler.get_scale() < LEAST_SCALE:
            raise TrainingError(
                t("the gradients do not fit into fp16, however they are scaled. Set train.precision=fp32 or bf16.")
            )

    def _take(self, loss: float, number: int, rows: np.ndarray) -> None:
        if math.isfinite(loss):
            self.loss_sum, self.num_counted, self.skipped_in_row = self.loss_sum + loss, self.num_counted + 1, 0
            self._told += self.trend.steps((loss,))
        else:
            self.num_skipped, self.skipped_in_row = self.num_skipped + 1, self.skipped_in_row + 1
            self.left_out.append(LeftOut(number, rows, self.skipped_in_row))

    def take_told(self) -> list[str]:
        """Sentences on how it goes, since they were last taken."""
        told, self._told = self._told, []
        return told

    @property
    def mean_loss(self) -> float:
        """Of the epoch's steps so far that were finite; NaN where there was none."""
        return self.loss_sum / self.num_counted if self.num_counted else math.nan

    def end_epoch(self, rate: float) -> list[str]:
        """Move on to the next epoch; this one had this rate at its end."""
        sentences = [*self.take_told(), *self.trend.epoch(self.mean_loss, rate)]
        self.epoch, self.batch, self.loss_sum, self.num_counted = self.epoch + 1, 0, 0.0, 0
        return sentences

    def keep_best(self, value: float, loss: float, *, higher_is_better: bool) -> bool:
        """Note an epoch's goal; remember the weights when it is the best. The lower loss breaks a tie.

        A goal that is not finite never is the best.
        """
        better = value > self.best_value if higher_is_better else value < self.best_value
        better = better or (value == self.best_value and loss < self.best_loss)
        if math.isfinite(value) and (better or math.isnan(self.best_value)):
            self.best_value, self.best_loss, self.best_epoch, self.stale_epochs = value, loss, self.epoch + 1, 0
            self.best_weights = {name: tensor.detach().clone() for name, tensor in self.judged.state_dict().items()}
            return True
        self.stale_epochs += 1
        return False

    def restore_best(self) -> None:
        """Put the best weights into the network; the last (averaged) ones where dev was never evaluated."""
        if self.best_weights:
            self.model.load_state_dict(self.best_weights)
        elif self.average is not None:
            self.model.load_state_dict(self.average.model.state_dict())

    def to_files(self, extra: Mapping[str, Any]) -> dict[str, bytes]:
        """The content of a checkpoint. `extra` holds what the caller must find again, as JSON types.

        Raises:
            TrainingError: a weight or statistic is not finite; a checkpoint of it would be of no use.
        """
        self.read()
        tensors = {name: whole(x).detach().cpu().contiguous().clone() for name, x in self._tensors().items()}
        bad = [name for name in self.model.state_dict() if not bool(tensors[f"model.{name}"].isfinite().all())]
        if bad:
            raise TrainingError(
                t(
                    "after step {step} the weights '{name}' are not finite: no checkpoint is made of them; the last "
                    "one is whole.",
                    step=self.step,
                    name=bad[0],
                )
            )
        numbers = {
            "format": FORMAT,
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self.step,
            "loss_sum": self.loss_sum,
            "num_counted": self.num_counted,
            "num_skipped": self.num_skipped,
            "skipped_in_row": self.skipped_in_row,
            "micro_batch": self.micro_batch,
            "num_averaged": 0 if self.average is None else self.average.num_updates,
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
            "best_value": None if math.isnan(self.best_value) else self.best_value,
            "best_loss": self.best_loss if math.isfinite(self.best_loss) else None,
            "best_epoch": self.best_epoch,
            "stale_epochs": self.stale_epochs,
            "seconds": self.seconds,
            "trend": self.trend.to_dict(),
            "extra": dict(extra),
        }
        return {
            "state.safetensors": save_tensors(tensors),
            "state.json": json.dumps(numbers, allow_nan=False, indent=1).encode(),
        }

    def gather(self) -> None:
        """Give this process's shards to the one that writes a checkpoint; without shards, nothing."""
        if is_sharded(self.model):
            for tensor in self._tensors().values():
                whole(tensor)

    @property
    def num_bytes(self) -> int:
        """About how much a checkpoint takes."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._tensors().values())

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best_weights.items()}
        if self.average is not None:
            tensors |= {f"average.{name}": tensor for name, tensor in self.average.model.state_dict().items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{slot}": value for slot, value in slots.items()}
        return tensors

    def load_files(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        """Continue from a checkpoint's files; returns `extra`.

        Raises:
            DataError: another format, or tensors of another network.
        """
        numbers = json.loads(files["state.json"])
        if numbers["format"] not in (1, FORMAT):
            raise DataError(
                t(
                    "the checkpoint has format {met}; this version reads format {wanted}.",
                    met=numbers["format"],
                    wanted=f"1, {FORMAT}",
                )
            )
        tensors = load_tensors(files["state.safetensors"])
        part = _by_prefix(tensors)
        _require_same_network(part["model"], self.model.state_dict())
        own = self.model.state_dict()
        self.model.load_state_dict({name: cut_like(own[name], tensor) for name, tensor in part["model"].items()})
        best = {name: tensor.to(device_of(self.model)) for name, tensor in part.get("best", {}).items()}
        self.best_weights = {name: cut_like(own[name], tensor) for name, tensor in best.items()}
        if self.average is not None:
            self.average.load(part.get("average", part["model"]), numbers.get("num_averaged", 0))
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in part.get("optimizer", {}).items():
            index, _, slot = name.partition(".")
            state.setdefault(int(index), {})[slot] = _laid_out_like(weights[int(index)], tensor)
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})
        if self.scaler is not None and numbers.get("scaler"):
            self.scaler.load_state_dict(numbers["scaler"])
        self.epoch, self.batch, self.step = numbers["epoch"], numbers["batch"], numbers["step"]
        is_first_format = numbers["format"] == 1
        self.loss_sum = float(tensors["loss_sum"]) if is_first_format else numbers["loss_sum"]
        self.num_counted = self.batch if is_first_format else numbers["num_counted"]
        self.num_skipped, self.skipped_in_row = numbers.get("num_skipped", 0), numbers.get("skipped_in_row", 0)
        self.micro_batch = numbers.get("micro_batch", self.micro_batch)
        self.best_value = math.nan if numbers["best_value"] is None else numbers["best_value"]
        self.best_loss = math.inf if numbers["best_loss"] is None else numbers["best_loss"]
        self.best_epoch, self.stale_epochs = numbers["best_epoch"], numbers["stale_epochs"]
        self.seconds = numbers["seconds"]
        self.trend = Trend.from_dict(numbers.get("trend", {}))
        return numbers["extra"]


class LeftOut(NamedTuple):
    """A step that was not finite."""

    step: int
    rows: np.ndarray
    in_row: int


def device_of(model: nn.Module) -> torch.device:
    """Where a network is; the CPU for one without weights."""
    return next((weight.device for weight in model.parameters()), torch.device("cpu"))


def _require_same_network(met: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    shapes = [{name: tensor.shape for name, tensor in tensors.items()} for tensors in (met, wanted)]
    if other := sorted({name for name, _ in shapes[0].items() ^ shapes[1].items()}):
        reason = t(
            "{count} of its tensors are not of this network: {names}", count=len(other), names=", ".join(other[:5])
        )
        raise DataError(t("{path} is refused: {reason}.", path="state.safetensors", reason=reason))


def _laid_out_like(weight: Tensor, slot: Tensor) -> Tensor:
    """An optimizer's tensor in the memory layout of its weight, which fused updates take for granted."""
    return torch.empty_like(weight).copy_(cut_like(weight, slot)) if slot.shape == weight.shape else slot


def _by_prefix(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        prefix, _, rest = name.partition(".")
        parts.setdefault(prefix, {})[rest] = tensor
    return parts
