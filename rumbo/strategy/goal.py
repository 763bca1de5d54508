"""What runs are judged by: one optimizing metric, and satisficing requirements that must only be met.

What can stand for a metric, and in front of the operator of a requirement:

- `f1_macro`: every metric of the task;
- `recall[CLASS]`, `precision[CLASS]`, `f1[CLASS]`: of one class or label;
- `mean(METRIC@COLUMN)`, `worst(METRIC@COLUMN)`: over the slices that the values of a column cut, unweighted;
- `latency_ms`, `size_mb`, `memory_mb`, `parameters`: measured on the finished model.

Words: Ng 2018, "Machine Learning Yearning", ch. 8-9.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rumbo import metrics
from rumbo.core.errors import UnknownName, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.metrics.index import INDEX, OF_COSTS, ONE_CLASS

Operator = Literal["<=", ">=", "<", ">"]
Over = Literal["mean", "worst"]
MEASURED = ("latency_ms", "size_mb", "memory_mb", "parameters")
"""Milliseconds for one example; MB (10^6 bytes) of the model folder, and of a process that answers; numbers in it."""
UNBOUNDED = ("log_loss", "rmse", "mae", "r2", "mean_cost")
"""Metrics that are no share between 0 and 1."""
ROUNDING = 1e-12  # a recall of 9/10 that was summed from weights must not miss 0.9


@dataclass(frozen=True, kw_only=True)
class Known:
    """The names that a goal may use.

    Attributes:
        task: classify, regress or multilabel.
        classes: names of classes or labels.
        columns: what slices can be cut by; None where the data are not at hand, and any name is taken.
        has_costs: whether there is a matrix of costs.
    """

    task: str
    classes: Sequence[str] = ()
    columns: Sequence[str] | None = None
    has_costs: bool = False

    @property
    def metrics(self) -> tuple[str, ...]:
        """The plain metrics, the task's default first."""
        return (*metrics.for_task(self.task, len(self.classes) or None), *(OF_COSTS if self.has_costs else ()))


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One figure of a run, by name.

    Attributes:
        name: of the metric, or one of `MEASURED`.
        class_name: the class or label that it is about; None: all.
        column: the column that cuts slices; None: all examples as one.
        over: what is made of the slices' figures.
        higher_is_better: which way is up.
    """

    name: str
    higher_is_better: bool
    class_name: str | None = None
    column: str | None = None
    over: Over | None = None

    @property
    def is_measured(self) -> bool:
        """Whether it is measured on the finished model rather than on its answers."""
        return self.name in MEASURED

    @property
    def is_share(self) -> bool:
        """Whether it lies between 0 and 1."""
        return not self.is_measured and self.name not in UNBOUNDED

    @property
    def text(self) -> str:
        """As one writes it."""
        inner = self.name if self.class_name is None else f"{self.name}[{self.class_name}]"
        return inner if self.over is None else f"{self.over}({inner}@{self.column})"


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """What must only be good enough."""

    measure: Measure
    operator: Operator
    bound: float

    @property
    def text(self) -> str:
        """As one writes it."""
        return f"{self.measure.text}{self.operator}{self.bound:.12g}"

    def is_met(self, value: float) -> bool:
        """Whether a figure is good enough; one that is not defined is not.

        >>> require("latency_ms<=100", Known(task="classify")).is_met(95)
        True
        """
        room = ROUNDING * max(1.0, abs(self.bound))
        met = {
            "<=": value <= self.bound + room,
            ">=": value >= self.bound - room,
            "<": value < self.bound - room,
            ">": value > self.bound + room,
        }
        return met[self.operator]

    def missed_by(self, value: float) -> float | None:
        """How far a figure is from good enough, >= 0, NaN where it is not defined; None where it is met."""
        return None if self.is_met(value) else abs(value - self.bound)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One optimizing metric and satisficing requirements."""

    measure: Measure
    requirements: tuple[Requirement, ...] = ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Everything that has to be known of a run."""
        return (self.measure, *(requirement.measure for requirement in self.requirements))

    @property
    def measured(self) -> tuple[str, ...]:
        """What has to be measured on the finished model, each name once."""
        return tuple(name for name in MEASURED if any(measure.name == name for measure in self.measures))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that cut slices, each once."""
        return tuple(dict.fromkeys(measure.column for measure in self.measures if measure.column is not None))

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {"goal": self.measure.text, "require": [requirement.text for requirement in self.requirements]}


def parse_goal(metric: str | None, requirements: Sequence[str], known: Known) -> Goal:
    """Read a goal from text.

    Args:
        metric: the optimizing metric; None takes the task's default.
        requirements: such as `latency_ms<=100`.
        known: the names that it may use.

    Raises:
        UnknownName: no such metric, class or column; the nearest ones are told.
        UsageError: what is written is no requirement, or can never be met.

    >>> goal = parse_goal("f1_macro", ["recall[cat]>=90%"], Known(task="classify", classes=("cat", "dog", "fox")))
    >>> goal.measure.text, goal.requirements[0].text
    ('f1_macro', 'recall[cat]>=0.9')
    """
    return Goal(
        measure=parse_measure(metric or metrics.default_goal(known.task), known),
        requirements=tuple(dict.fromkeys(require(text, known) for text in requirements)),
    )


def require(text: str, known: Known) -> Requirement:
    """Read one requirement, such as `recall[cat]>=0.9` or `error<5%`; raises as `parse_goal`."""
    found = re.fullmatch(r"\s*(.+?)\s*(<=|>=|<|>)\s*([^<>=()\[\]]+?)(%?)\s*", text)
    if not found or found[1].endswith("="):
        raise UsageError(
            t(
                "'{text}' is no requirement: write a metric, one of {operators}, and a number, as in {example}.",
                text=text,
                operators="  ".join(get_args(Operator)),
                example="recall[cat]>=0.9",
            )
        )
    measure, percent = parse_measure(found[1], known), found[4] == "%"
    try:
        bound = float(found[3]) / (100 if percent else 1)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise UsageError(t("'{text}': '{value}' must be a number.", text=text, value=found[3]))
    if measure.is_share and not 0 <= bound <= 1:
        raise UsageError(
            t(
                "'{text}': {measure} lies between 0 and 1; 90 percent is written 0.9 or 90%.",
                text=text,
                measure=measure.text,
            )
        )
    if percent and not measure.is_share:
        raise UsageError(t("'{text}': {measure} is no share, so % has no meaning.", text=text, measure=measure.text))
    if measure.is_measured and bound <= 0:
        raise UsageError(t("'{text}': {measure} is always above 0.", text=text, measure=measure.text))
    return Requirement(measure=measure, operator=found[2], bound=bound)  # pyright: ignore[reportArgumentType]


def parse_measure(text: str, known: Known) -> Measure:
    """Read the name of a figure; raises as `parse_goal`.

    >>> parse_measure("worst(accuracy@region)", Known(task="classify")).text
    'worst(accuracy@region)'
    """
    text = text.strip()
    if sliced := re.fullmatch(r"(mean|worst)\((.+)@([^@]+)\)", text, re.DOTALL):
        return _of_slices(sliced[1], sliced[2], sliced[3].strip(), text, known)
    if of_class := re.fullmatch(r"(\w+)\[(.*)\]", text, re.DOTALL):
        return _of_class(of_class[1], of_class[2], text, known)
    if text in MEASURED:
        return Measure(name=text, higher_is_better=False)
    if text in known.metrics:
        entry = OF_COSTS[text] if text in OF_COSTS else INDEX[known.task][text]
        return Measure(name=text, higher_is_better=entry.higher_is_better)
    raise _unknown(text, known)


def _of_slices(over: str, inner: str, column: str, text: str, known: Known) -> Measure:
    measure = parse_measure(inner, known)
    if measure.is_measured or measure.over is not None:
        raise UsageError(
            t("'{text}': slices are cut from examples, so '{inner}' cannot stand there.", text=text, inner=inner)
        )
    if known.columns is not None and column not in known.columns:
        column = f"{column}_"  # as a reader renames a column whose name the manifest has itself
        if column not in known.columns:
            raise unknown_name("column", column[:-1], known.columns)
    return Measure(
        name=measure.name,
        higher_is_better=measure.higher_is_better,
        class_name=measure.class_name,
        column=column,
        over=over,  # pyright: ignore[reportArgumentType]
    )


def _of_class(name: str, class_name: str, text: str, known: Known) -> Measure:
    if not known.classes:
        raise UsageError(t("'{text}' is about a class, but the task {task} has none.", text=text, task=known.task))
    if name not in ONE_CLASS:
        raise unknown_name("metric", name, ONE_CLASS)
    if class_name not in known.classes:
        raise unknown_name("class", class_name, known.classes)
    return Measure(name=name, class_name=class_name, higher_is_better=ONE_CLASS[name].higher_is_better)


def _unknown(name: str, known: Known) -> UsageError:
    """Why a plain name is none."""
    if name in OF_COSTS:
        return UsageError(t("the metric {name} needs a matrix of costs: add --set costs=FILE.csv.", name=name))
    if name in ONE_CLASS and known.classes:
        return UsageError(
            t(
                "'{name}' is about one class: write {example}. Classes: {classes}.",
                name=name,
                example=f"{name}[{known.classes[-1]}]",
                classes=", ".join(known.classes[:20]),
            )
        )
    others = [task for task, entries in INDEX.items() if name in entries and task != known.task]
    if others:
        return UnknownName(
            t(
                "the metric '{name}' is for the task {others}; this one is {task}, which has: {names}.",
                name=name,
                others=", ".join(others),
                task=known.task,
                names=", ".join(known.metrics),
            )
        )
    of_classes = [f"{metric}[CLASS]" for metric in ONE_CLASS] if known.classes else []
    return unknown_name("metric", name, (*known.metrics, *MEASURED, *of_classes))
