"""Batches. Small sets live decoded in memory as one uint8 tensor; pictures that do not fit are decoded by threads."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from rumbo.core.devices import num_cores
from rumbo.core.messages import language, use_language
from rumbo.core.seeds import rng, stream
from rumbo.data.augmentation.pictures import augment
from rumbo.data.decode import DecodeRule
from rumbo.data.images import ImageSource, load_images, refuse_bad
from rumbo.data.options import AugmentOptions
from rumbo.data.preprocess import ImageInput


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a task takes in one step. Absent inputs are None."""

    images: Float[Tensor, "b c h w"] | None = None
    numbers: Float[Tensor, "b *s"] | None = None
    categories: Int64[Tensor, "b n"] | None = None
    targets: Tensor
    weights: Float[Tensor, " b"]
    rows: np.ndarray
    """Rows of the examples in their set: `Examples.ids[row]` names them."""

    def to(self, device: str) -> "Batch":
        """The batch on another device."""
        moved = {
            name: value.to(device, non_blocking=True) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)


class Pixels(Protocol):
    """Decoded pictures by row, uint8."""

    def gather(self, rows: np.ndarray) -> UInt8[Tensor, "b c h w"]:
        """The pictures of some rows."""
        ...


class PixelsInMemory:
    """All pictures decoded once, one tensor."""

    def __init__(self, pixels: np.ndarray):
        self.tensor = torch.from_numpy(pixels)

    def gather(self, rows: np.ndarray) -> UInt8[Tensor, "b c h w"]:
        """The pictures of some rows."""
        return self.tensor[torch.from_numpy(rows)]


class PixelsOnDemand:
    """Pictures decoded anew for each batch, by threads; for sets that do not fit in memory."""

    def __init__(self, images: ImageSource, ids: Sequence[str], rule: DecodeRule):
        self.images, self.ids, self.rule = images, ids, rule

    def gather(self, rows: np.ndarray) -> UInt8[Tensor, "b c h w"]:
        """The pictures of some rows."""
        ids = [self.ids[int(row)] for row in rows]
        pixels, bad = load_images(self.images.take(rows), ids, self.rule, num_threads=num_cores())
        refuse_bad(bad)  # they could be read before step 1
        return torch.from_numpy(pixels)


@dataclass(frozen=True, kw_only=True)
class Examples:
    """A whole data set as tensors, ready to be cut into batches."""

    ids: Sequence[str]
    targets: Tensor
    weights: Float[Tensor, " m"]
    pixels: Pixels | None = None
    image: ImageInput | None = None
    numbers: Float[Tensor, "m *s"] | None = None
    categories: Int64[Tensor, "m n"] | None = None

    def batch(self, rows: np.ndarray, changed: "Changes | None" = None) -> Batch:
        """The examples of some rows: pictures as normalized floats, changed at random when `changed` says how."""
        index = torch.from_numpy(rows)
        return Batch(
            images=self._images(rows, changed),
            numbers=None if self.numbers is None else self.numbers[index],
            categories=None if self.categories is None else self.categories[index],
            targets=self.targets[index],
            weights=self.weights[index],
            rows=rows,
        )

    def _images(self, rows: np.ndarray, changed: "Changes | None") -> Float[Tensor, "b c h w"] | None:
        if self.pixels is None or self.image is None:
            return None
        images = self.pixels.gather(rows).float()
        if changed is not None:
            images = augment(images, rows, changed.seed, changed.options, flip=changed.flip)
        # (x / 255 - mean) / std as one multiplication and one subtraction.
        std = torch.tensor(self.image.std).view(-1, 1, 1)
        mean = torch.tensor(self.image.mean).view(-1, 1, 1)
        return images.mul_(1 / (255 * std)).sub_(mean / std)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How training pictures are changed in one epoch."""

    options: AugmentOptions
    flip: bool
    seed: int


@dataclass(frozen=True, kw_only=True)
class Loader:
    """The batches of one split. The order is a function of (seed, epoch): a position is all that a resume needs."""

    examples: Examples
    rows: np.ndarray
    batch_size: int
    seed: int = 0
    augment: AugmentOptions | None = None
    flip: bool = False
    device: str = "cpu"

    def __len__(self) -> int:
        return len(cut(len(self.rows), self.batch_size))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Training batches of an epoch, shuffled, changed at random, from batch `start` on."""
        order = self.rows[rng(self.seed, "shuffle", epoch).permutation(len(self.rows))]
        changed = None
        if self.augment is not None:
            changed = Changes(options=self.augment, flip=self.flip, seed=stream(self.seed, "augment", epoch))
        yield from self._batches(order, start, changed)

    def once(self) -> Iterator[Batch]:
        """All batches in the order of the rows, nothing changed: for evaluation and prediction."""
        yield from self._batches(self.rows, 0, None)

    def _batches(self, order: np.ndarray, start: int, changed: Changes | None) -> Iterator[Batch]:
        batches = self._on_this_machine(order, start, changed)
        yield from batches if self.device == "cpu" else (batch.to(self.device) for batch in batches)

    def _on_this_machine(self, order: np.ndarray, start: int, changed: Changes | None) -> Iterator[Batch]:
        cuts = cut(len(order), self.batch_size)[start:]
        if not isinstance(self.examples.pixels, PixelsOnDemand):
            yield from (self.examples.batch(order[low:high], changed) for low, high in cuts)
            return
        # The next batch is decoded while the network works on this one; messages keep the language of this thread.
        with ThreadPoolExecutor(1, initializer=use_language, initargs=(language(),)) as ahead:
            coming = None
            for low, high in cuts:
                ready, coming = coming, ahead.submit(self.examples.batch, order[low:high], changed)
                if ready is not None:
                    yield ready.result()
            if coming is not None:
                yield coming.result()


def cut(num_items: int, batch_size: int) -> list[tuple[int, int]]:
    """Where batches begin and end. A last batch of one joins the one before: batch norm cannot work on one item.

    >>> cut(9, 4), cut(10, 4)
    ([(0, 4), (4, 9)], [(0, 4), (4, 8), (8, 10)])
    """
    starts = list(range(0, num_items, batch_size))
    if len(starts) > 1 and num_items - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], num_items], strict=True))
