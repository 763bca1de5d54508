"""Exponentially weighted averages of a series."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from rumbo.core.errors import DataError, OptionError, unknown_name
from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.data import open_data
from rumbo.data.files import open_files
from rumbo.data.readers.table import table_names
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Line, Lines
from rumbo.reference import averages
from rumbo.reference.arrays import Array

MIN_VALUES = 10
MAX_VALUES = 200_000
MAX_BETAS = 6


class Series(NamedTuple):
    """A column of numbers, in the order of the file, and how many of its entries could not be used."""

    name: str
    values: Array
    num_missing: int = 0
    num_beyond: int = 0


@experiments.register("averages")
@dataclass(frozen=True, kw_only=True)
class Averages(Experiment):
    """Average one series with several beta, with and without bias correction.

    The lag is measured: it is the shift at which the average lies nearest to a symmetric one, over as many values on
    each side as the window has. On a steady rise it is beta / (1 - beta).
    Source: Borghi, "Exponentially weighted averages" and "Corrección del sesgo (bias)"; Paiolla §3.3.2.
    """

    about_source: ClassVar[tuple[str, ...]] = ("column",)

    betas: tuple[float, ...] = option((0.5, 0.9, 0.98), "the averages' beta, separated by commas, each in [0, 1)")
    column: str = option("", "the column of SOURCE; when empty, its last one that is numeric")
    shown: int = option(500, "values that are drawn, from the first", low=MIN_VALUES, high=100_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.betas) <= MAX_BETAS or not all(0 <= beta < 1 for beta in self.betas):
            met = ", ".join(map(str, self.betas))
            raise OptionError(t("betas='{met}' must be 1 to {limit} numbers in [0, 1).", met=met, limit=MAX_BETAS))

    @classmethod
    def takes(cls) -> str:
        """A table."""
        return t("a table (CSV, TSV, Parquet) with a column of numbers in the order of time")

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Average; without a source, a yearly wave with noise."""
        series = made_up(self.seed) if source is None else read_series(source, self.column)
        theta = series.values
        rows: list[tuple[float, float, int | None, float, float, float]] = []
        corrected: dict[float, Array] = {}
        for beta in track(sorted(set(self.betas)), t("averaging"), len(set(self.betas))):
            V = averages.corrected_averages(theta, beta)
            window = averages.effective_window(beta)
            first = averages.weighted_averages(theta[:1], beta).item()
            rows.append((beta, window, lag(theta, V, round(window)), noise(V), first, float(V[0])))
            corrected[beta] = V
        return Result(
            title=t("Averages of a yearly wave with noise, made up")
            if source is None
            else t("Averages of '{column}', {count} values", column=series.name, count=len(theta)),
            finding=_finding(rows, noise(theta)) + _left_out(series),
            columns=(
                "β",
                t("window 1/(1 - beta)"),
                t("lag, values"),
                t("noise left"),
                t("first value as it is"),
                t("first value corrected"),
            ),
            rows=tuple(rows),
            panels=(self._all(series, corrected), self._start(series, max(corrected))),
        )

    def _all(self, series: Series, corrected: dict[float, Array]) -> Lines:
        count = min(self.shown, len(series.values))
        x = np.arange(count, dtype=float)
        lines = [Line(name=series.name, x=x, y=series.values[:count], mark="points", color=6)]
        lines += [
            Line(name=f"β = {beta:g}", x=x, y=V[:count], color=place)
            for place, (beta, V) in enumerate(corrected.items())
        ]
        return Lines(
            title=t("with bias correction"), x_label=t("value number"), y_label=series.name, lines=tuple(lines)
        )

    def _start(self, series: Series, beta: float) -> Lines:
        """The first values, where the correction matters."""
        start = series.values[: max(MIN_VALUES, round(3 * averages.effective_window(beta)))]
        x = np.arange(len(start), dtype=float)
        as_it_is, corrected = averages.weighted_averages(start, beta), averages.corrected_averages(start, beta)
        return Lines(
            title=t("the beginning, β = {beta:g}", beta=beta),
            x_label=t("value number"),
            y_label=series.name,
            lines=(
                Line(name=series.name, x=x, y=start, mark="points", color=6),
                Line(name=t("as it is"), x=x, y=as_it_is, color=3),
                Line(name=t("corrected"), x=x, y=corrected, color=len(set(self.betas)) - 1),
            ),
        )


def made_up(seed: int) -> Series:
    """Four years of days: a yearly wave of ±6 around 12, and noise that lasts a day or two."""
    generator = rng(seed, "averages")
    day = np.arange(4 * 365)
    # What a day's weather leaves to the next, and its own part, are about those of Melbourne.
    weather = np.zeros(len(day))
    for today in day[1:]:
        weather[today] = 0.5 * weather[today - 1] + generator.normal(0, 2.0)
    return Series(t("temperature, made up"), 12 - 6 * np.cos(2 * np.pi * day / 365.25) + weather)


def read_series(source: Path, column: str) -> Series:
    """A numeric column of a table.

    Raises:
        DataError: no such table, no numbers, or too few.
        UnknownName: no such column.
    """
    if source.is_dir():
        raise DataError(t("'{source}' is a folder. Give one table: a CSV, TSV or Parquet file.", source=source))
    if not table_names(open_files(source)):
        raise DataError(t("'{source}' is no table. Give one: a CSV, TSV or Parquet file.", source=source))
    data = open_data(source, labelled=False)
    if data.images is not None or not data.numbers:
        raise DataError(
            t(
                "'{source}' has no column of numbers. Give one that has, such as a CSV with one row a day and its "
                "temperature.",
                source=source,
            )
        )
    if column and column not in data.numbers:
        raise unknown_name("column", column, data.numbers)
    name = column or data.numbers[-1]
    values = data.table[name].cast(float).fill_null(float("nan")).to_numpy()
    usable = values[np.isfinite(values)]
    if len(usable) < MIN_VALUES:
        raise DataError(
            t(
                "column '{column}' has {count} numbers; an average needs at least {least}.",
                column=name, count=len(usable), least=MIN_VALUES,
            )
        )  # fmt: skip
    return Series(name, usable[:MAX_VALUES], len(values) - len(usable), max(len(usable) - MAX_VALUES, 0))


def noise(values: Array) -> float:
    """The standard deviation of the steps from one value to the next."""
    return float(np.diff(values).std())


def lag(theta: Array, V: Array, window: int) -> int | None:
    """The shift, of at most 3 windows, that brings V nearest to the symmetric average over `window` values each side.

    None where the series is too short to tell, or never changes.
    """
    symmetric = _sliding_mean(theta, 2 * window + 1)
    shifts = range(3 * window + 1)
    compared = len(symmetric) - shifts[-1]
    if compared < 2 * window + 1 or np.ptp(theta) == 0:
        return None
    late = (V[window + shift : window + shift + compared] for shift in shifts)
    return int(np.argmin([np.square(part - symmetric[:compared]).mean() for part in late]))


def _sliding_mean(values: Array, width: int) -> Array:
    if len(values) < width:
        return values[:0]
    sums = np.cumsum(np.concatenate([[0.0], values - values.mean()]))
    return (sums[width:] - sums[:-width]) / width + values.mean()


def _finding(rows: list[tuple[float, float, int | None, float, float, float]], before: float) -> str:
    beta, window, late, left, first, corrected = rows[-1]
    sentences = [
        t(
            "β = {beta:g} averages about {window:.0f} values: the steps from value to value go from {before:.2g} to "
            "{left:.2g}.",
            beta=beta, window=window, before=before, left=left,
        )
    ]  # fmt: skip
    if late is None:
        sentences.append(t("The series is too short, or too even, to measure how late that comes."))
    else:
        sentences.append(t("It comes {late} values late.", late=late))
    sentences.append(
        t(
            "Its first value is {first:.3g} as it is, and {corrected:.3g} with the correction.",
            first=first,
            corrected=corrected,
        )
    )
    return " ".join(sentences)


def _left_out(series: Series) -> str:
    sentences = ""
    if series.num_missing:
        sentences += " " + t("{count} entries that are no numbers were left out.", count=series.num_missing)
    if series.num_beyond:
        sentences += " " + t("{count} values beyond the first {limit} were left out.",
                             count=series.num_beyond, limit=MAX_VALUES)  # fmt: skip
    return sentences
