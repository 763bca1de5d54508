"""Zips and tars as data sets: listed and read in place, never unpacked into folders; bombs and ways out are refused."""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import tempfile
import threading
import weakref
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.file_rules import MAX_NOTE_CHARACTERS, check_size, is_hidden, is_note, notes_beside

MAX_ZIP_FILES = 5_000_000
MAX_ZIP_BYTES = 256 * 2**30
MAX_ZIP_RATIO = 200
"""Unpacked over packed bytes of a whole zip or tar above which it is taken for a bomb."""
MAX_MEMORY_BYTES = 64 * 2**20
"""A packed tar that unpacks to more is kept in a temporary file while it is used."""
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_PACKERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_CHUNK_BYTES = 2**20


class ZipFiles:
    """Files inside a zip, read in place: nothing is unpacked to disk."""

    def __init__(self, path: Path):
        self.path, self.num_links = path, 0
        try:
            self._zip = zipfile.ZipFile(path)  # raises NotImplementedError for what it cannot unpack
        except (zipfile.BadZipFile, OSError, NotImplementedError) as problem:
            raise DataError(
                t("'{path}' is not a whole zip file: {problem}.", path=path, problem=str(problem))
            ) from None
        self._members = {member.filename: member for member in self._zip.infolist() if self._is_wanted(member)}
        self._check_limits()
        self._names = sorted(self._members)

    def names(self) -> Sequence[str]:
        """All files, sorted by name."""
        return self._names

    def has(self, name: str) -> bool:
        """Whether the zip holds that file."""
        return name in self._members

    def read(self, name: str) -> bytes:
        """All bytes of a member; its checksum is checked."""
        member = self._members[name]
        check_size(name, member.file_size)
        try:
            return self._zip.read(member)
        except Exception as problem:  # damaged (zlib.error, BadZipFile ...) or encrypted (RuntimeError)
            message = t("'{name}' in the zip cannot be read: {problem}.", name=name, problem=str(problem))
            raise DataError(message) from None

    def notes(self) -> str:
        """The text of README and .names files at the top of the zip and beside it."""
        inside = [self.read(name) for name in self.names() if "/" not in name and is_note(name)]
        return b"\n".join(inside).decode("utf-8", "replace") + notes_beside(self.path.parent)

    def _is_wanted(self, member: zipfile.ZipInfo) -> bool:
        name = member.filename
        _refuse_way_out(self.path, name)
        if stat.S_ISLNK(member.external_attr >> 16):
            self.num_links += 1
            return False
        return not member.is_dir() and not any(is_hidden(part) for part in PurePosixPath(name).parts)

    def _check_limits(self) -> None:
        members = self._members.values()
        unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
        if len(members) > MAX_ZIP_FILES or unpacked > MAX_ZIP_BYTES or unpacked > MAX_ZIP_RATIO * max(packed, 4096):
            raise _too_large(self.path, packed, unpacked, len(members))


class TarFiles:
    """Files inside a tar, also .gz, .bz2 or .xz: unpacked once into memory or a temporary file, then read by place.

    A hard link is the file of the archive that it names, if that one came before; other links are not followed.
    Devices and pipes are refused. Of several files of one name the last counts, as tar unpacks them.
    """

    def __init__(self, path: Path):
        self.path, self.num_links = path, 0
        self._lock = threading.Lock()
        self._file = _unpacked(path)
        weakref.finalize(self, self._file.close)
        self._num_bytes = self._file.seek(0, os.SEEK_END)
        try:
            self._places = self._index()
        except (tarfile.TarError, OSError, ValueError, OverflowError, RecursionError) as problem:
            raise DataError(
                t("'{path}' is not a whole tar file: {problem}.", path=path, problem=str(problem)[:200])
            ) from None
        self._names = sorted(self._places)

    def names(self) -> Sequence[str]:
        """All files, sorted by name."""
        return self._names

    def has(self, name: str) -> bool:
        """Whether the tar holds that file."""
        return name in self._places

    def read(self, name: str) -> bytes:
        """All bytes of a member."""
        start, size = self._places[name]
        check_size(name, size)
        with self._lock:
            self._file.seek(start)
            return self._file.read(size)

    def notes(self) -> str:
        """The text of README and .names files at the top of the tar and beside it."""
        inside = [self.read(name)[:MAX_NOTE_CHARACTERS] for name in self.names() if "/" not in name and is_note(name)]
        return b"\n".join(inside).decode("utf-8", "replace") + notes_beside(self.path.parent)

    def _index(self) -> dict[str, tuple[int, int]]:
        """Where the bytes of each wanted file begin, and how many there are."""
        self._file.seek(0)
        places: dict[str, tuple[int, int]] = {}
        with tarfile.open(fileobj=self._file, mode="r:") as archive:
            for count, member in enumerate(iter(archive.next, None), start=1):
                if count > MAX_ZIP_FILES:
                    raise _too_large(self.path, self._num_bytes, self._num_bytes, count)
                vars(archive)["members"] = []  # else each of millions stays in memory
                name = member.name.removeprefix("./")
                _refuse_way_out(self.path, name)
                linked = places.get(member.linkname.removeprefix("./")) if member.islnk() else None
                if linked is not None:
                    places[name] = linked
                elif member.issym() or member.islnk():
                    self.num_links += 1
                elif member.isreg() and not member.issparse():
                    if member.offset_data + member.size > self._num_bytes:
                        raise tarfile.ReadError(f"'{name}' is cut off")
                    places[name] = (member.offset_data, member.size)
                elif not member.isdir():
                    raise DataError(
                        t("'{path}' holds '{name}', which is no plain file: refused.", path=self.path, name=name)
                    )
        places = {  # not before: what a hard link names may be hidden
            name: place
            for name, place in places.items()
            if not any(is_hidden(part) for part in PurePosixPath(name).parts)
        }
        self._check_limits(sum(size for _, size in places.values()), len(places))
        return places

    def _check_limits(self, num_bytes: int, count: int) -> None:
        """Files that hard links name again count again: a few bytes could name one large file a million times."""
        packed = self.path.stat().st_size
        if num_bytes > max(self._num_bytes, min(MAX_ZIP_BYTES, MAX_ZIP_RATIO * max(packed, 4096))):
            raise _too_large(self.path, packed, num_bytes, count)


def _unpacked(path: Path) -> "IO[bytes]":
    """The plain tar: the file itself, or its content in memory or in a temporary file."""
    try:
        packed = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(6)
        opener = next((opener for mark, opener in _PACKERS.items() if start.startswith(mark)), None)
        if opener is None:
            return path.open("rb")
        plain = tempfile.SpooledTemporaryFile(MAX_MEMORY_BYTES)  # noqa: SIM115 - it is closed with its TarFiles
        limit = min(MAX_ZIP_BYTES, MAX_ZIP_RATIO * max(packed, 4096))
        try:
            with opener(path, "rb") as source:
                while chunk := source.read(_CHUNK_BYTES):
                    plain.write(chunk)
                    if plain.tell() > limit:
                        raise _too_large(path, packed, plain.tell(), 1)
        except BaseException:
            plain.close()
            raise
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as problem:
        raise DataError(
            t("'{path}' is not a whole tar file: {problem}.", path=path, problem=str(problem)[:200])
        ) from None
    return plain


def _refuse_way_out(path: Path, name: str) -> None:
    if name.startswith(("/", "\\")) or "\\" in name or ".." in PurePosixPath(name).parts or name[1:2] == ":":
        raise DataError(
            t("'{path}' holds the name '{name}', which leads out of its folder: refused.", path=path, name=name)
        )


def _too_large(path: Path, packed: int, unpacked: int, count: int) -> DataError:
    return DataError(
        t(
            "'{path}' would unpack {packed} bytes to {unpacked} in {count} files; at most {ratio} times its "
            "size is read. Unpack it yourself, if you trust it, and give the folder.",
            path=path,
            packed=packed,
            unpacked=unpacked,
            count=count,
            ratio=MAX_ZIP_RATIO,
        )
    )
