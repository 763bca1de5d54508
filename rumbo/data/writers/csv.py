"""Tables: a row for each example; for boxes a row for each box; for points the columns x0, y0, x1, y1 ..."""

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence

import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.delimited import parse_delimited
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.readers import Request
from rumbo.data.readers.landmarks import MIN_POINTS
from rumbo.data.target import MISSING, Choice, read_labels
from rumbo.data.writers import Writer, writers
from rumbo.data.writers.names import keys, portable, split_names, unique, without_masks
from rumbo.data.writers.plan import CLAIMS, FLAGS, Plan, hold, hold_boxes, hold_classes, refuse_names, require

TABLE = "data.csv"
MAX_FIELD_CHARACTERS = 100_000
"""Longer fields are refused by most readers of CSV."""
TASK_OF_KIND = {TargetKind.CLASS: "classify", TargetKind.NUMBER: "regress", TargetKind.LABELS: "multilabel"}
KINDS = (*TASK_OF_KIND, TargetKind.BOXES, TargetKind.POINTS)
WITH_PICTURES = (TargetKind.BOXES, TargetKind.POINTS)
_PICTURE_COLUMNS = ("image", "picture", "file", "image_file", "picture_file")
_LABEL_COLUMNS = ("label", "class", "target", "label_of_image")


def plan(dataset: Dataset) -> Plan:
    """Rows in their order; pictures in the folder `images`."""
    kind = None if dataset.target is None else dataset.target.kind
    is_boxes, needs_pictures = kind is TargetKind.BOXES, kind in WITH_PICTURES
    require(dataset, "csv", KINDS, pictures=needs_pictures)
    assert dataset.target is not None
    features = () if is_boxes else (*dataset.numbers, *dataset.categories, *_plain_columns(dataset))
    held, lost = hold(dataset, columns=features if is_boxes else (*features, "group"))
    names = [] if dataset.images is None else without_masks([portable(key) for key in keys(held)], _places)
    if is_boxes:
        held, gone = hold_boxes(held, (*FLAGS, "polygons"))
        met = {box["class"] for row in held.table["boxes"].to_list() for box in row}
        refuse_names("csv", sorted(name for name in met if not _is_cell(name)), _why())
    elif kind is TargetKind.POINTS:
        if len(dataset.target.classes) < MIN_POINTS:
            raise DataError(t("a table with fewer than {count} points is not recognized as one.", count=MIN_POINTS))
        gone = _lost_marks(held)
        met = set[str]()
        refuse_names("csv", _unreadable_points(dataset.target.classes), _why_points())
    else:
        gone = []
        met = set[str]()
        if dataset.target.kind is TargetKind.CLASS:
            met = set(held.table[dataset.target.columns[0]].to_list())
            refuse_names("csv", _unreadable_classes(held), _why())
    if dataset.target.kind in (TargetKind.CLASS, TargetKind.BOXES):
        held, without_example = hold_classes(held, met)
        gone = [*gone, *without_example]
    return Plan(dataset=held, names=tuple(names), lost=(*lost, *gone))


def annotations(plan: Plan, sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bytes]]:
    """The one table."""
    target = plan.dataset.target
    assert target is not None
    header, rows = _box_rows(plan) if target.kind is TargetKind.BOXES else _rows(plan)
    if target.kind is TargetKind.POINTS:
        header, rows = _point_rows(plan)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    table = [list(row) for row in rows]
    whole = [_is_whole(column) for column in zip(*table, strict=True)]
    for row in table:
        cells = [
            str(int(value)) if is_whole and isinstance(value, float) else _cell(value)
            for value, is_whole in zip(row, whole, strict=True)
        ]
        if (longest := max((len(cell) for cell in cells), default=0)) > MAX_FIELD_CHARACTERS:
            raise DataError(
                t(
                    "a polygon needs {count} characters in one field; {limit} are allowed in a CSV. Choose coco.",
                    count=longest,
                    limit=MAX_FIELD_CHARACTERS,
                )
            )
        writer.writerow(cells)
    data = text.getvalue().encode("utf-8")
    if target.kind not in WITH_PICTURES and parse_delimited(data, TABLE).frame.columns != header:
        raise DataError(
            t("columns called {names} would not be recognized as the header of a CSV.", names=", ".join(header[:20]))
        )
    yield TABLE, data


def request(plan: Plan) -> Request:
    """The target and its kind, as they were: looking alone would take many different whole numbers for quantities."""
    target = plan.dataset.target
    assert target is not None
    if target.kind in WITH_PICTURES:
        return Request()
    columns = _target_columns(plan.dataset)
    return Request(target=",".join(columns), task=TASK_OF_KIND[target.kind], categories=tuple(plan.dataset.categories))


def _places(names: Sequence[str]) -> list[str]:
    return unique([f"images/{name}" for name in names])


def _plain_columns(dataset: Dataset) -> list[str]:
    """Columns that are no inputs, but can stand in a table under their own names."""
    from rumbo.data.manifest import RESERVED

    return [name for name, kind in dataset.table.schema.items() if name not in RESERVED and not kind.is_nested()]


def _rows(plan: Plan) -> tuple[list[str], Iterator[Sequence[object]]]:
    table = plan.dataset.table
    target = plan.dataset.target
    assert target is not None
    features = [name for name in table.columns if name not in (*_SET_APART, *CLAIMS, *target.columns)]
    columns: dict[str, Sequence[object]] = {}
    if plan.names:
        columns[picture_column(plan.dataset)] = plan.names
    columns |= {name: table[name].to_list() for name in ("split", "group") if name in table.columns}
    columns |= {name: table[name].to_list() for name in features}
    columns |= {
        new: table[old].to_list() for new, old in zip(_target_columns(plan.dataset), target.columns, strict=True)
    }
    return list(columns), zip(*columns.values(), strict=True)


def _box_rows(plan: Plan) -> tuple[list[str], Iterator[Sequence[object]]]:
    """A row for each box, and one with the picture alone where it has none."""
    table = plan.dataset.table
    boxes = table["boxes"].to_list()
    fields = [field for field in (*FLAGS, "polygons") if any(box[field] is not None for row in boxes for box in row)]
    about = [name for name in ("split",) if name in table.columns]
    header = [_PICTURE_COLUMNS[0], *about, "class", "x1", "y1", "x2", "y2", *fields]

    def rows() -> Iterator[Sequence[object]]:
        known = zip(*(table[name].to_list() for name in about), strict=True) if about else [()] * len(boxes)
        for name, row, said in zip(plan.names, boxes, known, strict=True):
            for box in row:
                yield [name, *said, *(box[field] for field in ("class", "x1", "y1", "x2", "y2", *fields))]
            if not row:
                yield [name, *said, *[None] * (5 + len(fields))]

    return header, rows()


def _point_rows(plan: Plan) -> tuple[list[str], Iterator[Sequence[object]]]:
    """A row for each picture, two columns for each point; both are empty where it was not marked."""
    table, target = plan.dataset.table, plan.dataset.target
    assert target is not None
    others = [name for name in table.columns if name not in ("id", "content", "points", *CLAIMS)]
    if "identity" in others and "group" in others:
        others.remove("group")  # the reader makes it from the identity
    columns = [table[name].to_list() for name in others]

    def rows() -> Iterator[Sequence[object]]:
        for place, (name, points) in enumerate(zip(plan.names, table["points"].to_list(), strict=True)):
            sides = [point[axis] for point in points for axis in ("x", "y")]
            yield [name, *(column[place] for column in columns), *sides]

    return [_PICTURE_COLUMNS[0], *others, *_point_columns(target.classes)], rows()


def _point_columns(names: Sequence[str]) -> list[str]:
    if all(name.isdecimal() and name.isascii() for name in names):
        return [f"{axis}{name}" for name in names for axis in ("x", "y")]
    return [f"{name}_{axis}" for name in names for axis in ("x", "y")]


def _unreadable_points(names: Sequence[str]) -> list[str]:
    low = [name.lower() for name in names]
    return [name for name in names if not _is_cell(name) or low.count(name.lower()) > 1]


def _lost_marks(dataset: Dataset) -> list[str]:
    points = dataset.table["points"].to_list()
    count = sum(point["visible"] is False for row in points for point in row)
    return [t("the mark 'hidden' of {count} points.", count=count)] if count else []


def _why_points() -> str:
    return t("Points need names that differ in more than capitals, without spaces at the ends.")


_SET_APART = ("id", "content", "split", "group")


def picture_column(dataset: Dataset) -> str:
    """The name of the column of pictures: one that no feature has."""
    return next(name for name in _PICTURE_COLUMNS if name not in dataset.table.columns)


def _target_columns(dataset: Dataset) -> tuple[str, ...]:
    """As they were; a class column whose name is also one of its classes would be taken for a row."""
    target = dataset.target
    assert target is not None
    if target.kind is not TargetKind.CLASS or target.columns[0] not in target.classes:
        return target.columns
    free = (name for name in _LABEL_COLUMNS if name not in target.classes and name not in dataset.table.columns)
    return (next(free, target.columns[0]),)


def _unreadable_classes(dataset: Dataset) -> list[str]:
    """The class names that would come back from a table as others, or as missing."""
    target = dataset.target
    assert target is not None
    column = target.columns[0]
    values = dataset.table[column]
    wrong = {name for name in values.unique().to_list() if not _is_cell(name)}
    if not wrong:
        splits = split_names(dataset)
        marks = None if splits is None else pl.Series("split", splits)
        back = read_labels(dataset.table.select(column), Choice((column,), None, ""), "classify", marks).columns[0]
        wrong = set(values.filter(back != values).to_list())
    return sorted(wrong)


def _is_cell(text: str) -> bool:
    return text == text.strip() and text.lower() not in MISSING and "\0" not in text and _is_text(text)


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_whole(column: Sequence[object]) -> bool:
    """Whether all numbers of a column are whole, none of them -0.0: those read the same without a point."""
    return all(
        not isinstance(value, float)
        or (value.is_integer() and abs(value) < 2**53 and not (value == 0 and math.copysign(1, value) < 0))
        for value in column
    )


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case float():
            return repr(value)
        case list():
            return json.dumps(value, separators=(",", ":"))
        case _:
            return str(value)


def _why() -> str:
    return t("Tables take spaces off the ends, and read words such as 'none' and '?' as missing.")


writers.register("csv")(
    Writer(readers=("table", "box-table", "landmarks"), plan=plan, annotations=annotations, request=request)
)
