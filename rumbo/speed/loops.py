# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The two loops of a race: ours, watched as `rumbo train` does, and the one that a careful person writes by hand."""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from rumbo.core.seeds import rng
from rumbo.data.loader import Loader, cut
from rumbo.speed.race import Round
from rumbo.tasks.task import Task
from rumbo.training.events import Evaluated, Event, Stepped
from rumbo.training.loop import FitData, fit
from rumbo.training.options import FitOptions
from rumbo.training.state import TrainState

SEED = 0
EPOCHS = 1_000_000
"""More than any race has rounds: it is left before the end."""
LINES_PER_SECOND = 10


def our_loop(task: Task, loader: Loader, options: FitOptions) -> Round:
    """An epoch of `fit` a round: guards, events and a line of progress ten times a second, as in a real training."""
    state = TrainState.fresh(task.model, options)
    data = FitData(train=loader, dev=None, goal="loss", higher_is_better=False, seed=SEED)
    events = fit(task, data, state, options)
    watcher = Watcher(state, options.save_every_seconds)

    def one_round() -> list[float]:
        losses: list[Tensor] = []
        for event in events:
            watcher.see(event)
            if isinstance(event, Stepped):
                losses.append(event.loss)
            elif isinstance(event, Evaluated):
                break
        return torch.stack(losses).tolist()

    return one_round


class Watcher:
    """What a training is asked and shown after each event; `rumbo.api.training` does the same and more per epoch."""

    def __init__(self, state: TrainState, save_every_seconds: float):
        self.state, self.save_every_seconds = state, save_every_seconds
        self.is_asked_to_stop = False
        self.saved_at_seconds = self.drawn_at_seconds = 0.0
        self.line = ""

    def see(self, event: Event) -> None:
        """One event: a line of progress now and then, and whether it is time to save or to leave."""
        now = time.monotonic()
        if isinstance(event, Stepped) and now - self.drawn_at_seconds > 1 / LINES_PER_SECOND:
            self.drawn_at_seconds = now
            self.line = f"{event.epoch + 1} {event.batch}/{event.num_batches} {float(event.loss):.4g}"
        if self.is_asked_to_stop or self.state.seconds - self.saved_at_seconds > self.save_every_seconds:
            self.saved_at_seconds = self.state.seconds


def loop_by_hand(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: Tensor,
    targets: Tensor,
    *,
    batch_size: int,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    prepare: Callable[[Tensor], Tensor] = lambda batch: batch,
) -> Round:
    """An epoch a round over tensors in memory: gather, prepare, forward, backward, step. Nothing is read per step.

    Args:
        model: the network.
        optimizer: its optimizer.
        inputs: all examples.
        targets: theirs.
        batch_size: examples in a step.
        loss_of: (outputs, targets) to the mean loss.
        prepare: gathered inputs to what the network takes.
    """
    epochs = _orders(len(inputs))

    def one_round() -> list[float]:
        losses: list[Tensor] = []
        order = next(epochs)
        model.train()
        for low, high in cut(len(inputs), batch_size):
            rows = order[low:high]
            optimizer.zero_grad()
            loss = loss_of(model(prepare(inputs[rows])), targets[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).tolist()

    return one_round


def _orders(num_items: int) -> Iterator[Tensor]:
    """The order of each epoch, which is `Loader`'s: both loops see the same batches."""
    for epoch in range(EPOCHS):
        yield torch.from_numpy(rng(SEED, "shuffle", epoch).permutation(num_items))


def scale_bytes(mean: tuple[float, ...], std: tuple[float, ...]) -> Callable[[Tensor], Tensor]:
    """Bytes to (x / 255 - mean) / std, by one multiplication and one subtraction in place."""
    factor = torch.tensor([1 / (255 * each) for each in std]).view(-1, 1, 1)
    shift = torch.tensor([m / s for m, s in zip(mean, std, strict=True)]).view(-1, 1, 1)
    return lambda batch: batch.float().mul_(factor).sub_(shift)
