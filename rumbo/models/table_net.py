"""A network for tables: MLP on periodic embeddings of numbers (MLP-PLR of Gorishniy et al. 2022, arXiv:2203.05556).

Standardised numbers reach a plain MLP as straight lines, so it is slow to learn the steps and kinks that trees find at
once. Sines and cosines of learnt frequencies give it those; what was tried stands in docs/experiments.md.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from rumbo import models
from rumbo.core.errors import OptionError
from rumbo.core.messages import t
from rumbo.models.layers import activated, check_momentum, has_bias, shares_dropped
from rumbo.models.option_names import Activation, NormPlace

LARGEST_INPUT = 8.0  # standard deviations; what lies beyond reaches the linear path as this
LARGEST_EMBEDDING = 16


@models.register("table_net")
class TableNet(nn.Module):
    """Numbers and categories, embedded, through a multi-layer perceptron.

    Args:
        hidden: neurons of each hidden layer.
        dropout: share of activations dropped in training after each hidden layer, in [0, 1); or one share a layer.
        num_frequencies: sines and cosines per number.
        embedding_size: entries of the vector that stands for a number.
        frequency_scale: standard deviation of the first frequencies, in cycles per standard deviation of the number:
            the larger, the finer the steps that are easily learnt.
        activation: after each hidden layer; the embeddings keep their ReLU.
        norm: batch norm of each hidden layer before its activation (which takes the bias away), after it, or none.
        norm_momentum: share of the newest batch in the running averages, in (0, 1]; 1 - beta of the notes.

    Raises:
        OptionError: a layer without neurons, or a number out of range.

    >>> net = TableNet(num_numbers=2, category_sizes=(3, 5), num_classes=2)
    >>> net(torch.zeros(4, 2), torch.zeros(4, 2, dtype=torch.long)).shape
    torch.Size([4, 2])
    """

    def __init__(
        self,
        *,
        num_numbers: int = 0,
        category_sizes: tuple[int, ...] = (),
        num_classes: int = 2,
        hidden: tuple[int, ...] = (192, 192, 192),
        dropout: float | tuple[float, ...] = 0.2,
        num_frequencies: int = 32,
        embedding_size: int = 12,
        frequency_scale: float = 0.3,
        activation: Activation = "relu",
        norm: NormPlace = "none",
        norm_momentum: float = 0.1,
    ):
        super().__init__()
        if any(size < 1 for size in hidden):
            raise OptionError(t("model.hidden='{sizes}' must be sizes of at least 1.", sizes=str(hidden)))
        shares = shares_dropped(dropout, len(hidden))
        check_momentum(norm_momentum)
        for name, value in (("num_frequencies", num_frequencies), ("embedding_size", embedding_size)):
            if value < 1:
                bound = t("at least {low}", low=1)
                raise OptionError(t("{path}={value} must be {bound}.", path=f"model.{name}", value=value, bound=bound))
        self.num_numbers = num_numbers
        self.numbers = PeriodicEmbedding(num_numbers, num_frequencies, embedding_size, frequency_scale)
        self.categories = nn.ModuleList(_code_embedding(size) for size in category_sizes)
        num_features = num_numbers * (embedding_size + 1) + sum(map(_code_embedding_size, category_sizes))
        self.layers = nn.Sequential()
        for size, share in zip(hidden, shares, strict=True):
            self.layers.append(nn.Linear(num_features, size, bias=has_bias(norm)))
            self.layers.extend([*activated(size, activation, norm, norm_momentum), nn.Dropout(share)])
            num_features = size
        self.head = nn.Linear(num_features, num_classes)

    def forward(self, numbers: Float[Tensor, "b d"], categories: Int[Tensor, "b n"]) -> Float[Tensor, "b k"]:
        """Standardised numbers, and codes of categories, to logits."""
        columns = [numbers.clamp(-LARGEST_INPUT, LARGEST_INPUT), self.numbers(numbers).flatten(1)]
        columns += [part(codes) for part, codes in zip(self.categories, categories.T, strict=True)]
        return self.head(self.layers(torch.cat(columns, dim=1)))


class PeriodicEmbedding(nn.Module):
    """A number x becomes ReLU(W [cos 2 pi c x, sin 2 pi c x] + a); frequencies c are its own, W and a are shared.

    Source: Gorishniy et al. 2022, arXiv:2203.05556, eq. 2, and the "lite" form of appendix D.
    """

    def __init__(self, num_numbers: int, num_frequencies: int, embedding_size: int, frequency_scale: float):
        super().__init__()
        self.frequencies = nn.Parameter(frequency_scale * torch.randn(num_numbers, num_frequencies))
        self.linear = nn.Linear(2 * num_frequencies, embedding_size)

    def forward(self, numbers: Float[Tensor, "b d"]) -> Float[Tensor, "b d e"]:
        """Numbers to vectors of `e` entries."""
        angles = 2 * math.pi * numbers[..., None] * self.frequencies
        return F.relu(self.linear(torch.cat([angles.cos(), angles.sin()], dim=-1)))


def _code_embedding(num_codes: int) -> nn.Embedding:
    embedding = nn.Embedding(num_codes, _code_embedding_size(num_codes))
    nn.init.normal_(embedding.weight, std=0.3)
    return embedding


def _code_embedding_size(num_codes: int) -> int:
    return min(LARGEST_EMBEDDING, num_codes // 2 + 1)
