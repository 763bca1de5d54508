"""The fast way through a plain JPEG file gives Pillow's bits, or steps aside."""

import io
import zipfile

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from rumbo.data.pictures import decode as decode_module
from rumbo.data.pictures.decode import MAX_PIXELS, MAX_SIDE_PX, BadImage, decode
from rumbo.data.pictures.jpeg import may_be_turned, plain_pixels


def plain(data: bytes, enough_px: int | None = None) -> np.ndarray | None:
    return plain_pixels(data, max_pixels=MAX_PIXELS, max_side=MAX_SIDE_PX, enough_px=enough_px)


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([y * 2.0, x * 2.0, x + y], axis=2) + rng.normal(0, 20, (height, width, 3))
    return base.clip(0, 255).astype(np.uint8)


def jpeg(pixels: np.ndarray, mode: str | None = None, **options) -> bytes:
    picture = Image.fromarray(pixels)
    buffer = io.BytesIO()
    (picture if mode is None else picture.convert(mode)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def archived(path) -> list[bytes]:
    with zipfile.ZipFile(path) as files:
        return [files.read(name) for name in sorted(files.namelist()) if name.lower().endswith((".jpg", ".jpeg"))]


def test_real_photographs_come_out_as_pillow_has_them(shared_data):
    photos = archived(shared_data / "hymenoptera" / "hymenoptera_320.zip")[::9]
    photos += archived(shared_data / "raccoon" / "raccoon.zip")[::9]
    photos += [path.read_bytes() for path in sorted((shared_data / "style_images").glob("*.jpg"))[:3]]
    taken = 0
    for data in photos:
        np.testing.assert_array_equal(decode(data), by_pillow(data))
        taken += plain(data) is not None
    assert len(photos) > 60
    assert taken > 0.95 * len(photos)


@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    seed=st.integers(0, 99),
    quality=st.integers(5, 100),
    sampling=st.sampled_from(["444", "422", "420", "440", "411", "Gray"]),
    progressive=st.booleans(),
)
def test_every_sampling_and_size_gives_the_same_bits(height, width, seed, quality, sampling, progressive):
    pixels = photo(height, width, seed)
    if sampling == "Gray":
        data = jpeg(pixels, "L", quality=quality, progressive=progressive)
    elif sampling in ("440", "411"):
        data = simplejpeg.encode_jpeg(pixels, quality, colorsubsampling=sampling)
    else:
        index = ("444", "422", "420").index(sampling)
        data = jpeg(pixels, quality=quality, subsampling=index, progressive=progressive)
    fast = plain(data)
    if fast is not None:
        np.testing.assert_array_equal(fast, by_pillow(data))
    assert fast is not None or sampling in ("440", "411") or (by_pillow(data)[-1, -4:] == 128).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_turned_pictures_are_made_upright_as_by_pillow(orientation, mode):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = jpeg(photo(20, 33), mode, exif=exif)
    assert may_be_turned(data)
    assert plain(data) is not None
    np.testing.assert_array_equal(decode(data), by_pillow(data))


def test_an_orientation_in_xmp_is_seen():
    """Pillow takes it where Exif has none."""
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    data = jpeg(photo(20, 33), xmp=xmp)
    assert by_pillow(data).shape == (33, 20, 3)
    np.testing.assert_array_equal(decode(data), by_pillow(data))


def test_other_color_spaces_and_formats_are_left_to_pillow():
    cmyk = jpeg(photo(20, 33), "CMYK")
    stored_as_rgb = jpeg(photo(20, 33), keep_rgb=True)
    buffer = io.BytesIO()
    Image.fromarray(photo(20, 33)).save(buffer, "PNG")
    for data in (cmyk, stored_as_rgb, buffer.getvalue(), b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\0" * 50):
        assert plain(data) is None
    assert plain(jpeg(photo(300, 300))) is not None
    assert plain_pixels(jpeg(photo(300, 300)), max_pixels=299 * 300, max_side=MAX_SIDE_PX) is None
    assert plain_pixels(jpeg(photo(300, 300)), max_pixels=MAX_PIXELS, max_side=299) is None


@given(seed=st.integers(0, 2**32 - 1))
def test_damage_is_judged_as_before(seed):
    """Cut, closed and flipped files: refused for the same reason, or the same pixels, with and without the fast way."""
    rng = np.random.default_rng(seed)
    data = jpeg(photo(40, 50, seed % 7), quality=85, progressive=bool(seed % 2), subsampling=seed % 3)
    kind = seed % 4
    if kind == 0:
        data = data[: rng.integers(1, len(data))]
    elif kind == 1:
        data = data[: rng.integers(1, len(data))] + b"\xff\xd9"
    else:
        flipped = bytearray(data)
        for place in rng.integers(0, len(data), kind):
            flipped[place] ^= 1 << int(rng.integers(8))
        data = bytes(flipped)
    fast = outcome(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode_module, "plain_pixels", lambda *_, **__: None)
        slow = outcome(data)
    assert type(fast) is type(slow)
    np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize("enough_px", [None, 20])
def test_a_progressive_file_that_ends_between_two_scans_is_refused(enough_px):
    """libjpeg decodes it without a warning, only less sharp."""
    data = jpeg(photo(160, 200), quality=88, progressive=True)
    scans = [place for place in range(len(data) - 1) if data[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 5
    decode(data, enough_px=enough_px)
    for place in scans[2:]:
        start = data.rfind(b"\xff\xc4", 0, place)  # the tables of a scan come before it
        cut = data[: start if start > scans[0] else place] + b"\xff\xd9"
        with pytest.raises(BadImage, match=r"truncated|scans are missing"):
            decode(cut, enough_px=enough_px)


def outcome(data: bytes) -> np.ndarray | str:
    try:
        return decode(data)
    except BadImage as problem:
        return str(problem)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("enough_px", "shape"), [(None, (150, 201)), (76, (150, 201)), (75, (75, 101)), (38, (75, 101)), (10, (19, 26))]
)
def test_shrinking_keeps_enough_and_looks_like_an_average(format, enough_px, shape):
    pixels = photo(150, 201)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **({"quality": 95, "subsampling": 0} if format == "JPEG" else {}))
    small = decode(buffer.getvalue(), enough_px=enough_px)
    assert small.shape == (*shape, 3)
    average = np.asarray(Image.fromarray(pixels).reduce(round(150 / shape[0])))
    assert np.abs(small.astype(int) - average).mean() < 4


def test_a_closed_cut_is_seen_in_a_shrunk_picture_too():
    data = jpeg(photo(160, 200), quality=88)
    found = 0
    for share in np.linspace(0.2, 0.9, 15):
        cut = data[: int(len(data) * share)] + b"\xff\xd9"
        try:
            decode(cut, enough_px=20)
        except BadImage:
            found += 1
    assert found >= 14
