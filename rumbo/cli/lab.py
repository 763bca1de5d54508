"""`rumbo lab [NAME [SOURCE]]`."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

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
    add("--set", metavar="NAME=VALUE", action="append", default=[], help=t("the experiment's own options"))
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
        options=settings(arguments.set),
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
    return {"experiments": [{"name": name, "sentence": translate(entry.sentence)} for name, entry in INDEX.items()]}


def _options(name: str, *, as_json: bool) -> dict[str, Any]:
    from rumbo.core.options import all_options
    from rumbo.lab import experiments

    kind = experiments.get(name)
    options = {path: found for path, found in all_options(kind).items() if path != "seed"}
    if not as_json:
        print(translate(experiments.index[name].sentence))
        if kind.takes() is not None:
            print(f"SOURCE: {kind.takes()}")
        rows = [[path, str(default), translate(sentence)] for path, (default, sentence) in options.items()]
        print(table([t("option"), t("default"), ""], rows) if rows else t("It has no options of its own."))
    return {
        "name": name,
        "takes": kind.takes(),
        "options": {path: {"default": default, "sentence": sentence} for path, (default, sentence) in options.items()},
    }
