# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Any module on tensors, for both loops of a race."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.data.loader import Examples, Loader
from rumbo.speed.computing import computing
from rumbo.speed.loops import SEED, loop_by_hand, our_loop
from rumbo.speed.race import Race
from rumbo.tasks.plain import LossFunction, PlainTask
from rumbo.training.options import OptimizerOptions


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
    adam = OptimizerOptions(name="adam", learning_rate=rate, weight_decay=0)
    ours = computing(network, [inputs[:1]], batch_size, adam, fp32=fp32)
    model = copy.deepcopy(network)
    return Race(
        name=name,
        ours=our_loop(PlainTask(ours.model, item_loss, is_classifier=True), loader, ours.options),
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
        choice=ours.choice,
    )
