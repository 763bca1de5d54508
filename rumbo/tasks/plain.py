"""Any torch module with any loss as a task, for `rumbo.fit`. Not registered: it has no data set to be detected from."""

from collections.abc import Callable, Mapping

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Batch
from rumbo.tasks.task import Cost, Predictions, Task, Term

LossFunction = Callable[[Tensor, Tensor], Tensor]


class PlainTask(Task):
    """A module from inputs to outputs, judged by its loss, and by accuracy where targets are class codes.

    Args:
        module: any network that takes one tensor.
        loss: (outputs, targets) to one loss per item, or to their mean; none takes cross-entropy for whole-number
            targets and squared error for others.
        is_classifier: whether targets are class codes.
    """

    name = "plain"

    def __init__(self, module: nn.Module, loss: LossFunction | None, *, is_classifier: bool):
        super().__init__(module, InputSpec(num_numbers=1))
        self.is_classifier = is_classifier
        self.loss = loss or (_cross_entropy if is_classifier else _squared_error)

    def forward(self, batch: Batch) -> Tensor:
        """The module on its one input."""
        return self.model(batch.numbers)

    def cost_of(self, outputs: Float[Tensor, "b *s"], batch: Batch) -> Cost:
        """The loss, as a sum over items."""
        loss = self.loss(outputs, batch.targets)
        total = (
            loss * len(batch.rows) if loss.ndim == 0 else loss.flatten(1).mean(1).sum() if loss.ndim > 1 else loss.sum()
        )
        return Cost({"loss": Term(total, float(len(batch.rows)))})

    def term_weights(self, targets: Tensor, weights: Float[Tensor, " b"]) -> Mapping[str, float]:
        """The number of items."""
        return {"loss": float(len(weights))}

    def decode(self, outputs: Tensor) -> np.ndarray:
        """Raw outputs."""
        return outputs.double().cpu().numpy()

    def decode_truth(self, targets: Tensor) -> np.ndarray:
        """Targets as they are."""
        return targets.cpu().numpy()

    def metric_names(self) -> tuple[str, ...]:
        """Accuracy, for classes."""
        return ("accuracy",) if self.is_classifier else ()

    def score(self, predictions: Predictions) -> dict[str, float]:
        """Share of right classes, where the outputs are scores of classes."""
        if not self.is_classifier or predictions.outputs.ndim < 2 or predictions.outputs.shape[1] < 2:
            return {}
        return {"accuracy": float((predictions.outputs.argmax(axis=1) == predictions.truth).mean())}


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, targets, reduction="none")


def _squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs, targets.view_as(outputs), reduction="none")
