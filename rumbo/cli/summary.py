"""`rumbo summary MODEL|RUN`."""

import argparse
from dataclasses import asdict
from typing import Any

from rumbo.cli.parser import settings, whole
from rumbo.cli.tables import table
from rumbo.core.messages import t


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A network by name with its sizes, or a run."""
    add = parser.add_argument
    add("model", metavar="MODEL", help=t("a name of `rumbo models`, or a run folder"))
    add("--image-size", metavar="PX", help=t("side of the pictures"))
    add("--channels", metavar="N", help=t("1 for grey, 3 for color"))
    add("--numbers", metavar="N", help=t("numeric features, for table networks"))
    add("--classes", metavar="N", help=t("number of outputs"))
    add("--set", metavar="NAME=VALUE", action="append", default=[], help=t("the network's own options, as in width=32"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Summarize and tell."""
    from rumbo.api.network_summary import summary

    found = summary(
        arguments.model,
        image_size=whole(arguments.image_size, "--image-size", low=1),
        channels=whole(arguments.channels, "--channels", low=1),
        num_numbers=whole(arguments.numbers, "--numbers", low=1),
        num_classes=whole(arguments.classes, "--classes", low=1),
        options=settings(arguments.set),
    )
    if not arguments.json:
        rows = [
            [row.name, row.kind, "x".join(map(str, row.output_shape)), row.num_parameters, row.num_multiply_adds]
            for row in found.rows
        ]
        print(table([t("layer"), t("kind"), t("output shape"), t("parameters"), t("multiply-adds")], rows))
        print(
            t(
                "{parameters:,} parameters, {multiply_adds:,} multiply-adds per example.",
                parameters=found.num_parameters,
                multiply_adds=found.num_multiply_adds,
            )
        )
    return asdict(found)
