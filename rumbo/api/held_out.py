"""Predictions for train and dev by networks that never saw the example: the run's own recipe, trained on folds.

Each fold's predictions are kept in the run folder as soon as they are there, so that an interrupted call goes on with
the next fold, and a second call reads them.
"""

import dataclasses
import hashlib
import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from rumbo.api.computing import num_threads
from rumbo.api.config import RunConfig
from rumbo.api.goals import class_names
from rumbo.api.interrupts import Interrupted, StopRequest, stop_requests
from rumbo.api.prepare import EVALUATION_BATCH, assemble, gather
from rumbo.api.run import Run
from rumbo.api.sources import Progress, open_run_data, require_same_data, used_by
from rumbo.api.weights import load_weights
from rumbo.core.errors import DataError, RumboError
from rumbo.core.messages import t
from rumbo.data.loader import Loader
from rumbo.data.manifest import Dataset
from rumbo.data.splits.split import Split, make_folds
from rumbo.runs import RunFolder, read_json, read_predictions, sha256_of, write_json, write_predictions
from rumbo.tasks.inference import infer
from rumbo.tasks.task import DatasetTask, Predictions
from rumbo.training.events import Evaluated, Stepped
from rumbo.training.loop import FitData, fit
from rumbo.training.state import TrainState

FOLDER = "labels"
PLAN = "held_out.json"
LEARNT_FROM = ("train", "train_dev", "dev")
"""Splits whose examples are dealt out to the folds; nothing of test is."""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What networks say of examples that they never saw.

    Attributes:
        predictions: of all examples of train, train_dev and dev, in the order of the folds.
        splits: the run's split of each of them.
        folds: parts that the examples were cut into.
        epochs: passes that each network made.
        usual_epochs: passes of the run itself; more than `epochs` where a budget asked for it.
    """

    predictions: Predictions
    splits: np.ndarray
    folds: int
    epochs: int
    usual_epochs: int


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What the predictions depend on; they are of use to nobody else."""

    config: str
    split: str
    data: str
    folds: int
    epochs: int
    stop_after: int


def held_out_predictions(
    run: Run,
    *,
    folds: int,
    budget_seconds: float | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> HeldOut:
    """Read the predictions that are kept in the run folder, or train the folds that are missing.

    Args:
        run: finished.
        folds: parts of the examples; each is predicted by a network that learned from the others.
        budget_seconds: the folds together are to take no longer: where the run's own time says that they would, they
            make fewer passes. Predictions that are there already are taken, if they were not made with fewer.
        progress: told while pictures are read and steps are made.
        tell: told a sentence after each fold.

    Raises:
        DataError: the data are gone or have changed, or are too few for the folds.
        Interrupted: somebody asked to stop; whole folds are kept.
        TrainingError: a cost is not finite.
    """
    wanted = _plan(run, folds, budget_seconds)
    kept = _kept(run)
    if kept is not None and _serves(kept, wanted) and (found := _read(run, kept)) is not None:
        return found
    if kept is not None and _serves(kept, wanted):
        wanted = kept  # half done with more passes
    with RunFolder.resume(run.path):
        return _train_missing(run, wanted, progress, tell or (lambda _: None))


def kept_predictions(run: Run) -> HeldOut | None:
    """The predictions that an earlier call left in the run folder; None where they are missing, not all, or others'."""
    kept = _kept(run)
    return None if kept is None or not _is_of(kept, run) else _read(run, kept)


def _plan(run: Run, folds: int, budget_seconds: float | None) -> _Plan:
    facts, epochs = run.summary, run.config.train.epochs or 1
    stop_after = int(facts["best_epoch"])
    if budget_seconds is not None and (share := budget_seconds / _expected_seconds(run, folds)) < 1:
        epochs = stop_after = max(1, int(share * stop_after))
    return _Plan(**_marks(run), folds=folds, epochs=epochs, stop_after=stop_after)


def _expected_seconds(run: Run, folds: int) -> float:
    """What all folds would take, from the time of the run itself."""
    facts, split = run.summary, Split.load(run.folder.split).table["split"]
    share = (folds - 1) / folds * float(split.is_in(LEARNT_FROM).sum()) / max(1, int((split == "train").sum()))
    return max(1e-3, folds * share * facts["seconds"] * facts["best_epoch"] / max(1, facts["epochs"]))


def _marks(run: Run) -> dict[str, str]:
    return {
        "config": sha256_of(run.folder.config),
        "split": sha256_of(run.folder.split),
        "data": str(read_json(run.folder.data_check)["data_sha256"]),
    }


def _kept(run: Run) -> _Plan | None:
    file = run.path / FOLDER / PLAN
    if not file.is_file():
        return None
    try:
        return _Plan(**read_json(file))
    except (DataError, TypeError):
        return None


def _is_of(kept: _Plan, run: Run) -> bool:
    return {name: getattr(kept, name) for name in ("config", "split", "data")} == _marks(run)


def _serves(kept: _Plan, wanted: _Plan) -> bool:
    """Whether what is kept is of the same run and folds, and made with no fewer passes."""
    passes = {"epochs": wanted.epochs, "stop_after": wanted.stop_after}
    return replace(kept, **passes) == wanted and kept.stop_after >= wanted.stop_after


def _read(run: Run, plan: _Plan) -> HeldOut | None:
    folder, task = run.path / FOLDER, run.model.task
    if not all((folder / f"{_name(fold)}.parquet").is_file() for fold in range(1, plan.folds + 1)):
        return None
    tables = [read_predictions(folder, _name(fold)) for fold in range(1, plan.folds + 1)]
    split_of = dict(Split.load(run.folder.split).table.select("id", "split").iter_rows())
    found = task.from_table(pl.concat(tables))
    return HeldOut(
        predictions=found,
        splits=np.array([split_of[name] for name in found.ids], dtype=object),
        folds=plan.folds,
        epochs=plan.stop_after,
        usual_epochs=int(run.summary["best_epoch"]),
    )


def _name(fold: int) -> str:
    return f"fold-{fold}"


def _train_missing(run: Run, plan: _Plan, progress: Progress | None, tell: Tell) -> HeldOut:
    folder = run.path / FOLDER
    parts = _deal(_own_data(run), run, plan.folds)
    if _kept(run) != plan:
        _begin(folder, plan)
    with stop_requests() as stop:
        for fold in range(1, plan.folds + 1):
            if (folder / f"{_name(fold)}.parquet").is_file():
                tell(t("fold {fold} of {folds} is there already.", fold=fold, folds=plan.folds))
                continue
            began = time.monotonic()
            task, predictions = _of_fold(run, plan, parts, fold, stop, progress)
            write_predictions(folder, _name(fold), task.table(predictions).to_dict())
            seconds = time.monotonic() - began
            tell(t("fold {fold} of {folds}: {seconds:.1f} s.", fold=fold, folds=plan.folds, seconds=seconds))
    found = _read(run, plan)
    assert found is not None
    return found


def _begin(folder: Path, plan: _Plan) -> None:
    """Nothing of another plan is left when this one is written down."""
    folder.mkdir(exist_ok=True)
    (folder / PLAN).unlink(missing_ok=True)
    for file in folder.glob("fold-*.parquet"):
        file.unlink()
    write_json(folder / PLAN, dataclasses.asdict(plan))


def _own_data(run: Run) -> Dataset:
    """The run's main set, if its examples are still those that the run began with.

    Sets that were mixed in are left out: they never come into dev, and a label of theirs is theirs to correct.
    """
    config, categories = run.config, run.model.preprocess.category_names
    saved = Split.load(run.folder.split)
    try:
        whole = open_run_data(config, base=run.path, categories=categories)
        require_same_data(used_by(whole, saved), run.folder, config.path)
    except RumboError as problem:
        raise DataError(
            t(
                "labels are checked by networks that are trained anew on the run's own data, and these cannot be "
                "taken: {problem}",
                problem=str(problem),
            )
        ) from None
    main = open_run_data(_unmixed(config), base=run.path, categories=categories) if config.data.mix else whole
    return used_by(main, saved)


def _unmixed(config: RunConfig) -> RunConfig:
    return replace(config, data=replace(config.data, mix=()))


def _deal(dataset: Dataset, run: Run, folds: int) -> pl.DataFrame:
    """Columns `id` and `fold`, from 1: stratified; groups, copies and near duplicates stay together."""
    saved, config = Split.load(run.folder.split), run.config
    rows = np.sort(np.concatenate([saved.rows(dataset, name) for name in LEARNT_FROM]))
    options = replace(
        config.data.split,
        by="random" if config.data.split.by == "random" else "auto",
        folds=folds,
        fold=1,
        file=None,
        time=None,
        dev_sources=(),
        test_sources=(),
        dev_fraction=None,
        test_fraction=0.0,
    )
    return make_folds(dataset.take(rows), options, config.seed)[0]


def _of_fold(
    run: Run, plan: _Plan, parts: pl.DataFrame, fold: int, stop: StopRequest, progress: Progress | None
) -> tuple[DatasetTask, Predictions]:
    """Learn from the other folds, and predict this one.

    There is no dev to choose the best epoch by: training ends with the epoch that was the run's own best, so that the
    labels that are judged choose nothing.
    """
    config = _unmixed(run.config)
    options = replace(config.train, epochs=plan.epochs, patience=None, budget_seconds=None, shard=False)
    others = parts.filter(pl.col("fold") != fold).select("id", pl.lit("train").alias("split"))
    split = Split(others, hashlib.sha256(json.dumps(others["id"].to_list()).encode()).hexdigest())
    config = replace(config, train=options)
    of_run = (Split.load(run.folder.split), class_names(run.model.task))
    prepared = assemble(gather(config, base=run.path, split=split, of_run=of_run, progress=progress), config)
    load_weights(prepared, run.path)
    task, options = prepared.task, prepared.config.train
    state = TrainState.fresh(task.model, options)
    data = FitData(
        train=prepared.train_loader,
        dev=None,
        goal=prepared.goal,
        higher_is_better=True,
        seed=prepared.config.seed,
    )
    total = plan.stop_after * len(data.train)
    what = t("fold {fold} of {folds}", fold=fold, folds=plan.folds)
    with num_threads(options):
        for event in fit(task, data, state, options):
            if isinstance(event, Stepped) and progress is not None:
                progress(what, min(event.step, total), total)
            if stop.signal_number is not None:
                raise _interrupted(run, fold, plan.folds, stop.signal_number)
            if isinstance(event, Evaluated) and event.epoch >= plan.stop_after:
                break
        held = parts.filter(pl.col("fold") == fold)["id"]
        rows = np.flatnonzero(prepared.dataset.table["id"].is_in(held.to_list()).to_numpy())
        loader = Loader(
            examples=prepared.examples, rows=rows, batch_size=EVALUATION_BATCH, device=prepared.config.device
        )
        return task, infer(task.with_model(state.judged), loader)


def _interrupted(run: Run, fold: int, folds: int, signal_number: int) -> Interrupted:
    word = "Ctrl-C" if signal_number == signal.SIGINT else signal.Signals(signal_number).name
    return Interrupted(
        t(
            "stopped in fold {fold} of {folds} ({word}); the folds before it are kept. The same command goes on: "
            "rumbo labels {run}",
            fold=fold,
            folds=folds,
            word=word,
            run=str(run.path),
        ),
        signal_number,
    )
