"""The contract of a task: it reads its targets, gives a cost of named terms, and decodes outputs to user units."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rumbo import metrics
from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Batch
from rumbo.data.manifest import Dataset


@dataclass(frozen=True)
class Term:
    """One named part of a cost: a sum over items, the weight of these items, and its factor in the whole.

    Sums and weights, not means, so that ragged micro-batches and ranks add up exactly.
    """

    total: Float[Tensor, ""]
    weight: Float[Tensor, ""] | float
    factor: float = 1.0

    @classmethod
    def of_items(cls, per_item: Float[Tensor, " b"], batch: Batch, factor: float = 1.0) -> "Term":
        """The sum of items' costs, each times its item's weight."""
        if batch.counts_alike:
            return cls(per_item.sum(), float(len(per_item)), factor)
        return cls(per_item @ batch.weights.to(per_item), batch.weights.sum(), factor)


@dataclass(frozen=True)
class Cost:
    """What one batch costs: its named terms."""

    terms: Mapping[str, Term]

    @property
    def mean(self) -> Float[Tensor, ""]:
        """The number that is minimized: factor x total / weight, summed over the terms; 0 where nothing has weight."""
        return self.over({name: term.weight for name, term in self.terms.items()})

    def over(self, weights: Mapping[str, Float[Tensor, ""] | float]) -> Float[Tensor, ""]:
        """This part's share of a mean over a larger whole: factor x total / weight of the whole, summed over terms."""
        scaled = {
            name: term.total if term.factor == 1 else term.factor * term.total for name, term in self.terms.items()
        }
        parts = [total / _above_zero(weights[name]) for name, total in scaled.items()]
        return sum(parts[1:], start=parts[0])

    def __add__(self, other: "Cost") -> "Cost":
        def added(name: str, term: Term) -> Term:
            return replace(
                term, total=term.total + other.terms[name].total, weight=term.weight + other.terms[name].weight
            )

        return Cost({name: added(name, term) for name, term in self.terms.items()})

    @classmethod
    def joined(cls, costs: Sequence["Cost"]) -> "Cost":
        """The cost of several batches as if they were one: totals and weights add up."""

        def added(name: str) -> Term:
            terms = [cost.terms[name] for cost in costs]
            totals = [term.total.cpu().double() for term in terms]
            weights = [torch.as_tensor(term.weight).cpu().double() for term in terms]
            return Term(torch.stack(totals).sum(), torch.stack(weights).sum(), terms[0].factor)

        return cls({name: added(name) for name in costs[0].terms})


def _above_zero(weight: Float[Tensor, ""] | float) -> Float[Tensor, ""] | float:
    return weight.clamp(min=1e-12) if isinstance(weight, Tensor) else max(weight, 1e-12)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Outputs for some examples, with the truth where it is known. NumPy, in user units.

    Attributes:
        ids: which examples.
        outputs: classify: probabilities n x k; regress: values n; multilabel: probabilities n x k.
        truth: classify: codes n; regress: values n; multilabel: 0, 1 or NaN, n x k; None where labels are unknown.
        weights: one per example.
        loss: mean cost of the examples; NaN where labels are unknown.
    """

    ids: tuple[str, ...]
    outputs: np.ndarray
    truth: np.ndarray | None
    weights: np.ndarray
    loss: float = math.nan


class Task(ABC):
    """A network and the meaning of its inputs and outputs: all that the loop needs."""

    name: ClassVar[str]

    def __init__(self, model: nn.Module, spec: InputSpec):
        self.model, self.spec = model, spec

    @abstractmethod
    def cost_of(self, outputs: Float[Tensor, "b *s"], batch: Batch) -> Cost:
        """The cost of a batch's outputs."""

    @abstractmethod
    def term_weights(self, targets: Tensor, weights: Float[Tensor, " b"]) -> Mapping[str, Float[Tensor, ""] | float]:
        """The weight of each term of a cost, from the truth alone: known before any part of a step is computed."""

    @abstractmethod
    def decode(self, outputs: Float[Tensor, "b *s"]) -> np.ndarray:
        """Raw outputs of the network as `Predictions.outputs`, float64."""

    @abstractmethod
    def decode_truth(self, targets: Tensor) -> np.ndarray:
        """Encoded targets as `Predictions.truth`."""

    @abstractmethod
    def score(self, predictions: Predictions) -> dict[str, float]:
        """All metrics of predictions whose truth is known."""

    @abstractmethod
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that `score` gives, the usual goal first."""

    def forward(self, batch: Batch) -> Float[Tensor, "b *s"]:
        """Run the network on the inputs that it takes."""
        if self.spec.image is None:
            return self.model(batch.numbers, batch.categories)
        if self.spec.has_table:
            return self.model(batch.images, batch.numbers, batch.categories)
        return self.model(batch.images)

    def cost(self, batch: Batch) -> Cost:
        """The cost of a batch, with a gradient; that of mixed examples is the sum of their halves' costs."""
        outputs = self.forward(batch)
        cost = self.cost_of(outputs, batch)
        if batch.partners is None:
            return cost
        others = replace(batch, targets=batch.partners.targets, weights=batch.partners.weights)
        return cost + self.cost_of(outputs, others)

    def train_mode(self, *, freeze_norms: bool = False) -> None:
        """Put the network into training mode, but norms whose weights are frozen (or all) keep their statistics."""
        self.model.train()
        for layer in self.model.modules():
            if isinstance(getattr(layer, "running_mean", None), Tensor):
                own = list(layer.parameters(recurse=False))
                if freeze_norms or (own and not any(weight.requires_grad for weight in own)):
                    layer.eval()

    def with_model(self, model: nn.Module) -> Self:
        """The same task around another network."""
        other = copy.copy(self)
        other.model = model
        return other


class DatasetTask(Task):
    """A task that is read off a data set and stored with a model. A subclass is one file and one registered name."""

    error_kind: ClassVar[Literal["mean", "root_mean_square"]] = "mean"
    """How `item_errors` are joined to the error of a split."""

    @abstractmethod
    def __init__(self, model: nn.Module, spec: InputSpec, target: Mapping[str, Any]):
        super().__init__(model, spec)
        self.further: dict[str, Callable[[Predictions], float]] = {}
        """Metrics beside the usual ones, such as a goal about one class: name -> what it is of predictions."""

    @staticmethod
    @abstractmethod
    def read_target(train: Dataset) -> dict[str, Any]:
        """What must be learnt about the targets from the training examples, as JSON types; `__init__` takes it."""

    @staticmethod
    @abstractmethod
    def num_outputs(target: Mapping[str, Any]) -> int:
        """How many outputs the network needs."""

    @abstractmethod
    def target_config(self) -> dict[str, Any]:
        """What `read_target` gave, to be stored with the model."""

    @abstractmethod
    def encode(self, dataset: Dataset) -> Tensor:
        """The targets of a data set as a tensor for `cost_of`."""

    @abstractmethod
    def item_errors(self, predictions: Predictions) -> np.ndarray:
        """How wrong each example is: 0 or 1 for classes, a residual in standard deviations for numbers."""

    @abstractmethod
    def table(self, predictions: Predictions) -> pl.DataFrame:
        """Predictions for people and for files: id, truth where known, prediction, probabilities."""

    @abstractmethod
    def from_table(self, table: pl.DataFrame) -> Predictions:
        """What `table` wrote, read back."""

    def metric_names(self) -> tuple[str, ...]:
        """The metrics of this task, its usual goal first, and then the further ones."""
        return (*metrics.for_task(self.name, self.num_classes), *self.further)

    @property
    def num_classes(self) -> int | None:
        """How many classes there are to choose from; None where there are none."""
        return None

    def score(self, predictions: Predictions) -> dict[str, float]:
        """All metrics of this task."""
        return {name: self.score_by(name, predictions) for name in self.metric_names()}

    def score_by(self, name: str, predictions: Predictions) -> float:
        """One of the metrics; NaN where it is not defined on these examples."""
        assert predictions.truth is not None
        if name in self.further:
            return self.further[name](predictions)
        return metrics.score(name, predictions.truth, predictions.outputs, predictions.weights)

    def weighed_table(self, predictions: Predictions) -> pl.DataFrame:
        """The table of predictions with a column `weight`, where the examples count differently."""
        table, weights = self.table(predictions), predictions.weights
        return table if (weights == 1).all() else table.with_columns(pl.Series("weight", weights))


def weights_in(table: pl.DataFrame) -> np.ndarray:
    """The weights of the examples of a table of predictions, 1 where it has none."""
    return table["weight"].to_numpy() if "weight" in table.columns else np.ones(table.height)
