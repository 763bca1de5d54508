"""`rumbo train --processes N`: start the same command N times on this machine, and look after it until all have ended.

The processes meet in a file that only this user can read, and talk over the loopback device: nothing can be reached
from outside. A process that dies ends the others. Each ends by itself, saving first, when this one dies.
"""

import os
import selectors
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from rumbo.api.rank import LINE, LOST, STORE, Rank, Starter, start
from rumbo.core.devices import num_cores
from rumbo.core.errors import RumboError, TrainingError, UsageError
from rumbo.core.messages import shown, t

TICK_SECONDS = 0.25
GRACE_SECONDS = 10.0
"""How long the others may take to end by themselves once one has failed: they may be saving."""
EARLY_SECONDS = 2.0
"""The same before the run has begun: they may be about to say better what is wrong."""
STOPPED = tuple(128 + number for number in (signal.SIGINT, signal.SIGTERM))
"""Exit codes of a process that was asked to stop and has saved."""


class RankFailed(RumboError):
    """A process other than the first failed; its message and its exit code."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


def is_one_of_several() -> bool:
    """Whether this process was started by one that called `run_in_processes`.

    Raises:
        UsageError: torchrun started it, which starts all that there should be.
    """
    if STORE not in os.environ and "TORCHELASTIC_RUN_ID" in os.environ:
        raise UsageError(t("--processes starts processes of its own: leave it out where torchrun starts them."))
    return STORE in os.environ


def is_the_first() -> bool:
    """Whether this process tells what came out: alone, or as the first of several."""
    return (STORE not in os.environ and "MASTER_ADDR" not in os.environ) or os.environ.get("RANK", "0") == "0"


def run_in_processes(words: Sequence[str], world: int, *, starter: Starter = start) -> None:
    """Run a command in several processes, and return when all have ended well.

    Args:
        words: what stands behind `rumbo`; the processes know from their environment that they are several.
        world: how many.
        starter: starts one.

    Raises:
        TrainingError: one died or froze; the others were ended. Names it, and tells how to go on.
        RankFailed: one other than the first failed; what it said.
        SystemExit: the first one failed and has told why, or all stopped because somebody asked; with its exit code.
    """
    with ExitStack() as stack, _signals() as asked:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rumbo-", ignore_cleanup_errors=True))
        ranks = [_begin(stack, number, words, world, Path(folder), starter) for number in range(world)]
        try:
            _look_after(ranks, asked)
        finally:
            for rank in ranks:
                rank.end()
                rank.process.wait()
        _tell(ranks, asked)


def _begin(stack: ExitStack, number: int, words: Sequence[str], world: int, folder: Path, starter: Starter) -> Rank:
    mine, its = socket.socketpair()
    stack.enter_context(mine)
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, num_cores() // world))
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "lo")
    environment = {
        **os.environ,
        **{"RANK": str(number), "LOCAL_RANK": str(number), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)},
        **{"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback, "OMP_NUM_THREADS": threads},
        **{STORE: str(folder / "store"), LINE: str(its.fileno())},
    }
    said = None if number == 0 else stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    own_words = words if number == 0 or "--json" in words else [*words, "--json"]
    with its:  # closed here once it has it: then the line ends with the process
        process = starter(number, own_words, environment, said, its.fileno())
    return Rank(number, process, mine, said)


def _look_after(ranks: Sequence[Rank], asked: list[int]) -> None:
    """Until all have ended: pass signals on, hear the beats, end the others when one has failed."""
    forwarded, failed_at, before = 0, None, time.monotonic()
    with selectors.DefaultSelector() as lines:
        for rank in ranks:
            lines.register(rank.line, selectors.EVENT_READ, rank)
        while any(rank.code is None for rank in ranks):
            if not lines.get_map():
                time.sleep(TICK_SECONDS)
            for key, _ in lines.select(TICK_SECONDS) if lines.get_map() else ():
                if not key.data.hear():
                    lines.unregister(key.fileobj)
            now = time.monotonic()
            awake, before = min(now - before, 4 * TICK_SECONDS), now  # no more: this process may have been stopped too
            for rank in ranks:
                if rank.code is None and rank.frozen_seconds is None and rank.is_frozen(awake):
                    rank.frozen_seconds = rank.silent_seconds
                    rank.process.kill()
            for number in asked[forwarded:]:
                _pass_on(ranks, number, is_second=forwarded > 0)
                forwarded += 1
            is_begun = any("run" in rank.notes for rank in ranks)
            well = (None, 0, *(STOPPED if is_begun else ()))  # who has stopped may leave one that still saves
            if failed_at is None and any(rank.code not in well for rank in ranks):
                failed_at = now
            if failed_at is not None and now - failed_at > (GRACE_SECONDS if is_begun else EARLY_SECONDS):
                for rank in ranks:
                    rank.end()
    for rank in ranks:
        while rank.hear():
            pass


def _pass_on(ranks: Sequence[Rank], number: int, *, is_second: bool) -> None:
    for rank in ranks:
        if is_second:
            rank.end()
        elif rank.code is None:
            rank.process.send_signal(number)


def _tell(ranks: Sequence[Rank], asked: Sequence[int]) -> None:
    """How it ended: nothing where all went well; else the first cause, once."""
    first, world = ranks[0], len(ranks)
    if all(rank.code == 0 for rank in ranks):
        return
    if first.has_failed and first.code is not None and first.code > 0:
        raise SystemExit(first.code)  # it told why
    stopped = {end for number in asked for end in (128 + number, -number)}
    failed = next((rank for rank in ranks if rank.has_failed and rank.code not in stopped), None)
    is_cut_short = first.code == LOST and "run" in first.notes  # it could not save
    if failed is None and asked and not is_cut_short:
        raise SystemExit(128 + asked[0])
    if failed is None:
        raise TrainingError(
            t("the {world} processes lost each other. {go_on}", world=world, go_on=_go_on(ranks)),
        )
    code = failed.code or 0
    if code > 0:
        message, rest = failed.message()
        if rest:
            print(shown(rest), file=sys.stderr)
        told = t("process {rank} of {world}: {message}", rank=failed.number, world=world, message=message)
        raise RankFailed(told, code)
    if failed.frozen_seconds is not None:
        how = t("did nothing for {seconds:.0f} seconds and was ended", seconds=failed.frozen_seconds)
    elif code == -signal.SIGKILL:
        how = t("was killed (SIGKILL: often by the system, when memory is short)")
    else:
        how = t("was killed ({signal})", signal=signal.Signals(-code).name)
    step = max(int(rank.notes.get("step", 0)) for rank in ranks)
    raise TrainingError(
        t(
            "process {rank} of {world} {how} after step {step}; the others were ended. {go_on}",
            rank=failed.number,
            world=world,
            how=how,
            step=step,
            go_on=_go_on(ranks),
        )
    )


def _go_on(ranks: Sequence[Rank]) -> str:
    run = ranks[0].notes.get("run")
    if run is None:
        return t("Nothing was written yet: start the command again.")
    return t(
        "Go on from the last checkpoint with: rumbo train --resume --out {run} --processes {world}",
        run=run,
        world=len(ranks),
    )


@contextmanager
def _signals() -> Generator[list[int]]:
    """Ctrl-C and SIGTERM as a list of what came; outside of the main thread nothing comes."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
