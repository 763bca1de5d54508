"""YOLO: a text file for each picture with class, centre and size as fractions of its sides; names in data.yaml."""

from collections.abc import Iterator, Sequence

import yaml

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.readers import Request
from rumbo.data.writers import Writer, writers
from rumbo.data.writers.names import keys, portable, split_names, stem, unique, without_split_words
from rumbo.data.writers.plan import Plan, hold, hold_boxes, refuse_names, require

FOLDER_OF_SPLIT = {"train": "train", "dev": "val", "test": "test"}


def plan(dataset: Dataset) -> Plan:
    """Pictures under images/train, images/val and images/test, or under images alone; by stems that differ."""
    require(dataset, "yolo", [TargetKind.BOXES])
    assert dataset.target is not None
    if not dataset.target.classes:
        raise DataError(t("the format yolo needs the name of at least one class; there is none."))
    given = split_names(dataset)
    is_told = given is not None and "train" in given
    held, lost = hold(dataset, splits=("train", "dev", "test") if is_told else ())
    held, fields = hold_boxes(held, ())
    refuse_names("yolo", [name for name in dataset.target.classes if not _is_name(name)], _why())
    splits = split_names(held)
    names = [without_split_words(portable(key)) for key in keys(held, without_split=splits is not None)]
    if splits is not None:
        names = [f"{FOLDER_OF_SPLIT[split]}/{name}" for split, name in zip(splits, names, strict=True)]
    names = unique([f"images/{name}" for name in names], by_stem=True)
    return Plan(dataset=held, names=tuple(names), lost=(*lost, *fields))


def annotations(plan: Plan, sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bytes]]:
    """A text file for each picture, empty for one without boxes; data.yaml."""
    target = plan.dataset.target
    assert target is not None
    code_of = {name: code for code, name in enumerate(target.classes)}
    for name, boxes, (height, width) in zip(plan.names, plan.dataset.table["boxes"].to_list(), sizes, strict=True):
        lines = []
        for box in boxes:
            x, w = _fractions(box["x1"], box["x2"], width)
            y, h = _fractions(box["y1"], box["y2"], height)
            lines.append(f"{code_of[box['class']]} {x!r} {y!r} {w!r} {h!r}\n")
        yield f"labels/{stem(name.removeprefix('images/'))}.txt", "".join(lines).encode("utf-8")
    yield "data.yaml", yaml.safe_dump(_about(plan), allow_unicode=True, sort_keys=False, width=10**6).encode("utf-8")


def request(plan: Plan) -> Request:
    """As it is."""
    return Request()


def _about(plan: Plan) -> dict[str, object]:
    target = plan.dataset.target
    assert target is not None
    splits = split_names(plan.dataset)
    if splits is None:
        places = {"train": "images", "val": "images"}  # trainers want both keys; which is which is not decided here
    else:
        places = {folder: f"images/{folder}" for split, folder in FOLDER_OF_SPLIT.items() if split in splits}
    return {**places, "nc": len(target.classes), "names": list(target.classes)}


def _fractions(low: float, high: float, side: int) -> tuple[float, float]:
    """Centre and size of a stretch in px, as fractions of a side: the doubles nearest to the exact values."""
    return (low + high) / (2 * side), (high - low) / side


def _is_name(name: str) -> bool:
    return bool(name) and name == name.strip() and name.isprintable()


def _why() -> str:
    return t("Names there are one line each, without spaces at the ends and control characters.")


writers.register("yolo")(
    Writer(readers=("yolo",), plan=plan, annotations=annotations, request=request, needs_sizes=True, keeps_order=True)
)
