# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Pictures in memory and a classifier of them, for both loops of a race."""

import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from rumbo.core.errors import DataError
from rumbo.core.inputs import InputSpec
from rumbo.core.messages import t
from rumbo.data import open_data
from rumbo.data.loader import Examples, Loader, PixelsInMemory
from rumbo.data.pictures.decode import DecodeRule
from rumbo.data.preprocess import ImageInput
from rumbo.speed.computing import computing
from rumbo.speed.loops import SEED, loop_by_hand, our_loop, scale_bytes
from rumbo.speed.race import Race
from rumbo.tasks.classify import Classify
from rumbo.training.options import OptimizerOptions

GREY, COLOR = ((0.286,), (0.353,)), ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of the pixels: Fashion-MNIST's, ImageNet's."""


def race_of_pictures(
    name: str,
    network: nn.Module,
    pixels: np.ndarray,
    codes: np.ndarray,
    *,
    num_classes: int,
    batch_size: int,
    optimizer: OptimizerOptions,
    by_hand: type[torch.optim.Optimizer],
    fp32: bool,
    rounds: int,
) -> Race:
    """A race over uint8 pictures.

    Args:
        name: of the row.
        network: pictures to logits; both loops begin with copies of it.
        pixels: uint8 n x c x h x w.
        codes: of the classes, n.
        num_classes: how many there are.
        batch_size: examples in a step.
        optimizer: ours; its rate must be given, and it has no decay.
        by_hand: torch's class of the same.
        fp32: for both; else ours chooses its precision, too.
        rounds: where nobody says.
    """
    count, channels, height, width = pixels.shape
    mean, std = GREY if channels == 1 else COLOR
    rule = DecodeRule(mode="grey" if channels == 1 else "rgb", height=height, width=width, fit="stretch")
    targets = torch.from_numpy(codes.astype(np.int64))
    examples = Examples(
        ids=[str(row) for row in range(count)],
        targets=targets,
        weights=torch.ones(count),
        pixels=PixelsInMemory(pixels),
        image=ImageInput(rule=rule, mean=mean, std=std),
    )
    loader = Loader(examples=examples, rows=np.arange(count), batch_size=batch_size, seed=SEED)
    target = {"column": "class", "classes": [str(code) for code in range(num_classes)]}
    spec = InputSpec(image=(channels, height, width))
    ours = computing(network, spec, batch_size, optimizer, fp32=fp32)
    model = copy.deepcopy(network)
    return Race(
        name=name,
        ours=our_loop(Classify(ours.model, spec, target), loader, ours.options),
        by_hand=loop_by_hand(
            model,
            torch_optimizer(by_hand, model, optimizer),
            torch.from_numpy(pixels),
            targets,
            batch_size=batch_size,
            loss_of=F.cross_entropy,
            prepare=scale_bytes(mean, std),
        ),
        steps=len(loader),
        items=batch_size,
        unit="pictures",
        rounds=rounds,
        choice=ours.choice,
    )


def torch_optimizer(
    kind: type[torch.optim.Optimizer], model: nn.Module, options: OptimizerOptions
) -> torch.optim.Optimizer:
    """The optimizer as one writes it by hand: Adam fused, which is a word more; SGD as it comes."""
    assert options.learning_rate is not None
    assert options.weight_decay == 0
    if kind is torch.optim.SGD:
        return torch.optim.SGD(model.parameters(), lr=options.learning_rate, momentum=options.momentum)
    return torch.optim.Adam(model.parameters(), lr=options.learning_rate, fused=True)


def made_up_pictures(
    count: int, channels: int, side: int, num_classes: int, num_codes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Bytes that can be learnt, slowly: a coarse pattern for each class under noise, a tenth of the labels wrong.

    Args:
        count: how many.
        channels: 1 or 3.
        side: in px, a multiple of 4.
        num_classes: of the network.
        num_codes: classes that are met, <= num_classes.
    """
    random = np.random.default_rng(SEED)
    codes = random.integers(0, num_codes, count)
    patterns = random.integers(0, 160, (num_codes, channels, side // 4, side // 4)).astype(np.float32)
    pixels = np.empty((count, channels, side, side), np.uint8)
    for row, code in enumerate(codes):  # one by one: floats of all of them would fill the memory
        noise = random.standard_normal((channels, side, side), np.float32) * 200
        pixels[row] = (patterns[code].repeat(4, 1).repeat(4, 2) + noise).clip(0, 255)
    return pixels, np.where(random.random(count) < 0.1, random.integers(0, num_codes, count), codes)


def real_pictures(folder: Path, side: int) -> tuple[np.ndarray, np.ndarray, int]:
    """A set's pictures in grey, their codes, and the number of classes.

    Raises:
        DataError: no pictures with classes.
    """
    from rumbo.core.devices import num_cores
    from rumbo.data.pictures.images import load_images, refuse_bad

    dataset = open_data(folder)
    if dataset.images is None or dataset.target is None or not dataset.target.classes:
        raise DataError(t("'{path}' has no pictures with classes, which this measurement needs.", path=folder))
    rule = DecodeRule(mode="grey", height=side, width=side, fit="stretch")
    pixels, bad = load_images(dataset.images, dataset.table["id"].to_list(), rule, num_threads=num_cores())
    refuse_bad(bad)
    code_of = {name: code for code, name in enumerate(dataset.target.classes)}
    labels = dataset.table[dataset.target.columns[0]].to_list()
    return pixels, np.array([code_of[label] for label in labels]), len(code_of)
