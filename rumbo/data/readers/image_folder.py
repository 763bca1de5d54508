"""Pictures in a folder per class, with or without split folders around; or, for prediction, just pictures."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from rumbo.core.devices import num_cores
from rumbo.core.errors import DataError, unknown_name
from rumbo.core.messages import t
from rumbo.data.files import Files, FolderFiles, count_by_extension, extension, picture_names, safe_name
from rumbo.data.manifest import Dataset
from rumbo.data.pictures.decode import EXTENSIONS, BadImage, header
from rumbo.data.pictures.images import FileImages
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.folders import places
from rumbo.data.target import Choice, Labels, read_labels

COLUMN = "class"
MANY_FILES = 100_000
"""Above, the bytes of pictures are not read when a set is opened."""


def recognizes(files: Files) -> bool:
    """Whether there are pictures: by name, or one file without a picture's name that is one."""
    return bool(_pictures(files))


def read(files: Files, request: Request) -> Dataset:
    """The manifest of a folder of pictures."""
    names = _pictures(files)
    decisions = _left_alone(files)
    if not request.labelled:
        decisions.insert(0, t("pictures without labels: {count}.", count=len(names)))
        return _dataset(files, names, {}, None, decisions)
    if request.target not in (None, COLUMN):
        raise unknown_name("column", request.target or "", [COLUMN])
    names, splits, labels = _places(files, names, decisions)
    columns = {COLUMN: labels, "split": splits} if splits else {COLUMN: labels}
    choice = Choice((COLUMN,), None, t("the folder names are the classes."))
    target = read_labels(pl.DataFrame({COLUMN: labels}), choice, request.task or "classify")
    counts = Counter(labels)
    decisions.insert(
        0,
        t(
            "pictures in class folders: {counts}.",
            counts=", ".join(f"{name} {counts[name]}" for name in sorted(counts)[:30]),
        ),
    )
    return _dataset(files, names, columns, target, decisions)


def _pictures(files: Files) -> list[str]:
    names = picture_names(files.names())
    if names or len(files.names()) != 1:
        return names
    try:
        header(files.read(files.names()[0]))
    except (BadImage, DataError):
        return []
    return list(files.names())


def contents(images: FileImages, decisions: list[str] | None = None) -> list[str]:
    """The `content` of each picture file: its sha256; each file is read once, however many rows name it.

    One that cannot be read gets the sha256 of its name, and is bad when decoded. Of more than `MANY_FILES` files in a
    folder the bytes are not read: `content` is then `stat:` and the sha256 of name, size and time of change.
    """
    distinct = list(dict.fromkeys(images.names))
    if len(distinct) > MANY_FILES and isinstance(images.files, FolderFiles):
        of_name = dict(zip(distinct, images.files.stamps(distinct), strict=True))
        if decisions is not None:
            decisions.append(
                t(
                    "{count} picture files are too many to read now: they are known by name, size and time of change, "
                    "and copies of one picture under two names are not found.",
                    count=len(distinct),
                )
            )
        return [of_name[name] for name in images.names]
    one = FileImages(images.files, distinct)

    def content(row: int) -> str:
        try:
            data = one.bytes_of(row)
        except BadImage:
            data = safe_name(distinct[row]).encode()
        return hashlib.sha256(data).hexdigest()

    with ThreadPoolExecutor(num_cores()) as pool:
        of_name = dict(zip(distinct, pool.map(content, range(len(distinct))), strict=True))
    return [of_name[name] for name in images.names]


def _places(files: Files, names: list[str], decisions: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Names that lie in a class folder, with the split (empty when folders do not say) and the class of each."""
    found = places(names)
    if not found.names:
        raise DataError(
            t(
                "'{path}' holds {count} pictures, but no folder per class. Sort them into one folder a class "
                "(photos/cat, photos/dog), or give a table with a column of file names and a column of labels.",
                path=files.path,
                count=len(names),
            )
        )
    if len(found.names) < len(names):
        count = len(names) - len(found.names)
        decisions.append(t("pictures left out, since they lie outside of the class folders: {count}.", count=count))
    return found.names, found.splits, found.labels


def _left_alone(files: Files) -> list[str]:
    decisions = []
    others = [name for name in files.names() if extension(name) not in EXTENSIONS]
    if others:
        decisions.append(t("other files were left alone: {counts}.", counts=count_by_extension(others)))
    if files.num_links:
        decisions.append(t("links that were not followed: {count}.", count=files.num_links))
    return decisions


def _dataset(
    files: Files,
    names: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    labels: Labels | None,
    decisions: list[str],
) -> Dataset:
    images = FileImages(files, names)
    ids = [safe_name(name) for name in names]
    table = pl.DataFrame({"id": ids, "content": contents(images, decisions), **columns})
    if labels is not None:
        table = table.with_columns(*labels.columns)
    return Dataset(
        path=files.path,
        format="image-folder",
        table=table,
        target=None if labels is None else labels.target,
        images=images,
        decisions=tuple(decisions),
    )


formats.register("image-folder")(Reader(recognizes, read))
