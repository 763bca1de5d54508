"""Time of a training step without augmentation, with it, and with it made by a thread ahead.

    python bench/augmentation.py [--rounds N] [--side PX] [--width N] [--batch N] [--set NAME=VALUE ...]

Pictures in memory, a ConvNet, real steps (forward, backward, update). The ways take turns, a few steps each, so that a
busy machine slows all of them alike; printed are medians of the milliseconds per step, of the ratios round by round,
and the least times, which other programs disturb least. `alone` is the time to make a batch, with nothing else running.
`ahead` is one batch made by a thread while the network works on the one before; `ahead1` the same with one core for
that thread's tensors. All ways give the same batches, bit for bit: that is checked first.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Batch, Examples, Loader, PixelsInMemory
from rumbo.data.options import AugmentOptions
from rumbo.data.pictures.decode import DecodeRule
from rumbo.data.preprocess import ImageInput

STEPS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--elsewhere", type=float, metavar="MS", help="a step is a wait of so long, as for a GPU")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an option of augmentation")
    arguments = parser.parse_args()
    options = AugmentOptions()
    for setting in arguments.set:
        options = options.override(*setting.split("=", 1))
    plain, changed = loader(arguments, None), loader(arguments, options)
    agree(changed)
    step = training(arguments)
    if arguments.elsewhere is not None:
        step = lambda batch: time.sleep(arguments.elsewhere / 1000)  # noqa: E731
    ways: dict[str, Callable[[], Iterator[Batch]]] = {
        "off": lambda: plain.epoch(0),
        "on": lambda: changed.epoch(0),
        "ahead": lambda: ahead(changed.epoch(0)),
        "ahead1": lambda: ahead(changed.epoch(0), cores=1),
    }
    times: dict[str, list[float]] = {name: [] for name in [*ways, "alone"]}
    for number in range(arguments.rounds + 1):
        for name, batches in ways.items():
            seconds = timed(batches(), step)
            if number:  # the first round warms up
                times[name].append(seconds)
        times["alone"].append(timed(changed.epoch(0), lambda batch: None))
    print(json.dumps(result(arguments, times)))


def result(arguments: argparse.Namespace, times: dict[str, list[float]]) -> dict[str, Any]:
    """Medians, in ms and as ratios to a step without augmentation in the same round."""
    ratios = {
        name: round(statistics.median(a / b for a, b in zip(times[name], times["off"], strict=True)), 3)
        for name in ("on", "ahead", "ahead1")
    }
    least = {f"{name}_least_ms": round(1000 * min(values), 2) for name, values in times.items()}
    medians = {f"{name}_ms": round(1000 * statistics.median(values), 2) for name, values in times.items()}
    sizes = {name: getattr(arguments, name) for name in ("side", "width", "batch", "elsewhere")}
    machine = {"figure": "augmentation", "cores": os.cpu_count(), "torch_threads": torch.get_num_threads()}
    told = {**sizes, "set": arguments.set, **medians, **least}
    return {**machine, **told, "step_with_augmentation_in_steps_without": ratios}


def timed(batches: Iterator[Batch], step: Callable[[Batch], None]) -> float:
    """Seconds per step, from the second one on."""
    step(next(batches))
    start = time.perf_counter()
    for _ in range(STEPS):
        step(next(batches))
    seconds = (time.perf_counter() - start) / STEPS
    batches.close()
    return seconds


def ahead(batches: Iterator[Batch], *, cores: int | None = None) -> Iterator[Batch]:
    """The same batches, each made by a thread while the one before is in use."""
    setting = () if cores is None else (cores,)
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads if setting else None, initargs=setting) as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield batch


def agree(changed: Loader) -> None:
    """Batches are the same bits, whoever makes them."""
    ways = (changed.epoch(0), ahead(changed.epoch(0)), ahead(changed.epoch(0), cores=1))
    for number, batches in enumerate(zip(*ways, strict=True)):
        for other in batches[1:]:
            assert torch.equal(batches[0].images, other.images)
        if number == 2:
            break


def loader(arguments: argparse.Namespace, options: AugmentOptions | None) -> Loader:
    num_items, side = arguments.batch * (STEPS + 2), arguments.side
    pixels = np.random.default_rng(0).integers(0, 256, (num_items, 3, side, side), dtype=np.uint8)
    rule = DecodeRule(mode="rgb", height=side, width=side, fit="stretch")
    examples = Examples(
        ids=[str(row) for row in range(num_items)],
        targets=torch.randint(0, 10, (num_items,)),
        weights=torch.ones(num_items),
        pixels=PixelsInMemory(pixels),
        image=ImageInput(rule=rule, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)),
    )
    rows = np.arange(num_items)
    return Loader(examples=examples, rows=rows, batch_size=arguments.batch, augment=options, flip=options is not None)


def training(arguments: argparse.Namespace) -> Callable[[Batch], None]:
    torch.manual_seed(0)
    spec = InputSpec(image=(3, arguments.side, arguments.side))
    network = models.build("convnet", spec, 10, width=arguments.width)
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

    def step(batch: Batch) -> None:
        assert batch.images is not None
        logits = network(batch.images.contiguous(memory_format=torch.channels_last))
        torch.nn.functional.cross_entropy(logits, batch.targets).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


if __name__ == "__main__":
    main()
