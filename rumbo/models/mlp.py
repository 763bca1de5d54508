"""Multi-layer perceptron; its weights begin as in He et al. 2015, arXiv:1502.01852, eq. 10."""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from rumbo import models
from rumbo.core.errors import OptionError
from rumbo.core.messages import t
from rumbo.models.features import FlatInputs
from rumbo.models.layers import activated, check_momentum, has_bias, shares_dropped
from rumbo.models.option_names import Activation, NormPlace


@models.register("mlp")
class MLP(nn.Module):
    """Hidden layers of given sizes, then a linear layer; images are flattened, categories one-hot.

    Args:
        hidden: neurons of each hidden layer.
        activation: after each hidden layer.
        dropout: share of activations dropped in training after each hidden layer, in [0, 1); or one share a layer.
        norm: batch norm of each hidden layer before its activation (which takes the bias away), after it, or none.
        norm_momentum: share of the newest batch in the running averages, in (0, 1]; 1 - beta of the notes.
        embedding_size: entries of a vector learnt for each category; 0 = one-hot.

    Raises:
        OptionError: a layer without neurons, or a number out of range.

    >>> MLP(num_numbers=3, num_classes=2, hidden=(4, 5)).layers[0]
    Linear(in_features=3, out_features=4, bias=True)
    """

    def __init__(
        self,
        *,
        in_channels: int = 0,
        image_size: tuple[int, int] | None = None,
        num_numbers: int = 0,
        category_sizes: tuple[int, ...] = (),
        num_classes: int = 2,
        hidden: tuple[int, ...] = (256, 128),
        activation: Activation = "relu",
        dropout: float | tuple[float, ...] = 0.0,
        norm: NormPlace = "none",
        norm_momentum: float = 0.1,
        embedding_size: int = 0,
    ):
        super().__init__()
        if any(size < 1 for size in hidden):
            raise OptionError(t("model.hidden='{sizes}' must be sizes of at least 1.", sizes=str(hidden)))
        shares = shares_dropped(dropout, len(hidden))
        check_momentum(norm_momentum)
        if embedding_size < 0:
            bound = t("at least {low}", low=0)
            path = "model.embedding_size"
            raise OptionError(t("{path}={value} must be {bound}.", path=path, value=embedding_size, bound=bound))
        self.hidden = hidden
        self.inputs = FlatInputs(
            in_channels=in_channels,
            image_size=image_size,
            num_numbers=num_numbers,
            category_sizes=category_sizes,
            embedding_size=embedding_size,
        )
        self.layers = nn.Sequential()
        for (num_in, num_out), share in zip(pairwise((self.inputs.num_features, *hidden)), shares, strict=True):
            self.layers.append(nn.Linear(num_in, num_out, bias=has_bias(norm)))
            self.layers.extend(activated(num_out, activation, norm, norm_momentum))
            if share > 0:
                self.layers.append(nn.Dropout(share))
        self.layers.append(nn.Linear((self.inputs.num_features, *hidden)[-1], num_classes))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                _spread(layer)

    def forward(self, inputs: Tensor, categories: Tensor | None = None) -> Float[Tensor, "b k"]:
        """Images, or numbers and categories, to logits."""
        return self.layers(self.inputs(inputs, categories))


def _spread(linear: nn.Linear) -> None:
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    if linear.bias is not None:  # pyright: ignore[reportUnnecessaryComparison]
        nn.init.zeros_(linear.bias)
