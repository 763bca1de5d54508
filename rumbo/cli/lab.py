"""`rumbo lab [NAME [SOURCE]]`."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from rumbo.cli.parser import settings, whole
from rumbo.cli.tables import table
from rumbo.core.messages import t, translate

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An experiment and what it works on."""
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help=t("an experiment; without it they are listed"))
    add("source", nargs="?", metavar="SOURCE", help=t("data or a run, for experiments that take some"))
    add("--out", metavar="FOLDER", help=t("new folder for picture.png, table.csv and result.json"))
    add("--seed", metavar="N", help=t("what all randomness follows from"))
    add(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help=t("the experiment's own options; --list-options shows them"),
    )
    add("--list-options", action="store_true", help=t("list the experiment's own options with their defaults"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one and tell, or list."""
    if arguments.name is None:
        return _list(as_json=arguments.json)
    if arguments.list_options:
        return _options(arguments.name, as_json=arguments.json)
    from rumbo.api.laboratory import experiment, facts

    done = experiment(
        arguments.name,
        arguments.source,
        seed=whole(arguments.seed, "--seed", low=0) or 0,
        options=settings(arguments.set, example=_example(arguments.name)),
        out=arguments.out,
        track=track,
    )
    if not arguments.json:
        print(done.result.title)
        print(table(done.result.columns, done.result.rows))
        print(done.result.finding)
        print(t("picture: {path}", path=done.folder / "picture.png"))
    return {**facts(done.name, done.settings, done.result), "out": str(done.folder)}


def track(things: Iterable[T], what: str, total: int) -> Iterator[T]:
    """A bar on a terminal, nothing elsewhere: experiments take seconds."""
    if not sys.stderr.isatty():
        yield from things
        return
    from rich.console import Console
    from rich.progress import track as shown

    yield from shown(things, what, total, console=Console(stderr=True), transient=True)


def _list(*, as_json: bool) -> dict[str, Any]:
    from rumbo.lab.index import INDEX

    if not as_json:
        print(table([t("experiment"), ""], [[name, translate(entry.sentence)] for name, entry in INDEX.items()]))
        print(t("`rumbo lab NAME` runs one; `rumbo lab NAME --list-options` shows what --set can change."))
    return {"experiments": [{"name": name, "sentence": translate(entry.sentence)} for name, entry in INDEX.items()]}


class Known(NamedTuple):
    """What is told of an option."""

    default: Any
    sentence: str
    low: float | None
    high: float | None
    choices: tuple[str, ...] | None

    @property
    def allowed(self) -> str:
        """Its choices or its range, in words."""
        if self.choices is not None:
            return ", ".join(self.choices)
        if self.low is not None and self.high is not None:
            return t("{low} to {high}", low=_number(self.low), high=_number(self.high))
        return "" if self.low is None else t("at least {low}", low=_number(self.low))


def _known(name: str) -> dict[str, Known]:
    from rumbo.core.options import all_options
    from rumbo.lab import experiments

    kind = experiments.get(name)
    hints, ranges = get_type_hints(kind), {spec.name: spec.metadata for spec in fields(kind)}
    return {
        path: Known(
            default,
            translate(sentence),
            ranges[path].get("low"),
            ranges[path].get("high"),
            get_args(hints[path]) if get_origin(hints[path]) is Literal else None,
        )
        for path, (default, sentence) in all_options(kind).items()
    }


def _example(name: str) -> str:
    """A setting that reads well."""
    path, option = next((path, option) for path, option in _known(name).items() if path != "seed")
    return f"{path}={_typed(option.default)}"


def _typed(default: Any) -> str:
    """A default as one types it."""
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _options(name: str, *, as_json: bool) -> dict[str, Any]:
    from rumbo.lab import experiments

    kind, options = experiments.get(name), _known(name)
    if not as_json:
        print(translate(experiments.index[name].sentence))
        if kind.takes() is not None:
            print(f"SOURCE: {kind.takes()}")
        rows = [
            [path, _typed(option.default) or t("(none)"), option.allowed, option.sentence]
            for path, option in options.items()
        ]
        print(table([t("option"), t("default"), t("allowed"), ""], rows))
    return {
        "name": name,
        "takes": kind.takes(),
        "options": {path: option._asdict() for path, option in options.items()},
    }
