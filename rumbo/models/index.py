"""Names of the networks: cheap to read, nothing heavy imported."""

from dataclasses import dataclass
from typing import Literal

from rumbo.core.registry import Entry

Takes = Literal["image", "table", "both"]


@dataclass(frozen=True)
class ModelEntry(Entry):
    """Where a network lives, what goes in, and the side of the images it was designed for.

    Attributes:
        takes: images, a table of features, or either of them.
        image_size: preferred side in px; None = any.
    """

    takes: Takes
    image_size: int | None = None


def _torchvision(sentence: str) -> ModelEntry:
    return ModelEntry("rumbo.models.published", sentence, "image", 224)


INDEX: dict[str, ModelEntry] = {
    "logistic_regression": ModelEntry(
        "rumbo.models.linear", "Logistic regression: two classes (or one number) from one weight vector.", "both"
    ),
    "softmax_regression": ModelEntry("rumbo.models.linear", "Softmax regression: one weight vector per class.", "both"),
    "mlp": ModelEntry("rumbo.models.mlp", "Fully connected network with hidden layers.", "both"),
    "table_net": ModelEntry(
        "rumbo.models.table_net", "Network for tables: periodic embeddings of numbers; the default for tables.", "table"
    ),
    "lenet5": ModelEntry("rumbo.models.lenet5", "LeNet-5 (1998) for images of 28 or 32 px.", "image", 32),
    "convnet": ModelEntry(
        "rumbo.models.convnet", "Small convolutional network for images of any size; the default for images.", "image"
    ),
    "resnet18": _torchvision("Residual network, 18 layers (2015)."),
    "resnet34": _torchvision("Residual network, 34 layers (2015)."),
    "resnet50": _torchvision("Residual network, 50 layers (2015)."),
    "resnet101": _torchvision("Residual network, 101 layers (2015)."),
    "resnet152": _torchvision("Residual network, 152 layers (2015)."),
    "alexnet": _torchvision("AlexNet (2012, in its 2014 form)."),
    "vgg16": _torchvision("VGG-16 (2014): plain 3x3 convolutions."),
    "mobilenet_v2": _torchvision("MobileNet v2 (2018): inverted residuals, light."),
    "mobilenet_v3_small": _torchvision("MobileNet v3 small (2019): light."),
    "squeezenet1_0": _torchvision("SqueezeNet 1.0 (2016): fire modules, few parameters."),
    "squeezenet1_1": _torchvision("SqueezeNet 1.1 (2016): as 1.0 with less computation."),
}
