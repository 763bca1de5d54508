"""The loss around a trained network."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.data import Dataset, SplitOptions, make_split
from rumbo.data.demo import digits
from rumbo.data.loader import Batch, Loader
from rumbo.data.pictures.decode import DecodeRule
from rumbo.data.pictures.images import refuse_bad
from rumbo.data.preprocess import fit_preprocess
from rumbo.lab.experiment import Experiment, Result, Track, experiments, unseen
from rumbo.lab.finished import FinishedRun, open_run
from rumbo.lab.training import train_classifier
from rumbo.plots.panels import Line, Lines, Surface
from rumbo.reference.arrays import Array
from rumbo.tasks.task import Cost, DatasetTask
from rumbo.tasks.trained import ModelSpec, TrainedModel, make_examples

NEAR = 0.25
"""Distance of the circle on which sharpness is measured, in sizes of the weights."""
NUM_AROUND = 16
"""Places on that circle."""
BATCH = 256
TRAINING_STEPS = 400
Direction = dict[str, Tensor]


class Around(NamedTuple):
    """Losses around trained weights; NaN where they are not finite.

    Args:
        distances: along both directions, n, with 0 in the middle.
        surface: train loss, n x n; rows belong to the second direction.
        dev: dev loss along the first and the second direction, 2 x n; NaN where there is no dev.
        circle: train loss on the circle at the distance NEAR.
    """

    distances: Array
    surface: Array
    dev: Array
    circle: Array

    @property
    def middle(self) -> int:
        """The place of the trained weights."""
        return len(self.distances) // 2

    @property
    def here(self) -> float:
        """Train loss of the trained weights."""
        return float(self.surface[self.middle, self.middle])

    @property
    def sharpness(self) -> float:
        """(largest loss on the circle - loss here) / (1 + loss here)."""
        return (float(self.circle.max()) - self.here) / (1 + self.here)


@experiments.register("landscape")
@dataclass(frozen=True, kw_only=True)
class Landscape(Experiment):
    """Walk away from trained weights in two random directions, and measure the loss on the way.

    Each direction is random and filter-normalised: every filter (row of a matrix) is scaled to the size of the filter
    that it is added to, so that distance 1 moves each by its own size, and networks can be compared. Biases and
    weights of norms stay as they are. So do the running statistics of batch norms: the network is in evaluation mode.
    The loss is the task's cost without penalties and label smoothing. Sharpness is (L - L0) / (1 + L0) with the
    largest train loss L on a circle at distance 0.25, 16 places: Keskar's form, on the plane of the two directions.
    Source: Li et al. 2018, arXiv:1712.09913, sec. 4; Keskar et al. 2017, arXiv:1609.04836, eq. 4; Borghi, "Óptimos
    locales en redes neuronales".
    """

    about_own_data: ClassVar[tuple[str, ...]] = ("model",)

    model: str = option("mlp", "the network that is trained on digits where there is no SOURCE")
    radius: float = option(1.0, "largest distance, in sizes of the weights", low=0.01, high=10.0)
    steps: int = option(10, "places from the trained weights to each side", low=1, high=100)
    examples: int = option(500, "examples of train and of dev that the loss is measured on", low=1, high=1_000_000)

    @classmethod
    def takes(cls) -> str:
        """A run."""
        return t("the folder of a finished run whose data are still there")

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Measure; without a source, around a network trained on scikit-learn's digits."""
        run = self._on_digits() if source is None else open_run(source)
        task = run.trained.task
        batches = {split: self._batches(run.trained, run.part(split), split) for split in ("train", "dev")}
        if not np.isfinite(loss_of(task, batches["train"])):
            raise DataError(
                t("the train loss of run '{run}' is not finite: there is nothing to walk on.", run=run.name)
            )
        found = self._walk(task, batches, track)
        title = (
            t("Loss around '{model}' on handwritten digits", model=self.model)
            if source is None
            else t("Loss around run '{run}'", run=run.name)
        )
        return Result(
            title=title,
            finding=_finding(found, task.model),
            columns=(
                t("distance"), t("train, direction 1"), t("dev, direction 1"), t("train, direction 2"),
                t("dev, direction 2"),
            ),
            rows=tuple(
                (float(distance), *(float(loss) if np.isfinite(loss) else None for loss in losses))
                for distance, *losses in zip(
                    found.distances, found.surface[found.middle], found.dev[0], found.surface[:, found.middle],
                    found.dev[1], strict=True,
                )
            ),
            panels=(_surface(found), *(_curve(found, direction) for direction in (0, 1))),
            num_columns=3,
        )  # fmt: skip

    def _on_digits(self) -> FinishedRun:
        data = digits()
        split = make_split(data, SplitOptions(test_fraction=0.0), self.seed)
        assert data.images is not None
        train = data.take(split.rows(data, "train"))
        rule = DecodeRule(mode="grey", height=8, width=8, fit="stretch")
        pixels = np.stack([data.images.read(row)[None] for row in range(len(data))])
        preprocess = fit_preprocess(train, pixels, rule, quantiles=False)
        model = ModelSpec(name=self.model, options={})
        trained = train_classifier(train, preprocess, model, steps=TRAINING_STEPS, rate=0.003, seed=self.seed)
        return FinishedRun(name="digits", trained=trained, dataset=data, split=split)

    def _batches(self, trained: TrainedModel, data: Dataset, split: str) -> list[Batch]:
        """Some of the examples, as they are, all at once in memory."""
        rows = rng(self.seed, f"landscape: {split}").permutation(len(data))[: self.examples]
        if len(rows) == 0:
            return []
        data = data.take(np.sort(rows))
        made, bad = make_examples(data, trained.preprocess, trained.task.encode(data))
        refuse_bad(bad)
        return list(Loader(examples=made, rows=np.arange(len(data)), batch_size=BATCH).once())

    def _walk(self, task: DatasetTask, batches: dict[str, list[Batch]], track: Track) -> Around:
        """The loss at all places; the weights are trained ones again afterwards."""
        first, second = (filter_normalised(task.model, self.seed, number) for number in (0, 1))
        distances = self.radius * np.arange(-self.steps, self.steps + 1) / self.steps
        num = len(distances)
        angles = 2 * np.pi * np.arange(NUM_AROUND) / NUM_AROUND
        places = [("train", a, b) for b in distances for a in distances]
        places += [("dev", a, 0.0) for a in distances] + [("dev", 0.0, b) for b in distances]
        places += [("train", NEAR * np.cos(angle), NEAR * np.sin(angle)) for angle in angles]
        losses: list[float] = []
        task.model.eval()
        with moving(task.model, first, second) as go_to:
            for split, a, b in track(places, t("measuring"), len(places)):
                go_to(float(a), float(b))
                losses.append(loss_of(task, batches[split]))
        surface, dev, circle = np.split(np.array(losses), [num * num, num * num + 2 * num])
        return Around(distances, surface.reshape(num, num), dev.reshape(2, num), circle)


def filter_normalised(model: nn.Module, seed: int, number: int) -> Direction:
    """A random direction whose filters have the sizes of the model's; biases and norms have none: they stay.

    Source: Li et al. 2018, arXiv:1712.09913, sec. 4: d <- d / |d| |w| for each filter.
    """
    generator = rng(seed, "landscape: direction", number)
    found: Direction = {}
    for name, weight in model.named_parameters():
        if weight.ndim < 2:
            continue
        random = torch.from_numpy(generator.normal(size=(len(weight), weight[0].numel()))).to(weight)
        sizes = weight.detach().flatten(1).norm(dim=1, keepdim=True)
        scaled = random / random.norm(dim=1, keepdim=True) * sizes
        found[name] = scaled.reshape(weight.shape)
    return found


class Mover(NamedTuple):
    """Puts a network's weights to places on a plane."""

    weights: dict[str, nn.Parameter]
    start: Direction
    first: Direction
    second: Direction

    @torch.no_grad()
    def __call__(self, a: float, b: float) -> None:
        """To the trained weights + a times the first direction + b times the second."""
        for name, weight in self.weights.items():
            weight.copy_(self.start[name] + a * self.first[name] + b * self.second[name])


@contextmanager
def moving(model: nn.Module, first: Direction, second: Direction) -> Iterator[Mover]:
    """Move a network's weights about; afterwards they are where they were."""
    weights = {name: weight for name, weight in model.named_parameters() if name in first}
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    go_to = Mover(weights, start, first, second)
    try:
        yield go_to
    finally:
        go_to(0.0, 0.0)


@torch.no_grad()
def loss_of(task: DatasetTask, batches: Sequence[Batch]) -> float:
    """Mean cost of some batches; NaN where it is not finite, or without batches."""
    if not batches:
        return float("nan")
    loss = float(Cost.joined([task.cost(batch) for batch in batches]).mean)
    return loss if np.isfinite(loss) else float("nan")


def _surface(found: Around) -> Surface:
    here = Line(name=t("trained weights"), x=np.zeros(1), y=np.zeros(1), mark="points")
    return Surface(
        title=t("train loss"),
        x_label=t("direction 1"),
        y_label=t("direction 2"),
        x=found.distances,
        y=found.distances,
        z=found.surface,
        paths=(here,),
        log=True,
        z_label=t("loss"),
    )


def _curve(found: Around, direction: int) -> Lines:
    train = found.surface[found.middle] if direction == 0 else found.surface[:, found.middle]
    lines = [Line(name="train", x=found.distances, y=train)]
    if np.isfinite(found.dev).any():
        lines.append(Line(name="dev", x=found.distances, y=found.dev[direction]))
    return Lines(
        title=t("along direction {number}", number=direction + 1),
        x_label=t("distance"),
        y_label=t("loss"),
        lines=tuple(lines),
        log_y=True,
    )


def _finding(found: Around, model: nn.Module) -> str:
    low = float(np.nanmin(found.surface))
    row, column = np.unravel_index(int(np.nanargmin(found.surface)), found.surface.shape)
    if low < found.here:
        sentences = [
            t(
                "Train loss is {here:.3g} at the trained weights, and lower on this plane: {low:.3g} at {first:.2g} "
                "along direction 1 and {second:.2g} along direction 2.",
                here=found.here, low=low, first=float(found.distances[column]), second=float(found.distances[row]),
            )
        ]  # fmt: skip
    else:
        sentences = [
            t(
                "Train loss is {here:.3g} at the trained weights, the lowest of the {count} places of the plane.",
                here=found.here, count=found.surface.size,
            )
        ]  # fmt: skip
    if np.isfinite(found.sharpness):
        sentences.append(
            t(
                "At distance {near:g} it is at most {most:.3g}: a sharpness, its rise over 1 + the loss here, of "
                "{sharp:.3g}.",
                near=NEAR, most=float(found.circle.max()), sharp=found.sharpness,
            )
        )  # fmt: skip
    else:
        sentences.append(t("At distance {near:g} it is not finite everywhere.", near=NEAR))
    if count := sum(isinstance(layer, _BatchNorm) for layer in model.modules()):
        sentences.append(t("The statistics of {count} batch norms stay those of training.", count=count))
    return " ".join(sentences)
