"""NumPy archives: x and y, images and labels, or x_train, y_train, x_test, y_test. Pickled objects are never read."""

import io
import zipfile

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import MAX_FILE_BYTES, Files, extension, picture_names, safe_name
from rumbo.data.manifest import Dataset, row_ids, sha256_of_each
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.arrays import Part, picture_dataset, to_pixels
from rumbo.data.target import choose_target, read_labels

_INPUTS = ("x", "images", "data", "features")
_TARGETS = ("y", "labels", "target", "targets")
_SPLITS = {"train": "train", "dev": "dev", "val": "dev", "valid": "dev", "test": "test"}


def recognizes(files: Files) -> bool:
    """Whether there is an .npz file, and no pictures that it only accompanies."""
    return bool(archive_names(files))


def read(files: Files, request: Request) -> Dataset:
    """The manifest of one archive."""
    names = archive_names(files)
    if len(names) > 1:
        listed = ", ".join(names[:10])
        raise DataError(
            t("'{path}' holds {count} .npz files: {names}. Give one.", path=files.path, count=len(names), names=listed)
        )
    arrays = read_arrays(files.read(names[0]), names[0])
    found = _parts(arrays, names[0])
    _check_inputs(arrays, found, names[0])
    if next(iter(found.values()))[0].ndim == 2:
        return _table(files, names[0], found, request)
    decisions: list[str] = []
    parts = [
        Part(
            name=safe_name(names[0]) + (f"/{split}" if split else ""),
            split=split or None,
            pixels=to_pixels(inputs, names[0], decisions),
            labels=None if targets is None else label_texts(targets, len(inputs), names[0]),
        )
        for split, (inputs, targets) in found.items()
    ]
    return picture_dataset(files, "npz", parts, request, decisions)


def archive_names(files: Files) -> list[str]:
    """The .npz files, unless they only accompany pictures."""
    names = [name for name in files.names() if extension(name) == "npz"]
    return names if names and not picture_names(files.names()) else []


def read_shapes(files: Files, name: str) -> dict[str, tuple[int, ...]]:
    """The shape of each array as its header says; nothing where the file is damaged: its reader says so."""
    try:
        with zipfile.ZipFile(io.BytesIO(files.read(name))) as archive:
            return {
                member.filename.removesuffix(".npy"): _header(archive, member)
                for member in archive.infolist()
                if member.filename.endswith(".npy")
            }
    except Exception:  # hostile bytes, see read_arrays
        return {}


def read_arrays(data: bytes, name: str) -> dict[str, np.ndarray]:
    """All arrays, after their headers were found to be honest about sizes and to hold no objects.

    Raises:
        DataError: a damaged file, Python objects, or sizes that are beyond the limit or not true.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            if sum(member.file_size for member in members) > MAX_FILE_BYTES:
                raise DataError(
                    t("'{name}' unpacks to more than {limit} bytes, the limit.", name=name, limit=MAX_FILE_BYTES)
                )
            return {member.filename.removesuffix(".npy"): _member(archive, member, name) for member in members}
    except DataError:
        raise
    except Exception as problem:  # hostile bytes: BadZipFile, zlib.error, SyntaxError in a header ...
        raise DataError(
            t("'{name}' is no whole .npz file: {problem}.", name=name, problem=t("it is damaged or ends too early"))
        ) from problem


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, ...]:
    if member.file_size > MAX_FILE_BYTES:
        return ()
    with archive.open(member) as data:
        version = np.lib.format.read_magic(data)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read_header(data)[0]


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> np.ndarray:
    data = io.BytesIO(archive.read(member))
    version = np.lib.format.read_magic(data)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(data)
    key = member.filename.removesuffix(".npy")
    if dtype.hasobject:
        message = t(
            "'{key}' in '{name}' holds Python objects, which are never read: save plain numbers.", key=key, name=name
        )
        raise DataError(message)
    if int(np.prod(shape, dtype=object)) * dtype.itemsize != member.file_size - data.tell():
        raise DataError(t("'{key}' in '{name}' claims a shape that its bytes do not fill.", key=key, name=name))
    data.seek(0)
    return np.lib.format.read_array(data, allow_pickle=False)


def _parts(arrays: dict[str, np.ndarray], name: str) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Split ("" for none) -> (inputs, targets)."""
    low = {key.lower(): value for key, value in arrays.items()}
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for word, split in {"": "", **_SPLITS}.items():
        inputs = _named(low, _INPUTS, word)
        if inputs is not None and inputs.ndim >= 2 and split not in found:
            found[split] = (inputs, _named(low, _TARGETS, word))
    if not found:
        raise DataError(
            t(
                "'{name}' has the arrays {keys}; known names are x and y, images and labels, or "
                "x_train, y_train, x_test, y_test.",
                name=name,
                keys=", ".join(list(arrays)[:10]) or t("nothing"),
            )
        )
    return found


def _check_inputs(
    arrays: dict[str, np.ndarray], found: dict[str, tuple[np.ndarray, np.ndarray | None]], name: str
) -> None:
    """Inputs are numbers, and rows of numbers are as long in all parts."""
    first, *others = found
    for inputs, _ in found.values():
        if inputs.dtype.kind not in "biuf":
            key = next(key for key, array in arrays.items() if array is inputs)
            kind = str(inputs.dtype)
            raise DataError(t("'{key}' in '{name}' holds {kind}, not numbers: refused.", key=key, name=name, kind=kind))
    width = found[first][0].shape[1:]
    for split in others:
        met = found[split][0].shape[1:]
        if len(width) == 1 and met != width:
            sizes = ", ".join(" x ".join(map(str, shape)) for shape in (met, width))
            pair = {"name": f"{name}/{split}", "other": f"{name}/{first}"}
            raise DataError(t("'{name}' and '{other}' differ in their columns: {columns}.", columns=sizes, **pair))


def _named(arrays: dict[str, np.ndarray], names: tuple[str, ...], split: str) -> np.ndarray | None:
    for name in names:
        for key in (f"{name}_{split}", f"{split}_{name}") if split else (name,):
            if key in arrays:
                return arrays[key]
    return None


def label_texts(targets: np.ndarray, num_inputs: int, name: str) -> list[str]:
    """One label a row; rows of a one-hot array are named by the position of their 1."""
    if (
        targets.ndim == 2
        and targets.shape[1] > 1
        and np.isin(targets, (0, 1)).all()
        and (targets.sum(axis=1) == 1).all()
    ):
        targets = targets.argmax(axis=1)
    targets = targets.reshape(-1)
    if len(targets) != num_inputs:
        raise DataError(
            t("'{name}' has {inputs} inputs and {labels} labels.", name=name, inputs=num_inputs, labels=len(targets))
        )
    if targets.dtype.kind == "S":
        return [entry.decode("utf-8", "replace") for entry in targets.tolist()]
    return [str(entry) for entry in targets.tolist()]


def _table(
    files: Files, name: str, found: dict[str, tuple[np.ndarray, np.ndarray | None]], request: Request
) -> Dataset:
    """Rows of numbers: one input column each."""
    inputs = np.concatenate([part for part, _ in found.values()]).astype(np.float64)
    prefix = safe_name(name)
    ids = [
        row for split, (part, _) in found.items() for row in row_ids(prefix + (f"/{split}" if split else ""), len(part))
    ]
    columns = {f"x{position}": inputs[:, position] for position in range(inputs.shape[1])}
    contents = [row.tobytes() for row in np.ascontiguousarray(inputs)]
    decisions = [t("'{name}': {rows} rows of {columns} numbers.", name=name, rows=len(inputs), columns=inputs.shape[1])]
    special, target = {}, None
    labels: list[pl.Series] = []
    if len(found) > 1:
        special["split"] = [split for split, (part, _) in found.items() for _ in range(len(part))]
    if request.labelled:
        text: list[str] = []
        for part, targets in found.values():
            if targets is None:
                raise DataError(t("'{name}' has inputs, but no labels.", name=name))
            text += label_texts(targets, len(part), name)
        read_as = read_labels(pl.DataFrame({"y": text}), choose_target(["y"], request.target), request.task)
        labels, target = list(read_as.columns), read_as.target
        contents = [row + label.encode() for row, label in zip(contents, text, strict=True)]
    table = pl.DataFrame({"id": ids, "content": sha256_of_each(contents), **special, **columns}).with_columns(*labels)
    table = table.with_columns(pl.col(list(columns)).fill_nan(None))
    return Dataset(
        path=files.path, format="npz", table=table, target=target, numbers=tuple(columns), decisions=tuple(decisions)
    )


formats.register("npz")(Reader(recognizes, read))
