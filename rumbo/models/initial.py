"""First weights by name, for any network, drawn from outside once it is built.

Drawn are the matrices of linear layers and the kernels of convolutions; their biases become 0. Everything else stays as
the network made it: batch norm (gamma 1, beta 0), and embeddings, whose rows are picked and not summed, so that no
number of inputs sets their spread.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from rumbo.models.option_names import Initial

CONSTANT = 5.0
SMALL_DEVIATION = 0.01
SMALL_LIMIT = 0.001
_SUMMING = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


def initialize(network: nn.Module, name: Initial) -> None:
    """Give a network its first weights, in place, from torch's default generator: the caller seeds.

    Args:
        network: any; layers that are no sums of weighted inputs are left alone.
        name: the form; `default` changes nothing and draws nothing. `xavier` is the notes' 1 / n_in, and torch's
            xavier_normal_ is `glorot` here.

    Values are drawn on the CPU and in the order of rows, whatever the device and memory layout of the network.

    Source: Borghi, "Inicialización aleatoria"; Glorot & Bengio 2010, eq. 12 and 16; He et al. 2015, arXiv:1502.01852,
    eq. 10. Judge: rumbo.reference.initializers.

    >>> layer = nn.Linear(2, 3)
    >>> initialize(layer, "constant")
    >>> layer.weight.unique().tolist(), layer.bias.tolist()
    ([5.0], [0.0, 0.0, 0.0])
    """
    if name == "default":
        return
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, _SUMMING):
                weight = layer.weight
                drawn = torch.empty(weight.shape, dtype=weight.dtype, device="cpu")
                _DRAW[name](drawn, *fans(layer))
                weight.copy_(drawn)
                if layer.bias is not None:
                    layer.bias.zero_()


def fans(layer: nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d) -> tuple[int, int]:
    """(n_in, n_out): how many numbers feed one output, and how many outputs one number feeds, edges left out.

    With groups both count one group; torch counts all outputs there. Judge: rumbo.reference.initializers.filter_fans.

    >>> fans(nn.Conv2d(64, 128, 3)), fans(nn.Conv2d(8, 8, 3, groups=8)), fans(nn.Linear(2, 3))
    ((576, 1152), (9, 9), (2, 3))
    """
    groups = 1 if isinstance(layer, nn.Linear) else layer.groups
    num_out, num_in, *area = layer.weight.shape
    return math.prod(area) * num_in, math.prod(area) * num_out // groups


def _normal(weight: Tensor, variance: float) -> None:
    weight.normal_(0, math.sqrt(variance))


def _uniform(weight: Tensor, variance: float) -> None:
    limit = math.sqrt(3 * variance)
    weight.uniform_(-limit, limit)


_DRAW: dict[Initial, Callable[[Tensor, int, int], object]] = {
    "zeros": lambda weight, n_in, n_out: weight.zero_(),
    "constant": lambda weight, n_in, n_out: weight.fill_(CONSTANT),
    "small_random": lambda weight, n_in, n_out: _normal(weight, SMALL_DEVIATION**2),
    "small_uniform": lambda weight, n_in, n_out: weight.uniform_(-SMALL_LIMIT, SMALL_LIMIT),
    "he": lambda weight, n_in, n_out: _normal(weight, 2 / n_in),
    "he_uniform": lambda weight, n_in, n_out: _uniform(weight, 2 / n_in),
    "xavier": lambda weight, n_in, n_out: _normal(weight, 1 / n_in),
    "xavier_uniform": lambda weight, n_in, n_out: _uniform(weight, 1 / n_in),
    "glorot": lambda weight, n_in, n_out: _normal(weight, 2 / (n_in + n_out)),
    "glorot_uniform": lambda weight, n_in, n_out: _uniform(weight, 2 / (n_in + n_out)),
}
