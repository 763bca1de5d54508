"""The main job on an embedded real data set."""

from pathlib import Path

from rumbo.api.run import Run
from rumbo.api.sources import Progress
from rumbo.api.training import Watch, train
from rumbo.data.demo import DIGITS


def demo(*, out: str | Path | None = None, watch: Watch | None = None, progress: Progress | None = None) -> Run:
    """Train on 1,797 handwritten digits: check, split, train, evaluate, diagnose, report. No network is needed."""
    return train(DIGITS, out=out, watch=watch, progress=progress)
