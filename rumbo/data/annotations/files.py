"""Files of annotations and the pictures they mean: found by path, base name or stem, read with limits."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import Files, FolderFiles, picture_names
from rumbo.data.readers.folders import SPLIT_OF_FOLDER

MAX_TEXT_BYTES = 2 * 2**20
"""An annotation file of one picture is no larger."""


class PictureFinder:
    """The picture that an annotation means: by path, else by base name, else by stem; guesses are counted.

    Args:
        files: the set.
    """

    def __init__(self, files: Files):
        self.names = picture_names(files.names())
        self.known = frozenset(self.names)
        self._by_base: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for name in self.names:
            path = PurePosixPath(name)
            self._by_base.setdefault(path.name, []).append(name)
            self._by_stem.setdefault(path.stem, []).append(name)
        self.guesses: list[tuple[str, str]] = []

    def by_path(self, entry: str, annotation: str, folder: str = "") -> str | None:
        """The picture at a path as an annotation file has it, repaired by its base name if need be.

        Args:
            entry: the path as met; backslashes, drives, addresses and `..` are known to happen.
            annotation: the file that names it.
            folder: a folder to try first, such as `train2017`.
        """
        plain = entry.split("?d=")[-1].replace("\\", "/").removeprefix("./")
        beside = PurePosixPath(annotation).parent
        for base in (beside / folder, beside, beside / "images" / folder, beside / "images", PurePosixPath(folder)):
            if (name := str(base / plain)) in self.known:
                return name
        if plain in self.known:
            return plain
        base_name = PurePosixPath(plain).name
        found = self._by_base.get(base_name, [])
        if not found:  # Label Studio puts a short hash before the name that was uploaded, or leaves it out
            unhashed = re.sub(r"^[0-9a-f]{8}-", "", base_name)
            found = self._by_base.get(unhashed, []) if unhashed != base_name else []
        name = _nearest(found, plain, str(beside / folder))
        if name is not None:
            self.guesses.append((entry, name))
        return name

    def by_stem(self, stem: str, annotation: str) -> str | None:
        """The picture called like an annotation file, the nearest in the tree when there are several."""
        found = self._by_stem.get(stem, [])
        folders = PurePosixPath(annotation).parent.parts
        mirrored = [name for name in found if _is_mirrored(PurePosixPath(name).parent.parts, folders)]
        return mirrored[0] if len(mirrored) == 1 else _nearest(found, stem, str(PurePosixPath(annotation).parent))

    def decisions(self) -> list[str]:
        """What was guessed, as a finished sentence."""
        if not self.guesses:
            return []
        entry, name = self.guesses[0]
        return [
            t(
                "paths of {count} pictures were repaired by their base name, such as '{entry}' -> '{name}'.",
                count=len(self.guesses),
                entry=entry,
                name=name,
            )
        ]


def whole_folder(files: Files) -> Files:
    """All files of the folder, where the set was given as one of them."""
    return FolderFiles(files.root) if isinstance(files, FolderFiles) and files.only is not None else files


def read_text(files: Files, name: str) -> str:
    """A text file of annotations; UTF-8, else Latin 1.

    Raises:
        DataError: it cannot be read, or is too large.
    """
    data = read_small(files, name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_small(files: Files, name: str) -> bytes:
    """The bytes of an annotation file of one picture.

    Raises:
        DataError: it cannot be read, or is too large.
    """
    data = files.read(name)
    if len(data) > MAX_TEXT_BYTES:
        raise DataError(
            t("'{name}' has {count} bytes; a file may have {limit}.", name=name, count=len(data), limit=MAX_TEXT_BYTES)
        )
    return data


def class_list(files: Files) -> tuple[str, tuple[str, ...]] | None:
    """The file that lists the classes, one a line, and their names; None when there is none."""
    wanted = ("classes.txt", "labels.txt", "obj.names", "_darknet.labels")
    found = [name for name in files.names() if PurePosixPath(name).name.lower() in wanted]
    for name in sorted(found, key=lambda name: name.count("/")):
        lines = [line.strip() for line in read_text(files, name).splitlines()]
        names = [line for line in lines if line]
        if names and len(set(names)) == len(names):
            return name, tuple(names)
    return None


def split_of_path(path: str) -> str | None:
    """The split that a folder or a word of the file's name says.

    >>> split_of_path("annotations/instances_val2017.json"), split_of_path("valid/a.xml"), split_of_path("a.xml")
    ('dev', 'dev', None)
    """
    *folders, base = path.lower().split("/")
    for word in (*re.split(r"[^a-z]+", base), *(re.sub(r"[^a-z]+", "", folder) for folder in reversed(folders))):
        if word in SPLIT_OF_FOLDER:
            return SPLIT_OF_FOLDER[word]
    return None


def _is_mirrored(folders: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two places are the same but for one folder, as `JPEGImages/a` and `Annotations/a`."""
    return len(folders) == len(others) and sum(a != b for a, b in zip(folders, others, strict=True)) == 1


def _nearest(found: Sequence[str], plain: str, folder: str) -> str | None:
    """The one of several files whose path shares most with the one that was named; None when that does not decide."""
    if len(found) <= 1:
        return found[0] if found else None
    wanted = {*PurePosixPath(plain).parent.parts, *PurePosixPath(folder).parts}
    shared = {name: len(wanted & set(PurePosixPath(name).parent.parts)) for name in found}
    best = max(shared.values())
    nearest = [name for name in found if shared[name] == best]
    return nearest[0] if len(nearest) == 1 else None
