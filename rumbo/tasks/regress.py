"""A number for each example: squared error on the standardized target, answers in the target's own units."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rumbo import losses
from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Batch
from rumbo.data.manifest import Dataset
from rumbo.tasks.registry import TASKS
from rumbo.tasks.task import Cost, DatasetTask, Predictions, Term, weights_in


@TASKS.register("regress")
class Regress(DatasetTask):
    """A number; the network gives the standardized target.

    Args:
        model: inputs to one output, b x 1.
        spec: the sizes of its inputs.
        target: {"column": name, "mean": of training, "std": of training}.
    """

    name = "regress"
    error_kind = "root_mean_square"

    def __init__(self, model: nn.Module, spec: InputSpec, target: Mapping[str, Any]):
        super().__init__(model, spec, target)
        self.column, self.mean, self.std = str(target["column"]), float(target["mean"]), float(target["std"])

    @staticmethod
    def read_target(train: Dataset) -> dict[str, Any]:
        """Mean and standard deviation of the training targets."""
        assert train.target is not None
        column = train.target.columns[0]
        values = train.table[column].to_numpy().astype(np.float64)
        return {"column": column, "mean": float(values.mean()), "std": float(values.std()) or 1.0}

    @staticmethod
    def num_outputs(target: Mapping[str, Any]) -> int:
        """One."""
        return 1

    def target_config(self) -> dict[str, Any]:
        """Column, mean and standard deviation."""
        return {"column": self.column, "mean": self.mean, "std": self.std}

    def encode(self, dataset: Dataset) -> Tensor:
        """Standardized targets."""
        values = dataset.table[self.column].to_numpy().astype(np.float64)
        return torch.from_numpy((values - self.mean) / self.std).float()

    def cost_of(self, outputs: Float[Tensor, "b k"], batch: Batch) -> Cost:
        """Squared error of each standardized item, times its weight."""
        per_item = losses.squared_error(outputs[:, 0], batch.targets)
        return Cost({"squared_error": Term.of_items(per_item, batch)})

    def term_weights(self, targets: Tensor, weights: Float[Tensor, " b"]) -> Mapping[str, Float[Tensor, ""]]:
        """The sum of the items' weights."""
        return {"squared_error": weights.sum()}

    def decode(self, outputs: Float[Tensor, "b k"]) -> np.ndarray:
        """Values in the target's units, b."""
        return outputs[:, 0].double().cpu().numpy() * self.std + self.mean

    def decode_truth(self, targets: Tensor) -> np.ndarray:
        """Values in the target's units."""
        return targets.double().cpu().numpy() * self.std + self.mean

    def item_errors(self, predictions: Predictions) -> np.ndarray:
        """Residuals in standard deviations of the training targets."""
        assert predictions.truth is not None
        return (predictions.outputs - predictions.truth) / self.std

    def table(self, predictions: Predictions) -> pl.DataFrame:
        """Columns id, [true], predicted, [error]."""
        columns: dict[str, Any] = {"id": list(predictions.ids)}
        if predictions.truth is not None:
            columns["true"] = predictions.truth
        columns["predicted"] = predictions.outputs
        if predictions.truth is not None:
            columns["error"] = predictions.outputs - predictions.truth
        return pl.DataFrame(columns)

    def from_table(self, table: pl.DataFrame) -> Predictions:
        """Values and, where there is a column `true`, the truth."""
        return Predictions(
            ids=tuple(table["id"].to_list()),
            outputs=table["predicted"].to_numpy(),
            truth=table["true"].to_numpy() if "true" in table.columns else None,
            weights=weights_in(table),
        )
