# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The loop: an iterator of events that one can read. Leave the `for` to stop; the state is whole after every event."""

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from rumbo.core.errors import TrainingError
from rumbo.core.memory import keep_freed_memory, memory_short
from rumbo.core.messages import t
from rumbo.data.loader import Loader
from rumbo.tasks.inference import infer_in_parts
from rumbo.tasks.task import Predictions, Task
from rumbo.training.distributed import ALONE, Team
from rumbo.training.events import Evaluated, Evaluating, Event, Finished, Stepped, Warned
from rumbo.training.optimizer import base_rate
from rumbo.training.options import FitOptions
from rumbo.training.schedule import rate_factor
from rumbo.training.state import TrainState
from rumbo.training.step import Step


@dataclass(frozen=True, kw_only=True)
class FitData:
    """What a training sees: batches to learn from, and dev to choose by (None where there is none)."""

    train: Loader
    dev: Loader | None
    goal: str
    higher_is_better: bool
    seed: int = 0

    def dealt_to(self, team: Team) -> "FitData":
        """The part of one process of a team."""
        dev = None if self.dev is None else replace(self.dev, part=team.part)
        return replace(self, train=replace(self.train, part=team.part), dev=dev)


def fit(task: Task, data: FitData, state: TrainState, options: FitOptions, *, team: Team = ALONE) -> Iterator[Event]:
    """Train for `options.epochs`, telling what happens; at the end the network has its best weights again.

    Args:
        task: what a batch means; its model is `state.model`.
        data: what to learn from and to choose by.
        state: where to begin; moved along in place.
        options: how; `epochs` must be a number.
        team: the processes that train together; each has its part of the batches, and all get the same events.

    Yields:
        `Stepped` after each update, `Evaluating` between the batches of dev, `Evaluated` after each epoch, `Warned`
        where something should be known, `Finished` once.

    Raises:
        TrainingError: a cost or gradient is not finite, or a single example does not fit into memory.
    """
    keep_freed_memory()
    plan = Plan.of(options, len(data.train))
    step = Step(task, state, options, examples=data.train.examples, seed=data.seed, team=team)
    clock = Clock(state)
    while (reason := _reason_to_stop(state, options)) is None:
        task.train_mode(freeze_norms=options.freeze_norms)
        size, part = plan.sizes(state, data.train)
        try:
            for batch in data.train.epoch(state.epoch, state.batch, batch_size=size, micro_batch=part):
                loss = step(batch, plan.rate(state))
                if loss is None:
                    continue
                told = state.advance(loss, batch.rows if batch.step_rows is None else batch.step_rows)
                del batch  # its memory is there for the next one, and warm
                clock.note()
                yield from map(Warned, (*step.explain_left_out(), *told))
                yield Stepped(state.step, state.epoch, state.batch, plan.steps_in(state.epoch), loss)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise _too_few_for_norm() from error
        except (RuntimeError, MemoryError) as error:
            yield Warned(_shrink(state, size, min(part or size, size), error, step))
            step.forget()
            continue
        state.read()
        yield from map(Warned, step.explain_left_out())
        team.same_statistics(state.judged)
        event = yield from _evaluate(task.with_model(state.judged), data, state, plan, team)
        clock.note()
        state.seconds = team.from_first(state.seconds)
        yield from map(Warned, state.end_epoch(event.learning_rate))
        yield event
    state.restore_best()
    task.model.eval()
    yield Finished(reason, state.epoch, state.best_epoch or state.epoch)


@dataclass(frozen=True)
class Plan:
    """How many steps each epoch makes, and at which rate; the last epochs may make one step of all examples."""

    options: FitOptions
    steps_per_epoch: int

    @classmethod
    def of(cls, options: FitOptions, steps_per_epoch: int) -> "Plan":
        """The plan of a training whose number of epochs is known."""
        assert options.epochs is not None
        return cls(options, steps_per_epoch)

    def steps_in(self, epoch: int) -> int:
        """Steps of an epoch, from 0."""
        assert self.options.epochs is not None
        return 1 if epoch >= self.options.epochs - self.options.full_batch_epochs else self.steps_per_epoch

    def sizes(self, state: TrainState, train: Loader) -> tuple[int, int | None]:
        """Examples of a step of the epoch in progress, and those in memory at a time (None: all of the step)."""
        if self.steps_in(state.epoch) == len(train):
            return train.batch_size, state.micro_batch
        return len(train.rows), state.micro_batch or train.batch_size

    def rate(self, state: TrainState, *, back: int = 0) -> float:
        """The learning rate of the next step, or of one that was made."""
        options, step = self.options, state.step - back
        assert options.epochs is not None
        num_full = min(options.full_batch_epochs, options.epochs)
        num_steps = (options.epochs - num_full) * self.steps_per_epoch + num_full
        factor = rate_factor(options.schedule, step, num_steps, self.steps_per_epoch, epoch=state.epoch)
        return base_rate(options.optimizer) * factor


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


def _shrink(state: TrainState, step_size: int, size: int, error: Exception, step: Step) -> str:
    """Where memory was short, halve what is in memory at a time; other errors are raised again."""
    needed, team = memory_short(error), step.team
    if needed is None:
        raise error
    if step.is_updating:  # some weights may have moved already
        raise TrainingError(
            t(
                "there is no memory for the optimizer's own numbers ({needed} more was asked for). Take a smaller "
                "network, or an optimizer that keeps less: --set train.optimizer.name=sgd.",
                needed=needed,
            )
        ) from error
    if team.world > 1:  # the others wait in the middle of this step
        raise TrainingError(
            t(
                "no memory for {size} examples at once ({needed} more was asked for). Go on from the last checkpoint "
                "with fewer processes, or begin anew with smaller parts (--set train.micro_batch={part}).",
                size=-(-size // team.world),
                needed=needed,
                part=max(1, -(-size // team.world) // 2),
            )
        ) from error
    if size == 1:
        raise TrainingError(
            t(
                "there is no memory for a single example ({needed} more was asked for). Take a smaller network or "
                "smaller pictures (--set data.image_size=…).",
                needed=needed,
            )
        ) from error
    state.micro_batch = size // 2
    return t(
        "no memory for {size} examples at once ({needed} more was asked for): each step of {step} examples is now "
        "made in parts of {part}. Batch normalization, dropout and mixing see a difference.",
        size=size,
        needed=needed,
        step=step_size,
        part=state.micro_batch,
    )


def _too_few_for_norm() -> TrainingError:
    return TrainingError(
        t(
            "batch normalization has no spread to go by in a part of one example. Set train.micro_batch (or "
            "train.batch_size) to 2 or more, or take a network without it (--set model.options.norm=none)."
        )
    )


def _evaluate(
    task: Task, data: FitData, state: TrainState, plan: Plan, team: Team
) -> Generator[Event, None, Evaluated]:
    values = {"train/loss": state.mean_loss}
    is_best = False
    if data.dev is not None:
        predictions = yield from _judge(task, data.dev, state.epoch + 1, team)
        scores = dict.fromkeys(task.metric_names(), math.nan)
        if math.isfinite(predictions.loss):
            scores = task.score(predictions)
        else:
            yield Warned(
                t(
                    "the predictions on dev are not finite after epoch {epoch}: it is not kept, and training goes on.",
                    epoch=state.epoch + 1,
                )
            )
        values |= {"dev/loss": predictions.loss} | {f"dev/{name}": value for name, value in scores.items()}
        is_best = state.keep_best(values[f"dev/{data.goal}"], predictions.loss, higher_is_better=data.higher_is_better)
    return Evaluated(state.epoch + 1, state.seconds, plan.rate(state, back=1), values, is_best)


def _judge(task: Task, dev: Loader, epoch: int, team: Team) -> Generator[Event, None, Predictions]:
    parts = infer_in_parts(task, dev, gather=team.gather)
    while True:
        try:
            done = next(parts)
        except StopIteration as end:
            return end.value
        yield Evaluating(epoch, done, len(dev.rows))
