"""Runs with an accuracy and a running time, as the notes print them."""

import numpy as np

from rumbo.strategy.goal import Known
from rumbo.strategy.judging import Measured, RunTable

NUM_ITEMS = 1000
KNOWN = Known(task="classify", classes=("cat", "other"))


def in_time(runs: dict[str, tuple[float, float]]) -> list[RunTable]:
    """Runs by name, from their accuracy in [0, 1] and their milliseconds for one example."""
    tables = []
    for name, (accuracy, latency) in runs.items():
        told = (np.arange(NUM_ITEMS) >= round(accuracy * NUM_ITEMS)).astype(int)
        tables.append(
            RunTable(
                name=name,
                ids=[str(row) for row in range(NUM_ITEMS)],
                truth=np.zeros(NUM_ITEMS, int),
                outputs=np.eye(2)[told],
                weights=np.ones(NUM_ITEMS),
                measured={"latency_ms": Measured(value=latency)},
            )
        )
    return tables
