"""`rumbo train DATA`."""

import argparse
from typing import Any

from rumbo.api.processes import is_one_of_several, is_the_first, run_in_processes
from rumbo.cli.data_and_network import add_data_and_network, refuse_early
from rumbo.cli.goals import goal_text
from rumbo.cli.parser import one_of, seconds, settings, whole
from rumbo.cli.progress import Display
from rumbo.cli.tables import table
from rumbo.core.devices import num_cores
from rumbo.core.errors import UsageError
from rumbo.core.messages import shown, t, translate

MOST_PER_CORE = 4
"""Processes; more only wait for each other."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The everyday flags; everything else is `--set`."""
    add = parser.add_argument
    add_data_and_network(parser)
    add("--epochs", metavar="N", help=t("passes over the training data"))
    add("--budget", metavar="TIME", help=t("stop after the epoch in which this time is over: 90s, 10m, 1h"))
    add("--goal", metavar="METRIC", help=t("the metric on dev that chooses the best epoch"))
    add(
        "--require",
        metavar="CONDITION",
        action="append",
        default=[],
        help=t("what the finished model must also meet, as 'latency_ms<=100'; may be given several times"),
    )
    add("--seed", metavar="N", help=t("all randomness is a function of it (0)"))
    add("--out", metavar="DIR", help=t("the run folder; a new one under runs/ when not given"))
    add("--resume", action="store_true", help=t("continue the interrupted run in --out; a finished one is left alone"))
    add("--config", metavar="FILE", help=t("begin from the config.yaml of another run"))
    add("--device", metavar="NAME", help=t("auto, cpu, cuda or cuda:N"))
    add(
        "--processes",
        metavar="N",
        help=t("train with N processes on this machine; each step's examples are shared out"),
    )
    add("--set", metavar="PATH=VALUE", action="append", default=[], help=t("any option, as in train.clip_norm=1"))
    add("--list-options", action="store_true", help=t("list everything that --set can change"))


def run(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """Train and tell."""
    if arguments.list_options:
        return _list_options(quiet=arguments.json)
    refuse_early(arguments.data, arguments.set)
    num_processes = whole(arguments.processes, "--processes", low=1) or 1
    if num_processes > MOST_PER_CORE * num_cores():
        raise UsageError(
            t(
                "--processes {count} is too many for the {cores} cores of this machine: take at most {most}.",
                count=num_processes,
                cores=num_cores(),
                most=MOST_PER_CORE * num_cores(),
            )
        )
    if num_processes > 1 and not is_one_of_several():
        run_in_processes(arguments.words, num_processes)
        return None
    from rumbo.api.training import train

    with Display() as display:
        finished = train(
            arguments.data,
            task=arguments.task,
            target=arguments.target,
            model=arguments.model,
            weights=arguments.weights,
            freeze=None if arguments.freeze is None else one_of(arguments.freeze, "--freeze", ("none", "features")),
            preset=one_of(arguments.preset, "--preset", ("quick", "good", "best")),  # pyright: ignore[reportArgumentType]
            epochs=whole(arguments.epochs, "--epochs", low=1),
            budget_seconds=seconds(arguments.budget, "--budget"),
            goal=arguments.goal,
            require=arguments.require,
            seed=whole(arguments.seed, "--seed", low=0),
            out=arguments.out,
            resume=arguments.resume,
            config=arguments.config,
            device=arguments.device,
            settings=settings(arguments.set),
            watch=display.watch,
            progress=display.reading,
        )
    if not is_the_first():
        return None
    summary = finished.summary
    if not arguments.json:
        print(result_text(summary, str(finished.path)))
    keys = ("task", "target", "model", "epochs", "seconds", "parameters", "metrics", "goal", "verdict", "best_epoch")
    return {"run": str(finished.path), **{key: summary[key] for key in keys}}


def result_text(summary: dict[str, Any], path: str) -> str:
    """The end of a training for people: metrics by split, the verdict, what to try, where the report is."""
    metrics = summary["metrics"]
    names = list(next(iter(metrics.values())))
    rows = [[split, *(values.get(name) for name in names)] for split, values in metrics.items()]
    goal = summary["goal"]
    lines = [
        "",
        table([t("split"), *map(shown, names)], rows),
        "",
        *goal_text(goal, goal["split"]),
        summary["diagnosis"]["reason"],
    ]
    if summary["task"] == "regress":
        lines.append(
            t("These shares are of the target's standard deviation, and a perfect answer is taken as possible.")
        )
    if summary["next_steps"]:
        lines += [t("What to try next:"), *(f"  - {step}" for step in summary["next_steps"])]
    lines += ["", t("report: {path}/report.html", path=path)]
    return "\n".join(lines)


def _list_options(*, quiet: bool) -> dict[str, Any]:
    from rumbo.api.config import RunConfig
    from rumbo.core.options import all_options

    found = all_options(RunConfig)
    if not quiet:
        rows = [[path, str(default), translate(sentence)] for path, (default, sentence) in found.items()]
        print(table([t("option"), t("default"), t("meaning")], rows))
    return {"options": {path: default for path, (default, _) in found.items()}}
