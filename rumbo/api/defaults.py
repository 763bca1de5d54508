"""What is chosen when nothing is said: each choice a rule on sizes, made before the first step and stored."""

from dataclasses import replace

import numpy as np

from rumbo import models
from rumbo.api.config import ModelOptions, Preset, RunConfig
from rumbo.data.manifest import Dataset
from rumbo.data.options import DataOptions
from rumbo.data.pictures.decode import DecodeRule
from rumbo.data.pictures.images import ImageSource
from rumbo.training.options import FitOptions

LARGEST_NATIVE_PX = 64
"""Pictures of one common size up to this side keep it."""
PHOTO_PX = 96
"""Side for larger pictures, when the network does not ask for another."""
PRESENTATIONS = 400_000
"""How many examples a training shows in all, by default: epochs = this / examples, within bounds."""
FEWEST_EPOCHS, MOST_EPOCHS = 6, 60
NUM_SIZES_READ = 500
"""Headers read to learn the sizes of pictures."""


def choose_model(dataset: Dataset, options: ModelOptions) -> ModelOptions:
    """The network: as named, else `convnet` for pictures and `table_net` for tables."""
    name = options.name or ("convnet" if dataset.images is not None else "table_net")
    models.entry(name)  # an unknown name is told before anything is read
    return replace(options, name=name)


def choose_rule(images: ImageSource, model: str, options: DataOptions) -> DecodeRule:
    """How pictures are decoded: color, size and fit."""
    probe = np.unique(np.linspace(0, len(images) - 1, min(len(images), NUM_SIZES_READ)).astype(int))
    sizes = [size for row in probe if (size := _size_or_none(images, int(row))) is not None]
    shapes = {(height, width) for height, width, _ in sizes}
    has_color = any(channels > 1 for _, _, channels in sizes)
    color = options.color if options.color != "auto" else ("rgb" if has_color else "grey")
    wanted = models.entry(model).image_size
    if options.image_size is not None:
        height = width = options.image_size
    elif wanted is None and len(shapes) == 1 and max(next(iter(shapes))) <= LARGEST_NATIVE_PX:
        height, width = next(iter(shapes))
    else:
        height = width = wanted or PHOTO_PX
    fit = options.fit if options.fit != "auto" else ("stretch" if len(shapes) == 1 else "crop")
    return DecodeRule(mode=color, height=height, width=width, fit=fit)  # pyright: ignore[reportArgumentType]


def choose_training(options: FitOptions, num_train: int, model: str = "") -> FitOptions:
    """Epochs and batch size from the number of training examples, the peak rate from the network."""
    epochs = options.epochs or int(np.clip(round(PRESENTATIONS / num_train), FEWEST_EPOCHS, MOST_EPOCHS))
    if options.batch_size == 0:
        batch_size = num_train
    else:
        batch_size = options.batch_size or (32 if num_train <= 4_000 else 128 if num_train <= 200_000 else 256)
    optimizer = options.optimizer
    if optimizer.learning_rate is None and optimizer.name in ("adam", "adamw", "amsgrad", "nadam"):
        optimizer = replace(optimizer, learning_rate=_adam_rate(model))
    return replace(options, epochs=epochs, batch_size=min(batch_size, num_train), optimizer=optimizer)


def _adam_rate(model: str) -> float:
    """Peak rates measured on dev splits; docs/experiments.md has the figures."""
    if model == "convnet":
        return 6e-3
    return 1e-3 if model and models.entry(model).image_size == 224 else 2e-3


def apply_preset(config: RunConfig, preset: Preset, num_train: int) -> RunConfig:
    """quick: a quarter of the usual epochs; good: the usual; best: three times as many, and a wider ConvNet."""
    usual = choose_training(config.train, num_train)
    assert usual.epochs is not None
    factor = {"quick": 0.25, "good": 1.0, "best": 3.0}[preset]
    epochs = config.train.epochs or max(1, round(usual.epochs * factor))
    config = replace(config, train=replace(config.train, epochs=epochs))
    if preset == "best" and config.model.name == "convnet" and "width" not in config.model.options:
        config = replace(config, model=replace(config.model, options={**config.model.options, "width": 32}))
    return config


def flips(options: DataOptions, rule: DecodeRule | None) -> bool:
    """Whether half of the training pictures are mirrored."""
    if options.augment is None or rule is None:
        return False
    return options.augment.flip == "yes" or (options.augment.flip == "auto" and rule.mode == "rgb")


def _size_or_none(images: ImageSource, row: int) -> tuple[int, int, int] | None:
    try:
        return images.size(row)
    except (OSError, ValueError):
        return None  # an unreadable picture is named later, when all are decoded
