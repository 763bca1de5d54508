"""The `content` of the rows of a table: their sha256, or in large tables a 128-bit mix that NumPy makes by columns."""

import hashlib

import numpy as np
import polars as pl

from rumbo.data.manifest import sha256_of_each

MANY_ROWS = 100_000
"""A table with more rows gets mixes: sha256 of a million rows alone takes a second."""
_CHUNK = 2**16
_GOLDEN = 0x9E3779B97F4A7C15
_SEEDS = (0x243F6A8885A308D3, 0x13198A2E03707344)
"""The first digits of pi after the point: two lanes that know nothing of each other."""
_NULL = 0x7FF8_0000_0000_0001


def row_contents(frame: pl.DataFrame) -> pl.Series:
    """The `content` of each row; equal rows have equal ones, on every machine.

    Up to `MANY_ROWS` rows it is the sha256 of the entries as text. Beyond, it is `mix:` and two 64-bit numbers: each
    takes in column after column (a number's bits, the sha256 of a text) by splitmix64. Two of a million different
    rows agree by chance with a probability near 1e-27; it is no protection against somebody who wants them to.

    Source: Steele et al. 2014, Fast splittable pseudorandom number generators, fig. 16 (the mixing function).
    """
    if frame.height <= MANY_ROWS:
        joined = frame.select(pl.concat_str(pl.all().cast(pl.String).fill_null("\0"), separator="\x1f")).to_series()
        return pl.Series("content", sha256_of_each(text.encode() for text in joined.to_list()), dtype=pl.String)
    lanes = [np.full(frame.height, seed, np.uint64) for seed in _SEEDS]
    for column in frame.iter_columns():
        words = _numbers(column) if column.dtype.is_numeric() else _texts(column)
        for lane, word in zip(lanes, words, strict=True):
            for start in range(0, len(lane), _CHUNK):  # a chunk stays in the processor's cache
                part = slice(start, start + _CHUNK)
                lane[part] = _mixed(lane[part] ^ word[part])
    both = pl.DataFrame({"a": lanes[0], "b": lanes[1]})
    return both.select(pl.concat_str(pl.lit("mix:"), "a", pl.lit("-"), "b").alias("content")).to_series()


def _numbers(column: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """The bits of each number, the same for both lanes; 0 and -0 agree, as do all that are missing."""
    values = column.cast(pl.Float64).to_numpy() + 0.0  # null is NaN
    bits = values.view(np.uint64)
    bits[np.isnan(values)] = _NULL
    return bits, bits


def _texts(column: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """16 bytes of the sha256 of each text, 8 for each lane."""
    text = column.cast(pl.String).fill_null("\0").alias("text")
    distinct = text.unique()
    digests = b"".join(hashlib.sha256(entry.encode()).digest()[:16] for entry in distinct.to_list())
    words = np.ascontiguousarray(np.frombuffer(digests, "<u8").reshape(-1, 2).T)
    known = pl.DataFrame({"text": distinct, "a": words[0], "b": words[1]})
    found = text.to_frame().join(known, on="text", how="left", maintain_order="left")
    return found["a"].to_numpy(), found["b"].to_numpy()


def _mixed(words: np.ndarray) -> np.ndarray:
    words = words + np.uint64(_GOLDEN)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
