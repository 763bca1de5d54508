"""The course's experiments: run one, keep its picture and its table."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from rumbo.core.errors import StorageError, UsageError
from rumbo.core.messages import shown, t
from rumbo.core.plain import plain
from rumbo.lab import Result, experiments
from rumbo.lab.experiment import Experiment, Track, unseen
from rumbo.runs.folder import make_next

LAB = Path("lab")
Setting: TypeAlias = str | float | Sequence[str | float]
"""An option's value: text as behind `--set NAME=`, or what it reads as."""


@dataclass(frozen=True)
class Done:
    """A finished experiment.

    Args:
        name: of the experiment.
        settings: all its options.
        result: numbers, table and panels.
        folder: where picture.png, table.csv and result.json are.
    """

    name: str
    settings: dict[str, Any]
    result: Result
    folder: Path


def experiment(
    name: str,
    source: str | Path | None = None,
    *,
    seed: int = 0,
    options: Mapping[str, Setting] | None = None,
    out: str | Path | None = None,
    track: Track = unseen,
) -> Done:
    """Run one of the course's experiments; its picture, table and numbers are written to a folder.

    Args:
        name: as `rumbo lab` lists them.
        source: data or a run, for experiments that take some; without it they bring their own.
        seed: what all randomness follows from.
        options: the experiment's own options: numbers, truth values, lists, or text as behind `--set NAME=`.
        out: the folder, which must not exist; `lab/NAME`, or `lab/NAME-2` and so on when not given.
        track: shows how far it is.

    Raises:
        UnknownName: no such experiment or option.
        UsageError: it takes no source, there is none at its path, an option does not go with it, or the folder exists.
        DataError: the source is not what it needs.
    """
    kind = experiments.get(name)
    chosen = kind(seed=seed)
    for path, value in (options or {}).items():
        chosen = chosen.override(path, _text(path, value), where=f"rumbo lab {name} --list-options")
    place = _path(source)
    if place is not None and kind.takes() is None:
        raise UsageError(t("the experiment '{name}' takes no data, but got '{source}'.", name=name, source=source))
    if place is not None and not place.exists():
        raise UsageError(t("there is no file or folder '{path}'.", path=place))
    _refuse_idle(kind, options or {}, place)
    if out is not None and Path(out).exists():
        raise UsageError(t("{path} exists already. Choose another folder with --out.", path=out))
    result = chosen.run(place, track)
    folder = _make_folder(LAB / name if out is None else Path(out), numbered=out is None)
    _write(folder, name, chosen.to_dict(), result)
    return Done(name, chosen.to_dict(), result, folder)


def _text(path: str, value: object) -> str:
    """A value as `--set` reads it."""
    value = plain(value) if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return ",".join(_text(path, item) for item in value)
    raise UsageError(
        t("option '{name}' must be text, a number, true or false, or a list of those, not {value}.", name=path,
          value=repr(value)[:80])
    )  # fmt: skip


def _path(source: object) -> Path | None:
    if source is None or isinstance(source, str | Path):
        return None if source is None else Path(source)
    raise UsageError(t("SOURCE must be a path, not {value}.", value=repr(source)[:80]))


def _refuse_idle(kind: type[Experiment], given: Mapping[str, object], source: Path | None) -> None:
    """Options that would say nothing are none that somebody gave."""
    for path in given:
        if source is None and path in kind.about_source:
            raise UsageError(t("option '{name}' is about SOURCE, but no SOURCE is given.", name=path))
        if source is not None and path in kind.about_own_data:
            raise UsageError(
                t("option '{name}' is for runs of the experiment without SOURCE. Leave out one of them.", name=path)
            )


def _make_folder(first: Path, *, numbered: bool) -> Path:
    try:
        first.parent.mkdir(parents=True, exist_ok=True)
        if numbered:
            return make_next(first)
        first.mkdir()
    except FileExistsError:
        raise UsageError(t("{path} exists already. Choose another folder with --out.", path=first)) from None
    except OSError as error:
        raise StorageError(t("{path} cannot be made: {reason}.", path=first, reason=error.strerror)) from error
    return first


def _write(folder: Path, name: str, settings: Mapping[str, Any], result: Result) -> None:
    """The picture first: a folder with a result.json is whole."""
    from rumbo.plots.drawing import draw_panels
    from rumbo.plots.style import to_png
    from rumbo.runs.files import write_file

    write_file(folder / "picture.png", to_png(draw_panels(result.panels, num_columns=result.num_columns)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([result.columns, *([shown(c) if isinstance(c, str) else c for c in row] for row in result.rows)])
    write_file(folder / "table.csv", text.getvalue().encode())
    write_file(folder / "result.json", (json.dumps(facts(name, settings, result), indent=1) + "\n").encode())


def facts(name: str, settings: Mapping[str, Any], result: Result) -> dict[str, Any]:
    """A result as JSON: everything but the panels."""
    return {
        "experiment": name,
        "settings": plain(settings),
        "title": result.title,
        "finding": result.finding,
        "columns": list(result.columns),
        "rows": plain(result.rows),
    }
