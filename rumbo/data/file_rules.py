"""Which files of a set count and which describe it, and how large one may be."""

import os
from pathlib import Path

from rumbo.core.errors import DataError
from rumbo.core.messages import t

MAX_FILE_BYTES = 4 * 2**30
MAX_NOTE_CHARACTERS = 200_000
_CLUTTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})


def is_note(name: str) -> bool:
    """Whether a file of that name describes the set."""
    return name.lower().startswith("readme") or name.lower().endswith(".names")


def notes_beside(folder: Path) -> str:
    """The text of README and .names files in a folder."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if is_note(entry.name) and entry.is_file())
    return "\n".join((folder / name).read_text("utf-8", errors="replace")[:MAX_NOTE_CHARACTERS] for name in names)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is left out by its name: hidden, or what systems leave behind."""
    return name.startswith(".") or name.lower() in _CLUTTER


def check_size(name: str, num_bytes: int) -> None:
    """DataError where a file is larger than one may be."""
    if num_bytes > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES
        raise DataError(
            t("'{name}' has {count} bytes; a file may have {limit}.", name=name, count=num_bytes, limit=limit)
        )
