"""`rumbo diagnose RUN`, or from bare numbers."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from rumbo.cli.parser import seconds, whole
from rumbo.cli.progress import Display
from rumbo.cli.tables import table
from rumbo.core.errors import UsageError
from rumbo.core.messages import shown, t

if TYPE_CHECKING:
    from rumbo.api.learning_curves import LearningCurve
    from rumbo.strategy.gap_records import Diagnosis

SPLITS = ("train", "train_dev", "dev", "test", "real_world")
ONLY_RUNS = ("real_world", "curve", "budget", "out")
"""Flags that need a run."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A run, or errors."""
    add = parser.add_argument
    add("run", nargs="?", metavar="RUN", help=t("a run folder; none with bare numbers"))
    add("--human-error", metavar="ERROR", help=t("what is possible, a share or a percentage; 0 when not given"))
    add("--real-world", metavar="DATA", help=t("labelled data from where the model is used"))
    add("--train-error", metavar="ERROR", help=t("without a run: the error on train"))
    add("--train-dev-error", metavar="ERROR", help=t("without a run: on unseen examples like train"))
    add("--dev-error", metavar="ERROR", help=t("without a run: on dev"))
    add("--test-error", metavar="ERROR", help=t("without a run: on test"))
    add("--real-world-error", metavar="ERROR", help=t("without a run: where the model is used"))
    add("--dev-size", metavar="N", help=t("without a run: examples in dev; it gives intervals"))
    add(
        "--threshold",
        default="1%",
        metavar="GAP",
        help=t("how large a gap must be to matter; one point when not given"),
    )
    add("--curve", action="store_true", help=t("train on parts of the training examples: would more data help?"))
    add("--budget", metavar="TIME", help=t("time for --curve: 90s, 10m; else one training of each size"))
    add("--out", metavar="FILE", help=t("a picture of the errors, or of the curve; a .png file"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Diagnose and tell."""
    bare = {name: value for name in SPLITS if (value := getattr(arguments, f"{name}_error")) is not None}
    if arguments.run is None:
        return _of_numbers(arguments, bare)
    numbers = [*(f"{name}_error" for name in bare), *(["dev_size"] if arguments.dev_size is not None else [])]
    if numbers:
        raise UsageError(
            t(
                "the errors of a run are measured: leave out {flags}, or leave out RUN.",
                flags=", ".join(_flag(name) for name in numbers),
            )
        )
    if arguments.budget is not None and not arguments.curve:
        raise UsageError(t("--budget is the time for --curve: add it, or leave out --budget."))
    from rumbo.api.diagnosing import diagnose

    with Display() as display:
        found = diagnose(
            arguments.run,
            human_error=arguments.human_error,
            real_world=arguments.real_world,
            threshold=arguments.threshold,
            curve=arguments.curve,
            budget_seconds=seconds(arguments.budget, "--budget"),
            out=arguments.out,
            progress=display.reading,
            tell=lambda sentence: print(sentence, file=sys.stderr, flush=True),
        )
    if not arguments.json:
        print(diagnosis_text(found.diagnosis, found.next_steps, is_measured=found.human_error_given))
        if found.deviation is not None:
            print(
                t(
                    "Errors are root mean squares, in % of the standard deviation of the training targets, "
                    "{deviation:.4g}.",
                    deviation=found.deviation,
                )
            )
        if found.curve is not None:
            print("\n" + curve_text(found.curve))
        if found.picture is not None:
            print(t("picture: {path}", path=found.picture))
    return found.to_dict()


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _of_numbers(arguments: argparse.Namespace, bare: dict[str, str]) -> dict[str, Any]:
    """Without a run: errors as they are typed."""
    refused = [_flag(name) for name in ONLY_RUNS if getattr(arguments, name)]
    if refused:
        raise UsageError(t("{flags}: these need a run, as in `rumbo diagnose RUN`.", flags=", ".join(refused)))
    if not bare:
        raise UsageError(
            t(
                "nothing to diagnose: give a run, as in `rumbo diagnose RUN`, or errors, as in `rumbo diagnose "
                "--human-error 1% --train-error 8% --dev-error 10%`."
            )
        )
    from rumbo.strategy.error_text import read_rate
    from rumbo.strategy.gaps import SplitError, diagnose
    from rumbo.strategy.steps import next_steps

    size = whole(arguments.dev_size, "--dev-size", low=1)
    errors: dict[str, SplitError | float] = {
        name: read_rate(text, _flag(f"{name}_error")) for name, text in bare.items()
    }
    if size is not None:
        if "dev" not in bare:
            raise UsageError(t("--dev-size is the number of examples behind --dev-error: add that."))
        errors["dev"] = SplitError(read_rate(bare["dev"], "--dev-error"), size=size)
    human = 0.0 if arguments.human_error is None else read_rate(arguments.human_error, "--human-error")
    diagnosis = diagnose(errors, human_error=human, threshold=read_rate(arguments.threshold, "--threshold"))
    steps = next_steps(diagnosis)
    if not arguments.json:
        print(diagnosis_text(diagnosis, steps, is_measured=arguments.human_error is not None))
    rest = {"deviation": None, "curve": None, "picture": None}
    return {"run": None, "task": None, **diagnosis.to_dict(), "next_steps": list(steps), **rest}


def diagnosis_text(diagnosis: "Diagnosis", steps: tuple[str, ...], *, is_measured: bool) -> str:
    """Errors, gaps, verdict and steps for people.

    Args:
        diagnosis: what was found.
        steps: what to try.
        is_measured: whether the human error was given; else 0 stands for it.
    """
    from rumbo.strategy.gap_sentences import gap_words, percent, stage_words

    def range_(interval: tuple[float, float] | None) -> str:
        return "" if interval is None else f"{percent(interval[0])} … {percent(interval[1])}"

    errors = [
        [name if name != "human" else t("possible"), percent(level.value), range_(level.interval), level.num_items]
        for name, level in diagnosis.errors.items()
    ]
    words, stages = gap_words(), stage_words()
    judged = {"large": t("matters"), "small": t("does not matter"), "open": t("cannot be told")}
    gaps = [
        [words[gap.name], percent(gap.value), range_(gap.interval), stages[gap.stage], judged[gap.judgement]]
        for gap in diagnosis.gaps
    ]
    verdict = {"none": t("no gap that matters"), "undecided": t("undecided")}.get(str(diagnosis.verdict))
    names = [verdict] if verdict else [words[name] for name in dict.fromkeys((diagnosis.verdict, *diagnosis.also))]  # pyright: ignore[reportArgumentType]
    interval = t("95 % interval")
    lines = [
        table([t("split"), t("error"), interval, t("items")], errors),
        "",
        table([t("gap"), t("size"), interval, t("stage"), t("judgement")], gaps),
        "",
        t("verdict: {names}.", names=", ".join(names)),
        diagnosis.reason,
        *map(shown, diagnosis.remarks),
    ]
    if not is_measured:
        lines.append(t("0 % is taken as possible: --human-error says what people or the best model reach."))
    lines += [t("What to try next:"), *(f"  - {step}" for step in steps)]
    return "\n".join(lines)


def curve_text(curve: "LearningCurve") -> str:
    """Points, extrapolation and what they say, for people."""
    from rumbo.strategy.gap_sentences import percent

    rows = [
        [point.size, point.seed, percent(point.train.value), percent(point.dev.value), ""] for point in curve.points
    ]
    for forecast in curve.more.forecasts:
        low, high = forecast.interval
        rows.append([forecast.size, None, "", percent(forecast.error), f"{percent(low)} … {percent(high)}"])
    header = [t("training examples"), t("seed"), "train", "dev", t("95 % interval")]
    return "\n".join([table(header, rows), "", curve.more.reason])
