"""Batches: every example once, in an order of (seed, epoch); the same pixels from memory and from files."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rumbo.core.errors import DataError
from rumbo.data.decode import DecodeRule
from rumbo.data.images import load_images
from rumbo.data.loader import Examples, Loader, PixelsInMemory, PixelsOnDemand, cut
from rumbo.data.options import AugmentOptions
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
