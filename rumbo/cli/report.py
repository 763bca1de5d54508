"""`rumbo report RUN`."""

import argparse
from typing import Any

from rumbo.core.messages import t


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run."""
    parser.add_argument("run", metavar="RUN", help=t("a run folder"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write the report again and tell where it is."""
    from rumbo.api.reporting import report

    path = report(arguments.run)
    if not arguments.json:
        print(t("report: {path}", path=str(path)))
    return {"run": arguments.run, "report": str(path)}
