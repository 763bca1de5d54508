# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""ResNets: ours with the layout and precision that it chooses, by hand as one writes it first (NCHW, fp32)."""

from pathlib import Path

import torch

from rumbo.models.published import PUBLISHED_CLASSES, published
from rumbo.speed.pictures import made_up_pictures, race_of_pictures
from rumbo.speed.race import Race, races
from rumbo.training.options import OptimizerOptions


@races.register("resnet18")
def resnet18(_data: Path | None = None) -> tuple[Race, ...]:
    """ResNet-18 on made-up pictures of 64 px."""
    return (resnet("resnet18", side=64, batch_size=64, steps=4, rounds=9),)


@races.register("resnet50")
def resnet50(_data: Path | None = None) -> tuple[Race, ...]:
    """ResNet-50 on made-up pictures of 224 px."""
    return (resnet("resnet50", side=224, batch_size=16, steps=1, rounds=7),)


def resnet(name: str, *, side: int, batch_size: int, steps: int, rounds: int, num_codes: int = 10) -> Race:
    """The race of one of them.

    Args:
        name: as `rumbo models` lists it.
        side: of the pictures, in px.
        batch_size: examples in a step.
        steps: updates in a round.
        rounds: where nobody says.
        num_codes: classes that the pictures have, of the 1,000 that the network knows.
    """
    torch.manual_seed(0)
    pixels, codes = made_up_pictures(batch_size * steps, 3, side, PUBLISHED_CLASSES, num_codes)
    return race_of_pictures(
        name,
        published(name),
        pixels,
        codes,
        num_classes=PUBLISHED_CLASSES,
        batch_size=batch_size,
        optimizer=OptimizerOptions(name="momentum", learning_rate=0.01, momentum=0.9, weight_decay=0),
        by_hand=torch.optim.SGD,
        fp32=False,
        rounds=rounds,
    )
