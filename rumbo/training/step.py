# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""One update: backward in one part or several, finiteness, clipping, penalties, rate, step, average."""

import math

import numpy as np
import torch
from torch import Tensor

from rumbo.core.seeds import stream
from rumbo.data.augmentation.mixup import mix
from rumbo.data.loader import Batch, Examples
from rumbo.tasks.task import Task
from rumbo.training import tensors
from rumbo.training.computing import as_computed
from rumbo.training.distributed import ALONE, Team, is_sharded, own_part
from rumbo.training.guards import MOST_SKIPPED_IN_ROW, NotFinite, cause_of
from rumbo.training.optimizer import apply_penalties
from rumbo.training.options import FitOptions
from rumbo.training.state import TrainState, device_of
from rumbo.training.update import Update


class Step:
    """Steps on one network, one after the other; what does not change between them is worked out once.

    Args:
        task: what a batch means, around the network that is trained.
        state: moved along in place.
        options: of the training.
        examples: what batches are taken from.
        seed: of dropout and mixing, which are functions of (seed, step, part, rank).
        team: the processes that make each step together.
    """

    def __init__(
        self,
        task: Task,
        state: TrainState,
        options: FitOptions,
        *,
        examples: Examples,
        seed: int,
        team: Team = ALONE,
    ):
        self.task, self.state, self.options, self.examples, self.seed = task, state, options, examples, seed
        self.team, self._parallel, self._is_sharded = team, team.in_parallel(task.model), is_sharded(task.model)
        self._device = device_of(task.model)
        self._computed = task.with_model(as_computed(self._parallel, options, self._device))
        self._trained = [weight for group in state.optimizer.param_groups for weight in group["params"]]
        self._optimize = Update(state.optimizer, is_alone=team.world == 1)
        self._is_late = self._device.type == "cuda" and _takes_flags(state.optimizer)
        self._statistics = list(task.model.buffers()) if options.on_nonfinite == "skip" else []
        self._part, self._loss, self._one = 0, torch.zeros(()), torch.ones((), device=self._device)
        self._last: Batch | None = None
        # Recorded on a GPU, a step writes its gradients always to the same place.
        self._keeps_gradients = options.compile == "yes" and self._device.type == "cuda"
        self.is_updating = False

    def __call__(self, batch: Batch, rate: float) -> Tensor | None:
        """Add a batch's gradient; after the last part of a step, update, unless something is not finite.

        Args:
            batch: a step, or a part of one.
            rate: the learning rate of the step.

        Returns:
            The step's mean cost, detached; NaN where it was left out; None before its last part.
        """
        if self._part == 0:
            self._forget_gradients()
            self._kept = [buffer.clone() for buffer in self._statistics]
        loss = self._backward(batch)
        self._loss = loss if self._part == 0 else self._loss + loss
        self._part += 1
        if not batch.ends_step:
            return None
        self._part, self._loss = 0, self.team.sum(self._loss)
        self._last = None
        self.is_updating = True
        self._update(batch, rate)
        self.is_updating = False
        return self._loss

    def explain_left_out(self) -> list[str]:
        """What became of the steps that were not finite: a sentence for each.

        Raises:
            NotFinite: one is one too many.
        """
        sentences: list[str] = []
        for number, rows, in_row in self.state.left_out:
            # Its own batch is there where nobody had to wait for the answer; else the examples are taken again.
            parts = [self._last] if self._last is not None else self._parts(rows)
            seed_generators(stream(self.seed, "step", *self.team.position(number - 1, 0)), on_gpu=False)  # its dropout
            cause = cause_of(self.task, parts, self.examples.ids)
            if self.options.on_nonfinite == "stop" or in_row > MOST_SKIPPED_IN_ROW:
                raise NotFinite(cause.stops(number), cause.batch)
            sentences.append(cause.is_left_out(number, self.state.num_skipped))
        self.state.left_out.clear()
        return sentences

    def _parts(self, rows: np.ndarray) -> list[Batch]:
        size = self.state.micro_batch or len(rows)
        cuts = [rows[low : low + size] for low in range(0, len(rows), size)]
        return [self.examples.batch(part).to(str(self._device)) for part in cuts]

    def forget(self) -> None:
        """Leave out the parts of a step that was broken off; it can be made again from its first one."""
        self._part = 0

    def _forget_gradients(self) -> None:
        if self._keeps_gradients:
            self.state.optimizer.zero_grad(set_to_none=False)
            return
        for weight in self._trained:  # as zero_grad, without its marks for a profiler
            weight.grad = None

    def _backward(self, batch: Batch) -> Tensor:
        options, position = self.options, self.team.position(self.state.step, self._part)
        seed_generators(
            stream(self.seed, "step", *position), on_gpu=self._device.type == "cuda"
        )  # dropout: a function of the step
        if options.mixup or options.cutmix:
            batch = mix(batch, mixup=options.mixup, cutmix=options.cutmix, seed=stream(self.seed, "mix", *position))
        with self.team.adding_up(self._parallel, is_last=batch.ends_step):
            cost = self._computed.cost(batch)
            loss = cost.mean if batch.step_rows is None else cost.over(self._weights(batch))
            # Of the processes' gradients the mean is taken, and their sum is meant.
            whole = loss if self.team.world == 1 else loss * self.team.world
            (whole if self.state.scaler is None else self.state.scaler.scale(whole)).backward()
        return loss.detach()

    def _weights(self, batch: Batch) -> "dict[str, Tensor | float]":
        """The weight of each term over the whole step, of which this batch is a part."""
        index = torch.from_numpy(batch.step_rows)
        weights = self.task.term_weights(self.examples.targets[index], self.examples.weights[index])
        device = batch.weights.device
        return {name: weight.to(device) if isinstance(weight, Tensor) else weight for name, weight in weights.items()}

    def _update(self, batch: Batch, rate: float) -> None:
        state, options, optimizer = self.state, self.options, self.state.optimizer
        if state.scaler is not None:
            state.scaler.unscale_(optimizer)
        gradients = [weight.grad for weight in self._trained if weight.grad is not None]
        if self._is_sharded:
            gradients = [own_part(gradient) for gradient in gradients]
        if not self._may_update(gradients, batch):
            return
        if options.clip_value is not None:
            tensors.clip_to_value(gradients, options.clip_value)
        if options.clip_norm is not None:
            norm = tensors.norm(gradients)
            tensors.clip_to_norm(gradients, options.clip_norm, self.team.norm(norm) if self._is_sharded else norm)
        for group in optimizer.param_groups:
            group["lr"] = rate
        if options.optimizer.l1:
            apply_penalties(optimizer)
        if state.scaler is None:
            self._optimize(gradients)
        else:
            state.scaler.step(optimizer)
            state.scaler.update()
        if state.average is not None:
            state.average.update()

    def _may_update(self, gradients: list[Tensor], batch: Batch) -> bool:
        """Whether the step is finite. Where a GPU would have to be waited for, it leaves the step out by itself."""
        if self.state.scaler is not None:  # fp16: the scaler leaves steps out that are too large, and lowers its scale
            return True
        bad = tensors.not_finite(gradients, self._one)
        bad = self.team.sum(bad) if self._is_sharded else bad
        if self._is_late:
            bad = torch.where(self._loss.isfinite(), bad, 1.0)
            self.state.optimizer.found_inf = bad  # pyright: ignore[reportAttributeAccessIssue]
            self._loss = torch.where(bad > 0, torch.nan, self._loss)
            for buffer, kept in zip(self._statistics, self._kept, strict=True):
                buffer.copy_(torch.where(bad > 0, kept, buffer))
            return True
        if bad.item() == 0 and math.isfinite(self._loss.item()):
            return True
        self._loss = torch.full_like(self._loss, math.nan)
        self._last = batch if batch.step_rows is None and self.team.world == 1 else None
        for buffer, kept in zip(self._statistics, self._kept, strict=True):
            buffer.copy_(kept)
        return False


def seed_generators(seed: int, *, on_gpu: bool) -> None:
    """Seed torch's default generators. `torch.manual_seed` also notes a traceback for each GPU it cannot see yet."""
    torch.default_generator.manual_seed(seed)
    if on_gpu:
        torch.cuda.manual_seed_all(seed)


def _takes_flags(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an optimizer leaves a step out by a flag on the GPU."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))
