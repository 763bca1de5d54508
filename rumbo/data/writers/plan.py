"""What a format will hold of a data set, and what it would lose."""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.target import kind_word
from rumbo.data.writers.names import split_names

CLAIMS = ("annotated_height", "annotated_width")
"""What annotations say of the size; written anew from the pictures themselves."""
FLAGS = ("crowd", "difficult", "truncated")
SHOWN_NAMES = 10


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be written.

    Attributes:
        dataset: the part of the data set that the format holds.
        names: the file of each row's picture in the new set; empty where there are no pictures.
        lost: what the format cannot hold, finished sentences.
    """

    dataset: Dataset
    names: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def require(dataset: Dataset, to: str, kinds: Collection[TargetKind], *, pictures: bool = True) -> None:
    """Stop where a format is not for such data.

    Raises:
        DataError: another kind of target, no pictures, or no examples.
    """
    if dataset.target is None or dataset.target.kind not in kinds:
        met = kind_word(None if dataset.target is None else dataset.target.kind)
        sentence = t(
            "'{path}' has {met}; the format {to} holds {kinds}. Choose another with --to.",
            path=dataset.path,
            met=met,
            to=to,
            kinds=", ".join(kind_word(kind) for kind in TargetKind if kind in kinds),
        )
        if dataset.target is not None and dataset.target.kind is TargetKind.IDENTITY and TargetKind.CLASS in kinds:
            sentence += " " + t("Persons can be read as classes, with --task classify.")
        raise DataError(sentence)
    if pictures and dataset.images is None:
        raise DataError(t("'{path}' has no pictures; the format {to} needs them.", path=dataset.path, to=to))
    if not len(dataset):
        raise DataError(t("'{path}' holds no examples.", path=dataset.path))


def hold(
    dataset: Dataset,
    *,
    columns: Collection[str] = (),
    splits: Collection[str] = ("train", "dev", "test"),
) -> tuple[Dataset, list[str]]:
    """The part of a data set that a format holds, by columns, with a sentence for each thing it would lose.

    Args:
        dataset: what is to be written.
        columns: those that are held beside id, content, split and targets.
        splits: the names that the format can say; none when it has no splits.
    """
    lost = _lost_before(dataset)
    table, target = dataset.table, dataset.target
    kept = {"id", "content", *CLAIMS, *columns, *(target.columns if target else ())}
    given = split_names(dataset)
    if given is not None:
        unheld = sorted({str(name) for name in given if name not in splits})
        if unheld:
            count = sum(str(name) in unheld for name in given)
            lost.append(t("the split of {count} examples: {names}.", count=count, names=", ".join(unheld)))
        else:
            kept.add("split")
    gone = [name for name in table.columns if name not in kept and table[name].null_count() < table.height]
    if target is not None and target.kind is TargetKind.IDENTITY and "group" in gone:
        gone.remove("group")  # it repeats the identity
    if gone := [name for name in gone if name != "split"]:
        lost.append(t("{count} columns: {names}.", count=len(gone), names=_listed(gone)))
    dataset = dataclasses.replace(
        dataset,
        table=table.select(name for name in table.columns if name in kept),
        numbers=tuple(name for name in dataset.numbers if name in kept),
        categories=tuple(name for name in dataset.categories if name in kept),
        bad=(),
        repairs=tuple(repair for repair in dataset.repairs if repair.action != "rejected"),
    )
    return dataset, lost


def hold_classes(dataset: Dataset, met: Collection[str]) -> tuple[Dataset, list[str]]:
    """Classes without an example, which a format without a list of classes loses."""
    target = dataset.target
    assert target is not None
    empty = [name for name in target.classes if name not in met]
    if not empty:
        return dataset, []
    kept = tuple(name for name in target.classes if name in met)
    lost = t("{count} classes without an example: {names}.", count=len(empty), names=_listed(empty))
    return dataclasses.replace(dataset, target=dataclasses.replace(target, classes=kept)), [lost]


def hold_boxes(dataset: Dataset, fields: Collection[str]) -> tuple[Dataset, list[str]]:
    """Boxes with those of the fields crowd, difficult, truncated and polygons that a format has."""
    boxes = dataset.table["boxes"].to_list()
    lost: list[str] = []
    for field in (*FLAGS, "polygons"):
        count = sum(bool(box[field]) for row in boxes for box in row)
        if field not in fields and count:
            lost.append(_lost_field(field, count))
            boxes = [[{**box, field: None} for box in row] for row in boxes]
    if not lost:
        return dataset, []
    column = pl.Series("boxes", boxes, dtype=dataset.table.schema["boxes"])
    return dataclasses.replace(dataset, table=dataset.table.with_columns(column)), lost


def class_counts(dataset: Dataset) -> dict[str, int]:
    """How often each class is met: examples, boxes, marked points, or pixels; by name, in the classes' order."""
    target = dataset.target
    if target is None:
        return {}
    match target.kind:
        case TargetKind.BOXES:
            names = [box["class"] for row in dataset.table["boxes"].to_list() for box in row]
        case TargetKind.POINTS:
            names = [
                target.classes[place]
                for row in dataset.table["points"].to_list()
                for place, point in enumerate(row)
                if point["x"] is not None
            ]
        case TargetKind.MASK:
            return _pixel_counts(dataset, target.classes)
        case TargetKind.LABELS:
            return {name: int((dataset.table[name] == 1).sum()) for name in target.columns}
        case TargetKind.NUMBER:
            return {target.columns[0]: dataset.table[target.columns[0]].count()}
        case TargetKind.CLASS | TargetKind.IDENTITY:
            names = dataset.table[target.columns[0]].to_list()
        case TargetKind.NOTHING:
            names = []
    counts = dict.fromkeys(target.classes, 0)
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def refuse_names(to: str, names: Sequence[str], why: str) -> None:
    """Stop when class names cannot be written in a format.

    Raises:
        DataError: naming them.
    """
    if names:
        raise DataError(
            t(
                "the format {to} cannot hold these class names: {names}. {why} Rename them with --corrections.",
                to=to,
                names=_listed([repr(name) for name in names]),
                why=why,
            )
        )


def _pixel_counts(dataset: Dataset, classes: Sequence[str]) -> dict[str, int]:
    import numpy as np

    assert dataset.masks is not None
    counts = np.zeros(len(classes), np.int64)
    for row in range(len(dataset)):
        met = np.bincount(dataset.masks.read(row).ravel(), minlength=len(classes))
        counts = counts + met[: len(classes)]
    return {name: int(count) for name, count in zip(classes, counts, strict=True)}


def _lost_before(dataset: Dataset) -> list[str]:
    """What reading has left out already."""
    lost: list[str] = []
    if dataset.bad:
        first = dataset.bad[0]
        lost.append(
            t(
                "{count} examples that cannot be used; the first is {id}: {reason}",
                count=len(dataset.bad),
                id=first.id,
                reason=first.reason,
            )
        )
    if rejected := [repair for repair in dataset.repairs if repair.action == "rejected"]:
        first = rejected[0]
        lost.append(
            t(
                "{count} faulty annotations; the first is at {where}: {met}.",
                count=len(rejected),
                where=first.where,
                met=first.met.rstrip("."),
            )
        )
    return lost


def _lost_field(field: str, count: int) -> str:
    match field:
        case "crowd":
            return t("the crowd mark of {count} boxes.", count=count)
        case "difficult":
            return t("the mark 'difficult' of {count} boxes.", count=count)
        case "truncated":
            return t("the mark 'truncated' of {count} boxes.", count=count)
        case _:
            return t("the polygons of {count} boxes.", count=count)


def _listed(names: Sequence[str]) -> str:
    more = f" … (+{len(names) - SHOWN_NAMES})" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more
