"""Batches. Small sets live decoded in memory as one uint8 tensor; pictures that do not fit are decoded by threads."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, Shaped, UInt8
from torch import Tensor

from rumbo.core.messages import language, use_language
from rumbo.core.seeds import rng, stream
from rumbo.data.augmentation.color import IMAGENET_AXES, ColorAxes
from rumbo.data.augmentation.numbers import add_noise
from rumbo.data.augmentation.pictures import augment
from rumbo.data.options import AugmentOptions
from rumbo.data.pictures.on_demand import AHEAD, Crops, PixelsOnDemand
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
    ones: Float[Tensor, " b"] | None = None
    """The very tensor of the weights, where all of them are 1."""
    step_rows: np.ndarray | None = None
    """Rows of the whole step, where this is one of its parts; None: it is all of it."""
    ends_step: bool = True
    """Whether the update follows."""
    partners: "Partners | None" = None
    """What each example was mixed with."""

    @property
    def counts_alike(self) -> bool:
        """Whether all weights are known to be 1, so that sums need not look at them."""
        return self.weights is self.ones

    def counting(self, num_first: int) -> "Batch":
        """The batch with weight 0 for all but its first examples."""
        weights = self.weights.clone()
        weights[num_first:] = 0
        return replace(self, weights=weights)

    def to(self, device: str) -> "Batch":
        """The batch on another device."""
        moved = {name: sent(value, device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        if self.counts_alike:
            moved["ones"] = moved["weights"]
        return replace(self, **moved)


@dataclass(frozen=True, kw_only=True)
class Partners:
    """The other halves of examples that were mixed (mixup, cutmix). `Batch.weights` hold the first halves' shares."""

    targets: Tensor
    weights: Float[Tensor, " b"]


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
    flags: Mapping[int, int] = field(default_factory=dict)
    """Column of `numbers` -> the column that is 1 where it was missing and filled in."""

    @cached_property
    def counts_alike(self) -> bool:
        """Whether all weights are 1."""
        return bool((self.weights == 1).all())

    def batch(self, rows: np.ndarray, changed: "Changes | None" = None, device: str = "cpu") -> Batch:
        """The examples of some rows: pictures as normalized floats, changed at random when `changed` says how.

        Bytes go to the device, where pictures are changed and normalized; the rest of the batch follows with `to`.
        """
        images = None if self.pixels is None else self._images(self.pixels.gather(rows), rows, changed, device)
        return self._batch(rows, images, changed)

    def _batch(self, rows: np.ndarray, images: Float[Tensor, "b c h w"] | None, changed: "Changes | None") -> Batch:
        index = torch.from_numpy(rows)
        weights = torch.ones(len(rows), dtype=self.weights.dtype) if self.counts_alike else self.weights[index]
        return Batch(
            images=images,
            numbers=None if self.numbers is None else self._numbers(self.numbers[index], rows, changed),
            categories=None if self.categories is None else self.categories[index],
            targets=self.targets[index],
            weights=weights,
            ones=weights if self.counts_alike else None,
            rows=rows,
        )

    def _numbers(
        self, numbers: Float[Tensor, "b *s"], rows: np.ndarray, changed: "Changes | None"
    ) -> Float[Tensor, "b *s"]:
        """Columns with noise on what was measured; they are scaled to a spread of 1, but for those of flags."""
        if changed is None or changed.options.numbers_noise == 0 or numbers.ndim != 2:
            return numbers
        spreads, measured = torch.ones(numbers.shape[1]), torch.ones_like(numbers, dtype=torch.bool)
        for column, flag in self.flags.items():
            spreads[flag] = 0
            measured[:, column] = numbers[:, flag] == 0
        return add_noise(numbers, rows, changed.seed, changed.options.numbers_noise, spreads=spreads, measured=measured)

    def _images(
        self, pixels: Shaped[Tensor, "b c h w"], rows: np.ndarray, changed: "Changes | None", device: str
    ) -> Float[Tensor, "b c h w"] | None:
        """Bytes changed and normalized; floats are so already."""
        pixels = sent(pixels, device)
        if self.image is None or pixels.dtype != torch.uint8:
            return None if self.image is None else pixels
        images = pixels.float()
        if changed is not None:
            images = augment(images, rows, changed.seed, changed.options, flip=changed.flip, axes=changed.axes)
        return normalized(images, self.image)

    def read_ahead(self, cuts: Sequence[np.ndarray], changed: "Changes | None", device: str) -> Iterator[Batch]:
        """Batches of pictures on demand: the next ones are made while the network works on this one."""
        assert isinstance(self.pixels, PixelsOnDemand)
        crops = None if changed is None or self.image is None else changed.crops(self.image)
        rest = changed if changed is None or crops is None else changed.without_crops()

        def finish(rows: np.ndarray, wait: Callable[[], Shaped[Tensor, "b c h w"]]) -> Batch:
            return self._batch(rows, self._images(wait(), rows, rest, device), changed)

        with (
            self.pixels.threads() as pool,
            ThreadPoolExecutor(1, initializer=use_language, initargs=(language(),)) as last,
        ):
            coming: deque[Future[Batch]] = deque()
            for rows in cuts:
                coming.append(last.submit(finish, rows, self.pixels.start(pool, rows, crops)))
                if len(coming) > AHEAD:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()


def normalized(images: Float[Tensor, "b c h w"], image: ImageInput) -> Float[Tensor, "b c h w"]:
    """(x / 255 - mean) / std as one multiplication and one subtraction, in place."""
    factor, shift = _scale(image.mean, image.std, images.device)
    return images.mul_(factor).sub_(shift)


@lru_cache(maxsize=16)
def _scale(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Kept, since a GPU waits for what is copied to it from plain memory."""
    stds = torch.tensor(std).view(-1, 1, 1)
    factor, shift = 1 / (255 * stds), torch.tensor(mean).view(-1, 1, 1) / stds
    return factor.to(device), shift.to(device)


def sent(tensor: Tensor, device: str) -> Tensor:
    """A tensor on its way to a device; from pinned memory to a GPU, so that nobody waits."""
    if device == "cpu":
        return tensor
    return (tensor.pin_memory() if device.startswith("cuda") else tensor).to(device, non_blocking=True)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How training pictures are changed in one epoch."""

    options: AugmentOptions
    flip: bool
    seed: int
    axes: ColorAxes = IMAGENET_AXES

    def crops(self, image: ImageInput) -> Crops | None:
        """Random parts of whole pictures; None where none are asked for.

        Where nothing else is changed, they leave the threads that cut them normalized already.
        """
        if self.options.crop_area >= 1:
            return None
        rest, channels = self.without_crops(), len(image.mean)
        probe = torch.zeros(1, channels, 4, 4)
        is_all = augment(probe, np.zeros(1, np.int64), self.seed, rest.options, flip=rest.flip) is probe
        values = torch.arange(256.0).view(1, 1, 256, 1).repeat(1, channels, 1, 1)
        table = normalized(values, image)[0, :, :, 0].T.contiguous().numpy() if is_all else None
        options = self.options
        return Crops(area=options.crop_area, smooth=options.smooth_crops, flip=self.flip, seed=self.seed, table=table)

    def without_crops(self) -> "Changes":
        """What is left to do to pictures that were cropped and mirrored."""
        return replace(self, options=replace(self.options, crop_area=1.0), flip=False)


@dataclass(frozen=True, kw_only=True)
class Loader:
    """The batches of one split. The order is a function of (seed, epoch): a position is all that a resume needs."""

    examples: Examples
    rows: np.ndarray
    batch_size: int
    seed: int = 0
    augment: AugmentOptions | None = None
    flip: bool = False
    axes: ColorAxes = IMAGENET_AXES
    device: str = "cpu"
    chances: Float64[np.ndarray, " m"] | None = None
    """How likely each row is drawn, for epochs that are drawn with replacement; None: each row comes once."""
    part: tuple[int, int] = (0, 1)
    """Which process takes these batches, of how many: each takes its share of every step, and batches of `once` in
    turn."""

    def __len__(self) -> int:
        return len(cut(len(self.rows), self.batch_size))

    def epoch(
        self, epoch: int, start: int = 0, *, batch_size: int | None = None, micro_batch: int | None = None
    ) -> Iterator[Batch]:
        """Training batches of an epoch, shuffled, changed at random, from step `start` on.

        Args:
            epoch: the order and the changes are a function of it.
            start: steps of the epoch to leave out.
            batch_size: examples per step; None takes the loader's own.
            micro_batch: examples per batch; a step's batches follow each other, and the last one `ends_step`.
        """
        order = self._order(epoch)
        changed = None
        if self.augment is not None:
            seed = stream(self.seed, "augment", epoch)
            changed = Changes(options=self.augment, flip=self.flip, seed=seed, axes=self.axes)
        size = batch_size or self.batch_size
        steps = [order[low:high] for low, high in cut(len(order), size)[start:]]
        largest = micro_batch or size + 1  # a last step may have one example more
        if largest > size and self.part == (0, 1):
            yield from self._batches(steps, changed)
            return
        pieces = [piece for rows in steps for piece in _pieces(rows, largest, *self.part)]
        for batch, piece in zip(self._batches([each.rows for each in pieces], changed), pieces, strict=True):
            part = replace(batch, step_rows=piece.step_rows, ends_step=piece.ends_step)
            yield part if piece.num_counted == len(piece.rows) else part.counting(piece.num_counted)

    def _order(self, epoch: int) -> np.ndarray:
        if self.chances is None:
            return self.rows[rng(self.seed, "shuffle", epoch).permutation(len(self.rows))]
        return rng(self.seed, "draw", epoch).choice(self.rows, len(self.rows), p=self.chances)

    def once(self) -> Iterator[Batch]:
        """All batches in the order of the rows, nothing changed: for evaluation and prediction.

        Of several processes each takes every so manieth; one that is a batch short takes the last one again.
        """
        cuts = [self.rows[low:high] for low, high in cut(len(self.rows), self.batch_size)]
        rank, world = self.part
        yield from self._batches([cuts[min(i + rank, len(cuts) - 1)] for i in range(0, len(cuts), world)], None)

    def _batches(self, cuts: list[np.ndarray], changed: Changes | None) -> Iterator[Batch]:
        batches = self._on_this_machine(cuts, changed)
        yield from batches if self.device == "cpu" else (batch.to(self.device) for batch in batches)

    def _on_this_machine(self, cuts: list[np.ndarray], changed: Changes | None) -> Iterator[Batch]:
        if isinstance(self.examples.pixels, PixelsOnDemand):
            yield from self.examples.read_ahead(cuts, changed, self.device)
        else:
            made = (self.examples.batch(rows, changed, self.device) for rows in cuts)
            # Where the network runs on these cores, a thread ahead gains nothing: bench/augmentation.py.
            yield from made if changed is None or self.device == "cpu" else ahead(made)


def ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, each made by a thread while the one before is in use."""
    with ThreadPoolExecutor(1, initializer=use_language, initargs=(language(),)) as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield batch


class _Piece(NamedTuple):
    """A part of a step that is in memory at a time: its rows, of which the first so many count."""

    rows: np.ndarray
    num_counted: int
    step_rows: np.ndarray
    ends_step: bool


def _pieces(rows: np.ndarray, largest: int, rank: int, world: int) -> list[_Piece]:
    """What one process of several takes of a step, in parts of at most `largest` (+ 1) rows.

    All take equally many, so that they stay in step, and two where there are two, for batch norm; where the rows do not
    go round, some come again and do not count.
    """
    share = len(rows) if world == 1 else max(-(-len(rows) // world), min(2, len(rows)))
    mine = rows[rank * share : (rank + 1) * share]
    filled = np.concatenate([mine, rows[: share - len(mine)]])
    return [_Piece(filled[low:high], max(len(mine) - low, 0), rows, high == share) for low, high in cut(share, largest)]


def cut(num_items: int, batch_size: int) -> list[tuple[int, int]]:
    """Where batches begin and end. A last batch of one joins the one before: batch norm cannot work on one item.

    >>> cut(9, 4), cut(10, 4)
    ([(0, 4), (4, 9)], [(0, 4), (4, 8), (8, 10)])
    """
    starts = list(range(0, num_items, batch_size))
    if len(starts) > 1 and num_items - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], num_items], strict=True))
