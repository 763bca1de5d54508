"""Several yes/no labels for each example: a sigmoid per label; missing labels count nowhere."""

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


@TASKS.register("multilabel")
class Multilabel(DatasetTask):
    """Labels by sigmoid; the network gives one logit per label. A missing label is NaN and has weight 0.

    Args:
        model: inputs to logits, b x k.
        spec: the sizes of its inputs.
        target: {"labels": the columns, in order}.
    """

    name = "multilabel"

    def __init__(self, model: nn.Module, spec: InputSpec, target: Mapping[str, Any]):
        super().__init__(model, spec, target)
        self.labels = tuple(str(name) for name in target["labels"])

    @staticmethod
    def read_target(train: Dataset) -> dict[str, Any]:
        """The label columns."""
        assert train.target is not None
        return {"labels": list(train.target.columns)}

    @staticmethod
    def num_outputs(target: Mapping[str, Any]) -> int:
        """One logit per label."""
        return len(target["labels"])

    def target_config(self) -> dict[str, Any]:
        """The labels."""
        return {"labels": list(self.labels)}

    def encode(self, dataset: Dataset) -> Tensor:
        """0., 1. or NaN, m x k."""
        columns = [dataset.table[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in self.labels]
        return torch.from_numpy(np.stack(columns, axis=1)).float()

    def cost_of(self, outputs: Float[Tensor, "b k"], batch: Batch) -> Cost:
        """Binary cross-entropy of each known label, times its item's weight; mean over known labels."""
        known = ~batch.targets.isnan()
        per_label = losses.binary_cross_entropy(outputs, batch.targets.nan_to_num())
        weights = known * batch.weights[:, None]
        return Cost({"binary_cross_entropy": Term((per_label * weights).sum(), weights.sum())})

    def term_weights(self, targets: Tensor, weights: Float[Tensor, " b"]) -> Mapping[str, Float[Tensor, ""]]:
        """The sum of the known labels' weights."""
        return {"binary_cross_entropy": (~targets.isnan() * weights[:, None]).sum()}

    def decode(self, outputs: Float[Tensor, "b k"]) -> np.ndarray:
        """Probabilities, b x k."""
        return torch.sigmoid(outputs.double()).cpu().numpy()

    def decode_truth(self, targets: Tensor) -> np.ndarray:
        """0, 1 or NaN, b x k."""
        return targets.double().cpu().numpy()

    def item_errors(self, predictions: Predictions) -> np.ndarray:
        """Share of an example's known labels that are wrong; 0 where none is known."""
        assert predictions.truth is not None
        known = ~np.isnan(predictions.truth)
        wrong = ((predictions.outputs >= 0.5) != (predictions.truth == 1)) & known
        return wrong.sum(axis=1) / np.maximum(known.sum(axis=1), 1)

    def table(self, predictions: Predictions) -> pl.DataFrame:
        """Columns id, then for each label [true(label)], p(label)."""
        columns: dict[str, Any] = {"id": list(predictions.ids)}
        for code, name in enumerate(self.labels):
            if predictions.truth is not None:
                columns[f"true({name})"] = predictions.truth[:, code]
            columns[f"p({name})"] = predictions.outputs[:, code]
        return pl.DataFrame(columns)

    def from_table(self, table: pl.DataFrame) -> Predictions:
        """Probabilities and, where there are columns `true(label)`, 0, 1 or NaN."""
        known = f"true({self.labels[0]})" in table.columns
        return Predictions(
            ids=tuple(table["id"].to_list()),
            outputs=np.stack([table[f"p({name})"].to_numpy() for name in self.labels], axis=1),
            truth=np.stack([table[f"true({name})"].to_numpy() for name in self.labels], axis=1) if known else None,
            weights=weights_in(table),
        )
