"""Names that trade places in a mirror: the left eye of a mirrored face is where the right one was."""

import re
from collections.abc import Sequence

import numpy as np

from rumbo.core.errors import OptionError
from rumbo.core.messages import shown, t

SIDES = {
    "left": "right",
    "l": "r",
    "lt": "rt",
    "izquierdo": "derecho",
    "izquierda": "derecha",
    "izq": "der",
    "links": "rechts",
    "gauche": "droite",
}
"""Words for the sides, in any letters; the other way round they count as well."""
_OTHER = {**SIDES, **{right: left for left, right in SIDES.items()}}
_WORDS = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])")

FACE_68 = (
    *((i, 16 - i) for i in range(8)),  # jaw
    *((17 + i, 26 - i) for i in range(5)),  # brows
    (31, 35), (32, 34),  # nostrils
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),  # eyes
    (48, 54), (49, 53), (50, 52), (59, 55), (58, 56),  # lips outside
    (60, 64), (61, 63), (67, 65),  # lips inside
)  # fmt: skip
"""The pairs of the 68 points that Multi-PIE marks on a face (Gross et al. 2010), counted from 0."""


def partners(names: Sequence[str], swap_names: Sequence[str] = ()) -> np.ndarray:
    """The place of each name's partner; its own where it has none.

    Args:
        names: of points, or of classes.
        swap_names: more pairs, `name:name` or `place:place`; what it says goes before what is guessed.

    Raises:
        OptionError: a pair that is none, or names what is not there.

    >>> partners(["left_eye", "nose", "right_eye"])
    array([2, 1, 0])
    """
    order = np.arange(len(names))
    if len(names) == 68 and not _pairs_by_name(names):
        pairs: Sequence[tuple[int, int]] = FACE_68
    else:
        pairs = _pairs_by_name(names)
    for first, second in [*pairs, *(_pair_of(text, names) for text in swap_names)]:
        for place in {first, second, int(order[first]), int(order[second])}:
            order[place] = place  # a new pair ends older ones
        order[first], order[second] = second, first
    return order


def other_side(name: str) -> str:
    """The name with its words for a side exchanged, letters kept large or small.

    >>> other_side("LeftEye"), other_side("eye_l"), other_side("nose"), other_side("bright")
    ('RightEye', 'eye_r', 'nose', 'bright')
    """

    def exchanged(match: re.Match[str]) -> str:
        word = match.group()
        other = _OTHER.get(word.lower(), word)
        return other if word.islower() else other.upper() if word.isupper() else other.capitalize()

    return _WORDS.sub(exchanged, name)


def _pairs_by_name(names: Sequence[str]) -> list[tuple[int, int]]:
    place = {name: index for index, name in enumerate(names)}
    found = ((index, place.get(other_side(name), index)) for name, index in place.items())
    return [(first, second) for first, second in found if first < second]


def _pair_of(text: str, names: Sequence[str]) -> tuple[int, int]:
    place = {name: index for index, name in enumerate(names)} | {str(i): i for i in range(len(names))}
    first, sign, second = text.partition(":")
    if not sign or first == second or not {first, second} <= place.keys():
        raise OptionError(
            t(
                "swap_names has '{text}'; a pair is name:name or place:place, with places from 0 to {last}. "
                "Names met: {names}.",
                text=shown(text),
                last=len(names) - 1,
                names=shown(", ".join(names[:20])),
            )
        )
    return place[first], place[second]
