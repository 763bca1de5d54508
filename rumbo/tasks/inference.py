"""Run a finished or half-trained network over examples: the one evaluator of training, evaluation and prediction."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float64

from rumbo.core.memory import memory_short
from rumbo.data.loader import Loader
from rumbo.tasks.task import Cost, Predictions, Task, Term

Gather: TypeAlias = Callable[[Sequence[Mapping[str, np.ndarray]]], Sequence[Mapping[str, np.ndarray]]]


def infer(task: Task, loader: Loader, *, labelled: bool = True) -> Predictions:
    """Predictions for all rows of a loader, in their order: evaluation mode, nothing changed at random.

    Args:
        task: its model is left in evaluation mode.
        loader: the examples; where memory is short for its batches, smaller ones are taken.
        labelled: whether the targets are true ones.
    """
    parts = infer_in_parts(task, loader, labelled=labelled)
    while True:
        try:
            next(parts)
        except StopIteration as end:
            return end.value


@torch.no_grad()  # not inference_mode: what a network keeps for later must serve training too
def infer_in_parts(
    task: Task, loader: Loader, *, labelled: bool = True, gather: Gather = list
) -> Generator[int, None, Predictions]:
    """As `infer`, yielding how many examples are done after each batch; where memory is short, it begins anew.

    Args:
        task: as there.
        loader: as there; of several processes each has its part, and then memory that is short is an error.
        labelled: as there.
        gather: puts together what the batches of all processes gave, in their order.
    """
    task.model.eval()
    while True:
        try:
            return (yield from _in_batches(task, loader, labelled, gather))
        except (RuntimeError, MemoryError) as error:
            size, (_, world) = min(loader.batch_size, len(loader.rows)), loader.part
            if memory_short(error) is None or size < 2 or world > 1:  # of several, the others wait for this one
                raise
        loader = replace(loader, batch_size=size // 2)  # here, where nothing holds what the failed batch took


def _in_batches(task: Task, loader: Loader, labelled: bool, gather: Gather) -> Generator[int, None, Predictions]:
    done, (_, world) = 0, loader.part
    parts: list[Mapping[str, np.ndarray]] = []
    factors: list[float] = []
    for batch in loader.once():
        raw = task.forward(batch)
        part = {"outputs": task.decode(raw), "weights": batch.weights.cpu().numpy()}
        if labelled:
            terms = task.cost_of(raw, batch).terms
            factors = [term.factor for term in terms.values()]
            sums = [[float(term.total), float(term.weight)] for term in terms.values()]
            part |= {"truth": task.decode_truth(batch.targets), "cost": np.array(sums)}
        parts.append(part)
        done += world * len(batch.rows)
        yield min(done, len(loader.rows))
    # Who was a batch short took the last one again: that comes after all others.
    parts = list(gather(parts))[: len(loader)]
    return Predictions(
        ids=tuple(loader.examples.ids[int(row)] for row in loader.rows),
        outputs=np.concatenate([part["outputs"] for part in parts]),
        truth=np.concatenate([part["truth"] for part in parts]) if labelled else None,
        weights=np.concatenate([part["weights"] for part in parts]).astype(np.float64),
        loss=_mean_cost(np.stack([part["cost"] for part in parts]), factors) if labelled else math.nan,
    )


def _mean_cost(costs: Float64[np.ndarray, "b k 2"], factors: list[float]) -> float:
    """The cost of several batches as if they were one, from the total and weight of each of its terms."""
    totals, weights = torch.from_numpy(costs).unbind(-1)
    terms = zip(totals.sum(0), weights.sum(0), factors, strict=True)
    return float(Cost({str(number): Term(*term) for number, term in enumerate(terms)}).mean)
