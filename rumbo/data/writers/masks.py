"""Masks: palette PNGs of one code per class in the folder `masks`, under the names of their pictures in `images`."""

import io
import json
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.annotations.masks import VOID
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.readers import Request
from rumbo.data.writers import Writer, writers
from rumbo.data.writers.names import keys, portable, split_names, stem, unique, without_mask_words, without_split_words
from rumbo.data.writers.plan import Plan, hold, require

_LIST = "labels.json"


def plan(dataset: Dataset) -> Plan:
    """Pictures under images, masks under masks; with splits in folders train, val and test below both."""
    require(dataset, "masks", [TargetKind.MASK])
    assert dataset.target is not None
    if len(dataset.target.classes) > VOID:
        raise DataError(
            t(
                "the format masks holds {limit} classes, since {void} marks pixels without one; there are {count}.",
                limit=VOID,
                void=VOID,
                count=len(dataset.target.classes),
            )
        )
    given = split_names(dataset)
    is_told = given is not None and "train" in given
    held, lost = hold(dataset, splits=("train", "dev", "test") if is_told else ())
    splits = split_names(held)
    names = [
        without_mask_words(without_split_words(portable(key))) for key in keys(held, without_split=splits is not None)
    ]
    if splits is not None:
        folders = {"train": "train", "dev": "val", "test": "test"}
        names = [f"{folders[split]}/{name}" for split, name in zip(splits, names, strict=True)]
    return Plan(dataset=held, names=tuple(unique([f"images/{name}" for name in names], by_stem=True)), lost=tuple(lost))


def annotations(plan: Plan, sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bytes]]:
    """A PNG for each picture, and the names of the codes."""
    target, masks = plan.dataset.target, plan.dataset.masks
    assert target is not None
    assert masks is not None
    for row, name in enumerate(plan.names):
        picture = Image.fromarray(masks.read(row).astype(np.uint8), "L")
        picture.putpalette(_PALETTE)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        yield f"masks/{stem(name.removeprefix('images/'))}.png", buffer.getvalue()
    names = {str(code): name for code, name in enumerate(target.classes)}
    yield _LIST, json.dumps(names, ensure_ascii=False, indent=1).encode("utf-8")


def request(plan: Plan) -> Request:
    """As it is."""
    return Request()


def _palette() -> bytes:
    """Colors that tell codes apart: each bit of a code sets a bit of red, green or blue, the low ones first."""
    colors = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        colors[:, bit % 3] |= ((np.arange(256) >> bit & 1) << (7 - bit // 3)).astype(np.uint8)
    return colors.tobytes()


_PALETTE = _palette()

writers.register("masks")(
    Writer(readers=("mask-pairs",), plan=plan, annotations=annotations, request=request, keeps_order=True)
)
