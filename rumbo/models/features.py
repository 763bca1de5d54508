"""An image or a row of a table as one flat row of numbers, for networks that begin with a linear layer."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class FlatInputs(nn.Module):
    """Images become rows of pixels; tables become numbers followed by one-hot (or embedded) categories.

    Args:
        in_channels: channels of the images; 0 = no images.
        image_size: height and width in px; None = no images.
        num_numbers: numeric features.
        category_sizes: codes of each categorical feature.
        embedding_size: entries of a vector learnt for each code; 0 = one-hot.

    >>> FlatInputs(num_numbers=2, category_sizes=(3,))(torch.zeros(1, 2), torch.tensor([[2]]))
    tensor([[0., 0., 0., 0., 1.]])
    """

    def __init__(
        self,
        *,
        in_channels: int = 0,
        image_size: tuple[int, int] | None = None,
        num_numbers: int = 0,
        category_sizes: tuple[int, ...] = (),
        embedding_size: int = 0,
    ):
        super().__init__()
        self.category_sizes = category_sizes
        self.embeddings = nn.ModuleList(nn.Embedding(size, embedding_size) for size in category_sizes if embedding_size)
        num_pixels = in_channels * image_size[0] * image_size[1] if image_size else 0
        num_codes = len(category_sizes) * embedding_size if embedding_size else sum(category_sizes)
        self.num_features = num_pixels + num_numbers + num_codes

    def forward(self, inputs: Tensor, categories: Tensor | None = None) -> Float[Tensor, "b d"]:
        """Images `b c h w`, or numbers `b d` and the codes of categories `b n`, to rows."""
        if categories is None:
            return inputs.flatten(1)
        if self.embeddings:
            columns = [table(codes) for table, codes in zip(self.embeddings, categories.T, strict=True)]
        else:
            sizes = zip(self.category_sizes, categories.T, strict=True)
            columns = [F.one_hot(codes, size).to(inputs.dtype) for size, codes in sizes]
        return torch.cat([inputs, *columns], dim=1)
