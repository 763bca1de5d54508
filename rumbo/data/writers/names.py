"""Where pictures go: the relative path is kept; what a layout adds itself is taken off first, to stand once."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from rumbo.data.files import extension, safe_name
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.pictures.decode import EXTENSIONS
from rumbo.data.pictures.images import FileImages
from rumbo.data.readers import mask_pairs
from rumbo.data.readers.folders import SPLIT_OF_FOLDER

LAYOUT_FOLDERS = ("images", "jpegimages", "image")
"""Folders that only say "here are the pictures"."""
_MASK_WORDS = mask_pairs.IMAGE_FOLDERS | mask_pairs.MASK_FOLDERS


def picture_names(dataset: Dataset) -> list[str]:
    """The path of each picture inside its set, as text; rows of arrays become `train_00017.png`."""
    if isinstance(dataset.images, FileImages):
        return [_with_extension(safe_name(name)) for name in dataset.images.names]
    # Not the array file's own name: a picture called `t10k-images-idx3 ...` would be taken for one.
    numbers = [name.rpartition("#")[2] for name in dataset.ids]
    width = max(map(len, numbers), default=0)
    first = split_names(dataset) or ["picture"] * len(dataset)
    return [f"{word}_{number.zfill(width)}.png" for word, number in zip(first, numbers, strict=True)]


def split_names(dataset: Dataset) -> list[str] | None:
    """The split of each row; None where the set does not say."""
    if "split" not in dataset.table.columns or dataset.table["split"].null_count() == len(dataset):
        return None
    return dataset.table["split"].to_list()


def keys(dataset: Dataset, *, without_split: bool = False, without_class: bool = False) -> list[str]:
    """Paths without the folders that the new layout gives itself: "images", the split's, the class's."""
    names = picture_names(dataset)
    names = _strip(names, lambda row, folder: folder.lower() in LAYOUT_FOLDERS)
    splits = split_names(dataset)
    if without_split and splits is not None:
        names = _strip(names, lambda row, folder: SPLIT_OF_FOLDER.get(folder.lower()) == splits[row])
        names = _strip(names, lambda row, folder: folder.lower() in LAYOUT_FOLDERS)
    if (
        without_class
        and dataset.target is not None
        and dataset.target.kind
        in (
            TargetKind.CLASS,
            TargetKind.IDENTITY,
        )
    ):
        labels = dataset.table[dataset.target.columns[0]].to_list()
        names = _strip(names, lambda row, folder: folder == labels[row])
    return names


def without_split_words(name: str) -> str:
    """A path none of whose folders readers would take for a split.

    >>> without_split_words("val/1/a.png"), without_split_words("b/a.png")
    ('val_1_a.png', 'b/a.png')
    """
    words = {re.sub(r"[^a-z]+", "", part.lower()) for part in name.split("/")[:-1]}
    return name.replace("/", "_") if words & SPLIT_OF_FOLDER.keys() else name


def without_mask_words(name: str) -> str:
    """A path whose folders and end do not say "here are masks" or "here are pictures".

    >>> without_mask_words("labels/a.png"), without_mask_words("b/a_mask.png")
    ('labels_a.png', 'b/a_mask_.png')
    """
    path = PurePosixPath(name)
    words = [word.lower() for word in path.parts[:-1]]
    if any(word in _MASK_WORDS or mask_pairs._SUFFIX.search(word) for word in words):
        path = PurePosixPath("_".join(path.parts))
    return str(path.with_name(f"{path.stem}_{path.suffix}")) if mask_pairs._SUFFIX.search(path.stem) else str(path)


def without_masks(names: Sequence[str], place: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """Where paths come to lie; by other names, if readers would take some of the pictures for masks of others."""
    found = place(names)
    return place([without_mask_words(name) for name in names]) if mask_pairs._pairs(found).mask_of else found


def portable(name: str) -> str:
    r"""A path that text formats can hold and other systems can make: no control characters, no backslashes.

    >>> portable("a\\b\n.png")
    'a_b_.png'
    """
    clean = "".join(
        "_" if letter == "\\" or ord(letter) < 32 or 127 <= ord(letter) < 160 else letter for letter in name
    )
    return "".join("_" if letter in "\ufffe\uffff\u2028\u2029" else letter for letter in clean)


def unique(names: Sequence[str], *, by_stem: bool = False) -> list[str]:
    """Names that differ, also without their extensions where asked: the later ones of a name get _2, _3 ...

    >>> unique(["a.png", "a.jpg"], by_stem=True)
    ['a.png', 'a_2.jpg']
    """
    key: Callable[[str], str] = stem if by_stem else str
    wanted = Counter(key(name) for name in names)
    seen: set[str] = set()
    found: list[str] = []
    for name in names:
        candidate, number = name, 2
        path = PurePosixPath(name)
        # A made-up name must not take one that a later picture has by right.
        while key(candidate) in seen or (candidate != name and key(candidate) in wanted):
            candidate, number = str(path.with_name(f"{path.stem}_{number}{path.suffix}")), number + 1
        seen.add(key(candidate))
        found.append(candidate)
    return found


def stem(name: str) -> str:
    """A path without its last extension.

    >>> stem("a.b/c.d.png")
    'a.b/c.d'
    """
    path = PurePosixPath(name)
    return str(path.with_name(path.stem)) if path.suffix else name


def _strip(names: list[str], fits: Callable[[int, str], bool]) -> list[str]:
    """Take the first folder off, if it fits in every row."""
    heads = [name.partition("/") for name in names]
    if all(slash and rest and fits(row, folder) for row, (folder, slash, rest) in enumerate(heads)):
        return [rest for _, _, rest in heads]
    return names


def _with_extension(name: str) -> str:
    return name if extension(name) in EXTENSIONS else f"{name}.png"
