# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""LeNet-5 as in PERFORMANCE's first row: 28 px grey, batch 128, Adam at 1e-3, fp32 on both sides."""

from pathlib import Path

import torch

from rumbo.models.lenet5 import LeNet5
from rumbo.speed.pictures import made_up_pictures, race_of_pictures, real_pictures
from rumbo.speed.race import Race, races
from rumbo.training.options import OptimizerOptions

BATCH, STEPS, SIDE = 128, 100, 28


@races.register("lenet5")
def lenet5(data: Path | None = None, *, steps: int = STEPS) -> tuple[Race, ...]:
    """The race.

    Args:
        data: a set of pictures, such as Fashion-MNIST's folder; none makes some up.
        steps: updates in a round, without data.
    """
    torch.manual_seed(0)
    if data is None:
        num_classes = 10
        pixels, codes = made_up_pictures(BATCH * steps, 1, SIDE, num_classes, num_classes)
    else:
        pixels, codes, num_classes = real_pictures(data, SIDE)
    race = race_of_pictures(
        "lenet5",
        LeNet5(image_size=(SIDE, SIDE), num_classes=num_classes),
        pixels,
        codes,
        num_classes=num_classes,
        batch_size=BATCH,
        optimizer=OptimizerOptions(name="adam", learning_rate=1e-3, weight_decay=0),
        by_hand=torch.optim.Adam,
        fp32=True,
        rounds=9,
    )
    return (race,)
