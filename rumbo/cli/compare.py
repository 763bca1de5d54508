"""`rumbo compare RUN RUN…`."""

import argparse
from typing import TYPE_CHECKING, Any

from rumbo.cli.tables import table
from rumbo.core.messages import shown, t

if TYPE_CHECKING:
    from rumbo.api.comparison import RunComparison
    from rumbo.strategy.compare import Difference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs, and by what."""
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help=t("run folders, two or more"))
    add("--split", default="dev", metavar="SPLIT", help=t("the split to compare on: dev or test"))
    add("--goal", metavar="METRIC", help=t("what to rank by; that of the runs when not given"))
    add(
        "--require",
        metavar="CONDITION",
        action="append",
        default=[],
        help=t("what a run must meet to come first, as 'latency_ms<=100'; may be given several times"),
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Rank and tell."""
    from rumbo.api.comparison import compare

    found = compare(arguments.runs, split=arguments.split, goal=arguments.goal, require=arguments.require)
    if not arguments.json:
        print(_table(found))
        print("\n".join(_sentences(found)))
    return found.to_dict()


def _table(found: "RunComparison") -> str:
    requirements = found.found.goal.requirements
    measures = [shown(each.measure.text) for each in requirements]
    header = [t("run"), shown(found.goal), t("95 % interval"), t("items"), *measures]
    rows = [
        [
            shown(run.name),
            run.score,
            "" if run.interval is None else f"{run.interval[0]:.4g} … {run.interval[1]:.4g}",
            run.num_items,
            *(check.value for check in found.checks[run.name]),
        ]
        for run in found.ranking
    ]
    return table(header, rows)


def _sentences(found: "RunComparison") -> list[str]:
    from rumbo.strategy.judging import requirement_sentence

    lines: list[str] = []
    if not found.found.any_meets:
        lines.append(t("No run meets all requirements; they are ranked by {goal} all the same.", goal=found.goal))
    for run in found.ranking:
        for check in found.checks[run.name]:
            if not (check.is_met and check.is_certain):
                lines.append(f"{shown(run.name)}: {requirement_sentence(check.to_dict())}")
    for difference in found.differences:
        lines.append(_difference(difference))
        if not difference.is_paired and not found.found.goal.measure.is_measured:
            lines.append(
                t(
                    "{other} and {best} were measured on different examples: some may be easier than others.",
                    other=difference.other,
                    best=difference.best,
                )
            )
    return lines


def _difference(difference: "Difference") -> str:
    names = {"other": difference.other, "best": difference.best}
    if difference.is_noise:
        return t("{other} cannot be told from {best}: the difference may be noise.", **names)
    if difference.value < 0:
        return t("{other} is ahead of {best}, and that is no noise, but it misses a requirement.", **names)
    return t("{best} is better than {other}: the difference is no noise.", **names)
