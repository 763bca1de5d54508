"""Labels set by hand: a data set, what its corrections file adds, and each new value saved at once.

The source is never written to. `rumbo.serve` shows a `LabelBook` as a page; it can be used without one too.
"""

import dataclasses
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rumbo.api.label_values import as_text, box, class_name, entries, names_in, parsed, point_list, tag_list
from rumbo.core.errors import DataError, StorageError, UsageError, os_reason
from rumbo.core.messages import t
from rumbo.data import open_data
from rumbo.data.corrections import (
    MADE_TARGETS,
    Correction,
    append_corrections,
    corrected,
    read_corrections,
)
from rumbo.data.manifest import POINT, Dataset, SignalKind, Target, TargetKind
from rumbo.data.pictures.decode import BadImage

WHY = "rumbo label"


class Tool(Enum):
    """What is set."""

    CLASSES = "classes"
    BOXES = "boxes"
    POINTS = "points"
    TAGS = "tags"


TOOL_OF_KIND = {
    TargetKind.CLASS: Tool.CLASSES,
    TargetKind.IDENTITY: Tool.CLASSES,
    TargetKind.BOXES: Tool.BOXES,
    TargetKind.POINTS: Tool.POINTS,
}
EXPORTS = {
    Tool.CLASSES: ("folder", "csv"),
    Tool.BOXES: ("coco", "voc", "yolo"),
    Tool.POINTS: ("coco", "csv"),
    Tool.TAGS: (),
}
"""Formats that can hold what a tool sets."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far one is.

    Attributes:
        items: all examples.
        labelled: those that have a value of the tool's field.
        saved: values written since the book was opened.
    """

    items: int
    labelled: int
    saved: int


class LabelBook:
    """A data set with the values of one field and the tags, changed by hand.

    Args:
        dataset: the examples; pictures, texts or sounds.
        tool: what is set.
        out: the corrections file; made with the first change.
        classes: names beside those of the data; for points, their names in order.
        who: written beside each change.

    Attributes:
        field: the column that the tool sets.
        classes: names of classes or points that are known, in order.
        strays: corrections of the file that are of no example of this set.
    """

    def __init__(self, dataset: Dataset, tool: Tool, out: Path, *, classes: Sequence[str] = (), who: str = ""):
        self.dataset, self.tool, self.out, self.who = dataset, tool, out, who
        self.field = _field(dataset, tool)
        self.ids = dataset.ids
        self._row_of = {name: row for row, name in enumerate(self.ids)}
        self._values: dict[str, list[Any]] = {name: _column(dataset, name) for name in {self.field, "tags"}}
        self._writing = threading.Lock()
        self._saved = 0
        self.strays = self._lay_over(read_corrections(out) if out.exists() else ())
        self._tags = {tag for tags in self._values["tags"] for tag in tags or ()}
        target = dataset.target
        given = target.classes if target is not None and TOOL_OF_KIND.get(target.kind) == tool else ()
        self.classes = list(dict.fromkeys((*given, *classes, *self._met_classes())))

    def __len__(self) -> int:
        return len(self.ids)

    def value(self, row: int, field: str | None = None) -> Any:
        """The value in force: None = not set. Boxes and points are lists of dictionaries, tags a list of texts."""
        return self._values[field or self.field][row]

    def progress(self) -> Progress:
        """How far one is."""
        labelled = sum(value is not None for value in self._values[self.field])
        return Progress(items=len(self), labelled=labelled, saved=self._saved)

    def change(self, row: int, field: str, value: Any) -> Any:
        """Set a value and save it before returning; the value as it was brought into form.

        Raises:
            DataError: it is no value of that field.
            StorageError: it cannot be written; nothing is changed then.
        """
        if field not in self._values:
            raise DataError(t("'{field}' is not set here.", field=field))
        with self._writing:
            formed = self._formed(row, field, value)
            name, text = self.ids[row], as_text(formed)
            self._save(Correction(id=name, field=field, value=text, who=self.who, when=_now(), why=WHY))
            self._values[field][row] = formed
            self._saved += 1
            if self.tool is Tool.CLASSES or self.tool is Tool.BOXES:
                self.classes += [name for name in names_in(field, self.field, formed) if name not in self.classes]
        return formed

    def size(self, row: int) -> tuple[int, int] | None:
        """Width and height of a picture in px; None when it has none or cannot be read."""
        if self.dataset.images is None:
            return None
        try:
            height, width, _ = self.dataset.images.size(row)
        except BadImage:
            return None
        return width, height

    def _save(self, correction: Correction) -> None:
        try:
            append_corrections(self.out, [correction])
            _flush_folder(self.out.parent)
        except OSError as problem:
            message = t("'{path}' cannot be written: {problem}.", path=self.out, problem=os_reason(problem))
            raise StorageError(message) from None
        except (DataError, UsageError) as problem:  # somebody else changed the file meanwhile
            raise StorageError(str(problem)) from None

    def _lay_over(self, corrections: Sequence[Correction]) -> int:
        strays = 0
        for correction in corrections:
            row = self._row_of.get(correction.id)
            if row is None:
                strays += 1
            elif correction.field in self._values:
                value = parsed(correction, self.out, is_text=correction.field == self.field and self._is_class)
                self._values[correction.field][row] = value
        return strays

    @property
    def _is_class(self) -> bool:
        return self.tool is Tool.CLASSES

    def _met_classes(self) -> list[str]:
        if self.tool not in (Tool.CLASSES, Tool.BOXES):
            return []
        return sorted({n for v in self._values[self.field] for n in names_in(self.field, self.field, v)})

    def _formed(self, row: int, field: str, value: Any) -> Any:
        if value is None:
            return None
        if field == "tags":
            tags = tag_list(value, self._tags)
            self._tags.update(tags)
            return tags
        if self.tool is Tool.CLASSES:
            return class_name(value, self.classes)
        size = self.size(row)
        if size is None:
            raise DataError(t("'{id}' has no picture to draw on.", id=self.ids[row]))
        if self.tool is Tool.BOXES:
            return [box(entry, size, self.classes) for entry in entries(value)]
        return point_list(entries(value), size, len(self.classes))


def open_labels(
    path: str | Path,
    *,
    out: str | Path | None = None,
    task: str | None = None,
    classes: Sequence[str] = (),
    labelled: bool | None = None,
    who: str = "",
) -> LabelBook:
    """A data set ready for labelling.

    Args:
        path: anything that `open_data` takes and that has pictures, texts or sounds.
        out: the corrections file, outside of the data; None: `<name>-corrections.csv` in the current folder, or
            beside the data when that is inside of them.
        task: a value of `Tool`; None takes what the data have, else classes.
        classes: names beside those of the data.
        labelled: False leaves the labels of the data aside; None takes them where there are some.
        who: written beside each change.

    Raises:
        UsageError: no such path or tool, or a place where nothing can be written.
        DataError: no data set, nothing to look at, or a damaged corrections file.
    """
    dataset = _opened(path, labelled)
    if dataset.images is None and (
        dataset.signals is None or dataset.signals.kind not in (SignalKind.TEXT, SignalKind.AUDIO)
    ):
        raise DataError(
            t("'{path}' ({format}) holds no pictures, texts or sounds to label.", path=path, format=dataset.format)
        )
    if not len(dataset):
        raise DataError(t("'{path}' holds no examples.", path=path))
    tool = _tool(dataset, task)
    if tool in (Tool.BOXES, Tool.POINTS) and dataset.images is None:
        raise UsageError(t("{tool} are set on pictures; '{path}' has none.", tool=tool.value, path=path))
    named = tuple(class_name(name, ()) for name in classes)
    return LabelBook(dataset, tool, _place(path, out), classes=named, who=who)


def export_labels(
    book: LabelBook,
    to: str,
    out: str | Path,
    *,
    data: Dataset | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """Write the data set with its new labels in another format, by `rumbo.api.conversion`.

    Args:
        book: what was labelled; its corrections are read from their file.
        to: a format of `rumbo convert`.
        out: a new folder.
        data: what `labelled_data` made of the book, where it is known already.
        progress: called with (done, total).
    """
    from rumbo.api.conversion import convert

    return convert(data or labelled_data(book), to=to, out=out, progress=progress)


def labelled_data(book: LabelBook) -> Dataset:
    """The examples that have a label and can be read, with the tool's target and all corrections of the file.

    Raises:
        DataError: none has one.
    """
    if not book.progress().labelled:
        raise DataError(t("nothing has a label yet."))
    known, others = set(book.ids), set(MADE_TARGETS) - {book.field, *book.dataset.table.columns}
    given = read_corrections(book.out) if book.out.exists() else ()
    data = corrected(_with_target(book), [c for c in given if c.id in known and c.field not in others])
    is_labelled = np.array([book.value(row) is not None for row in range(len(book))])
    is_read = np.array([book.dataset.images is None or book.size(row) is not None for row in range(len(book))])
    decisions = data.decisions
    if missing := int((~is_labelled).sum()):
        decisions += (t("{count} examples without a label were left out.", count=missing),)
    if unread := len(data.bad) + int((is_labelled & ~is_read).sum()):
        decisions += (t("examples left out because they cannot be read: {count}.", count=unread),)
    if not (is_labelled & is_read).any():
        raise DataError(t("nothing that has a label can be read."))
    data = dataclasses.replace(data, decisions=decisions, bad=())
    return _with_equal_points(data).take(is_labelled & is_read)


def _with_target(book: LabelBook) -> Dataset:
    """The data set with what the tool sets as its target, with or without values yet."""
    data = book.dataset
    if book.tool is Tool.TAGS:
        return data
    kind, dtype = MADE_TARGETS[{Tool.CLASSES: "class"}.get(book.tool, book.tool.value)]
    if data.target is not None and data.target.columns == (book.field,):
        kind = data.target.kind
    table = data.table
    if book.field not in table.columns:
        table = table.with_columns(pl.lit(None, dtype=dtype).alias(book.field))
    target = Target(columns=(book.field,), kind=kind, classes=tuple(book.classes), reason=t("labels were set by hand."))
    return dataclasses.replace(data, table=table, target=target)


def _with_equal_points(data: Dataset) -> Dataset:
    """Every example has a place for every point, where points have no names and so any number of them."""
    if data.target is None or data.target.kind is not TargetKind.POINTS:
        return data
    column, count = data.target.columns[0], len(data.target.classes)
    missing = {"x": None, "y": None, "visible": None}
    lists = data.table[column].to_list()
    padded = [None if found is None else [*found, *[missing] * (count - len(found))] for found in lists]
    table = data.table.with_columns(pl.Series(column, padded, dtype=pl.List(POINT)))
    return dataclasses.replace(data, table=table)


def _opened(path: str | Path, labelled: bool | None) -> Dataset:
    if labelled is False:
        return open_data(path, labelled=False)
    try:
        return open_data(path)
    except DataError as problem:
        try:
            return open_data(path, labelled=False)
        except DataError:
            raise problem from None


def _tool(dataset: Dataset, task: str | None) -> Tool:
    if task is not None:
        if task not in [tool.value for tool in Tool]:
            allowed = ", ".join(tool.value for tool in Tool)
            raise UsageError(t("{path}='{text}' must be one of: {allowed}.", path="--task", text=task, allowed=allowed))
        return Tool(task)
    if dataset.target is None:
        return Tool.CLASSES
    return TOOL_OF_KIND.get(dataset.target.kind, Tool.TAGS)


def _field(dataset: Dataset, tool: Tool) -> str:
    target = dataset.target
    if tool is Tool.CLASSES:
        has_class = target is not None and target.kind in (TargetKind.CLASS, TargetKind.IDENTITY)
        return target.columns[0] if target is not None and has_class else "class"
    return tool.value


def _column(dataset: Dataset, field: str) -> list[Any]:
    """The values of a column, as Python's; None for all where there is no such column."""
    if field not in dataset.table.columns:
        return [None] * len(dataset)
    return dataset.table[field].to_list()


def _place(path: str | Path, out: str | Path | None) -> Path:
    """The corrections file, never among the data: a table in a folder of pictures would change what the folder is."""
    source = Path(path).expanduser()
    file = Path(out).expanduser() if out is not None else Path(f"{_stem(path)}-corrections.csv")
    if not file.parent.is_dir():
        raise UsageError(t("the folder of --out '{path}' does not exist.", path=file))
    if file.is_dir():
        raise UsageError(t("--out '{path}' is a folder; a file is needed.", path=file))
    if source.is_dir() and file.parent.resolve().is_relative_to(source.resolve()):
        if out is None:
            return source.resolve().parent / file.name
        raise UsageError(
            t(
                "--out '{path}' lies in the data '{source}', which stay as they are. Give another place.",
                path=file,
                source=source,
            )
        )
    return file


def _stem(path: str | Path) -> str:
    """The name that the corrections file begins with."""
    place = Path(path).expanduser()
    name = place.resolve().name if place.is_dir() else place.stem
    return name or "data"


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _flush_folder(folder: Path) -> None:
    """Make a rename durable, where the system lets one."""
    flag = getattr(os, "O_DIRECTORY", None)
    if flag is None:
        return
    descriptor = os.open(folder, os.O_RDONLY | flag)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
