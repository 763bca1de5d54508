"""From columns and pictures to numbers: fitted on the training examples only, stored in the model, used everywhere."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.inputs import InputSpec
from rumbo.core.messages import t
from rumbo.data.manifest import RESERVED, Dataset
from rumbo.data.pictures.decode import DecodeRule

NUM_KNOTS = 64
"""Quantiles that map a numeric column to a normal distribution."""
SMALLEST_SPAN = 1e-200
LARGEST = 1e6
"""Standard deviations beyond which a scaled value is not told apart; float32 and gradients stay finite."""
MAX_LEVELS = 256
"""Levels of a categorical column that get a code of their own; rarer ones share code 0."""


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """How pictures enter: the rule of decoding, and the mean and standard deviation of training pixels in [0, 1]."""

    rule: DecodeRule
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.mean) == len(self.std) == self.rule.num_channels or min(self.std) <= 0:
            raise ValueError(f"mean={self.mean}, std={self.std}: one each per channel, std above 0")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return (self.rule.num_channels, self.rule.height, self.rule.width)


@dataclass(frozen=True, kw_only=True)
class NumberInput:
    """A numeric column: x -> (x - mean) / std, or through `knots`, its quantiles, onto a normal distribution.

    A missing or infinite value takes the median; where training had missing ones, an indicator column says so.
    """

    name: str
    median: float
    mean: float
    std: float
    knots: tuple[float, ...] = ()
    has_missing: bool = False

    def __post_init__(self) -> None:
        if self.std <= 0 or list(self.knots) != sorted(self.knots):
            raise ValueError(f"{self.name}: std={self.std} must be above 0, and knots must rise")

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Float64 values with NaN for missing -> scaled values, finite."""
        filled = np.where(np.isfinite(values), values, self.median)
        if self.knots:
            return np.interp(filled, self.knots, _normal_scores(len(self.knots)))
        with np.errstate(over="ignore"):
            return ((filled - self.mean) / self.std).clip(-LARGEST, LARGEST)


@dataclass(frozen=True, kw_only=True)
class CategoryInput:
    """A categorical column: level i of training has code i + 1; missing and unseen ones have code 0."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """All inputs of a model, in order. Equal for training, evaluation, prediction and serving."""

    image: ImageInput | None = None
    numbers: tuple[NumberInput, ...] = ()
    categories: tuple[CategoryInput, ...] = ()

    @property
    def spec(self) -> InputSpec:
        """The sizes that the network is built for."""
        return InputSpec(
            image=self.image.shape if self.image else None,
            num_numbers=len(self.numbers) + sum(column.has_missing for column in self.numbers),
            category_sizes=tuple(len(column.levels) + 1 for column in self.categories),
        )

    @property
    def category_names(self) -> tuple[str, ...]:
        """Columns that are taken as text, whatever their entries look like."""
        return tuple(column.name for column in self.categories)

    def table_inputs(self, table: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """The feature columns of a table as (numbers float32 n x d, codes int64 n x columns).

        Raises:
            DataError: a column that the model was trained with is not in the table.
        """
        wanted = [*(column.name for column in self.numbers), *self.category_names]
        if missing := [name for name in wanted if name not in table.columns]:
            raise DataError(
                t(
                    "the model was trained with column '{name}', which the data lack ({count} are missing). "
                    "Columns met: {columns}.",
                    name=missing[0],
                    count=len(missing),
                    columns=", ".join([name for name in table.columns if name not in RESERVED][:20]),
                )
            )
        raw = [
            table[column.name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy() for column in self.numbers
        ]
        numbers = [column.scaled(values) for column, values in zip(self.numbers, raw, strict=True)]
        missing_flags = [
            (~np.isfinite(values)).astype(np.float64)
            for column, values in zip(self.numbers, raw, strict=True)
            if column.has_missing
        ]
        codes = [_codes(table[column.name], column.levels) for column in self.categories]
        return _stack(numbers + missing_flags, table.height, np.float32), _stack(codes, table.height, np.int64)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types, for the model's config."""
        return {
            "image": asdict(self.image) if self.image else None,
            "numbers": [asdict(column) for column in self.numbers],
            "categories": [asdict(column) for column in self.categories],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocess":
        """Read what `to_dict` wrote, from a file that may be a stranger's.

        Raises:
            DataError: keys or values that `to_dict` never writes.
        """
        try:
            image = values["image"]
            return cls(
                image=None
                if image is None
                else ImageInput(
                    rule=DecodeRule(**image["rule"]), mean=_floats(image["mean"]), std=_floats(image["std"])
                ),
                numbers=tuple(
                    NumberInput(
                        name=str(column["name"]),
                        median=float(column["median"]),
                        mean=float(column["mean"]),
                        std=float(column["std"]),
                        knots=_floats(column["knots"]),
                        has_missing=bool(column["has_missing"]),
                    )
                    for column in values["numbers"]
                ),
                categories=tuple(
                    CategoryInput(name=str(column["name"]), levels=tuple(map(str, column["levels"])))
                    for column in values["categories"]
                ),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise DataError(
                t(
                    "the model's preprocessing cannot be read ({problem}). Was config.json edited?",
                    problem=str(problem)[:200],
                )
            ) from None


def fit_preprocess(
    train: Dataset, pixels: np.ndarray | None, rule: DecodeRule | None, *, quantiles: bool
) -> Preprocess:
    """Fit means, deviations, medians, quantiles and levels on the training examples.

    Args:
        train: the training examples only.
        pixels: their decoded pictures (a sample will do), uint8 n x c x h x w, or None.
        rule: how pictures are decoded, where there are any.
        quantiles: map numeric columns through their quantiles rather than by mean and deviation.
    """
    image = None
    if pixels is not None and rule is not None:
        mean, std = pixel_statistics(pixels)
        image = ImageInput(rule=rule, mean=mean, std=std)
    return Preprocess(
        image=image,
        numbers=tuple(_fit_number(name, train.table[name], quantiles) for name in train.numbers),
        categories=tuple(_fit_category(name, train.table[name]) for name in train.categories),
    )


def pixel_statistics(pixels: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of uint8 pictures n x c x h x w, of pixels / 255.

    >>> pixel_statistics(np.array([[[[0, 255]]]], dtype=np.uint8))
    ((0.5,), (0.5,))
    """
    means, stds = [], []
    for channel in range(pixels.shape[1]):
        counts = np.bincount(pixels[:, channel].reshape(-1), minlength=256).astype(np.float64)
        levels = np.arange(256) / 255.0
        mean = float(counts @ levels / counts.sum())
        means.append(mean)
        is_constant = np.count_nonzero(counts) == 1
        stds.append(1.0 if is_constant else float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum())))
    return tuple(means), tuple(stds)


def _fit_number(name: str, column: pl.Series, quantiles: bool) -> NumberInput:
    values = column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        finite = np.zeros(1)
    knots = _knots(finite) if quantiles and len(np.unique(finite)) > 2 else np.zeros(0)
    return NumberInput(
        name=name,
        median=float(np.median(finite)),
        mean=float(finite.mean()),
        std=(float(finite.std()) if finite.min() < finite.max() else 0.0)
        or 1.0,  # of equal ones a rounding step, not 0
        knots=tuple(map(float, knots)),
        has_missing=bool((~np.isfinite(values)).any()),
    )


def _knots(values: np.ndarray) -> np.ndarray:
    """Quantiles, rising; none where their span is no number to divide by.

    Those nearer to each other than 2^-40 of the span become one, or the slope between them would overflow.
    """
    knots = np.quantile(values, (np.arange(NUM_KNOTS) + 0.5) / NUM_KNOTS)
    span = knots[-1] - knots[0]
    if not SMALLEST_SPAN < span < np.inf:
        return np.zeros(0)
    steps = np.round((knots - knots[0]) / span * 2.0**40) / 2.0**40
    return np.maximum.accumulate(knots[0] + steps * span)


def _fit_category(name: str, column: pl.Series) -> CategoryInput:
    counts = column.drop_nulls().cast(pl.String).value_counts(sort=True)
    return CategoryInput(name=name, levels=tuple(sorted(counts[name].to_list()[:MAX_LEVELS])))


def _codes(column: pl.Series, levels: tuple[str, ...]) -> np.ndarray:
    code_of = {level: code for code, level in enumerate(levels, start=1)}
    return np.array([code_of.get(level, 0) for level in column.cast(pl.String).to_list()], dtype=np.int64)


def _normal_scores(num_knots: int) -> np.ndarray:
    return np.array([NormalDist().inv_cdf((i + 0.5) / num_knots) for i in range(num_knots)])


def _stack(columns: list[np.ndarray], num_rows: int, dtype: type) -> np.ndarray:
    return np.stack(columns, axis=1).astype(dtype) if columns else np.zeros((num_rows, 0), dtype)


def _floats(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not np.isfinite(numbers).all():
        raise ValueError("not finite")
    return numbers
