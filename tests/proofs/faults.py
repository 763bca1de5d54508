"""Faults and mutants, put in place inside a child of the fork server before it runs its command. Each by its name."""

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def cores(number: int) -> None:
    """Make the program see so many cores: as many threads decode pictures."""
    os.sched_getaffinity = lambda pid: set(range(number))


# --- deaths and signals at a chosen place ---------------------------------------------------------------------------


def _after_event(does: Callable[[Any], None]) -> None:
    import rumbo.cli.progress

    watch = rumbo.cli.progress.Display.watch

    def also(self: Any, event: Any) -> None:
        watch(self, event)
        does(event)

    rumbo.cli.progress.Display.watch = also


def signal_at_step(step: int, number: int, times: int = 1) -> None:
    """Send this process a signal after a step, `times` over."""

    def send(event: Any) -> None:
        if getattr(event, "step", None) == step:
            for _ in range(times):
                os.kill(os.getpid(), number)

    _after_event(send)


def die_at_step(step: int) -> None:
    """Die as of a failure of power, without a word."""
    signal_at_step(step, signal.SIGKILL)


def slow_dev(seconds: float, batch_size: int, number: int) -> None:
    """Evaluation works on small batches, and each takes so much longer; in the second this process gets a signal."""
    import rumbo.api.prepare
    import rumbo.data.loader as loader

    once = loader.Loader.once
    rumbo.api.prepare.EVALUATION_BATCH = batch_size

    def slow(self: Any) -> Iterator[Any]:
        for count, batch in enumerate(once(self)):
            if count == 1:
                os.kill(os.getpid(), number)
            time.sleep(seconds)
            yield batch

    loader.Loader.once = slow


def slow_pictures(seconds: float, after: int) -> None:
    """Each picture but for the first ones takes so much longer to read."""
    from rumbo.data.pictures.images import FileImages

    read, count = FileImages.read, itertools.count()

    def slow(self: Any, row: int) -> Any:
        if next(count) >= after:
            time.sleep(seconds)
        return read(self, row)

    FileImages.read = slow


def jumping_clock(seed: int) -> None:
    """The time of day jumps by up to ten years at each look; the monotonic clock goes on."""
    rng, real = np.random.default_rng(seed), time.time
    time.time = lambda: real() + rng.uniform(-1, 1) * 10 * 365 * 86400


# --- mutants: what a careless program would do -----------------------------------------------------------------------


def _after_loading(forget: Callable[[Any], None]) -> None:
    from rumbo.training.state import TrainState

    load_files = TrainState.load_files

    def forgetful(self: Any, *rest: Any, **keywords: Any) -> Any:
        extra = load_files(self, *rest, **keywords)
        forget(self)
        return extra

    TrainState.load_files = forgetful


def forget_norms() -> None:
    """The buffers of batch norm do not come back."""

    def forget(state: Any) -> None:
        for layer in state.model.modules():
            if hasattr(layer, "reset_running_stats"):
                layer.reset_running_stats()

    _after_loading(forget)


def forget_average() -> None:
    """The average of the weights begins anew from the weights."""

    def forget(state: Any) -> None:
        state.average.load_state_dict(state.model.state_dict())

    _after_loading(forget)


def forget_optimizer() -> None:
    """Momentum begins at 0."""
    _after_loading(lambda state: state.optimizer.state.clear())


def forget_patience() -> None:
    """Epochs without a better goal are counted from 0."""

    def forget(state: Any) -> None:
        state.stale_epochs = 0

    _after_loading(forget)


def restart_epoch() -> None:
    """The loader begins with the first batch of the epoch again."""
    import rumbo.data.loader as loader

    epoch = loader.Loader.epoch

    def anew(self: Any, epoch_number: int, *_: Any, **__: Any) -> Iterator[Any]:
        return epoch(self, epoch_number)

    loader.Loader.epoch = anew


def late_schedule() -> None:
    """After a resume the learning rate is that of the step before."""
    import rumbo.training.loop as loop

    rate_factor, behind = loop.rate_factor, []
    _after_loading(lambda state: behind.append(1))

    def late(schedule: Any, step: int, *rest: Any, **keywords: Any) -> float:
        return rate_factor(schedule, max(0, step - len(behind)), *rest, **keywords)

    loop.rate_factor = late


def seed_once() -> None:
    """Dropout draws from one stream that begins with the process, not from one for each step."""
    import torch

    import rumbo.training.loop as loop

    class Seeded:
        """torch, with a seed for the first step alone."""

        is_seeded = False

        def __getattr__(self, name: str) -> Any:
            return getattr(torch, name)

        def manual_seed(self, seed: int) -> None:
            if not self.is_seeded:
                self.is_seeded = True
                torch.manual_seed(0)

    loop.torch = Seeded()
