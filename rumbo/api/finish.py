"""The end of a run: the best network measured on equal terms, its predictions, its model folder, its report."""

import platform
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from rumbo import __version__
from rumbo.api.diagnosing import diagnosis_of
from rumbo.api.evaluation import goal_as_json
from rumbo.api.goals import measured_for, table_of, values_of_columns
from rumbo.api.prepare import Prepared
from rumbo.api.reporting import build_report
from rumbo.core.devices import cpu_flags
from rumbo.core.messages import shown
from rumbo.core.plain import plain
from rumbo.data.files import safe_name
from rumbo.data.manifest import SPLITS
from rumbo.plots import report_json, write_report
from rumbo.runs import RunFolder, sha256_of, write_json, write_predictions
from rumbo.strategy.goal import Goal
from rumbo.strategy.judging import Measured, judge
from rumbo.tasks.inference import infer
from rumbo.tasks.task import Predictions
from rumbo.training.events import Finished
from rumbo.training.state import TrainState

PACKAGES = ("torch", "torchvision", "numpy", "polars", "pillow")


def finish(
    prepared: Prepared, folder: RunFolder, history: dict[str, list[float]], end: Finished, state: TrainState
) -> None:
    """Measure every split in evaluation mode, then write predictions, model, report.html and, last, report.json.

    Args:
        prepared: the run; its network has the best weights.
        folder: where to write.
        history: columns of results.csv.
        end: why and when training ended.
        state: for the time spent.
    """
    task, config = prepared.task, prepared.config
    predictions: dict[str, Predictions] = {}
    for split in SPLITS:
        loader = prepared.evaluation_loader(split)
        if loader is None:
            continue
        predictions[split] = infer(task, loader)
        write_predictions(folder.predictions, split, task.weighed_table(predictions[split]).to_dict())
    metrics = {split: task.score(found) for split, found in predictions.items()}
    judged = next(split for split in ("test", "dev", "train") if split in predictions)
    goal = prepared.aim
    value = {"split": judged, "value": metrics[judged][prepared.goal]}
    diagnosis = diagnosis_of(task, predictions)
    facts: dict[str, Any] = {
        "run": safe_name(folder.path.resolve().name),
        "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "task": task.name,
        "target": config.target,
        "model": config.model.name,
        "parameters": sum(parameter.numel() for parameter in task.model.parameters()),
        "epochs": end.epoch,
        "best_epoch": end.best_epoch,
        "ended_by": end.reason,
        "seconds": round(state.seconds, 2),
        "metrics": metrics,
        "goal": _judged(prepared, replace(goal, requirements=()), judged, predictions[judged]) | value,
        "verdict": str(diagnosis.verdict),
        "diagnosis": diagnosis.to_dict(),
        "environment": _environment(),
    }
    prepared.trained.save(folder.model, _card(prepared, facts))
    if goal.requirements:  # some of which are about the model that lies there now
        facts["goal"] = _judged(prepared, goal, judged, predictions[judged], folder.model) | value
    facts["weights_sha256"] = sha256_of(folder.model / "model.safetensors")
    report = build_report(folder, facts, prepared.dataset, prepared.trained, history)
    write_report(folder.report_html, report)
    write_json(folder.report_json, {**report_json(report), **plain(facts)})


def _judged(
    prepared: Prepared, goal: Goal, split: str, predictions: Predictions, model: Path | None = None
) -> dict[str, Any]:
    """A goal held against the answers on a split and, where there is one, the model's folder; as JSON types."""
    measured: dict[str, Measured] = {}
    if model is not None:
        (measured,) = measured_for(goal, [(model, prepared.dataset.take(prepared.rows(split)))])
    columns = values_of_columns(goal, prepared.dataset)
    table = table_of("", prepared.task, predictions, columns=columns, measured=measured)
    return goal_as_json(goal.measure.text, judge(goal, table, seed=prepared.config.seed), measured)


def _environment() -> dict[str, Any]:
    """What the bits of the result depend on."""
    return {
        "rumbo": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "threads": torch.get_num_threads(),
        "processor": " ".join(sorted(cpu_flags())),
    }


def _card(prepared: Prepared, facts: dict[str, Any]) -> str:
    """The model's README.md: what it is, what it was measured at, how to use it. English, as model cards are."""
    task, goal = prepared.task, facts["goal"]
    classes = getattr(task, "classes", getattr(task, "labels", ()))
    lines = [
        f"# {facts['run']}",
        "",
        f"A {facts['model']} network for the task `{task.name}`, trained with Rumbo {__version__}.",
        "",
        f"- target: `{_plain(str(facts['target']))}`",
        *([f"- classes: {len(classes)}: {', '.join(f'`{_plain(name)}`' for name in classes[:50])}"] if classes else []),
        f"- parameters: {facts['parameters']:,}",
        f"- {_plain(shown(goal['metric']))} on {goal['split']}: {goal['value']:.4g}"
        + (" (95 % interval {:.4g} to {:.4g})".format(*goal["interval"]) if goal["interval"] else ""),
        f"- trained on {len(prepared.rows('train')):,} examples, {facts['epochs']} epochs, seed {prepared.config.seed}",
        f"- split: sha256 `{prepared.split.sha256}`",
        "",
        "`config.json` holds sizes, classes and preprocessing, `model.safetensors` the weights; nothing in them is "
        "executed. Use it with `rumbo predict RUN DATA`.",
        "",
        "Licence of the weights: that of the data they were trained on is not known here; fill it in before sharing.",
        "",
    ]
    return "\n".join(lines)


def _plain(name: str) -> str:
    """A name inside a Markdown code span."""
    return name.replace("`", "'").replace("\n", " ").replace("<", "‹").replace(">", "›")
