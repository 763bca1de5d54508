"""Flags that name data and network, shared by the verbs that train; what is wrong with them is seen at once."""

import argparse
import os

from rumbo.cli.parser import settings
from rumbo.core.errors import UsageError
from rumbo.core.messages import t


def add_data_and_network(parser: argparse.ArgumentParser) -> None:
    """DATA and the flags that choose task, target, network and effort."""
    add = parser.add_argument
    add("data", nargs="?", metavar="DATA", help=t("a folder, a file or a zip; its format is recognized"))
    add("--task", metavar="TASK", help=t("classify, regress or multilabel; read off the target when not given"))
    add("--target", metavar="COLUMN", help=t("the target column; several yes/no columns with commas"))
    add("--model", metavar="NAME", help=t("the network; `rumbo models` lists them"))
    add("--weights", metavar="FROM", help=t("where weights begin: none, imagenet, or a .safetensors file"))
    add("--freeze", metavar="WHAT", help=t("with --weights: none, or features to train the last layer only"))
    add("--preset", metavar="NAME", default="good", help=t("quick, good or best: how much effort"))


def refuse_early(data: str | None, pairs: list[str]) -> None:
    """Refuse data that are not there, and options of --set that are unknown or out of range.

    Raises:
        UsageError: with the sentence that would have come some seconds later.
    """
    if data is not None and not data.startswith("demo:") and not os.path.exists(data):
        raise UsageError(t("no data at '{path}': there is no such file or folder.", path=data))
    from rumbo.api.config import RunConfig

    config = RunConfig()
    for path, text in settings(pairs).items():
        config = config.override(path.removeprefix("options."), text)
