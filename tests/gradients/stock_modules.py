"""Modules as torch, torchvision and Rumbo ship them, with a loss and a batch each: their gradients are right."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from rumbo import models
from rumbo.core.inputs import InputSpec


class Stock(NamedTuple):
    """A module, a loss of (outputs, targets), and (inputs, targets)."""

    module: nn.Module
    loss: Callable[[Any, Tensor], Tensor]
    batch: tuple[Any, Tensor]


class Pick(nn.Module):
    """One part of what a module gives."""

    def __init__(self, module: nn.Module, pick: Callable[[Any], Tensor]):
        super().__init__()
        self.module, self.pick = module, pick

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.pick(self.module(*inputs))


class Upcast(nn.Module):
    """A root-mean-square norm that leaves the precision it is given for float32, as language models do."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(torch.float32)
        return self.weight * x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6)


class OwnState(nn.Module):
    """A recurrent cell that makes its first state itself, in torch's default precision."""

    def __init__(self):
        super().__init__()
        self.cell, self.mix = nn.GRUCell(4, 3), torch.randn(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 3)
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return state @ self.mix


def numbers(*shape: int) -> Tensor:
    return torch.randn(shape)


def codes(count: int = 4, classes: int = 3) -> Tensor:
    return torch.randint(0, classes, (count,))


def product(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs * targets).mean()


def with_head(*layers: nn.Module, features: int, x: Tensor) -> Stock:
    module = nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, 3))
    return Stock(module, F.cross_entropy, (x, codes(len(x))))


def on_linear(loss: Callable[[Any, Tensor], Tensor], outputs: int, targets: Tensor) -> Stock:
    return Stock(nn.Linear(5, outputs), loss, (numbers(len(targets), 5), targets))


def last_state(module: nn.Module, width: int) -> Stock:
    return Stock(Pick(module, lambda found: found[0][:, -1]), F.cross_entropy, (numbers(4, 5, 4), codes(classes=width)))


def zeros(stock: Stock) -> Stock:
    with torch.no_grad():
        for parameter in stock.module.parameters():
            parameter.zero_()
    return stock


def black(stock: Stock) -> Stock:
    """Black pictures and no bias: every activation lies on the kink of ReLU."""
    with torch.no_grad():
        stock.module[0].bias.zero_()
    return stock._replace(batch=(torch.zeros_like(stock.batch[0]), stock.batch[1]))


def ctc(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.ctc_loss(outputs.log_softmax(-1), targets, torch.tensor([8, 8]), torch.tensor([3, 3]))


def triplet(outputs: Tensor, _: Tensor) -> Tensor:
    return F.triplet_margin_loss(outputs[:2], outputs[2:4], outputs[4:])


def rumbo_model(name: str, *, classes: int = 3, **options: Any) -> Stock:
    if models.entry(name).takes == "table":
        spec = InputSpec(num_numbers=4, category_sizes=(3, 2))
        inputs = (numbers(4, 4), torch.randint(0, 2, (4, 2)))
        return Stock(models.build(name, spec, 3, **options), F.cross_entropy, (inputs, codes()))
    side = 64 if name == "alexnet" else 32 if models.entry(name).image_size else 12
    channels = 1 if name == "lenet5" else 3
    module = models.build(name, InputSpec(image=(channels, side, side)), classes, **options)
    return Stock(module, F.cross_entropy, (numbers(4, channels, side, side), codes(classes=classes)))


STOCK: dict[str, Callable[[], Stock]] = {
    "perceptron": lambda: with_head(nn.Linear(5, 8), nn.ReLU(), features=8, x=numbers(4, 5)),
    "convolution": lambda: with_head(
        *(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)), features=36, x=numbers(4, 3, 8, 8)
    ),
    "convolution in place": lambda: with_head(
        *(nn.Conv2d(3, 4, 3, groups=1, stride=2), nn.ReLU(inplace=True), nn.Dropout2d(0.5, inplace=True)),
        features=36,
        x=numbers(4, 3, 8, 8),
    ),
    "convolution 1d": lambda: with_head(
        nn.Conv1d(2, 4, 3, dilation=2), nn.ELU(), nn.AdaptiveAvgPool1d(2), features=8, x=numbers(4, 2, 12)
    ),
    "convolution 3d": lambda: with_head(nn.Conv3d(1, 2, 3), nn.GELU(), features=54, x=numbers(4, 1, 5, 5, 5)),
    "transposed convolution": lambda: with_head(
        nn.ConvTranspose2d(3, 4, 3, stride=2), nn.LeakyReLU(), nn.AvgPool2d(3), features=64, x=numbers(4, 3, 6, 6)
    ),
    "group norm": lambda: with_head(
        nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Hardswish(), features=144, x=numbers(4, 3, 8, 8)
    ),
    "instance norm": lambda: with_head(
        nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.PReLU(4), features=144, x=numbers(4, 3, 8, 8)
    ),
    "layer norm": lambda: with_head(nn.Linear(5, 8), nn.LayerNorm(8), nn.SiLU(), features=8, x=numbers(4, 5)),
    "upcasting norm": lambda: with_head(nn.Linear(5, 8), Upcast(8), nn.Mish(), features=8, x=numbers(4, 5)),
    "random leaky": lambda: with_head(nn.Linear(5, 8), nn.RReLU(), nn.AlphaDropout(), features=8, x=numbers(4, 5)),
    "recurrent": lambda: last_state(nn.RNN(4, 5, 2, batch_first=True, dropout=0.5), 5),
    "recurrent, ReLU": lambda: last_state(nn.RNN(4, 5, nonlinearity="relu", batch_first=True), 5),
    "GRU both ways": lambda: last_state(nn.GRU(4, 3, batch_first=True, bidirectional=True), 6),
    "LSTM with projection": lambda: last_state(nn.LSTM(4, 5, proj_size=3, batch_first=True), 3),
    "own state": lambda: Stock(OwnState(), F.cross_entropy, (numbers(4, 3, 4), codes())),
    "embedding": lambda: with_head(nn.Embedding(20, 4, padding_idx=0), features=12, x=torch.arange(12).view(4, 3)),
    "sparse embedding": lambda: with_head(nn.Embedding(20, 4, sparse=True), features=12, x=torch.arange(12).view(4, 3)),
    "embedding bag": lambda: with_head(nn.EmbeddingBag(20, 4, max_norm=1.0), features=4, x=torch.arange(12).view(4, 3)),
    "encoder layer": lambda: with_head(
        nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True), features=20, x=numbers(4, 5, 4)
    ),
    "decoder layer": lambda: Stock(
        nn.TransformerDecoderLayer(4, 2, 8, dropout=0.1, batch_first=True),
        product,
        ((numbers(4, 3, 4), numbers(4, 5, 4)), numbers(4, 3, 4)),
    ),
    "attention": lambda: Stock(
        Pick(nn.MultiheadAttention(4, 2, dropout=0.3, batch_first=True), lambda found: found[0]),
        product,
        ((numbers(4, 5, 4),) * 3, numbers(4, 5, 4)),
    ),
    "bilinear": lambda: Stock(nn.Bilinear(3, 4, 2), F.mse_loss, ((numbers(4, 3), numbers(4, 4)), numbers(4, 2))),
    "weight norm": lambda: with_head(
        nn.utils.parametrizations.weight_norm(nn.Linear(5, 4)), nn.Tanh(), features=4, x=numbers(4, 5)
    ),
    "spectral norm": lambda: with_head(
        nn.utils.parametrizations.spectral_norm(nn.Linear(5, 4)), nn.Softplus(), features=4, x=numbers(4, 5)
    ),
    "shuffled pixels": lambda: with_head(
        *(nn.Conv2d(3, 8, 3), nn.PixelShuffle(2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Hardtanh()),
        features=288,
        x=numbers(4, 3, 5, 5),
    ),
    "complex": lambda: Stock(
        Pick(nn.Linear(3, 2, dtype=torch.complex64), torch.abs),
        F.mse_loss,
        (torch.randn(4, 3, dtype=torch.complex64), torch.rand(4, 2)),
    ),
    "softmax alone": lambda: Stock(nn.Softmax(1), F.mse_loss, (numbers(4, 3), torch.rand(4, 3))),
    "all zero": lambda: zeros(with_head(nn.Linear(5, 4), nn.ReLU(), features=4, x=numbers(4, 5))),
    "black pictures": lambda: black(
        with_head(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), features=36, x=numbers(4, 1, 8, 8))
    ),
    "absolute error": lambda: on_linear(F.l1_loss, 2, numbers(4, 2)),
    "smooth absolute error": lambda: on_linear(F.smooth_l1_loss, 2, numbers(4, 2)),
    "Huber": lambda: on_linear(F.huber_loss, 2, 3 * numbers(4, 2)),
    "hinge": lambda: on_linear(F.multi_margin_loss, 3, codes()),
    "binary cross-entropy": lambda: on_linear(F.binary_cross_entropy_with_logits, 2, torch.rand(4, 2)),
    "triplets": lambda: on_linear(triplet, 3, codes(6)),
    "connectionist": lambda: Stock(nn.Linear(5, 4), ctc, (numbers(8, 2, 5), torch.randint(1, 4, (2, 3)))),
    "Poisson": lambda: on_linear(F.poisson_nll_loss, 1, torch.rand(4, 1)),
    "logistic_regression": lambda: rumbo_model("logistic_regression", classes=2),
    "softmax_regression": lambda: rumbo_model("softmax_regression"),
    "mlp": lambda: rumbo_model("mlp", hidden=(8, 4)),
    "table_net": lambda: rumbo_model("table_net", hidden=(8, 8)),
    "lenet5": lambda: rumbo_model("lenet5"),
    "convnet": lambda: rumbo_model("convnet"),
}

LARGE: dict[str, Callable[[], Stock]] = {
    "shufflenet": lambda: Stock(
        torchvision.models.shufflenet_v2_x0_5(num_classes=3), F.cross_entropy, (numbers(4, 3, 32, 32), codes())
    ),
    # The other published networks are these blocks again, deeper or wider.
    **{
        name: lambda name=name: rumbo_model(name)
        for name in ("resnet18", "resnet50", "mobilenet_v3_small", "squeezenet1_1", "alexnet")
    },
}
