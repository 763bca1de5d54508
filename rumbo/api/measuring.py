"""What a finished model costs on this machine: time, size, memory. Measured each time, never declared or remembered."""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from rumbo.core.errors import RumboError, unknown_name
from rumbo.core.messages import t
from rumbo.data.manifest import Dataset
from rumbo.strategy.goal import MEASURED
from rumbo.strategy.judging import Measured
from rumbo.tasks.trained import TrainedModel

NUM_EXAMPLES = 50
"""Different examples that take turns, so that no one's size or cached file speaks for all."""
WARM_UP_CALLS = 5
FEWEST_CALLS, MOST_CALLS = 20, 300
ENOUGH_SECONDS = 1.5
MB = 1e6
LONGEST_SECONDS = 600


def measure(names: Sequence[str], model: Path, dataset: Dataset | None) -> dict[str, Measured]:
    """Measure a finished model.

    Args:
        names: of `MEASURED`, what is asked for:
            `latency_ms`: from the file or row of one example to its answer, decoding and preprocessing included, on
            the CPU threads in use, after a warm-up; the median of repeated calls.
            `size_mb`: all files of the model folder.
            `memory_mb`: peak of a fresh process that loads the model and answers one example, Python and torch
            included.
            `parameters`: numbers in the network.
        model: the `model` folder of a run.
        dataset: examples for `latency_ms`, labelled or not; the others need none.

    Raises:
        UnknownName: there is nothing of that name to measure.
        DataError: the model or an example cannot be read.
        RumboError: the process for `memory_mb` failed.
    """
    for name in names:
        if name not in MEASURED:
            raise unknown_name("metric", name, MEASURED)
    found: dict[str, Measured] = {}
    for name in names:
        match name:
            case "latency_ms":
                assert dataset is not None
                found[name] = _latency(TrainedModel.load(model), dataset)
            case "size_mb":
                found[name] = Measured(value=sum(file.stat().st_size for file in sorted(model.iterdir())) / MB)
            case "memory_mb":
                found[name] = _memory(model)
            case _:
                network = TrainedModel.load(model).task.model
                found[name] = Measured(value=float(sum(weight.numel() for weight in network.parameters())))
    return found


def _latency(trained: TrainedModel, dataset: Dataset) -> Measured:
    rows = np.unique(np.linspace(0, len(dataset) - 1, min(len(dataset), NUM_EXAMPLES)).astype(np.int64))
    unlabelled = dataclasses.replace(dataset, target=None, bad=())  # as `rumbo predict` answers
    singles = [unlabelled.take(np.array([row])) for row in rows]
    for call in range(WARM_UP_CALLS):
        trained.predict(singles[call % len(singles)])
    took: list[float] = []
    began = time.perf_counter()
    while len(took) < FEWEST_CALLS or (len(took) < MOST_CALLS and time.perf_counter() - began < ENOUGH_SECONDS):
        single = singles[len(took) % len(singles)]
        start = time.perf_counter()
        trained.predict(single)
        took.append(1000 * (time.perf_counter() - start))
    calls = np.array(took)
    low, high = np.quantile(calls, [0.05, 0.95])
    return Measured(
        value=float(np.median(calls)),
        calls=calls,
        facts={
            "calls": len(calls),
            "threads": torch.get_num_threads(),
            "nine_in_ten_between": [float(low), float(high)],
        },
    )


def _memory(model: Path) -> Measured:
    """Of a process of its own: this one has opened data, and what it once held counts for ever."""
    threads = torch.get_num_threads()
    ran = subprocess.run(
        [sys.executable, "-m", "rumbo.api.peak_memory", str(model.resolve()), str(threads)],
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    if ran.returncode != 0:
        last = (ran.stderr.strip().splitlines() or [""])[-1]
        raise RumboError(t("the memory of a prediction could not be measured: {reason}", reason=last[:300]))
    return Measured(value=int(ran.stdout.split()[-1]) / MB, facts={"threads": threads})
