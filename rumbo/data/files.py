"""The files of a data set, in a folder, a zip or a tar: listed in order, read with limits, never changed."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import stat
import tarfile
import tempfile
import threading
import weakref
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data.pictures.decode import EXTENSIONS

MAX_FILE_BYTES = 4 * 2**30
MAX_NOTE_CHARACTERS = 200_000
FEW_NAMES = 1000
"""Up to so many names are asked for one by one."""
MAX_ZIP_FILES = 5_000_000
MAX_ZIP_BYTES = 256 * 2**30
MAX_ZIP_RATIO = 200
"""Unpacked over packed bytes of a whole zip or tar above which it is taken for a bomb."""
MAX_MEMORY_BYTES = 64 * 2**20
"""A packed tar that unpacks to more is kept in a temporary file while it is used."""
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_PACKERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_CHUNK_BYTES = 2**20
_CLUTTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})


class Files(Protocol):
    """Files by name; names are relative, with '/', sorted; hidden ones are left out."""

    path: Path
    num_links: int

    def names(self) -> Sequence[str]:
        """All files, sorted by name."""
        ...

    def has(self, name: str) -> bool:
        """Whether a regular file of that name is there, inside the set."""
        ...

    def read(self, name: str) -> bytes:
        """All bytes of a file; DataError when it cannot be read or is too large."""
        ...

    def notes(self) -> str:
        """The text of README and .names files at the top of the set and beside it."""
        ...


class FolderFiles:
    """Files below a folder. Links to folders are not followed; pipes and devices are never opened.

    Args:
        root: the folder.
        only: the file of the folder that the set consists of; its neighbours are found by `has`.
    """

    def __init__(self, root: Path, only: str | None = None):
        self.root, self.only = root, only
        self.path = root if only is None else root / only
        self.num_links = 0
        self._names: list[str] | None = [only] if only is not None else None

    def names(self) -> Sequence[str]:
        """All regular files, sorted by name."""
        if self._names is None:
            self._names = sorted(self._walk("", self.root))
        return self._names

    def has(self, name: str) -> bool:
        """Whether a regular file of that name lies inside the folder, links resolved."""
        if not name or "\0" in name or os.path.isabs(name):
            return False
        try:
            target = (self.root / name).resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: a loop of links
            return False
        return target.is_relative_to(self.root.resolve()) and target.is_file()

    def plain_names(self, folder: str) -> set[str]:
        """The regular files of one folder of the set, without links; none where the folder lies outside."""
        try:
            place = (self.root / folder).resolve(strict=True)
            if "\0" in folder or os.path.isabs(folder) or not place.is_relative_to(self.root.resolve()):
                return set()
            with os.scandir(place) as entries:
                return {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}
        except (OSError, RuntimeError, ValueError):
            return set()

    def stamps(self, names: Sequence[str]) -> list[str]:
        """`stat:` and the sha256 of name, size and time of change of each file: another when a file was written."""

        def stamp(name: str) -> str:
            try:
                about = os.stat(self.root / name)
                facts = f"{safe_name(name)}\0{about.st_size}\0{about.st_mtime_ns}"
            except OSError:
                facts = safe_name(name)
            return f"stat:{hashlib.sha256(facts.encode()).hexdigest()}"

        return [stamp(name) for name in names]

    def read(self, name: str) -> bytes:
        """All bytes of a regular file."""
        try:
            # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
            descriptor = os.open(
                self.root / name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            )
            with open(descriptor, "rb") as file:
                about = os.fstat(descriptor)
                if not stat.S_ISREG(about.st_mode):
                    raise DataError(t("'{name}' is not a regular file.", name=name))
                _check_size(name, about.st_size)
                return file.read()
        except OSError as problem:
            raise DataError(
                t("'{name}' cannot be read: {problem}.", name=name, problem=problem.strerror or "")
            ) from None

    def notes(self) -> str:
        """The text of README and .names files in the folder itself."""
        return _notes_beside(self.root)

    def _walk(self, prefix: str, folder: Path) -> list[str]:
        names: list[str] = []
        try:
            entries = list(os.scandir(folder))
        except OSError as problem:
            message = t("folder '{path}' cannot be read: {problem}.", path=folder, problem=problem.strerror or "")
            raise DataError(message) from None
        for entry in entries:
            if _is_hidden(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                names += self._walk(f"{prefix}{entry.name}/", Path(entry.path))
            elif entry.is_file(follow_symlinks=False) or (entry.is_symlink() and self.has(prefix + entry.name)):
                names.append(prefix + entry.name)
            elif entry.is_symlink():
                self.num_links += 1
        return names


class ZipFiles:
    """Files inside a zip, read in place: nothing is unpacked to disk."""

    def __init__(self, path: Path):
        self.path, self.num_links = path, 0
        try:
            self._zip = zipfile.ZipFile(path)
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
        _check_size(name, member.file_size)
        try:
            return self._zip.read(member)
        except Exception as problem:  # damaged (zlib.error, BadZipFile ...) or encrypted (RuntimeError)
            message = t("'{name}' in the zip cannot be read: {problem}.", name=name, problem=str(problem))
            raise DataError(message) from None

    def notes(self) -> str:
        """The text of README and .names files at the top of the zip and beside it."""
        inside = [self.read(name) for name in self.names() if "/" not in name and _is_note(name)]
        return b"\n".join(inside).decode("utf-8", "replace") + _notes_beside(self.path.parent)

    def _is_wanted(self, member: zipfile.ZipInfo) -> bool:
        name = member.filename
        _refuse_way_out(self.path, name)
        if stat.S_ISLNK(member.external_attr >> 16):
            self.num_links += 1
            return False
        return not member.is_dir() and not any(_is_hidden(part) for part in PurePosixPath(name).parts)

    def _check_limits(self) -> None:
        members = self._members.values()
        unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
        if len(members) > MAX_ZIP_FILES or unpacked > MAX_ZIP_BYTES or unpacked > MAX_ZIP_RATIO * max(packed, 4096):
            raise _too_large(self.path, packed, unpacked, len(members))


class TarFiles:
    """Files inside a tar, also .gz, .bz2 or .xz: unpacked once into memory or a temporary file, then read by place.

    Links are not followed; devices and pipes are refused. Of several files of one name the last counts, as tar
    unpacks them.
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
        _check_size(name, size)
        with self._lock:
            self._file.seek(start)
            return self._file.read(size)

    def notes(self) -> str:
        """The text of README and .names files at the top of the tar and beside it."""
        inside = [self.read(name)[:MAX_NOTE_CHARACTERS] for name in self.names() if "/" not in name and _is_note(name)]
        return b"\n".join(inside).decode("utf-8", "replace") + _notes_beside(self.path.parent)

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
                if member.issym() or member.islnk():
                    self.num_links += 1
                elif member.isreg() and not member.issparse():
                    if member.offset_data + member.size > self._num_bytes:
                        raise tarfile.ReadError(f"'{name}' is cut off")
                    if not any(_is_hidden(part) for part in PurePosixPath(name).parts):
                        places[name] = (member.offset_data, member.size)
                elif not member.isdir():
                    raise DataError(
                        t("'{path}' holds '{name}', which is no plain file: refused.", path=self.path, name=name)
                    )
        return places


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


def open_files(path: str | Path) -> Files:
    """The files at a path: a folder, a zip or tar, a folder that holds one of these beside texts, or one file.

    Raises:
        UsageError: nothing is there, or it is no file and no folder.
        DataError: a damaged or hostile zip or tar.
    """
    path = Path(path).expanduser()
    if "\0" in str(path) or not path.exists():
        raise UsageError(t("'{path}' does not exist. Give a folder, a table, a zip or a picture.", path=path))
    if path.is_dir():
        files = FolderFiles(path)
        packed = [name for name in files.names() if name.lower().endswith((".zip", *TAR_ENDINGS))]
        alone = len(packed) == 1 and all(_is_text(name) for name in files.names() if name not in packed)
        return _archive(path / packed[0]) if alone else files
    if not path.is_file():
        raise UsageError(t("'{path}' is neither a file nor a folder.", path=path))
    return _archive(path) if path.name.lower().endswith((".zip", *TAR_ENDINGS)) else FolderFiles(path.parent, path.name)


def _archive(path: Path) -> Files:
    return ZipFiles(path) if path.name.lower().endswith(".zip") else TarFiles(path)


def existing(files: Files, names: Collection[str]) -> set[str]:
    """Those of many names that `Files.has`; a folder is listed once instead of asked for each."""
    if not isinstance(files, FolderFiles) or len(names) <= FEW_NAMES:
        return {name for name in names if files.has(name)}
    by_folder: dict[str, list[str]] = {}
    for name in names:
        by_folder.setdefault(name.rpartition("/")[0], []).append(name)
    found: set[str] = set()
    for folder, inside in by_folder.items():
        plain = files.plain_names(folder)
        found.update(name for name in inside if name.rpartition("/")[2] in plain or files.has(name))
    return found


def gunzipped(data: bytes, name: str) -> bytes:
    """The content of a .gz file, told by its first bytes; other bytes as they are."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as file:
            unpacked = file.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as problem:
        message = t("'{name}' is a damaged .gz file: {problem}.", name=name, problem=str(problem))
        raise DataError(message) from None
    if len(unpacked) > MAX_FILE_BYTES:
        raise DataError(t("'{name}' unpacks to more than {limit} bytes, the limit.", name=name, limit=MAX_FILE_BYTES))
    return unpacked


def extension(name: str) -> str:
    """The last extension in small letters, behind a `.gz`.

    >>> extension("a/B.CSV.gz"), extension("README")
    ('csv', '')
    """
    base = name.lower().removesuffix(".gz").rpartition("/")[2]
    stem, _, last = base.rpartition(".")
    return last if stem else ""


def picture_names(names: Sequence[str]) -> list[str]:
    """The names that look like pictures."""
    return [name for name in names if extension(name) in EXTENSIONS and not name.lower().endswith(".gz")]


def count_by_extension(names: Sequence[str]) -> str:
    """What there is, for messages: "12 .jpg, 1 .md"."""
    counts = Counter(f".{extension(name)}" if extension(name) else t("without extension") for name in names)
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common(8)) or t("no files")


def safe_name(name: str) -> str:
    r"""A file name as text that can be stored: bytes that are no UTF-8 become `\xNN`.

    >>> safe_name("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _is_note(name: str) -> bool:
    return name.lower().startswith("readme") or name.lower().endswith(".names")


def _notes_beside(folder: Path) -> str:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if _is_note(entry.name) and entry.is_file())
    return "\n".join((folder / name).read_text("utf-8", errors="replace")[:MAX_NOTE_CHARACTERS] for name in names)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _CLUTTER


def _is_text(name: str) -> bool:
    return extension(name) in ("md", "txt", "rst", "names", "html", "pdf", "") or "readme" in name.lower()


def _check_size(name: str, num_bytes: int) -> None:
    if num_bytes > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES
        raise DataError(
            t("'{name}' has {count} bytes; a file may have {limit}.", name=name, count=num_bytes, limit=limit)
        )
