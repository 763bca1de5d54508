"""`improve`: rounds of diagnosis, one knob, and a decision, written into a lab book; the test set is looked at once."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rumbo.api.advising import LEAST_DEV, ShowAttempt, situation_of, tried_on
from rumbo.api.config import RunConfig
from rumbo.api.diagnosing import deviation_of, possible_error
from rumbo.api.goals import class_names, table_of, values_of_columns
from rumbo.api.prepare import assemble, gather
from rumbo.api.run import Run
from rumbo.api.sources import Progress, require_same_data, used_by
from rumbo.api.training import train
from rumbo.api.trying import Trained, Workbench, timeless, trained, without
from rumbo.api.wanted import relocated, wanted_config
from rumbo.core.errors import DataError, RumboError, TrainingError, UsageError
from rumbo.core.messages import t
from rumbo.data.splits.split import Split
from rumbo.runs import read_json, write_file, write_json, write_yaml
from rumbo.runs.folder import make_next, plain_name
from rumbo.strategy.advice import Tried
from rumbo.strategy.goal import Goal
from rumbo.strategy.improvement import LabBook, Round, Stop
from rumbo.strategy.judging import value_of
from rumbo.strategy.knobs import candidates

STATE, BOOK, CONFIG, SPLIT, RESULT = "improve.json", "improve.md", "config.yaml", "split.parquet", "run"
PARENT = Path("improved")
SHARE_OF_ROUND = 0.4
"""Of what is left of the budget, for the trainings of one round."""
FEWEST_TRAININGS = 8
"""Where fewer of the present kind fit into what is left, no further round begins."""
LOOKED_AT = ("train", "train_dev", "dev")
"""What rounds may see; test is for the end."""

BUDGET_SECONDS = 1800.0

Say = Callable[[str], None]
"""Told a sentence after each round."""


class Stopped(RumboError):
    """Somebody asked to stop; what was decided is kept."""

    exit_code = 130


@dataclass(frozen=True, kw_only=True)
class Improvement:
    """What came of it.

    Attributes:
        folder: the lab book, the options and the split that were kept.
        book: the lab book.
        run: the run with everything that was kept, measured on test.
    """

    folder: Path
    book: LabBook
    run: Run

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {"folder": str(self.folder), "run": str(self.run.path), **self.book.to_dict()}


def improve(
    path: str | Path | None = None,
    *,
    budget_seconds: float | None = None,
    human_error: float | str | None = None,
    task: str | None = None,
    target: str | None = None,
    goal: str | None = None,
    config: str | Path | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    show: ShowAttempt | None = None,
    say: Say | None = None,
) -> Improvement:
    """Improve a model round by round: what holds it back, which knob pays, keep or take back.

    Args:
        path: data, or a finished run to begin with; none with `resume`.
        budget_seconds: for everything but the last training; > 0, and 1,800 when not given. A resume goes on with its
            own.
        human_error: what is possible, as for `rumbo.diagnose`; a resume goes on with its own.
        task: as for `rumbo.train`.
        target: likewise.
        goal: likewise.
        config: likewise.
        out: the folder of the lab book; a new name under `improved/` when not given.
        resume: go on with the lab book in `out`.
        progress: told while pictures are read.
        show: sees what is tried.
        say: told a sentence after each round.

    Returns:
        The lab book and the run with everything that was kept; only that run was measured on test.

    Raises:
        UsageError: nothing to improve, or `out` exists.
        DataError: the data cannot be used, or dev is too small to decide.
        TrainingError: a training that nothing was changed in came to nothing.
        Stopped: somebody stopped it; what was decided is kept, and a resume goes on.
        KeyboardInterrupt: likewise, before there was anything to keep.
    """
    if resume:
        given = {"PATH": path, "--task": task, "--target": target, "--goal": goal, "--config": config}
        given |= {"--human-error": human_error, "--budget": budget_seconds}
        if names := [name for name, value in given.items() if value is not None]:
            raise UsageError(
                t("--resume goes on with the lab book's own options: leave out {names}.", names=", ".join(names))
            )
        bench, book = _reopened(out, progress)
    else:
        budget_seconds = BUDGET_SECONDS if budget_seconds is None else budget_seconds
        if not budget_seconds > 0:
            raise UsageError(
                t("{path}={value} must be {bound}.", path="--budget", value=budget_seconds, bound=t("above 0"))
            )
        named = {"task": task, "target": target, "goal": goal}
        place = None if out is None else Path(out)
        bench, book = _begun(path, config, named, place, budget_seconds, human_error, progress)
    try:
        while book.stopped is Stop.NOT_YET:
            bench, book = _round(bench, book, show, say)
            _write(bench, book)
        run = _result(bench)
    except KeyboardInterrupt:
        raise Stopped(
            t(
                "stopped; what was decided is kept. Continue with: rumbo improve --resume --out {folder}",
                folder=os.path.relpath(bench.base),
            )
        ) from None
    if book.test is None and run.goal["split"] == "test":
        low, high = run.goal["interval"]
        book = replace(book, test=float(run.goal["value"]), test_interval=(float(low), float(high)))
        _write(bench, book)
    return Improvement(folder=bench.base, book=book, run=run)


def _begun(
    path: str | Path | None,
    config: str | Path | None,
    named: dict[str, str | None],
    out: Path | None,
    budget_seconds: float,
    human_error: float | str | None,
    progress: Progress | None,
) -> tuple[Workbench, LabBook]:
    """The folder, the data and the first training."""
    began = time.monotonic()
    run = Run(path) if path is not None and (Path(path) / CONFIG).is_file() else None
    if run is not None and config is not None:
        raise UsageError(t("'{path}' is a run, which has its own options: leave out --config.", path=str(path)))
    split = None if run is None else Split.load(run.folder.split)
    source, file = (path, config) if run is None else (None, run.folder.config)
    wanted = wanted_config(source, file, named=named, model={}, train={}, settings=None)
    train_options = wanted.train if run is None else timeless(run).train
    wanted = replace(wanted, train=replace(train_options, budget_seconds=None))
    if out is not None and out.exists():
        raise UsageError(
            t("{path} exists already. Choose another --out, or go on with the lab book there with --resume.", path=out)
        )
    of_run = None if run is None or split is None else (split, class_names(run.model.task))
    gathered = gather(wanted, base=Path(), split=split, of_run=of_run, progress=progress)
    if run is not None:
        require_same_data(used_by(gathered.dataset, gathered.split), run.folder, run.config.path)
    prepared = assemble(gathered, wanted)
    count = len(prepared.rows("dev"))
    if count < LEAST_DEV:
        raise DataError(
            t(
                "dev has {count} examples; at least {needed} are needed to decide by. Add examples, or begin from a "
                "run with a larger dev set (--set data.split.dev_fraction=0.2).",
                count=count,
                needed=LEAST_DEV,
            )
        )
    name = plain_name(Path(wanted.path).resolve().name.partition(".")[0] or "model")
    folder = out or PARENT / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    if out is None:
        folder = make_next(folder)
    else:
        folder.mkdir()
    bench = Workbench(
        config=relocated(prepared.config, Path(), folder),
        base=folder,
        gathered=gathered,
        data_sha256=used_by(gathered.dataset, gathered.split).sha256(),
    )
    gathered.split.save(folder / SPLIT)
    try:
        first_value = _value(bench, trained(prepared, Path()))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # nothing was decided yet
        raise
    book = LabBook(
        goal=bench.goal.measure.text,
        higher_is_better=bench.goal.measure.higher_is_better,
        budget_seconds=budget_seconds,
        seconds=time.monotonic() - began,
        first_value=first_value,
        human_error=possible_error(human_error, deviation_of(prepared.task)),
    )
    _write(bench, book)
    return bench, book


def _reopened(out: str | Path | None, progress: Progress | None) -> tuple[Workbench, LabBook]:
    """What an earlier call left."""
    if out is None:
        raise UsageError(t("--resume needs the folder of the lab book: add --out improved/NAME."))
    folder = Path(out)
    if not (folder / STATE).is_file():
        raise UsageError(t("'{path}' has no lab book to go on with. Check the path, or leave out --resume.", path=out))
    state = read_json(folder / STATE)
    config = RunConfig.from_dict(state["config"])
    gathered = gather(config, base=folder, split=Split.load(folder / SPLIT), progress=progress)
    if used_by(gathered.dataset, gathered.split).sha256() != state["data_sha256"]:
        raise DataError(
            t(
                "the data of '{path}' have changed since its lab book was begun: rounds before and after cannot be "
                "compared. Begin a new one.",
                path=str(folder),
            )
        )
    gathered = without(gathered, set(state["left_out"]))
    bench = Workbench(
        config=config,
        base=folder,
        gathered=gathered,
        left_out=frozenset(state["left_out"]),
        data_sha256=state["data_sha256"],
    )
    return bench, LabBook.from_dict(state["book"])


def _round(bench: Workbench, book: LabBook, show: ShowAttempt | None, say: Say | None) -> tuple[Workbench, LabBook]:
    """Diagnose, try, train with the best action, and decide."""
    began = time.monotonic()
    present = bench.train()
    run_seconds = time.monotonic() - began
    if book.left < FEWEST_TRAININGS * run_seconds:
        return bench, replace(book, stopped=Stop.BUDGET)
    splits = [name for name in LOOKED_AT if len(present.prepared.rows(name))]
    predictions = {name: present.predictions(name) for name in splits}
    task = present.prepared.task
    now = situation_of(bench.config, bench.gathered, task, predictions, human_error=book.human_error)
    actions = [action for action in candidates(now) if action.name not in book.refused]
    advice = tried_on(bench, actions, SHARE_OF_ROUND * book.left, run_seconds, seed=len(book.entries), show=show)
    if not advice.is_complete:
        raise KeyboardInterrupt
    best, changed, new_value = advice.best, bench, None
    if best is not None:
        try:
            changed = bench.with_action(best.action)
            new_value = _value(changed, changed.train())
        except TrainingError:  # with a share of the epochs it went well
            changed = bench
    is_kept = new_value is not None and book.is_better(new_value, book.value)
    entry = Round(
        verdict=str(now.diagnosis.verdict),
        reason=now.diagnosis.reason,
        value=book.value,
        new_value=new_value,
        is_kept=is_kept,
        tried=[each.to_dict() for each in advice.tried],
        left_out=[each.sentence for each in advice.left_out],
        seconds=time.monotonic() - began,
        **_of_action(best, changed),
    )
    if say is not None and best is not None:
        said = (
            t("{sentence}: kept.", sentence=best.action.sentence)
            if is_kept
            else t("{sentence}: taken back.", sentence=best.action.sentence)
        )
        say(said)
    return (changed if is_kept else bench), book.with_entry(entry)


def _of_action(best: Tried | None, changed: Workbench) -> dict[str, Any]:
    epochs = changed.config.train.epochs or 1
    if best is None:
        return {
            "action": None, "sentence": "", "settings": {}, "epochs": epochs, "leaves_out": False, "effect": None,
            "interval": None,
        }  # fmt: skip
    action = best.action
    return {
        "action": action.name, "sentence": action.sentence, "settings": dict(action.settings), "epochs": epochs,
        "leaves_out": action.cleans_labels, "effect": best.effect, "interval": best.interval,
    }  # fmt: skip


def _value(bench: Workbench, found: Trained) -> float:
    columns = values_of_columns(Goal(measure=bench.goal.measure), bench.gathered.dataset)
    return value_of(bench.goal.measure, table_of("", found.prepared.task, found.predictions("dev"), columns=columns))


def _write(bench: Workbench, book: LabBook) -> None:
    """The state for a resume first, then what people read."""
    state = {
        "book": book.to_dict(),
        "config": bench.config.to_dict(),
        "left_out": sorted(bench.left_out),
        "data_sha256": bench.data_sha256,
    }
    write_json(bench.base / STATE, state)
    write_file(bench.base / BOOK, book.markdown().encode())


def _result(bench: Workbench) -> Run:
    """The run with everything that was kept, trained once more by the usual way, which measures test."""
    folder = bench.base / RESULT
    if folder.exists():
        return train(out=folder, resume=True)
    bench.gathered.split.save(bench.base / SPLIT)
    split = replace(
        bench.config.data.split, file=SPLIT, by="auto", folds=None, fold=1, dev_sources=(), test_sources=(),
        dev_fraction=None, test_fraction=None, train_dev_fraction=None,
    )  # fmt: skip
    config = replace(bench.config, data=replace(bench.config.data, split=split))
    write_yaml(bench.base / CONFIG, config.to_dict())
    return train(config=os.path.relpath(bench.base / CONFIG), out=folder)
