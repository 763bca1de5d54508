"""Run a finished or half-trained network over examples: the one evaluator of training, evaluation and prediction."""

import math
from collections.abc import Generator

import numpy as np
import torch

from rumbo.data.loader import Loader
from rumbo.tasks.task import Cost, Predictions, Task


def infer(task: Task, loader: Loader, *, labelled: bool = True) -> Predictions:
    """Predictions for all rows of a loader, in their order: evaluation mode, nothing changed at random.

    Args:
        task: its model is left in evaluation mode.
        loader: the examples.
        labelled: whether the targets are true ones.
    """
    parts = infer_in_parts(task, loader, labelled=labelled)
    while True:
        try:
            next(parts)
        except StopIteration as end:
            return end.value


@torch.inference_mode()
def infer_in_parts(task: Task, loader: Loader, *, labelled: bool = True) -> Generator[int, None, Predictions]:
    """As `infer`, yielding how many examples are done after each batch."""
    task.model.eval()
    done = 0
    outputs, truths, weights, costs = [], [], [], []
    for batch in loader.once():
        raw = task.forward(batch)
        outputs.append(task.decode(raw))
        weights.append(batch.weights.cpu().numpy())
        if labelled:
            truths.append(task.decode_truth(batch.targets))
            costs.append(task.cost_of(raw, batch))
        done += len(batch.rows)
        yield done
    return Predictions(
        ids=tuple(loader.examples.ids[int(row)] for row in loader.rows),
        outputs=np.concatenate(outputs),
        truth=np.concatenate(truths) if labelled else None,
        weights=np.concatenate(weights).astype(np.float64),
        loss=float(Cost.joined(costs).mean) if costs else math.nan,
    )
