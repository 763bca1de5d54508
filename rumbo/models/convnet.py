"""A small convolutional network for images of any size.

3x3 convolutions with batch normalisation, twice as many channels after each halving of the image, and an average over
what is left instead of wide linear layers.

Sources: Simonyan & Zisserman 2014, arXiv:1409.1556 (3x3, doubling); Ioffe & Szegedy 2015, arXiv:1502.03167
(normalisation); Lin et al. 2013, arXiv:1312.4400, sec. 3.2 (global average).
"""

from jaxtyping import Float
from torch import Tensor, nn

from rumbo import models
from rumbo.core.errors import OptionError, ShapeError
from rumbo.core.messages import t
from rumbo.models.layers import activated, check_momentum, has_bias
from rumbo.models.option_names import Activation, NormPlace

SMALLEST_SIDE_PX = 4
MOST_STAGES = 5
WIDEST, DEEPEST = 1024, 100


@models.register("convnet")
class ConvNet(nn.Module):
    """Images to logits. The image is halved until its shorter side would fall below 4 px, at most four times.

    Args:
        in_channels: channels of the images.
        image_size: height and width in px, at least 4 each.
        num_classes: width of the output.
        width: channels at full size, at most 1,024; each halving of the image doubles them.
        depth: convolutions after each halving, at most 100; at full size, where they cost most, there is one.
        dropout: share of the averaged channels dropped in training, in [0, 1).
        activation: after each convolution.
        norm: batch norm of each convolution before its activation (which takes the bias away), after it, or none.
        norm_momentum: share of the newest batch in the running averages, in (0, 1]; 1 - beta of the notes.

    Raises:
        ShapeError: a side below 4 px.
        OptionError: width, depth, dropout or momentum out of range.

    >>> import torch
    >>> ConvNet(image_size=(28, 28))(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: tuple[int, int] = (28, 28),
        num_classes: int = 10,
        width: int = 16,
        depth: int = 2,
        dropout: float = 0.0,
        activation: Activation = "relu",
        norm: NormPlace = "before",
        norm_momentum: float = 0.1,
    ):
        super().__init__()
        _check(image_size, width, depth, dropout)
        check_momentum(norm_momentum)
        last_stage, channels = num_halvings(image_size), in_channels
        self.features = nn.Sequential()
        for stage in range(last_stage + 1):
            for layer in range(depth if stage > 0 else 1):
                is_last_layer, num_out = stage == 0 or layer == depth - 1, width * 2**stage
                convolution = nn.Conv2d(channels, num_out, 3, padding=1, bias=has_bias(norm))
                # Halving comes before normalisation, which then has a quarter of the pixels to pass over.
                halving = [nn.MaxPool2d(2)] if is_last_layer and stage < last_stage else []
                following = activated(num_out, activation, norm, norm_momentum, of_images=True)
                self.features.append(nn.Sequential(convolution, *halving, *following))
                channels = num_out
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, num_classes)
        )

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        """Images to logits."""
        return self.classifier(self.features(images))


def num_halvings(image_size: tuple[int, int]) -> int:
    """How often an image can be halved while both sides keep 4 px or more, at most four times.

    >>> [num_halvings((side, side)) for side in (4, 8, 28, 64, 224)]
    [0, 1, 2, 4, 4]
    """
    return min((min(image_size) // SMALLEST_SIDE_PX).bit_length() - 1, MOST_STAGES - 1)


def _check(image_size: tuple[int, int], width: int, depth: int, dropout: float) -> None:
    if min(image_size) < SMALLEST_SIDE_PX:
        height, breadth = image_size
        raise ShapeError(
            t(
                "images are {height}x{width} px, but convnet needs at least 4 px a side. Choose --model mlp, "
                "or set --set data.image_size=8.",
                height=height,
                width=breadth,
            )
        )
    if width < 1 or depth < 1:
        raise OptionError(
            t("model.width={width} and model.depth={depth} must be at least 1.", width=width, depth=depth)
        )
    for name, value, high in (("width", width, WIDEST), ("depth", depth, DEEPEST)):
        if value > high:
            path = f"model.{name}"
            raise OptionError(
                t("{path}={value} must lie in [{low}, {high}].", path=path, value=value, low=1, high=high)
            )
    if not 0 <= dropout < 1:
        raise OptionError(t("model.dropout={value} must lie in [0, 1).", value=dropout))
