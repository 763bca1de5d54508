"""One network for examples that are an image and a row of a table: two branches, joined before the last layer."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from rumbo.models.layers import activation_layer
from rumbo.models.option_names import Activation

NUM_FEATURES = 64


class TwoBranch(nn.Module):
    """Both branches give `num_features` numbers; a linear layer reads them side by side.

    Args:
        image_model: images to `b num_features`.
        table_model: numbers and categories to `b num_features`.
        num_classes: width of the output.
        num_features: width of each branch's output.
        activation: between the branches and the last layer; batch norm stands within the branches only.
    """

    def __init__(
        self,
        image_model: nn.Module,
        table_model: nn.Module,
        num_classes: int,
        *,
        num_features: int = NUM_FEATURES,
        activation: Activation = "relu",
    ):
        super().__init__()
        self.image_model, self.table_model = image_model, table_model
        self.activation = activation_layer(activation)
        self.classifier = nn.Linear(2 * num_features, num_classes)

    def forward(
        self, images: Float[Tensor, "b c h w"], numbers: Float[Tensor, "b d"], categories: Int[Tensor, "b n"]
    ) -> Float[Tensor, "b k"]:
        """Images and their rows of features to logits."""
        branches = [self.image_model(images), self.table_model(numbers, categories)]
        return self.classifier(self.activation(torch.cat(branches, dim=1)))
