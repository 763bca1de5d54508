"""The scan: a decoder that dies, hangs or eats memory costs one picture."""

import io
import sys
import time

import numpy as np
import pytest
from PIL import Image

from rumbo.core.messages import use_language
from rumbo.data.files import FolderFiles
from rumbo.data.pictures import scan
from rumbo.data.pictures.images import FileImages
from rumbo.data.pictures.scan import scan_images

# A worker that misbehaves on command, in place of a decoder with a bug.
MISBEHAVING = """
import os, sys, time
import rumbo.data.pictures.scan_worker as worker
decode = worker.decode
def misbehave(data):
    if data == b"die":
        os.abort()
    if data == b"leave":
        os._exit(3)
    if data == b"hang":
        time.sleep(60)
    if data == b"eat":
        return decode(bytes(8 * 2**30))
    if data == b"talk":
        print("all is well")
        sys.stdout.flush()
    return decode(data)
worker.decode = misbehave
worker.main(sys.argv[1], float(sys.argv[2]))
"""


def jpeg(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(noise).save(target, "JPEG")
    return target.getvalue()


@pytest.fixture
def folder(tmp_path):
    def make(files):
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
        return FileImages(FolderFiles(tmp_path), sorted(files))

    return make


def test_all_pictures_are_told_by_row(folder):
    images = folder({f"{number:02}.jpg": jpeg(number) for number in range(20)} | {"07.jpg": b"no picture"})
    seen = []
    good, bad = scan_images(
        images, list(images.names), num_workers=2, progress=lambda done, total: seen.append((done, total))
    )
    assert [item.row for item in good] == [row for row in range(20) if row != 7]
    assert good[0].facts == {"height": 12, "width": 16, "grey": False}
    assert [(item.row, item.id, item.code) for item in bad] == [(7, "07.jpg", "image.bad")]
    assert "no picture" in bad[0].reason
    assert sorted(seen) == [(done, 20) for done in range(1, 21)]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("die", "the decoder died of it (signal 6)."),
        ("leave", "the decoder died of it (exit 3)."),
        ("hang", "decoding took more than 0.5 seconds."),
        ("eat", "the decoder died of it (exit 1)."),
        ("talk", "not a picture"),
    ],
)
def test_a_decoder_that_misbehaves_costs_one_picture(folder, monkeypatch, command, reason):
    monkeypatch.setattr(scan, "WORKER", (sys.executable, "-c", MISBEHAVING))
    files = {f"{number:02}.jpg": jpeg(number) for number in range(6)} | {"03.jpg": command.encode()}
    images = folder(files)
    start = time.monotonic()
    good, bad = scan_images(images, list(images.names), num_workers=1, seconds_per_file=0.5)
    assert time.monotonic() - start < 20
    assert [item.row for item in good] == [0, 1, 2, 4, 5]
    assert [item.id for item in bad] == ["03.jpg"]
    assert reason in bad[0].reason


def test_reasons_are_in_the_language_of_the_caller(folder):
    images = folder({"a.jpg": b""})
    use_language("es")
    try:
        _, bad = scan_images(images, ["a.jpg"])
    finally:
        use_language("en")
    assert bad[0].reason == "el archivo está vacío (0 bytes)."


def test_a_file_that_has_gone_is_named(folder, tmp_path):
    images = folder({"a.jpg": jpeg(0), "b.jpg": jpeg(1)})
    (tmp_path / "b.jpg").unlink()
    good, bad = scan_images(images, ["a.jpg", "b.jpg"])
    assert [item.row for item in good] == [0]
    assert "cannot be read" in bad[0].reason
