"""One class out of two or more: softmax and cross-entropy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rumbo import losses
from rumbo.core.errors import DataError, UsageError
from rumbo.core.inputs import InputSpec
from rumbo.core.messages import t
from rumbo.data.loader import Batch
from rumbo.data.manifest import Dataset
from rumbo.metrics.costs import checked_costs, mean_cost
from rumbo.tasks.registry import TASKS
from rumbo.tasks.task import Cost, DatasetTask, Predictions, Term, weights_in


@TASKS.register("classify")
class Classify(DatasetTask):
    """Classes by softmax; the network gives one logit per class.

    Args:
        model: inputs to logits, b x k.
        spec: the sizes of its inputs.
        target: {"column": name of the target, "classes": names in code order}, and where mistakes cost differently
            "costs": k x k numbers, true classes in rows.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).
    """

    name = "classify"

    def __init__(self, model: nn.Module, spec: InputSpec, target: Mapping[str, Any], *, label_smoothing: float = 0.0):
        super().__init__(model, spec, target)
        self.column = str(target["column"])
        self.classes = tuple(str(name) for name in target["classes"])
        self.label_smoothing = label_smoothing
        self.costs: np.ndarray | None = None
        if target.get("costs") is not None:
            try:
                self.costs = checked_costs(np.array(target["costs"], np.float64))
            except UsageError as problem:
                raise ValueError(str(problem)) from None
            if len(self.costs) != len(self.classes):
                raise ValueError(f"costs of {len(self.costs)} classes, for {len(self.classes)}")
            self._costs_at: dict[tuple[torch.device, torch.dtype], Tensor] = {}
            self.further["mean_cost"] = self.mean_cost

    @staticmethod
    def read_target(train: Dataset) -> dict[str, Any]:
        """Classes of the data set, in order."""
        assert train.target is not None
        if len(train.target.classes) < 2:
            raise DataError(
                t(
                    "target '{column}' has a single class ({classes}); a classifier needs at least two. "
                    "Choose another --target, or add examples of another class.",
                    column=train.target.columns[0],
                    classes=", ".join(train.target.classes),
                )
            )
        return {"column": train.target.columns[0], "classes": list(train.target.classes)}

    @staticmethod
    def num_outputs(target: Mapping[str, Any]) -> int:
        """One logit per class."""
        return len(target["classes"])

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    def mean_cost(self, predictions: Predictions) -> float:
        """What the answers cost on average."""
        assert predictions.truth is not None
        assert self.costs is not None
        return mean_cost(predictions.truth, predictions.outputs, self.costs, predictions.weights)

    def target_config(self) -> dict[str, Any]:
        """Column, classes and, where there are some, costs."""
        config = {"column": self.column, "classes": list(self.classes)}
        return config if self.costs is None else {**config, "costs": self.costs.tolist()}

    def encode(self, dataset: Dataset) -> Tensor:
        """Codes of the classes; a class that training has not seen is refused."""
        code_of = {name: code for code, name in enumerate(self.classes)}
        labels = dataset.table[self.column].to_list()
        if unknown := sorted({str(label) for label in labels} - code_of.keys()):
            raise DataError(
                t(
                    "class '{name}' of column '{column}' is not among the model's classes: {classes}.",
                    name=unknown[0],
                    column=self.column,
                    classes=", ".join(self.classes[:20]),
                )
            )
        return torch.tensor([code_of[label] for label in labels], dtype=torch.int64)

    def cost_of(self, outputs: Float[Tensor, "b k"], batch: Batch) -> Cost:
        """Cross-entropy of each item, times its weight; where mistakes cost differently, the one that sees costs."""
        if self.costs is None:
            per_item = losses.cross_entropy(outputs, batch.targets, label_smoothing=self.label_smoothing)
            return Cost({"cross_entropy": Term.of_items(per_item, batch)})
        per_item = losses.cost_sensitive_cross_entropy(
            outputs, batch.targets, costs=self._costs_like(outputs), label_smoothing=self.label_smoothing
        )
        weight = self._saved_weight(batch.targets, batch.weights)
        return Cost({"cost_sensitive_cross_entropy": Term(per_item @ batch.weights.to(per_item), weight)})

    def term_weights(self, targets: Tensor, weights: Float[Tensor, " b"]) -> Mapping[str, Float[Tensor, ""]]:
        """The sum of the items' weights; where mistakes cost differently, times what can be saved about each."""
        if self.costs is None:
            return {"cross_entropy": weights.sum()}
        return {"cost_sensitive_cross_entropy": self._saved_weight(targets, weights)}

    def _saved_weight(self, targets: Tensor, weights: Float[Tensor, " b"]) -> Float[Tensor, ""]:
        return weights @ losses.savings(self._costs_like(weights)).sum(1)[targets.long()]

    def _costs_like(self, numbers: Tensor) -> Float[Tensor, "k k"]:
        """The costs where some numbers are; kept, since a GPU waits for what is copied to it."""
        place = (numbers.device, numbers.dtype)
        if place not in self._costs_at:
            assert self.costs is not None
            self._costs_at[place] = torch.from_numpy(self.costs).to(numbers)
        return self._costs_at[place]

    def decode(self, outputs: Float[Tensor, "b k"]) -> np.ndarray:
        """Probabilities, b x k."""
        return torch.softmax(outputs.double(), dim=1).cpu().numpy()

    def decode_truth(self, targets: Tensor) -> np.ndarray:
        """Codes."""
        return targets.cpu().numpy()

    def item_errors(self, predictions: Predictions) -> np.ndarray:
        """1. where the most probable class is wrong, else 0."""
        assert predictions.truth is not None
        return (predictions.outputs.argmax(axis=1) != predictions.truth).astype(np.float64)

    def table(self, predictions: Predictions) -> pl.DataFrame:
        """Columns id, [true], predicted, probability, then p(class) for each class."""
        best = predictions.outputs.argmax(axis=1)
        names = np.array(self.classes, dtype=object)
        columns: dict[str, Any] = {"id": list(predictions.ids)}
        if predictions.truth is not None:
            columns["true"] = names[predictions.truth].tolist()
        columns["predicted"] = names[best].tolist()
        columns["probability"] = predictions.outputs.max(axis=1)
        columns |= {f"p({name})": predictions.outputs[:, code] for code, name in enumerate(self.classes)}
        return pl.DataFrame(columns)

    def from_table(self, table: pl.DataFrame) -> Predictions:
        """Probabilities and, where there is a column `true`, codes."""
        code_of = {name: code for code, name in enumerate(self.classes)}
        return Predictions(
            ids=tuple(table["id"].to_list()),
            outputs=np.stack([table[f"p({name})"].to_numpy() for name in self.classes], axis=1),
            truth=np.array([code_of[name] for name in table["true"].to_list()]) if "true" in table.columns else None,
            weights=weights_in(table),
        )
