"""Faults planted in real data sets: each planting gives the set as it is and the set with the fault."""

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from rumbo.data.checks import CODES, CheckReport, check_data
from rumbo.data.manifest import SPLITS, Dataset, Target, TargetKind
from rumbo.data.options import SplitOptions
from rumbo.data.pictures.images import FileImages
from rumbo.data.splits.split import make_split

QUICK = SplitOptions(near_duplicates=False)


def report(data: Dataset, options: SplitOptions = QUICK) -> CheckReport:
    """What the checks say, with the split that the options make."""
    return check_data(data, make_split(data, options, 0), thorough=True)


def judge(code: str, clean: Dataset, faulty: Dataset, item: str | None = None, options: SplitOptions = QUICK) -> None:
    """The code is raised by the faulty set, as the catalogue says, and not by the clean one."""
    assert code not in {finding.code for finding in report(clean, options).findings}
    met = [finding for finding in report(faulty, options).findings if finding.code == code]
    assert met, f"{code} was planted and not found"
    for finding in met:
        assert finding.message.rstrip("…").endswith((".", "?")), finding.message
        assert finding.num_items >= 1
        assert finding.done or finding.severity in ("error", "note")
        assert finding.remedy or CODES[code].severity == "note"
    assert item is None or any(item in finding.items for finding in met), met


def change(data: Dataset, **columns) -> Dataset:
    """With other columns, given as lists or functions of the old list."""
    table = data.table
    for name, values in columns.items():
        if callable(values):
            old = table[name].to_list() if name in table.columns else [None] * table.height
            values = values(old)
        dtype = table.schema.get(name)
        table = table.with_columns(pl.Series(name, values, dtype=dtype, strict=False))
    return dataclasses.replace(data, table=table)


def edit(rows, value):
    """A function that puts a value (or what a function makes of the old one) into some rows of a list."""

    def edited(old):
        new = list(old)
        for row in rows:
            new[row] = value(new[row]) if callable(value) else value
        return new

    return edited


def splits(num: int, **shares: float) -> list[str]:
    """A split column: shares by name, dealt in turn; the rest is train."""
    names = np.full(num, "train", dtype=object)
    order = np.random.default_rng(0).permutation(num)
    start = 0
    for name in SPLITS:
        stop = start + round(shares.get(name, 0) * num)
        names[order[start:stop]] = name if name in shares else "train"
        start = stop
    return names.tolist()


def with_target(data: Dataset, column: str, kind: TargetKind, classes=()) -> Dataset:
    """With another column as the target."""
    target = Target(columns=(column,), kind=kind, classes=tuple(classes))
    return dataclasses.replace(
        data,
        target=target,
        numbers=tuple(name for name in data.numbers if name != column),
        categories=tuple(name for name in data.categories if name != column),
    )


class Overlay:
    """Files of a real set, some of them changed; names may change too."""

    def __init__(self, files, changes):
        self.files, self.changes, self.path = files, changes, files.path

    def names(self):
        """The names, and those that are new."""
        return (*self.files.names(), *(name for name in self.changes if not self.files.has(name)))

    def has(self, name):
        """Whether it is there."""
        return name in self.changes or self.files.has(name)

    def read(self, name):
        """The changed bytes, else the real ones."""
        return self.changes[name] if name in self.changes else self.files.read(name)

    def notes(self):
        """Nothing."""
        return ""


def repaint(data: Dataset, paint, rows=(3,), *, suffix: str | None = None, **save) -> Dataset:
    """With some pictures changed by a function from PIL to PIL, and saved again."""
    images, changes, names = data.images, {}, list(data.images.names)
    for row in rows:
        picture = paint(Image.open(io.BytesIO(images.bytes_of(row))))
        buffer = io.BytesIO()
        picture.save(buffer, **({"format": "JPEG", "quality": 92} | save))
        if suffix is not None:
            names[row] = names[row].rsplit(".", 1)[0] + suffix
        changes[names[row]] = buffer.getvalue()
    contents = edit(rows, lambda old: f"changed {old}")
    return dataclasses.replace(change(data, content=contents), images=FileImages(Overlay(images.files, changes), names))


def unpack(archive: Path, folder: Path, wanted) -> Path:
    """Some members of a real archive, as files in a folder."""
    with zipfile.ZipFile(archive) as source:
        for name in source.namelist():
            if wanted(name):
                source.extract(name, folder)
    return folder


class Changed:
    """Signals or masks of a real set, some of them changed."""

    def __init__(self, source, values, rows=None):
        self.source, self.values = source, values
        self.rows = np.arange(len(source)) if rows is None else rows
        self.kind, self.rate_hz = getattr(source, "kind", None), getattr(source, "rate_hz", None)

    def __len__(self):
        return len(self.rows)

    def take(self, rows):
        """Those of some rows."""
        return Changed(self.source, self.values, self.rows[rows])

    def read(self, row):
        """The changed value, else the real one."""
        place = int(self.rows[row])
        return self.values[place] if place in self.values else self.source.read(place)

    def size(self, row):
        """Its shape."""
        value = self.read(row)
        return (len(value),) if isinstance(value, str) else value.shape
