"""NIfTI volumes by nibabel: header, voxels, codes of a segmentation; nothing is unpacked beyond the limits.

Source: Cox et al. 2004, "A (sort of) new image data format standard: NIfTI-1".
"""

import zlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data.files import MAX_FILE_BYTES, gunzipped

MAX_VOXELS = 1_000_000_000
MAX_CODE = 65535
_GZIP = b"\x1f\x8b"
_HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class VolumeHeader:
    """What a volume's header says.

    Attributes:
        shape: voxels along the three axes of the file: d, h, w.
        voxel_mm: their edges.
        num_bytes: of the unpacked file up to the last voxel.
    """

    shape: tuple[int, int, int]
    voxel_mm: tuple[float, float, float]
    num_bytes: int


def volume_header(data: bytes, name: str) -> VolumeHeader:
    """The header, checked against the limits and against the number of bytes there are.

    Raises:
        DataError: no NIfTI file, not three axes, too large or cut off.
        UsageError: nibabel is not there.
    """
    head = _start(data, name)
    header = _header(head, name)
    shape = tuple(int(side) for side in header.get_data_shape())
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3 or min(shape) < 1:
        raise DataError(
            t(
                "'{name}' has the shape {shape}; a volume has three sides.",
                name=name,
                shape=" x ".join(map(str, shape)) or "0",
            )
        )
    depth, height, width = shape
    kind = header.get_data_dtype()
    if kind.kind not in "biuf":
        raise DataError(t("'{name}' holds {kind}, not numbers: refused.", name=name, kind=str(kind)))
    offset = int(header["vox_offset"])
    num_bytes = offset + depth * height * width * kind.itemsize
    if depth * height * width > MAX_VOXELS or not 0 <= offset <= num_bytes <= MAX_FILE_BYTES:
        raise DataError(
            t(
                "'{name}' claims {count} voxels; a volume may have {limit}.",
                name=name,
                count=depth * height * width,
                limit=MAX_VOXELS,
            )
        )
    # A whole .gz ends with the length of what it holds. One that says another length has several parts, or was cut
    # off: then it is unpacked.
    met = int.from_bytes(data[-4:], "little") if data.startswith(_GZIP) else len(data)
    if met != num_bytes and data.startswith(_GZIP):
        met = len(gunzipped(data, name))
    if met < num_bytes:
        raise DataError(t("'{name}' is truncated: {met} of {count} bytes.", name=name, met=met, count=num_bytes))
    zooms = [float(size) for size in header.get_zooms()[:3]]
    return VolumeHeader(shape=(depth, height, width), voxel_mm=(zooms[0], zooms[1], zooms[2]), num_bytes=num_bytes)


def decode_volume(data: bytes, name: str) -> np.ndarray:
    """The voxels as float32, d x h x w, in the file's own order of axes and scaled as its header says.

    Raises:
        DataError: as `volume_header`, or damaged bytes.
    """
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which a check tells
        return _voxels(data, name).astype(np.float32)


def decode_codes(data: bytes, name: str) -> np.ndarray:
    """The codes of a segmentation, uint8 or uint16, d x h x w.

    Raises:
        DataError: values that are no whole numbers from 0 to `MAX_CODE`.
    """
    voxels = _voxels(data, name)
    low, high = float(voxels.min()), float(voxels.max())
    if not (low >= 0 and high <= MAX_CODE) or (voxels.dtype.kind == "f" and not (np.rint(voxels) == voxels).all()):
        wrong = voxels[(np.rint(voxels) != voxels) | ~(voxels >= 0) | ~(voxels <= MAX_CODE)].reshape(-1)[0]
        raise DataError(
            t(
                "'{name}' holds the value {value}; the codes of a mask are whole numbers from 0 to {limit}.",
                name=name,
                value=f"{float(wrong):g}",
                limit=MAX_CODE,
            )
        )
    return voxels.astype(np.uint8 if high < 256 else np.uint16)


def _voxels(data: bytes, name: str) -> np.ndarray:
    shape = volume_header(data, name).shape
    plain = gunzipped(data, name)
    nibabel = _nibabel()
    kind = nibabel.Nifti2Image if _is_second(plain) else nibabel.Nifti1Image
    try:
        return np.asanyarray(kind.from_bytes(plain).dataobj).reshape(shape)
    except Exception as problem:  # hostile bytes: nibabel raises many kinds
        raise _damaged(name, problem) from None


def _start(data: bytes, name: str) -> bytes:
    if not data.startswith(_GZIP):
        return data[:_HEAD_BYTES]
    try:
        return zlib.decompressobj(wbits=31).decompress(data, _HEAD_BYTES)
    except zlib.error as problem:
        raise _damaged(name, problem) from None


def _header(head: bytes, name: str) -> Any:
    nibabel = _nibabel()
    kind, size = (nibabel.Nifti2Header, 540) if _is_second(head) else (nibabel.Nifti1Header, 348)
    if len(head) < size:
        raise DataError(t("'{name}' is truncated: {met} of {count} bytes.", name=name, met=len(head), count=size))
    try:
        header = kind(binaryblock=head[:size])
        _ = header.get_data_dtype(), header.get_data_shape(), header.get_zooms()
    except Exception as problem:  # hostile bytes: nibabel raises many kinds
        raise _damaged(name, problem) from None
    return header


def _is_second(head: bytes) -> bool:
    return head[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")


def _damaged(name: str, problem: Exception) -> DataError:
    return DataError(t("'{name}' is no whole NIfTI file: {problem}.", name=name, problem=str(problem)[:200]))


def _nibabel() -> ModuleType:
    try:
        import nibabel
    except ImportError:
        raise UsageError(
            t("NIfTI volumes are read by nibabel, which is not installed: `pip install rumbo[medical]`.")
        ) from None
    return nibabel
