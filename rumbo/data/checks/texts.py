"""Checks of texts: short, long, cut, repeated, leaked, wrongly decoded, full of marks, with the label left in."""

import re
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from rumbo.core.messages import t
from rumbo.data.checks.codes import CODES
from rumbo.data.checks.columns import DAMAGED
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found
from rumbo.data.manifest import SPLITS
from rumbo.data.signals.texts import words_of

FEWEST_TEXTS = 20
SHORT_WORDS = 2
LONG_RATIO = 20
"""Times the middle length. Measured largest on 2,000 movie reviews: 4.1."""
DAMAGED_PLACES = 3
"""So many damaged places in a text: one Ã may be meant."""
MARKUP = re.compile(
    r"</?(?:br|p|div|span|a|b|i|td|tr|table|li|ul|h\d|img|html|body|font)\b[^<>]{0,200}>|&(?:nbsp|amp|quot|lt|gt|#\d{2,5});",
    re.I,
)
MARKUP_PLACES = 2
CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
CONTROL_FRACTION = 0.01
"""Of the characters. Measured largest on movie reviews, where they stand for quotes: 0.5 %; of a program's bytes, 10 %
are such."""
CUT_FRACTION = 0.1
ALL_FRACTION = 0.95
"""Of the texts at the largest length; where nearly all have it, they are pieces that were meant so."""
LABEL_INSIDE = 0.95
LABEL_OUTSIDE = 0.02
"""Of the texts of its class, and of the others. Most telling word in movie reviews: 'bad', in 51 % and 26 %."""


def lengths(facts: Facts) -> Iterable[Finding]:
    """Texts that say nothing, that are far too long, or that end at one length."""
    texts = facts.texts
    if len(texts) < FEWEST_TEXTS:
        return
    sizes = {row: len(text) for row, text in texts.items()}
    usual = float(np.median(list(sizes.values())))
    words = {row: len(re.findall(r"\w+", text)) for row, text in texts.items()}
    if np.median(list(words.values())) >= 10 * SHORT_WORDS:
        yield from _about("text.short", facts, [row for row, count in words.items() if count < SHORT_WORDS])
    yield from _about("text.long", facts, [row for row, size in sizes.items() if size > LONG_RATIO * usual])
    longest = max(sizes.values())
    cut = [row for row, size in sizes.items() if size == longest]
    is_part = CUT_FRACTION * len(sizes) < len(cut) < ALL_FRACTION * len(sizes)
    if is_part and len(cut) > 5 and longest > 50:
        message = t("texts that end at exactly {length} characters: {count}.", length=longest, count=len(cut))
        yield found("text.cut", message, facts.ids(cut), len(cut))


def repetitions(facts: Facts) -> Iterable[Finding]:
    """Texts that differ only in how they are written; those that are equal byte for byte are found by content."""
    contents = facts.dataset.table["content"].to_list()
    rows_of: dict[str, list[int]] = {}
    for row, text in facts.texts.items():
        words = words_of(text)
        if words:
            rows_of.setdefault(words, []).append(row)
    leaked: list[tuple[int, int]] = []
    repeated: list[int] = []
    for rows in rows_of.values():
        if len({contents[row] for row in rows}) < 2:
            continue
        first, *others = sorted(rows, key=lambda row: (*SPLITS, "").index(facts.splits[row]))
        for row in others:
            if facts.splits[row] == facts.splits[first]:
                repeated.append(row)
            elif facts.splits[row] and facts.splits[first]:
                leaked.append((row, first))
    if leaked:
        row, twin = leaked[0]
        message = t(
            "texts in two splits that differ only in how they are written: {count}. '{item}' ({split}) is '{twin}' "
            "({other}).",
            count=len(leaked),
            item=facts.ids([row])[0],
            split=facts.splits[row],
            twin=facts.ids([twin])[0],
            other=facts.splits[twin],
        )
        yield found("leak.text", message, facts.ids(row for row, _ in leaked), len(leaked))
    yield from _about("text.duplicate", facts, repeated)


def letters(facts: Facts) -> Iterable[Finding]:
    """Wrong encodings, marks of web pages, control characters."""
    texts = facts.texts.items()
    damaged = [row for row, text in texts if len(DAMAGED.findall(text)) >= DAMAGED_PLACES]
    yield from _about("text.encoding", facts, damaged)
    markup = [row for row, text in texts if len(MARKUP.findall(text)) >= MARKUP_PLACES]
    yield from _about("text.markup", facts, markup)
    yield from _about(
        "text.control", facts, [row for row, text in texts if len(CONTROL.findall(text)) > CONTROL_FRACTION * len(text)]
    )


def labels_inside(facts: Facts) -> Iterable[Finding]:
    """A word in nearly all texts of a class and nearly none of the others."""
    classes = facts.classes
    if classes is None or len(facts.texts) < FEWEST_TEXTS:
        return
    counts: dict[str, Counter[str]] = {}
    sizes: Counter[str] = Counter()
    for row, text in facts.texts.items():
        sizes[classes[row]] += 1
        counts.setdefault(classes[row], Counter()).update(set(re.findall(r"\w+", text.casefold())))
    everywhere = sum(counts.values(), Counter[str]())
    guilty: dict[str, str] = {}
    for label, words in counts.items():
        inside, outside = sizes[label], len(facts.texts) - sizes[label]
        if min(inside, outside) < FEWEST_TEXTS / 2:
            continue
        for word, count in words.items():
            if count >= LABEL_INSIDE * inside and everywhere[word] - count <= LABEL_OUTSIDE * outside:
                guilty.setdefault(label, word)
    if guilty:
        label, word = next(iter(guilty.items()))
        message = t(
            "words that give the class away: {count}. '{word}' stands in nearly all texts of '{label}' and in nearly "
            "none of the others.",
            count=len(guilty),
            word=word,
            label=label,
        )
        yield found("text.label_inside", message, guilty)


def _about(code: str, facts: Facts, rows: list[int]) -> Iterable[Finding]:
    if rows:
        ids = facts.ids(rows)
        message = t(
            "{meaning} Texts: {count}, such as '{first}'.", meaning=CODES[code].meaning, count=len(rows), first=ids[0]
        )
        yield found(code, message, ids, len(rows))


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (lengths, repetitions, letters, labels_inside)
