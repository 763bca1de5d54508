"""`rumbo evaluate RUN [DATA]`."""

import argparse
from typing import Any

from rumbo.cli.tables import table
from rumbo.core.errors import GateError
from rumbo.core.messages import t
from rumbo.core.options import parse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to measure on."""
    add = parser.add_argument
    add("run", metavar="RUN", help=t("a run folder"))
    add("data", nargs="?", metavar="DATA", help=t("labelled data; the run's own when not given"))
    add("--split", default="test", metavar="SPLIT", help=t("train, dev or test of the run's own data"))
    add("--min", metavar="VALUE", help=t("exit with 5 when the goal is worse than this"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure and tell."""
    minimum = None if arguments.min is None else parse(float, arguments.min, "--min")
    from rumbo import metrics
    from rumbo.api.evaluation import evaluate
    from rumbo.core.plain import plain

    found = evaluate(arguments.run, arguments.data, split=arguments.split)
    value = found.metrics[found.goal]
    if not arguments.json:
        print(table([t("metric"), t("value")], [[name, value] for name, value in found.metrics.items()]))
        low, high = found.interval
        print(
            t(
                "goal: {metric} {value:.4g} on {split} (95 % interval {low:.4g} to {high:.4g}).",
                metric=found.goal,
                value=value,
                split=found.split,
                low=low,
                high=high,
            )
        )
    answer = plain(
        {
            "run": arguments.run,
            "split": found.split,
            "items": found.num_items,
            "metrics": found.metrics,
            "goal": {"metric": found.goal, "value": value, "interval": list(found.interval)},
        }
    )
    if minimum is not None:
        # Not `value < minimum`: a metric that is not defined on these data has not reached it.
        is_reached = value >= minimum if metrics.higher_is_better(found.goal) else value <= minimum
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
    return answer
