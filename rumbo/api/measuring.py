"""What a finished model costs on this machine: time, size, memory. Measured each time, never declared or remembered."""

import dataclasses
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
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
NUM_ROUNDS = 12
"""Rounds of calls. A machine is slower in one second than in the next, so rounds and not calls make the interval."""
FEWEST_CALLS, ROUND_SECONDS = 3, 0.12
"""Of a round."""
MB = 1e6
LONGEST_SECONDS = 600


def measure(names: Sequence[str], model: Path, dataset: Dataset | None) -> dict[str, Measured]:
    """Measure a finished model; arguments and errors are those of `measure_in_turns`."""
    return measure_in_turns(names, [(model, dataset)])[0]


def measure_in_turns(names: Sequence[str], models: Sequence[tuple[Path, Dataset | None]]) -> list[dict[str, Measured]]:
    """Measure finished models on equal terms: where time is measured, they take turns.

    Args:
        names: of `MEASURED`, what is asked for:
            `latency_ms`: from the file or row of one example to its answer, decoding and preprocessing included, on
            the CPU threads in use, after a warm-up; the median of several rounds' median calls.
            `size_mb`: all files of the model folder.
            `memory_mb`: peak of a fresh process that loads the model and answers one example, Python and torch
            included.
            `parameters`: numbers in the network.
        models: the `model` folder of each run, and examples for `latency_ms`, labelled or not; the others need none.

    Raises:
        UnknownName: there is nothing of that name to measure.
        DataError: the model or an example cannot be read.
        RumboError: the process for `memory_mb` failed.
    """
    for name in names:
        if name not in MEASURED:
            raise unknown_name("metric", name, MEASURED)
    found: list[dict[str, Measured]] = [{} for _ in models]
    for name in names:
        if name == "latency_ms":
            columns = _latencies(models)
        elif name == "size_mb":
            columns = [
                Measured(value=sum(file.stat().st_size for file in folder.iterdir()) / MB) for folder, _ in models
            ]
        elif name == "memory_mb":
            columns = [_memory(folder) for folder, _ in models]
        else:
            columns = [_parameters(folder) for folder, _ in models]
        for row, measured in zip(found, columns, strict=True):
            row[name] = measured
    return found


def _latencies(models: Sequence[tuple[Path, Dataset | None]]) -> list[Measured]:
    calls = [_calls(TrainedModel.load(folder), dataset) for folder, dataset in models]
    for timed in calls:
        for _ in itertools.islice(timed, WARM_UP_CALLS):
            pass
    rounds = [[_round(timed) for timed in calls] for _ in range(NUM_ROUNDS)]
    return [_of_rounds([of_all[run] for of_all in rounds]) for run in range(len(models))]


def _calls(trained: TrainedModel, dataset: Dataset | None) -> Iterator[float]:
    """The milliseconds of one call after the other, without end."""
    assert dataset is not None
    rows = np.unique(np.linspace(0, len(dataset) - 1, min(len(dataset), NUM_EXAMPLES)).astype(np.int64))
    unlabelled = dataclasses.replace(dataset, target=None, bad=())  # as `rumbo predict` answers
    for single in itertools.cycle([unlabelled.take(np.array([row])) for row in rows]):
        start = time.perf_counter()
        trained.predict(single)
        yield 1000 * (time.perf_counter() - start)


def _round(calls: Iterator[float]) -> list[float]:
    took: list[float] = []
    while len(took) < FEWEST_CALLS or sum(took) < 1000 * ROUND_SECONDS:
        took.append(next(calls))
    return took


def _of_rounds(rounds: Sequence[Sequence[float]]) -> Measured:
    medians, all_calls = np.array([np.median(each) for each in rounds]), np.concatenate(rounds)
    low, high = np.quantile(all_calls, [0.05, 0.95])
    facts = {
        "calls": len(all_calls),
        "threads": torch.get_num_threads(),
        "nine_in_ten_between": [float(low), float(high)],
    }
    return Measured(value=float(np.median(medians)), rounds=medians, facts=facts)


def _parameters(model: Path) -> Measured:
    network = TrainedModel.load(model).task.model
    return Measured(value=float(sum(weight.numel() for weight in network.parameters())))


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
