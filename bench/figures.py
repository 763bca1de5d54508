"""Reproduce the figures of docs/figures.md on this machine.

    python bench/figures.py digits cats california adult fashion fashion-best startup [--data FOLDER] [--out FILE]

Each figure is measured through the public command or function, on real data, and printed as one JSON line. Times depend
on the machine: they are also given in units of one epoch of a hand-written LeNet-5 loop timed in the same run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = range(5)
FIRST_STEP = """
import os, rumbo
from rumbo.training.events import Stepped
rumbo.train(os.environ["DATA"], out=os.environ["OUT"], watch=lambda event: isinstance(event, Stepped) and os._exit(0))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="+", choices=sorted(FIGURES))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RUMBO_TEST_DATA", "../shared/data")))
    parser.add_argument("--out", type=Path, help="append the JSON lines to this file, too")
    arguments = parser.parse_args()
    for name in arguments.figures:
        line = json.dumps({"figure": name, **FIGURES[name](arguments.data.resolve())})
        print(line, flush=True)
        if arguments.out:
            with arguments.out.open("a") as file:
                file.write(line + "\n")


def digits(_: Path) -> dict[str, Any]:
    """Mean test accuracy of `rumbo demo` over five seeds, each with its own split."""
    return seeds("demo:digits")


def cats(data: Path) -> dict[str, Any]:
    """Mean accuracy on the official 50 test pictures over five seeds, no option given."""
    return seeds(str(data / "cats_vs_noncats"))


def fashion(data: Path) -> dict[str, Any]:
    """One run without options, with its time."""
    return one_run(str(data / "fashion_mnist"))


def fashion_best(data: Path) -> dict[str, Any]:
    """One run with options."""
    mirrored_only = {"flip": "yes", "shift_fraction": "0", "zoom": "0", "rotate_degrees": "0", "light": "0"}
    options = {f"data.augment.{name}": value for name, value in mirrored_only.items()}
    options |= {"model.name": "convnet", "model.options.width": "20", "train.epochs": "12"}
    return one_run(str(data / "fashion_mnist"), settings=options) | {"options": options}


def hymenoptera(data: Path) -> dict[str, Any]:
    """Photographs from scratch with no option, and on frozen features of a published network."""
    weights = str(data / "pretrained" / "mobilenet_v2.safetensors")
    photos = str(data / "hymenoptera")
    return {
        "scratch": one_run(photos),
        "frozen_mobilenet_v2": one_run(photos, model="mobilenet_v2", weights=weights, freeze="features", epochs=5),
    }


def california(data: Path) -> dict[str, Any]:
    """Test RMSE beside scikit-learn's gradient boosting on the same split, five seeds."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.metrics import root_mean_squared_error

    from rumbo.api.sources import open_source
    from rumbo.data.splits.split import Split

    ours, theirs, times = [], [], []
    for seed in SEEDS:
        with run_folder() as out:
            run = trained(str(data / "california_housing"), out, seed=seed)
            dataset = open_source(run.config.path, base=run.path)
            split = Split.load(run.folder.split)
            ours.append(run.metrics["test"]["rmse"])
            times.append(run.summary["seconds"])
        numbers = [dataset.table[name].to_numpy() for name in dataset.numbers]
        codes = [dataset.table[name].cast(str).rank("dense").to_numpy() for name in dataset.categories]
        features = np.column_stack([*numbers, *codes]).astype(np.float64)
        target = dataset.table["median_house_value"].to_numpy()
        learn = np.concatenate([split.rows(dataset, "train"), split.rows(dataset, "dev")])
        test = split.rows(dataset, "test")
        categorical = [len(numbers) + index for index in range(len(codes))]
        booster = HistGradientBoostingRegressor(categorical_features=categorical, random_state=seed)
        guess = booster.fit(features[learn], target[learn]).predict(features[test])
        theirs.append(float(root_mean_squared_error(target[test], guess)))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        "rmse": ours,
        "rmse_hist_gradient_boosting": theirs,
        "ratio": ratios,
        **mean_interval(ratios),
        "seconds": times,
    }


def adult(data: Path) -> dict[str, Any]:
    """ROC-AUC on the official test file; the only option is that it is the goal."""
    return one_run(str(data / "adult_income"), goal="roc_auc")


def startup(data: Path) -> dict[str, Any]:
    """Wall seconds of commands that need no torch, of the import, and of a training's start beside torch's own."""
    import_torch = [sys.executable, "-c", "import torch, torchvision"]
    commands = {
        "help": [sys.executable, "-m", "rumbo", "--help"],
        "models": [sys.executable, "-m", "rumbo", "models"],
        "doctor --quick": [sys.executable, "-m", "rumbo", "doctor", "--quick"],
        "import rumbo": [sys.executable, "-c", "import rumbo"],
        "import torch, torchvision": import_torch,
        "train, until the first step": [sys.executable, "-c", FIRST_STEP],
    }
    os.environ["DATA"] = str(data / "cats_vs_noncats")
    return {name: statistics.median(wall_seconds(command) for _ in range(5)) for name, command in commands.items()}


def lenet_epoch(data: Path) -> float:
    """Seconds of one epoch of a hand-written LeNet-5 loop on Fashion-MNIST: the unit of time."""
    import gzip

    import torch
    from torch import nn

    raw = gzip.decompress((data / "fashion_mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    images = torch.from_numpy(np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy())
    raw = gzip.decompress((data / "fashion_mnist" / "train-labels-idx1-ubyte.gz").read_bytes())
    labels = torch.from_numpy(np.frombuffer(raw, np.uint8, offset=8).astype(np.int64))
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def epoch() -> float:
        began = time.perf_counter()
        order = torch.randperm(len(images))
        for low in range(0, len(images) - 127, 128):
            rows = order[low : low + 128]
            optimizer.zero_grad()
            logits = net((images[rows].float() / 255 - 0.286) / 0.353)
            nn.functional.cross_entropy(logits, labels[rows]).backward()
            optimizer.step()
        return time.perf_counter() - began

    epoch()
    return statistics.median(epoch() for _ in range(3))


def seeds(data: str) -> dict[str, Any]:
    values, times = [], []
    for seed in SEEDS:
        with run_folder() as out:
            run = trained(data, out, seed=seed)
            values.append(run.metrics["test"]["accuracy"])
            times.append(run.summary["seconds"])
    return {"test_accuracy": values, **mean_interval(values), "seconds": times}


def one_run(data: str, **options: Any) -> dict[str, Any]:
    """Train once and tell the goal on test (dev where there is no test), its interval, time and size."""
    with run_folder() as out:
        run = trained(data, out, **options)
        return {**run.goal, **{key: run.summary[key] for key in ("seconds", "epochs", "parameters")}}


def trained(data: str, out: Path, **options: Any) -> Any:
    import rumbo

    return rumbo.train(data, out=out, **options)


def with_unit(figure: Callable[[Path], dict[str, Any]]) -> Callable[[Path], dict[str, Any]]:
    """Also tell the time in LeNet-5 epochs."""

    def measured(data: Path) -> dict[str, Any]:
        unit = lenet_epoch(data)
        found = figure(data)
        return {**found, "lenet_epoch_seconds": unit, "lenet_epochs": found["seconds"] / unit}

    return measured


def mean_interval(values: list[float]) -> dict[str, Any]:
    """Mean with its 95 % interval by Student's t."""
    from scipy.stats import t as student

    half = student.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return {"mean": statistics.mean(values), "half_width_95": float(half)}


def wall_seconds(command: list[str]) -> float:
    """Wall seconds of a whole process; bytecode is cached, as an installation has it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with run_folder() as out:
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True, env={**environment, "OUT": str(out)})
        return time.perf_counter() - began


@contextmanager
def run_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "run"


FIGURES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "digits": digits,
    "cats": cats,
    "california": california,
    "adult": adult,
    "fashion": with_unit(fashion),
    "fashion-best": with_unit(fashion_best),
    "hymenoptera": hymenoptera,
    "startup": startup,
}

if __name__ == "__main__":
    main()
