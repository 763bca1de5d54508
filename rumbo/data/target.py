"""Which column is predicted, and as what: a class, a number, or several yes/no labels."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rumbo.core.errors import DataError, UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.data.manifest import SignalKind, Target, TargetKind

KIND_OF_TASK = {
    "classify": TargetKind.CLASS,
    "regress": TargetKind.NUMBER,
    "multilabel": TargetKind.LABELS,
    "localize": TargetKind.BOXES,
    "detect": TargetKind.BOXES,
    "segment": TargetKind.MASK,
    "landmarks": TargetKind.POINTS,
    "embed": TargetKind.IDENTITY,
}
COLUMN_KINDS = (TargetKind.CLASS, TargetKind.NUMBER, TargetKind.LABELS)
"""What columns of a table can be the target of."""
MAX_INTEGER_CLASSES = 20
"""A column with more different whole numbers is a quantity."""
NUMBER_FRACTION = 0.95
"""A column with at least this share of numbers is a number column with faulty entries."""
LARGEST = 1e100
"""Nothing that is measured is larger, and sums of squares stay finite below."""
MISSING = (
    "",
    "?",
    "na",
    "n/a",
    "n.a.",
    "nan",
    "null",
    "none",
    "#n/a",
    "<na>",
    "n/d",
    "n.d.",
    "#n/d",
    "s/d",
    "s.d.",
    "--",
)
"""Entries, in small letters, that mean "not known"."""

_TARGET_WORDS = (
    *("target", "objetivo", "label", "etiqueta", "class", "clase", "price", "precio", "value", "valor"),
    *("targets", "objetivos", "labels", "etiquetas", "classes", "clases"),
)
_ID_WORDS = {"id", "ids", "patient", "paciente", "subject", "sujeto"}
"""Who or what a row is: learned only when asked for, as long as there is another column."""
_YES = ("1", "1.0", "true", "yes", "y", "t", "sí", "si")
_NO = ("0", "0.0", "false", "no", "n", "f")


@dataclass(frozen=True)
class Choice:
    """The target columns, the next best column, and why."""

    columns: tuple[str, ...]
    runner_up: str | None
    reason: str


@dataclass(frozen=True)
class Labels:
    """Target columns as they are stored, with the rows that cannot be used.

    Attributes:
        columns: CLASS String, NUMBER Float64, LABELS Float64 0 or 1.
        target: what they are.
        problems: row -> why it has no usable label.
        decisions: what was changed, finished sentences.
    """

    columns: tuple[pl.Series, ...]
    target: Target
    problems: dict[int, str]
    decisions: tuple[str, ...] = ()


def choose_target(
    columns: Sequence[str], asked: str | None, notes: str = "", only_in_train: str | None = None
) -> Choice:
    """Choose the target column: asked for; else named like one, or named in the set's notes, else the last.

    Args:
        columns: all columns that could be it, in order.
        asked: names separated by commas, or None.
        notes: text of README and .names files.
        only_in_train: a column that the test table lacks.

    Raises:
        UnknownName: a name that was asked for is no column.
    """
    if asked is not None:
        names = (asked,) if asked in columns else tuple(name.strip() for name in asked.split(","))
        for name in names:
            if name not in columns:
                raise unknown_name("column", name, columns)
        if len(set(names)) < len(names):
            raise UsageError(t("a target column is named twice in '{text}'.", text=asked))
        return Choice(names, None, t("'{column}' is the target, as asked.", column=", ".join(names)))
    reasons = _candidates(columns, notes, only_in_train)
    ranked = list(reasons)
    return Choice((ranked[0],), ranked[1] if len(ranked) > 1 else None, reasons[ranked[0]])


def kind_word(kind: TargetKind | None) -> str:
    """What is predicted, as a word for people."""
    match kind:
        case None | TargetKind.NOTHING:
            return t("no labels")
        case TargetKind.CLASS:
            return t("classes")
        case TargetKind.NUMBER:
            return t("numbers")
        case TargetKind.LABELS:
            return t("yes/no labels")
        case TargetKind.BOXES:
            return t("boxes")
        case TargetKind.MASK:
            return t("masks")
        case TargetKind.POINTS:
            return t("points")
        case TargetKind.IDENTITY:
            return t("identities")


def signal_word(kind: SignalKind) -> str:
    """What examples are that are neither pictures nor rows, as a word for people."""
    match kind:
        case SignalKind.TEXT:
            return t("texts")
        case SignalKind.AUDIO:
            return t("sounds")
        case SignalKind.SERIES:
            return t("series")
        case SignalKind.STROKES:
            return t("drawings")
        case SignalKind.VOLUME:
            return t("volumes")


def read_labels(table: pl.DataFrame, choice: Choice, task: str | None, splits: pl.Series | None = None) -> Labels:
    """Turn the target columns of a table of text into classes, numbers or labels.

    Args:
        table: columns of String; null = missing.
        choice: the target columns.
        task: overrides what the values look like.
        splits: the split of each row, where files said so.

    Raises:
        DataError: the values do not fit the task.
    """
    kind = KIND_OF_TASK[task] if task is not None else None
    if kind not in (None, *COLUMN_KINDS):
        raise UsageError(
            t(
                "the task {task} needs annotations that are not here: there is only {columns}. From columns and class "
                "folders one can learn: {tasks}.",
                task=task,
                columns=", ".join(choice.columns),
                tasks=", ".join(name for name, served in KIND_OF_TASK.items() if served in COLUMN_KINDS),
            )
        )
    first, *others = choice.columns
    if others and kind not in (None, TargetKind.LABELS):
        message = t("{count} target columns are yes/no labels: use the task multilabel.", count=len(choice.columns))
        raise UsageError(message)
    if others or kind is TargetKind.LABELS:
        return _yes_no_columns([table[name] for name in choice.columns], choice)
    values = table[first]
    if values.null_count() == len(values):
        raise DataError(
            t(
                "target column '{column}' is empty in all {count} rows. Choose another with --target: {columns}.",
                column=values.name,
                count=len(values),
                columns=", ".join(table.columns[:20]),
            )
        )
    if kind is None:
        kind = _kind_of(values)
    return _numbers(values, choice) if kind is TargetKind.NUMBER else _classes(values, choice, splits)


def to_numbers(values: pl.Series) -> pl.Series:
    """Text as Float64; what is no number becomes null, and beyond `LARGEST` infinite."""
    numbers = values.cast(pl.Float64, strict=False)
    if numbers.null_count() > values.null_count():
        plain = values.str.replace(r"^\+", "").str.replace("\N{MINUS SIGN}", "-", literal=True)
        numbers = plain.cast(pl.Float64, strict=False)
    is_large = numbers.abs() > LARGEST
    if not is_large.any():
        return numbers
    return pl.select(
        pl.when(is_large).then(numbers.sign() * math.inf).otherwise(numbers).alias(values.name)
    ).to_series()


def sort_classes(names: Sequence[str]) -> tuple[str, ...]:
    """Class names in the order of their codes: by value when all are whole numbers, else by name.

    >>> sort_classes(["10", "9"]), sort_classes(["yes", "no"])
    (('9', '10'), ('no', 'yes'))
    """
    if all(re.fullmatch(r"[+-]?\d{1,18}", name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def _candidates(columns: Sequence[str], notes: str, only_in_train: str | None) -> dict[str, str]:
    """Column -> reason, the best first, the last column at the end."""
    found: dict[str, str] = {}
    for word in _TARGET_WORDS:
        for column in columns:
            if column.lower() == word:
                found.setdefault(column, t("'{column}' is the target: its name says so.", column=column))
    if only_in_train is not None:
        found.setdefault(only_in_train, t("'{column}' is the target: the test table lacks it.", column=only_in_train))
    for column in columns:
        if _is_named_target(column, notes):
            found.setdefault(column, t("'{column}' is the target: the set's README names it.", column=column))
    low = [column.lower() for column in columns]
    if "y" in low and "x" not in low:  # beside an x it may be a place
        column = columns[low.index("y")]
        found.setdefault(column, t("'{column}' is the target: its name says so.", column=column))
    for word in _TARGET_WORDS:
        for column in columns:
            if word in _words(column):
                found.setdefault(
                    column, t("'{column}' is the target: its name has the word '{word}'.", column=column, word=word)
                )
    named = [column for column in reversed(columns) if not _ID_WORDS & set(_words(column))]
    others = [column for column in reversed(columns) if column not in named]
    for column in (*named, *others)[:2]:
        is_last = others[:1] != [columns[-1]] or not named
        found.setdefault(
            column,
            t("'{column}' is the target: it is the last column.", column=column)
            if is_last
            else t("'{column}' is the target: it is the last column that identifies nobody.", column=column),
        )
    return found


def _words(column: str) -> list[str]:
    return column.lower().replace("-", "_").replace(" ", "_").split("_")


def _is_named_target(column: str, notes: str) -> bool:
    link = r"\W+(?:(?:is|are|the|column|variable|feature|attribute|named|called)\W+){0,4}"
    return len(column) > 1 and bool(re.search(rf"\btarget{link}{re.escape(column)}\b", notes, re.IGNORECASE))


def _kind_of(values: pl.Series) -> TargetKind:
    present = values.drop_nulls()
    numbers = to_numbers(present).drop_nulls()
    if len(numbers) < NUMBER_FRACTION * len(present) or (len(numbers) < len(present) and present.n_unique() <= 20):
        return TargetKind.CLASS
    whole = bool((numbers.is_finite() & (numbers.floor() == numbers)).all())
    return TargetKind.CLASS if whole and numbers.n_unique() <= MAX_INTEGER_CLASSES else TargetKind.NUMBER


def _numbers(values: pl.Series, choice: Choice) -> Labels:
    numbers = to_numbers(values)
    usable = numbers.is_finite().fill_null(False)
    if usable.sum() < NUMBER_FRACTION * values.count():
        wrong = values.filter(~usable & values.is_not_null())[0]
        raise DataError(
            t(
                "target column '{column}' holds '{value}', which is no number up to 1e100; a regression needs numbers. "
                "Use the task classify, or choose another column with --target.",
                column=values.name,
                value=wrong,
            )
        )
    problems = {row: _problem(values.name, values[row]) for row in np.flatnonzero(~usable.to_numpy()).tolist()}
    target = Target(columns=choice.columns, kind=TargetKind.NUMBER, runner_up=choice.runner_up, reason=choice.reason)
    return Labels((numbers,), target, problems)


def _classes(values: pl.Series, choice: Choice, splits: pl.Series | None) -> Labels:
    given = _plain_integers(values)
    values = _without_final_stop(given, splits)
    decisions: tuple[str, ...] = ()
    if count := int((given != values).sum()):
        decisions = (t("a full stop at the end of {count} labels was removed.", count=count),)
    problems = {row: _problem(values.name, None) for row in np.flatnonzero(values.is_null().to_numpy()).tolist()}
    names = sort_classes(values.drop_nulls().unique().to_list())
    if len(names) > 20 and len(names) > values.count() / 2:
        wrong = values.filter(to_numbers(values).is_null() & values.is_not_null())
        if 0 < len(wrong) < values.count() / 2:
            raise DataError(
                t(
                    "target column '{column}' is mostly numbers, but {count} of {rows} entries are none: '{value}'. "
                    "Correct or empty them, or choose another column with --target.",
                    column=values.name,
                    count=len(wrong),
                    rows=values.count(),
                    value="', '".join(wrong.unique(maintain_order=True).head(3).to_list()),
                )
            )
        raise DataError(
            t(
                "target column '{column}' holds {classes} different values in {count} rows: these are no classes. "
                "Choose another column with --target, or the task regress if they are numbers.",
                column=values.name,
                classes=len(names),
                count=values.count(),
            )
        )
    target = Target(
        columns=choice.columns,
        kind=TargetKind.CLASS,
        classes=names,
        runner_up=choice.runner_up,
        reason=choice.reason,
    )
    return Labels((values,), target, problems, decisions)


def _plain_integers(values: pl.Series) -> pl.Series:
    """`1.0` becomes `1` when all values are whole numbers, as a table with gaps writes them."""
    numbers = to_numbers(values)
    whole = numbers.null_count() == values.null_count() and bool((numbers.floor() == numbers).all())
    if not whole or not values.str.contains(".", literal=True).any() or bool((numbers.abs() > 2**53).any()):
        return values
    return numbers.cast(pl.Int64).cast(pl.String).alias(values.name)


def _without_final_stop(values: pl.Series, splits: pl.Series | None) -> pl.Series:
    """Take off a full stop that ends every label of a split (UCI's adult test file has it)."""
    if values.drop_nulls().is_empty() or to_numbers(values).null_count() < len(values):
        return values
    parts = splits if splits is not None else pl.Series(["all"] * len(values))
    for part in parts.unique().to_list():
        inside = parts == part
        if values.filter(inside).drop_nulls().str.ends_with(".").all():
            stripped = values.str.strip_suffix(".")
            values = pl.select(pl.when(inside).then(stripped).otherwise(values).alias(values.name)).to_series()
    return values


def _yes_no_columns(columns: Sequence[pl.Series], choice: Choice) -> Labels:
    answers = tuple(_yes_no(column) for column in columns)
    empty = pl.DataFrame(list(answers)).select(pl.all_horizontal(pl.all().is_null())).to_series()
    names = ", ".join(choice.columns)
    problems = {row: _problem(names, None) for row in np.flatnonzero(empty.to_numpy()).tolist()}
    target = Target(columns=choice.columns, kind=TargetKind.LABELS, classes=choice.columns, reason=choice.reason)
    return Labels(answers, target, problems)


def _yes_no(values: pl.Series) -> pl.Series:
    low = values.str.to_lowercase()
    answer = pl.when(low.is_in(_YES)).then(1.0).when(low.is_in(_NO)).then(0.0)
    numbers = pl.select(answer.alias(values.name)).to_series()
    if numbers.null_count() > values.null_count():
        wrong = values.filter(numbers.is_null() & values.is_not_null())[0]
        raise DataError(
            t(
                "label column '{column}' holds '{value}'; allowed are 0, 1, yes, no, true, false or nothing. "
                "For a single class or a number, give one column with --target.",
                column=values.name,
                value=wrong,
            )
        )
    return numbers.cast(pl.Float64)


def _problem(column: str, value: str | None) -> str:
    if value is None:
        return t("column '{column}' is empty", column=column)
    return t("'{value}' in column '{column}' is no number", value=value, column=column)
