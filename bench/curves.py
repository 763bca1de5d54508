"""How often the error at full data lies within the interval that smaller trainings predict.

    python bench/curves.py [--data FOLDER] [--seeds 5] [--sets digits adult_income] [--out FILE.json]
    python bench/curves.py --points FILE.json

Each network is trained on n/32, n/16 … n examples of a real set: the run's own recipe, nested subsets, one dev. The
error at n is predicted from n/16 … n/2, and that at n/2 from n/32 … n/4; both were measured, too. docs/diagnose.md has
the figures. The prior of the noise was chosen on digits and clothes before the tables
were trained; MISFIT was halved when all forecasts that were there had held.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rumbo.api.config import ModelOptions, RunConfig
from rumbo.api.learning_curves import variance_of
from rumbo.api.prepare import Gathered, assemble, gather
from rumbo.api.subsets import SubsetErrors, deviation_of, nested_order, train_on
from rumbo.data.options import DataOptions, SplitOptions
from rumbo.strategy.curve import CurvePoint, fit_curve
from rumbo.training.options import FitOptions

ROOT = Path(__file__).resolve().parents[1]
PARTS = (32, 16, 8, 4, 2, 1)
Point = tuple[int, float, float]
"""Size, error on dev, its variance."""
MOST_DEV = 2_000
"""Examples of dev; more are read for nothing."""
SETS: dict[str, dict[str, Any]] = {
    "digits": {"path": "demo:digits", "size": 1024, "epochs": 20, "models": ("softmax_regression", "mlp", "convnet")},
    "fashion_mnist": {
        "path": "fashion_mnist",
        "size": 2048,
        "epochs": 12,
        "models": ("softmax_regression", "mlp", "lenet5"),
    },
    "adult_income": {
        "path": "adult_income",
        "size": 4096,
        "epochs": 12,
        "models": ("logistic_regression", "mlp", "table_net"),
    },
    "california_housing": {"path": "california_housing", "size": 4096, "epochs": 12, "models": ("mlp", "table_net")},
}


def opened(data: Path, name: str) -> tuple[Gathered, RunConfig, int]:
    """The data of a set, a first config, and how many training examples are all."""
    wanted = SETS[name]
    path = wanted["path"] if wanted["path"].startswith("demo:") else str(data / wanted["path"])
    split = SplitOptions(dev_fraction=0.25 if name == "digits" else None, test_fraction=0.1)
    config = RunConfig(
        path=path,
        device="cpu",
        data=DataOptions(split=split, augment=None),
        model=ModelOptions(name=wanted["models"][0]),
        train=FitOptions(epochs=wanted["epochs"]),
    )
    gathered = gather(config, base=Path())
    return with_splits(gathered, dev=gathered.split.rows(gathered.dataset, "dev")[:MOST_DEV]), config, wanted["size"]


def with_splits(gathered: Gathered, **rows: np.ndarray) -> Gathered:
    """The data with no other examples in the splits that are named."""
    table = gathered.split.table
    for name, kept in rows.items():
        chosen = gathered.dataset.table["id"][kept].to_list()
        table = table.filter((table["split"] != name) | table["id"].is_in(chosen))
    return replace(gathered, split=replace(gathered.split, table=table))


def trained(gathered: Gathered, config: RunConfig, size: int, seed: int) -> list[SubsetErrors]:
    """Errors at all sizes, the smallest first."""
    order = nested_order(gathered.dataset, gathered.split.rows(gathered.dataset, "train"), seed)[:size]
    whole = with_splits(gathered, train=np.sort(order))
    full = assemble(whole, replace(config, seed=seed))
    unit, rows = deviation_of(full.task), [np.sort(order[: size // part]) for part in PARTS]
    return [train_on(whole, full.config, Path(), part, seed=seed, unit=unit) for part in rows]


def forecasts(points: list[CurvePoint]) -> list[dict[str, float]]:
    """Each target that four smaller sizes predict: the whole, and its half."""
    answers: list[dict[str, float]] = []
    for target in (len(points) - 1, len(points) - 2):
        forecast, measured = fit_curve(points[target - 4 : target]).predict(points[target].size), points[target].error
        low, high = forecast.interval
        answers.append({"measured": measured, "predicted": forecast.error, "low": low, "high": high})
    return answers


def held(rows: list[dict[str, float]]) -> str:
    """A line of the table: how many are held, how far off the middle is, how wide the interval is."""
    count = sum(row["low"] <= row["measured"] <= row["high"] for row in rows)
    off = np.median([abs(row["predicted"] - row["measured"]) / row["measured"] for row in rows])
    wide = np.median([(row["high"] - row["low"]) / row["measured"] for row in rows])
    error = np.median([row["measured"] for row in rows])
    return f"{count:3}/{len(rows):<3} {error:8.3f} {off:8.1%} {wide:8.1%}"


def main() -> None:
    """Train, predict, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--out", type=Path, help="where measured errors are kept")
    parser.add_argument("--points", type=Path, help="errors that an earlier call kept: nothing is trained")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.points is not None:
        measured = json.loads(arguments.points.read_text())
    else:
        measured = measure(arguments.data, arguments.sets, arguments.seeds, arguments.out)
    print(f"{'set and network':40} {'held':7} {'error':>8} {'off by':>8} {'width':>8}  (medians)")
    rows: list[dict[str, float]] = []
    for name, chains in measured.items():
        own = [
            row
            for chain in chains
            for row in forecasts([CurvePoint(int(n), error, variance) for n, error, variance in chain])
        ]
        rows += own
        print(f"{name:40} {held(own)}")
    print(f"{'all':40} {held(rows)}")


def measure(data: Path, sets: list[str], num_seeds: int, out: Path | None) -> dict[str, list[list[Point]]]:
    """Errors by set and network, a chain of sizes for each seed."""
    measured: dict[str, list[list[Point]]] = {}
    for name in sets:
        gathered, config, size = opened(data, name)
        for model in SETS[name]["models"]:
            began, wanted = time.monotonic(), replace(config, model=ModelOptions(name=model))
            chains = [trained(gathered, wanted, size, seed) for seed in range(num_seeds)]
            measured[f"{name} {model}"] = [[(p.size, p.dev.value, variance_of(p.dev)) for p in c] for c in chains]
            print(f"{name} {model}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            if out is not None:
                out.write_text(json.dumps(measured))
    return measured


if __name__ == "__main__":
    main()
