"""Numbers about texts, sounds and series that one can compare: how long, how loud, how rough, how unusual."""

import math
import re
from collections import Counter
from collections.abc import Mapping

import numpy as np

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def words_in(text: str) -> list[str]:
    """The words in small letters, without numbers.

    >>> words_in("Don't panic: 42 towels!")
    ["don't", 'panic', 'towels']
    """
    return WORD.findall(text.casefold())


def vocabulary(texts: Mapping[int, str]) -> Counter[str]:
    """In how many of some texts each word stands."""
    return Counter(word for text in texts.values() for word in set(words_in(text)))


def text_facts(text: str, known: Counter[str], *, is_of_them: bool = False) -> dict[str, float]:
    """Numbers about a text.

    Args:
        text: any.
        known: `vocabulary` of the training texts.
        is_of_them: it is a training text itself; a word that stands in no other one is unknown then.

    Returns:
        `words`: how many; shares of its words that are `unknown` and of its letters that are `capitals`; share of its
        signs that are `digits`.

    >>> text_facts("THE 2 cats", Counter({"the": 3}))
    {'words': 2.0, 'unknown': 0.5, 'capitals': 0.42857142857142855, 'digits': 0.1}
    """
    words = words_in(text)
    needed = 2 if is_of_them else 1
    letters = sum(sign.isalpha() for sign in text)
    return {
        "words": float(len(words)),
        "unknown": sum(known[word] < needed for word in words) / max(1, len(words)),
        "capitals": sum(sign.isupper() for sign in text) / max(1, letters),
        "digits": sum(sign.isdigit() for sign in text) / max(1, len(text)),
    }


def wave_facts(wave: np.ndarray) -> dict[str, float]:
    """Numbers about a sound or a series, t x channels.

    Returns:
        `length` in steps; `spread`: standard deviation, of the channel where it is largest; `roughness`: that of the
        differences from step to step over the spread, 0 for a constant, near 1.4 for pure noise; `peak`: the largest
        distance from the mean. What is not finite is left out.

    >>> wave_facts(np.array([[1.0], [1.0]]))
    {'length': 2.0, 'spread': 0.0, 'roughness': 0.0, 'peak': 0.0}
    """
    values = np.asarray(wave, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values.reshape(len(values), math.prod(values.shape[1:]))
    finite = values[np.isfinite(values).all(axis=1)]
    if finite.size == 0:
        return {"length": float(len(values)), "spread": 0.0, "roughness": 0.0, "peak": 0.0}
    spreads = finite.std(axis=0)
    channel = int(spreads.argmax())
    spread = float(spreads[channel])
    steps = np.diff(finite[:, channel])
    return {
        "length": float(len(values)),
        "spread": spread,
        "roughness": float(steps.std()) / spread if spread > 0 and len(steps) else 0.0,
        "peak": float(np.abs(finite - finite.mean(axis=0)).max()),
    }
