"""`rumbo demo`."""

import argparse
from typing import Any

from rumbo.cli.progress import Display
from rumbo.cli.train import result_text
from rumbo.core.messages import t


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the run goes."""
    parser.add_argument("--out", metavar="DIR", help=t("the run folder; a new one under runs/ when not given"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train on the digits and tell."""
    from rumbo.api.demonstration import demo

    with Display() as display:
        finished = demo(out=arguments.out, watch=display.watch, progress=display.reading)
    summary = finished.summary
    if not arguments.json:
        print(result_text(summary, str(finished.path)))
        print(t("Now your own data: rumbo train FOLDER"))
    keys = ("task", "target", "model", "epochs", "seconds", "parameters", "metrics", "goal", "verdict", "best_epoch")
    return {"run": str(finished.path), **{key: summary[key] for key in keys}}
