"""Where a classifier of two features changes its mind."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest

from rumbo.core.errors import DataError, OptionError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.data import Dataset, Split, SplitOptions, Target, TargetKind, make_split, open_data
from rumbo.data.preprocess import Preprocess, fit_preprocess
from rumbo.lab.experiment import Cell, Experiment, Result, Track, experiments, unseen
from rumbo.lab.finished import FinishedRun, is_run, open_run, refuse_runs
from rumbo.lab.training import train_classifier
from rumbo.plots.panels import Regions
from rumbo.reference.arrays import Array, Integers
from rumbo.tasks.task import DatasetTask
from rumbo.tasks.trained import ModelSpec

Booleans: TypeAlias = NDArray[np.bool_]

MAX_CLASSES = 8
"""So many colors can be told apart."""
MAX_MODELS = 4
GRID = 160
"""Places along each side of the picture."""
MAX_POINTS = 300
"""Examples that are drawn."""
LINEAR = ("logistic_regression", "softmax_regression")
"""Their cost is convex, and their few weights have a long way to go from 0."""
NUM_MADE_UP = 3_000


class Plane(NamedTuple):
    """Examples with two features, and the part of the plane that they fill."""

    data: Dataset
    split: Split
    x: Array
    y: Array

    @property
    def names(self) -> tuple[str, str]:
        """Of the features."""
        first, second = self.data.numbers
        return first, second

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names, in the order of their codes."""
        assert self.data.target is not None
        return self.data.target.classes

    def places(self, table: pl.DataFrame) -> Array:
        """The features of a table's rows, n x 2."""
        return table.select(self.names).cast(pl.Float64).fill_null(np.nan).to_numpy()

    def codes(self, table: pl.DataFrame) -> Integers:
        """The classes of a table's rows."""
        assert self.data.target is not None
        code_of = {name: code for code, name in enumerate(self.classes)}
        return np.array([code_of[name] for name in table[self.data.target.columns[0]].to_list()], dtype=np.int64)

    def part(self, split: str) -> Dataset:
        """The examples of a split."""
        return self.data.take(self.split.rows(self.data, split))


class Judge(NamedTuple):
    """Something that gives probabilities of classes, n x k, for a table of features."""

    name: str
    task: DatasetTask | None
    preprocess: Preprocess | None

    def probabilities(self, plane: Plane, table: pl.DataFrame) -> Array:
        """Of each class, n x k."""
        if self.task is None or self.preprocess is None:
            passed = chance_to_pass(plane.places(table))
            return np.stack([1 - passed, passed], axis=1)
        numbers, codes = self.preprocess.table_inputs(table)
        self.task.model.eval()
        with torch.inference_mode():
            return self.task.decode(self.task.model(torch.from_numpy(numbers), torch.from_numpy(codes)))

    @property
    def num_parameters(self) -> int | None:
        """That are trained; None for what is no network."""
        return None if self.task is None else sum(parameter.numel() for parameter in self.task.model.parameters())


@experiments.register("boundary")
@dataclass(frozen=True, kw_only=True)
class Boundary(Experiment):
    """Train networks on two features and color the plane by the probabilities that they give.

    The first network is usually linear: its boundary between two classes is a straight line. All see the same training
    examples, each feature as (x - mean) / std, and take the same number of steps of Adam; nothing is chosen by dev.
    A run that is given stands first, with the scaling that it was trained with, usually by quantiles, piece by piece.
    Whether two networks differ on dev is told by the examples that only one of them has right: a two-sided sign test,
    5 %.
    Source: Teran, "El Perceptrón": a line where w0 + w.x = 0; Borghi, "Regresión logística"; McNemar 1947 for the test.
    """

    about_source: ClassVar[tuple[str, ...]] = ("features", "target")

    models: tuple[str, ...] = option(
        (),
        "networks side by side, separated by commas; when empty, a linear one and mlp (beside a run, the linear one)",
    )
    features: tuple[str, ...] = option((), "the two columns of SOURCE that are features, where it has more than two")
    target: str = option("", "the column of SOURCE that is the class; when empty, one is chosen")
    steps: int = option(1_000, "updates in each training", low=1, high=100_000)
    rate: float = option(
        0.01, "highest learning rate of a training; linear networks take ten times as much", low=1e-9, high=1.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.models) > MAX_MODELS or len(set(self.models)) < len(self.models):
            met = ", ".join(self.models)
            raise OptionError(t("models='{met}' must be up to {limit} different names.", met=met, limit=MAX_MODELS))
        if self.features and (len(self.features) != 2 or self.features[0] == self.features[1]):
            met = ", ".join(self.features)
            raise OptionError(t("features='{met}' must be two different columns.", met=met))

    @classmethod
    def takes(cls) -> str:
        """A table, or a run."""
        return t("a table (CSV, TSV, Parquet) with two columns of numbers and a class, or the folder of a run on one")

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Train and draw; without a source, on the made-up question whether one will pass a class."""
        run = open_run(source) if source is not None and is_run(source) else None
        plane = self._plane(source, run)
        names = self.models or self._usual(len(plane.classes), beside_run=run is not None)
        judges = [self._train(name, plane) for name in track(names, t("training"), len(names))]
        if run is not None:
            name = f"{run.name} ({run.trained.model.name})"
            judges.insert(0, Judge(name, run.trained.task, run.trained.preprocess))
        if source is None:
            judges.append(Judge(t("the rule behind it"), None, None))
        result = self._tell(plane, judges, source)
        return result if run is None else replace(result, finding=result.finding + _by_quantiles(run))

    def _usual(self, num_classes: int, *, beside_run: bool) -> tuple[str, ...]:
        linear = LINEAR[0] if num_classes == 2 else LINEAR[1]
        return (linear,) if beside_run else (linear, "mlp")

    def _plane(self, source: Path | None, run: FinishedRun | None) -> Plane:
        if run is not None:
            self._refuse_columns(run)
            return _on_a_plane(_two_features_of(run), run.split)
        data = made_up(self.seed) if source is None else self._read(source)
        return _on_a_plane(data, make_split(data, SplitOptions(test_fraction=0.0), self.seed))

    def _refuse_columns(self, run: FinishedRun) -> None:
        if self.features or self.target:
            raise UsageError(t("run '{run}' has its columns already: leave out features and target.", run=run.name))

    def _read(self, source: Path) -> Dataset:
        """A table with two features and classes."""
        refuse_runs(source)
        data = open_data(source, target=self.target or None)
        if data.images is not None:
            raise DataError(t("'{source}' holds pictures. Give a table with two columns of numbers and a class.",
                              source=source))  # fmt: skip
        _require_classes(data.target, source)
        if self.features:
            assert data.target is not None
            for name in self.features:
                if name in data.target.columns:
                    raise UsageError(
                        t(
                            "'{column}' is the class, so it cannot be a feature. Choose other features, or another "
                            "class with --set target=NAME.",
                            column=name,
                        )
                    )
                if name not in data.numbers:
                    raise unknown_name("column", name, data.numbers)
            return replace(data, numbers=self.features, categories=())
        if not data.numbers:
            raise DataError(
                t(
                    "a picture of the plane needs two features that are numbers; '{source}' has none. Give another "
                    "table.",
                    source=source,
                )
            )
        if len(data.numbers) == 1:
            raise DataError(
                t(
                    "a picture of the plane needs two features that are numbers; '{source}' has only '{name}'. Give "
                    "another table.",
                    source=source, name=data.numbers[0],
                )
            )  # fmt: skip
        if len(data.numbers) != 2 or data.categories:
            raise DataError(
                t(
                    "a picture of the plane needs two features that are numbers; '{source}' has {numbers} columns of "
                    "numbers ({names}) and {words} of words. Choose two with --set features=A,B.",
                    source=source, numbers=len(data.numbers), names=_some(data.numbers), words=len(data.categories),
                )
            )  # fmt: skip
        return data

    def _train(self, name: str, plane: Plane) -> Judge:
        train = plane.part("train")
        preprocess = fit_preprocess(train, None, None, quantiles=False)
        rate = self.rate * (10 if name in LINEAR else 1)
        model = ModelSpec(name=name, options={})
        trained = train_classifier(train, preprocess, model, steps=self.steps, rate=rate, seed=self.seed)
        return Judge(name, trained.task, preprocess)

    def _tell(self, plane: Plane, judges: Sequence[Judge], source: Path | None) -> Result:
        rights = {split: [_right(judge, plane, plane.part(split).table) for judge in judges]
                  for split in ("train", "dev")}  # fmt: skip
        grid = _grid_table(plane)
        over = [judge.probabilities(plane, grid).reshape(len(plane.y), len(plane.x), -1) for judge in judges]
        rows: list[tuple[Cell, ...]] = [
            (judge.name, _share(train), _share(dev), judge.num_parameters)
            for judge, train, dev in zip(judges, rights["train"], rights["dev"], strict=True)
        ]
        first, second = plane.names
        return Result(
            title=t("Will I pass this class? {count} made-up students", count=len(plane.data))
            if source is None
            else t("Classes of '{name}' over {first} and {second}", name=source.resolve().name, first=first,
                   second=second),
            finding=self._finding(judges, rights["dev"], over),
            columns=(t("model"), t("train accuracy"), t("dev accuracy"), t("parameters")),
            rows=tuple(rows),
            panels=tuple(_panel(plane, judge, shares) for judge, shares in zip(judges, over, strict=True)),
            num_columns=min(len(judges), 3),
        )  # fmt: skip

    def _finding(self, judges: Sequence[Judge], rights: Sequence[Booleans], over: Sequence[Array]) -> str:
        """The first two against each other."""
        count = len(rights[0])
        if not count:
            return t("There are no dev examples to judge by.")
        a, *others = (float(right.mean()) for right in rights)
        if not others:
            return t("{model} is right on {share:.1%} of {count} dev examples.",
                     model=judges[0].name, share=a, count=count)  # fmt: skip
        values = {"first": judges[0].name, "second": judges[1].name, "a": a, "b": others[0], "count": count}
        if differ_by_more_than_chance(rights[0], rights[1]):
            sentence = t(
                "{first} is right on {a:.1%} of {count} dev examples, {second} on {b:.1%}: more than noise.", **values
            )
        else:
            sentence = t(
                "{first} is right on {a:.1%} of {count} dev examples, {second} on {b:.1%}: within noise.", **values
            )
        differ = float((over[0].argmax(-1) != over[1].argmax(-1)).mean())
        return sentence + " " + t("They choose different classes on {share:.1%} of the picture.", share=differ)


def differ_by_more_than_chance(first: Booleans, second: Booleans) -> bool:
    """Whether one is right where the other is wrong more often than coins would fall: two-sided sign test, 5 %."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    num_differ = only_first + only_second
    return num_differ > 0 and float(binomtest(only_first, num_differ).pvalue) < 0.05


def chance_to_pass(places: Array) -> Array:
    """The rule behind the made-up students: lectures (of 30) times hours (of 40) must reach a quarter of the most."""
    return 1 / (1 + np.exp(-40 * (places[:, 0] / 30 * places[:, 1] / 40 - 0.25)))


def made_up(seed: int) -> Dataset:
    """Students with lectures attended and hours studied, at random, and whether they passed."""
    generator = rng(seed, "boundary")
    lectures = generator.integers(0, 31, NUM_MADE_UP).astype(float)
    hours = np.round(generator.uniform(0, 40, NUM_MADE_UP), 1)
    has_passed = generator.uniform(size=NUM_MADE_UP) < chance_to_pass(np.stack([lectures, hours], axis=1))
    features = (t("lectures attended"), t("hours studied"))
    classes = (t("not passed"), t("passed"))
    ids = [f"student {row}" for row in range(NUM_MADE_UP)]
    table = pl.DataFrame(
        {
            "id": ids,
            "content": ids,
            features[0]: lectures,
            features[1]: hours,
            "result": [classes[int(passed)] for passed in has_passed],
        }
    )
    target = Target(columns=("result",), kind=TargetKind.CLASS, classes=classes)
    return Dataset(path=Path("made up"), format="made up", table=table, target=target, numbers=features)


def _two_features_of(run: FinishedRun) -> Dataset:
    """The data of a run whose network takes two numbers and gives a class."""
    preprocess = run.trained.preprocess
    if preprocess.image is not None:
        met = t("pictures")
    else:
        met = t("{numbers} columns of numbers ({names}) and {words} of words", numbers=len(preprocess.numbers),
                names=_some([column.name for column in preprocess.numbers]),
                words=len(preprocess.categories))  # fmt: skip
    if preprocess.image is not None or len(preprocess.numbers) != 2 or preprocess.categories:
        raise DataError(
            t(
                "the network of run '{run}' takes {met}; a picture of the plane needs two features that are numbers. "
                "Give a run on such a table, or the table itself with --set features=A,B.",
                run=run.name, met=met,
            )
        )  # fmt: skip
    _require_classes(run.dataset.target, run.name)
    first, second = (column.name for column in preprocess.numbers)
    classes = getattr(run.trained.task, "classes", ())
    assert run.dataset.target is not None
    return replace(run.dataset, numbers=(first, second), target=replace(run.dataset.target, classes=classes))


def _by_quantiles(run: FinishedRun) -> str:
    """Why the boundary of a run may look like stairs."""
    bent = [column.name for column in run.trained.preprocess.numbers if column.knots]
    if not bent:
        return ""
    return " " + t(
        "The network of run '{run}' takes {names} through quantiles of the training examples: on the picture its "
        "boundary bends, or makes steps, where they lie dense or leave gaps.",
        run=run.name, names=", ".join(bent),
    )  # fmt: skip


def _require_classes(target: Target | None, source: str | Path) -> None:
    """One column of two to `MAX_CLASSES` classes."""
    assert target is not None
    column = ", ".join(target.columns)
    if target.kind is not TargetKind.CLASS:
        raise DataError(
            t(
                "the target '{column}' of '{source}' is {kind}, not one class out of several. Choose a column of "
                "classes with --set target=NAME.",
                column=column, source=source, kind=t("a number") if target.kind is TargetKind.NUMBER else t("labels"),
            )
        )  # fmt: skip
    if not 2 <= len(target.classes) <= MAX_CLASSES:
        raise DataError(
            t(
                "the target '{column}' of '{source}' has {count} classes; 2 to {limit} can be drawn. Choose another "
                "with --set target=NAME.",
                column=column, source=source, count=len(target.classes), limit=MAX_CLASSES,
            )
        )  # fmt: skip


def _on_a_plane(data: Dataset, split: Split) -> Plane:
    """The part of the plane that holds all examples, and a little around it."""
    plane = Plane(data, split, np.zeros(0), np.zeros(0))
    places = plane.places(data.table)
    usable = places[np.isfinite(places).all(axis=1)]
    if not len(usable):
        raise DataError(t("no example of '{source}' has numbers in both features.", source=data.path))
    sides: list[Array] = []
    for low, high in zip(usable.min(axis=0), usable.max(axis=0), strict=True):
        margin = 0.05 * (high - low) or 0.5
        sides.append(np.linspace(low - margin, high + margin, GRID))
    return plane._replace(x=sides[0], y=sides[1])


def _grid_table(plane: Plane) -> pl.DataFrame:
    x, y = np.meshgrid(plane.x, plane.y)
    return pl.DataFrame(dict(zip(plane.names, (x.ravel(), y.ravel()), strict=True)))


def _right(judge: Judge, plane: Plane, table: pl.DataFrame) -> Booleans:
    """Whether each example of a table gets its class."""
    if table.is_empty():
        return np.zeros(0, dtype=bool)
    return judge.probabilities(plane, table).argmax(axis=1) == plane.codes(table)


def _share(right: Booleans) -> float | None:
    return float(right.mean()) if len(right) else None


def _panel(plane: Plane, judge: Judge, probabilities: Array) -> Regions:
    """The plane by one judge, with some of the examples."""
    places = plane.places(plane.data.table)
    usable = np.flatnonzero(np.isfinite(places).all(axis=1))
    shown = rng(0, "boundary: examples drawn").permutation(usable)[:MAX_POINTS]  # tables may be sorted by class
    return Regions(
        title=judge.name,
        x_label=plane.names[0],
        y_label=plane.names[1],
        x=plane.x,
        y=plane.y,
        probabilities=probabilities,
        points=places[shown],
        labels=plane.codes(plane.data.table)[shown],
        classes=plane.classes,
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
