"""Rumbo's networks for tables as scikit-learn estimators: they go into pipelines, searches and cross-validation."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from rumbo.api.config import ModelOptions
from rumbo.api.defaults import choose_training
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.core.seeds import stream
from rumbo.data.loader import Loader
from rumbo.data.manifest import Dataset, Target, TargetKind
from rumbo.data.options import SplitOptions
from rumbo.data.preprocess import fit_preprocess
from rumbo.data.splits.split import make_split
from rumbo.models.initial import initialize
from rumbo.models.option_names import Initial
from rumbo.tasks import TASKS
from rumbo.tasks.trained import ModelSpec, TrainedModel, build_task, examples_from
from rumbo.training.loop import FitData, fit
from rumbo.training.options import FitOptions, OptimizerOptions
from rumbo.training.state import TrainState

TARGET = "y"
CHUNK = 4096
"""Rows that are answered at a time."""


class _NetworkEstimator(BaseEstimator):
    """What both estimators share: columns in, a trained network out."""

    def __init__(
        self,
        *,
        model: str = "table_net",
        model_options: dict[str, Any] | None = None,
        initial: Initial = "default",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        weight_decay: float = 0.01,
        validation_fraction: float = 0.0,
        patience: int | None = None,
        random_state: int | None = 0,
    ):
        self.model = model
        self.model_options = model_options
        self.initial: Initial = initial
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _train(self, X: np.ndarray, target: pl.Series, kind: TargetKind, task_name: str, goal: str) -> None:
        """Fit preprocessing and network on all of X, or on all but the share that early stopping watches."""
        if self.patience is not None and not self.validation_fraction:
            raise UsageError(
                t("patience={value} needs validation: early stopping watches the loss on dev.", value=self.patience)
            )
        seed = self._seed()
        dataset = _dataset(X, target, kind)
        options = SplitOptions(dev_fraction=self.validation_fraction, test_fraction=0.0)
        split = make_split(dataset, options, seed)
        rows, dev_rows = split.rows(dataset, "train"), split.rows(dataset, "dev")
        preprocess = fit_preprocess(dataset.take(rows), None, None, quantiles=True)
        spec = ModelSpec(name=self.model, options=self.model_options or {})
        torch.manual_seed(stream(seed, "initial weights"))
        task = build_task(task_name, TASKS.get(task_name).read_target(dataset.take(rows)), preprocess, spec)
        wanted = FitOptions(
            epochs=self.epochs,
            batch_size=self.batch_size,
            patience=self.patience,
            optimizer=OptimizerOptions(learning_rate=self.learning_rate, weight_decay=self.weight_decay),
        )
        initialize(task.model, ModelOptions(initial=self.initial).initial)
        training = choose_training(wanted, len(rows))
        assert training.batch_size is not None
        examples = examples_from(dataset, preprocess, task.encode(dataset), None)
        train = Loader(examples=examples, rows=rows, batch_size=training.batch_size, seed=seed)
        dev = Loader(examples=examples, rows=dev_rows, batch_size=256) if len(dev_rows) else None
        data = FitData(train=train, dev=dev, goal=goal, higher_is_better=goal == "accuracy", seed=seed)
        state = TrainState.fresh(task.model, training)
        for _ in fit(task, data, state, training):
            pass
        task.model.double()  # answers that do not depend on how many rows are asked for at once
        self.network_ = TrainedModel(task=task, preprocess=preprocess, model=spec)

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, ensure_all_finite="allow-nan", dtype=np.float64)
        numbers, codes = self.network_.preprocess.table_inputs(_dataset(X, None, None).table)
        task = self.network_.task
        with torch.inference_mode():
            parts = [
                task.model(torch.from_numpy(part).double(), torch.from_numpy(part_codes))
                for part, part_codes in zip(_chunks(numbers), _chunks(codes), strict=True)
            ]
        return task.decode(torch.cat(parts))

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        from sklearn.utils import check_random_state

        return int(check_random_state(self.random_state).randint(2**31 - 1))


class Classifier(ClassifierMixin, _NetworkEstimator):
    """A network that classifies rows of numbers; NaN means missing.

    Args:
        model: a table network of `rumbo models`.
        model_options: its own options.
        initial: how its first weights are drawn; default is its own way.
        epochs: passes over the data; none chooses from their number.
        batch_size: examples per step; none chooses.
        learning_rate: the peak rate; none takes the usual one.
        weight_decay: L2 on matrices.
        validation_fraction: share held back for choosing the best epoch; 0 trains on all.
        patience: epochs without a better accuracy before training stops; needs a validation_fraction.
        random_state: the same number gives the same weights.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(Classifier(epochs=30).fit(X, y).score(X, y) > 0.9)
    True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X and labels y."""
        X, y = validate_data(self, X, y, ensure_all_finite="allow-nan", dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                t("y has one class ('{name}'): a classifier needs at least two.", name=str(self.classes_[0]))
            )
        names = pl.Series(TARGET, [_class_name(code) for code in codes])
        self._train(X, names, TargetKind.CLASS, "classify", "accuracy")
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, n x k, columns in the order of `classes_`."""
        return self._outputs(X)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        best = self._outputs(X).argmax(axis=1)
        return self.classes_[best]


class Regressor(RegressorMixin, _NetworkEstimator):
    """A network that gives a number for rows of numbers; NaN means missing. Arguments are those of `Classifier`.

    >>> x = np.linspace(0, 1, 200)[:, None]
    >>> bool(Regressor(epochs=30).fit(x, x[:, 0] ** 2).score(x, x[:, 0] ** 2) > 0.9)
    True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X and numbers y."""
        X, y = validate_data(self, X, y, ensure_all_finite="allow-nan", dtype=np.float64, y_numeric=True)
        self._train(X, pl.Series(TARGET, y.astype(np.float64)), TargetKind.NUMBER, "regress", "rmse")
        return self

    def predict(self, X: Any) -> np.ndarray:
        """A number for each row, in the units of y."""
        return self._outputs(X)


def _dataset(X: np.ndarray, target: pl.Series | None, kind: TargetKind | None) -> Dataset:
    names = tuple(f"x{column}" for column in range(X.shape[1]))
    ids = [str(row) for row in range(len(X))]
    columns: dict[str, Any] = {"id": ids, "content": ids, **{name: X[:, i] for i, name in enumerate(names)}}
    described = None
    if target is not None and kind is not None:
        columns[TARGET] = target
        classes = tuple(sorted(set(target.to_list()))) if kind is TargetKind.CLASS else ()
        described = Target(columns=(TARGET,), kind=kind, classes=classes)
    return Dataset(path=Path("memory"), format="memory", table=pl.DataFrame(columns), target=described, numbers=names)


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, max(1, len(rows) // CHUNK))


def _class_name(code: int) -> str:
    return f"{code:06d}"  # sorts as the codes do
