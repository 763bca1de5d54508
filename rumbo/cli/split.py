"""`rumbo split PATH`."""

import argparse
from typing import Any, get_args, get_type_hints

from rumbo.cli.parser import one_of, settings, whole
from rumbo.cli.tables import table
from rumbo.core.messages import shown, t
from rumbo.data.options import SplitOptions

MAX_CLASSES = 12
"""Columns of the table; of more classes only the counts are shown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to deal out, and where the file goes."""
    add = parser.add_argument
    add("data", metavar="PATH", help=t("folder, zip, table or arrays"))
    add("--by", metavar="HOW", default="auto", help=t("auto, random, group, source or time"))
    add("--dev", metavar="SHARE", help=t("share of dev, as 0.2, or the sources it is taken from"))
    add("--test", metavar="SHARE", help=t("share of test, as 0.2, or the sources it is taken from"))
    add("--folds", metavar="K", help=t("parts of a cross-validation; each is dev once"))
    add("--group", metavar="COLUMN", help=t("groups that must not be torn apart: patients, videos"))
    add("--source", metavar="COLUMN", help=t("where each example comes from"))
    add("--time", metavar="COLUMN", help=t("dates or numbers; the newest examples become test"))
    add("--target", metavar="COLUMN", help=t("the target column, whose classes are spread evenly"))
    add("--corrections", metavar="FILE", help=t("a corrections file laid over the data"))
    add("--seed", metavar="N", default="0", help=t("the same seed gives the same file"))
    add(
        "--out",
        metavar="FILE",
        default="split.parquet",
        help=t("the .parquet or .csv to write: id and split, or id and fold"),
    )
    add(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help=t("any data.split option; --by, --group, --source, --time are data.split.by and so on"),
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Split and tell."""
    one_of(arguments.by, "--by", get_args(get_type_hints(SplitOptions)["by"]))
    seed, folds = whole(arguments.seed, "--seed"), whole(arguments.folds, "--folds", low=2)
    chosen = settings(arguments.set)
    from rumbo.api.splitting import split

    made = split(
        arguments.data,
        by=arguments.by,
        dev=arguments.dev,
        test=arguments.test,
        folds=folds,
        group=arguments.group,
        source=arguments.source,
        time=arguments.time,
        target=arguments.target,
        corrections=arguments.corrections,
        seed=seed or 0,
        out=arguments.out,
        settings=chosen,
    )
    if not arguments.json:
        for sentence in made.decisions:
            print("- " + sentence)
        labels = list(next(iter(made.classes.values()))) if made.classes else []
        labels = labels if len(labels) <= MAX_CLASSES else []
        rows = [
            [name, count, *(made.classes[name][label] for label in labels if made.classes is not None)]
            for name, count in made.counts.items()
        ]
        first = t("fold") if folds is not None else t("split")
        print(table([first, t("examples"), *map(shown, labels)], rows))
        print(t("written: {path}", path=made.out))
    return made.to_dict()
