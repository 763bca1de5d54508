"""`rumbo models [NAME]`."""

import argparse
from typing import Any

from rumbo.cli.tables import table
from rumbo.core.messages import t, translate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One network, or all."""
    parser.add_argument("name", nargs="?", metavar="NAME", help=t("a network whose options to list"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """List and tell. Without a name nothing heavy is imported."""
    from rumbo.api.model_list import model_list, model_options

    if arguments.name is not None:
        found = model_options(arguments.name)
        if not arguments.json:
            print(translate(found.sentence))
            rows = [[f"model.options.{key}", _text(value), found.meanings[key]] for key, value in found.options.items()]
            print(
                table([t("option"), t("default"), t("meaning")], rows) if rows else t("It has no options of its own.")
            )
        return {"name": found.name, "takes": found.takes, "options": {k: str(v) for k, v in found.options.items()}}
    listed = model_list()
    if not arguments.json:
        words = {"image": t("pictures"), "table": t("tables"), "both": t("pictures or tables")}
        print(table([t("model"), t("takes"), ""], [[m.name, words[m.takes], translate(m.sentence)] for m in listed]))
    return {"models": [{"name": m.name, "takes": m.takes, "sentence": translate(m.sentence)} for m in listed]}


def _text(default: Any) -> str:
    """As it is typed after `--set`."""
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
