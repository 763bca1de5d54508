"""Kinds of training, so small that they take a second, and the outcome that every run of a kind must have."""

import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sittings import ForkServer, outcome

OFTEN = ("--set", "train.save_every_seconds=0", "--device", "cpu", "--seed", "3")


def options(**settings: object) -> tuple[str, ...]:
    """`--set` for each; two underscores stand for a dot."""
    return tuple(word for path, value in settings.items() for word in ("--set", f"{path.replace('__', '.')}={value}"))


PICTURES = (
    "pictures",
    "--model",
    "convnet",
    *options(model__options__width=4, data__augment__fewest_epochs=0, train__batch_size=8),
)
TABLE = ("table.csv", "--model", "mlp", *options(model__options__hidden="24,12"))

KINDS: dict[str, tuple[str, ...]] = {
    "dropout and AdamW on a table": (
        *("table.csv", "--model", "table_net", "--epochs", "5"),
        *options(model__options__hidden="24,24", train__optimizer__name="adamw", train__optimizer__weight_decay=0.05),
    ),
    "augmentation and batch norm on pictures": (*PICTURES, "--epochs", "4", *options(data__augment__light=0.3)),
    "mixup and cutmix": (*PICTURES, "--epochs", "3", *options(train__mixup=0.4, train__cutmix=1.0)),
    "an average of the weights": (
        *(*PICTURES, "--epochs", "3"),
        *options(train__average_decay=0.9, train__optimizer__name="adam", model__options__dropout=0.2),
    ),
    "early stopping and a schedule": (
        *(*TABLE, "--epochs", "40"),
        *options(train__patience=3, train__schedule__name="one_cycle", train__optimizer__name="momentum"),
    ),
    "parts of a step, clipping and balanced draws": (
        *(*TABLE, "--epochs", "4", *options(model__options__dropout=0.3, train__balance="sampling")),
        *options(train__batch_size=24, train__micro_batch=7, train__clip_norm=0.5, train__clip_value=0.2),
    ),
    "pictures decoded by threads": (
        *(*PICTURES, "--epochs", "3"),
        *options(data__memory_gib=0, data__cache_gib=0, data__augment__crop_area=0.5),
    ),
}


def whole(
    server: ForkServer, data: Path, kind: str, faults: dict[str, dict[str, Any]] | None = None
) -> tuple[dict[str, Any], float]:
    """The outcome of a run that nobody interrupts, and how long it took."""
    run = data / "whole"
    shutil.rmtree(run, ignore_errors=True)
    command = ("train", *KINDS[kind], *OFTEN, "--out", run)
    end = server.run(*command, folder=data, faults=faults, cores=2 if "threads" in kind else None)[0]
    assert end.code == 0, end.told
    return outcome(run), end.seconds


@cache
def expected(server: ForkServer, data: Path, kind: str) -> dict[str, Any]:
    """The outcome that every run of a kind must have; trained once."""
    return whole(server, data, kind)[0]


def different(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    return [name for name in theirs if mine[name] != theirs[name]]


def first_of(cases: Iterable[Any]) -> list[Any]:
    """Cases of a test, of which only the first is tried in haste: the rest are marked slow."""
    first, *rest = cases
    several = [case if isinstance(case, tuple) else (case,) for case in rest]
    return [first, *(pytest.param(*case, marks=pytest.mark.slow) for case in several)]
