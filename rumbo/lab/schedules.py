"""Learning rates by epoch, for each schedule."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Line, Lines
from rumbo.reference import schedules
from rumbo.reference.arrays import Array
from rumbo.training.schedule import rate_factor
from rumbo.training.schedule_options import ScheduleName, ScheduleOptions

STEPS_PER_EPOCH = 20
TEXTBOOK = {
    "decay": "inverse_decay",
    "exponential": "exponential_decay",
    "root": "root_decay",
    "step": "staircase",
    "manual": "manual",
}
"""Schedules of training that count epochs, and their equations in `rumbo.reference.schedules`."""


class Curve(NamedTuple):
    """A schedule's rates at every step, and the panel it is drawn in."""

    name: str
    rates: Array
    panel: str


@experiments.register("schedules")
@dataclass(frozen=True, kw_only=True)
class Schedules(Experiment):
    """Every schedule of `rumbo.reference.schedules`, and those of `rumbo train`, from the same rate.

    Schedules of the notes that count epochs are constant inside of one, those that count steps move at each step.
    Source: Borghi, "Definición de epoch y decaimiento del ritmo de aprendizaje"; Paiolla §3.3.6; Ronchetti & Quiroga,
    "Cronogramas de tasas de aprendizaje".
    """

    rate: float = option(0.2, "the rate that schedules start from, or rise to", low=1e-9, high=1e3)
    epochs: int = option(20, "length of the training", low=4, high=1_000)
    decay_rate: float = option(1.0, "of inverse decay, alpha / (1 + decay_rate * epoch)", low=0.0, high=100.0)
    base: float = option(0.95, "of exponential decay, alpha * base^epoch", low=0.01, high=1.0)

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Compute all; takes no source."""
        curves = [*self._textbook(), *self._of_training()]
        told = sorted({0, 1, 2, 4, self.epochs // 2, self.epochs - 1} & set(range(self.epochs)))
        rows = [
            (
                curve.name,
                *(float(curve.rates[epoch * STEPS_PER_EPOCH]) for epoch in told),
                float(curve.rates[-1]),
                float(curve.rates.mean()),
            )
            for curve in curves
        ]
        return Result(
            title=t("{count} learning-rate schedules over {epochs} epochs", count=len(curves), epochs=self.epochs),
            finding=self._finding(curves),
            columns=(
                t("schedule"),
                *(t("epoch {epoch}", epoch=epoch) for epoch in told),
                t("last step"),
                t("mean"),
            ),
            rows=tuple(rows),
            panels=(
                self._panel(t("falling by epoch"), [c for c in curves if c.panel == "falling"]),
                self._panel(t("in cycles"), [c for c in curves if c.panel == "cycles"]),
                self._panel(t("by step"), [c for c in curves if c.panel == "steps"]),
                self._panel(t("rumbo train, by epoch"), [c for c in curves if c.panel == "train by epoch"]),
                self._panel(t("rumbo train, by step"), [c for c in curves if c.panel == "train by step"]),
            ),
        )

    def _textbook(self) -> list[Curve]:
        """The notes' schedules, each under the name of its function."""
        alpha, epochs = self.rate, self.epochs
        every, warm = max(epochs // 4, 1), max(epochs // 5, 1)
        half_cycle = max(epochs // 8, 1)
        low, tiny = alpha / 10, alpha / 1000
        by_hand = [(0, alpha), (epochs // 4, alpha / 2), (epochs // 2, alpha / 10)]
        by_epoch: dict[str, Callable[[int], float]] = {
            "inverse_decay": lambda epoch: schedules.inverse_decay(alpha, self.decay_rate, epoch),
            "exponential_decay": lambda epoch: schedules.exponential_decay(alpha, epoch, self.base),
            "root_decay": lambda epoch: schedules.root_decay(alpha, 1.0, epoch + 1),
            "staircase": lambda epoch: schedules.staircase(alpha, 0.5, every, epoch),
            "manual": lambda epoch: schedules.manual(by_hand, epoch),
        }
        in_cycles: dict[str, Callable[[float], float]] = {
            "triangular": lambda place: schedules.triangular(low, alpha, half_cycle, place),
            "triangular_halved": lambda place: schedules.triangular_halved(low, alpha, half_cycle, place),
            "cosine_restarts": lambda place: schedules.cosine_restarts(alpha, 0.0, every, place),
        }
        by_step: dict[str, Callable[[float], float]] = {
            "cosine": lambda place: schedules.cosine(alpha, 0.0, epochs, place),
            "warm_up": lambda place: schedules.warm_up(0.0, alpha, warm, place),
            "warm_up_then_cosine": lambda place: schedules.warm_up_then_cosine(0.0, alpha, 0.0, warm, epochs, place),
            "one_cycle": lambda place: schedules.one_cycle(low, alpha, tiny, warm, epochs, place),
        }
        whole = np.repeat([[rate(epoch) for epoch in range(epochs)] for rate in by_epoch.values()], STEPS_PER_EPOCH, 1)
        places = (np.arange(epochs * STEPS_PER_EPOCH) / STEPS_PER_EPOCH).tolist()
        return [
            *(Curve(name, rates, "falling") for name, rates in zip(by_epoch, whole, strict=True)),
            *(Curve(name, np.array([rate(p) for p in places]), "cycles") for name, rate in in_cycles.items()),
            *(Curve(name, np.array([rate(p) for p in places]), "steps") for name, rate in by_step.items()),
        ]

    def _of_training(self) -> list[Curve]:
        """What `rumbo train` does, step by step, with the settings of the notes' schedules above."""
        num_steps, every = self.epochs * STEPS_PER_EPOCH, max(self.epochs // 4, 1)
        usual = ScheduleOptions(
            decay_rate=self.decay_rate,
            exponential_base=self.base,
            step_epochs=every,
            step_factor=0.5,
            table=f"{self.epochs // 4}:0.5,{self.epochs // 2}:0.1",
            cycle_epochs=every,
            range_steps=num_steps,
        )
        found: list[Curve] = []
        for name in get_args(ScheduleName):
            chosen = replace(usual, name=name)
            factors = [rate_factor(chosen, step, num_steps, STEPS_PER_EPOCH) for step in range(num_steps)]
            panel = "train by epoch" if name in {"constant", *TEXTBOOK} else "train by step"
            found.append(Curve(f"train: {name}", self.rate * np.array(factors), panel))
        return found

    def _finding(self, curves: list[Curve]) -> str:
        rates = {curve.name: curve.rates for curve in curves}
        names = {name: book for name, book in TEXTBOOK.items() if book in rates}
        difference = max(float(np.abs(rates[f"train: {name}"] / rates[book] - 1).max()) for name, book in names.items())
        highest, lowest = (choose(curves, key=lambda curve: curve.rates.mean()) for choose in (max, min))
        return t(
            "On average over the training, '{highest}' has the highest rate, {high:.3g}, and '{lowest}' the lowest, "
            "{low:.3g}. The schedules {names} of `rumbo train` differ from the equations of the notes by at most "
            "{difference:.1e}.",
            highest=highest.name, high=highest.rates.mean(), lowest=lowest.name, low=lowest.rates.mean(),
            names=", ".join(f"'{name}'" for name in TEXTBOOK), difference=difference,
        )  # fmt: skip

    def _panel(self, title: str, curves: list[Curve]) -> Lines:
        x = np.arange(self.epochs * STEPS_PER_EPOCH) / STEPS_PER_EPOCH
        return Lines(
            title=title,
            x_label=t("epoch"),
            y_label=t("learning rate"),
            lines=tuple(Line(name=curve.name.removeprefix("train: "), x=x, y=curve.rates) for curve in curves),
            y_range=(0.0, 1.7 * self.rate),
        )
