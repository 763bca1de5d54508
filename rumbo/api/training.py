"""The main job: data in, a run folder with a model, its predictions and a report out."""

import dataclasses
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rumbo.api.bad_batch import write_batch
from rumbo.api.config import ModelOptions, Preset, RunConfig
from rumbo.api.interrupts import Interrupted, StopRequest, stop_requests
from rumbo.api.prepare import Prepared, prepare
from rumbo.api.run import Run
from rumbo.api.sources import Progress, require_same_data, used_by
from rumbo.api.telling import Noticed, Teller, Told
from rumbo.api.weights import load_weights
from rumbo.core.errors import TrainingError, UsageError
from rumbo.core.messages import t
from rumbo.data.corrections import read_corrections
from rumbo.data.demo import DIGITS
from rumbo.data.mixing import parse_addition
from rumbo.data.pictures.on_demand import PixelsOnDemand
from rumbo.data.splits.split import Split
from rumbo.runs import (
    AppendFile,
    EventLog,
    ResultsFile,
    RunFolder,
    latest,
    publish,
    read_results,
    require_space,
    write_json,
    write_yaml,
)
from rumbo.training.events import Evaluated, Evaluating, Event, Finished, Stepped, Warned
from rumbo.training.guards import NotFinite
from rumbo.training.loop import fit
from rumbo.training.state import TrainState

Watch = Callable[[Told], None]
"""What sees each event of a training: a progress bar, a page, a test. It cannot change anything."""


@dataclass
class Sitting:
    """One process's work on a run: where it writes, and how far it has come."""

    folder: RunFolder
    prepared: Prepared
    state: TrainState
    events: EventLog
    results: ResultsFile
    log: AppendFile
    teller: Teller = field(default_factory=Teller)
    watch: Watch | None = None
    saved_at_seconds: float = 0.0
    told_of_cache: bool = False

    @classmethod
    def begin(cls, folder: RunFolder, prepared: Prepared, state: TrainState, offsets: Mapping[str, int]) -> "Sitting":
        """Open the logs, cut back to where the checkpoint was made."""
        return cls(
            folder=folder,
            prepared=prepared,
            state=state,
            events=EventLog(folder.events, offset=offsets.get("events")),
            results=ResultsFile(folder.results, offset=offsets.get("results")),
            log=AppendFile(folder.log, offset=offsets.get("log")),
        )

    def tell(self, event: Told) -> None:
        """Show an event, and keep its lines in log.txt."""
        if self.watch is not None:
            self.watch(event)
        for line in self.teller.lines(event):
            self.log.append(f"{line}\n".encode("utf-8", "backslashreplace"))
        problems = (file.take_problem() for file in (self.events, self.results, self.log))
        for problem in problems:
            if problem is not None and self.watch is not None:
                self.watch(Noticed(problem))

    def tell_of_cache(self) -> None:
        """Say once why decoded pictures are not kept any more."""
        pixels = self.prepared.examples.pixels
        note = pixels.note if isinstance(pixels, PixelsOnDemand) else None
        if note is not None and not self.told_of_cache:
            self.told_of_cache = True
            self.tell(Noticed(note))

    def save(self) -> None:
        """Publish a checkpoint; the logs up to here are on the disk before it."""
        logs = {"events": self.events, "results": self.results, "log": self.log}
        for file in logs.values():
            file.sync()
        offsets = {name: file.offset for name, file in logs.items()}
        publish(self.folder.checkpoints, self.state.step, self.state.to_files(offsets))
        self.saved_at_seconds = self.state.seconds


def train(
    data: str | Path | None = None,
    *,
    task: str | None = None,
    target: str | None = None,
    model: str | None = None,
    weights: str | None = None,
    freeze: str | None = None,
    preset: Preset = "good",
    epochs: int | None = None,
    budget_seconds: float | None = None,
    goal: str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    config: str | Path | None = None,
    device: str | None = None,
    settings: Mapping[str, str] | None = None,
    watch: Watch | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train a network on data and write a run folder.

    Args:
        data: a folder, a file or a zip; formats are recognized by looking.
        task: classify, regress or multilabel; read off the target when not given.
        target: the target column(s) of a table.
        model: a name of `rumbo models`.
        weights: none, imagenet, or a .safetensors file.
        freeze: none or features.
        preset: quick, good or best.
        epochs: passes over the training data.
        budget_seconds: stop after the epoch in which this time is over.
        goal: the metric that chooses the best epoch.
        seed: all randomness is a function of it.
        out: the run folder; a new name under `runs/` when not given.
        resume: continue an interrupted run in `out`; a finished one is left alone.
        config: a config.yaml to begin from.
        device: auto, cpu, cuda.
        settings: any option by its dotted path, as text: {"train.optimizer.momentum": "0.95"}.
        watch: sees each event.
        progress: told while pictures are read.

    Raises:
        UsageError: what was asked for cannot be done.
        DataError: what is in the data cannot be used.
        TrainingError: the cost is not finite.
        Interrupted: asked to stop; the state was saved.
    """
    if resume:
        changed = {"task": task, "target": target, "model": model, "weights": weights, "freeze": freeze, "goal": goal}
        changed |= {"epochs": epochs, "budget": budget_seconds, "seed": seed, "config": config, "device": device}
        _refuse_changes([name for name, value in {**changed, "set": settings or None}.items() if value is not None])
        return _resume(data, out, watch=watch, progress=progress)
    if preset not in ("quick", "good", "best"):
        raise UsageError(t("preset '{preset}' must be one of: quick, good, best.", preset=str(preset)))
    wanted = _wanted(data, config)
    named = {"task": task, "target": target, "goal": goal, "seed": seed, "device": device}
    wanted = replace(wanted, **{key: value for key, value in named.items() if value is not None})
    wanted = replace(
        wanted,
        model=_model_options(wanted.model, model, weights, freeze),
        train=replace(
            wanted.train,
            epochs=epochs if epochs is not None else wanted.train.epochs,
            budget_seconds=budget_seconds if budget_seconds is not None else wanted.train.budget_seconds,
        ),
    )
    for path, text in (settings or {}).items():
        wanted = wanted.override(path.removeprefix("options."), text)
    out = None if out is None else Path(out)
    if out is not None and out.exists():
        raise UsageError(
            t("{path} exists already. Choose another --out, or go on with the run there with --resume.", path=out)
        )
    prepared = prepare(wanted, base=Path(), preset=preset, progress=progress)
    load_weights(prepared, Path())
    with RunFolder.create(_name_of(wanted.path), out) as folder:
        prepared = replace(prepared, config=_relocated(prepared.config, Path(), folder.path))
        state = _fresh_state(prepared)
        try:
            require_space(folder.path, sum(map(len, state.to_files({}).values())))
            _write_beginning(folder, prepared)
        except BaseException:
            folder.discard()
            raise
        return _sit(Sitting.begin(folder, prepared, state, {}), watch)


def _refuse_changes(names: list[str]) -> None:
    """A resume goes on as it began, or it would not be the same run."""
    if names:
        raise UsageError(
            t(
                "--resume goes on with the run's own options. Leave out {names}, or begin a new run from its "
                "config.yaml with --config.",
                names=", ".join(f"--{name}" for name in names),
            )
        )


def _wanted(data: str | Path | None, config: str | Path | None) -> RunConfig:
    """The config that was asked for, with paths relative to the working folder."""
    wanted = RunConfig()
    if config is not None:
        file = Path(config)
        if not file.is_file():
            raise UsageError(t("no config file at '{path}'.", path=str(config)))
        wanted = _relocated(RunConfig.read(file), file.parent, Path())
    if data is not None:
        wanted = replace(wanted, path=str(data))
    if any("\udc80" <= letter <= "\udcff" for letter in wanted.path):
        raise UsageError(
            t("'{path}' has a byte that is no UTF-8: rename it, config.yaml must name it.", path=wanted.path)
        )
    if not wanted.path:
        raise UsageError(t("nothing to train on: give a folder, a file or a zip, as in `rumbo train PHOTOS`."))
    return wanted


def _model_options(options: ModelOptions, name: str | None, weights: str | None, freeze: str | None) -> ModelOptions:
    named = {"name": name, "weights": weights, "freeze": freeze}
    return replace(options, **{key: value for key, value in named.items() if value is not None})


def _relocated(config: RunConfig, base: Path, folder: Path) -> RunConfig:
    """Paths that were relative to one folder relative to another, such as the one that its config.yaml lies in."""
    model = config.model
    if model.weights not in ("none", "imagenet"):
        model = replace(model, weights=os.path.relpath(base / model.weights, folder))
    path = config.path if config.path in ("", DIGITS) else os.path.relpath(base / config.path, folder)
    data = config.data
    if data.corrections is not None:
        data = replace(data, corrections=os.path.relpath(base / data.corrections, folder))
    if data.cache_path is not None:
        data = replace(data, cache_path=os.path.relpath(base / Path(data.cache_path).expanduser(), folder))
    if data.split.file is not None:
        data = replace(data, split=replace(data.split, file=os.path.relpath(base / data.split.file, folder)))
    data = replace(data, mix=tuple(_relocated_addition(text, base, folder) for text in data.mix))
    return replace(config, path=path, model=model, data=data)


def _relocated_addition(text: str, base: Path, folder: Path) -> str:
    path, weight = parse_addition(text)
    return f"{os.path.relpath(base / path, folder)}:{weight:g}"


def _name_of(path: str) -> str:
    stem = Path(path).resolve().name if path != DIGITS else "digits"
    return stem.partition(".")[0] or "run"


def _fresh_state(prepared: Prepared) -> TrainState:
    return TrainState.fresh(prepared.task.model, prepared.config.train)


def _write_beginning(folder: RunFolder, prepared: Prepared) -> None:
    write_yaml(folder.config, prepared.config.to_dict())
    prepared.split.save(folder.split)
    checks: dict[str, Any] = {**prepared.checks.to_dict(), "decisions": list(prepared.decisions)}
    corrections = prepared.config.data.corrections
    if corrections is not None:
        checks["corrections"] = [dataclasses.asdict(each) for each in read_corrections(folder.path / corrections)]
    used = used_by(prepared.dataset, prepared.split)
    write_json(folder.data_check, {**checks, "data_sha256": used.sha256()})


def _resume(data: str | Path | None, out: str | Path | None, *, watch: Watch | None, progress: Progress | None) -> Run:
    if out is None:
        raise UsageError(t("--resume needs the run folder: add --out runs/NAME."))
    with RunFolder.resume(Path(out)) as folder:
        if folder.is_finished:
            return Run(folder.path)
        config = RunConfig.read(folder.config)
        base = folder.path
        if data is not None:
            config, base = replace(config, path=str(data)), Path()
        prepared = prepare(config, base=base, split=Split.load(folder.split), progress=progress)
        load_weights(prepared, folder.path)
        require_same_data(used_by(prepared.dataset, prepared.split), folder, config.path)
        state = _fresh_state(prepared)
        checkpoint = latest(folder.checkpoints)
        offsets: Mapping[str, int] = {"events": 0, "results": 0, "log": 0}
        remarks: tuple[str, ...] = ()
        if checkpoint is not None:
            offsets, remarks = state.load_files(checkpoint.files), checkpoint.skipped
        return _sit(Sitting.begin(folder, prepared, state, offsets), watch, *remarks)


def _sit(sitting: Sitting, watch: Watch | None, *remarks: str) -> Run:
    """Run the loop until it ends or somebody asks to stop; then finish, or save."""
    prepared, state = sitting.prepared, sitting.state
    sitting.watch = watch
    sitting.tell(prepared)
    for remark in remarks:
        sitting.tell(Noticed(remark))
    sitting.save()
    finished: Finished | None = None
    with stop_requests() as stop:
        for event in _events(sitting):
            sitting.tell(event)
            match event:
                case Warned():
                    sitting.events.write({"event": "warning", "step": state.step, "sentence": event.sentence})
                case Evaluating():
                    if stop:
                        sitting.save()
                    _leave_if_asked(stop, sitting)
                case Stepped():
                    if stop or state.seconds - sitting.saved_at_seconds > prepared.config.train.save_every_seconds:
                        sitting.save()
                    _leave_if_asked(stop, sitting)
                case Evaluated():
                    sitting.results.write(event.epoch, event.seconds, event.learning_rate, event.metrics)
                    epoch = {"event": "epoch", "epoch": event.epoch, "best": event.is_best}
                    sitting.events.write({**epoch, **event.metrics})
                    sitting.save()
                    sitting.tell_of_cache()
                    _leave_if_asked(stop, sitting)
                case Finished():
                    sitting.events.write({"event": "finished", "reason": event.reason, "best_epoch": event.best_epoch})
                    finished = event
    assert finished is not None
    from rumbo.api.finish import finish  # draws: matplotlib takes a second that the first step need not wait for

    try:
        finish(prepared, sitting.folder, read_results(sitting.folder.results), finished, state)
    except KeyboardInterrupt:
        raise _interrupted(sitting, signal.SIGINT) from None
    return Run(sitting.folder.path)


def _events(sitting: Sitting) -> Iterator[Event]:
    """What the loop tells; the batch of a step that was not finite is kept for whoever looks for the cause."""
    prepared = sitting.prepared
    try:
        yield from fit(prepared.task, prepared.fit_data(), sitting.state, prepared.config.train)
    except NotFinite as problem:
        kept = sitting.folder.path / "bad_batch.safetensors"
        write_batch(kept, problem.batch, prepared.examples)
        raise TrainingError(f"{problem} {t('The batch is kept in {path}.', path=kept)}") from None


def _leave_if_asked(stop: StopRequest, sitting: Sitting) -> None:
    if stop.signal_number is not None:
        raise _interrupted(sitting, stop.signal_number)


def _interrupted(sitting: Sitting, signal_number: int) -> Interrupted:
    epochs, where = sitting.prepared.config.train.epochs or 1, os.path.relpath(sitting.folder.path)
    return Interrupted(
        t(
            "stopped in epoch {epoch}, after step {step}; saved. Continue with: rumbo train --resume --out {where}",
            epoch=min(sitting.state.epoch + 1, epochs),
            step=sitting.state.step,
            where=where,
        ),
        signal_number,
    )
