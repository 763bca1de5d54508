"""Several sets as one: the main set gives dev and test; others only add to train, each with its source and weight.

Dev and test come from what the model will meet, and nothing else (Ng's notes: the target is set by dev). Examples from
elsewhere, or made artificially, may still help to learn; their weight says how much each counts in the cost.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from rumbo.core.errors import DataError, OptionError
from rumbo.core.messages import t
from rumbo.data.manifest import Dataset, MaskSource, TargetKind
from rumbo.data.pictures.images import ImageSource
from rumbo.data.target import kind_word

MAIN = "main"
"""The source of examples that do not say another one."""
MAX_WEIGHT = 1000.0


@dataclass(frozen=True)
class Addition:
    """A set that is added to train.

    Attributes:
        name: its source, and what its ids begin with.
        dataset: the examples.
        weight: of each of them in the cost; the main set's have 1.
    """

    name: str
    dataset: Dataset
    weight: float


def parse_addition(text: str) -> tuple[str, float]:
    """Read `PATH` or `PATH:WEIGHT`.

    >>> parse_addition("web/photos:0.05"), parse_addition("made")
    (('web/photos', 0.05), ('made', 1.0))
    """
    path, _, number = text.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        if len(path) < 2 or "/" in number or "\\" in number:  # a path: there may be colons in it, as in C:\
            return text, 1.0
        weight = math.nan
    if not path:
        return text, 1.0
    if not (math.isfinite(weight) and 0 < weight <= MAX_WEIGHT):
        raise OptionError(
            t(
                "'{text}': the weight '{number}' must be a number above 0, at most {limit:g}, with a decimal point; 1 "
                "is usual. Sets are separated by commas.",
                text=text,
                number=number,
                limit=MAX_WEIGHT,
            )
        )
    return path, weight


def unique_names(names: Sequence[str]) -> list[str]:
    """Names for sources, told apart by a number where two are alike.

    >>> unique_names(["web", "made", "web", "main"])
    ['web', 'made', 'web-2', 'main-2']
    >>> unique_names(["web-2", "web", "web"])
    ['web-2', 'web', 'web-3']
    """
    unique = [MAIN]
    for name in names:
        candidates = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        unique.append(next(candidate for candidate in candidates if candidate not in unique))
    return unique[1:]


def mix(main: Dataset, split: Sequence[str | None], additions: Sequence[Addition]) -> Dataset:
    """One set of the main examples, in their splits, and the added ones, which are all train.

    Args:
        main: the examples that dev and test come from.
        split: the split of each of them.
        additions: the others; names are unique.

    Returns:
        A set with the columns `split`, `source` and `weight`; ids of added examples are `name:id`.

    Raises:
        DataError: an added set has another kind of target or other inputs.
    """
    for addition in additions:
        _require_alike(main, addition)
    parts = [_told_apart(main, MAIN, 1.0).with_columns(pl.Series("split", split, dtype=pl.String))]
    for addition in additions:
        part = _told_apart(addition.dataset, addition.name, addition.weight)
        parts.append(
            part.with_columns(pl.lit("train").alias("split"), (pl.lit(f"{addition.name}:") + pl.col("id")).alias("id"))
        )
    sets = [main, *(addition.dataset for addition in additions)]
    decisions = [
        t(
            "{count} examples of '{name}' were added to train, with weight {weight}.",
            count=len(addition.dataset),
            name=addition.name,
            weight=f"{addition.weight:g}",
        )
        for addition in additions
    ]
    decisions += [f"{addition.name}: {told}" for addition in additions for told in addition.dataset.decisions]
    return dataclasses.replace(
        main,
        table=pl.concat(parts, how="diagonal"),
        images=None if main.images is None else _Joined.of([one.images for one in sets if one.images is not None]),
        masks=None if main.masks is None else _Joined.of([one.masks for one in sets if one.masks is not None]),
        decisions=(*main.decisions, *decisions),
        bad=tuple(item for one in sets for item in one.bad),
        repairs=tuple(repair for one in sets for repair in one.repairs),
        num_annotations=None if main.num_annotations is None else sum(one.num_annotations or 0 for one in sets),
    )


def _told_apart(dataset: Dataset, source: str, weight: float) -> pl.DataFrame:
    """The table with a source and a weight; what the examples say themselves stays, weights are multiplied."""
    table = dataset.table
    own = pl.col("weight").fill_null(1.0) if "weight" in table.columns else pl.lit(1.0)
    said = pl.col("source").fill_null(source) if "source" in table.columns and source == MAIN else pl.lit(source)
    return table.with_columns((own * weight).alias("weight"), said.alias("source"))


def _require_alike(main: Dataset, addition: Addition) -> None:
    other = addition.dataset
    if main.target is None or other.target is None:
        raise DataError(t("sets are only mixed with their labels; '{name}' has none.", name=addition.name))
    if main.target.kind is not other.target.kind or main.target.columns != other.target.columns:
        raise DataError(
            t(
                "'{name}' cannot be added: its target is {other} ({other_kind}), that of the main set {main} "
                "({main_kind}).",
                name=addition.name,
                other=", ".join(other.target.columns),
                other_kind=kind_word(other.target.kind),
                main=", ".join(main.target.columns),
                main_kind=kind_word(main.target.kind),
            )
        )
    if new := [name for name in other.target.classes if name not in main.target.classes]:
        raise DataError(
            t(
                "'{name}' cannot be added: it has classes that the main set lacks, so that no dev or test could judge "
                "them: {classes}. Leave them out, or add examples of them to the main set.",
                name=addition.name,
                classes=", ".join(new[:10]),
            )
        )
    if main.target.kind in (TargetKind.MASK, TargetKind.POINTS) and main.target.classes != other.target.classes:
        raise DataError(t("'{name}' cannot be added: its classes are not those of the main set.", name=addition.name))
    mine, theirs = {*main.numbers, *main.categories}, {*other.numbers, *other.categories}
    if (main.images is None) != (other.images is None) or mine != theirs or main.signals or other.signals:
        raise DataError(
            t(
                "'{name}' cannot be added: its inputs are not those of the main set. Missing: {missing}; extra: "
                "{extra}. Bring the columns to the same names.",
                name=addition.name,
                missing=", ".join(sorted(mine - theirs)[:10]) or t("none"),
                extra=", ".join(sorted(theirs - mine)[:10]) or t("none"),
            )
        )


class _Joined:
    """Pictures (or masks) of several sets, one after the other.

    Args:
        parts: the sources.
        places: for each row, which part and which row of it; n x 2.
    """

    def __init__(self, parts: Sequence[ImageSource | MaskSource], places: np.ndarray):
        self.parts, self.places = parts, places

    @classmethod
    def of(cls, parts: Sequence[ImageSource | MaskSource]) -> Self:
        """All rows of all parts."""
        places = [np.stack([np.full(len(one), part), np.arange(len(one))], axis=1) for part, one in enumerate(parts)]
        return cls(parts, np.concatenate(places))

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: np.ndarray) -> Self:
        """Those of some rows, in that order."""
        return type(self)(self.parts, self.places[rows])

    def read(self, row: int) -> np.ndarray:
        """Pixels, as the part gives them."""
        part, inner = self.places[row]
        return self.parts[part].read(int(inner))

    def size(self, row: int) -> tuple[int, int, int]:
        """Height, width, channels."""
        part, inner = self.places[row]
        return self.parts[part].size(int(inner))  # pyright: ignore[reportAttributeAccessIssue]
