"""Batches: every example once, in an order of (seed, epoch); the same pixels from memory and from files."""

import dataclasses
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rumbo.core.errors import DataError
from rumbo.data.loader import Changes, Examples, Loader, PixelsInMemory, PixelsOnDemand, cut, normalized
from rumbo.data.options import AugmentOptions
from rumbo.data.pictures import cache as cache_module
from rumbo.data.pictures.cache import Contents, PixelCache
from rumbo.data.pictures.decode import DecodeRule
from rumbo.data.pictures.images import load_images
from rumbo.data.preprocess import ImageInput
from rumbo.data.recognize import open_data

RULE = DecodeRule(mode="rgb", height=16, width=16, fit="crop")
IMAGE = ImageInput(rule=RULE, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))


def loader(num_items=23, batch_size=5, **keywords):
    examples = Examples(
        ids=[str(i) for i in range(num_items)],
        targets=torch.arange(num_items),
        weights=torch.ones(num_items),
        numbers=torch.arange(num_items).float()[:, None],
    )
    return Loader(examples=examples, rows=np.arange(num_items), batch_size=batch_size, **keywords)


def rows(batches):
    return np.concatenate([batch.rows for batch in batches]).tolist()


@given(num_items=st.integers(1, 200), batch_size=st.integers(1, 50))
def test_cuts_cover_everything_once_and_leave_no_batch_of_one(num_items, batch_size):
    cuts = cut(num_items, batch_size)
    assert [item for low, high in cuts for item in range(low, high)] == list(range(num_items))
    if num_items > 1 and batch_size > 1:
        assert all(high - low > 1 for low, high in cuts)
    assert all(high - low <= batch_size + 1 for low, high in cuts)


def test_an_epoch_has_every_example_once_in_an_order_of_its_own():
    one = loader(seed=3)
    first, again, second = rows(one.epoch(0)), rows(one.epoch(0)), rows(one.epoch(1))
    assert sorted(first) == list(range(23))
    assert first == again
    assert first != second
    assert first != rows(loader(seed=4).epoch(0))


@pytest.mark.parametrize("start", range(5))
def test_an_epoch_can_be_entered_anywhere(start):
    one = loader(seed=3)
    assert rows(one.epoch(0, start=start)) == [row for batch in list(one.epoch(0))[start:] for row in batch.rows]


def test_evaluation_keeps_the_order():
    assert rows(loader().once()) == list(range(23))


@pytest.fixture
def photos(tmp_path: Path):
    generator = np.random.default_rng(0)
    for kind in ("ants", "bees"):
        (tmp_path / kind).mkdir()
        for index in range(6):
            height, width = generator.integers(20, 60, 2)
            pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "JPEG")
            (tmp_path / kind / f"{index}.jpg").write_bytes(buffer.getvalue())
    return open_data(tmp_path)


def test_pictures_from_memory_and_on_demand_are_the_same_bits(photos):
    ids = photos.table["id"].to_list()
    decoded, bad = load_images(photos.images, ids, RULE, num_threads=2)
    assert bad == []

    def batches(pixels):
        examples = Examples(ids=ids, targets=torch.zeros(12), weights=torch.ones(12), pixels=pixels, image=IMAGE)
        one = Loader(examples=examples, rows=np.arange(12), batch_size=5, seed=1, augment=AugmentOptions(), flip=True)
        return list(one.epoch(2))

    for held, demanded in zip(
        batches(PixelsInMemory(decoded)), batches(PixelsOnDemand(photos.images, ids, RULE)), strict=True
    ):
        assert torch.equal(held.images, demanded.images)
        assert held.rows.tolist() == demanded.rows.tolist()


def test_pixels_are_normalized_by_mean_and_deviation():
    pixels = np.full((1, 3, 16, 16), 255, np.uint8)
    examples = Examples(
        ids=["a"], targets=torch.zeros(1), weights=torch.ones(1), pixels=PixelsInMemory(pixels), image=IMAGE
    )
    images = examples.batch(np.array([0])).images
    np.testing.assert_allclose(images[0, :, 0, 0], [(1 - 0.5) / 0.2, (1 - 0.4) / 0.3, (1 - 0.3) / 0.4], rtol=1e-6)


def test_pictures_that_go_missing_in_training_stop_it(photos, tmp_path: Path):
    """Black pictures in their place would be learnt."""
    examples = Examples(
        ids=photos.ids,
        targets=torch.zeros(len(photos)),
        weights=torch.ones(len(photos)),
        pixels=PixelsOnDemand(photos.images, photos.ids, RULE),
        image=IMAGE,
    )
    (tmp_path / "bees" / "3.jpg").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        list(Loader(examples=examples, rows=np.arange(len(photos)), batch_size=4).once())


CROPS = AugmentOptions(crop_area=0.2, shift_fraction=0, zoom=0, rotate_degrees=0, light=0)
RULE_48 = DecodeRule(mode="rgb", height=40, width=48, fit="crop")
IMAGE_48 = ImageInput(rule=RULE_48, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
GIB = 2**30


@pytest.fixture(scope="session")
def real_photos(shared_data, tmp_path_factory) -> Path:
    """Thirty real photographs in two folders, one of them grey, one as PNG."""
    folder = tmp_path_factory.mktemp("real")
    with zipfile.ZipFile(shared_data / "hymenoptera" / "hymenoptera_320.zip") as files:
        names = sorted(name for name in files.namelist() if name.lower().endswith(".jpg"))
        for index, name in enumerate(names[::12][:30]):
            place = folder / ("ants" if index % 2 else "bees") / f"{index}.jpg"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(files.read(name))
    Image.open(folder / "bees" / "2.jpg").convert("L").save(folder / "bees" / "grey.jpg")
    Image.open(folder / "bees" / "2.jpg").save(folder / "bees" / "lossless.png")
    return folder


def on_demand(path: Path, augment=CROPS, batch_size=7, image=IMAGE_48, **keywords) -> Loader:
    dataset = open_data(path)
    pixels = PixelsOnDemand(dataset.images, dataset.ids, image.rule, **keywords)
    count = len(dataset)
    examples = Examples(
        ids=dataset.ids, targets=torch.arange(count), weights=torch.ones(count), pixels=pixels, image=image
    )
    return Loader(
        examples=examples,
        rows=np.arange(count),
        batch_size=batch_size,
        seed=5,
        augment=augment,
        flip=augment is not None,
    )


def by_row(batches) -> torch.Tensor:
    """All pictures of an epoch in the order of their rows."""
    batches = list(batches)
    order = torch.from_numpy(np.concatenate([batch.rows for batch in batches]).argsort())
    return torch.cat([batch.images for batch in batches])[order]


ALL_WAYS = pytest.mark.parametrize(
    "augment",
    [CROPS, dataclasses.replace(CROPS, smooth_crops=False), AugmentOptions(crop_area=0.3), AugmentOptions(), None],
    ids=["crops", "sharp crops", "crops and more", "no crops", "nothing"],
)


@ALL_WAYS
def test_random_changes_depend_on_seed_epoch_and_row_alone(real_photos, augment):
    one = by_row(on_demand(real_photos, augment, 5, num_threads=1).epoch(3))
    many = by_row(on_demand(real_photos, augment, 31, num_threads=7).epoch(3))
    assert torch.equal(one, many)
    assert torch.equal(one, by_row(on_demand(real_photos, augment).epoch(4))) == (augment is None)


@ALL_WAYS
@pytest.mark.parametrize("archive", [False, True], ids=["folder", "zip"])
def test_kept_pictures_give_the_same_batches_bit_by_bit(real_photos, tmp_path, augment, archive, monkeypatch):
    monkeypatch.setattr(Contents, "SETTLED_NS", -(10**18))
    path = real_photos
    if archive:
        path = tmp_path / "photos.zip"
        with zipfile.ZipFile(path, "w") as files:
            for file in sorted(real_photos.rglob("*.*")):
                files.write(file, file.relative_to(real_photos))
    plain = on_demand(path, augment)
    cached = on_demand(path, augment, cache=PixelCache(tmp_path / "cache", limit_bytes=GIB))
    again = on_demand(path, augment, cache=PixelCache(tmp_path / "cache", limit_bytes=GIB))  # as another process
    for epoch in range(3):
        expected = by_row(plain.epoch(epoch))
        assert torch.equal(expected, by_row(cached.epoch(epoch)))
        assert torch.equal(expected, by_row(again.epoch(epoch)))
    assert torch.equal(by_row(plain.once()), by_row(cached.once()))


def test_from_the_second_epoch_on_nothing_is_decoded_or_read(real_photos, tmp_path, monkeypatch):
    monkeypatch.setattr(Contents, "SETTLED_NS", -(10**18))
    cached = on_demand(real_photos, cache=PixelCache(tmp_path, limit_bytes=GIB))
    first = by_row(cached.epoch(0))

    def refuse(*_):
        raise AssertionError("a file was read")

    monkeypatch.setattr(type(cached.examples.pixels.images), "bytes_of", refuse)
    second = by_row(cached.epoch(1))
    assert first.shape == second.shape
    monkeypatch.undo()
    assert torch.equal(second, by_row(on_demand(real_photos).epoch(1)))


def test_a_sample_that_is_taken_once_is_not_kept(real_photos, tmp_path):
    cached = on_demand(real_photos, cache=PixelCache(tmp_path, limit_bytes=GIB))
    cached.examples.pixels.gather(np.arange(5))
    assert not list(tmp_path.rglob("*.px"))
    list(cached.once())
    assert len(list(tmp_path.rglob("*.px"))) == len(cached.rows)


@pytest.mark.parametrize("grey", [False, True])
def test_crops_are_normalized_in_their_threads_as_batches_are(real_photos, grey):
    """The short way of crops alone, against the long way that other changes need."""
    rule = dataclasses.replace(RULE_48, mode="grey" if grey else "rgb")
    image = ImageInput(rule=rule, mean=IMAGE_48.mean[: rule.num_channels], std=IMAGE_48.std[: rule.num_channels])
    one = on_demand(real_photos, image=image)
    changed = Changes(options=CROPS, flip=True, seed=3)
    crops = changed.crops(image)
    assert crops.table is not None
    pixels, rows = one.examples.pixels, np.arange(12)
    with pixels.threads() as pool:
        short = pixels.start(pool, rows, crops)()
        raw = pixels.start(pool, rows, dataclasses.replace(crops, table=None))()
    assert raw.dtype == torch.uint8
    assert torch.equal(short, normalized(raw.float(), image))
    assert short.is_contiguous(memory_format=torch.channels_last)
    assert dataclasses.replace(changed, options=AugmentOptions(crop_area=0.2)).crops(image).table is None


def test_crops_show_parts_of_the_whole_picture_mirrored_half_of_the_time(tmp_path):
    """On a ramp, the values tell where a crop was cut: x in red, y in green."""
    y, x = np.mgrid[0:200, 0:250]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ramp = np.stack([x, y, 0 * x], axis=2).astype(np.uint8)
    for index in range(40):
        Image.fromarray(ramp).save(tmp_path / "ab"[index % 2] / f"{index}.png")
    plain = ImageInput(rule=RULE_48, mean=(0, 0, 0), std=(1, 1, 1))
    seen = 255 * torch.cat([by_row(on_demand(tmp_path, image=plain).epoch(epoch)) for epoch in range(4)])
    left, right = seen[:, 0, 20, 0], seen[:, 0, 20, -1]
    top, bottom = seen[:, 1, 0, 24], seen[:, 1, -1, 24]
    mirrored = (left > right).float().mean()
    assert 0.35 < mirrored < 0.65
    wide, high = (right - left).abs() * 48 / 47, (bottom - top) * 40 / 39
    shares = wide * high / (200 * 250)
    assert shares.min() > 0.18
    assert shares.max() < 1.05
    assert 0.45 < shares.mean() < 0.7
    aspects = wide / high
    assert aspects.min() > 0.7
    assert aspects.max() < 1.4
    assert torch.minimum(left, right).std() > 20
    assert top.std() > 20


def test_smooth_crops_keep_a_fine_pattern_from_turning_coarse(tmp_path):
    stripes = np.tile(np.array([0, 255], np.uint8), (150, 90))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(stripes).convert("RGB").save(tmp_path / name / "stripes.png")
    large = dataclasses.replace(CROPS, crop_area=0.9)
    smooth = by_row(on_demand(tmp_path, large, 2).epoch(0))
    sharp = by_row(on_demand(tmp_path, dataclasses.replace(large, smooth_crops=False), 2).epoch(0))
    assert smooth.std(dim=3).max() < 0.5 * sharp.std(dim=3).max()


def test_an_edited_file_is_decoded_anew(real_photos, tmp_path):
    files = tmp_path / "files"
    for file in real_photos.rglob("*.jpg"):
        (files / file.parent.name).mkdir(parents=True, exist_ok=True)
        (files / file.parent.name / file.name).write_bytes(file.read_bytes())
    cached = on_demand(files, cache=PixelCache(tmp_path / "cache", limit_bytes=GIB))
    list(cached.epoch(0))
    row = next(row for row, name in enumerate(cached.examples.ids) if name.endswith("ants/3.jpg"))
    edited = files / "ants" / "3.jpg"
    before, times = by_row(cached.epoch(1)), edited.stat()
    pixels = 255 - np.asarray(Image.open(edited))
    Image.fromarray(pixels).save(edited)
    os.utime(edited, ns=(times.st_atime_ns, times.st_mtime_ns))  # an editor that hides its traces
    after = by_row(cached.epoch(1))
    changed = (before != after).flatten(1).any(dim=1)
    assert changed.nonzero().flatten().tolist() == [row]
    assert torch.equal(after, by_row(on_demand(files).epoch(1)))


@pytest.mark.parametrize("fate", ["gone", "damaged", "unreadable"])
@pytest.mark.parametrize("kept", [False, True])
def test_a_file_that_is_lost_in_training_is_named(photos, tmp_path: Path, fate, kept):
    cache = PixelCache(tmp_path / ".cache", limit_bytes=GIB) if kept else None
    one = on_demand(tmp_path, cache=cache)
    list(one.epoch(0))
    file = tmp_path / "bees" / "3.jpg"
    data = file.read_bytes()
    file.unlink()
    if fate == "damaged":
        file.write_bytes(data[: len(data) // 2])
    elif fate == "unreadable":
        file.mkdir()
    with pytest.raises(DataError, match=r"bees/3\.jpg"):
        list(one.epoch(1))


def test_a_full_disk_while_caching_changes_nothing_but_a_sentence(real_photos, tmp_path, monkeypatch):
    written = []
    write = cache_module._write

    def fills_up(file, data):
        written.append(len(data))
        if len(written) > 20:
            raise OSError(28, "No space left on device")
        write(file, data)

    monkeypatch.setattr(cache_module, "_write", fills_up)
    cache = PixelCache(tmp_path, limit_bytes=GIB)
    cached = on_demand(real_photos, cache=cache)
    for epoch in range(2):
        assert torch.equal(by_row(cached.epoch(epoch)), by_row(on_demand(real_photos).epoch(epoch)))
    assert cache.note is not None
    assert "training goes on without the cache" in cache.note
    assert cache.note.endswith(".")
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 10


def test_an_epoch_may_be_left_in_the_middle(real_photos):
    epoch = on_demand(real_photos, batch_size=3).epoch(0)
    assert next(epoch).images.shape == (3, 3, 40, 48)
    epoch.close()


PEAK = """
import resource, sys, numpy as np, torch
from tests.data.test_loader import RULE_48, CROPS, on_demand
from pathlib import Path
one = on_demand(Path(sys.argv[1]), batch_size=16, num_threads=int(sys.argv[2]))
for epoch in range(6):
    for batch in one.epoch(epoch):
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="units of ru_maxrss differ")
def test_more_threads_need_no_more_memory(real_photos):
    root = Path(__file__).parents[2]
    peaks = [
        float(subprocess.check_output([sys.executable, "-c", PEAK, str(real_photos), str(n)], cwd=root)) for n in (1, 8)
    ]
    assert peaks[1] < peaks[0] + 25  # MiB; a process for each would add hundreds


def test_pictures_are_changed_where_the_network_is():
    """The `meta` device refuses to meet tensors of the CPU, as a GPU would; it needs none."""
    everything = AugmentOptions(
        flip="yes", rotate_degrees=10, warp_fraction=0.05, shear_degrees=5, shrink=0.1, blur_px=1.0, fade=0.5,
        color_shift=0.1, pca_color=0.1,
    )  # fmt: skip
    pixels = np.zeros((6, 3, 16, 16), np.uint8)
    rule = DecodeRule(mode="rgb", height=16, width=16, fit="stretch")
    examples = Examples(
        ids=[str(row) for row in range(6)],
        targets=torch.zeros(6),
        weights=torch.ones(6),
        pixels=PixelsInMemory(pixels),
        image=ImageInput(rule=rule, mean=(0.5,) * 3, std=(0.2,) * 3),
    )
    elsewhere = Loader(examples=examples, rows=np.arange(6), batch_size=4, augment=everything, flip=True, device="meta")
    for batch in (*elsewhere.epoch(0), *elsewhere.once()):
        assert {value.device.type for value in (batch.images, batch.targets, batch.weights)} == {"meta"}
