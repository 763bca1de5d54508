"""Multi-layer perceptron, with the initialisations of Glorot & Bengio 2010 (eq. 16) and He et al. 2015 (eq. 10)."""

from itertools import pairwise
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from rumbo import models
from rumbo.core.errors import OptionError
from rumbo.core.messages import t
from rumbo.models.features import FlatInputs

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


@models.register("mlp")
class MLP(nn.Module):
    """Hidden layers of given sizes, then a linear layer; images are flattened, categories one-hot.

    Args:
        hidden: neurons of each hidden layer.
        activation: after each hidden layer.
        dropout: share of activations dropped in training after each hidden layer, in [0, 1).
        batch_norm: normalise each hidden layer before its activation.
        init: spread of the first weights: He for ReLU-like activations, Xavier for tanh and sigmoid.
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
        activation: Literal["relu", "leaky_relu", "tanh", "sigmoid", "gelu", "silu"] = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        init: Literal["he", "xavier"] = "he",
        embedding_size: int = 0,
    ):
        super().__init__()
        if any(size < 1 for size in hidden):
            raise OptionError(t("model.hidden='{sizes}' must be sizes of at least 1.", sizes=str(hidden)))
        if not 0 <= dropout < 1:
            raise OptionError(t("model.dropout={value} must lie in [0, 1).", value=dropout))
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
        for num_in, num_out in pairwise((self.inputs.num_features, *hidden)):
            self.layers.append(nn.Linear(num_in, num_out))
            if batch_norm:
                self.layers.append(nn.BatchNorm1d(num_out))
            self.layers.append(ACTIVATIONS[activation]())
            if dropout > 0:
                self.layers.append(nn.Dropout(dropout))
        self.layers.append(nn.Linear((self.inputs.num_features, *hidden)[-1], num_classes))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                _spread(layer, init)

    def forward(self, inputs: Tensor, categories: Tensor | None = None) -> Float[Tensor, "b k"]:
        """Images, or numbers and categories, to logits."""
        return self.layers(self.inputs(inputs, categories))


def _spread(linear: nn.Linear, init: str) -> None:
    if init == "he":
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    else:
        nn.init.xavier_normal_(linear.weight)
    nn.init.zeros_(linear.bias)
