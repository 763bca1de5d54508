"""Trainings with a planted cause, on real data: what holds each of them back is known, since we put it there.

A scenario is a function of (cause, data set, seed): the seed draws the examples and the strength. Test has 5,000 clean
examples that nothing in it touched.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from rumbo.api.config import RunConfig
from rumbo.api.prepare import Gathered, assemble, gather
from rumbo.api.trying import Workbench
from rumbo.core.seeds import rng
from rumbo.data.loader import PixelsInMemory
from rumbo.data.splits.split import Split

NUM_TEST = 5_000
NUM_TRAIN, NUM_DEV = 1_000, 1_000
BAYES = {"fashion": 0.07, "adult": 0.13, "housing": 0.25}
"""Errors that much larger training sets and boosted trees or convolutions reach: the proxy for what is possible."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A planted cause.

    Attributes:
        cause: what was done.
        data: fashion, adult or housing.
        seed: of the examples and the strength; even ones are for tuning, odd ones for the report.
        verdicts: those that are right.
        told: an action that must be told where no training measures it.
    """

    cause: str
    data: str
    seed: int
    verdicts: tuple[str, ...]
    told: str | None = None

    @property
    def name(self) -> str:
        """Unique."""
        return f"{self.cause}/{self.data}/{self.seed}"


BIAS, VARIANCE = ("avoidable_bias",), ("variance",)
LABELS = ("avoidable_bias", "variance")
"""Wrong labels are learnt by heart by large networks and not at all by small ones."""
ALL = ("fashion", "adult", "housing")
TABLES = ("adult", "housing")


@dataclass(frozen=True)
class Cause:
    """What is done, to which sets, and what a diagnosis should say of it."""

    plant: Callable[["Plot"], None]
    sets: tuple[str, ...]
    verdicts: tuple[str, ...]
    told: str | None = None


@dataclass
class Plot:
    """A scenario in the making."""

    data: str
    rng: np.random.Generator
    gathered: Gathered
    settings: dict[str, str]
    num_train: int = NUM_TRAIN
    num_dev: int = NUM_DEV

    @property
    def has_images(self) -> bool:
        """Whether pictures go in."""
        return self.gathered.pixels is not None

    def between(self, low: float, high: float) -> float:
        """A strength, evenly on a scale of ratios."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def rows(self, *splits: str) -> np.ndarray:
        """Rows of some splits."""
        return np.concatenate([self.gathered.split.rows(self.gathered.dataset, name) for name in splits])

    def set_labels(self, rows: np.ndarray, labels: np.ndarray) -> None:
        """Other labels for some rows."""
        dataset = self.gathered.dataset
        assert dataset.target is not None
        column = dataset.target.columns[0]
        values = np.array(dataset.table[column].to_list(), dtype=object)
        values[rows] = labels
        table = dataset.table.with_columns(pl.Series(column, values.tolist(), dtype=dataset.table.schema[column]))
        self.gathered = replace(self.gathered, dataset=replace(dataset, table=table))

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """Labels of some rows."""
        dataset = self.gathered.dataset
        assert dataset.target is not None
        return np.array(dataset.table[dataset.target.columns[0]].to_list(), dtype=object)[rows]

    def change(self, rows: np.ndarray, strength: float) -> None:
        """Some rows as another camera or another office would give them."""
        if isinstance(self.gathered.pixels, PixelsInMemory):
            pixels = self.gathered.pixels.tensor.numpy().copy()
            part = pixels[rows].astype(np.float32)
            noise = self.rng.normal(0, 60 * strength, part.shape)
            pixels[rows] = np.clip(np.roll(part, round(4 * strength), axis=-1) * 0.6 + 60 + noise, 0, 255).astype(
                np.uint8
            )
            self.gathered = replace(self.gathered, pixels=PixelsInMemory(pixels))
            return
        dataset, table = self.gathered.dataset, self.gathered.dataset.table
        inside = np.zeros(len(table), dtype=bool)
        inside[rows] = True
        for place, name in enumerate(dataset.numbers):
            values = table[name].cast(pl.Float64).to_numpy().copy()
            spread = np.nanstd(values)
            shift = (1 if place % 2 else -1) * 1.5 * strength * spread
            values[inside] = values[inside] + shift
            table = table.with_columns(pl.Series(name, values))
        self.gathered = replace(self.gathered, dataset=replace(dataset, table=table))


def small_network(plot: Plot) -> None:
    """One or two neurons."""
    if plot.has_images:
        plot.settings |= {"model.name": "mlp", "model.options.hidden": str(int(plot.rng.integers(2, 4)))}
    else:
        plot.settings |= {"model.name": "mlp", "model.options.hidden": "1"}


def short(plot: Plot) -> None:
    """One epoch."""
    plot.settings |= {"train.epochs": "1", "train.batch_size": "128"}


def low_rate(plot: Plot) -> None:
    """A rate 30 to 100 times too low."""
    plot.settings["train.optimizer.learning_rate"] = f"{2e-3 / plot.between(60, 200):.3g}"


def high_rate(plot: Plot) -> None:
    """A rate 50 to 200 times too high."""
    plot.settings["train.optimizer.learning_rate"] = f"{2e-3 * plot.between(60, 200):.3g}"


def little_data(plot: Plot) -> None:
    """A hundred or two examples, learnt by heart."""
    plot.num_train = int(plot.between(100, 250))
    plot.settings |= {"train.epochs": "30", "train.optimizer.weight_decay": "0"}


def random_noise(plot: Plot) -> None:
    """Every fifth label is another one."""
    rows = plot.rows("train", "dev")
    chosen = rows[plot.rng.random(len(rows)) < plot.between(0.17, 0.25)]
    names = sorted(set(plot.labels(rows)))
    labels = [plot.rng.choice([name for name in names if name != label]) for label in plot.labels(chosen)]
    plot.set_labels(chosen, np.array(labels, dtype=object))


def systematic_noise(plot: Plot) -> None:
    """Each class is often taken for the next one."""
    rows = plot.rows("train", "dev")
    names = sorted(set(plot.labels(rows)))
    following = dict(zip(names, [*names[1:], names[0]], strict=True))
    chosen = rows[plot.rng.random(len(rows)) < plot.between(0.17, 0.25)]
    plot.set_labels(chosen, np.array([following[label] for label in plot.labels(chosen)], dtype=object))


def other_distribution(plot: Plot) -> None:
    """Train and train-dev come from elsewhere."""
    plot.change(plot.rows("train", "train_dev"), plot.between(0.8, 1.2))


def dev_unlike_test(plot: Plot) -> None:
    """Test is as the world is; train and dev are not."""
    plot.change(plot.rows("train", "dev"), plot.between(0.8, 1.2))


def leaky_split(plot: Plot) -> None:
    """Most of dev stands in train, too, which is learnt by heart."""
    little_data(plot)
    plot.num_train, plot.num_dev = 400, 300
    plot.settings["leak"] = "yes"


def unscaled(plot: Plot) -> None:
    """A few entries are off by a factor of a million, and columns are scaled by their deviation."""
    dataset, table = plot.gathered.dataset, plot.gathered.dataset.table
    rows = plot.rng.choice(plot.rows("train"), 3, replace=False)
    for name in dataset.numbers:
        values = table[name].cast(pl.Float64).to_numpy().copy()
        values[rows] = np.nanmax(np.abs(values)) * plot.between(1e4, 1e6)
        table = table.with_columns(pl.Series(name, values))
    plot.gathered = replace(plot.gathered, dataset=replace(dataset, table=table))
    plot.settings |= {"data.numbers": "standard", "model.name": "mlp"}


def wrong_augmentation(plot: Plot) -> None:
    """Pictures are turned upside down and shifted half out of sight."""
    augment = {
        "rotate_degrees": 180,
        "shift_fraction": round(plot.between(0.3, 0.5), 2),
        "fewest_epochs": 0,
        "light": 0.9,
    }
    plot.settings |= {f"data.augment.{name}": str(value) for name, value in augment.items()}


def imbalance(plot: Plot) -> None:
    """One class has a fiftieth of the examples, and accuracy is the goal."""
    plot.settings["keep"] = "0.02"


def small_dev(plot: Plot) -> None:
    """Twelve to twenty examples of dev."""
    plot.num_dev = int(plot.rng.integers(12, 20))


CAUSES = {
    "small_network": Cause(small_network, ALL, BIAS),
    "short": Cause(short, ALL, BIAS),
    "low_rate": Cause(low_rate, ALL, BIAS),
    "high_rate": Cause(high_rate, ALL, BIAS),
    "little_data": Cause(little_data, ALL, VARIANCE),
    "random_noise": Cause(random_noise, ALL, LABELS),
    "systematic_noise": Cause(systematic_noise, ALL, LABELS),
    "other_distribution": Cause(other_distribution, ALL, ("data_mismatch",), "target_like_data"),
    "dev_unlike_test": Cause(dev_unlike_test, ALL, ("dev_overfit",), "fresh_dev"),
    "leaky_split": Cause(leaky_split, ALL, ("dev_overfit",), "fresh_dev"),
    "unscaled": Cause(unscaled, TABLES, BIAS),
    "wrong_augmentation": Cause(wrong_augmentation, ("fashion",), BIAS),
    "imbalance": Cause(imbalance, ("fashion", "housing"), (*LABELS, "none", "undecided"), "another_metric"),
    "small_dev": Cause(small_dev, ALL, ("undecided",), "larger_dev"),
}


def all_scenarios(seeds: int = 2) -> list[Scenario]:
    """Every cause on every set that it can be planted in."""
    return [
        Scenario(cause=name, data=data, seed=seed, verdicts=cause.verdicts, told=cause.told)
        for seed in range(seeds)
        for name, cause in CAUSES.items()
        for data in cause.sets
    ]


USUAL = {
    "fashion": {"model.name": "convnet", "model.options.width": "8", "train.epochs": "10", "data.augment": "none"},
    "adult": {"model.name": "mlp", "model.options.hidden": "64,32", "train.epochs": "15"},
    "housing": {"model.name": "mlp", "model.options.hidden": "64,32", "train.epochs": "25"},
}


@cache
def _whole(data: str, folder: Path) -> Gathered:
    """A data set, opened and decoded once."""
    if data == "fashion":
        return gather(RunConfig(path=str(folder / "fashion_mnist"), task="classify"), base=Path())
    if data == "adult":
        return gather(RunConfig(path=str(folder / "adult_income"), task="classify"), base=Path())
    table = pl.read_csv(folder / "california_housing" / "housing.csv")
    cuts = [table["median_house_value"].quantile(share) for share in (0.25, 0.5, 0.75)]
    names = ["1 low", "2 middle", "3 high", "4 top"]
    price = table["median_house_value"].cut(cuts, labels=names).cast(pl.String)
    made = Path(tempfile.mkdtemp(prefix="advice-")) / "housing.csv"
    table.drop("median_house_value").with_columns(price.alias("price")).write_csv(made)
    return gather(RunConfig(path=str(made), task="classify", target="price"), base=Path())


def build(scenario: Scenario, folder: Path) -> Workbench:
    """The training of a scenario, ready to be tried."""
    cause, whole = CAUSES[scenario.cause], _whole(scenario.data, folder)
    generator = rng(scenario.seed, "advice", scenario.cause, scenario.data)
    plot = Plot(scenario.data, generator, whole, dict(USUAL[scenario.data]))
    by_size = cause.plant in (little_data, leaky_split, small_dev, imbalance)
    if by_size:
        cause.plant(plot)
    leaks, keep = plot.settings.pop("leak", None) is not None, float(plot.settings.pop("keep", "1"))
    plot.gathered = _dealt(whole, generator, plot.num_train, plot.num_dev, leaks=leaks, keep=keep)
    if not by_size:
        cause.plant(plot)
    config = RunConfig(path=scenario.name, task="classify", goal="accuracy", seed=scenario.seed)
    for path, text in plot.settings.items():
        config = config.override(path, text)
    target = plot.gathered.dataset.target
    assert target is not None
    config = replace(config, target=",".join(target.columns))
    return Workbench(config=assemble(plot.gathered, config).config, base=Path(), gathered=plot.gathered)


def _dealt(
    whole: Gathered, generator: np.random.Generator, num_train: int, num_dev: int, *, leaks: bool, keep: float
) -> Gathered:
    """Some examples of a set, dealt out at random; with leaks, most of dev are copies of train's."""
    dataset = whole.dataset
    assert dataset.target is not None
    order = generator.permutation(len(dataset))
    test, rest = order[:NUM_TEST], order[NUM_TEST:]
    if keep < 1:
        labels = np.array(dataset.table[dataset.target.columns[0]].to_list(), dtype=object)
        rare = sorted(set(labels))[0]
        rest = rest[(labels[rest] != rare) | (generator.random(len(rest)) < keep)]
        test = test[(labels[test] != rare) | (generator.random(len(test)) < keep)]
    train_dev_size = min(300, num_train // 3)
    sizes = (num_train, train_dev_size, num_dev)
    train, train_dev, dev = np.split(rest[: sum(sizes)], np.cumsum(sizes)[:-1])
    names = ["train"] * len(train) + ["train_dev"] * len(train_dev) + ["dev"] * len(dev) + ["test"] * len(test)
    if leaks:
        dev = np.concatenate([generator.choice(train, round(0.9 * num_dev), replace=False), dev[: num_dev // 10]])
        train_dev = train_dev[:0]
        names = ["train"] * len(train) + ["dev"] * len(dev) + ["test"] * len(test)
    rows = np.concatenate([train, train_dev, dev, test])
    part = dataset.take(rows)
    ids = [f"{place}" for place in range(len(rows))]
    part = replace(part, table=part.table.with_columns(pl.Series("id", ids)))
    split = Split(pl.DataFrame({"id": ids, "split": names}), sha256="advice")
    pixels = whole.pixels
    if isinstance(pixels, PixelsInMemory):
        pixels = PixelsInMemory(pixels.tensor.numpy()[rows])
    return replace(whole, dataset=part, split=split, pixels=pixels)
