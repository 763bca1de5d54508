"""Decoded pictures on disk, by the content of their files: from the second epoch on nothing is decoded twice.

An entry is one file: a header with shape and checksum, then the rows of pixels. It is written beside its place and
renamed into it, so that a killed writer leaves only a name that is never looked for. Rows are read, not mapped: a
mapped file that another process cuts would kill this one. Any failure of the disk ends in decoding anew.
"""

import contextlib
import hashlib
import io
import os
import secrets
import shutil
import struct
import threading
import time
import zlib
from pathlib import Path

import numpy as np

from rumbo.core.messages import shown, t

_HEADER = struct.Struct("<8sIIIIQ")
_MAGIC = b"rumbopx1"
_SUFFIX, _UNFINISHED = ".px", ".part"
_ABANDONED_SECONDS = 3600
"""Age at which an unfinished file has no writer any more."""

Shape = tuple[int, int, int]
"""Height, width, channels."""


def default_folder() -> Path:
    """Where caches of a user belong: `rumbo/pixels` in XDG_CACHE_HOME, or in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "rumbo" / "pixels"


class PixelCache:
    """A bounded folder of decoded pictures that several processes may share.

    Pictures that this process uses are never thrown out for others of it: a set larger than the cache keeps a part of
    itself there, where throwing out the oldest would keep nothing from one epoch to the next.

    Args:
        folder: made when it is missing; none takes `default_folder()`.
        limit_bytes: what all entries may take together; never more than half of what is free.

    Attributes:
        note: why pictures are not kept, a finished sentence; None as long as they are.
    """

    def __init__(self, folder: Path | None = None, *, limit_bytes: int):
        self.folder = folder or default_folder()
        self.note: str | None = None
        self._shapes: dict[str, Shape] = {}
        self._lock = threading.Lock()
        self._is_open = True
        self._limit = limit_bytes
        self._others: list[tuple[float, str, int]] = []
        self._used = 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._look_around()
        except OSError as problem:
            self._give_up(problem)

    def find(self, key: str) -> Shape | None:
        """The shape of a picture that is here, else None. What another process wrote is checked once, as a whole."""
        if (known := self._shapes.get(key)) is not None:
            return known
        try:
            descriptor = os.open(self._place(key), os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError:
            return None
        with open(descriptor, "rb") as file:
            shape = _checked(file.read())
        if shape is None:
            return None
        with contextlib.suppress(OSError):
            os.utime(self._place(key))  # in use: others are thrown out first
        self._shapes[key] = shape
        return shape

    def read(self, key: str, low: int = 0, high: int | None = None) -> np.ndarray | None:
        """Rows low..high of a picture that `find` knows; None when it is gone meanwhile.

        Returns:
            uint8, rows x width x channels.
        """
        shape = self.find(key)
        if shape is None:
            return None
        height, width, channels = shape
        rows = np.empty(((height if high is None else high) - low, width, channels), np.uint8)
        start = _HEADER.size + low * width * channels
        try:
            with open(self._place(key), "rb", buffering=0) as file:
                file.seek(start)
                if _fill(file, rows):
                    return rows
        except OSError:
            pass
        self._shapes.pop(key, None)
        return None

    def put(self, key: str, pixels: np.ndarray) -> None:
        """Keep a picture, uint8 h x w x c, if there is room; never raises for the disk."""
        pixels = np.ascontiguousarray(pixels)
        num_bytes = _HEADER.size + pixels.nbytes
        if not self._is_open or key in self._shapes or not self._makes_room(num_bytes):
            return
        height, width, channels = pixels.shape
        header = _HEADER.pack(_MAGIC, height, width, channels, _checksum(pixels.shape, pixels.data), pixels.nbytes)
        place = self._place(key)
        beside = place.with_suffix(f".{os.getpid()}-{secrets.token_hex(6)}{_UNFINISHED}")
        try:
            place.parent.mkdir(exist_ok=True, mode=0o700)
            try:
                with open(beside, "xb", buffering=0) as file:
                    _write(file, memoryview(header))
                    _write(file, pixels.data)
                os.replace(beside, place)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(beside)
                raise
        except OSError as problem:
            self._give_up(problem)
            return
        self._shapes[key] = (height, width, channels)

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def _makes_room(self, num_bytes: int) -> bool:
        """Count a new entry in; throw out what this process does not use, least recently used first."""
        with self._lock:
            while self._used + num_bytes > self._limit and self._others:
                _, path, freed = self._others.pop()
                if Path(path).stem in self._shapes:
                    continue
                with contextlib.suppress(OSError):
                    os.unlink(path)
                self._used -= freed
            if self._used + num_bytes > self._limit:
                self._is_open = False
                self.note = self.note or t(
                    "the cache of decoded pictures at '{path}' is full at {gib} GiB: the other pictures are decoded "
                    "anew in every epoch. It may take data.cache_gib, and half of what is free on that disk.",
                    path=self.folder,
                    gib=f"{self._limit / 2**30:.2g}",
                )
                return False
            self._used += num_bytes
            return True

    def _look_around(self) -> None:
        """Count what is there, remove what dead writers left, and fit the limit to the disk."""
        now = time.time()
        for entry in _entries(self.folder):
            try:
                about = entry.stat(follow_symlinks=False)
                if entry.name.endswith(_SUFFIX):
                    self._others.append((about.st_mtime, entry.path, about.st_size))
                elif entry.name.endswith(_UNFINISHED) and now - about.st_mtime > _ABANDONED_SECONDS:
                    os.unlink(entry.path)
            except OSError:  # another process was faster
                continue
        self._others.sort(reverse=True)
        self._used = sum(size for _, _, size in self._others)
        self._limit = min(self._limit, self._used + shutil.disk_usage(self.folder).free // 2)

    def _give_up(self, problem: OSError) -> None:
        self._is_open = False
        self.note = t(
            "decoded pictures cannot be kept at '{path}' ({problem}): training goes on without the cache, slower.",
            path=self.folder,
            problem=problem.strerror or shown(str(problem)),
        )


class Contents:
    """Which content a file had when it was last read: told by its stamp, so that it need not be read again.

    Args:
        num_rows: how many files there are; 40 bytes are kept for each.
    """

    SETTLED_NS = 2_000_000_000
    """A file that changed less than this before it was read could change again without another stamp."""

    def __init__(self, num_rows: int) -> None:
        self._stamps = np.zeros(num_rows, np.int64)
        self._contents = np.zeros((num_rows, hashlib.sha256().digest_size), np.uint8)

    def recall(self, row: int, stamp: tuple[int, ...] | None) -> str | None:
        """The sha256 of a row's file, if its stamp is the one that it was read under."""
        is_same = stamp is not None and int(self._stamps[row]) == _short(stamp)
        return self._contents[row].tobytes().hex() if is_same else None

    def learn(self, row: int, stamp: tuple[int, ...] | None, data: bytes) -> str:
        """The sha256 of bytes that were read after the stamp was taken."""
        content = hashlib.sha256(data)
        is_settled = stamp is not None and time.time_ns() - max(stamp[1:3]) > self.SETTLED_NS
        self._stamps[row] = 0
        self._contents[row] = np.frombuffer(content.digest(), np.uint8)
        if stamp is not None and is_settled:
            self._stamps[row] = _short(stamp)
        return content.hexdigest()


def open_cache(gib: float, path: str | None) -> PixelCache | None:
    """The cache that the options `cache_gib` and `cache_path` mean; None for 0 GiB."""
    return PixelCache(Path(path).expanduser() if path else None, limit_bytes=int(gib * 2**30)) if gib > 0 else None


def _short(stamp: tuple[int, ...]) -> int:
    """A stamp in 64 bits, never 0."""
    return hash(stamp) or 1


def stamp_of(path: str | Path) -> tuple[int, ...] | None:
    """What changes when a file is written: size, times of content and of status (both in ns), number; None: gone."""
    try:
        about = os.stat(path)
    except (OSError, ValueError):
        return None
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino, about.st_dev


def key_of(content: str, form: str) -> str:
    """The name of an entry: what was in the file, and what was made of it.

    Args:
        content: sha256 of the file.
        form: everything else that the pixels depend on.
    """
    return hashlib.sha256(f"{content}/{form}".encode()).hexdigest()


def _checked(data: bytes) -> Shape | None:
    """The shape of a whole entry; None for anything else."""
    if len(data) < _HEADER.size:
        return None
    magic, height, width, channels, checksum, num_bytes = _HEADER.unpack_from(data)
    pixels = memoryview(data)[_HEADER.size :]
    is_whole = magic == _MAGIC and height * width * channels == num_bytes == len(pixels)
    shape = height, width, channels
    return shape if is_whole and _checksum(shape, pixels) == checksum else None


def _checksum(shape: tuple[int, ...], pixels: memoryview) -> int:
    return zlib.crc32(pixels, zlib.crc32(repr(shape).encode()))


def _fill(file: io.FileIO, rows: np.ndarray) -> bool:
    """Read until an array is full; False when the file ends before."""
    wanted = rows.data.cast("B")
    while len(wanted):
        count = file.readinto(wanted)
        if not count:
            return False
        wanted = wanted[count:]
    return True


def _write(file: io.FileIO, data: memoryview) -> None:
    rest = data.cast("B")
    while len(rest):
        rest = rest[file.write(rest) :]


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    """Everything one level down."""
    return [entry for below in os.scandir(folder) if below.is_dir(follow_symlinks=False) for entry in _scan(below.path)]


def _scan(folder: str) -> list["os.DirEntry[str]"]:
    try:
        return list(os.scandir(folder))
    except OSError:
        return []
