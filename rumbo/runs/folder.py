"""The folder of a run: where everything lies, and the lock that lets one process work there."""

import errno
import fcntl
import json
import os
import re
import shutil
import stat
from contextlib import suppress
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from rumbo.core.errors import FolderInUse, StorageError, UsageError
from rumbo.core.messages import t
from rumbo.runs.files import clean, reason_of, storage_error, sync_folder

RUNS = Path("runs")


class RunFolder:
    """The places in a run folder; nothing is touched until `create` or `resume` takes the lock.

    Files inside never hold the folder's own path, so that it can be moved, copied and renamed.

    Args:
        path: the run folder.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock: int | None = None
        self._made: tuple[Path, ...] = ()

    @classmethod
    def create(cls, name: str, out: Path | None = None, *, parent: Path = RUNS) -> Self:
        """Make a new run folder and take its lock.

        Args:
            name: what the run is called when `out` is None: `parent/name`, or `parent/name-2` and so on.
            out: the folder itself; must not exist.
            parent: where runs without `out` go.

        Raises:
            UsageError: `out` exists, or the place is not writable.
        """
        first = parent / plain_name(name) if out is None else out
        made_parents = tuple(folder for folder in first.parents if not folder.exists())
        folder: Self | None = None
        try:
            os.makedirs(first.parent, exist_ok=True)
            path = make_next(first) if out is None else _make(first)
            folder = cls(path)
            folder._made = (path, *made_parents)
            folder._take_lock()
            os.mkdir(folder.checkpoints, 0o700)
            sync_folder(path)
            sync_folder(path.parent)
        except OSError as error:
            if folder is not None:
                folder.discard()
            raise UsageError(
                t(
                    "the run folder {path} cannot be made: {reason}. Choose a place that you may write to with --out.",
                    path=first,
                    reason=reason_of(error),
                )
            ) from error
        return folder

    @classmethod
    def resume(cls, path: Path) -> Self:
        """Take the lock of an existing run folder, and remove what an interrupted write left there.

        Raises:
            UsageError: no run folder is there, or it is not writable.
            FolderInUse: another process works there.
            StorageError: what was left cannot be removed.
        """
        if not path.exists():
            raise UsageError(
                t("there is no run folder {path} to go on with. Check the path, or leave out --resume.", path=path)
            )
        folder = cls(path)
        if not folder.config.is_file():
            raise UsageError(
                t("{path} is not a run folder: it has no {name}. Check the path.", path=path, name=folder.config.name)
            )
        folder._take_lock()
        try:
            for place in (folder.path, folder.checkpoints, folder.model, folder.predictions):
                clean(place)
        except OSError as error:
            folder.close()
            raise storage_error(path, error, 0) from error
        return folder

    @property
    def config(self) -> Path:
        """All options of the run."""
        return self.path / "config.yaml"

    @property
    def split(self) -> Path:
        """Which example is in which split."""
        return self.path / "split.parquet"

    @property
    def data_check(self) -> Path:
        """What the check of the data found."""
        return self.path / "data_check.json"

    @property
    def results(self) -> Path:
        """One row per epoch."""
        return self.path / "results.csv"

    @property
    def events(self) -> Path:
        """One line per event."""
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints, see `publisher`."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Folder of the finished model, see `model_files`."""
        return self.path / "model"

    @property
    def predictions(self) -> Path:
        """Folder of one table per split."""
        return self.path / "predictions"

    @property
    def report_html(self) -> Path:
        """The report for people."""
        return self.path / "report.html"

    @property
    def report_json(self) -> Path:
        """The report for programs; the last file of a run."""
        return self.path / "report.json"

    @property
    def log(self) -> Path:
        """What was printed."""
        return self.path / "log.txt"

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end: its report is there."""
        return self.report_json.is_file()

    def discard(self) -> None:
        """Remove a folder that `create` made, and its parents if they were made too: the run never came to step 1."""
        if self._made:
            shutil.rmtree(self.path, ignore_errors=True)
            for parent in self._made[1:]:
                with suppress(OSError):  # another run lives there by now
                    parent.rmdir()
        self.close()

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            descriptor, self._lock = self._lock, None
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_lock(self) -> None:
        """An flock is released by the kernel when its holder dies, so it is never stale."""
        path = self.path / "run.lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise StorageError(_strange_lock(path)) from None
            raise UsageError(
                t("{path} cannot be opened for writing: {reason}.", path=path, reason=reason_of(error))
            ) from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise StorageError(_strange_lock(path))
            _lock(descriptor, path)
            os.ftruncate(descriptor, 0)
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")  # noqa: UP017 - reads better in full
            os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since": now}).encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._lock = descriptor


def plain_name(text: str) -> str:
    """A folder name made of a text: letters, digits, dot, dash; never hidden, never a path.

    >>> plain_name("../my photos")
    'my-photos'
    """
    return re.sub(r"[^\w.]+", "-", text).strip("-._")[:60] or "run"


def _make(path: Path) -> Path:
    try:
        os.mkdir(path)
    except FileExistsError:
        raise UsageError(
            t(
                "{path} exists already. Choose another --out, or go on with the run there with --resume.",
                path=path,
            )
        ) from None
    return path


def make_next(first: Path) -> Path:
    """The first free name. `mkdir` itself decides, so two processes never get the same one."""
    for number in count(1):
        path = first if number == 1 else first.with_name(f"{first.name}-{number}")
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        return path
    raise AssertionError("count() does not end")


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid, since = _holder(descriptor)
        raise FolderInUse(
            t(
                "the run folder {path} is in use by process {pid} since {since}. Wait for it, or choose another --out.",
                path=path.parent,
                pid=pid,
                since=since,
            )
        ) from None


def _holder(descriptor: int) -> tuple[str, str]:
    """Who has the lock and since when; a question mark when that is just being written."""
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return str(holder["pid"]), str(holder["since"])
    except (ValueError, LookupError, TypeError):
        return "?", "?"


def _strange_lock(path: Path) -> str:
    return t("{path} is a link or no plain file, so it is not used as a lock. Remove it and try again.", path=path)
