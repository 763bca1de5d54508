"""`rumbo lrfind DATA`."""

import argparse
import shlex
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rumbo.cli.data_and_network import add_data_and_network, refuse_early
from rumbo.cli.parser import one_of, settings, whole
from rumbo.cli.progress import Display
from rumbo.cli.tables import table
from rumbo.core.messages import shown, t
from rumbo.core.options import parse

if TYPE_CHECKING:
    from rumbo.api.rate_finding import RateAnswer

ROWS = 8
REPEATED = ("task", "target", "model", "weights", "freeze", "seed", "config", "device")
"""Flags that the training which is told as the next step takes over."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Data and network as for `rumbo train`, and the range of rates."""
    add = parser.add_argument
    add_data_and_network(parser)
    add("--low", metavar="RATE", help=t("the lowest rate (1e-6)"))
    add("--high", metavar="RATE", help=t("the highest rate (100); the test ends before when the loss is lost"))
    add("--steps", metavar="N", help=t("steps from the lowest to the highest rate (200)"))
    add("--seed", metavar="N", help=t("all randomness is a function of it (0)"))
    add("--out", metavar="FILE", help=t("the plot, a .png file; lrfind.png, or lrfind-2.png and so on when not given"))
    add("--config", metavar="FILE", help=t("begin from the config.yaml of another run"))
    add("--device", metavar="NAME", help=t("auto, cpu, cuda or cuda:N"))
    add("--set", metavar="PATH=VALUE", action="append", default=[], help=t("any option, as in train.clip_norm=1"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Test and tell."""
    refuse_early(arguments.data, arguments.set)
    given = settings(arguments.set)
    asked = {
        "freeze": None if arguments.freeze is None else one_of(arguments.freeze, "--freeze", ("none", "features")),
        "preset": one_of(arguments.preset, "--preset", ("quick", "good", "best")),
        "seed": whole(arguments.seed, "--seed", low=0),
        "low": _rate(arguments.low, "--low"),
        "high": _rate(arguments.high, "--high"),
        "steps": whole(arguments.steps, "--steps", low=1),
    }
    from rumbo.api.rate_finding import PICTURE, find_learning_rate

    with Display() as display:
        found = find_learning_rate(
            arguments.data,
            task=arguments.task,
            target=arguments.target,
            model=arguments.model,
            weights=arguments.weights,
            config=arguments.config,
            device=arguments.device,
            settings=given,
            out=_free(Path(PICTURE)) if arguments.out is None else arguments.out,
            progress=display.reading,
            **asked,  # pyright: ignore[reportArgumentType]
        )
    for remark in found.remarks:
        print(shown(remark), file=sys.stderr)
    command = None if found.suggestion is None else command_with(found.suggestion, arguments)
    if not arguments.json:
        print(result_text(found, command))
    return {**found.to_dict(), "command": command}


def _rate(text: str | None, flag: str) -> float | None:
    return None if text is None else parse(float, text, flag)


def _free(path: Path) -> Path:
    """The path, or with -2, -3 and so on behind its name: the first that is not there yet."""
    places = (path if n == 1 else path.with_stem(f"{path.stem}-{n}") for n in count(1))
    return next(place for place in places if not place.exists())


def command_with(rate: float, arguments: argparse.Namespace) -> str:
    """The training that takes a rate, with the flags that were given here."""
    words = ["rumbo", "train", *([] if arguments.data is None else [arguments.data])]
    for name in REPEATED:
        if (value := getattr(arguments, name)) is not None:
            words += [f"--{name}", value]
    if arguments.preset != "good":
        words += ["--preset", arguments.preset]
    rate_path = "train.optimizer.learning_rate"
    for pair in arguments.set:
        if pair.partition("=")[0].removeprefix("options.") != rate_path:
            words += ["--set", pair]
    return shlex.join([*words, "--set", f"{rate_path}={rate:.2g}"])


def result_text(found: "RateAnswer", command: str | None) -> str:
    """A few rows of the curve, the suggestion or why there is none, and what to do next."""
    last = len(found.rates) - 1
    places = sorted({round(last * place / (ROWS - 1)) for place in range(ROWS)}) if last >= 0 else []
    rows = [[f"{found.rates[p]:.1e}", f"{found.losses[p]:.4g}", f"{found.smoothed[p]:.4g}"] for p in places]
    lines = [table([t("rate"), t("loss"), t("smoothed")], rows), "", *_numbers(found), ""]
    if command is None:
        lines.append(t("Undecided: {reason}", reason=found.finding.reason))
    else:
        lines += [
            t(
                "suggestion for {model} with {optimizer}: {rate:.2g}; when none is given, it is {usual:.2g}.",
                model=found.model,
                optimizer=found.optimizer,
                rate=found.suggestion,
                usual=found.usual_rate,
            ),
            t("one_cycle takes it as its peak, the other schedules begin with it:"),
            f"  {shown(command)}",
        ]
    if found.picture is not None:
        lines.append(t("picture: {path}", path=found.picture))
    return "\n".join(lines)


def _numbers(found: "RateAnswer") -> list[str]:
    """The rates that have a name."""
    finding = found.finding
    named = {
        t("largest rate that still trains"): finding.largest_rate,
        t("rate of the least smoothed loss"): finding.minimum_rate,
        t("a tenth of it"): None if finding.minimum_rate is None else finding.minimum_rate / 10,
        t("rate of the steepest fall"): finding.steepest_rate,
    }
    return [f"{name}: {rate:.1e}" for name, rate in named.items() if rate is not None]
