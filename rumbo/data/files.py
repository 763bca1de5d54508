"""The files of a data set, in a folder, a zip or a tar: listed in order, read with limits, never changed."""

import gzip
import hashlib
import io
import os
import stat
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from rumbo.core.errors import DataError, UsageError, os_reason
from rumbo.core.messages import t
from rumbo.data.archives import TAR_ENDINGS, TarFiles, ZipFiles
from rumbo.data.file_rules import MAX_FILE_BYTES, check_size, is_hidden, notes_beside
from rumbo.data.pictures.decode import EXTENSIONS

FEW_NAMES = 1000
"""Up to so many names are asked for one by one."""


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

    `unreadable` are the folders inside it that the system does not let list: they are left out.

    Args:
        root: the folder.
        only: the file of the folder that the set consists of; its neighbours are found by `has`.
    """

    def __init__(self, root: Path, only: str | None = None):
        self.root, self.only = root, only
        self.path = root if only is None else root / only
        self.num_links = 0
        self.unreadable: list[str] = []
        self._names: list[str] | None = [only] if only is not None else None

    def names(self) -> Sequence[str]:
        """All regular files, sorted by name."""
        if self._names is None:
            self._names = self._walk()
        return self._names

    def has(self, name: str) -> bool:
        """Whether a regular file of that name lies inside the folder, links resolved."""
        if not name or "\0" in name or os.path.isabs(name):
            return False
        try:
            target = (self.root / name).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):  # a loop of links, or no name for this system
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
                check_size(name, about.st_size)
                return file.read()
        except OSError as problem:
            raise DataError(
                t("'{name}' cannot be read: {problem}.", name=name, problem=problem.strerror or "")
            ) from None

    def notes(self) -> str:
        """The text of README and .names files in the folder itself."""
        return notes_beside(self.root)

    def _walk(self) -> list[str]:
        """All names, sorted; what waits to be listed is a stack, since folders may be nested deeper than calls."""
        names: list[str] = []
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(os.path.join(self.root, folder)) as listed:
                    entries = list(listed)
            except OSError as problem:
                if folder:
                    self.unreadable.append(folder.removesuffix("/"))
                    continue
                message = t("folder '{path}' cannot be read: {problem}.", path=self.root, problem=os_reason(problem))
                raise DataError(message) from None
            for entry in entries:
                name = folder + entry.name
                if is_hidden(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{name}/")
                elif entry.is_file(follow_symlinks=False) or (entry.is_symlink() and self.has(name)):
                    names.append(name)
                elif entry.is_symlink():
                    self.num_links += 1
        self.unreadable.sort()
        return sorted(names)


def open_files(path: str | Path) -> Files:
    """The files at a path: a folder, a zip or tar, a folder that holds one of these beside texts, or one file.

    Raises:
        UsageError: nothing is there, or it is no file and no folder.
        DataError: a damaged or hostile zip or tar.
    """
    path = Path(path)
    try:
        path = path.expanduser()
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError, RuntimeError):  # also "a\0b" and "~nobody"
        message = t("'{path}' does not exist. Give a folder, a table, a zip or a picture.", path=path)
        raise UsageError(message) from None
    except OSError as problem:
        raise UsageError(t("'{path}' cannot be opened: {problem}.", path=path, problem=os_reason(problem))) from None
    if path.is_dir():
        files = FolderFiles(path)
        packed = [name for name in files.names() if name.lower().endswith((".zip", *TAR_ENDINGS))]
        alone = len(packed) == 1 and all(_is_text(name) for name in files.names() if name not in packed)
        return _archive(path / packed[0]) if alone else files
    if not path.is_file():
        raise UsageError(t("'{path}' is neither a file nor a folder.", path=path))
    return _archive(path) if path.name.lower().endswith((".zip", *TAR_ENDINGS)) else FolderFiles(path.parent, path.name)


def unlisted(files: Files) -> list[str]:
    """What is told of folders that cannot be listed, as finished sentences."""
    names = files.unreadable if isinstance(files, FolderFiles) else []
    if not names:
        return []
    sentence = t(
        "folders that cannot be read were left out: {count}, such as '{name}'.",
        count=len(names),
        name=safe_name(names[0]),
    )
    return [sentence]


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


def _is_text(name: str) -> bool:
    return extension(name) in ("md", "txt", "rst", "names", "html", "pdf", "") or "readme" in name.lower()
