"""T12: every kind of picture has the pixels it should, and the same ones on every way through the program.

What a network is trained on, judged by and asked about goes through `load_images`, `PixelsOnDemand` without and with
its cache, the scan and the pictures of pages: the largest difference between any two of them is 0.
"""

import io

import numpy as np
import pytest
from PIL import Image

from rumbo.data.files import FolderFiles
from rumbo.data.pictures.cache import PixelCache
from rumbo.data.pictures.decode import DecodeRule, decode, prepare
from rumbo.data.pictures.images import FileImages, load_images
from rumbo.data.pictures.on_demand import PixelsOnDemand
from rumbo.data.pictures.scan import scan_images

HEIGHT, WIDTH = 24, 32
RULES = {
    "rgb, cropped": DecodeRule(mode="rgb", height=16, width=16, fit="crop"),
    "grey, stretched": DecodeRule(mode="grey", height=20, width=12, fit="stretch"),
    "as it is": DecodeRule(mode="rgb", height=HEIGHT, width=WIDTH, fit="stretch"),
}
ORIENTATION = 0x0112
# What a reader must do to the stored pixels to see them upright (Exif 2.3, 4.6.4 A, tag 274).
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],
    7: lambda stored: stored.swapaxes(0, 1)[::-1, ::-1],
    8: lambda stored: stored.swapaxes(0, 1)[::-1],
}


def scene() -> np.ndarray:
    """Smooth colors without any symmetry, as photographs have: lossy formats keep them within a few levels."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / max(HEIGHT, WIDTH)
    return (255 * np.stack([x, y, (1 - x) * (1 - y)], axis=2)).astype(np.uint8)


def grey() -> np.ndarray:
    return scene()[..., 0]


def save(picture: Image.Image, format: str, orientation: int = 1, **options) -> bytes:
    target = io.BytesIO()
    if orientation != 1:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        options["exif"] = exif.tobytes() if format != "TIFF" else exif
    picture.save(target, format, **options)
    return target.getvalue()


def over_white(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255 if color.ndim == 3 else alpha / 255
    return np.rint(color * share + 255 * (1 - share)).astype(np.uint8)


def cases() -> dict[str, tuple[bytes, np.ndarray, int]]:
    """Name -> (file, upright pixels, largest allowed difference in levels)."""
    rgb, fade = scene(), np.linspace(0, 255, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint8)
    lossless = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}
    found: dict[str, tuple[bytes, np.ndarray, int]] = {}
    for orientation, turn in UPRIGHT.items():
        for format, options in lossless.items():
            data = save(Image.fromarray(rgb), format, orientation, **options)
            found[f"{format} turned {orientation}"] = (data, turn(rgb), 0)
        for name, options in (("baseline", {}), ("progressive", {"progressive": True})):
            data = save(Image.fromarray(rgb), "JPEG", orientation, quality=98, subsampling=0, **options)
            found[f"JPEG {name} turned {orientation}"] = (data, turn(rgb), 8)
        data = save(Image.fromarray(grey()), "JPEG", orientation, quality=98)
        found[f"JPEG grey turned {orientation}"] = (data, turn(grey()), 4)
    for subsampling in (0, 1, 2):
        for progressive in (False, True):
            options = {"quality": 98, "subsampling": subsampling, "progressive": progressive}
            found[f"JPEG {options}"] = (save(Image.fromarray(rgb), "JPEG", **options), rgb, 24)
    for format in ("PNG", "TIFF", "BMP", "GIF", "PPM", "WEBP"):
        options = {"lossless": True} if format == "WEBP" else {}
        wanted = np.stack([grey()] * 3, axis=2) if format in ("GIF", "WEBP") else grey()
        found[f"{format} grey"] = (save(Image.fromarray(grey()), format, **options), wanted, 0)
    for format in ("BMP", "PPM"):
        found[f"{format} color"] = (save(Image.fromarray(rgb), format), rgb, 0)
    rgba = Image.merge("RGBA", [*Image.fromarray(rgb).split(), Image.fromarray(fade)])
    la = Image.merge("LA", [Image.fromarray(grey()), Image.fromarray(fade)])
    for format in ("PNG", "TIFF"):
        found[f"{format} with alpha"] = (save(rgba, format), over_white(rgb, fade), 1)
        found[f"{format} grey with alpha"] = (save(la, format), over_white(grey(), fade), 1)
    found["WEBP with alpha"] = (save(rgba, "WEBP", lossless=True, exact=True), over_white(rgb, fade), 1)
    palette = Image.fromarray(rgb).quantize(256)
    found["PNG palette"] = (save(palette, "PNG"), np.asarray(palette.convert("RGB")), 0)
    found["GIF palette"] = (save(palette, "GIF"), np.asarray(palette.convert("RGB")), 0)
    found["BMP palette"] = (save(palette, "BMP"), np.asarray(palette.convert("RGB")), 0)
    bits = Image.fromarray(grey() > 100)
    for format in ("PNG", "TIFF", "BMP", "PPM"):
        found[f"{format} one bit"] = (save(bits, format), np.where(grey() > 100, 255, 0).astype(np.uint8), 0)
    levels = np.linspace(0, 65535, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint16)
    for format in ("PNG", "TIFF", "PPM"):
        found[f"{format} 16 bits"] = (save(Image.fromarray(levels), format), np.rint(levels / 257).astype(np.uint8), 0)
    floats = (levels / 65535).astype(np.float32)
    found["TIFF floats"] = (save(Image.fromarray(floats), "TIFF"), np.rint(floats * 255).astype(np.uint8), 0)
    cmyk = Image.fromarray(rgb).convert("CMYK")
    found["TIFF CMYK"] = (save(cmyk, "TIFF"), np.asarray(cmyk.convert("RGB")), 0)
    found["JPEG CMYK"] = (save(cmyk, "JPEG", quality=98, subsampling=0), np.asarray(cmyk.convert("RGB")), 10)
    frames = [Image.fromarray(np.full_like(grey(), level)) for level in (40, 90, 200)]
    for format in ("GIF", "TIFF", "WEBP", "PNG"):
        options = {"lossless": True} if format == "WEBP" else {}
        data = save(frames[0], format, save_all=True, append_images=frames[1:], **options)
        wanted = np.full((HEIGHT, WIDTH, 3) if format in ("GIF", "WEBP") else (HEIGHT, WIDTH), 40, np.uint8)
        found[f"{format} of several frames"] = (data, wanted, 0)
    found["a PNG called .jpg"] = (save(Image.fromarray(rgb), "PNG"), rgb, 0)
    return found


CASES = cases()


def test_there_are_about_ninety_cases():
    assert len(CASES) >= 80


@pytest.mark.parametrize("name", CASES)
def test_pixels_are_what_they_should_be(name):
    data, wanted, tolerance = CASES[name]
    found = decode(data)
    assert found.dtype == np.uint8
    assert found.shape == wanted.shape
    assert int(np.abs(found.astype(int) - wanted).max()) <= tolerance


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_all_ways_give_the_same_pixels(rule, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    names = []
    for number, (data, _, _) in enumerate(CASES.values()):
        names.append(f"{number:03}.jpg")
        (folder / names[-1]).write_bytes(data)
    images, rows = FileImages(FolderFiles(folder), names), np.arange(len(names))
    predicted = np.stack([prepare(decode(data), rule) for data, _, _ in CASES.values()])
    for num_threads in (1, 4):
        trained, bad = load_images(images, names, rule, num_threads=num_threads)
        assert bad == []
        assert np.array_equal(trained, predicted)
    assert np.array_equal(PixelsOnDemand(images, names, rule).gather(rows).numpy(), predicted)
    cached = PixelsOnDemand(images, names, rule, cache=PixelCache(tmp_path / "cache", limit_bytes=2**30))
    assert np.array_equal(cached.gather(rows).numpy(), predicted)
    for name in names:
        (folder / name).touch(exist_ok=True)
    assert np.array_equal(cached.gather(rows).numpy(), predicted)
    assert (tmp_path / "cache").exists()


def test_the_scan_sees_the_same_sizes(tmp_path):
    names = []
    for number, (data, _, _) in enumerate(CASES.values()):
        names.append(f"{number:03}.jpg")
        (tmp_path / names[-1]).write_bytes(data)
    good, bad = scan_images(FileImages(FolderFiles(tmp_path), names), names)
    assert bad == []
    sizes = [(item.facts["height"], item.facts["width"]) for item in good]
    assert sizes == [wanted.shape[:2] for _, wanted, _ in CASES.values()]


def test_sixteen_bits_keep_their_levels():
    data = CASES["PNG 16 bits"][0]
    levels = decode(data).ravel()
    assert len(np.unique(levels)) >= 250
    assert (np.diff(levels.astype(int)) >= 0).all()
