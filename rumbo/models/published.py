"""Networks that people load published weights into, built by torchvision, for any channels and classes.

Sources: ResNet He et al. 2015, arXiv:1512.03385; AlexNet Krizhevsky 2014, arXiv:1404.5997; VGG Simonyan & Zisserman
2014, arXiv:1409.1556; MobileNetV2 Sandler et al. 2018, arXiv:1801.04381; MobileNetV3 Howard et al. 2019,
arXiv:1905.02244; SqueezeNet Iandola et al. 2016, arXiv:1602.07360.
"""

from functools import partial

import torch
import torchvision
from torch import nn

from rumbo import models
from rumbo.core.errors import ShapeError
from rumbo.core.messages import t

PUBLISHED_CLASSES = 1000
SMALLEST_SIDE_PX = {"alexnet": 63, "vgg16": 32, "squeezenet1_0": 21, "squeezenet1_1": 17}  # smaller: no pixel is left


def published(
    name: str, *, in_channels: int = 3, image_size: tuple[int, int] = (224, 224), num_classes: int = PUBLISHED_CLASSES
) -> nn.Module:
    """A torchvision network; tensor names and shapes are torchvision's.

    Args:
        name: torchvision's spelling.
        in_channels: channels of the images; other than 3 replaces the first convolution.
        image_size: height and width in px, only checked: these networks average over what is left at the end.
        num_classes: width of the output.

    Raises:
        ShapeError: the images are so small that no pixel is left inside the network.

    Where it differs from torchvision: SqueezeNet's ReLU on the logits stays only with the published 1,000 classes. It
    would keep a new head from telling classes, or numbers, below zero apart.

    >>> sum(p.numel() for p in published("squeezenet1_1", num_classes=2).parameters())
    723522
    """
    smallest = SMALLEST_SIDE_PX.get(name, 1)
    if min(image_size) < smallest:
        height, width = image_size
        raise ShapeError(
            t(
                "images are {height}x{width} px, but {model} needs at least {smallest} px a side. "
                "Set --set data.image_size={smallest} or more, or choose --model convnet.",
                height=height,
                width=width,
                model=name,
                smallest=smallest,
            )
        )
    network = torchvision.models.get_model(name, weights=None, num_classes=num_classes)
    if in_channels != 3:
        _take_channels(network, in_channels)
    if name.startswith("squeezenet") and num_classes != PUBLISHED_CLASSES:
        network.set_submodule("classifier.2", nn.Identity())
    return network


def _take_channels(network: nn.Module, in_channels: int) -> None:
    """Give the first convolution kernels for other channels, spread as He et al. 2015 (eq. 14) do."""
    first = next(part for part in network.modules() if isinstance(part, nn.Conv2d))
    first.in_channels = in_channels
    first.weight = nn.Parameter(torch.empty(first.out_channels, in_channels, *first.kernel_size))
    nn.init.kaiming_normal_(first.weight, mode="fan_out", nonlinearity="relu")


for _name, _entry in models.INDEX.items():
    if _entry.module == __name__:
        models.register(_name)(partial(published, _name))
