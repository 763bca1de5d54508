"""The main job: data in, a run folder with a model, its predictions and a report out."""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from rumbo import __version__
from rumbo.api.config import Preset, RunConfig
from rumbo.api.link import Link, linked
from rumbo.api.prepare import Prepared, prepare
from rumbo.api.run import Run
from rumbo.api.sitting import Hand, Sitting, Watch, help_out, sit
from rumbo.api.sources import Progress, require_same_data, used_by
from rumbo.api.wanted import relocated, wanted_config
from rumbo.api.weights import load_weights
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data.corrections import read_corrections
from rumbo.data.demo import DIGITS
from rumbo.data.splits.split import Split
from rumbo.runs import RunFolder, latest, read_json, require_space, write_json, write_yaml
from rumbo.training.state import TrainState


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
    require: Sequence[str] = (),
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
        goal: the metric that chooses the best epoch; also recall[CLASS] or mean(METRIC@COLUMN).
        require: what the finished model must also meet, such as "latency_ms<=100"; judged at the end and told.
        seed: all randomness is a function of it.
        out: the run folder; a new name under `runs/` when not given.
        resume: continue an interrupted run in `out`; a finished one is left alone.
        config: a config.yaml to begin from.
        device: auto, cpu, cuda.
        settings: any option by its dotted path, as text: {"train.optimizer.momentum": "0.95"}.
        watch: sees each event.
        progress: told while pictures are read.

    Returns:
        The run. Of several processes the first alone writes its report, and the others do not wait for it.

    Raises:
        UsageError: what was asked for cannot be done.
        DataError: what is in the data cannot be used.
        TrainingError: the cost is not finite.
        Interrupted: asked to stop; the state was saved.
    """
    if resume:
        changed = {"task": task, "target": target, "model": model, "weights": weights, "freeze": freeze, "goal": goal}
        changed |= {
            "require": require or None,
            "epochs": epochs,
            "budget": budget_seconds,
            "seed": seed,
            "config": config,
            "device": device,
        }
        _refuse_changes([name for name, value in {**changed, "set": settings or None}.items() if value is not None])
        with linked() as link:
            return _resume(data, out, link, watch=watch, progress=progress)
    if preset not in ("quick", "good", "best"):
        raise UsageError(t("preset '{preset}' must be one of: quick, good, best.", preset=str(preset)))
    wanted = wanted_config(
        data,
        config,
        named={
            **{"task": task, "target": target, "goal": goal, "seed": seed, "device": device},
            "require": tuple(require) or None,
        },
        model={"name": model, "weights": weights, "freeze": freeze},
        train={"epochs": epochs, "budget_seconds": budget_seconds},
        settings=settings,
    )
    with linked() as link:  # each process of several comes here
        if out is not None and link.was_restarted and Path(out).exists():
            return _resume(data, out, link, watch=watch, progress=progress)
        return _begin(wanted, None if out is None else Path(out), preset, link, watch=watch, progress=progress)


def _begin(
    wanted: RunConfig, out: Path | None, preset: Preset, link: Link, *, watch: Watch | None, progress: Progress | None
) -> Run:
    if link.team.is_first and out is not None and out.exists():
        raise UsageError(
            t("{path} exists already. Choose another --out, or go on with the run there with --resume.", path=out)
        )
    prepared = prepare(wanted, base=Path(), preset=preset, progress=progress)
    load_weights(prepared, Path())
    state = _fresh_state(prepared, link)
    _require_same(prepared, state, link)
    if not link.team.is_first:
        return help_out(Hand(prepared, state, link))
    with RunFolder.create(_name_of(wanted.path), out) as folder:
        prepared = replace(prepared, config=relocated(prepared.config, Path(), folder.path))
        try:
            require_space(folder.path, state.num_bytes)
            _write_beginning(folder, prepared)
        except BaseException:
            folder.discard()
            raise
        with closing(Sitting.begin(folder, prepared, state, {}, link, watch)) as sitting:
            return sit(sitting)


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


def _name_of(path: str) -> str:
    stem = Path(path).resolve().name if path != DIGITS else "digits"
    return stem.partition(".")[0] or "run"


def _fresh_state(prepared: Prepared, link: Link) -> TrainState:
    options, model = prepared.config.train, prepared.task.model
    if not options.shard or link.team.world == 1:
        return TrainState.fresh(model, options)
    if options.average_decay:
        raise UsageError(t("train.shard and train.average_decay do not go together: leave one of them out."))
    device = next(model.parameters()).device
    return TrainState.fresh(link.team.sharded(copy.deepcopy(model.cpu()).to(device)), options)


def _require_same(prepared: Prepared, state: TrainState, link: Link) -> None:
    """All processes begin with the same options, split and step; where the data lie may differ."""
    config = prepared.config
    train, model = replace(config.train, threads=None), replace(config.model, weights="none")
    link.team.require_same(repr((__version__, train, model, config.seed, prepared.split.sha256, state.step)))


def _write_beginning(folder: RunFolder, prepared: Prepared) -> None:
    write_yaml(folder.config, prepared.config.to_dict())
    prepared.split.save(folder.split)
    checks: dict[str, Any] = {**prepared.checks.to_dict(), "decisions": list(prepared.decisions)}
    corrections = prepared.config.data.corrections
    if corrections is not None:
        checks["corrections"] = [dataclasses.asdict(each) for each in read_corrections(folder.path / corrections)]
    if prepared.costs is not None:
        checks["costs"] = prepared.costs
    used = used_by(prepared.dataset, prepared.split)
    write_json(folder.data_check, {**checks, "data_sha256": used.sha256()})


def _require_same_costs(prepared: Prepared, folder: RunFolder) -> None:
    """Other costs are another training."""
    if prepared.costs != read_json(folder.data_check).get("costs"):
        raise DataError(
            t("the costs in '{path}' have changed since this run began; train anew.", path=prepared.config.costs or "")
        )


def _resume(
    data: str | Path | None, out: str | Path | None, link: Link, *, watch: Watch | None, progress: Progress | None
) -> Run:
    if out is None:
        raise UsageError(t("--resume needs the run folder: add --out runs/NAME."))
    with RunFolder.resume(Path(out)) if link.team.is_first else RunFolder(Path(out)) as folder:
        if folder.is_finished:
            return Run(folder.path)
        config = RunConfig.read(folder.config)
        base = folder.path
        if data is not None:
            config, base = replace(config, path=str(data)), Path()
        prepared = prepare(config, base=base, split=Split.load(folder.split), progress=progress)
        load_weights(prepared, folder.path)
        require_same_data(used_by(prepared.dataset, prepared.split), folder, config.path)
        _require_same_costs(prepared, folder)
        state = _fresh_state(prepared, link)
        checkpoint = latest(folder.checkpoints)
        offsets: Mapping[str, int] = {"events": 0, "results": 0, "log": 0}
        remarks: tuple[str, ...] = ()
        if checkpoint is not None:
            offsets, remarks = state.load_files(checkpoint.files), checkpoint.skipped
        _require_same(prepared, state, link)
        if not link.team.is_first:
            return help_out(Hand(prepared, state, link))
        with closing(Sitting.begin(folder, prepared, state, offsets, link, watch)) as sitting:
            return sit(sitting, *remarks)
