"""LeNet-5 (LeCun et al. 1998, sec. II-B), with ReLU, max pooling and softmax for tanh, subsampling and RBF."""

from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from rumbo import models
from rumbo.core.errors import ShapeError
from rumbo.core.messages import t
from rumbo.models.layers import activated, check_momentum, has_bias
from rumbo.models.option_names import Activation, NormPlace

RISING: tuple[Activation, ...] = ("relu", "leaky_relu", "sigmoid", "tanh", "linear")
"""Activations that never fall, so that they and a maximum may change places."""


@models.register("lenet5")
class LeNet5(nn.Module):
    """Images to logits; 61,706 parameters at the default sizes.

    Args:
        image_size: 32 x 32 px, or 28 x 28 px, which two pixels of zeros on each side make up to 32.
        activation: after each hidden layer.
        norm: batch norm of each hidden layer before its activation (which takes the bias away), after it, or none.
        norm_momentum: share of the newest batch in the running averages, in (0, 1]; 1 - beta of the notes.

    Raises:
        ShapeError: another size.
        OptionError: a momentum out of range.

    >>> import torch
    >>> LeNet5()(torch.zeros(2, 1, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: tuple[int, int] = (32, 32),
        num_classes: int = 10,
        activation: Activation = "relu",
        norm: NormPlace = "none",
        norm_momentum: float = 0.1,
    ):
        super().__init__()
        if image_size not in ((28, 28), (32, 32)):
            height, width = image_size
            raise ShapeError(
                t(
                    "images are {height}x{width} px, but lenet5 takes 32x32 (or 28x28). "
                    "Set --set data.image_size=32, or choose --model convnet.",
                    height=height,
                    width=width,
                )
            )
        check_momentum(norm_momentum)
        padding, bias = (32 - image_size[0]) // 2, has_bias(norm)
        hidden = partial(activated, activation=activation, norm=norm, momentum=norm_momentum)
        # The largest of four activations is the activation of the largest, where it only rises: a quarter of the work.
        pools_first = norm == "none" and activation in RISING

        def pooled(layers: list[nn.Module]) -> list[nn.Module]:
            return [nn.MaxPool2d(2), *layers] if pools_first else [*layers, nn.MaxPool2d(2)]

        self.features = nn.Sequential(  # 32 px
            nn.Conv2d(in_channels, 6, 5, padding=padding, bias=bias), *pooled(hidden(6, of_images=True)),  # 14
            nn.Conv2d(6, 16, 5, bias=bias), *pooled(hidden(16, of_images=True)),  # 5 px
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(16 * 5 * 5, 120, bias=bias), *hidden(120),
            nn.Linear(120, 84, bias=bias), *hidden(84), nn.Linear(84, num_classes),
        )  # fmt: skip

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        """Images to logits."""
        return self.classifier(self.features(images))
