"""One decode function: every orientation and mode, nothing beyond the limits, every damage named."""

import dataclasses
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rumbo.core.errors import ShapeError
from rumbo.data.pictures.decode import BadImage, DecodeRule, decode, header, prepare
from rumbo.data.pictures.images import ArrayImages, load_images

TRANSPOSED = {  # orientation tag -> how the stored picture was turned away from upright
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encoded(picture: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def reason(data: bytes) -> str | None:
    """Why bytes are a bad picture; None when they are a good one."""
    try:
        decode(data)
    except BadImage as problem:
        return str(problem) or "no reason"
    return None


def photo(height: int = 60, width: int = 80, seed: int = 0) -> Image.Image:
    """Smooth color with some noise, as photographs have."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([y * 2.0, x * 2.0, x + y], axis=2) + rng.normal(0, 12, (height, width, 3))
    return Image.fromarray(base.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_every_orientation_comes_out_upright(orientation, format):
    upright = Image.fromarray(np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3))
    turn = TRANSPOSED[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}
    data = encoded(stored, format, exif=exif, **lossless.get(format, {}))
    pixels = decode(data)
    assert header(data) == (6, 8, 3)
    assert pixels.shape == (6, 8, 3)
    tolerance = 4 if format == "JPEG" else 0
    assert np.abs(pixels.astype(int) - np.asarray(upright)).max() <= tolerance


def test_alpha_lies_over_white():
    half_black = Image.new("RGBA", (4, 3), (0, 0, 0, 128))
    np.testing.assert_array_equal(decode(encoded(half_black)), np.full((3, 4, 3), 127))
    grey = Image.new("LA", (4, 3), (10, 0))
    np.testing.assert_array_equal(decode(encoded(grey)), np.full((3, 4), 255))


def test_palette_with_and_without_a_transparent_color():
    palette = Image.fromarray(np.array([[0, 1], [1, 0]], dtype=np.uint8), mode=None).convert("P")
    palette.putpalette([255, 0, 0, 0, 0, 255])
    np.testing.assert_array_equal(decode(encoded(palette))[0, 0], [255, 0, 0])
    np.testing.assert_array_equal(decode(encoded(palette, transparency=0))[0, 0], [255, 255, 255])
    np.testing.assert_array_equal(decode(encoded(palette, transparency=0))[0, 1], [0, 0, 255])


def test_cmyk_of_adobe_jpeg_has_the_right_sign():
    data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)  # no cyan: red
    red, green, blue = decode(data)[4, 4]
    assert red > 200 > 60 > max(green, blue)


def test_one_bit_is_black_and_white():
    bits = Image.fromarray(np.array([[0, 255], [255, 0]], dtype=np.uint8)).convert("1")
    np.testing.assert_array_equal(decode(encoded(bits)), [[0, 255], [255, 0]])


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_keeps_its_levels(format):
    ramp = np.linspace(0, 65535, 1024).round().astype(np.uint16).reshape(4, 256)
    pixels = decode(encoded(Image.fromarray(ramp), format))
    assert pixels.dtype == np.uint8
    assert len(np.unique(pixels)) >= 250
    assert (np.diff(pixels.reshape(-1).astype(int)) >= 0).all()
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_floats_are_taken_as_zero_to_one_and_refused_beyond():
    ramp = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    pixels = decode(encoded(Image.fromarray(ramp), "TIFF"))
    assert (pixels[0, 0], pixels[-1, -1]) == (0, 255)
    with pytest.raises(BadImage, match="300"):
        decode(encoded(Image.fromarray(ramp * 300), "TIFF"))
    with pytest.raises(BadImage, match="nan"):
        decode(encoded(Image.fromarray(ramp * np.nan), "TIFF"))


def test_the_first_frame_counts():
    frames = [Image.new("RGB", (5, 5), color) for color in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(data)[0, 0], [255, 0, 0])


def test_content_decides_not_the_name():
    assert decode(encoded(photo(), "BMP")).shape == (60, 80, 3)
    with pytest.raises(BadImage, match="not a picture"):
        decode(b"hello, I am a text\n" * 10)
    with pytest.raises(BadImage, match="0 bytes"):
        decode(b"")
    with pytest.raises(BadImage, match="not a picture"):
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n")


def bomb(width: int, height: int) -> bytes:
    """A one-bit PNG that says it is huge; its pixels are never needed."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(12_000, 12_000), (8_000, 7_000), (20_001, 2), (60_000, 60_000)])
def test_bombs_are_refused_from_the_header(width, height):
    for function in (decode, header):
        with pytest.raises(BadImage, match="Mpx"):
            function(bomb(width, height))


@pytest.mark.parametrize("options", [{"format": "JPEG"}, {"format": "PNG"}, {"format": "WEBP"}, {"format": "GIF"}])
def test_truncated_files_are_named(options):
    data = encoded(photo(), **options)
    with pytest.raises(BadImage) as caught:
        decode(data[: len(data) // 2])
    assert "0x" not in str(caught.value)


def test_a_jpeg_that_was_cut_and_closed_is_suspicious():
    """Where the decoder sees nothing wrong: the cut file ends with a proper end mark."""
    found = {False: 0, True: 0}
    for progressive in found:
        for seed in range(30):
            rng = np.random.default_rng(seed)
            data = encoded(photo(90, 120, seed), "JPEG", quality=88, progressive=progressive)
            decode(data)  # no false alarm
            cut = int(len(data) * rng.uniform(0.1, 1))
            found[progressive] += reason(data[:cut] + b"\xff\xd9") is not None
    assert found[False] >= 0.95 * 30
    assert found[True] >= 0.4 * 30  # cuts inside the last scan cannot be seen


def test_a_flat_grey_jpeg_is_no_damage_below_four_pixels():
    assert decode(encoded(Image.new("L", (2, 2), 128), "JPEG")).shape == (2, 2)


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_picture_or_a_reason(data):
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"P5 3 3 255\n", b"II*\0", b"GIF89a", b"BM"):
        assert "object at" not in (reason(start + data) or "")


@given(st.integers(0, 2**32 - 1))
def test_flipped_bytes_never_escape_as_another_error(seed):
    rng = np.random.default_rng(seed)
    data = bytearray(encoded(photo(20, 20), ["JPEG", "PNG", "TIFF", "WEBP"][seed % 4]))
    for position in rng.integers(0, len(data), 10):
        data[position] = rng.integers(0, 256)
    assert "0x" not in (reason(bytes(data)) or "")


def test_prepare_gives_the_rule_s_shape_and_the_middle():
    wide = np.zeros((10, 40, 3), np.uint8)
    wide[:, 15:25] = 255
    crop = prepare(wide, DecodeRule(mode="rgb", height=10, width=10, fit="crop"))
    assert crop.shape == (3, 10, 10)
    assert (crop == 255).all()
    stretched = prepare(wide, DecodeRule(mode="grey", height=10, width=10, fit="stretch"))
    assert stretched.shape == (1, 10, 10)
    assert 50 < stretched.mean() < 80


def test_prepare_antialiases():
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    small = prepare(stripes, DecodeRule(mode="grey", height=8, width=8, fit="stretch"))
    assert np.abs(small.astype(int) - 127).max() < 20


def test_prepare_leaves_the_right_size_alone():
    pixels = np.asarray(photo())
    same = prepare(pixels, DecodeRule(mode="rgb", height=60, width=80, fit="crop"))
    np.testing.assert_array_equal(same, pixels.transpose(2, 0, 1))


def test_rules_are_checked_and_survive_a_dictionary():
    rule = DecodeRule(mode="grey", height=3, width=5, fit="crop")
    assert DecodeRule(**dataclasses.asdict(rule)) == rule
    for wrong in ({"height": 0}, {"width": 10**6}, {"mode": "cmyk"}, {"fit": "pad"}, {"height": True}):
        with pytest.raises(ShapeError):
            DecodeRule(**{**dataclasses.asdict(rule), **wrong})


class Memory:
    """Pictures as encoded bytes."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def take(self, rows):
        return Memory([self.items[row] for row in rows])

    def read(self, row):
        return decode(self.items[row])

    def size(self, row):
        return header(self.items[row])


def test_loading_lists_bad_rows_and_does_not_depend_on_threads():
    items = [encoded(photo(30, 40, seed), "JPEG") for seed in range(300)]
    items[7], items[270] = b"", items[270][:200]
    ids = [f"{row}.jpg" for row in range(300)]
    rule = DecodeRule(mode="rgb", height=16, width=16, fit="crop")
    seen = []
    one, bad = load_images(
        Memory(items), ids, rule, num_threads=1, progress=lambda done, total: seen.append((done, total))
    )
    many, bad_too = load_images(Memory(items), ids, rule, num_threads=8)
    np.testing.assert_array_equal(one, many)
    assert [item.id for item in bad] == ["7.jpg", "270.jpg"] == [item.id for item in bad_too]
    assert not one[7].any()
    assert one[8].any()
    assert seen[-1] == (300, 300)


def test_arrays_of_the_right_size_are_not_resampled():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    rule = DecodeRule(mode="rgb", height=8, width=8, fit="crop")
    fast, _ = load_images(ArrayImages(pixels), list("abcde"), rule, num_threads=1)
    slow = np.stack([prepare(pixels[row], rule) for row in range(5)])
    np.testing.assert_array_equal(fast, slow)
    grey, _ = load_images(ArrayImages(pixels[..., 0]), list("abcde"), rule, num_threads=2)
    assert grey.shape == (5, 3, 8, 8)


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 2)])
@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_extreme_shapes_reach_the_size(size, fit):
    pixels = decode(encoded(Image.new("L", size, 77)))
    assert prepare(pixels, DecodeRule(mode="grey", height=32, width=24, fit=fit)).tolist() == [[[77] * 24] * 32]
