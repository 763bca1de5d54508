"""LeNet-5 (LeCun et al. 1998, sec. II-B), with ReLU, max pooling and softmax for tanh, subsampling and RBF."""

from jaxtyping import Float
from torch import Tensor, nn

from rumbo import models
from rumbo.core.errors import ShapeError
from rumbo.core.messages import t


@models.register("lenet5")
class LeNet5(nn.Module):
    """Images to logits; 61,706 parameters at the default sizes.

    Args:
        image_size: 32 x 32 px, or 28 x 28 px, which two pixels of zeros on each side make up to 32.

    Raises:
        ShapeError: another size.

    >>> import torch
    >>> LeNet5()(torch.zeros(2, 1, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, *, in_channels: int = 1, image_size: tuple[int, int] = (32, 32), num_classes: int = 10):
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
        padding = (32 - image_size[0]) // 2
        self.features = nn.Sequential(  # 32 px
            nn.Conv2d(in_channels, 6, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2),  # 14 px
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),  # 5 px
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(16 * 5 * 5, 120), nn.ReLU(),
            nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, num_classes),
        )  # fmt: skip

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        """Images to logits."""
        return self.classifier(self.features(images))
