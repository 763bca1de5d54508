"""A small real training: the first digits of scikit-learn, a network with dropout and batch norm, augmentation on."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Examples, Loader, PixelsInMemory
from rumbo.data.options import AugmentOptions
from rumbo.data.pictures.decode import DecodeRule
from rumbo.data.preprocess import ImageInput
from rumbo.tasks.classify import Classify
from rumbo.training.loop import FitData
from rumbo.training.options import FitOptions
from rumbo.training.state import TrainState

NUM_ITEMS = 120


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3)),
        *(nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(128, 10)),
    )
    return layers.to(memory_format=torch.channels_last)


def examples() -> Examples:
    digits = load_digits()
    pixels = (digits.images[:NUM_ITEMS, None] * 15).astype(np.uint8)
    rule = DecodeRule(mode="grey", height=8, width=8, fit="stretch")
    return Examples(
        ids=[f"digit {row}" for row in range(NUM_ITEMS)],
        targets=torch.from_numpy(digits.target[:NUM_ITEMS].astype(np.int64)),
        weights=torch.ones(NUM_ITEMS),
        pixels=PixelsInMemory(pixels),
        image=ImageInput(rule=rule, mean=(0.3,), std=(0.35,)),
    )


def task(module: nn.Module) -> Classify:
    return Classify(module, InputSpec(image=(1, 8, 8)), {"column": "digit", "classes": [str(i) for i in range(10)]})


def data(*, batch_size: int = 16) -> FitData:
    all_examples = examples()
    train = Loader(
        examples=all_examples, rows=np.arange(80), batch_size=batch_size, seed=7, augment=AugmentOptions(), flip=True
    )
    dev = Loader(examples=all_examples, rows=np.arange(80, NUM_ITEMS), batch_size=64)
    return FitData(train=train, dev=dev, goal="accuracy", higher_is_better=True, seed=7)


def state(options: FitOptions) -> TrainState:
    module = network()
    return TrainState.fresh(module, options)
