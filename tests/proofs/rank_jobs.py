"""Commands with `--processes` whose every process is a fork of one that imported torch: seconds are saved in each.

Faults are put in place in each process by its rank. A job is a process that starts the ranks, as `rumbo` does.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from teams import IMPORTED

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(list(IMPORTED))

Fault = Callable[[int], None]
"""Put in place in a process, which is told its rank."""


@dataclass
class Job:
    """A command that runs, and what it leaves.

    Attributes:
        process: what starts the ranks.
        folder: where it works; outputs, and a file for each rank that began, lie there.
    """

    process: Any
    folder: Path
    began: float = field(default_factory=time.monotonic)
    ended_at: float = 0.0

    def end(self, limit: float = 90) -> "End":
        """Wait for it."""
        self.process.join(limit)
        self.ended_at = time.monotonic()
        seconds = self.ended_at - self.began
        is_hung = self.process.is_alive()
        if is_hung:
            self.process.kill()
        out, error = ((self.folder / name).read_text(encoding="utf-8") for name in ("out.txt", "error.txt"))
        return End(self.process.exitcode, seconds, is_hung, out, error)

    def ranks(self) -> dict[int, int]:
        """Process numbers of the ranks that began."""
        return {int(path.suffix[1:]): int(path.read_text()) for path in self.folder.glob("rank.*")}

    def orphans(self, limit: float) -> list[int]:
        """Ranks that still live after so many seconds; they are killed then."""
        until = time.monotonic() + limit
        while (left := [rank for rank, pid in self.ranks().items() if lives(pid)]) and time.monotonic() < until:
            time.sleep(0.1)
        for rank in left:
            os.kill(self.ranks()[rank], signal.SIGKILL)
        return left


@dataclass(frozen=True)
class End:
    """How a job ended; `seconds` are from its start."""

    code: int
    seconds: float
    is_hung: bool
    out: str
    error: str


def lives(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def start_job(*words: object, folder: Path, fault: Fault | None = None, silence: float | None = None) -> Job:
    """Begin `rumbo words...` in a folder; a rank that is silent for so many seconds counts as frozen."""
    for path in folder.glob("rank.*"):
        path.unlink()
    process = _processes.Process(target=_job, args=([str(word) for word in words], folder, fault, silence))
    process.start()
    return Job(process, folder)


def run_job(*words: object, folder: Path, fault: Fault | None = None, silence: float | None = None) -> End:
    """`rumbo words...` from beginning to end; nothing of it is left."""
    job = start_job(*words, folder=folder, fault=fault, silence=silence)
    end = job.end()
    assert not end.is_hung, end
    assert job.orphans(5) == []
    return end


def _job(words: list[str], folder: Path, fault: Fault | None, silence: float | None) -> None:
    os.chdir(folder)
    os.setpgid(0, 0)
    for number, name in ((1, "out.txt"), (2, "error.txt")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND), number)
    import rumbo.api.rank
    import rumbo.cli.train as verb

    if silence is not None:
        rumbo.api.rank.SILENCE_SECONDS = silence
    verb.run_in_processes = partial(verb.run_in_processes, starter=partial(_fork, fault))
    if "--processes" not in words and fault is not None:
        fault(0)
    _main(words)


def _main(words: Sequence[str]) -> None:
    import torch

    from rumbo.cli.main import main

    torch.set_num_threads(1)
    code = 1
    try:
        code = main(list(words))
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _fork(
    fault: Fault | None,
    rank: int,
    words: Sequence[str],
    environment: Mapping[str, str],
    output: IO[bytes] | None,
    line: int,
) -> "Forked":
    pid = os.fork()
    if pid:
        return Forked(pid)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if output is not None:
        for number in (1, 2):
            os.dup2(output.fileno(), number)
    # What a new program would not have: above all this process's ends of the lines of those started before.
    os.closerange(3, line)
    os.closerange(line + 1, 1024)
    os.environ.clear()
    os.environ.update(environment)
    Path(f"rank.{rank}").write_text(str(os.getpid()))
    if fault is not None:
        fault(rank)
    _main(words)
    raise AssertionError


class Forked:
    """As much of `subprocess.Popen` as is used."""

    def __init__(self, pid: int):
        self.pid, self.returncode = pid, None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(0.01)
        return self.returncode or 0

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


# --- faults -----------------------------------------------------------------------------------------------------------


def at_step(step: int, does: Callable[[], None]) -> None:
    """Do something in this process when it has made a step."""
    import rumbo.api.sitting as sitting
    from rumbo.training.events import Stepped

    for kind in (sitting.Hand, sitting.Sitting):
        tell = kind.tell

        def also(self: Any, event: Any, kind: type = kind, tell: Any = tell) -> None:
            tell(self, event)
            if type(self) is kind and isinstance(event, Stepped) and event.step == step:
                does()

        kind.tell = also  # pyright: ignore[reportAttributeAccessIssue]


def _signal(number: int, to: str) -> None:
    os.kill({"rank": os.getpid(), "job": os.getppid(), "all": -os.getpgid(0)}[to], number)
    if to == "job":
        time.sleep(1)  # the job passes it on; it may not get a core before this short training is over


def signalled(victim: int, step: int, number: int, rank: int, *, to: str = "rank") -> None:
    """A rank gets a signal after a step; or it has its job get it, or everything that was started."""
    if rank == victim:
        at_step(step, partial(_signal, number, to))


def _die(number: int) -> None:
    Path("died").write_text(str(time.monotonic()))
    os.kill(os.getpid(), number)


def dies(victim: int, step: int, number: int, rank: int) -> None:
    """A rank is killed after a step, and leaves the time of it."""
    if rank == victim:
        at_step(step, partial(_die, number))


def _fail(kind: str) -> None:
    from rumbo.core import errors

    raise getattr(errors, kind)("the disk of this process is on fire.")


def failing(victims: Sequence[int], step: int, kind: str, rank: int) -> None:
    """An error of ours in some ranks."""
    if rank in victims:
        at_step(step, partial(_fail, kind))


def _look(folder: str) -> None:
    own = {os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink() and link.exists()}
    found: list[list[str]] = []
    for table in ("tcp", "tcp6", "udp", "udp6", "raw"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            cells = row.split()
            if f"socket:[{cells[9]}]" in own:
                found.append([table, cells[1].split(":")[0], cells[3]])
    Path(f"sockets.{os.environ['RANK']}.json").write_text(json.dumps(found))


def look_at_sockets(step: int, rank: int) -> None:
    """Note which sockets each process holds after a step: family, local address, state."""
    at_step(step, partial(_look, "."))


def slow_report(wait_seconds: float, report_seconds: float, rank: int) -> None:
    """Nobody waits longer for another one than so many seconds, and the report takes some more."""
    del rank
    import datetime

    import rumbo.api.finish as end
    import rumbo.training.distributed as distributed

    distributed.LONGEST_WAIT = datetime.timedelta(seconds=wait_seconds)
    write = end.write_report

    def late(*arguments: Any) -> None:
        time.sleep(report_seconds)
        write(*arguments)

    end.write_report = late
