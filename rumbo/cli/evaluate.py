"""`rumbo evaluate RUN [DATA]`."""

import argparse
from typing import Any

from rumbo.cli.goals import goal_text
from rumbo.cli.tables import table
from rumbo.core.errors import GateError
from rumbo.core.messages import shown, t
from rumbo.core.options import parse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to measure on."""
    add = parser.add_argument
    add("run", metavar="RUN", help=t("a run folder"))
    add("data", nargs="?", metavar="DATA", help=t("labelled data; the run's own when not given"))
    add("--split", default="test", metavar="SPLIT", help=t("train, dev or test of the run's own data"))
    add("--min", metavar="VALUE", help=t("exit with 5 when the goal is worse than this"))
    add(
        "--require",
        metavar="CONDITION",
        action="append",
        default=[],
        help=t("exit with 5 when this is not met, as 'recall[cat]>=0.9'; may be given several times"),
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure and tell."""
    minimum = None if arguments.min is None else parse(float, arguments.min, "--min")
    from rumbo.api.evaluation import evaluate
    from rumbo.core.plain import plain
    from rumbo.strategy.judging import requirement_sentence

    found = evaluate(arguments.run, arguments.data, split=arguments.split, require=arguments.require)
    value, goal = found.metrics[found.goal], found.goal_dict()
    if not arguments.json:
        print(table([t("metric"), t("value")], [[shown(name), value] for name, value in found.metrics.items()]))
        print("\n".join(goal_text(goal, found.split)))
    answer = plain(
        {
            "run": arguments.run,
            "split": found.split,
            "items": found.num_items,
            "metrics": found.metrics,
            "goal": goal,
        }
    )
    if minimum is not None:
        # Not `value < minimum`: a metric that is not defined on these data has not reached it.
        is_reached = value >= minimum if found.higher_is_better else value <= minimum
        if not is_reached:
            raise GateError(
                t(
                    "{metric} is {value:.4g} and misses --min {minimum}.",
                    metric=found.goal,
                    value=value,
                    minimum=minimum,
                ),
                answer,
            )
    if found.missed:
        raise GateError(" ".join(requirement_sentence(check.to_dict()) for check in found.missed), answer)
    return answer
