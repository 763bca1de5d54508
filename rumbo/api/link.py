"""What a process of `--processes` has of the one that started it: a line to beat on, which ends when that one ends."""

import contextlib
import json
import os
import select
import signal
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rumbo.api.rank import LINE, LOST, STORE
from rumbo.training.distributed import ALONE, PeerLost, joined

BEAT_SECONDS = 1.0
LAST_SECONDS = 20.0
"""How long a process without the one that started it may still take to save."""


class Link:
    """The line to the process that started this one; of no effect where this was started by a user.

    Attributes:
        team: the processes that train together.
        is_led: whether somebody looks after this process: then two stop requests are no more than one.
        run: the run folder.
    """

    def __init__(self, line: socket.socket | None = None):
        self.team, self.is_led, self._notes = ALONE, line is not None, dict[str, Any]()
        self.run, self._line, self._sending = Path(), line, threading.Lock()
        if line is not None:
            threading.Thread(target=self._beat, args=(line,), daemon=True).start()

    @property
    def was_restarted(self) -> bool:
        """Whether torchrun starts this process once more after a failure."""
        return self.team.world > 1 and int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)) > 0

    def share_run(self, folder: Path | None) -> None:
        """Tell all processes where the run is; the first one knows."""
        self.run = Path(self.team.text_from_first(str(folder or "")))
        self.note(run=os.path.relpath(self.run))
        self.send()

    def note(self, **facts: Any) -> None:
        """Something to be told should this process die: its step, its run folder."""
        self._notes = {**self._notes, **facts}  # anew: the other thread may be reading the old ones

    def send(self) -> None:
        """Tell all that was noted now."""
        if self._line is not None:
            with self._sending, contextlib.suppress(OSError):
                self._line.sendall(json.dumps(self._notes).encode() + b"\n")

    def _beat(self, line: socket.socket) -> None:
        self.send()
        while not select.select([line], [], [], BEAT_SECONDS)[0]:  # nothing ever comes but the end
            self.send()
        # The one that started us is gone: save, then leave; and leave in any case.
        _remove_store()
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(LAST_SECONDS)
        os._exit(128 + signal.SIGTERM)


@contextmanager
def linked() -> Generator[Link]:
    """Join the processes that were started with this one, and hold the line to whoever started them.

    Raises:
        PeerLost: another process is gone. Where somebody looks after them, that one tells it, and this one only leaves.
    """
    descriptor = os.environ.pop(LINE, None)
    line = None if descriptor is None else socket.socket(fileno=int(descriptor))
    if line is not None:
        line.set_inheritable(False)
    link = Link(line)
    try:
        with joined(os.environ.get(STORE)) as link.team:
            yield link
    except PeerLost:
        if link.is_led:
            link.send()
            raise SystemExit(LOST) from None
        raise


def _remove_store() -> None:
    """The meeting place of the processes, which nobody else removes now."""
    if STORE in os.environ:
        place = Path(os.environ[STORE])
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)
            place.parent.rmdir()
