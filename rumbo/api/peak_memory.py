"""A process that loads a model, answers one example and prints the most memory that it held, in bytes.

Run as `python -m rumbo.api.peak_memory MODEL_FOLDER THREADS`.
"""

import resource
import sys
from pathlib import Path

import torch

from rumbo.models.summary import one_example
from rumbo.tasks.trained import TrainedModel


def peak_bytes() -> int:
    """The most memory that this process held so far.

    Linux hands a new process its parent's `ru_maxrss`; only /proc knows its own.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(folder: str, threads: str) -> None:
    """Load, answer, print."""
    torch.set_num_threads(int(threads))
    trained = TrainedModel.load(Path(folder))
    with torch.no_grad():
        inputs = one_example(trained.task.model, trained.preprocess.spec)
        trained.task.decode(trained.task.model(*inputs))
    print(peak_bytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
