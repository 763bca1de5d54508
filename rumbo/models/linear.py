"""Networks without a hidden layer: logistic regression (Cox 1958) and softmax regression."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rumbo import models
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.models.features import FlatInputs


@models.register("logistic_regression")
class LogisticRegression(nn.Module):
    """Two classes from one weight vector: logits are (0, z), so that softmax gives sigmoid(z) for class 1.

    With one output it is z itself: a linear regression, or one yes/no label. Starts at zero: the cost is convex.

    Raises:
        UsageError: more than two outputs.

    >>> LogisticRegression(num_numbers=3)(torch.zeros(1, 3), torch.zeros(1, 0, dtype=torch.long))
    tensor([[0., 0.]], grad_fn=<ConstantPadNdBackward0>)
    """

    def __init__(
        self,
        *,
        in_channels: int = 0,
        image_size: tuple[int, int] | None = None,
        num_numbers: int = 0,
        category_sizes: tuple[int, ...] = (),
        num_classes: int = 2,
    ):
        super().__init__()
        if num_classes > 2:
            raise UsageError(
                t(
                    "logistic_regression tells two classes apart, not {count}. Use softmax_regression.",
                    count=num_classes,
                )
            )
        self.num_classes = num_classes
        self.inputs = FlatInputs(
            in_channels=in_channels, image_size=image_size, num_numbers=num_numbers, category_sizes=category_sizes
        )
        self.linear = nn.Linear(self.inputs.num_features, 1)
        _start_at_zero(self.linear)

    def forward(self, inputs: Tensor, categories: Tensor | None = None) -> Float[Tensor, "b k"]:
        """Images, or numbers and categories, to logits."""
        z = self.linear(self.inputs(inputs, categories))
        return z if self.num_classes == 1 else nn.functional.pad(z, (1, 0))


@models.register("softmax_regression")
class SoftmaxRegression(nn.Module):
    """One weight vector per output: softmax regression, or a linear regression per output. Starts at zero.

    >>> SoftmaxRegression(in_channels=1, image_size=(8, 8), num_classes=10)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        *,
        in_channels: int = 0,
        image_size: tuple[int, int] | None = None,
        num_numbers: int = 0,
        category_sizes: tuple[int, ...] = (),
        num_classes: int = 2,
    ):
        super().__init__()
        self.inputs = FlatInputs(
            in_channels=in_channels, image_size=image_size, num_numbers=num_numbers, category_sizes=category_sizes
        )
        self.linear = nn.Linear(self.inputs.num_features, num_classes)
        _start_at_zero(self.linear)

    def forward(self, inputs: Tensor, categories: Tensor | None = None) -> Float[Tensor, "b k"]:
        """Images, or numbers and categories, to logits."""
        return self.linear(self.inputs(inputs, categories))


def _start_at_zero(linear: nn.Linear) -> None:
    with torch.no_grad():
        linear.weight.zero_()
        linear.bias.zero_()
