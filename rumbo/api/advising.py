"""What to do next with a run: the situation read from its files, candidate actions, and short trainings that decide."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rumbo.api.config import RunConfig
from rumbo.api.defaults import choose_training, flips
from rumbo.api.diagnosing import deviation_of, diagnosis_of, possible_error
from rumbo.api.error_analysis import error_table_of
from rumbo.api.model_list import model_options
from rumbo.api.prepare import Gathered
from rumbo.api.run import Run, as_run
from rumbo.api.sources import Progress
from rumbo.api.trying import Workbench
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.data.options import AugmentOptions
from rumbo.models.weights import published_file
from rumbo.runs import read_predictions
from rumbo.strategy.actions import Action, Situation
from rumbo.strategy.advice import Advice, advise
from rumbo.strategy.gaps import Diagnosis
from rumbo.strategy.knobs import candidates
from rumbo.strategy.suspects import flows_of, judge_classes, noise_of
from rumbo.tasks.task import DatasetTask, Predictions
from rumbo.training.optimizer import base_rate

ShowAttempt = Callable[[str, float], None]
"""Sees what is tried now, and the share of the budget that is spent."""
LIGHT_PUBLISHED = ("mobilenet_v3_small", "squeezenet1_1", "squeezenet1_0", "mobilenet_v2", "resnet18")
"""Networks with published weights that train on a laptop, the lightest first."""
LEAST_DEV = 10
"""Examples of dev below which no comparison of trainings says anything."""


@dataclass(frozen=True, kw_only=True)
class NextSteps:
    """Advice for a run.

    Attributes:
        run: its folder.
        diagnosis: what holds it back.
        advice: what was tried, and what came of it.
        budget_seconds: what was allowed.
        commands: name of an action -> the training that takes it, as one types it.
    """

    run: str
    diagnosis: Diagnosis
    advice: Advice
    budget_seconds: float
    commands: Mapping[str, str]

    def command(self, action: Action) -> str | None:
        """The training that takes an action; None for one that no option does."""
        return self.commands.get(action.name)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        found = self.advice.to_dict()
        best = self.advice.best
        return {
            "run": self.run,
            "verdict": str(self.diagnosis.verdict),
            "also": [str(name) for name in self.diagnosis.also],
            "reason": self.diagnosis.reason,
            "best": None if best is None else best.action.name,
            **found,
            "actions": [{**each, "command": self.commands.get(each["name"])} for each in found["actions"]],
            "budget_seconds": self.budget_seconds,
        }


def next_steps(
    run: Run | str | Path,
    *,
    budget_seconds: float = 600.0,
    human_error: float | str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    show: ShowAttempt | None = None,
) -> NextSteps:
    """Try what could help a run, for a while, and rank it by its measured effect on dev.

    Args:
        run: a finished run or its folder; its data must still be there.
        budget_seconds: of all trainings together, > 0.
        human_error: what is possible, as for `rumbo.diagnose`.
        seed: of the resampling.
        progress: told while pictures are decoded.
        show: sees what is tried.

    Raises:
        UsageError: no run, or a budget that is none.
        DataError: the run has not finished, has no dev set that could decide, or its data have gone.
    """
    if not budget_seconds > 0:
        raise UsageError(
            t("{path}={value} must be {bound}.", path="--budget", value=budget_seconds, bound=t("above 0"))
        )
    opened = as_run(run)
    count = _num_dev(opened)
    if count < LEAST_DEV:
        raise DataError(
            t(
                "dev has {count} examples; at least {needed} are needed to compare trainings. Train again with a "
                "larger dev set (--set data.split.dev_fraction=0.2).",
                count=count,
                needed=LEAST_DEV,
            )
        )
    bench = Workbench.of(opened, progress=progress)
    task = opened.model.task
    predictions = {name: task.from_table(read_predictions(opened.folder.predictions, name)) for name in opened.metrics}
    possible = possible_error(human_error, deviation_of(task))
    tags = {row.tag for row in error_table_of(opened).rows if row.finding == "more"}
    now = situation_of(
        opened.config, bench.gathered, task, predictions, human_error=possible, common_tags=frozenset(tags)
    )
    advice = tried_on(bench, candidates(now), budget_seconds, float(opened.summary["seconds"]), seed=seed, show=show)
    return NextSteps(
        run=str(opened.path),
        diagnosis=now.diagnosis,
        advice=advice,
        budget_seconds=budget_seconds,
        commands={
            each.action.name: command_of(opened, bench.varied(each.action))
            for each in advice.tried
            if not each.action.cleans_labels
        },
    )


def tried_on(
    bench: Workbench,
    actions: Sequence[Action],
    budget_seconds: float,
    run_seconds: float,
    *,
    seed: int = 0,
    show: ShowAttempt | None = None,
) -> Advice:
    """Actions tried on a workbench, under a budget; see `rumbo.strategy.advice.advise`."""
    sentences = {action.name: action.sentence for action in actions}

    def told(name: str | None, share: float) -> None:
        if show is not None:
            show(t("as it is") if name is None else sentences[name], share)

    measure = bench.goal.measure
    return advise(
        actions,
        bench.attempt,
        metric=measure.text,
        higher_is_better=measure.higher_is_better,
        budget_seconds=budget_seconds,
        run_seconds=run_seconds,
        epochs=bench.config.train.epochs or 1,
        seed=seed,
        told=told,
    )


def command_of(run: Run, config: RunConfig) -> str:
    """The training with other options than a run's, as one types it."""
    before, after = _leaves(run.config.to_dict()), _leaves(config.to_dict())
    pairs: list[tuple[str, str]] = []
    own = {path for path in before if path.startswith("model.options.")}
    if own - after.keys():
        pairs.append(("model.options", "none"))
        before = {path: value for path, value in before.items() if path not in own}
    pairs += [(path, _text(value)) for path, value in after.items() if path not in before or before[path] != value]
    words = ["rumbo", "train", "--config", str(run.path / "config.yaml")]
    return shlex.join([*words, *(word for path, text in pairs for word in ("--set", f"{path}={text}"))])


def _leaves(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Options by their dotted paths."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def _text(value: Any) -> str:
    """An option's value as one types it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _num_dev(run: Run) -> int:
    if "dev" not in run.metrics:
        return 0
    return read_predictions(run.folder.predictions, "dev").height


def situation_of(
    config: RunConfig,
    gathered: Gathered,
    task: DatasetTask,
    predictions: Mapping[str, Predictions],
    *,
    human_error: float = 0.0,
    common_tags: frozenset[str] = frozenset(),
) -> Situation:
    """What is known of a training before anything else is tried.

    Args:
        config: its options, all choices filled in.
        gathered: its data.
        task: what its predictions mean.
        predictions: of train, train_dev, dev, and test where that may be looked at.
        human_error: the best that is possible.
        common_tags: what wrong examples of dev have more often than right ones.
    """
    assert config.model.name is not None
    assert config.goal is not None
    augment = config.data.augment or AugmentOptions()
    is_changed = gathered.rule is not None and (config.train.epochs or 0) >= augment.fewest_epochs
    augments = _strength(config.data.augment) if is_changed else 0.0
    return Situation(
        task=task.name,
        has_images=gathered.rule is not None,
        has_numbers=bool(gathered.dataset.numbers),
        model=config.model.name,
        model_options=model_options(config.model.name).options | dict(config.model.options),
        learning_rate=base_rate(config.train.optimizer),
        usual_rate=_usual_rate(config),
        weight_decay=config.train.optimizer.weight_decay,
        augments=augments,
        mirrors=augments > 0 and flips(config.data, gathered.rule),
        label_smoothing=config.train.label_smoothing,
        numbers=config.data.numbers,
        is_balanced=config.train.balance != "no" or bool(config.train.class_weights),
        class_ratio=_class_ratio(predictions["train"].truth) if task.name == "classify" else 1.0,
        goal=config.goal,
        noise_rate=_noise_rate(task, predictions["dev"]),
        diagnosis=diagnosis_of(task, predictions, human_error=human_error),
        common_tags=common_tags,
        pretrained=_pretrained(config) if gathered.rule is not None and config.model.weights == "none" else None,
    )


def _pretrained(config: RunConfig) -> str | None:
    """The lightest network whose published weights are on this machine."""
    for name in LIGHT_PUBLISHED:
        try:
            published_file(name)
        except UsageError:
            continue
        return None if name == config.model.name else name
    return None


def _noise_rate(task: DatasetTask, dev: Predictions) -> float | None:
    """The share of wrong labels, as the predictions on dev tell it; None where they do not."""
    if task.name != "classify" or dev.truth is None:
        return None
    try:
        judged, _ = judge_classes(np.asarray(dev.truth), dev.outputs, task.target_config()["classes"])
    except UsageError:  # hardly an example of most classes
        return None
    return noise_of(judged, flows_of(judged)).rate


def _strength(augment: AugmentOptions | None) -> float:
    """How much pictures are changed, as a multiple of the usual amounts; 0: not at all."""
    if augment is None:
        return 0.0
    usual = AugmentOptions()
    shares = [augment.shift_fraction / usual.shift_fraction, augment.rotate_degrees / usual.rotate_degrees]
    return max(*shares, float(augment.flip == "yes"), augment.zoom / usual.zoom)


def _usual_rate(config: RunConfig) -> float:
    """What would be chosen for this network and optimizer."""
    bare = replace(config.train, optimizer=replace(config.train.optimizer, learning_rate=None))
    return base_rate(choose_training(bare, 1_000, config.model.name or "").optimizer)


def _class_ratio(truth: np.ndarray | None) -> float:
    assert truth is not None
    counts = np.bincount(truth.astype(np.int64))
    counts = counts[counts > 0]
    return float(counts.max() / counts.min())
