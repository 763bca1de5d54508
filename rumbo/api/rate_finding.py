"""The learning-rate range test on the user's own data and network. Nothing is kept but the answer and a picture."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rumbo.api.config import Preset
from rumbo.api.prepare import Prepared, prepare
from rumbo.api.sources import Progress
from rumbo.api.wanted import wanted_config
from rumbo.api.weights import load_weights
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.runs.files import write_file
from rumbo.training.events import Stepped, Warned
from rumbo.training.guards import NotFinite
from rumbo.training.loop import fit
from rumbo.training.optimizer import base_rate
from rumbo.training.options import FitOptions
from rumbo.training.rate_test import RateCurve, RateFinding, RateTest
from rumbo.training.state import TrainState

PICTURE = "lrfind.png"


@dataclass(frozen=True)
class RateAnswer:
    """What a range test found.

    Attributes:
        finding: the suggestion, or why there is none.
        model: the network's name.
        optimizer: its optimizer's name.
        usual_rate: the rate that a training takes when none is given.
        rates: learning rate of each step.
        losses: loss of each step's batch, before the update with that rate.
        smoothed: their moving averages.
        picture: the file of the plot; None where none was asked for.
        remarks: what should be known of the training, such as that memory was short.
    """

    finding: RateFinding
    model: str
    optimizer: str
    usual_rate: float
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    picture: Path | None = None
    remarks: tuple[str, ...] = ()

    @property
    def suggestion(self) -> float | None:
        """The rate to train with: the peak of one_cycle, the base of the other schedules."""
        return self.finding.suggestion

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            **vars(self.finding),
            "model": self.model,
            "optimizer": self.optimizer,
            "usual_rate": self.usual_rate,
            "rates": list(self.rates),
            "losses": list(self.losses),
            "smoothed": list(self.smoothed),
            "picture": None if self.picture is None else str(self.picture),
        }


def find_learning_rate(
    data: str | Path | None = None,
    *,
    task: str | None = None,
    target: str | None = None,
    model: str | None = None,
    weights: str | None = None,
    freeze: str | None = None,
    preset: Preset = "good",
    seed: int | None = None,
    config: str | Path | None = None,
    device: str | None = None,
    settings: Mapping[str, str] | None = None,
    low: float | None = None,
    high: float | None = None,
    steps: int | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> RateAnswer:
    """Train for a few steps with a rising rate, and suggest one; data and network as `rumbo.train` takes them.

    Args:
        data: a folder, a file or a zip.
        task: as for `rumbo.train`; so are all up to `settings`.
        target: the target column(s) of a table.
        model: a name of `rumbo models`.
        weights: none, imagenet, or a .safetensors file.
        freeze: none or features.
        preset: quick, good or best.
        seed: all randomness is a function of it.
        config: a config.yaml to begin from.
        device: auto, cpu, cuda.
        settings: any option by its dotted path, as text.
        low: the lowest rate, 1e-6 when not given.
        high: the highest rate, 100 when not given; the test ends before when the loss is far above its best.
        steps: from the lowest to the highest, 200 when not given; the data are gone round as often as that takes.
        out: a .png file for the plot; it must not exist.
        progress: told while pictures are read and steps are made.

    Raises:
        UsageError: what was asked for cannot be done.
        DataError: what is in the data cannot be used.
        TrainingError: the loss is not finite from the start.
    """
    asked = {"low": low, "high": high, "num_steps": steps}
    test = RateTest(**{name: value for name, value in asked.items() if value is not None})  # pyright: ignore[reportArgumentType]
    picture = None if out is None else Path(out)
    if picture is not None:
        _require_new_picture(picture)
    wanted = wanted_config(
        data,
        config,
        named={"task": task, "target": target, "seed": seed, "device": device},
        model={"name": model, "weights": weights, "freeze": freeze},
        train={},
        settings=settings,
    )
    prepared = prepare(wanted, base=Path(), preset=preset, progress=progress)
    load_weights(prepared, Path())
    remarks: list[str] = []
    curve = _run(prepared, test, progress, remarks)
    options = prepared.config.train.optimizer
    answer = RateAnswer(
        finding=curve.finding(options.name),
        model=prepared.config.model.name or "",
        optimizer=options.name,
        usual_rate=base_rate(options),
        rates=tuple(curve.rates),
        losses=tuple(curve.losses),
        smoothed=tuple(curve.smoothed),
        picture=picture,
        remarks=tuple(remarks),
    )
    if picture is not None:
        _draw(answer, picture)
    return answer


def _require_new_picture(path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise UsageError(t("--out '{path}' must end in .png.", path=path))
    if path.exists():
        raise UsageError(t("{path} exists already. Choose another --out.", path=path))
    if not path.parent.is_dir():
        raise UsageError(t("the folder of --out '{path}' does not exist.", path=path))


def _run(prepared: Prepared, test: RateTest, progress: Progress | None, remarks: list[str]) -> RateCurve:
    """The loop as it is, with a rate that rises; left when the curve has seen enough."""
    data = replace(prepared.fit_data(), dev=None)
    options = _rising(prepared.config.train, test, len(data.train))
    state = TrainState.fresh(prepared.task.model, options)
    curve = RateCurve(test)
    try:
        for event in fit(prepared.task, data, state, options):
            if isinstance(event, Warned):
                remarks.append(event.sentence)
            if not isinstance(event, Stepped):
                continue
            curve.add(float(event.loss))
            if progress is not None:
                progress(t("testing learning rates"), len(curve.losses), test.num_steps)
            if curve.is_over:
                break
    except NotFinite:
        if not curve.losses:
            raise  # with the very first weights: no rate has a part in it
    return curve


def _rising(options: FitOptions, test: RateTest, steps_per_epoch: int) -> FitOptions:
    """The training's own options, but for its length and its rate, and without what comes after many steps."""
    schedule = replace(options.schedule, name="range_test", range_low=test.low / test.high, range_steps=test.num_steps)
    return replace(
        options,
        epochs=math.ceil(test.num_steps / steps_per_epoch),
        optimizer=replace(options.optimizer, learning_rate=test.high),
        schedule=schedule,
        average_decay=0.0,
        full_batch_epochs=0,
        on_nonfinite="stop",
        compile="no",
        patience=None,
        budget_seconds=None,
    )


def _draw(answer: RateAnswer, path: Path) -> None:
    from rumbo.plots.rate_test import rate_test_curve
    from rumbo.plots.style import to_png

    figure = rate_test_curve(
        answer.rates,
        answer.losses,
        answer.smoothed,
        suggestion=answer.suggestion,
        largest_rate=answer.finding.largest_rate,
    )
    write_file(path, to_png(figure))
