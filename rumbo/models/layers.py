"""What hidden layers share in every network built here: activation, batch norm on either side of it, dropout.

A bias just before batch norm would be taken out again by the mean, so there is none (Ioffe & Szegedy 2015,
arXiv:1502.03167, sec. 3.2); beta stands for it. After the activation batch norm leaves the layer its bias.
"""

from torch import nn

from rumbo.core.errors import OptionError
from rumbo.core.messages import t
from rumbo.models.option_names import Activation, NormPlace

LEAK = 0.01
_ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "linear": nn.Identity,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


def activation_layer(name: Activation) -> nn.Module:
    """A new activation; `leaky_relu` has the slope 0.01 below zero, `linear` changes nothing.

    Judge: rumbo.reference.activations.

    >>> activation_layer("leaky_relu")
    LeakyReLU(negative_slope=0.01)
    """
    return nn.LeakyReLU(LEAK) if name == "leaky_relu" else _ACTIVATIONS[name]()


def has_bias(norm: NormPlace) -> bool:
    """Whether the sums that lead to the activation need a bias of their own."""
    return norm != "before"


def activated(
    num_features: int, activation: Activation, norm: NormPlace, momentum: float, *, of_images: bool = False
) -> list[nn.Module]:
    """The activation of a hidden layer, with batch norm where it is wanted.

    Args:
        num_features: neurons, or channels of images.
        activation: its name.
        norm: batch norm before the activation, after it, or none.
        momentum: share of the newest batch in the running averages, as in torch.
        of_images: `b c h w`, normalised by channel, instead of `b d`.

    Judge: rumbo.reference.normalization.

    >>> [type(layer).__name__ for layer in activated(3, "tanh", "after", 0.1)]
    ['Tanh', 'BatchNorm1d']
    """
    layer = activation_layer(activation)
    if norm == "none":
        return [layer]
    batch_norm = (nn.BatchNorm2d if of_images else nn.BatchNorm1d)(num_features, momentum=momentum)
    return [batch_norm, layer] if norm == "before" else [layer, batch_norm]


def check_momentum(momentum: float) -> None:
    """Refuse a momentum that moves no average, or overshoots.

    Raises:
        OptionError: not in (0, 1].
    """
    if not 0 < momentum <= 1:
        raise OptionError(t("model.norm_momentum={value} must be above 0 and at most 1.", value=momentum))


def shares_dropped(dropout: float | tuple[float, ...], num_hidden: int) -> tuple[float, ...]:
    """The share that is dropped after each hidden layer.

    Raises:
        OptionError: a share outside [0, 1), or neither one share nor one for each layer.

    >>> shares_dropped(0.5, 2), shares_dropped((0.1, 0.3), 2)
    ((0.5, 0.5), (0.1, 0.3))
    """
    shares = dropout if isinstance(dropout, tuple) else (dropout,)
    for share in shares:
        if not 0 <= share < 1:
            raise OptionError(t("model.dropout={value} must lie in [0, 1).", value=share))
    if isinstance(dropout, tuple) and len(shares) != num_hidden:
        raise OptionError(
            t(
                "model.dropout='{values}' has {count} shares, and the hidden layers are {layers}: give one share for "
                "all of them, or one for each.",
                values=", ".join(map(str, shares)),
                count=len(shares),
                layers=num_hidden,
            )
        )
    return shares if isinstance(dropout, tuple) else shares * num_hidden
