# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What the loop adds to a step: networks whose step by hand takes a wanted time on this machine."""

import copy
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from rumbo.speed.race import Race, races
from rumbo.speed.tensors import race_of_tensors

CLASSES = 10
ROUND_SECONDS = 0.2


@races.register("overhead")
def overhead(_data: Path | None = None) -> tuple[Race, ...]:
    """Steps of about 1 ms and of about 20 ms."""
    return (overhead_at(1.0, width=256, rounds=31), overhead_at(20.0, width=512, rounds=31))


def overhead_at(milliseconds: float, *, width: int, rounds: int) -> Race:
    """A race of three dense layers whose batch is as large as it takes.

    Args:
        milliseconds: what a step by hand should take, about.
        width: units of the layers.
        rounds: where nobody says.
    """
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, CLASSES)
    )
    batch_size = _batch_size(network, width, milliseconds / 1000)
    steps = max(2, round(ROUND_SECONDS / (milliseconds / 1000)))
    inputs = torch.randn(batch_size * steps, width)
    return race_of_tensors(
        f"overhead, {milliseconds:g} ms",
        network,
        inputs,
        inputs[:, :CLASSES].argmax(dim=1),
        batch_size=batch_size,
        rate=1e-4,
        item_loss=lambda logits, targets: F.cross_entropy(logits, targets, reduction="none"),
        mean_loss=F.cross_entropy,
        fp32=True,
        items=batch_size,
        unit="examples",
        rounds=rounds,
    )


def _batch_size(network: nn.Module, width: int, wanted_seconds: float) -> int:
    """Doubled until a step takes long enough, then brought near by a straight line between the last two."""
    batch_size, before = 8, 0.0
    while (seconds := _step_seconds(network, width, batch_size)) < wanted_seconds and batch_size < 2**16:
        batch_size, before = 2 * batch_size, seconds
    if not before < wanted_seconds < seconds or batch_size == 8:
        return batch_size
    share = (wanted_seconds - before) / (seconds - before)
    return max(2, round(batch_size / 2 * (1 + share)))


def _step_seconds(network: nn.Module, width: int, batch_size: int) -> float:
    """The least of some steps by hand."""
    model = copy.deepcopy(network)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    inputs, targets = torch.randn(batch_size, width), torch.zeros(batch_size, dtype=torch.long)
    least = float("inf")
    for _ in range(8):
        began = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        least = min(least, time.perf_counter() - began)
    return least
