"""`rumbo bench`."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from rumbo.cli.parser import whole
from rumbo.cli.progress import Display
from rumbo.cli.tables import table
from rumbo.core.messages import t, translate
from rumbo.speed.index import INDEX

if TYPE_CHECKING:
    from rumbo.api.benchmark import Benchmark

QUIET = 0.05
"""Share of the machine that strangers may take before it is said that they disturb."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is measured, and how long."""
    add = parser.add_argument
    add("--rows", metavar="NAMES", help=t("rows of the table, with commas between; all when not given"))
    add("--rounds", metavar="N", help=t("timed rounds of each row; as many as take two or three minutes if not given"))
    add("--data", metavar="SOURCE", help=t("pictures for lenet5, such as Fashion-MNIST; made up if not given"))
    add("--out", metavar="FILE", help=t("new file for the numbers, as JSON"))
    add("--list", action="store_true", help=t("list the rows"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure and tell, or list."""
    if arguments.list:
        return _list(as_json=arguments.json)
    rounds = whole(arguments.rounds, "--rounds", low=1)
    rows = None if arguments.rows is None else [name.strip() for name in arguments.rows.split(",") if name.strip()]
    from rumbo.api.benchmark import bench

    with Display() as display:
        told = display.reading if display.draws else Lines().told
        found = bench(rows, rounds=rounds, data=arguments.data, out=arguments.out, progress=told)
    if not arguments.json:
        print(result_text(found))
    return {**found.to_dict(), **({} if arguments.out is None else {"out": arguments.out})}


class Lines:
    """Where no bar can be drawn: a line on stderr as each row begins."""

    def __init__(self) -> None:
        self.last = ""

    def told(self, what: str, done: int, total: int) -> None:
        """A round begins."""
        if what != self.last:
            self.last = what
            print(f"{100 * done // total:3d} %  {what}", file=sys.stderr, flush=True)


def _list(*, as_json: bool) -> dict[str, Any]:
    if not as_json:
        print(table([t("row"), ""], [[name, translate(entry.sentence)] for name, entry in INDEX.items()]))
    return {"rows": [{"name": name, "sentence": translate(entry.sentence)} for name, entry in INDEX.items()]}


def result_text(found: "Benchmark") -> str:
    """The table, what it means, and the machine."""
    facts = found.to_dict()["rows"]
    header = [t("row"), t("by hand, ms a step"), t("ours, ms a step"), t("times as fast"), t("least"), t("most")]
    rows = [
        [
            row["name"],
            f"{row['by_hand_ms']:.2f}",
            f"{row['ours_ms']:.2f}",
            *(f"{row['ratio'][key]:.2f}" for key in ("median", "least", "most")),
            f"{row['processor_time_ratio']:.2f}",
            f"{row['ours_per_second']:,.0f} {_units()[row['unit']]}".replace(",", " "),
            row["precision"] if row["layout"] == "usual" else f"{row['precision']}, {row['layout']}",
            f"{row['loss_difference']:.1e}",
        ]
        for row in facts
    ]
    lines = [table([*header, t("of processor time"), t("ours in a second"), t("ours in"), t("losses apart")], rows), ""]
    lines += [
        t(
            "{name}: the loop adds {percent} % to a step by hand.",
            name=row["name"],
            percent=f"{row['overhead_percent']:.1f}",
        )
        for row in facts
        if row["name"].startswith("overhead")
    ]
    lines.append(t("Losses are compared in the first 20 steps; they differ by rounding, in bf16 more than in fp32."))
    return "\n".join([*lines, *_about_machine(found)])


def _units() -> dict[str, str]:
    return {"pictures": t("pictures"), "letters": t("letters"), "examples": t("examples")}


def _about_machine(found: "Benchmark") -> list[str]:
    machine = found.machine
    bf16 = ", ".join(machine.bf16_flags) or t("no bf16")
    lines = [
        t(
            "Machine: {cores} cores, {threads} threads, {bf16}, torch {torch}.",
            cores=machine.cores,
            threads=machine.threads,
            bf16=bf16,
            torch=machine.torch,
        )
    ]
    shares = [result.strangers_fraction for result in found.results if result.strangers_fraction is not None]
    if not shares:
        return lines
    percent = f"{100 * max(shares):.0f}"
    if max(shares) > QUIET:
        lines.append(
            t(
                "Other programs took up to {percent} % of the cores, which spreads the figures. Measure again when the "
                "machine is quiet.",
                percent=percent,
            )
        )
    else:
        lines.append(t("The machine was quiet: other programs took at most {percent} % of the cores.", percent=percent))
    return lines
