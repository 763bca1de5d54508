"""Faults and mutants, put in place inside a child of the fork server before it runs its command. Each by its name."""

import gc
import itertools
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np


def replace_everywhere(function: Callable[..., Any], other: Callable[..., Any]) -> None:
    """Put another function in place of one, wherever in the program it was imported by name."""
    places = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "rumbo"]
    names = [(module, name) for module in places for name, value in list(vars(module).items()) if value is function]
    assert names, function
    for module, name in names:
        setattr(module, name, other)


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


def signal_while_importing(module: str, number: int) -> None:
    """Send this process a signal when a module is imported anew."""

    class Finder:
        """Finds nothing, but notes that somebody looks."""

        def find_spec(self, name: str, *_: Any) -> None:
            if name == module:
                os.kill(os.getpid(), number)

    del sys.modules[module]
    sys.meta_path.insert(0, Finder())


def slow_dev(seconds: float, batch_size: int, number: int) -> None:
    """Evaluation works on small batches, and each takes so much longer; in the second this process gets a signal."""
    import rumbo.api.prepare as prepare
    import rumbo.data.loader as loader

    once, prepare.EVALUATION_BATCH = loader.Loader.once, batch_size

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
        state.average.load(state.model.state_dict(), 0)

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

    def anew(self: Any, number: int, _: int = 0, **keywords: Any) -> Iterator[Any]:
        return epoch(self, number, 0, **keywords)

    loader.Loader.epoch = anew


def late_schedule() -> None:
    """After a resume the learning rate is that of the step before."""
    from rumbo.training.schedule import rate_factor

    behind: list[int] = []
    _after_loading(lambda state: behind.append(1))

    def late(schedule: Any, step: int, *rest: Any, **keywords: Any) -> float:
        return rate_factor(schedule, max(0, step - len(behind)), *rest, **keywords)

    replace_everywhere(rate_factor, late)


def seed_once() -> None:
    """Dropout draws from one stream that begins with the process, not from one for each step."""
    from rumbo.training.step import seed_generators

    is_seeded: list[bool] = []

    def first_alone(_: int, **keywords: Any) -> None:
        if not is_seeded:
            is_seeded.append(True)
            seed_generators(0, **keywords)

    replace_everywhere(seed_generators, first_alone)


# --- a disk that is full, or fails -----------------------------------------------------------------------------------


def failing_writes(
    first: int, code: int, calls: Sequence[str] = ("write", "pwrite", "fsync"), times: int = 10**9
) -> None:
    """From the first-th call on that writes, `times` of them fail; half of what was to be written gets there."""
    count = itertools.count(1)

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(target: int, *rest: Any) -> Any:
            if first <= next(count) < first + times and target > 2:
                if rest:
                    real(target, rest[0][: len(rest[0]) // 2], *rest[1:])
                raise OSError(code, os.strerror(code))
            return real(target, *rest)

        return call

    for name in calls:
        setattr(os, name, wrap(name, getattr(os, name)))


def small_files(num_bytes: int, after_step: int) -> None:
    """The system refuses to let any file grow beyond so many bytes, once a step was made."""

    def limit(event: Any) -> None:
        if getattr(event, "step", -1) == after_step:
            resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, resource.RLIM_INFINITY))

    _after_event(limit)


# --- one process, many trainings -------------------------------------------------------------------------------------


def measure_repeated(words: Sequence[str], times: int, notes: str) -> None:
    """Train so often in this process before the command itself; note after each what the process holds."""
    import matplotlib.figure
    import torch

    from rumbo.cli.main import main

    for number in range(times):
        assert main([*words, "--out", f"{notes}-{number}"]) == 0
        shutil.rmtree(f"{notes}-{number}")
        gc.collect()
        with open("/proc/self/statm", encoding="ascii") as file:
            num_pages = int(file.read().split()[1])
        told = {
            "rss": num_pages * resource.getpagesize(),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "threads": len(os.listdir("/proc/self/task")),
            "tensors": sum(issubclass(type(held), torch.Tensor) for held in gc.get_objects()),
            "figures": sum(issubclass(type(held), matplotlib.figure.Figure) for held in gc.get_objects()),
        }
        with open(notes, "a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
