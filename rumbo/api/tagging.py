"""Automatic tags: what is unusual about an example, measured against the training examples and never against errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.images import GREY_COLOR
from rumbo.data.example_facts import ExampleFacts
from rumbo.data.manifest import Dataset
from rumbo.data.splits.near_duplicates import near_duplicates, sketches
from rumbo.strategy.error_table import Tag

TAIL = 0.1
"""A tag of a number is borne by the tenth of the training examples at its end."""
FAR_TAIL = 0.005
"""Of a column of a table: beyond it at either end a number is outlying."""
RARE_FRACTION = 0.01
FEWEST_TRAIN = 20
MOST_PICTURES = 2_000
"""With more, near duplicates are not looked for: each picture has to be decoded."""
MOST_SOURCES = 10


@dataclass(frozen=True)
class Rule:
    """A tag for numbers at an end of the training examples' distribution."""

    tag: str
    fact: str
    end: Literal["low", "high", "both"]
    meaning: str


def rules() -> tuple[Rule, ...]:
    """All tags that are made of one number."""
    return (
        Rule("blur", "sharpness", "low", t("less sharp than nine tenths of the training pictures")),
        Rule("dark", "mean", "low", t("darker than nine tenths of the training pictures")),
        Rule("bright", "mean", "high", t("brighter than nine tenths of the training pictures")),
        Rule("low_contrast", "std", "low", t("less contrast than nine tenths of the training pictures")),
        Rule("small_picture", "short_side", "low", t("fewer pixels a side than nine tenths of the training pictures")),
        Rule("small_object", "object_area", "low", t("what is marked is smaller than in nine tenths of train")),
        Rule("aspect", "aspect", "both", t("narrower or wider than nine tenths of the training pictures")),
        Rule("short", "words", "low", t("fewer words than nine tenths of the training texts")),
        Rule("long", "words", "high", t("more words than nine tenths of the training texts")),
        Rule("unknown_words", "unknown", "high", t("more unknown words than nine tenths of the training texts")),
        Rule("capitals", "capitals", "high", t("more capitals than nine tenths of the training texts")),
        Rule("digits", "digits", "high", t("more digits than nine tenths of the training texts")),
        Rule("short", "length", "low", t("shorter than nine tenths of train")),
        Rule("long", "length", "high", t("longer than nine tenths of train")),
        Rule("flat", "spread", "low", t("flatter than nine tenths of train")),
        Rule("noisy", "roughness", "high", t("rougher from step to step than nine tenths of train")),
        Rule("spike", "peak", "high", t("larger peaks than nine tenths of train")),
    )


def automatic_tags(
    dataset: Dataset, rows: np.ndarray, train: np.ndarray, facts: ExampleFacts, *, with_duplicates: bool = True
) -> tuple[Tag, ...]:
    """Every tag that these examples can have, also those that none of them has.

    Args:
        dataset: all examples of the run.
        rows: those to be tagged.
        train: the training examples.
        facts: of `rows`, by `example_facts`.
        with_duplicates: look for near duplicates, where there are at most 2,000 pictures.
    """
    tags = [tag for rule in rules() if (tag := _at_the_end(rule, facts)) is not None]
    if grey := _grey(facts):
        tags.append(grey)
    if with_duplicates and dataset.images is not None and len(dataset) <= MOST_PICTURES:
        tags += _twins(dataset, rows)
    tags += _of_columns(dataset, rows, train)
    return (*tags, *_sources(dataset, rows))


def hand_tags(given: Sequence[Sequence[str] | None]) -> tuple[Tag, ...]:
    """Tags that somebody set, as columns.

    Args:
        given: the tags of each example; None where nobody looked.
    """
    known = np.array([tags is not None for tags in given], dtype=bool)
    names = dict.fromkeys(tag for tags in given for tag in tags or ())
    return tuple(
        Tag(name=name, has=np.array([name in (tags or ()) for tags in given]), known=known, origin="hand")
        for name in names
    )


def _at_the_end(rule: Rule, facts: ExampleFacts) -> Tag | None:
    train, values = facts.train.get(rule.fact, np.zeros(0)), facts.values.get(rule.fact)
    if values is None or len(train) < FEWEST_TRAIN or train.min() == train.max():
        return None
    known = np.isfinite(values)
    tail = TAIL / 2 if rule.end == "both" else TAIL
    low, high = np.quantile(train, [tail, 1 - tail])
    ends = {"low": values < low, "high": values > high, "both": (values < low) | (values > high)}
    return Tag(name=rule.tag, has=ends[rule.end] & known, known=known, meaning=rule.meaning)


def _grey(facts: ExampleFacts) -> Tag | None:
    """Pictures without color, where most training pictures have some."""
    train, values = facts.train.get("color", np.zeros(0)), facts.values.get("color")
    if values is None or len(train) < FEWEST_TRAIN or np.mean(train < GREY_COLOR) >= 0.5:
        return None
    known = np.isfinite(values)
    return Tag(name="grey", has=known & (values < GREY_COLOR), known=known, meaning=t("without color"))


def _twins(dataset: Dataset, rows: np.ndarray) -> list[Tag]:
    """Pictures of which there is another one that is nearly, or exactly, the same."""
    assert dataset.images is not None
    contents = dataset.table["content"].to_list()
    found = sketches(dataset.images, contents)
    twins = {row for pair in near_duplicates(found, contents) for row in (pair.row, pair.other)}
    kinds = {contents[row] for row in twins}
    repeated = dataset.table["content"].is_duplicated().to_numpy()
    has = np.array([contents[row] in kinds or bool(repeated[row]) for row in rows.tolist()], dtype=bool)
    return [Tag(name="near_duplicate", has=has, meaning=t("another picture of the data is nearly the same"))]


def _of_columns(dataset: Dataset, rows: np.ndarray, train: np.ndarray) -> list[Tag]:
    """What is unusual in a row of a table."""
    table, known = dataset.table, dataset.table[train]
    own = table[rows]
    columns = [*dataset.numbers, *dataset.categories]
    if not columns or known.height < FEWEST_TRAIN:
        return []
    missing = own.select(pl.any_horizontal(_is_missing(own, name) for name in columns)).to_series().to_numpy()
    tags = [Tag(name="missing_value", has=missing, meaning=t("a value is missing"))]
    if dataset.numbers:
        outlying = np.any([_is_outlying(own[name], known[name]) for name in dataset.numbers], axis=0)
        meaning = t("a number lies beyond those of 99 % of train")
        tags.append(Tag(name="outlying_number", has=outlying, meaning=meaning))
    if dataset.categories:
        rare = np.any([_is_rare(own[name], known[name]) for name in dataset.categories], axis=0)
        meaning = t("a category that fewer than 1 % of train have")
        tags.append(Tag(name="rare_category", has=rare, meaning=meaning))
    return tags


def _is_missing(table: pl.DataFrame, name: str) -> pl.Expr:
    if table.schema[name].is_float():
        return pl.col(name).is_null() | ~pl.col(name).is_finite().fill_null(False)
    return pl.col(name).is_null()


def _is_outlying(column: pl.Series, train: pl.Series) -> np.ndarray:
    values = column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    known = train.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    known = known[np.isfinite(known)]
    if len(known) < FEWEST_TRAIN:
        return np.zeros(len(values), dtype=bool)
    low, high = np.quantile(known, [FAR_TAIL, 1 - FAR_TAIL])
    return (values < low) | (values > high)


def _is_rare(column: pl.Series, train: pl.Series) -> np.ndarray:
    counts = train.drop_nulls().cast(pl.String).value_counts()
    common = counts.filter(pl.col("count") >= RARE_FRACTION * len(train))[train.name].to_list()
    return (~column.cast(pl.String).is_in(common)).fill_null(False).to_numpy()


def _sources(dataset: Dataset, rows: np.ndarray) -> list[Tag]:
    """One tag for each source, where there are several."""
    if "source" not in dataset.table.columns:
        return []
    own = dataset.table["source"].cast(pl.String)[rows]
    names = own.drop_nulls().value_counts(sort=True)["source"].to_list()
    if len(names) < 2:
        return []
    return [
        Tag(
            name=f"source={name}",
            has=(own == name).fill_null(False).to_numpy(),
            known=own.is_not_null().to_numpy(),
            meaning=t("it comes from '{name}'", name=name),
        )
        for name in names[:MOST_SOURCES]
    ]
