"""A log file that only grows, can be cut back to an offset, and never stops training."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from rumbo.core.messages import t
from rumbo.runs.files import reason_of


class AppendFile:
    """Appends whole lines. A full disk costs lines, which is told once, but not the weights: nothing is raised.

    Args:
        path: the file; made when it is not there. Links are not followed.
        offset: cut the file back to this many bytes, as a checkpoint remembers them; None goes on at its end.
    """

    def __init__(self, path: Path, offset: int | None = None):
        self.path = path
        self._file: int | None = None
        self._problem: str | None = None
        self._num_lost = 0
        self.offset = offset or 0
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            size = os.fstat(self._file).st_size
            if offset is not None and offset > size:
                self._problem = t(
                    "{path} ends {missing} bytes before the place that the checkpoint remembers: lines are missing.",
                    path=path,
                    missing=offset - size,
                )
            self.offset = size if offset is None else min(offset, size)
            os.ftruncate(self._file, self.offset)
        except OSError as error:
            self._note(error)

    def append(self, line: bytes) -> int:
        """Write a line, and give the offset behind it; on failure the offset stays where it was."""
        if self._file is None:
            self._num_lost += 1
            return self.offset
        try:
            os.ftruncate(self._file, self.offset)  # half a line that a full disk left
            rest, place = memoryview(line), self.offset
            while rest:
                num_written = os.pwrite(self._file, rest, place)
                rest, place = rest[num_written:], place + num_written
            self.offset = place
        except OSError as error:
            self._num_lost += 1
            self._note(error)
        return self.offset

    def sync(self) -> None:
        """Wait until all lines are on the disk; call it before a checkpoint remembers the offset."""
        if self._file is not None:
            try:
                os.fsync(self._file)
            except OSError as error:
                self._note(error)

    def take_problem(self) -> str | None:
        """What went wrong since the last call, as a sentence to show; None when nothing did."""
        problem, self._problem = self._problem, None
        return problem

    def close(self) -> None:
        """Cut off half a line, if there is one, and close."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                os.ftruncate(file, self.offset)
            except OSError as error:
                self._note(error)
            os.close(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _note(self, error: OSError) -> None:
        if self._num_lost <= 1:
            self._problem = t(
                "{path} could not be written: {reason}. Training goes on; lines of this file will be missing.",
                path=self.path,
                reason=reason_of(error),
            )
