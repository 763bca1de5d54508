"""`rumbo next RUN`."""

import argparse
from typing import TYPE_CHECKING, Any

from rumbo.cli.parser import seconds
from rumbo.cli.progress import Display
from rumbo.cli.tables import table
from rumbo.core.messages import shown, t

if TYPE_CHECKING:
    from rumbo.api.advising import NextSteps
    from rumbo.strategy.advice import Tried


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, and for how long."""
    add = parser.add_argument
    add("run", metavar="RUN", help=t("a run folder"))
    add("--human-error", metavar="ERROR", help=t("what is possible, a share or a percentage; 0 when not given"))
    add("--budget", metavar="TIME", help=t("for all trainings together, as in 90s, 10m or 2h (10m)"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Try and tell."""
    budget = seconds(arguments.budget, "--budget")
    from rumbo.api.advising import next_steps

    with Display() as display:
        found = next_steps(
            arguments.run,
            budget_seconds=600.0 if budget is None else budget,
            human_error=arguments.human_error,
            progress=display.reading,
            show=display.trying,
        )
    if not arguments.json:
        print(result_text(found))
    return found.to_dict()


def result_text(found: "NextSteps") -> str:
    """The verdict, the table of actions, and what to type."""
    advice, goal = found.advice, found.advice.metric
    words = {"helps": t("helps"), "undecided": t("undecided"), "hurts": t("hurts"), "failed": t("failed")}
    rows = [
        [shown(each.action.sentence), _effect(each), words[each.outcome], f"{each.seconds:.0f} s"]
        for each in advice.tried
    ]
    lines = [
        found.diagnosis.reason,
        t("{goal} on dev of the run as it is: {value:.4g}.", goal=goal, value=advice.value),
        "",
        table([t("action"), t("change of {goal}", goal=goal), t("verdict"), t("time")], rows),
    ]
    for action in advice.told:
        lines.append(t("Not to be tried by training: {sentence}.", sentence=action.sentence))
    if advice.left_out:
        names = ", ".join(action.sentence for action in advice.left_out)
        lines.append(t("The budget was too small for: {names}.", names=names))
    if not advice.is_complete:
        lines.append(t("Stopped early: this is what was tried until then."))
    best = advice.best
    if best is None:
        lines.append(t("Nothing that was tried is known to help: each interval holds 0."))
    else:
        lines.append(t("Next: {sentence}.", sentence=best.action.sentence))
        if command := found.command(best.action):
            lines.append("  " + command)
    return "\n".join(lines)


def _effect(each: "Tried") -> str:
    if each.interval is None:
        return "–"
    low, high = each.interval
    share = "" if each.fidelity == 1 else t(" at {share:.0%} of the epochs", share=each.fidelity)
    return f"{each.effect:+.4g} ({low:+.3g} … {high:+.3g}){share}"
