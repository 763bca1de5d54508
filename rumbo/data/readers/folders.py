"""What folders say about the files in them: the class, the split."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from rumbo.core.devices import num_cores
from rumbo.core.messages import language, use_language
from rumbo.data.files import safe_name

SPLIT_OF_FOLDER = {
    "train": "train",
    "training": "train",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "dev": "dev",
    "test": "test",
    "testing": "test",
}
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Places:
    """Files in class folders.

    Attributes:
        names: the files that lie in one.
        splits: the split of each; empty when folders do not say.
        labels: the class of each.
    """

    names: list[str]
    splits: list[str]
    labels: list[str]


def places(names: Sequence[str]) -> Places:
    """The class and, under folders called train, dev or test, the split of each file that lies in a class folder."""
    folders = [name.split("/")[:-1] for name in names]
    depth = _common_depth(folders)
    inner = [parts[depth:] for parts in folders]
    if has_splits(inner) and any(len(parts) > 1 for parts in inner):
        kept = [row for row, parts in enumerate(inner) if len(parts) > 1 and parts[0].lower() in SPLIT_OF_FOLDER]
        splits = [SPLIT_OF_FOLDER[inner[row][0].lower()] for row in kept]
        labels = [inner[row][1] for row in kept]
    else:
        kept = [row for row, parts in enumerate(inner) if parts]
        splits, labels = [], [inner[row][0] for row in kept]
    return Places(names=[names[row] for row in kept], splits=splits, labels=[safe_name(label) for label in labels])


def splits_only(names: Sequence[str]) -> list[str] | None:
    """The split of each file where all lie in train, dev and test folders; None otherwise."""
    folders = [name.split("/")[:-1] for name in names]
    depth = 0
    while all(len(parts) > depth for parts in folders) and len({parts[depth] for parts in folders}) == 1:
        depth += 1
    inner = [parts[depth:] for parts in folders]
    known = all(parts and parts[0].lower() in SPLIT_OF_FOLDER for parts in inner)
    return [SPLIT_OF_FOLDER[parts[0].lower()] for parts in inner] if known and has_splits(inner) else None


def has_splits(folders: Sequence[Sequence[str]]) -> bool:
    """Whether one of the folders is the training part."""
    return "train" in {SPLIT_OF_FOLDER.get(parts[0].lower()) for parts in folders if parts}


def each_file(function: Callable[[str], T], names: Sequence[str]) -> list[T]:
    """A function of each file, by threads, in order."""
    # A thread starts without the language that its caller chose.
    with ThreadPoolExecutor(num_cores(), initializer=use_language, initargs=(language(),)) as pool:
        return list(pool.map(function, names))


def _common_depth(folders: Sequence[Sequence[str]]) -> int:
    """How many folders all files share before class or split folders begin; the last folder is always a class."""
    depth = 0
    while all(len(parts) > depth + 1 for parts in folders) and len({parts[depth] for parts in folders}) == 1:
        depth += 1
    return depth
