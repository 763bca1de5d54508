"""Faults of storage, made to order: the k-th call that touches the disk fails, or the process dies there."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
