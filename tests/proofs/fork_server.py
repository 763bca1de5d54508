"""A program: imports once all that is heavy, then runs each command of `rumbo` in a fork of itself.

Importing torch takes seconds, and here are hundreds of processes to kill. Nothing below works on a tensor before it
forks: the threads of such work would be missing in the child. Orders and answers are lines of JSON; `sittings.py`
writes the ones and reads the others.
"""

import importlib
import json
import mmap
import os
import select
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

import faults
import poison

HEAVY = (
    "torch._dynamo",  # drawn in by the first optimizer, otherwise: seconds in every child
    "matplotlib.pyplot",
    "rumbo.api.finish",
    "rumbo.api.training",
    "rumbo.cli.train",
)
PLACES = ("preparing", "stepping", "saving", "evaluating", "finishing")
ROOM = struct.Struct("<qq")
"""Where the child is, and the step of the newest checkpoint that it was told is saved."""


class Notes:
    """What a child leaves for whoever looks after its death."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, mmap.PAGESIZE)
        self.set(0, -1)

    def get(self) -> tuple[int, int]:
        return ROOM.unpack_from(self.memory)

    def set(self, place: int | None = None, saved: int | None = None) -> None:
        before = self.get()
        ROOM.pack_into(self.memory, 0, before[0] if place is None else place, before[1] if saved is None else saved)


def spy(notes: Notes) -> None:
    """Have the program note where it is."""
    from rumbo.api.finish import finish
    from rumbo.cli.progress import Display
    from rumbo.runs.publisher import publish
    from rumbo.training.events import Stepped

    watch = Display.watch

    def noted_publish(checkpoints: Path, step: int, *rest: Any, **keywords: Any) -> Path:
        place, _ = notes.get()
        notes.set(place=PLACES.index("saving"))
        folder = publish(checkpoints, step, *rest, **keywords)
        notes.set(place=place, saved=step)
        return folder

    def noted_finish(*rest: Any, **keywords: Any) -> None:
        notes.set(place=PLACES.index("finishing"))
        finish(*rest, **keywords)

    def noted_watch(self: Any, event: Any) -> None:
        if isinstance(event, Stepped):
            is_last = event.batch == event.num_batches
            notes.set(place=PLACES.index("evaluating" if is_last else "stepping"))
        watch(self, event)

    faults.replace_everywhere(publish, noted_publish)
    faults.replace_everywhere(finish, noted_finish)
    Display.watch = noted_watch


def work(order: dict[str, Any], notes: Notes) -> None:
    """The child: one command, then the end."""
    import torch

    from rumbo.cli.main import main

    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))  # until the command itself begins
    os.setpgid(0, 0)
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        os.chdir(order["folder"])
        torch.set_num_threads(1)
        if order["cores"] is not None:
            faults.cores(order["cores"])
        spy(notes)
        for name, keywords in order["faults"].items():
            getattr(poison if name.startswith("poison") else faults, name)(**keywords)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        code = main(order["words"])
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def look_after(children: dict[int, Notes], order: dict[str, Any]) -> list[dict[str, Any]]:
    """Send the signals at their moments, wait for all to end, and tell how; whoever hangs is killed and told."""
    started, ends, counts_from = time.monotonic(), [], None if order["from_first_step"] else 0.0
    open_ones = {os.pidfd_open(pid): pid for pid in children}
    signals, signalled, is_hung = [tuple(pair) for pair in order["signals"]], None, False
    while open_ones:
        now = time.monotonic() - started
        if counts_from is None and any(notes.get()[0] > 0 for notes in children.values()):
            counts_from = now
        while signals and counts_from is not None and signals[0][0] <= now - counts_from:
            _, number = signals.pop(0)
            signalled = now if signalled is None else signalled
            for descriptor in open_ones:
                signal.pidfd_send_signal(descriptor, number)
        if now > order["limit"] and not is_hung:
            is_hung = True
            for descriptor in open_ones:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        wait = order["limit"] - now if not is_hung else 5.0
        if signals:
            wait = 0.002 if counts_from is None else counts_from + signals[0][0] - now
        for descriptor in select.select(list(open_ones), [], [], max(0.0, wait))[0]:
            pid = open_ones.pop(descriptor)
            os.close(descriptor)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            place, saved = children[pid].get()
            now = time.monotonic() - started
            ends.append(
                {
                    "code": code,
                    "seconds": now,
                    "seconds_after_signal": None if signalled is None else now - signalled,
                    "is_hung": is_hung,
                    "place": PLACES[place],
                    "saved": saved,
                    "orphans": orphans(pid),
                }
            )
    return ends


def orphans(group: int) -> bool:
    """Whether anything of a process group is left, and its end."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def serve() -> None:
    """Answer each line of stdin by one of stdout, until there are no more."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
    for name in HEAVY:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        children: dict[int, Notes] = {}
        for _ in range(order["copies"]):
            notes = Notes()
            pid = os.fork()
            if pid == 0:
                work(order, notes)
            children[pid] = notes
        print(json.dumps(look_after(children, order)), flush=True)


if __name__ == "__main__":
    serve()
    os._exit(0)  # to free all that was imported would take seconds
