"""Decode every picture once, apart: a decoder that crashes, hangs or eats memory costs one file, not the scan.

Each worker is a process of its own under limits of memory and time; it gets the bytes of a picture and says whether
they decode, and how it looks. What it dies of is told as the reason of that picture.
"""

import json
import os
import select
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from rumbo.core.devices import num_cores
from rumbo.core.messages import language, t, use_language
from rumbo.data.pictures.decode import BadImage, BadItem
from rumbo.data.pictures.images import FileImages

SECONDS_PER_FILE = 5.0
"""How long one picture may take; 50 Mpx of JPEG take 1.5 s."""
MEMORY_GIB = 1.0
"""Address space of a worker beyond what it begins with."""
PICTURES_PER_WORKER = 5_000
"""A worker is replaced after so many: what a decoder leaks does not add up."""
HEADER = struct.Struct("<Q")
WORKER = (sys.executable, "-m", "rumbo.data.pictures.scan_worker")


@dataclass(frozen=True)
class Scanned:
    """One picture that decodes.

    Attributes:
        row: its row in the set.
        facts: what `scan_worker` says of it, as JSON types.
    """

    row: int
    facts: dict[str, Any]


def scan_images(
    images: FileImages,
    ids: Sequence[str],
    *,
    num_workers: int | None = None,
    seconds_per_file: float = SECONDS_PER_FILE,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Scanned], list[BadItem]]:
    """Decode all pictures in worker processes.

    Args:
        images: the files.
        ids: their names in the manifest.
        num_workers: processes; none takes the cores.
        seconds_per_file: after that a worker is ended and its picture is bad.
        progress: called with (done, total), from the threads that feed the workers.

    Returns:
        The pictures that decode and the bad ones, both by row.
    """
    rows: SimpleQueue[int] = SimpleQueue()
    for row in range(len(images)):
        rows.put(row)
    good: list[Scanned] = []
    bad: list[BadItem] = []
    problems: list[BaseException] = []
    count, lock, spoken = 0, threading.Lock(), language()

    def feed() -> None:
        nonlocal count
        use_language(spoken)
        worker = _Worker(seconds_per_file)
        try:
            for row in _taken(rows):
                try:
                    data = images.bytes_of(row)
                    facts, reason = worker.ask(data)
                except BadImage as problem:
                    facts, reason = None, str(problem)
                with lock:
                    if facts is None:
                        bad.append(BadItem(row, ids[row], reason))
                    else:
                        good.append(Scanned(row, facts))
                    count += 1
                    if progress is not None:
                        progress(count, len(images))
        except BaseException as problem:
            problems.append(problem)
        finally:
            worker.end()

    threads = [threading.Thread(target=feed, daemon=True) for _ in range(min(num_workers or num_cores(), len(images)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        while True:  # nothing is left to take: the workers end after the picture in hand
            try:
                rows.get_nowait()
            except Empty:
                break
        raise
    if problems:
        raise problems[0]
    return sorted(good, key=lambda item: item.row), sorted(bad, key=lambda item: item.row)


def _taken(rows: "SimpleQueue[int]") -> Iterator[int]:
    while True:
        try:
            yield rows.get_nowait()
        except Empty:
            return


class _Worker:
    """A process that decodes, started when it is first asked and started anew after it died."""

    def __init__(self, seconds: float):
        self.seconds, self.process, self.num_asked = seconds, None, 0

    process: "subprocess.Popen[bytes] | None"

    def ask(self, data: bytes) -> tuple[dict[str, Any] | None, str]:
        """What a picture looks like, or None and the reason why it is bad."""
        if self.process is None or self.num_asked >= PICTURES_PER_WORKER:
            self.end()
            self._start()
        self.num_asked += 1
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(HEADER.pack(len(data)) + data)
            self.process.stdin.flush()
            answer = json.loads(_message(self.process.stdout, self.seconds))
        except TimeoutError:
            self.end()
            return None, t("decoding took more than {seconds} seconds.", seconds=f"{self.seconds:g}")
        except (OSError, EOFError, ValueError):
            code = self.end()
            return None, t("the decoder died of it ({reason}).", reason=_death(code))
        return answer.get("facts"), answer.get("reason", "")

    def end(self) -> int | None:
        """End the process; what it left with."""
        process, self.process = self.process, None
        if process is None:
            return None
        try:
            code = process.wait(timeout=0.05 if process.poll() is None else None)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                continue
        return code

    def _start(self) -> None:
        package = str(Path(__file__).resolve().parents[3])
        inherited = os.environ.get("PYTHONPATH")
        environment = {
            **os.environ,
            "PYTHONPATH": package + (os.pathsep + inherited if inherited else ""),
            "OMP_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(
            [*WORKER, language(), str(MEMORY_GIB)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self.num_asked = 0
        assert self.process.stdout is not None
        _message(self.process.stdout, 60.0)  # it says that it is ready: imports are not counted as the picture's time


def _message(pipe: "IO[bytes]", seconds: float) -> bytes:
    """One message: its length, then so many bytes; TimeoutError when it does not come in time."""
    size = HEADER.unpack(_exactly(pipe, HEADER.size, seconds))[0]
    return _exactly(pipe, size, seconds)


def _exactly(pipe: "IO[bytes]", size: int, seconds: float) -> bytes:
    data = b""
    while len(data) < size:
        if not select.select([pipe], [], [], seconds)[0]:
            raise TimeoutError
        part = os.read(pipe.fileno(), size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _death(code: int | None) -> str:
    if code is None or code >= 0:
        return t("exit {code}", code="?" if code is None else code)
    return t("signal {code}", code=-code)
