# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Any module on tensors, for both loops of a race."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.data.loader import Examples, Loader
from rumbo.speed.automatic import choice_for, computing
from rumbo.speed.loops import EPOCHS, SEED, loop_by_hand, our_loop
from rumbo.speed.race import Race
from rumbo.tasks.plain import LossFunction, PlainTask
from rumbo.training.options import FitOptions, OptimizerOptions, ScheduleOptions


def race_of_tensors(
    name: str,
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    batch_size: int,
    rate: float,
    item_loss: LossFunction,
    mean_loss: Callable[[Tensor, Tensor], Tensor],
    fp32: bool,
    items: int,
    unit: str,
    rounds: int,
) -> Race:
    """A race with Adam over tensors in memory.

    Args:
        name: of the row.
        network: takes one tensor; both loops begin with copies of it.
        inputs: all examples.
        targets: theirs, codes of classes.
        batch_size: examples in a step.
        rate: the learning rate.
        item_loss: (outputs, targets) to one loss per item or place.
        mean_loss: the same as a mean, as one writes it by hand.
        fp32: for both; else ours chooses its precision.
        items: what is counted, in one step.
        unit: the word for items.
        rounds: where nobody says.
    """
    count = len(inputs)
    examples = Examples(
        ids=[str(row) for row in range(count)], targets=targets, weights=torch.ones(count), numbers=inputs
    )
    loader = Loader(examples=examples, rows=np.arange(count), batch_size=batch_size, seed=SEED)
    choice = choice_for(network, [inputs[:1]], batch_size, fp32=fp32)
    task = computing(PlainTask, choice)(copy.deepcopy(network), item_loss, is_classifier=True)
    options = FitOptions(
        epochs=EPOCHS,
        optimizer=OptimizerOptions(name="adam", learning_rate=rate, weight_decay=0),
        schedule=ScheduleOptions(name="constant"),
    )
    model = copy.deepcopy(network)
    return Race(
        name=name,
        ours=our_loop(task, loader, options),
        by_hand=loop_by_hand(
            model,
            torch.optim.Adam(model.parameters(), lr=rate, fused=True),
            inputs,
            targets,
            batch_size=batch_size,
            loss_of=mean_loss,
        ),
        steps=len(loader),
        items=items,
        unit=unit,
        rounds=rounds,
        choice=choice,
    )
