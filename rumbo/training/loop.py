# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The loop: an iterator of events that one can read. Leave the `for` to stop; the state is whole after every event."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from rumbo.core.errors import TrainingError
from rumbo.core.messages import t
from rumbo.core.seeds import stream
from rumbo.data.loader import Loader
from rumbo.tasks.inference import infer
from rumbo.tasks.task import Task
from rumbo.training.events import Evaluated, Event, Finished, Stepped
from rumbo.training.optimizer import base_rate
from rumbo.training.options import FitOptions
from rumbo.training.schedule import rate_factor
from rumbo.training.state import TrainState
from rumbo.training.step import update


@dataclass(frozen=True, kw_only=True)
class FitData:
    """What a training sees: batches to learn from, and dev to choose by (None where there is none)."""

    train: Loader
    dev: Loader | None
    goal: str
    higher_is_better: bool
    seed: int = 0


def fit(task: Task, data: FitData, state: TrainState, options: FitOptions) -> Iterator[Event]:
    """Train for `options.epochs`, telling what happens; at the end the network has its best weights again.

    Args:
        task: what a batch means; its model is `state.model`.
        data: what to learn from and to choose by.
        state: where to begin; moved along in place.
        options: how; `epochs` must be a number.

    Yields:
        `Stepped` after each update, `Evaluated` after each epoch, `Finished` once.

    Raises:
        TrainingError: a cost or gradient is not finite.
    """
    assert options.epochs is not None
    per_epoch = len(data.train)
    num_steps, rate = options.epochs * per_epoch, base_rate(options.optimizer)
    clock = Clock(state)
    while (reason := _reason_to_stop(state, options)) is None:
        task.train_mode()
        for batch in data.train.epoch(state.epoch, start=state.batch):
            torch.manual_seed(stream(data.seed, "step", state.step))  # dropout: a function of the step
            factor = rate_factor(options.schedule, state.step, num_steps, per_epoch)
            loss = update(
                task,
                state.optimizer,
                batch,
                rate=rate * factor,
                clip_norm=options.clip_norm,
                ids=data.train.examples.ids,
            )
            state.loss_sum += loss.double().cpu()
            state.step, state.batch = state.step + 1, state.batch + 1
            clock.note()
            yield Stepped(state.step, state.epoch, state.batch, per_epoch, loss)
        event = _evaluate(task, data, state, rate * rate_factor(options.schedule, state.step - 1, num_steps, per_epoch))
        clock.note()
        state.epoch, state.batch, state.loss_sum = state.epoch + 1, 0, torch.zeros_like(state.loss_sum)
        yield event
    state.restore_best()
    task.model.eval()
    yield Finished(reason, state.epoch, state.best_epoch or state.epoch)


def _reason_to_stop(state: TrainState, options: FitOptions) -> str | None:
    """Why no further epoch begins; a function of the state, so that a resumed training answers the same."""
    if state.epoch >= (options.epochs or 0):
        return "epochs"
    if options.patience is not None and state.stale_epochs >= options.patience:
        return "patience"
    if (
        options.budget_seconds is not None
        and state.batch == 0 < state.epoch
        and state.seconds >= options.budget_seconds
    ):
        return "budget"
    return None


class Clock:
    """Adds the time spent to the state, so that a resumed run goes on counting."""

    def __init__(self, state: TrainState):
        self.state, self.last = state, time.monotonic()

    def note(self) -> None:
        """Add the time since the last note."""
        now = time.monotonic()
        self.state.seconds, self.last = self.state.seconds + now - self.last, now


def _evaluate(task: Task, data: FitData, state: TrainState, rate: float) -> Evaluated:
    values = {"train/loss": float(state.loss_sum) / max(state.batch, 1)}
    is_best = False
    if data.dev is not None:
        predictions = infer(task, data.dev)
        if not math.isfinite(predictions.loss):
            raise TrainingError(
                t(
                    "the predictions on dev are not finite after epoch {epoch}; the last checkpoint is whole.",
                    epoch=state.epoch + 1,
                )
            )
        values |= {"dev/loss": predictions.loss}
        values |= {f"dev/{name}": value for name, value in task.score(predictions).items()}
        is_best = state.keep_best(values[f"dev/{data.goal}"], predictions.loss, higher_is_better=data.higher_is_better)
    return Evaluated(state.epoch + 1, state.seconds, rate, values, is_best)
