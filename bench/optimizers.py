"""Which base rate suits each optimizer, and what fused updates save on the processor.

    python bench/optimizers.py rates [--fashion FOLDER]
    python bench/optimizers.py speed

`rates` trains on a part of the training set and judges on another part of it (dev); no test set is touched. FOLDER
holds the IDX files of Fashion-MNIST. One core; docs/experiments.md has the figures.
"""

import argparse
import gzip
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import get_args

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.training.optimizer import RULES, make_optimizer
from rumbo.training.optimizer_options import OptimizerName, OptimizerOptions
from rumbo.training.schedule import rate_factor
from rumbo.training.schedule_options import ScheduleOptions

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
BATCH = 32


def digits() -> tuple[Tensor, Tensor, int]:
    """Images of 8 x 8, labels, and how many of them are to learn from."""
    X, Y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    return torch.from_numpy(X[order] / 8 - 1).float().view(-1, 1, 8, 8), torch.from_numpy(Y[order]).long(), 1_437


def fashion(folder: Path) -> tuple[Tensor, Tensor, int]:
    """4,000 images of 28 x 28 of the training file, 3,000 of them to learn from."""

    def read(name: str, offset: int) -> np.ndarray:
        with gzip.open(folder / name) as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    X = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)[:4_000]
    Y = read("train-labels-idx1-ubyte.gz", 8)[:4_000]
    return torch.from_numpy(X / 127.5 - 1).float(), torch.from_numpy(Y.astype(np.int64)), 3_000


def train(
    network: nn.Module, data: tuple[Tensor, Tensor, int], options: OptimizerOptions, epochs: int
) -> tuple[float, float]:
    """Dev loss and accuracy at the end of a training with one_cycle."""
    X, Y, num_train = data
    rate = options.learning_rate or RULES[options.name].usual_rate
    optimizer, schedule = make_optimizer(network, options), ScheduleOptions()
    per_epoch, order = num_train // BATCH, torch.arange(num_train)
    network.train()
    for step in range(epochs * per_epoch):
        if step % per_epoch == 0:
            order = torch.randperm(num_train)
        rows = order[step % per_epoch * BATCH :][:BATCH]
        for group in optimizer.param_groups:
            group["lr"] = rate * rate_factor(schedule, step, epochs * per_epoch, per_epoch)
        optimizer.zero_grad()
        F.cross_entropy(network(X[rows]), Y[rows]).backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        logits = network(X[num_train:])
        return (
            F.cross_entropy(logits, Y[num_train:]).item(),
            (logits.argmax(1) == Y[num_train:]).double().mean().item(),
        )


def rates(folder: Path | None, names: list[OptimizerName]) -> None:
    """Dev loss and accuracy of each optimizer at its usual rate and below and above."""

    def table(title: str, data: tuple[Tensor, Tensor, int], epochs: int, make: Callable[[], nn.Module]) -> None:
        print(f"\n{title}: dev loss (accuracy)")
        for name in names:
            cells: list[str] = []
            for factor in FACTORS:
                torch.manual_seed(0)
                options = OptimizerOptions(name=name, learning_rate=float(f"{RULES[name].usual_rate * factor:.3g}"))
                loss, accuracy = train(make(), data, options, epochs)
                cells.append(f"{options.learning_rate:g}: {loss:.3f} ({accuracy:.3f})")
            print(f"{name:16}", " | ".join(cells), flush=True)

    small, large = InputSpec(image=(1, 8, 8)), InputSpec(image=(1, 28, 28))
    table("digits, convnet, 10 epochs", digits(), 10, lambda: models.build("convnet", small, 10))
    if folder is not None:
        table("Fashion-MNIST, lenet5, 10 epochs", fashion(folder), 10, lambda: models.build("lenet5", large, 10))


def speed() -> None:
    """Processor time of one update of all weights, by torch's three ways, which take turns in each of 10 rounds."""
    networks = {
        "lenet5": models.build("lenet5", InputSpec(image=(1, 28, 28)), 10),
        "resnet18": models.build("resnet18", InputSpec(image=(3, 64, 64)), 10),
    }
    for title, network in networks.items():
        weights = [weight.detach() for weight in network.parameters()]
        print(f"\n{title}: {len(weights)} tensors, {sum(weight.numel() for weight in weights):,} weights")
        for weight in weights:
            weight.requires_grad_().grad = torch.randn_like(weight)
        for name, rule in RULES.items():
            settings = rule.settings(OptimizerOptions(name=name))
            ways = {"plain": {"foreach": False}, "foreach": {"foreach": True}}
            ways |= {"fused": {"fused": True}} if rule.fused_on else {}
            optimizers = {way: rule.kind(weights, lr=1e-5, **settings, **chosen) for way, chosen in ways.items()}
            seconds: dict[str, list[float]] = {way: [] for way in ways}
            repeats = 50 if title == "lenet5" else 2
            for _ in range(11):
                for way, optimizer in optimizers.items():
                    start = time.process_time()
                    for _ in range(repeats):
                        optimizer.step()
                    seconds[way].append((time.process_time() - start) / repeats)
            plain = median(seconds["plain"][1:])
            told = (f"{way} {1e3 * median(s[1:]):.3f} ms ({plain / median(s[1:]):.2f} x)" for way, s in seconds.items())
            print(f"{name:16}", " | ".join(told), flush=True)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("rates", "speed"))
    parser.add_argument("--fashion", type=Path)
    parser.add_argument("--optimizers", nargs="*", choices=get_args(OptimizerName), default=get_args(OptimizerName))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    rates(chosen.fashion, chosen.optimizers) if chosen.what == "rates" else speed()


if __name__ == "__main__":
    main()
