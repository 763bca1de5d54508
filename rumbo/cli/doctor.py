"""`rumbo doctor`."""

import argparse
from typing import Any

from rumbo.cli.tables import table
from rumbo.core.messages import t


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How deep to look."""
    parser.add_argument("--quick", action="store_true", help=t("only what costs no time: no torch, no measurement"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Look and tell."""
    from rumbo.api.machine import doctor

    found = doctor(quick=arguments.quick)
    if not arguments.json:
        print(table([t("what"), t("found")], [[name, str(value)] for name, value in found.facts.items()]))
        for problem in found.problems:
            print("! " + problem)
        if not found.problems:
            print(t("No problem found."))
    return {"facts": found.facts, "problems": list(found.problems)}
