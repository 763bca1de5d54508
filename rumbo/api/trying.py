"""Trainings of a run with one knob turned, in memory: what advice stands on. Nothing is written."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rumbo.api.computing import num_threads
from rumbo.api.config import RunConfig
from rumbo.api.prepare import Gathered, Prepared, assemble, gather
from rumbo.api.run import Run
from rumbo.api.sources import Progress, require_same_data, used_by
from rumbo.api.weights import load_weights
from rumbo.core.errors import TrainingError
from rumbo.data.splits.split import Split
from rumbo.strategy.actions import Action
from rumbo.strategy.advice import Attempt
from rumbo.tasks.inference import infer
from rumbo.tasks.task import Predictions
from rumbo.training.guards import NotFinite
from rumbo.training.loop import fit
from rumbo.training.state import TrainState

Beat = Callable[[], None]
"""Called after each event of a training, so that somebody can stop it by raising."""


@dataclass
class Workbench:
    """The data of a run, opened once, and trainings on them with the run's own split.

    Attributes:
        config: of the run; its paths are relative to `base`.
        base: the run folder.
        gathered: data in the form that the run takes them.
        suspects: rows of train whose labels are probably wrong, for actions that leave them out.
        beat: called after each event.
    """

    config: RunConfig
    base: Path
    gathered: Gathered
    suspects: Callable[[], np.ndarray] | None = None
    beat: Beat | None = None

    @classmethod
    def of(cls, run: Run, *, progress: Progress | None = None, beat: Beat | None = None) -> "Workbench":
        """Open the data of a run.

        Raises:
            DataError: they have gone, or are not those of the run any more.
        """
        gathered = gather(run.config, base=run.path, split=Split.load(run.folder.split), progress=progress)
        require_same_data(used_by(gathered.dataset, gathered.split), run.folder, run.config.path)
        return cls(config=run.config, base=run.path, gathered=gathered, beat=beat)

    def attempt(self, action: Action | None, fidelity: float, seed: int) -> Attempt:
        """Train with an action, or as the run is, and predict dev.

        Args:
            action: what to change.
            fidelity: share of the epochs.
            seed: added to the run's own; 0 begins with the run's own first weights.

        Raises:
            TrainingError: the training came to nothing.
        """
        began = time.monotonic()
        config = self.varied(action, fidelity, seed)
        gathered = self._gathered(config, action)
        found = self.trained(assemble(gathered, config)).predictions("dev")
        assert found.truth is not None
        return Attempt(
            truth=found.truth, outputs=found.outputs, weights=found.weights, seconds=time.monotonic() - began
        )

    def varied(self, action: Action | None, fidelity: float = 1.0, seed: int = 0) -> RunConfig:
        """The run's options with an action's, its epochs and its seed."""
        config = self.config if action is None else with_settings(self.config, action.settings)
        epochs = (self.config.train.epochs or 1) * fidelity * (1 if action is None else action.epochs_factor)
        train = replace(config.train, epochs=max(1, round(epochs)), budget_seconds=None)
        return replace(config, train=train, seed=(self.config.seed + seed) % 2**31)

    def trained(self, prepared: Prepared) -> "TrainedPrepared":
        """Train what was prepared, to its end."""
        load_weights(prepared, self.base)
        state = TrainState.fresh(prepared.task.model, prepared.config.train)
        try:
            with num_threads(prepared.config.train):
                for _ in fit(prepared.task, prepared.fit_data(), state, prepared.config.train):
                    if self.beat is not None:
                        self.beat()
        except NotFinite as problem:
            raise TrainingError(str(problem)) from None
        return TrainedPrepared(prepared)

    def _gathered(self, config: RunConfig, action: Action | None) -> Gathered:
        gathered = self.gathered
        if not gathered.serves(config):
            gathered = gather(config, base=self.base, split=gathered.split)
        if action is not None and action.cleans_labels and self.suspects is not None:
            gathered = replace(gathered, split=without_rows(gathered, self.suspects()))
        return gathered


@dataclass(frozen=True)
class TrainedPrepared:
    """A training that came to its end."""

    prepared: Prepared

    def predictions(self, split: str) -> Predictions:
        """What its network says of a split, in evaluation mode."""
        loader = self.prepared.evaluation_loader(split)
        assert loader is not None
        with num_threads(self.prepared.config.train):
            return infer(self.prepared.task, loader)


def with_settings(config: RunConfig, settings: Mapping[str, str]) -> RunConfig:
    """The options with others by their dotted paths; another network begins with its own usual options."""
    if "model.name" in settings:
        config = replace(config, model=replace(config.model, options={}, weights="none", freeze="none"))
    for path, text in settings.items():
        config = config.override(path, text)
    return config


def without_rows(gathered: Gathered, rows: np.ndarray) -> Split:
    """The split without some rows of the data set."""
    left_out = set(gathered.dataset.take(rows).table["id"].to_list())
    table = gathered.split.table
    return replace(gathered.split, table=table.filter(~table["id"].is_in(list(left_out))))
