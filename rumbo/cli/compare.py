"""`rumbo compare RUN RUN…`."""

import argparse
from typing import Any

from rumbo.cli.tables import table
from rumbo.core.messages import shown, t


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help=t("run folders, two or more"))
    parser.add_argument("--split", default="dev", metavar="SPLIT", help=t("the split to compare on: dev or test"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Rank and tell."""
    from rumbo.api.comparison import compare

    found = compare(arguments.runs, split=arguments.split)
    if not arguments.json:
        rows = [
            [shown(r.name), r.score, f"{r.interval[0]:.4g} … {r.interval[1]:.4g}", r.num_items] for r in found.ranking
        ]
        print(table([t("run"), found.goal, t("95 % interval"), t("items")], rows))
        for difference in found.differences:
            text = (
                t(
                    "{other} cannot be told from {best}: the difference may be noise.",
                    other=difference.other,
                    best=difference.best,
                )
                if difference.is_noise
                else t(
                    "{best} is better than {other}: the difference is no noise.",
                    other=difference.other,
                    best=difference.best,
                )
            )
            print(text)
            if not difference.is_paired:
                print(
                    t(
                        "{other} and {best} were measured on different examples: some may be easier than others.",
                        other=difference.other,
                        best=difference.best,
                    )
                )
    return found.to_dict()
