"""Pictures that do not fit in memory: decoded for each batch by threads, or read from the cache of decoded ones.

Threads work on pieces of a few rows of one batch and write them where they belong in it. At most `AHEAD` batches are
under way, however many threads there are: more threads need no more memory, but for the picture that each one decodes.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import numpy as np
import PIL
import simplejpeg
import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

from rumbo.core.devices import num_cores
from rumbo.core.messages import language, use_language
from rumbo.data.augmentation.draws import BASE, NUM_BASE, Draw, per_item
from rumbo.data.augmentation.geometry import draw_crops
from rumbo.data.pictures.cache import Contents, PixelCache, Shape, key_of
from rumbo.data.pictures.crops import look_up, place_crop, whole
from rumbo.data.pictures.decode import BadImage, BadItem, DecodeRule, decode, in_mode, prepare
from rumbo.data.pictures.images import FileImages, ImageSource, refuse_bad

AHEAD = 2
"""Batches that are made while the network works on one."""
PIECE_ROWS = 8
"""Rows of a batch that a thread takes at a time."""
DETAIL = 2
"""Crops are cut from pictures whose short side has at least so many times the px of the network's, if the file has."""


@dataclass(frozen=True, kw_only=True)
class Crops:
    """Random parts of training pictures.

    Attributes:
        area: the smallest part of the area that a crop keeps.
        smooth: whether they are shrunk with smoothing.
        flip: whether half of them are mirrored.
        seed: the stream of the epoch.
        table: what each value 0..255 of each channel becomes, float32; None leaves uint8.
    """

    area: float
    smooth: bool
    flip: bool
    seed: int
    table: Float[np.ndarray, "256 c"] | None = None


class Form(Enum):
    """What is made of the bytes of a file."""

    PREPARED = "prepared"
    """Brought to mode and size as in prediction."""
    SOURCE = "source"
    """As the file has it, in the mode of the rule, shrunk while it is decoded if there is much more than `DETAIL`."""


class PixelsOnDemand:
    """Pictures decoded anew for each batch, by threads; for sets that do not fit in memory.

    Either form of a picture depends on the bytes of its file and the rule alone, so that a kept picture is the same,
    bit by bit, as one that is decoded anew.

    Args:
        images: where they are.
        ids: their names in the manifest.
        rule: mode and size.
        cache: where decoded pictures are kept; None keeps none. Only pictures that are files are kept.
        num_threads: decoders at work at once; None takes one per core.
    """

    def __init__(
        self,
        images: ImageSource,
        ids: Sequence[str],
        rule: DecodeRule,
        *,
        cache: PixelCache | None = None,
        num_threads: int | None = None,
    ):
        self.images, self.ids, self.rule = images, ids, rule
        self.cache = cache if isinstance(images, FileImages) else None
        self.num_threads = num_threads or num_cores()
        self._contents = Contents(len(images) if self.cache else 0)
        self._enough_px = DETAIL * max(rule.height, rule.width)
        decoders = f"simplejpeg {simplejpeg.__version__}, Pillow {PIL.__version__}"
        sizes = f"{rule.height} x {rule.width} {rule.fit}", f"from {self._enough_px}"
        self._names = {
            form: f"{form.value}, {rule.mode}, {size}, {decoders}" for form, size in zip(Form, sizes, strict=True)
        }

    @contextmanager
    def threads(self) -> Iterator[ThreadPoolExecutor]:
        """Threads that speak the language of this one; what they have not begun is dropped at the end."""
        pool = ThreadPoolExecutor(self.num_threads, initializer=use_language, initargs=(language(),))
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)

    @property
    def note(self) -> str | None:
        """Why not all pictures are kept, a finished sentence to tell the user; None as long as they are."""
        return None if self.cache is None else self.cache.note

    def gather(self, rows: np.ndarray) -> UInt8[Tensor, "b c h w"]:
        """The pictures of some rows, as in prediction; they are not kept for later."""
        with self.threads() as pool:
            return self.start(pool, rows, keep=False)()

    def start(
        self, pool: ThreadPoolExecutor, rows: np.ndarray, crops: Crops | None = None, *, keep: bool = True
    ) -> Callable[[], Shaped[Tensor, "b c h w"]]:
        """Begin to make a batch: random crops (in channels-last memory) or, without `crops`, pictures as in prediction.

        Returns:
            What waits for it and gives it. Raises DataError for pictures that cannot be read (any more).
        """
        channels, height, width = self.rule.num_channels, self.rule.height, self.rule.width
        if crops is None:
            batch = np.empty((len(rows), channels, height, width), np.uint8)
        else:
            kind = np.uint8 if crops.table is None else np.float32
            batch = np.empty((len(rows), height, width, channels), kind)  # numpy asks for huge pages, torch does not
        work: list[Future[list[BadItem]]] = [
            pool.submit(self._fill, rows[low : low + PIECE_ROWS], batch[low : low + PIECE_ROWS], crops, keep)
            for low in range(0, len(rows), PIECE_ROWS)
        ]

        def finish() -> Shaped[Tensor, "b c h w"]:
            refuse_bad([item for piece in work for item in piece.result()])  # they could be read before step 1
            tensor = torch.from_numpy(batch)
            return tensor if crops is None else tensor.permute(0, 3, 1, 2)

        return finish

    def _fill(self, rows: np.ndarray, out: np.ndarray, crops: Crops | None, keep: bool) -> list[BadItem]:
        """Write the pictures of a piece of a batch; the bad ones are returned."""
        bad: list[BadItem] = []
        drawn = None if crops is None else drawn_at_once(crops.seed, rows)
        for place, row in enumerate(map(int, rows)):
            try:
                if crops is None or drawn is None:
                    out[place] = self._pixels(row, Form.PREPARED, keep).transpose(2, 0, 1)
                else:
                    self._crop(row, out[place], crops, drawn[place])
            except BadImage as problem:
                bad.append(BadItem(row, self.ids[row], str(problem)))
        return bad

    def _crop(self, row: int, out: np.ndarray, crops: Crops, draw: Draw) -> None:
        mirrored = crops.flip and bool(draw(BASE, NUM_BASE)[0, 2] < 0.5)

        def chosen(shape: Shape) -> np.ndarray:
            return draw_crops(draw, crops.area, np.array([shape[:2]]))[0]

        sized = out if crops.table is None else np.empty(out.shape, np.uint8)
        part, box = self._part(row, chosen)
        place_crop(part, box, sized, smooth=crops.smooth, mirrored=mirrored)
        if crops.table is not None:
            look_up(sized, crops.table, out)

    def _part(self, row: int, chosen: Callable[[Shape], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """A picture, or those of its rows that a box needs, and the box in it."""
        key = self._known_key(row, Form.SOURCE)
        if self.cache is not None and key is not None and (shape := self.cache.find(key)) is not None:
            left, top, right, bottom = whole(chosen(shape), *shape[:2])
            rows = self.cache.read(key, top, bottom)
            if rows is not None:
                return rows, np.array([left, 0, right, bottom - top], np.float64)
        pixels = self._pixels(row, Form.SOURCE, keep=True)
        height, width, channels = pixels.shape
        return pixels, chosen((height, width, channels))

    def _pixels(self, row: int, form: Form, keep: bool) -> UInt8[np.ndarray, "h w c"]:
        """A picture in a form, from the cache where it is there; else decoded, and kept."""
        if not isinstance(self.images, FileImages):
            return self._formed(self.images.read(row), form)
        if self.cache is None:
            return self._decoded(self.images.bytes_of(row), form)
        key = self._known_key(row, form)
        kept = None if key is None else self.cache.read(key)
        if kept is None:
            stamp = self.images.stamp(row)  # before the bytes: were they written in between, it will not be met again
            data = self.images.bytes_of(row)
            key = key_of(self._contents.learn(row, stamp, data), self._names[form])
            kept = self.cache.read(key)
            if kept is None:
                kept = self._decoded(data, form)
                if keep:
                    self.cache.put(key, kept)
        return kept

    def _known_key(self, row: int, form: Form) -> str | None:
        """The cache's key of a picture whose file is as it was when it was last read."""
        if self.cache is None or not isinstance(self.images, FileImages):
            return None
        content = self._contents.recall(row, self.images.stamp(row))
        return None if content is None else key_of(content, self._names[form])

    def _decoded(self, data: bytes, form: Form) -> UInt8[np.ndarray, "h w c"]:
        return self._formed(decode(data, enough_px=self._enough_px if form is Form.SOURCE else None), form)

    def _formed(self, pixels: np.ndarray, form: Form) -> UInt8[np.ndarray, "h w c"]:
        if form is Form.PREPARED:
            return prepare(pixels, self.rule).transpose(1, 2, 0)
        pixels = in_mode(pixels, self.rule.mode)
        return pixels[..., None] if pixels.ndim == 2 else pixels


def drawn_at_once(seed: int, rows: np.ndarray) -> list[Draw]:
    """What `per_item` draws for each row alone, drawn for all of them together: the same numbers, sooner."""
    draw_all = per_item(seed, rows)
    known: dict[tuple[str, int], np.ndarray] = {}

    def of(place: int) -> Draw:
        def draw(purpose: str, num_draws: int) -> np.ndarray:
            if (purpose, num_draws) not in known:
                known[purpose, num_draws] = draw_all(purpose, num_draws)
            return known[purpose, num_draws][place : place + 1]

        return draw

    return [of(place) for place in range(len(rows))]
