"""Single files: written whole or not at all, read within limits. Standard library only."""

import errno
import hashlib
import json
import math
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from rumbo.core.errors import DataError, StorageError
from rumbo.core.messages import t
from rumbo.runs.formats import foreign_format

MAX_JSON_BYTES = 16 * 2**20
MAX_DEPTH = 32
MAX_CONFIG_BYTES = 2**20
MAX_CONFIG_NODES = 20_000
MAX_CONFIG_TEXT = 2**16
MAX_WHOLE_NUMBER = 2**53  # beyond it a float64, and with it JavaScript, loses digits
SNIFF_BYTES = 2**16


def write_file(path: Path, data: bytes) -> None:
    """Replace a file so that a crash leaves the old bytes or the new ones, never a mixture.

    Raises:
        StorageError: disk full, not writable, input/output error.
    """
    draft = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        write_synced(draft, data)
        os.rename(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        _discard(draft)
        raise storage_error(path, error, len(data)) from error


def write_synced(path: Path, data: bytes) -> None:
    """Create a file and wait until its bytes are on the disk; it must not exist yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk: a rename is durable only then."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def open_regular(path: Path, *, max_bytes: int, follow_links: bool = True) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file opened for reading, and its size in bytes. Pipes, devices and folders are refused unread.

    Raises:
        DataError: not there, not a regular file, not readable, or larger than `max_bytes`.
    """
    flags = os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow_links else os.O_NOFOLLOW)
    try:
        opened = open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags))  # noqa: SIM115
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DataError(
                t("{path} is a link; links are not followed here. Copy the file itself.", path=path)
            ) from None
        raise DataError(t("{path} cannot be read: {reason}.", path=path, reason=reason_of(error))) from error
    with opened as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DataError(t("{path} is not a regular file.", path=path))
        if status.st_size > max_bytes:
            raise DataError(
                t(
                    "{path} has {size} bytes, but at most {limit} are read here.",
                    path=path,
                    size=status.st_size,
                    limit=max_bytes,
                )
            )
        yield file, status.st_size


def read_file(path: Path, *, max_bytes: int, follow_links: bool = True) -> bytes:
    """All bytes of a regular file, read once.

    Raises:
        DataError: as `open_regular`, or the file changed while it was read.
    """
    with open_regular(path, max_bytes=max_bytes, follow_links=follow_links) as (file, size):
        try:
            data = file.read(size + 1)
        except OSError as error:
            raise DataError(t("{path} cannot be read: {reason}.", path=path, reason=reason_of(error))) from error
    if len(data) != size:
        raise DataError(t("{path} changed while it was read. Try again when nothing writes to it.", path=path))
    return data


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON in the order given; NaN and infinity are our mistake, a ValueError."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=2)
    write_file(path, text.encode("utf-8", "backslashreplace") + b"\n")


def read_json(path: Path, *, max_bytes: int = MAX_JSON_BYTES, follow_links: bool = True) -> Any:
    """Read strict JSON: UTF-8, no NaN, no key twice, at most 32 levels, whole numbers up to 2^53.

    Raises:
        DataError: any of that is broken, or the file is larger than `max_bytes`.
    """
    data = read_file(path, max_bytes=max_bytes, follow_links=follow_links)
    try:
        value = parse_json(data)
    except ValueError as error:
        if format_name := foreign_format(data[:SNIFF_BYTES], data[-SNIFF_BYTES:]):
            reason = t("it is a file of the format {format}", format=format_name)
        else:
            reason = str(error)
        raise DataError(t("{path} is not valid JSON: {reason}.", path=path, reason=reason)) from None
    check_tree(value, lambda reason: _refuse(path, reason))
    return value


def parse_json(data: bytes) -> Any:
    """Strict JSON from bytes; a ValueError says what is wrong."""
    try:
        return json.loads(data.decode(), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise ValueError(t("byte {place} is not UTF-8", place=error.start)) from None
    except RecursionError:
        raise ValueError(_too_deep()) from None


def check_tree(
    value: Any, refuse: Callable[[str], NoReturn], *, max_nodes: int | None = None, max_text: int | None = None
) -> None:
    """Hold a parsed value to the limits on depth, count, numbers and text; `refuse` is told the first one broken."""
    num_nodes, level = 0, [value]
    for depth in range(MAX_DEPTH + 1):
        num_nodes += len(level)
        if max_nodes is not None and num_nodes > max_nodes:
            refuse(t("more than {limit} values", limit=max_nodes))
        if depth == MAX_DEPTH and any(isinstance(item, dict | list) for item in level):
            refuse(_too_deep())
        for item in level:
            if isinstance(item, float) and not math.isfinite(item):
                refuse(t("a number is not finite"))
            if isinstance(item, int) and abs(item) > MAX_WHOLE_NUMBER:
                refuse(t("a whole number lies beyond 2^53"))
            if isinstance(item, str) and max_text is not None and len(item) > max_text:
                refuse(t("a text is longer than {limit} letters", limit=max_text))
        level = [child for item in level for child in _children(item)]


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_space(folder: Path, num_bytes: int) -> None:
    """Stop before step 1 when a disk cannot take three times what will be written.

    Raises:
        StorageError: too little space is free.
    """
    if (free := free_bytes(folder)) < 3 * num_bytes:
        raise StorageError(
            t(
                "{path}: {needed} bytes must be free, three times one checkpoint, but only {free} are. "
                "Free some space, or choose another place with --out.",
                path=folder,
                needed=3 * num_bytes,
                free=free,
            )
        )


def storage_error(path: Path, error: OSError, num_bytes: int) -> StorageError:
    """The failure to write `num_bytes` at a path, as a sentence: path, reason, needed and free bytes."""
    return StorageError(
        t(
            "{path} could not be written: {reason}; {needed} bytes were needed, {free} are free. "
            "Make room or repair the storage; what was saved before is untouched.",
            path=path,
            reason=reason_of(error),
            needed=num_bytes,
            free=free_bytes(path),
        )
    )


def free_bytes(path: Path) -> int:
    """Bytes free where a path is or would be."""
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return 0


def reason_of(error: OSError) -> str:
    """The operating system's words for an error, without path or address."""
    return os.strerror(error.errno) if error.errno else type(error).__name__


def clean(folder: Path) -> None:
    """Remove the drafts that an interrupted write left. Only for a folder that nobody else writes to.

    Raises:
        OSError: one cannot be removed.
    """
    for draft in folder.glob(".tmp-*"):
        if draft.is_dir() and not draft.is_symlink():
            shutil.rmtree(draft)
        else:
            draft.unlink()


def _discard(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except OSError:
        return  # the write itself has failed, and that is what gets reported


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(t("the key '{key}' stands twice", key=twice[:80]))
    return values


def _no_constant(word: str) -> NoReturn:
    raise ValueError(t("{word} is not allowed; numbers are finite", word=word))


def _too_deep() -> str:
    return t("nested deeper than {limit} levels", limit=MAX_DEPTH)


def _refuse(path: Path, reason: str) -> NoReturn:
    raise DataError(t("{path} is refused: {reason}.", path=path, reason=reason))
