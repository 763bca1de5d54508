"""Trainings with one knob turned, in memory, on the same data and split: what advice stands on. Nothing is written."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from rumbo.api.computing import num_threads
from rumbo.api.config import RunConfig
from rumbo.api.goals import class_names, table_of, training_goal, values_of_columns
from rumbo.api.prepare import EVALUATION_BATCH, Gathered, Prepared, assemble, gather
from rumbo.api.run import Run
from rumbo.api.sources import Progress, require_same_data, used_by
from rumbo.api.weights import load_weights
from rumbo.core.errors import RumboError, TrainingError
from rumbo.core.seeds import rng
from rumbo.data.loader import Loader
from rumbo.data.splits.split import Split
from rumbo.strategy.actions import Action
from rumbo.strategy.advice import Attempt
from rumbo.strategy.goal import Goal
from rumbo.strategy.judging import scores_of
from rumbo.strategy.suspects import find_suspects, flows_of, judge_classes, noise_of
from rumbo.tasks.inference import infer
from rumbo.tasks.task import Predictions
from rumbo.training.guards import NotFinite
from rumbo.training.loop import fit
from rumbo.training.state import TrainState

Beat = Callable[[], None]
"""Called after each event of a training, so that somebody can stop it by raising."""
NUM_FOLDS = 3
"""Parts of train for finding labels that are probably wrong: each is judged by networks of the others."""


@dataclass
class Workbench:
    """Data opened once, and trainings on them with one split.

    Attributes:
        config: the options that actions change; task, goal and network are filled in, its paths are relative to `base`.
        base: a folder.
        gathered: the data, in the form that these options take them.
        beat: called after each event.
        left_out: ids of train that an action left out for good; `gathered` is without them.
        data_sha256: of the data that it began with.
    """

    config: RunConfig
    base: Path
    gathered: Gathered
    beat: Beat | None = None
    left_out: frozenset[str] = frozenset()
    data_sha256: str = ""
    _others: list[Gathered] = field(default_factory=list[Gathered])
    _suspects: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    @classmethod
    def of(cls, run: Run, *, progress: Progress | None = None, beat: Beat | None = None) -> "Workbench":
        """The data of a finished run, with its own split.

        Raises:
            DataError: they have gone, or are not those of the run any more.
        """
        split = Split.load(run.folder.split)
        of_run = (split, class_names(run.model.task))
        gathered = gather(run.config, base=run.path, split=split, of_run=of_run, progress=progress)
        require_same_data(used_by(gathered.dataset, gathered.split), run.folder, run.config.path)
        return cls(config=timeless(run), base=run.path, gathered=gathered, beat=beat)

    @cached_property
    def goal(self) -> Goal:
        """What attempts are judged by."""
        assert self.config.task is not None
        return training_goal(self.config, self.config.task, self.gathered.dataset)

    def attempt(self, action: Action | None, fidelity: float, seed: int) -> Attempt:
        """Train with an action, or as it is, and judge it on dev.

        Args:
            action: what to change.
            fidelity: share of the epochs.
            seed: added to the options' own; with 0 the first weights are those of a usual training.

        Raises:
            TrainingError: the training came to nothing.
        """
        started = time.monotonic()
        try:
            if action is not None:
                self._get_ready(action)
            began = time.monotonic()
            trained = self.train(action, fidelity, seed)
        except RumboError as problem:
            if action is None or isinstance(problem, TrainingError):
                raise
            raise TrainingError(str(problem)) from problem  # the action does not go with these options
        columns = values_of_columns(Goal(measure=self.goal.measure), self.gathered.dataset)
        table = table_of("", trained.prepared.task, trained.predictions("dev"), columns=columns)
        scores = scores_of(self.goal.measure, table)
        return Attempt(scores=scores, seconds=time.monotonic() - began, once_seconds=began - started)

    def train(self, action: Action | None = None, fidelity: float = 1.0, seed: int = 0) -> "Trained":
        """A training with an action, or as it is."""
        config = self.varied(action, fidelity, seed)
        gathered = self._gathered_for(config)
        if action is not None and action.cleans_labels:
            gathered = without(gathered, self._suspects_of(gathered))
        return trained(assemble(gathered, config), self.base, beat=self.beat)

    def with_action(self, action: Action) -> "Workbench":
        """The workbench with an action taken for good."""
        config = replace(self.varied(action), seed=self.config.seed)
        gathered = self._gathered_for(config)
        gone = self._suspects_of(gathered) if action.cleans_labels else set[str]()
        return Workbench(
            config=assemble(gathered, config).config,
            base=self.base,
            gathered=without(gathered, gone),
            beat=self.beat,
            left_out=self.left_out | gone,
            data_sha256=self.data_sha256,
        )

    def varied(self, action: Action | None, fidelity: float = 1.0, seed: int = 0) -> RunConfig:
        """The options with an action's, its epochs and its seed."""
        config = self.config if action is None else with_settings(self.config, action.settings)
        epochs = (self.config.train.epochs or 1) * fidelity * (1 if action is None else action.epochs_factor)
        train = replace(config.train, epochs=max(1, round(epochs)), budget_seconds=None)
        data, augment = config.data, config.data.augment
        if fidelity < 1 and augment is not None and epochs / fidelity >= augment.fewest_epochs:
            data = replace(data, augment=replace(augment, fewest_epochs=0))  # changed as in the whole training
        return replace(config, train=train, data=data, seed=(self.config.seed + seed) % 2**31)

    def _get_ready(self, action: Action) -> None:
        """What an action needs once, however often it is tried."""
        gathered = self._gathered_for(self.varied(action))
        if action.cleans_labels:
            self._suspects_of(gathered)

    def _gathered_for(self, config: RunConfig) -> Gathered:
        """The data in the form that some options take; kept, where that is another form."""
        known = next((each for each in (self.gathered, *self._others) if each.serves(config)), None)
        if known is None:
            known = gather(replace(config, seed=self.config.seed), base=self.base, split=self.gathered.split)
            self._others.append(known)
        return known

    def _suspects_of(self, gathered: Gathered) -> set[str]:
        """Ids of train whose labels are probably wrong, as networks say that never saw them; found once."""
        key = repr(self.config)
        if key not in self._suspects:
            self._suspects[key] = suspects_of_train(gathered, self.config, self.base, beat=self.beat)
        return self._suspects[key]


@dataclass(frozen=True)
class Trained:
    """A training that came to its end, with its best weights."""

    prepared: Prepared

    def predictions(self, split: str) -> Predictions:
        """What its network says of a split, in evaluation mode."""
        loader = self.prepared.evaluation_loader(split)
        assert loader is not None
        return self.infer(loader)

    def infer(self, loader: Loader) -> Predictions:
        """Likewise, of any examples."""
        with num_threads(self.prepared.config.train):
            return infer(self.prepared.task, loader)


def trained(prepared: Prepared, base: Path, *, beat: Beat | None = None) -> Trained:
    """Train what was prepared, to its end.

    Raises:
        TrainingError: a cost is not finite.
    """
    load_weights(prepared, base)
    state = TrainState.fresh(prepared.task.model, prepared.config.train)
    try:
        with num_threads(prepared.config.train):
            for _ in fit(prepared.task, prepared.fit_data(), state, prepared.config.train):
                if beat is not None:
                    beat()
    except NotFinite as problem:
        raise TrainingError(str(problem)) from None
    return Trained(prepared)


def timeless(run: Run) -> RunConfig:
    """A run's options with the epochs that it reached in its budget of time, so that the machine decides nothing."""
    train = run.config.train
    epochs = run.summary["epochs"] if run.summary["ended_by"] == "budget" else train.epochs
    return replace(run.config, train=replace(train, epochs=epochs, budget_seconds=None))


def with_settings(config: RunConfig, settings: Mapping[str, str]) -> RunConfig:
    """The options with others by their dotted paths; another network begins with its own usual options."""
    if "model.name" in settings:
        config = replace(
            config, model=replace(config.model, options={}, weights="none", freeze="none", initial="default")
        )
        config = replace(config, train=replace(config.train, precision="auto", layout="auto", threads=None))
    for path, text in settings.items():
        config = config.override(path, text)
    return config


def without(gathered: Gathered, ids: set[str]) -> Gathered:
    """The data without some examples of train."""
    table = gathered.split.table
    kept = table.filter((pl.col("split") != "train") | ~pl.col("id").is_in(list(ids)))
    return replace(gathered, split=replace(gathered.split, table=kept))


def suspects_of_train(gathered: Gathered, config: RunConfig, base: Path, *, beat: Beat | None = None) -> set[str]:
    """Ids of training examples whose labels are more probably wrong than right: confident learning on folds of train.

    Only for tasks of one class each. Dev judges none of it, so it stays what it was.
    """
    rows = gathered.split.rows(gathered.dataset, "train")
    fold_of = rng(config.seed, "folds for labels").integers(0, NUM_FOLDS, len(rows))
    names = np.array(gathered.dataset.table["id"].to_list(), dtype=object)
    ids: list[str] = []
    found: list[Predictions] = []
    classes: tuple[str, ...] = ()
    for fold in range(NUM_FOLDS):
        held = rows[fold_of == fold]
        part = trained(assemble(without(gathered, set(names[held].tolist())), config), base, beat=beat)
        classes = part.prepared.task.target_config()["classes"]
        examples = part.prepared.examples
        loader = Loader(examples=examples, rows=held, batch_size=EVALUATION_BATCH, device=part.prepared.config.device)
        found.append(part.infer(loader))
        ids += names[held].tolist()
    truth = np.concatenate([np.asarray(each.truth) for each in found])
    judged, _ = judge_classes(truth, np.concatenate([each.outputs for each in found]), classes)
    flows = flows_of(judged)
    suspects = find_suspects(judged, noise_of(judged, flows), flows)
    return {ids[row] for row, is_one in zip(suspects.rows, suspects.is_suspect, strict=True) if is_one}
