"""Faults of storage, made to order: the k-th call that touches the disk fails, or the process dies there."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rumbo.core.messages import translate

CALLS = ("open", "write", "pwrite", "fsync", "rename", "mkdir", "unlink", "rmdir", "ftruncate")


class Killed(BaseException):
    """The process died: from here on no call reaches the disk, so no clean-up can help."""


class Faults:
    """Counts and records the calls; `make` is asked at each whether, and with what, it fails."""

    def __init__(self, make: Callable[[int], BaseException | None]):
        self.make, self.trace, self.paths = make, [], {}

    def wrap(self, name: str, real: Callable) -> Callable:
        def call(target, *rest, **keywords):
            place = self.paths.get(target, target) if isinstance(target, int) else Path(os.fspath(target))
            self.trace.append((name, place, *(Path(item) for item in rest[:1] if name == "rename")))
            if (error := self.make(len(self.trace))) is not None:
                if name in ("write", "pwrite") and isinstance(error, Killed | OSError):
                    real(target, rest[0][: len(rest[0]) // 2], *rest[1:])  # half of it got there
                raise error
            result = real(target, *rest, **keywords)
            if name == "open":
                self.paths[result] = place
            return result

        return call


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """`with faults(make) as record:` puts the wrapped calls in place for a while."""

    @contextmanager
    def put_in_place(make: Callable[[int], BaseException | None] = lambda count: None) -> Iterator[Faults]:
        record = Faults(make)
        with monkeypatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, record.wrap(name, getattr(os, name)))
            yield record

    return put_in_place


@pytest.fixture(autouse=True)
def fsync_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here pulls the plug, so none waits for the disk; whether fsync is called, and when, is recorded."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def killed() -> type[Killed]:
    """What a killed process raises here."""
    return Killed


WATCHED = ("open", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "exec", "compile")
_seen: list[tuple[str, str]] | None = None


def _hook(event: str, arguments: tuple) -> None:
    if _seen is not None and event in WATCHED:
        _seen.append((event, str(arguments[0]) if arguments else ""))


@pytest.fixture(scope="session")
def audit_hook() -> None:
    """Python keeps an audit hook until it ends, so there is one, which sleeps."""
    sys.addaudithook(_hook)


@pytest.fixture
def watch(audit_hook: None) -> Callable:
    """`with watch() as seen:` lists what was opened, executed, started or connected to meanwhile."""

    @contextmanager
    def listen() -> Iterator[list[tuple[str, str]]]:
        global _seen
        translate("model")  # opens the catalogue at first use
        _seen = seen = []
        try:
            yield seen
        finally:
            _seen = None

    return listen


@pytest.fixture
def peak_bytes() -> Callable[[], int]:
    """The most memory this process has held since the last call."""

    def since_last_call() -> int:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return 1024 * int(status.split("VmHWM:")[1].split()[0])

    return since_last_call
