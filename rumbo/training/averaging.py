# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The exponentially weighted average of a network's weights, with bias correction."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rumbo.training import tensors


class WeightAverage:
    """A second network that holds the average of the first one's weights and running statistics.

    V_t = beta V_{t-1} + (1 - beta) w_t with V_0 = 0, divided by 1 - beta^t. Kept corrected all the time, which is the
    same as moving towards the new weights by (1 - beta) / (1 - beta^t): after the first update the average is those
    weights, and after many it is the plain one.

    Args:
        model: the network in training.
        decay: beta, in (0, 1); about 1 / (1 - beta) updates count.

    Source: course notes S0 and S1, "exponentially weighted averages" and "bias correction"; averages of weights in
    evaluation: Polyak & Juditsky 1992. Judge: rumbo.reference.averages.corrected_averages.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay, self.num_updates = decay, 0
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        pairs = list(zip(self.model.state_dict().values(), model.state_dict().values(), strict=True))
        self._averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        self.num_updates += 1
        weight = (1 - self.decay) / (1 - self.decay**self.num_updates)
        mine, theirs = ([pair[side] for pair in self._averaged] for side in (0, 1))
        tensors.move_towards(mine, theirs, weight)
        for own, current in self._copied:  # counters of batches
            own.copy_(current)

    def load(self, weights: Mapping[str, Tensor], num_updates: int) -> None:
        """Go on from what a checkpoint holds."""
        self.model.load_state_dict(weights)
        self.num_updates = num_updates
