"""Publishes checkpoints: at every instant, crashes included, the last complete one is there. Standard library only.

A checkpoint is a folder `ckpt-<step>` with a manifest that covers every byte. It is written as `.tmp-<step>-<pid>`,
made durable, renamed, read back; only then are older ones deleted.

    [
    {"format": 1, "step": 40, "files": {"state.json": {"sha256": "...", "size": 812}}},
    "sha256 of the lines before"]

Order of steps: RELIABILITY of file systems after a crash needs fsync of file and folder around a rename
(Pillai et al., All File Systems Are Not Created Equal, OSDI 2014).
"""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from rumbo.core.errors import DataError, StorageError
from rumbo.core.messages import t
from rumbo.runs import files as disk

T = TypeVar("T")

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 2**20
_NAME = re.compile(r"ckpt-(\d{12})(\.old)?")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as it was read.

    Attributes:
        step: the step after which it was saved.
        files: name -> bytes, each checked against the manifest.
        skipped: a sentence for each newer checkpoint that is damaged; people must see these.
    """

    step: int
    files: dict[str, bytes]
    skipped: tuple[str, ...] = ()


def publish(checkpoints: Path, step: int, files: Mapping[str, bytes], *, keep: int = 2) -> Path:
    """Save a checkpoint; when this returns, it is on the disk and has been read back.

    Args:
        checkpoints: the folder of all checkpoints; one process writes there at a time.
        step: its number, >= 0. Whatever an earlier attempt left at this or a later step gives way.
        files: plain file names -> bytes.
        keep: how many complete checkpoints stay, >= 1, this one included.

    Returns:
        The folder of the checkpoint.

    Raises:
        StorageError: it failed twice; earlier checkpoints are untouched.
    """
    if keep < 1 or not 0 <= step < 10**12 or not files or not all(map(_is_plain, files)):
        raise ValueError(
            f"step={step} must lie in [0, 10^12), keep={keep} be >= 1, files={list(files)} be plain names."
        )
    published = checkpoints / f"ckpt-{step:012d}"
    num_bytes = sum(map(len, files.values()))
    _twice(lambda: _write(checkpoints, published, step, files), published, num_bytes)
    _twice(lambda: _delete_surplus(checkpoints, published, step, keep), checkpoints, 0)
    return published


def latest(checkpoints: Path) -> Checkpoint | None:
    """The newest complete checkpoint by its step (clocks and other names do not matter); None when there is none.

    Raises:
        StorageError: there are checkpoints, and every one is damaged.
    """
    skipped: list[str] = []
    for step, folder in _list(checkpoints):
        try:
            return Checkpoint(step, dict(_verified(folder, step)), tuple(skipped))
        except DataError as damage:
            skipped.append(
                t("checkpoint {name} is damaged and left out: {reason}", name=folder.name, reason=str(damage))
            )
    if skipped:
        raise StorageError(t("{path} holds no whole checkpoint.", path=checkpoints) + " " + " ".join(skipped))
    return None


def clean(checkpoints: Path) -> None:
    """Remove what interrupted writes left; call it at start, when the folder is locked."""
    _twice(lambda: disk.clean(checkpoints), checkpoints, 0)


def _write(checkpoints: Path, published: Path, step: int, files: Mapping[str, bytes]) -> None:
    draft = checkpoints / f".tmp-{step}-{os.getpid()}"
    os.makedirs(checkpoints, exist_ok=True)
    disk.clean(checkpoints)
    try:
        os.mkdir(draft, 0o700)
        for name, data in files.items():
            disk.write_synced(draft / name, data)
        disk.write_synced(draft / MANIFEST, _manifest(step, files))
        disk.sync_folder(draft)
        _make_way(published, step)
        os.rename(draft, published)
        disk.sync_folder(checkpoints)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    if damage := _damage(published, step):
        raise OSError(errno.EIO, damage)


def _make_way(published: Path, step: int) -> None:
    """Put an earlier checkpoint of the same step aside, still readable, until the new one has its name."""
    aside = published.with_name(published.name + ".old")
    if not published.exists():
        return
    if aside.exists():  # an earlier attempt came this far
        if _damage(published, step):
            _put_away(published)
            return
        _put_away(aside)
    os.rename(published, aside)


def _delete_surplus(checkpoints: Path, published: Path, step: int, keep: int) -> None:
    """Delete what is older than the newest `keep` whole ones, and what a past that was given up left."""
    num_kept = 1
    for found, folder in _list(checkpoints):
        if folder == published:
            continue
        if found >= step or num_kept == keep:
            _put_away(folder)
        elif not _damage(folder, found):
            num_kept += 1
    disk.clean(checkpoints)


def _put_away(folder: Path) -> None:
    """Make a checkpoint a draft, to be deleted: a crash on the way never leaves half a checkpoint under its name."""
    os.rename(folder, folder.with_name(f".tmp-{folder.name}-{secrets.token_hex(4)}"))


def _list(checkpoints: Path) -> list[tuple[int, Path]]:
    """Steps and folders, newest first; one that was put aside comes after the one that has its name."""
    try:
        names = os.listdir(checkpoints)
    except FileNotFoundError:
        return []
    found = [(int(match[1]), match[2] is None, name) for name in names if (match := _NAME.fullmatch(name))]
    return [(step, checkpoints / name) for step, _, name in sorted(found, reverse=True)]


def _damage(folder: Path, step: int) -> str:
    """What is wrong with a checkpoint; empty when every byte is right."""
    try:
        for _ in _verified(folder, step):
            pass
    except DataError as damage:
        return str(damage)
    return ""


def _verified(folder: Path, step: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of a checkpoint; each file is read once, and those bytes are the ones that are checked.

    Raises:
        DataError: missing, cut, changed or foreign.
    """
    found, entries = _read_manifest(folder)
    if found != step:
        _refuse(t("{name} tells of step {step}", name=MANIFEST, step=found))
    for name, (digest, size) in entries.items():
        data = disk.read_file(folder / name, max_bytes=size, follow_links=False)
        if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
            _refuse(t("the bytes of {name} are not those that were saved", name=name))
        yield name, data


def _manifest(step: int, files: Mapping[str, bytes]) -> bytes:
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in files.items()}
    lines = b"[\n" + json.dumps({"format": FORMAT, "step": step, "files": entries}).encode() + b",\n"
    return lines + _last_line(lines)


def _last_line(lines: bytes) -> bytes:
    return f'"{hashlib.sha256(lines).hexdigest()}"]'.encode()


def _read_manifest(folder: Path) -> tuple[int, dict[str, tuple[str, int]]]:
    """The step of a manifest, and for each file its sha256 and size."""
    data = disk.read_file(folder / MANIFEST, max_bytes=MAX_MANIFEST_BYTES, follow_links=False)
    lines = data[: data.rfind(b"\n") + 1]
    if data != lines + _last_line(lines):
        _refuse(t("the bytes of {name} are not those that were saved", name=MANIFEST))
    try:
        manifest = disk.parse_json(data)[0]
        number, step = manifest["format"], manifest["step"]
        entries = {name: (str(entry["sha256"]), int(entry["size"])) for name, entry in manifest["files"].items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        _refuse(t("{name} is not one of ours", name=MANIFEST))
    if number != FORMAT:
        _refuse(t("it has format {format}, but this version reads {known}", format=str(number), known=FORMAT))
    if not all(map(_is_plain, entries)):
        _refuse(t("{name} names files elsewhere", name=MANIFEST))
    return step, entries


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..", MANIFEST) and "/" not in name and "\0" not in name


def _refuse(reason: str) -> NoReturn:
    raise DataError(reason + ".")


def _twice(action: Callable[[], T], path: Path, num_bytes: int) -> T:
    """Try a second time: network storage hiccups. Then stop, for training without checkpoints must not go on."""
    try:
        return action()
    except OSError:
        pass
    try:
        return action()
    except OSError as error:
        raise disk.storage_error(path, error, num_bytes) from error
