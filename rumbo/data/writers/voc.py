"""Pascal VOC: an XML file for each picture, lists of splits; corners from 1, the last pixel inside."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any
from xml.sax.saxutils import escape

from rumbo.core.messages import t
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.readers import Request
from rumbo.data.target import sort_classes
from rumbo.data.writers import Writer, writers
from rumbo.data.writers.names import keys, portable, split_names, stem, unique, without_split_words
from rumbo.data.writers.plan import Plan, hold, hold_boxes, refuse_names, require

LIST_OF_SPLIT = {"train": "train", "dev": "val", "test": "test"}


def plan(dataset: Dataset) -> Plan:
    """Pictures under JPEGImages, by stems that differ."""
    require(dataset, "voc", [TargetKind.BOXES])
    assert dataset.target is not None
    held, lost = hold(dataset)
    held, fields = hold_boxes(held, ("difficult", "truncated"))
    refuse_names("voc", [name for name in dataset.target.classes if not _is_xml_text(name)], _why())
    names = [portable(key) for key in keys(held)]
    if split_names(held) is None:
        names = [without_split_words(name) for name in names]
    names = unique([f"JPEGImages/{name}" for name in names], by_stem=True)
    return Plan(dataset=held, names=tuple(names), lost=(*lost, *fields))


def annotations(plan: Plan, sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bytes]]:
    """An XML file for each picture; the lists of splits; the list of classes where the boxes do not tell it."""
    target = plan.dataset.target
    assert target is not None
    rows = plan.dataset.table["boxes"].to_list()
    channels = [_num_channels(plan.dataset, row) for row in range(len(rows))]
    for name, boxes, size, depth in zip(plan.names, rows, sizes, channels, strict=True):
        path = name.removeprefix("JPEGImages/")
        yield f"Annotations/{stem(path)}.xml", _xml(path, size, depth, boxes).encode("utf-8")
    splits = split_names(plan.dataset)
    for split, listed in LIST_OF_SPLIT.items() if splits is not None else ():
        stems = [
            stem(name.removeprefix("JPEGImages/"))
            for name, own in zip(plan.names, splits or (), strict=True)
            if own == split
        ]
        if stems:
            yield f"ImageSets/Main/{listed}.txt", "".join(f"{line}\n" for line in stems).encode("utf-8")
    if target.classes != sort_classes(sorted({box["class"] for boxes in rows for box in boxes})):
        yield "classes.txt", "".join(f"{name}\n" for name in target.classes).encode("utf-8")


def request(plan: Plan) -> Request:
    """As it is."""
    return Request()


def _xml(path: str, size: tuple[int, int], depth: int, boxes: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "<annotation>",
        "\t<folder>JPEGImages</folder>",
        f"\t<filename>{escape(path)}</filename>",
        f"\t<size><width>{size[1]}</width><height>{size[0]}</height><depth>{depth}</depth></size>",
        "\t<segmented>0</segmented>",
    ]
    for box in boxes:
        marks = [f"\t\t<{mark}>{box[mark]:d}</{mark}>" for mark in ("truncated", "difficult") if box[mark] is not None]
        xmin, ymin = _plus_one(box["x1"]), _plus_one(box["y1"])
        xmax, ymax = _plain(Decimal(repr(box["x2"]))), _plain(Decimal(repr(box["y2"])))
        lines += [
            "\t<object>",
            f"\t\t<name>{escape(box['class'], {chr(13): '&#13;'})}</name>",
            *marks,
            f"\t\t<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>",
            "\t</object>",
        ]
    return "\n".join([*lines, "</annotation>", ""])


def _plus_one(value: float) -> str:
    """The decimal that is one more than the shortest that reads as a double, without a rounding between.

    >>> _plus_one(0.1), _plus_one(47.0)
    ('1.1', '48')
    """
    with localcontext() as context:
        context.prec = 400
        return _plain(Decimal(repr(value)) + 1)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _num_channels(dataset: Dataset, row: int) -> int:
    assert dataset.images is not None
    return dataset.images.size(row)[2]


def _is_xml_text(name: str) -> bool:
    """Whether XML 1.0 can hold a name, and readers that take spaces off keep it."""
    if not name or name != name.strip() or "\n" in name or "\r" in name:
        return False
    return all(
        letter == "\t" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd" or letter >= "\U00010000"
        for letter in name
    )


def _why() -> str:
    return t("Spaces at the ends, line ends and control characters do not survive there.")


writers.register("voc")(
    Writer(readers=("voc",), plan=plan, annotations=annotations, request=request, needs_sizes=True, keeps_order=True)
)
