"""`rumbo convert DATA --to FORMAT --out DIR`."""

import argparse
from typing import Any

from rumbo.cli.tables import table
from rumbo.core.errors import UsageError
from rumbo.core.messages import shown, t
from rumbo.data.writers import writers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """From what, to which format, where."""
    add = parser.add_argument
    add("data", metavar="DATA", help=t("a folder, a zip or a table"))
    add("--to", metavar="FORMAT", help=t("the format to write: {names}", names=", ".join(writers.names())))
    add("--out", metavar="DIR", help=t("a new folder for the result"))
    add("--corrections", metavar="FILE", help=t("corrections to lay over the data first"))
    add("--target", metavar="COLUMN", help=t("the target column of a table"))
    add("--task", metavar="TASK", help=t("how the target is read, such as classify or detect"))
    add("--lossy", action="store_true", help=t("go on where the format cannot hold everything, and list what is lost"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Convert and tell."""
    for flag in ("to", "out"):
        if getattr(arguments, flag) is None:
            raise UsageError(
                t(
                    "--{flag} is missing: rumbo convert PHOTOS --to FORMAT --out DIR, with a format of {names}.",
                    flag=flag,
                    names=", ".join(writers.names()),
                )
            )
    from rumbo.api.conversion import convert
    from rumbo.cli.progress import Display

    with Display() as display:
        found = convert(
            arguments.data,
            to=arguments.to,
            out=arguments.out,
            corrections=arguments.corrections,
            target=arguments.target,
            task=arguments.task,
            lossy=arguments.lossy,
            progress=lambda done, total: display.reading(t("pictures"), done, total),
        )
    if not arguments.json:
        for title, counts in ((t("class"), found.classes), (t("split"), found.splits)):
            if counts:
                print(
                    table([title, t("before"), t("after")], [[shown(n), c.before, c.after] for n, c in counts.items()])
                )
                print()
        for sentence in found.lost:
            print(t("lost: {what}", what=sentence))
        for sentence in found.changed:
            print(t("changed: {what}", what=sentence))
        if found.largest_shift_px > 0:
            print(t("boxes and points moved by at most {px} px, from rounding.", px=f"{found.largest_shift_px:.1g}"))
        print(
            t(
                "{count} examples, {before} -> {after}, read back and found equal: {out}",
                count=found.items,
                before=found.source_format,
                after=found.format,
                out=shown(found.out),
            )
        )
    return found.as_dict()
