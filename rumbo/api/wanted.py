"""What was asked for: the options of a file with flags on top, and paths seen from another folder."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rumbo.api.config import RunConfig
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.data.demo import DIGITS
from rumbo.data.mixing import parse_addition


def wanted_config(
    data: str | Path | None,
    config: str | Path | None,
    *,
    named: Mapping[str, Any],
    model: Mapping[str, Any],
    train: Mapping[str, Any],
    settings: Mapping[str, str] | None,
) -> RunConfig:
    """The options of a run: defaults, then a config file, then what was named, then settings by their paths.

    Args:
        data: the data; None takes those of the file.
        config: a config.yaml; its paths become relative to the working folder.
        named: options of the run itself; None among them is what was not said.
        model: options of the model, likewise.
        train: options of the training, likewise.
        settings: any option by its dotted path, as text.

    Raises:
        UsageError: no such file or option, or nothing to train on.
    """
    wanted = RunConfig()
    if config is not None:
        file = Path(config)
        if not file.is_file():
            raise UsageError(t("no config file at '{path}'.", path=str(config)))
        wanted = relocated(RunConfig.read(file), file.parent, Path())
    if data is not None:
        wanted = replace(wanted, path=str(data))
    if any("\udc80" <= letter <= "\udcff" for letter in wanted.path):
        raise UsageError(
            t("'{path}' has a byte that is no UTF-8: rename it, config.yaml must name it.", path=wanted.path)
        )
    if not wanted.path:
        raise UsageError(t("nothing to train on: give a folder, a file or a zip, as in `rumbo train PHOTOS`."))
    wanted = replace(
        wanted,
        model=replace(wanted.model, **_said(model)),
        train=replace(wanted.train, **_said(train)),
        **_said(named),
    )
    for path, text in (settings or {}).items():
        wanted = wanted.override(path.removeprefix("options."), text)
    return wanted


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def relocated(config: RunConfig, base: Path, folder: Path) -> RunConfig:
    """Paths that were relative to one folder relative to another, such as the one that its config.yaml lies in."""
    model = config.model
    if model.weights not in ("none", "imagenet"):
        model = replace(model, weights=os.path.relpath(base / model.weights, folder))
    path = config.path if config.path in ("", DIGITS) else os.path.relpath(base / config.path, folder)
    data = config.data
    if data.corrections is not None:
        data = replace(data, corrections=os.path.relpath(base / data.corrections, folder))
    if data.cache_path is not None:
        data = replace(data, cache_path=os.path.relpath(base / Path(data.cache_path).expanduser(), folder))
    if data.split.file is not None:
        data = replace(data, split=replace(data.split, file=os.path.relpath(base / data.split.file, folder)))
    data = replace(data, mix=tuple(_relocated_addition(text, base, folder) for text in data.mix))
    costs = None if config.costs is None else os.path.relpath(base / config.costs, folder)
    return replace(config, path=path, model=model, data=data, costs=costs)


def _relocated_addition(text: str, base: Path, folder: Path) -> str:
    path, weight = parse_addition(text)
    return f"{os.path.relpath(base / path, folder)}:{weight:g}"
