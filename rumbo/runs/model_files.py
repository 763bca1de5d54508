"""A finished model on disk: `config.json`, `model.safetensors`, `README.md`. Never a pickle.

Files come from strangers. The caller builds the network from the checked config and so knows every tensor; all sizes
are compared before anything of them is allocated, and the bytes that are checked are the bytes that are used.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rumbo.core.errors import DataError, TrainingError, UsageError
from rumbo.core.messages import t
from rumbo.runs.files import (
    MAX_CONFIG_BYTES,
    MAX_CONFIG_NODES,
    MAX_CONFIG_TEXT,
    SNIFF_BYTES,
    check_tree,
    open_regular,
    parse_json,
    read_json,
    sync_folder,
    write_file,
    write_json,
)
from rumbo.runs.formats import foreign_format

if TYPE_CHECKING:
    import numpy as np
    import torch

FORMAT = 1
MAX_BYTES = 2 * 2**30
MAX_HEADER_BYTES = 2**20
MAX_TENSORS = 10_000
MAX_DIMENSIONS = 16

Expected = Mapping[str, tuple["torch.dtype", Sequence[int]]]

_DTYPES = {  # safetensors' word -> torch's word, bytes of one item
    "F64": ("float64", 8),
    "F32": ("float32", 4),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "I16": ("int16", 2),
    "I8": ("int8", 1),
    "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}


@dataclass(frozen=True)
class ModelFiles:
    """A model as it was read.

    Attributes:
        config: what the caller of `write_model` gave.
        tensors: the weights, by name.
        sha256: of `model.safetensors`. It says "unchanged", not "trustworthy".
    """

    config: dict[str, Any]
    tensors: "dict[str, torch.Tensor]"
    sha256: str


@dataclass(frozen=True)
class _Entry:
    dtype: str
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * _DTYPES[self.dtype][1]


def write_model(
    folder: Path, config: Mapping[str, Any], tensors: "Mapping[str, torch.Tensor | np.ndarray]", card: str
) -> str:
    """Write a model folder; the config comes last and holds the hash of the weights, so no mixture is ever read.

    Args:
        folder: made when it is not there.
        config: plain values; the keys `format` and `weights_sha256` are added here.
        tensors: the weights, by name.
        card: the text of README.md.

    Returns:
        sha256 of `model.safetensors`.

    Raises:
        TrainingError: a weight is not finite.
        StorageError: it cannot be written.
    """
    import torch
    from safetensors.torch import save

    copies = {
        name: torch.as_tensor(value).detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    if name := _first_not_finite(copies):
        raise TrainingError(t("the tensor {name} is not finite, so the model is not saved.", name=name))
    weights = save(copies)
    digest = hashlib.sha256(weights).hexdigest()
    if not folder.exists():
        folder.mkdir()
        sync_folder(folder.parent)
    write_file(folder / "model.safetensors", weights)
    write_file(folder / "README.md", card.encode())
    write_json(folder / "config.json", {"format": FORMAT} | dict(config) | {"format": FORMAT, "weights_sha256": digest})
    return digest


def read_model(folder: Path, expected: Callable[[dict[str, Any]], Expected]) -> ModelFiles:
    """Read a model folder.

    Args:
        folder: as `write_model` made it.
        expected: gets the config, checks it, and tells dtype and shape of each tensor of that network. What it refuses
            with a UsageError is reported as damage of this file.

    Raises:
        DataError: missing, damaged, too large, of another format, or not the tensors that the config needs.
    """
    path = folder / "config.json"
    config = _read_config(path)
    digest = config.pop("weights_sha256", None)
    try:
        wanted = expected(config)
    except UsageError as error:
        raise DataError(
            t("{path} describes no model that can be built: {reason}", path=path, reason=str(error))
        ) from error
    weights = folder / "model.safetensors"
    tensors, found = _read_safetensors(weights, max_bytes=MAX_BYTES, wanted=wanted, follow_links=False)
    if found != digest:
        _refuse(weights, t("its bytes are not those that config.json names; copy the model folder again as a whole"))
    return ModelFiles(config, tensors, found)


def read_tensors(path: Path, *, max_bytes: int = MAX_BYTES) -> "dict[str, torch.Tensor]":
    """Read a safetensors file that somebody passes as weights; what is in it is for the caller to compare.

    Raises:
        DataError: not safetensors (the message names the format), damaged, too large, or not finite.
    """
    return _read_safetensors(path, max_bytes=max_bytes, wanted=None, follow_links=True)[0]


def _read_config(path: Path) -> dict[str, Any]:
    config = read_json(path, max_bytes=MAX_CONFIG_BYTES, follow_links=False)
    check_tree(config, lambda reason: _refuse(path, reason), max_nodes=MAX_CONFIG_NODES, max_text=MAX_CONFIG_TEXT)
    if not isinstance(config, dict):
        _refuse(path, t("a model's config is an object of keys and values"))
    number = config.pop("format", None)
    if isinstance(number, int) and number > FORMAT:
        _refuse(
            path,
            t(
                "it has format {format}, but this version of Rumbo reads up to {known}; update Rumbo",
                format=number,
                known=FORMAT,
            ),
        )
    if type(number) is not int or number != FORMAT:
        _refuse(path, t('it does not say "format": {known}, so it is no model of Rumbo', known=FORMAT))
    return config


def _read_safetensors(
    path: Path, *, max_bytes: int, wanted: Expected | None, follow_links: bool
) -> "tuple[dict[str, torch.Tensor], str]":
    """The tensors and the sha256 of a file."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    with open_regular(path, max_bytes=max_bytes, follow_links=follow_links) as (file, size):
        head = file.read(8)
        num_header = int.from_bytes(head, "little")
        if not len(head) == 8 < size or num_header > min(size - 8, MAX_HEADER_BYTES) or num_header < 2:
            rest = head + file.read(SNIFF_BYTES)
            file.seek(max(0, size - SNIFF_BYTES))
            _refuse_foreign(path, rest, file.read(SNIFF_BYTES), size)
        head += file.read(num_header)
        entries = _read_header(path, head[8:])
        if wanted is not None:
            _compare(path, entries, wanted)
        if size != len(head) + sum(entry.num_bytes for entry in entries.values()):
            _refuse(path, t("its size is not the one that its header tells; it was cut, or something was added"))
        file.seek(0)
        data = file.read(size)
    if len(data) != size or not data.startswith(head):
        _refuse(path, t("it changed while it was read; try again when nothing writes to it"))
    try:
        tensors = load(data)
    except SafetensorError as error:
        _refuse(path, t("it is not valid safetensors ({reason})", reason=str(error)))
    if name := _first_not_finite(tensors):
        _refuse(path, t("the tensor {name} holds values that are not finite", name=name))
    return tensors, hashlib.sha256(data).hexdigest()


def _read_header(path: Path, header: bytes) -> dict[str, _Entry]:
    try:
        table = parse_json(header)
    except ValueError as error:
        _refuse(path, t("its header is not valid: {reason}", reason=str(error)))
    if not isinstance(table, dict):
        _refuse(path, t("its header is not valid: {reason}", reason=t("it is not an object")))
    table.pop("__metadata__", None)
    if len(table) > MAX_TENSORS:
        _refuse(path, t("it has {count} tensors, but at most {limit} are read", count=len(table), limit=MAX_TENSORS))
    return {name: _read_entry(path, name, entry) for name, entry in table.items()}


def _read_entry(path: Path, name: str, entry: Any) -> _Entry:
    dtype, shape = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else (None, None)
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        _refuse(
            path,
            t(
                "the tensor {name} has the type {dtype}; allowed: {allowed}",
                name=name[:80],
                dtype=str(dtype)[:80],
                allowed=", ".join(_DTYPES),
            ),
        )
    if (
        not isinstance(shape, list)
        or len(shape) > MAX_DIMENSIONS
        or not all(type(side) is int and 0 <= side <= MAX_BYTES for side in shape)
    ):
        _refuse(path, t("the tensor {name} has no valid shape", name=name[:80]))
    return _Entry(dtype, tuple(shape))


def _compare(path: Path, entries: Mapping[str, _Entry], wanted: Expected) -> None:
    expected = {name: (str(dtype).removeprefix("torch."), tuple(shape)) for name, (dtype, shape) in wanted.items()}
    if missing := [name for name in expected if name not in entries]:
        _refuse(path, t("it lacks {count} tensors of this network: {names}", count=len(missing), names=_some(missing)))
    if unknown := [name for name in entries if name not in expected]:
        _refuse(
            path, t("{count} of its tensors are not of this network: {names}", count=len(unknown), names=_some(unknown))
        )
    for name, entry in entries.items():
        dtype, shape = expected[name]
        if (_DTYPES[entry.dtype][0], entry.shape) != (dtype, shape):
            _refuse(
                path,
                t(
                    "the tensor {name} is {found_dtype} {found_shape}, but this network needs {dtype} {shape}",
                    name=name,
                    found_dtype=entry.dtype,
                    found_shape=str(list(entry.shape)),
                    dtype=dtype,
                    shape=str(list(shape)),
                ),
            )


def _first_not_finite(tensors: "Mapping[str, torch.Tensor]") -> str | None:
    return next((name for name, tensor in tensors.items() if not tensor.isfinite().all()), None)


def _refuse_foreign(path: Path, head: bytes, tail: bytes, size: int) -> NoReturn:
    if size == 0:
        _refuse(path, t("it is empty"))
    if name := foreign_format(head, tail):
        _refuse(
            path,
            t(
                "it is a file of the format {format}, but only safetensors is read here: other formats can run code. "
                "Ask its author for safetensors, or convert it yourself where you trust it",
                format=name,
            ),
        )
    _refuse(path, t("it is not a safetensors file, or its header is larger than {limit} bytes", limit=MAX_HEADER_BYTES))


def _some(names: Sequence[str]) -> str:
    return ", ".join(name[:80] for name in names[:5]) + (" …" if len(names) > 5 else "")


def _refuse(path: Path, reason: str) -> NoReturn:
    raise DataError(t("{path} is refused: {reason}.", path=path, reason=reason))
