"""Names the format of a file from its bytes. Extensions lie; the sentence that refuses a file should not."""

import re

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "HDF5 (.h5)"),
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7-zip"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"GGUF", "GGUF"),
    (b"lmgg", "GGML"),
    (b"PAR1", "Parquet"),
    (b"ARROW1", "Arrow"),
    (b"%PDF", "PDF"),
    (b"\x7fELF", "ELF program"),
    (b"version https://git-lfs", "Git LFS pointer (fetch the real file with `git lfs pull`)"),
    (b"<!DOCTYPE", "HTML page"),
    (b"<!doctype", "HTML page"),
    (b"<html", "HTML page"),
    (b"#!", "script"),
)
_ZIP_MEMBERS: tuple[tuple[bytes, str], ...] = (  # the first that is found names the file
    (b"model.weights.h5", "Keras (.keras)"),
    (b"archive_format", "PyTorch export (.pt2)"),
    (b"serialized_exported_program", "PyTorch export (.pt2)"),
    (b"constants.pkl", "TorchScript"),
    (b"data.pkl", "PyTorch checkpoint (.pt, a pickle inside a zip)"),
    (b".npy", "NumPy archive (.npz)"),
)
# Protocol 0 has no mark of its own: an import line, or a mark with a first value, and a full stop at the end.
_TEXT_PICKLE = re.compile(rb"(c[\w.]+\n[\w.]+\n|\(i[\w.]+\n|\([dlt]p?\d*\n?|\]q?|\}q?|\(c[\w.]+\n)")
_HDF5_OFFSETS = (512, 1024, 2048, 4096)  # a user block may stand in front


def foreign_format(head: bytes, tail: bytes = b"") -> str | None:
    r"""The name of a format that is known and is not one of ours, or None.

    Args:
        head: the first bytes of the file; 64 KiB are plenty.
        tail: its last bytes, where a zip keeps its list of members.

    >>> foreign_format(b"\x80\x04K\x01.")
    'pickle'
    """
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return next((name for member, name in _ZIP_MEMBERS if member in head or member in tail), "zip")
    if head.startswith(b"\x93NUMPY"):
        is_object = re.search(rb"'descr': *'[|<>]?O", head[:1024]) is not None
        return "NumPy array of objects (pickle)" if is_object else "NumPy array (.npy)"
    if any(head[place : place + 8] == b"\x89HDF\r\n\x1a\n" for place in _HDF5_OFFSETS):
        return "HDF5 (.h5)"
    if head[257:262] == b"ustar":
        return "tar"
    if head[4:8] == b"TFL3":
        return "TensorFlow Lite"
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    return _pickle(head, tail) or _onnx(head)


def _pickle(head: bytes, tail: bytes) -> str | None:
    is_binary = len(head) > 2 and head[0] == 0x80 and head[1] <= 5
    is_text = _TEXT_PICKLE.match(head) is not None and (tail or head).rstrip().endswith(b".")
    if is_binary or is_text:
        return "joblib (pickle)" if b"joblib" in head else "pickle"
    if head[:1] == b"\x78" and head[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
        return "zlib (joblib writes it around a pickle)"
    return None


def _onnx(head: bytes) -> str | None:
    """A protocol buffer that begins as ONNX does: field 1, its version of the format, then a text or the graph."""
    looks_so = len(head) > 3 and head[0] == 0x08 and 1 <= head[1] <= 30 and head[2] in (0x12, 0x1A, 0x22, 0x3A, 0x42)
    return "ONNX" if looks_so else None
