"""Pictures that are nearly the same: saved again, resized, brighter, mirrored or cut by a pixel.

Candidates come from difference hashes of brightness; each is confirmed by laying one thumbnail over the other. Pictures
below 64 px are not compared: so small, different ones look the same (nearly all of Fashion-MNIST does).
"""

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from rumbo.core.devices import num_cores
from rumbo.core.errors import DataError
from rumbo.core.messages import language, use_language
from rumbo.data.pictures.decode import decode, header, quiet
from rumbo.data.pictures.images import FileImages, ImageSource

MIN_SIDE_PX = 64
"""Both sides; smaller pictures are compared by their bytes only."""
MAX_PICTURES = 100_000
"""More are not compared: candidates are found by looking at all pairs of hashes, and sketches take 5 KB each."""
SIDE_PX = 48
"""Of the thumbnails."""
CHROMA_PX = 8
DRAFT_PX = 4 * SIDE_PX
"""JPEGs are decoded at the smallest scale of the format that gives at least this."""
MAX_BITS = 26
"""Of 128 that may differ between the hashes of candidates."""
MAX_CANDIDATES = 16
"""The nearest of each picture; in a long film all pairs are candidates."""
COARSE_CORRELATION = 0.8
"""Of blurred thumbnails, below which a candidate is dropped at once."""
EXPLAINED = 0.95
"""Share of the fine detail of one thumbnail that the other must explain, both ways."""
CHROMA_DIFFERENCE = 0.5
"""Largest difference of color, relative to how colorful the pictures are."""
SMALL_CHROMA = 4.0
"""Levels of color that noise makes; added to the colorfulness."""
FAINT_DETAIL = 0.5
"""Levels of fine detail (root mean square) below which a picture is too plain to be compared."""
SAMPLE = 256
"""Pictures looked at first; when all of them are too small, the others are not opened."""
_MAX_REMEMBERED = 30_000
_BLOCK_ROWS = 512
_SCANNED = 2**18
"""Pairs of hashes at a time: their bits stay in the processor's cache."""
_BATCH_PAIRS = 128
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_EXIF_BYTES = 4096
"""EXIF stands at the start of a file, after its first marker."""
_EXIF, _TAKEN, _MAKE, _MODEL, _SERIAL = 0x8769, 0x9003, 0x010F, 0x0110, 0xA431


class Sketch(NamedTuple):
    """What is kept of a picture.

    Attributes:
        luma: float16, 48 x 48 levels of brightness; None for pictures that are not compared.
        chroma: int8, 8 x 8 x 2: red minus green, yellow minus blue, halved.
        taken: when, as EXIF has it (`2024:05:01 12:00:03`), and the camera; None when it does not say.
    """

    luma: np.ndarray | None
    chroma: np.ndarray | None
    taken: tuple[str, str] | None = None


class Pair(NamedTuple):
    """Two rows whose pictures are nearly the same; `mirrored` when one is the other's mirror image."""

    row: int
    other: int
    explained: float
    mirrored: bool


@dataclass(frozen=True)
class _Prints:
    """Sketches as arrays: the pictures that are compared, in order of their rows."""

    rows: np.ndarray
    detail: np.ndarray
    contrast: np.ndarray
    chroma: np.ndarray
    hashes: np.ndarray
    mirrored: np.ndarray
    coarse: np.ndarray


_remembered: dict[str, Sketch] = {}


def sketches(images: ImageSource, contents: Sequence[str]) -> list[Sketch]:
    """A sketch of each picture; one content is looked at once per process.

    Args:
        images: where they are.
        contents: sha256 of each.
    """
    num_rows = len(contents)
    first_of = {content: row for row, content in reversed(list(enumerate(contents)))}
    new = [row for row in sorted(first_of.values()) if contents[row] not in _remembered]
    if len(_remembered) + len(new) > _MAX_REMEMBERED:
        _remembered.clear()
        new = sorted(first_of.values())
    found: dict[str, Sketch] = {}
    with ThreadPoolExecutor(num_cores(), initializer=use_language, initargs=(language(),)) as pool:
        sample = new[:: max(1, len(new) // SAMPLE)]
        for row, sketch in zip(sample, pool.map(lambda row: _sketch(images, row), sample), strict=True):
            found[contents[row]] = sketch
        is_worth_it = not sample or any(sketch.luma is not None or sketch.taken for sketch in found.values())
        rest = [row for row in new if contents[row] not in found] if is_worth_it else []
        for row, sketch in zip(rest, pool.map(lambda row: _sketch(images, row), rest), strict=True):
            found[contents[row]] = sketch
    if is_worth_it and len(found) <= _MAX_REMEMBERED:
        _remembered.update(found)
    nothing = Sketch(None, None)
    return [found.get(contents[row]) or _remembered.get(contents[row], nothing) for row in range(num_rows)]


def near_duplicates(found: Sequence[Sketch], contents: Sequence[str], least: float = EXPLAINED) -> list[Pair]:
    """Confirmed pairs among pictures, inside splits and across them; exact copies are left to their content.

    Where a picture has several twins, the pairs join them all, not each with each.

    Args:
        found: a sketch of each.
        contents: sha256 of each; of equal ones the first is compared.
        least: share of the detail that must be explained, no less than `EXPLAINED`.
    """
    first_of = {content: row for row, content in reversed(list(enumerate(contents)))}
    prints = _prints(found, sorted(first_of.values()))
    candidates = list(_candidates(prints))
    if not candidates:
        return []
    pairs = np.concatenate(candidates)
    pairs = _nearest(pairs[np.argsort(pairs[:, 3], kind="stable")])
    parent = np.arange(len(prints.rows))
    confirmed: list[Pair] = []
    for start in range(0, len(pairs), _BATCH_PAIRS):
        batch = pairs[start : start + _BATCH_PAIRS]
        roots = _roots(parent)
        batch = batch[roots[batch[:, 0]] != roots[batch[:, 1]]]
        for (row, other, mirrored, _), share in zip(batch.tolist(), explained_share(prints, batch), strict=True):
            if share >= least:
                confirmed.append(Pair(int(prints.rows[row]), int(prints.rows[other]), float(share), bool(mirrored)))
                _join(parent, row, other)
    return confirmed


def correlation(one: Sketch, other: Sketch) -> float | None:
    """How alike two pictures are as a whole, from -1 to 1; None where one of them is not compared."""
    if one.luma is None or other.luma is None:
        return None
    first, second = (_normal(_shrunk(x.luma.astype(np.float32)[None], 16)).ravel() for x in (one, other))  # type: ignore[union-attr]
    return float(first @ second)


def _sketch(images: ImageSource, row: int) -> Sketch:
    """Decode a picture small; one that cannot be read is told elsewhere, here it is not compared."""
    try:
        if isinstance(images, FileImages):
            data = images.bytes_of(row)
            height, width, _ = header(data)
            taken = _taken(data)
            if min(height, width) < MIN_SIDE_PX:
                return Sketch(None, None, taken)
            return _thumbnails(_shrink(Image.fromarray(decode(data, enough_px=DRAFT_PX))), taken)
        height, width, _ = images.size(row)
        if min(height, width) < MIN_SIDE_PX:
            return Sketch(None, None)
        return _thumbnails(_shrink(Image.fromarray(images.read(row))), None)
    except DataError:
        return Sketch(None, None)


def _shrink(picture: Image.Image) -> np.ndarray:
    """48 x 48 x 3. Lanczos: a box lets through detail that moves with the grid, and copies would look different."""
    picture = picture.convert("RGB")
    reduce = min(picture.size) // DRAFT_PX
    if reduce > 1:
        picture = picture.reduce(reduce)
    return np.asarray(picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS), np.float32)


def _thumbnails(small: np.ndarray, taken: tuple[str, str] | None) -> Sketch:
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    chroma = np.stack([red - green, (red + green) / 2 - blue], axis=-1)
    size = SIDE_PX // CHROMA_PX
    chroma = chroma.reshape(CHROMA_PX, size, CHROMA_PX, size, 2).mean(axis=(1, 3))
    return Sketch((small @ _LUMA).astype(np.float16), np.rint(chroma / 2).astype(np.int8), taken)


def _taken(data: bytes) -> tuple[str, str] | None:
    if b"Exif" not in data[:_EXIF_BYTES]:
        return None
    try:
        # EXIF is a stranger's: no parser of it raises one kind of error only, or no warnings.
        with quiet():
            exif = Image.open(io.BytesIO(data)).getexif()
            inner = exif.get_ifd(_EXIF)
        when = str(inner.get(_TAKEN, "")).strip("\0 ")
        camera = "/".join(str(part).strip("\0 ") for part in (exif.get(_MAKE), exif.get(_MODEL), inner.get(_SERIAL)))
    except Exception:
        return None
    return (when, camera) if when else None


def _prints(found: Sequence[Sketch], rows: Sequence[int]) -> _Prints:
    rows = [row for row in rows if found[row].luma is not None]
    chroma = np.array([found[row].chroma for row in rows], np.int8).reshape(len(rows), CHROMA_PX, CHROMA_PX, 2)
    detail = np.zeros((len(rows), SIDE_PX, SIDE_PX), np.float16)
    grids = np.zeros((len(rows), 9, 9), np.float32)
    coarse = np.zeros((len(rows), 144), np.float32)
    contrast = np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        luma = np.array([found[row].luma for row in rows[part]], np.float32)
        detail[part] = _detail(luma)
        contrast[part] = luma.std(axis=(1, 2))
        grids[part] = _grid(luma)
        coarse[part] = _normal(_shrunk(luma, 12)).reshape(len(luma), -1)
    keep = (detail.astype(np.float32) ** 2).mean(axis=(1, 2)) >= FAINT_DETAIL**2
    return _Prints(
        np.array(rows, np.int64)[keep],
        detail[keep],
        contrast[keep],
        chroma[keep],
        _hash(grids[keep]),
        _hash(grids[keep][:, :, ::-1]),
        coarse[keep],
    )


def _grid(luma: np.ndarray) -> np.ndarray:
    """Means over a grid of 9 x 9 windows of 8 px that overlap a little."""
    starts = np.rint(np.linspace(0, SIDE_PX - 8, 9)).astype(int)
    sums = np.pad(luma.cumsum(axis=1), ((0, 0), (1, 0), (0, 0)))
    rows = sums[:, starts + 8] - sums[:, starts]
    sums = np.pad(rows.cumsum(axis=2), ((0, 0), (0, 0), (1, 0)))
    return np.rint((sums[:, :, starts + 8] - sums[:, :, starts]) / 64)


def _hash(grids: np.ndarray) -> np.ndarray:
    """uint64, n x 2: whether brightness grows to the right, and downwards, at 64 places each (dHash)."""
    right = grids[:, :8, 1:] > grids[:, :8, :-1]
    down = grids[:, 1:, :8] > grids[:, :-1, :8]
    bits = np.concatenate([right.reshape(-1, 64), down.reshape(-1, 64)], axis=1)
    return np.ascontiguousarray(np.packbits(bits, axis=1)).view(np.uint64).reshape(-1, 2)


def _candidates(prints: _Prints) -> Iterator[np.ndarray]:
    """Rows of (place, place, mirrored, bits that differ), the first place the smaller."""
    total = len(prints.rows)
    num_rows = max(1, _SCANNED // max(total, 1))
    for mirrored, others in ((0, prints.hashes), (1, prints.mirrored)):
        for start in range(0, total, num_rows):
            block = prints.hashes[start : start + num_rows]
            bits = np.bitwise_count(block[:, None, 0] ^ others[None, start:, 0])
            near, far = np.nonzero(bits <= MAX_BITS)
            keep = far > near
            near, far = near[keep], far[keep]
            whole = bits[near, far] + np.bitwise_count(block[near, 1] ^ others[start + far, 1])
            keep = whole <= MAX_BITS
            # In a long film all pairs are candidates: what would not be looked at is dropped before it takes memory.
            chosen = _first_of_each(near[keep], whole[keep], 4 * MAX_CANDIDATES)
            near, far, whole = (part[keep][chosen] for part in (near + start, far + start, whole))
            first, second = prints.coarse[near], prints.coarse[far]
            if mirrored:
                second = second.reshape(-1, 12, 12)[:, :, ::-1].reshape(-1, 144)
            alike = np.einsum("ij,ij->i", first, second) >= COARSE_CORRELATION
            if alike.any():
                kind = np.full(int(alike.sum()), mirrored)
                yield np.stack([near[alike], far[alike], kind, whole[alike]], axis=1).astype(np.int64)


def _first_of_each(keys: np.ndarray, distances: np.ndarray, limit: int) -> np.ndarray:
    """Places of the entries that are among the `limit` nearest of their key."""
    order = np.lexsort((distances, keys))
    ordered = keys[order]
    return order[np.arange(len(order)) - np.searchsorted(ordered, ordered) < limit]


def _nearest(pairs: np.ndarray) -> np.ndarray:
    """Of pairs in order of their distance, those that are among the nearest of one of the two."""
    counts: dict[int, int] = {}
    keep = np.zeros(len(pairs), bool)
    for place, (row, other) in enumerate(pairs[:, :2].tolist()):
        ranks = counts.get(row, 0), counts.get(other, 0)
        if min(ranks) < MAX_CANDIDATES:
            keep[place] = True
            counts[row], counts[other] = ranks[0] + 1, ranks[1] + 1
    return pairs[keep]


def explained_share(prints: _Prints, pairs: np.ndarray) -> np.ndarray:
    """Share of the fine detail of each picture that its partner explains, the worse of both directions; 0 by color.

    The second direction is only looked at where the first is enough.

    The partner may be brighter, of more contrast, and shifted, zoomed or turned by parts of a thumbnail's pixel: these
    changes are linear to first order, and least squares finds them (Lucas and Kanade 1981, with an affine motion).
    """
    if len(pairs) == 0:
        return np.zeros(0)
    mirrored = pairs[:, 2] == 1
    chroma_1 = prints.chroma[pairs[:, 0]].astype(np.float32) * 2
    chroma_2 = prints.chroma[pairs[:, 1]].astype(np.float32) * 2
    chroma_2[mirrored] = chroma_2[mirrored][:, :, ::-1]
    gain = prints.contrast[pairs[:, 1]] / np.maximum(prints.contrast[pairs[:, 0]], 1e-3)
    chroma_1 *= np.clip(gain, 0.5, 2)[:, None, None, None]
    colorful = np.maximum(_rms(chroma_1), _rms(chroma_2)) + SMALL_CHROMA
    shares = np.zeros(len(pairs))
    left = np.flatnonzero(_rms(chroma_1 - chroma_2) / colorful <= CHROMA_DIFFERENCE)
    first = prints.detail[pairs[:, 0]].astype(np.float32)
    second = prints.detail[pairs[:, 1]].astype(np.float32)
    second[mirrored] = second[mirrored][:, :, ::-1]
    shares[left] = _share(first[left], second[left])
    left = left[shares[left] >= EXPLAINED]
    shares[left] = np.minimum(shares[left], _share(second[left], first[left]))
    return shares


def _share(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    num_pairs, side, _ = known.shape
    if num_pairs == 0:
        return np.zeros(0)
    across, down = np.gradient(known, axis=2), np.gradient(known, axis=1)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    parts = [known, np.ones_like(known), across, down, across * x, across * y, down * x, down * y]
    inner = slice(2, side - 2)
    columns = np.stack([part[:, inner, inner].reshape(num_pairs, -1) for part in parts], axis=1)
    goal = wanted[:, inner, inner].reshape(num_pairs, -1, 1)
    squares = (columns @ columns.transpose(0, 2, 1)).astype(np.float64)
    squares += np.eye(len(parts)) * (1e-6 * np.trace(squares, axis1=1, axis2=2)[:, None, None] + 1e-3)
    weights = np.linalg.solve(squares, (columns @ goal).astype(np.float64))
    rest = goal[..., 0] - (columns.transpose(0, 2, 1) @ weights.astype(np.float32))[..., 0]
    return 1 - (rest**2).mean(axis=1) / np.maximum(goal[..., 0].var(axis=1), 1e-6)


def _detail(luma: np.ndarray) -> np.ndarray:
    """What is finer than about 4 px of the thumbnail, without the noise of single ones."""
    smooth = _blur(luma)
    return smooth - _blur(_blur(_blur(smooth)))


def _blur(x: np.ndarray) -> np.ndarray:
    """(1, 2, 1) / 4 both ways; the edge repeats."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)), "edge")
    x = (x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]) / 4
    return (x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]) / 4


def _shrunk(luma: np.ndarray, side: int) -> np.ndarray:
    size = luma.shape[1] // side
    return luma.reshape(len(luma), side, size, side, size).mean(axis=(2, 4))


def _normal(x: np.ndarray) -> np.ndarray:
    """Mean 0 and length 1."""
    x = x - x.mean(axis=(1, 2), keepdims=True)
    return x / np.maximum(np.sqrt((x**2).sum(axis=(1, 2), keepdims=True)), 1e-6)


def _rms(x: np.ndarray) -> np.ndarray:
    return np.sqrt((x**2).mean(axis=(1, 2, 3)))


def _roots(parent: np.ndarray) -> np.ndarray:
    while not np.array_equal(parent[parent], parent):
        parent[:] = parent[parent]
    return parent


def _join(parent: np.ndarray, row: int, other: int) -> None:
    while parent[row] != row:
        row = parent[row]
    while parent[other] != other:
        other = parent[other]
    parent[max(row, other)] = min(row, other)
