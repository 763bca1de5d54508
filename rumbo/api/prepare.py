"""From a path to everything that training needs: data opened, checked and split, inputs fitted, network built."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from rumbo.api.balance import balanced
from rumbo.api.computing import choose_computing
from rumbo.api.config import Preset, RunConfig
from rumbo.api.costs import read_costs
from rumbo.api.defaults import apply_preset, choose_model, choose_rule, choose_training, flips
from rumbo.api.goals import add_to, training_goal
from rumbo.api.mixing import refuse_mixing_in_vain
from rumbo.api.sources import Progress, deal_out, deal_out_main, open_run_data, rows_but, used_by
from rumbo.core.devices import choose_device, num_cores
from rumbo.core.errors import DataError, UsageError
from rumbo.core.messages import t
from rumbo.core.seeds import stream
from rumbo.data.augmentation.color import IMAGENET_AXES, color_axes
from rumbo.data.checks import CheckReport, check_data, refuse_too_many_bad
from rumbo.data.loader import Examples, Loader, Pixels, PixelsInMemory, PixelsOnDemand
from rumbo.data.manifest import Dataset, Target, TargetKind
from rumbo.data.options import AugmentOptions, DataOptions
from rumbo.data.pictures.cache import open_cache
from rumbo.data.pictures.decode import BadItem, DecodeRule
from rumbo.data.pictures.images import FileImages, ImageSource, load_images
from rumbo.data.preprocess import Preprocess, fit_preprocess
from rumbo.data.splits.split import Split
from rumbo.data.target import kind_word, signal_word
from rumbo.models.initial import initialize
from rumbo.strategy.goal import Goal
from rumbo.tasks import TASKS
from rumbo.tasks.task import DatasetTask, Predictions
from rumbo.tasks.trained import ModelSpec, TrainedModel, build_task, examples_from
from rumbo.training.loop import FitData

EVALUATION_BATCH = 256
NUM_COLORS = 500
"""Training pictures that the axes of the colors are taken from."""
NUM_STATISTICS = 5_000
"""Training pictures that mean and deviation are taken from when they do not all stay in memory."""

STILL = AugmentOptions(flip="no", shift_fraction=0, zoom=0, rotate_degrees=0, light=0)
"""Nothing is changed."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run before its first step. Nothing was written yet."""

    config: RunConfig
    dataset: Dataset
    split: Split
    checks: CheckReport
    trained: TrainedModel
    examples: Examples
    decisions: tuple[str, ...]

    @property
    def task(self) -> DatasetTask:
        """The task, with its network."""
        return self.trained.task

    @property
    def goal(self) -> str:
        """The metric that chooses the best epoch."""
        assert self.config.goal is not None
        return self.config.goal

    @property
    def costs(self) -> list[list[float]] | None:
        """What mistakes cost, true classes in rows; None where all cost the same."""
        return self.task.target_config().get("costs")

    @property
    def aim(self) -> Goal:
        """That metric, and the requirements."""
        return training_goal(self.config, self.task.name, self.dataset)

    @property
    def augmentation(self) -> AugmentOptions | None:
        """How training pictures are changed; None where there are none, or too few epochs for it to pay."""
        options = self.config.data.augment
        if options is None:
            return None
        if self.trained.preprocess.image is None or (self.config.train.epochs or 0) < options.fewest_epochs:
            options = replace(STILL, numbers_noise=options.numbers_noise)
        return None if options == STILL else options

    def rows(self, split: str) -> np.ndarray:
        """Rows of a split; empty where there is none."""
        return self.split.rows(self.dataset, split)

    def evaluation_loader(self, split: str) -> Loader | None:
        """A split in its order, unchanged; None where it is empty."""
        rows = self.rows(split)
        if len(rows) == 0:
            return None
        return Loader(examples=self.examples, rows=rows, batch_size=EVALUATION_BATCH, device=self.config.device)

    @cached_property
    def train_loader(self) -> Loader:
        """The batches to learn from: changed at random, classes weighed as asked for."""
        options, rule = self.config.data, self.trained.preprocess.image
        augmentation, pixels = self.augmentation, self.examples.pixels
        assert self.config.train.batch_size is not None
        axes = IMAGENET_AXES
        if augmentation is not None and augmentation.pca_color > 0 and pixels is not None and rule is not None:
            sample = pixels.gather(self.rows("train")[:NUM_COLORS]).numpy()
            axes = color_axes(sample) if rule.rule.mode == "rgb" else axes
        train = Loader(
            examples=self.examples,
            rows=self.rows("train"),
            batch_size=self.config.train.batch_size,
            seed=self.config.seed,
            device=self.config.device,
            augment=augmentation,
            flip=augmentation is not None and augmentation.flip != "no" and flips(options, rule.rule if rule else None),
            axes=axes,
        )
        return balanced(train, self.task, self.config.train)

    def fit_data(self) -> FitData:
        """What the loop takes."""
        return FitData(
            train=self.train_loader,
            dev=self.evaluation_loader("dev"),
            goal=self.goal,
            higher_is_better=self.aim.measure.higher_is_better,
            seed=self.config.seed,
        )


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Data opened, decoded, dealt out and checked: what trainings with other knobs can share.

    Attributes:
        dataset: without the examples that cannot be used.
        split: which example is where.
        checks: what the check of the data found.
        pixels: decoded pictures; None for tables.
        rule: how they were decoded.
        costs: of mistakes, k x k, true classes in rows; None where all cost the same.
    """

    dataset: Dataset
    split: Split
    checks: CheckReport
    pixels: Pixels | None
    rule: DecodeRule | None
    costs: np.ndarray | None = None

    def serves(self, config: RunConfig) -> bool:
        """Whether a training with these options takes its pictures in the same form."""
        if self.dataset.images is None:
            return True
        name = choose_model(self.dataset, config.model).name
        return name is not None and choose_rule(self.dataset.images, name, config.data) == self.rule


def prepare(
    config: RunConfig,
    *,
    base: Path,
    preset: Preset = "good",
    split: Split | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Open, decode, check, split and fit; build the network.

    Args:
        config: what was asked for; the result's config has every choice filled in.
        base: the folder that `config.path` is relative to.
        preset: how much effort.
        split: one that was made before, for a resume; none makes it.
        progress: told while pictures are decoded.

    Raises:
        UsageError: what was asked for cannot be done.
        DataError: what is in the data cannot be used.
    """
    return assemble(gather(config, base=base, split=split, progress=progress), config, preset)


def gather(
    config: RunConfig,
    *,
    base: Path,
    split: Split | None = None,
    of_run: tuple[Split, Sequence[str]] | None = None,
    progress: Progress | None = None,
) -> Gathered:
    """The part of `prepare` that reads: open, decode, deal out, check.

    Args:
        config: as for `prepare`, which names the errors, too.
        base: likewise.
        split: likewise.
        of_run: the split and the classes of a finished run: what its folder of data has gained since is left out.
        progress: as for `prepare`.
    """
    choose_device(config.device)
    dataset = open_run_data(config, base=base, split_of=lambda main: deal_out_main(main, config, base))
    if of_run is not None:
        dataset = used_by(dataset, of_run[0])
        if of_run[1] and dataset.target is not None:
            dataset = replace(dataset, target=replace(dataset.target, classes=tuple(of_run[1])))
    filled = _filled(config, dataset)
    assert filled.model.name is not None
    costs = None if config.costs is None else read_costs(base / config.costs, _trainable(dataset).classes)
    rule = choose_rule(dataset.images, filled.model.name, config.data) if dataset.images is not None else None
    whole = dataset
    dataset, pixels, broken = _decode(dataset, rule, config.data, base, progress)
    refuse_too_many_bad(whole, broken, config.data.max_bad_fraction)
    split = split or deal_out(dataset, config, base)
    checks = check_data(dataset, split, broken)
    checks.raise_errors()
    return Gathered(dataset=dataset, split=split, checks=checks, pixels=pixels, rule=rule, costs=costs)


def assemble(gathered: Gathered, config: RunConfig, preset: Preset = "good") -> Prepared:
    """The part of `prepare` that builds: inputs fitted to train, choices made, the network with its first weights."""
    dataset, split, pixels = gathered.dataset, gathered.split, gathered.pixels
    config = _filled(config, dataset)
    task_name, goal = config.task, config.goal
    assert task_name is not None
    assert goal is not None
    rows = split.rows(dataset, "train")
    train_set = dataset.take(rows)
    sample = rows if len(rows) <= NUM_STATISTICS or isinstance(pixels, PixelsInMemory) else rows[:NUM_STATISTICS]
    preprocess = fit_preprocess(
        train_set,
        None if pixels is None else pixels.gather(sample).numpy(),
        gathered.rule,
        quantiles=config.data.numbers == "quantile",
    )
    config = apply_preset(config, preset, len(rows))
    config = replace(config, train=choose_training(config.train, len(rows), config.model.name or ""))
    trained = _build(config, task_name, train_set, preprocess, gathered.costs)
    add_to(trained.task, training_goal(config, task_name, dataset), dataset)
    trained.task.model.to(config.device)
    refuse_mixing_in_vain(config.train, preprocess.spec)
    options, computing = choose_computing(trained, config.train, len(rows))
    config = replace(config, train=options)
    examples = examples_from(dataset, preprocess, trained.task.encode(dataset), pixels)
    for name in ("dev", "test"):
        _require_goal(goal, trained.task, examples, split.rows(dataset, name), name)
    reason = "" if dataset.target is None else dataset.target.reason
    decisions = (*dataset.decisions, reason, *split.decisions, *_choices(config, preprocess, pixels), computing)
    prepared = Prepared(
        config=config,
        dataset=dataset,
        split=split,
        checks=gathered.checks,
        trained=trained,
        examples=examples,
        decisions=tuple(sentence for sentence in decisions if sentence),
    )
    _ = prepared.train_loader  # what cannot be weighed or drawn is told before there is a run folder
    return prepared


def _filled(config: RunConfig, dataset: Dataset) -> RunConfig:
    """The options with task, target, goal, network and device that the data decide."""
    target = _trainable(dataset)
    task_name = config.task or _TASK_OF[target.kind]
    TASKS.get(task_name)
    goal = training_goal(config, task_name, dataset).measure.text
    model = choose_model(dataset, config.model)
    model.require_one_beginning()
    device = str(choose_device(config.device))
    return replace(config, task=task_name, goal=goal, device=device, target=",".join(target.columns), model=model)


def _inputs_of(dataset: Dataset) -> str:
    if dataset.signals is not None:
        return signal_word(dataset.signals.kind)
    return t("pictures") if dataset.images is not None else t("columns")


def _require_goal(goal: str, task: DatasetTask, examples: Examples, rows: np.ndarray, split: str) -> None:
    """A goal that is not defined on a split, such as ROC-AUC on one class, can neither choose nor judge there."""
    if len(rows) == 0:
        return
    weights = examples.weights.numpy()[rows].astype(np.float64)
    if not weights.any():
        raise DataError(t("all examples of {split} have the weight 0: nothing could be measured there.", split=split))
    predictions = Predictions(
        ids=tuple(examples.ids[int(row)] for row in rows),
        outputs=task.decode(torch.zeros(len(rows), task.num_outputs(task.target_config()))),
        truth=task.decode_truth(examples.targets[torch.from_numpy(rows)]),
        weights=weights,
    )
    if math.isnan(task.score_by(goal, predictions)):
        raise DataError(
            t(
                "the goal {goal} is not defined on the {count} examples of {split}, as when all are of one class. "
                "Add examples, or choose another with --goal.",
                goal=goal,
                count=len(rows),
                split=split,
            )
        )


_TASK_OF = {TargetKind.CLASS: "classify", TargetKind.NUMBER: "regress", TargetKind.LABELS: "multilabel"}


def _trainable(dataset: Dataset) -> Target:
    """The target, where there is a task for it and the inputs.

    Raises:
        UsageError: the data are known, but nothing is trained on such yet.
    """
    target = dataset.target
    if target is not None and target.kind is TargetKind.IDENTITY:
        raise UsageError(
            t(
                "'{path}' holds a folder for each of {count} people; recognizing new ones is not trained yet. To tell "
                "just these apart, add --task classify.",
                path=dataset.path,
                count=len(target.classes),
            )
        )
    if target is None or target.kind not in _TASK_OF or dataset.signals is not None:
        raise UsageError(
            t(
                "'{path}' was read ({format}: {inputs} with {target}), but `rumbo train` learns classes, numbers and "
                "labels from pictures and tables so far. `rumbo check`, `rumbo split`, `rumbo convert` and `rumbo "
                "label` work on it.",
                path=dataset.path,
                format=dataset.format,
                inputs=_inputs_of(dataset),
                target=kind_word(target.kind if target is not None else None),
            )
        )
    return target


def _decode(
    dataset: Dataset, rule: DecodeRule | None, options: DataOptions, base: Path, progress: Progress | None
) -> tuple[Dataset, Pixels | None, list[BadItem]]:
    """All pictures decoded once, so that bad ones are known before step 1, and left out."""
    if dataset.images is None or rule is None:
        return dataset, None, []
    ids = dataset.table["id"].to_list()
    channels = 1 if rule.mode == "grey" else 3
    # Random crops are cut from whole pictures, which are decoded for each batch or kept in the cache.
    crops = options.augment is not None and options.augment.crop_area < 1 and isinstance(dataset.images, FileImages)
    fits = not crops and len(dataset) * channels * rule.height * rule.width <= options.memory_gib * 2**30
    told = (lambda done, total: progress(t("reading pictures"), done, total)) if progress else None
    if fits:
        pixels, broken = load_images(dataset.images, ids, rule, num_threads=num_cores(), progress=told)
        good = rows_but(len(dataset), broken)
        memory = PixelsInMemory(pixels if len(good) == len(dataset) else pixels[good])
        return (dataset if len(good) == len(dataset) else dataset.take(good)), memory, broken
    broken = _find_broken(dataset.images, ids, rule, told)
    dataset = dataset.take(rows_but(len(dataset), broken))
    assert dataset.images is not None
    place = None if options.cache_path is None else str(base / Path(options.cache_path).expanduser())
    cache = open_cache(options.cache_gib, place)
    on_demand = PixelsOnDemand(dataset.images, dataset.table["id"].to_list(), rule, cache=cache)
    return dataset, on_demand, broken


def _find_broken(
    images: ImageSource, ids: list[str], rule: DecodeRule, told: Callable[[int, int], None] | None
) -> list[BadItem]:
    """Decode in chunks and keep nothing but the names of what is broken."""
    broken: list[BadItem] = []
    for low in range(0, len(ids), 1024):
        rows = np.arange(low, min(low + 1024, len(ids)))
        _, found = load_images(images.take(rows), [ids[row] for row in rows], rule, num_threads=num_cores())
        broken += [replace(item, row=item.row + low) for item in found]
        if told:
            told(int(rows[-1]) + 1, len(ids))
    return broken


def _build(
    config: RunConfig, task_name: str, train_set: Dataset, preprocess: Preprocess, costs: np.ndarray | None
) -> TrainedModel:
    assert config.model.name is not None
    model = ModelSpec(name=config.model.name, options=config.model.options)
    target = TASKS.get(task_name).read_target(train_set)
    if costs is not None:
        target = {**target, "costs": costs.tolist()}
    torch.manual_seed(stream(config.seed, "initial weights"))
    keywords = {"label_smoothing": config.train.label_smoothing} if task_name == "classify" else {}
    task = build_task(task_name, target, preprocess, model, **keywords)
    initialize(task.model, config.model.initial)
    return TrainedModel(task=task, preprocess=preprocess, model=model)


def _choices(config: RunConfig, preprocess: Preprocess, pixels: Pixels | None) -> list[str]:
    """What was chosen for the user, in words."""
    sentences = [
        t(
            "network {model}, {epochs} epochs, {batch} examples a step.",
            model=config.model.name or "",
            epochs=config.train.epochs,
            batch=config.train.batch_size,
        )
    ]
    if preprocess.image is not None:
        rule = preprocess.image.rule
        sentences.append(
            t(
                "pictures as {mode}, {height}x{width} px ({fit}).",
                mode=t("grey") if rule.mode == "grey" else t("color"),
                height=rule.height,
                width=rule.width,
                fit=t("stretched") if rule.fit == "stretch" else t("middle cropped"),
            )
        )
        if isinstance(pixels, PixelsOnDemand):
            kept = t("kept decoded in '{path}'", path=pixels.cache.folder) if pixels.cache else t("not kept")
            sentences.append(t("pictures are decoded for each batch by threads, and {kept}.", kept=kept))
        if config.data.augment is not None and (config.train.epochs or 0) >= config.data.augment.fewest_epochs:
            mirrored = flips(config.data, rule)
            sentences.append(
                t("training pictures are shifted, zoomed, turned and mirrored a little.")
                if mirrored
                else t("training pictures are shifted, zoomed and turned a little, not mirrored.")
            )
    return sentences
