"""T04: a thousand damaged pictures. None crashes or hangs, and each is named, but for what no decoder can see.

JPEG and WebP have no checksum: a flipped bit inside their compressed data gives other pixels, mostly without any sign.
Such pictures count as blind spots, and their share is measured here too.
"""

import hashlib
import io
import random
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from rumbo.data import open_data
from rumbo.data.files import FolderFiles
from rumbo.data.pictures.decode import BadImage, decode
from rumbo.data.pictures.images import FileImages
from rumbo.data.pictures.jpeg import complaint
from rumbo.data.pictures.scan import scan_images

NUM_INTACT = 200


class Damaged(NamedTuple):
    """One file of the corpus."""

    kind: str
    data: bytes
    intact: bytes | None


def saved(pixels: np.ndarray, format: str, **options) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, format, **options)
    return target.getvalue()


@pytest.fixture(scope="module")
def intact(shared_data) -> list[bytes]:
    """Real photographs, small, in the formats that people have."""
    dataset = open_data(shared_data / "hymenoptera")
    rows = np.linspace(0, len(dataset) - 1, NUM_INTACT).astype(int)
    files = []
    for place, row in enumerate(rows.tolist()):
        if place % 5 == 0:
            files.append(dataset.images.bytes_of(row))
            continue
        picture = Image.fromarray(dataset.images.read(row))
        picture.thumbnail((160, 160))
        pixels = np.asarray(picture)
        format, options = (("JPEG", {"quality": 90}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}))[
            place % 4
        ]
        files.append(saved(pixels, format, **options))
    return files


def is_jpeg(data: bytes) -> bool:
    return data.startswith(b"\xff\xd8")


def format_of(data: bytes) -> str:
    return str(Image.open(io.BytesIO(data)).format)


def flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) // 20, len(data) - 20)]


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims any size and holds nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def corpus(files: list[bytes], total: int, seed: int) -> list[Damaged]:
    """Truncations, closed truncations, flipped bits, wrong headers, bombs, other bytes; a seventh each."""
    chance = random.Random(seed)
    jpegs = [data for data in files if is_jpeg(data)]
    makers: tuple[Callable[[], Damaged], ...] = (
        lambda: Damaged("cut", cut(source := chance.choice(files), chance), source),
        lambda: Damaged("cut and closed", cut(source := chance.choice(jpegs), chance) + b"\xff\xd9", source),
        lambda: Damaged(f"bit of {format_of(source := chance.choice(files))}", flipped(source, chance), source),
        lambda: Damaged("header", chance.randbytes(8) + (source := chance.choice(files))[8:], source),
        lambda: Damaged("bomb", png_of_size(chance.randrange(20_001, 2**31), chance.randrange(20_001, 2**31)), None),
        lambda: Damaged(
            "other bytes", chance.choice((b"", b"\0" * 4096, chance.randbytes(3000), b"<html></html>")), None
        ),
        lambda: Damaged(f"zeros in {format_of(source := chance.choice(files))}", zeroed(source, chance), source),
    )
    return [makers[number % len(makers)]() for number in range(total)]


def zeroed(data: bytes, chance: random.Random) -> bytes:
    """A block that was never written, as after a crash of a disk."""
    start = chance.randrange(len(data) // 4, len(data) // 2)
    stop = min(len(data), start + max(512, len(data) // 4))
    return data[:start] + bytes(stop - start) + data[stop:]


def looks_alike(data: bytes, intact: bytes | None) -> bool:
    return intact is not None and np.array_equal(decode(data), decode(intact))


def judge(folder: Path, files: list[Damaged]) -> Counter[tuple[str, str]]:
    """What the scan says of each: named, equal to the intact picture, or a blind spot."""
    for number, item in enumerate(files):
        (folder / f"{number:05}.jpg").write_bytes(item.data)
    names = [f"{number:05}.jpg" for number in range(len(files))]
    before = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    good, bad = scan_images(FileImages(FolderFiles(folder), names), names)
    assert sorted([item.row for item in good] + [item.row for item in bad]) == list(range(len(files)))
    assert all(item.reason and item.id == names[item.row] for item in bad)
    assert not any("died" in item.reason or "seconds" in item.reason for item in bad)
    assert before == {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    counts = Counter((files[item.row].kind, "named") for item in bad)
    for item in good:
        file = files[item.row]
        is_suspicious = file.data.startswith(b"\xff\xd8") and complaint(file.data) is not None  # image.suspicious
        seen = "named" if is_suspicious else "equal" if looks_alike(file.data, file.intact) else "blind"
        counts[file.kind, seen] += 1
    return counts


def share_named(counts: Counter[tuple[str, str]], kind: str) -> float:
    total = sum(count for (name, _), count in counts.items() if name == kind)
    return 1 - counts[kind, "blind"] / total


@pytest.mark.parametrize("total", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_thousand_damaged_pictures(intact, tmp_path, total):
    counts = judge(tmp_path, corpus(intact, total, seed=total))
    print(sorted(counts.items()))
    for kind in ("cut", "header", "bomb", "other bytes"):
        assert share_named(counts, kind) == 1, (kind, counts)
    assert share_named(counts, "cut and closed") == 1, counts
    for kind in ("bit of PNG", "zeros in PNG"):  # it has checksums
        assert share_named(counts, kind) == 1, counts
    assert share_named(counts, "zeros in JPEG") >= 0.8, counts
    assert share_named(counts, "bit of JPEG") >= 0.1, counts  # measured, not promised; likewise of WEBP


def test_intact_pictures_raise_no_alarm(intact, shared_data):
    assert len(intact) == NUM_INTACT
    for data in intact:
        decode(data)
    for name in ("hymenoptera", "raccoon"):
        dataset = open_data(shared_data / name)
        _, bad = scan_images(dataset.images, dataset.ids)
        assert bad == []


@pytest.mark.parametrize("is_progressive", [False, True])
def test_cut_and_closed_is_named_wherever_it_was_cut(intact, is_progressive):
    """Every tenth byte of a picture, down to the last scan of a progressive one, which Pillow lets pass.

    Cut within the last few bytes, the pixels are all there, or off by a level in the last corner.
    """
    pixels = decode(intact[0])[:96, :128]
    data = saved(pixels, "JPEG", quality=85, progressive=is_progressive)
    whole = decode(data)
    missed = 0
    for length in range(len(data) // 10, len(data) - 12, 10):
        try:
            found = decode(data[:length] + b"\xff\xd9")
        except BadImage:
            continue
        missed += not np.array_equal(found, whole)
    assert missed == 0
