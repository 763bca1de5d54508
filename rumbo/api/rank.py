"""One process of `--processes`, seen from the one that started it."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

LINE = "RUMBO_LINE"
"""Variable that names the descriptor over which a process tells that it lives."""
STORE = "RUMBO_STORE"
"""Variable that names the file in which the processes find each other."""
LOST = 69
"""Exit code of a process that ends because another one did: that other one is told about."""
SILENCE_SECONDS = 20.0
"""A process that says nothing and computes nothing for so long is stopped for good."""


@dataclass
class Rank:
    """One of the processes, seen from here.

    Attributes:
        number: its rank.
        process: what runs.
        line: what its beats come over.
        said: its output, kept for its message should it fail; the first one's goes where this process's goes.
        notes: what it told: the step, the run folder.
        silent_seconds: since its last beat, while this process was awake.
        used: processor time that it had used at its last sign of life.
        is_up: it gave a sign of life; before, it imports.
        frozen_seconds: how long it had been silent when we took it for dead.
        is_ended: we ended it, because of another one or because it was frozen.
    """

    number: int
    process: subprocess.Popen[bytes]
    line: socket.socket
    said: IO[bytes] | None
    notes: dict[str, Any] = field(default_factory=dict[str, Any])
    silent_seconds: float = 0.0
    used: int = -1
    frozen_seconds: float | None = None
    is_up: bool = False
    is_ended: bool = False
    _unread: bytes = b""

    @property
    def code(self) -> int | None:
        """Its exit code, minus the signal that killed it, or None while it runs."""
        return self.process.poll()

    @property
    def has_failed(self) -> bool:
        """Whether it ended badly by itself, and not for another one's sake."""
        return not self.is_ended and self.code not in (None, 0, LOST)

    def hear(self) -> bool:
        """Read its beats; False when there will be no more."""
        try:
            read = self.line.recv(65536, socket.MSG_DONTWAIT)
        except OSError:
            return False
        *lines, self._unread = (self._unread + read).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self.notes.update(json.loads(line))
        if read:
            self.silent_seconds, self.is_up = 0.0, True
        return bool(read)

    def is_frozen(self, seconds: float) -> bool:
        """Whether it shows no life: no beat, and where the system tells it, no processor time used.

        Args:
            seconds: that went by since this was asked last.
        """
        if not self.is_up:
            return False
        used = _processor_time(self.process.pid)
        if used != self.used:
            self.used, self.silent_seconds = used, 0.0
        self.silent_seconds += seconds
        return self.silent_seconds > SILENCE_SECONDS

    def end(self, number: int = signal.SIGKILL) -> None:
        """End it for another one's sake."""
        if self.code is None:
            self.is_ended = True
            self.process.send_signal(number)

    def message(self) -> tuple[str, str]:
        """What it said when it failed, and whatever else was on its stderr."""
        if self.said is None:
            return "", ""
        self.said.seek(0)
        text = self.said.read().decode("utf-8", "replace").strip()
        for line in reversed(text.splitlines()):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return json.loads(line)["error"]["message"], ""
        return text.splitlines()[-1] if text else "", text[-4000:]


Starter = Callable[[int, Sequence[str], Mapping[str, str], "IO[bytes] | None", int], subprocess.Popen[bytes]]
"""Starts a process: its rank, the words behind `rumbo`, its environment, where its output goes, the line."""


def start(
    rank: int, words: Sequence[str], environment: Mapping[str, str], output: "IO[bytes] | None", line: int
) -> subprocess.Popen[bytes]:
    """Start `rumbo words...` as a process of its own; -P: nothing is imported from the folder one happens to be in."""
    del rank
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "rumbo", *words],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=(line,),
    )


def _processor_time(pid: int) -> int:
    """What a process has used so far, in ticks; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
