"""`rumbo improve PATH`."""

import argparse
import sys
from typing import Any

from rumbo.cli.parser import seconds
from rumbo.cli.progress import Display
from rumbo.core.messages import shown, t


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to improve, and for how long."""
    add = parser.add_argument
    add("path", nargs="?", metavar="PATH", help=t("data, or a run folder to begin with"))
    add("--budget", metavar="TIME", help=t("for all rounds together, as in 90s, 30m or 2h (30m)"))
    add("--human-error", metavar="ERROR", help=t("what is possible, a share or a percentage; 0 when not given"))
    add("--task", metavar="TASK", help=t("classify, regress or multilabel; read off the target when not given"))
    add("--target", metavar="COLUMN", help=t("the target column of a table, or several with commas"))
    add("--goal", metavar="METRIC", help=t("the metric to improve; the task's usual one when not given"))
    add("--config", metavar="FILE", help=t("begin from the config.yaml of another run"))
    add("--out", metavar="DIR", help=t("the folder of the lab book; improved/NAME when not given"))
    add("--resume", action="store_true", help=t("go on with the lab book in --out"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Improve and tell."""
    budget = seconds(arguments.budget, "--budget")
    from rumbo.api.improving import BOOK, improve

    with Display() as display:
        found = improve(
            arguments.path,
            budget_seconds=budget,
            human_error=arguments.human_error,
            task=arguments.task,
            target=arguments.target,
            goal=arguments.goal,
            config=arguments.config,
            out=arguments.out,
            resume=arguments.resume,
            progress=display.reading,
            show=display.trying,
            say=lambda sentence: print(shown(sentence), file=sys.stderr, flush=True),
        )
    if not arguments.json:
        print(found.book.result())
        print()
        print(t("lab book: {path}", path=found.folder / BOOK))
        print(t("run: {path}", path=found.run.path))
    return found.to_dict()
