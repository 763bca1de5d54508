"""Masks that are pictures: a code per pixel, from grey levels, palette numbers or colors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import Files
from rumbo.data.pictures import decode
from rumbo.data.pictures.decode import BadImage

VOID = 255
"""The code of pixels that count nowhere, where a set has such."""
MAX_VALUES = 64
"""A set of masks with more different values and no list of classes is no set of masks."""
MAX_CODES = 255
LOSSY_MARGIN = 32
"""Levels so near to black or white were one of them before lossy compression."""
LOSSY_FRACTION = 0.98
_COLOR = 1 << 24
"""Marks packed colors, so that they are no grey levels."""


@dataclass(frozen=True, kw_only=True)
class MaskRule:
    """Which value of a pixel means which code.

    Attributes:
        codes: value -> code; a color is `color_value(red, green, blue)`.
        threshold: levels from here on are code 1, all below 0; for masks that were compressed with loss.
    """

    codes: Mapping[int, int]
    threshold: int | None = None


class FileMasks:
    """Masks that are files.

    Args:
        files: where they are.
        names: the file of each row.
        rule: value -> code.
        turns: the EXIF orientation that the picture of each row has and its mask lacks; 1 for none.
    """

    def __init__(self, files: Files, names: Sequence[str], rule: MaskRule, turns: Sequence[int] | None = None):
        self.files, self.names, self.rule = files, names, rule
        self.turns = [1] * len(names) if turns is None else list(turns)

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: np.ndarray) -> Self:
        """Those of some rows, in that order."""
        places = [int(row) for row in rows]
        return type(self)(
            self.files, [self.names[place] for place in places], self.rule, [self.turns[place] for place in places]
        )

    def read(self, row: int) -> np.ndarray:
        """uint8, h x w: the place of each pixel's class, or `VOID`; BadImage for a value without a class."""
        try:
            data = self.files.read(self.names[row])
        except DataError as problem:
            raise BadImage(str(problem)) from None
        return turned(self._codes(mask_values(data)), self.turns[row])

    def _codes(self, values: np.ndarray) -> np.ndarray:
        if self.rule.threshold is not None:
            return (values >= self.rule.threshold).astype(np.uint8)
        known = np.array(sorted(self.rule.codes), np.int64)
        met = np.unique(values)
        if unknown := [int(value) for value in met if value not in self.rule.codes]:
            raise BadImage(unknown_values(unknown, self.rule))
        codes = np.array([self.rule.codes[int(value)] for value in known], np.uint8)
        return codes[np.searchsorted(known, values)]


def mask_values(data: bytes) -> np.ndarray:
    """What the pixels of a mask say: grey levels, palette numbers, or packed colors; 1-bit masks are 0 and 1.

    Returns:
        int64, h x w, turned upright by the mask's own EXIF tag.

    Raises:
        BadImage: as `rumbo.data.pictures.decode.decode`; or floating point pixels.
    """
    try:
        picture = decode.opened(data)
        orientation = decode.orientation(picture)
        picture.load()
    except BadImage:
        raise
    except (Exception, Warning) as problem:
        raise BadImage(t("damaged: {problem}.", problem=str(problem)[:200].rstrip("."))) from None
    if picture.mode == "F":
        raise BadImage(t("a mask of floating point numbers; save it with whole numbers."))
    if picture.mode in ("LA", "La"):
        picture = picture.getchannel(0)
    elif picture.mode not in ("1", "L", "P", "I") and not picture.mode.startswith("I;16"):
        picture = picture.convert("RGB")
    values = np.asarray(picture).astype(np.int64)
    if values.ndim == 3:
        red, green, blue = values[..., 0], values[..., 1], values[..., 2]
        is_grey = bool(((red == green) & (green == blue)).all())
        values = red if is_grey else _COLOR | red << 16 | green << 8 | blue
    return turned(values, orientation)


def mask_size(data: bytes) -> tuple[int, int]:
    """Height and width that `mask_values` will give, from the header."""
    return decode.header(data)[:2]


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels as stored, turned upright by an EXIF orientation.

    >>> turned(np.array([[1, 2, 3]]), 6).tolist()
    [[1], [2], [3]]
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def color_value(red: int, green: int, blue: int) -> int:
    """A color as `mask_values` packs it; a grey one in a color mask likewise.

    >>> color_name(color_value(255, 0, 10))
    '#ff000a'
    """
    return _COLOR | red << 16 | green << 8 | blue


def color_name(value: int) -> str:
    """A value for people: `#rrggbb` for colors, else the number."""
    return f"#{value & 0xFFFFFF:06x}" if value >= _COLOR else str(value)


def same_scale(counts: Mapping[int, int]) -> dict[int, int]:
    """Pixels per value, grey levels taken as colors where other masks of the set have colors."""
    has_colors = any(value >= _COLOR for value in counts)
    merged: Counter[int] = Counter()
    for value, count in counts.items():
        merged[color_value(value, value, value) if has_colors and value < _COLOR else value] += count
    return dict(merged)


def rule_of_values(counts: Mapping[int, int], *, lossy: bool = False) -> tuple[MaskRule, tuple[str, ...], str]:
    """Codes for the values of a set of masks without a list of classes.

    Args:
        counts: value -> number of pixels, over all masks.
        lossy: whether the files were compressed with loss, so that near values may have been one.

    Returns:
        The rule, the names of the classes by code (the values as text), and what was decided, a finished sentence.

    Raises:
        DataError: too many values for masks.
    """
    counts = same_scale(counts)
    values = sorted(counts)
    if len(values) > MAX_VALUES or (lossy and _is_black_and_white(counts)):
        return _lossy_rule(counts)
    void = VOID if _is_void(values) else None
    kept = [value for value in values if value != void]
    codes = {value: code for code, value in enumerate(kept)}
    names = tuple(color_name(value) for value in kept)
    pairs = ", ".join(f"{name} -> {code}" for code, name in enumerate(names[:30]))
    if void is not None:
        codes[void] = VOID
        return (
            MaskRule(codes=_with_greys(codes)),
            names,
            t("masks hold the values {pairs}; 255 marks pixels that count nowhere.", pairs=pairs),
        )
    return MaskRule(codes=_with_greys(codes)), names, t("masks hold the values {pairs} (value -> code).", pairs=pairs)


def rule_of_classes(listed: Sequence[tuple[int | None, str]], counts: Mapping[int, int]) -> tuple[MaskRule, str]:
    """Codes for a list of classes: a value and a name each; without values they count from 0.

    Two values 0 and 255 with two classes without values are mapped in that order.

    Returns:
        The rule, and what was decided.
    """
    counts = same_scale(counts)
    met = sorted(counts)
    given = [place if value is None else value for place, (value, _) in enumerate(listed)]
    unvalued = all(value is None for value, _ in listed)
    if unvalued and len(met) == 2 == len(listed) and met != [0, 1]:
        given = met
    codes = {value: code for code, value in enumerate(given)}
    pairs = ", ".join(
        f"{color_name(value)} -> {name}" for value, (_, name) in list(zip(given, listed, strict=True))[:30]
    )
    decision = t("a list of classes says what the masks' values mean: {pairs}.", pairs=pairs)
    if VOID in met and VOID not in codes:
        codes[VOID] = VOID
        decision += " " + t("255 marks pixels that count nowhere.")
    return MaskRule(codes=_with_greys(codes)), decision


def unknown_values(values: Sequence[int], rule: MaskRule) -> str:
    """The sentence about values that no class has."""
    return t(
        "the mask holds {values}, which no class has; known are {known}.",
        values=", ".join(color_name(value) for value in values[:8]),
        known=", ".join(color_name(value) for value in sorted(rule.codes)[:12]),
    )


def _with_greys(codes: Mapping[int, int]) -> dict[int, int]:
    """Colors that are grey, as files without any other color give them."""
    greys = {value & 0xFF: code for value, code in codes.items() if value >= _COLOR and _is_grey(value)}
    return greys | dict(codes) if any(value >= _COLOR for value in codes) else dict(codes)


def _is_grey(value: int) -> bool:
    return value >> 16 & 0xFF == value >> 8 & 0xFF == value & 0xFF


def _is_void(values: Sequence[int]) -> bool:
    """Whether 255 stands apart from at least two small values: the border that counts nowhere."""
    if len(values) < 3 or values[-1] != VOID:
        return False
    gaps = np.diff(values)
    return bool(gaps[-1] > 2 * gaps[:-1].max())


def _is_black_and_white(counts: Mapping[int, int]) -> bool:
    """Whether nearly all pixels are nearly black or white, and there are both."""
    dark = sum(count for value, count in counts.items() if value <= LOSSY_MARGIN)
    light = sum(count for value, count in counts.items() if 255 - LOSSY_MARGIN <= value <= 255)
    return min(dark, light) > 0 and dark + light >= LOSSY_FRACTION * sum(counts.values())


def _lossy_rule(counts: Mapping[int, int]) -> tuple[MaskRule, tuple[str, ...], str]:
    """Black and white masks that went through JPEG: cut in the middle; anything else is refused."""
    if max(counts) > 255 or not _is_black_and_white(counts):
        raise DataError(
            t(
                "the masks hold {count} different values, such as {values}: these are no classes. Save masks without "
                "loss (PNG), a value for each class, or add a list of classes (classes.txt).",
                count=len(counts),
                values=", ".join(color_name(value) for value in sorted(counts)[:8]),
            )
        )
    decision = t("masks are black and white, blurred by lossy compression: below 128 -> 0, from 128 on -> 1.")
    return MaskRule(codes={0: 0, 255: 1}, threshold=128), ("0", "255"), decision
