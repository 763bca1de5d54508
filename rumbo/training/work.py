# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What a step of training has to compute: how much, in which kinds of layers, and how often each weight is used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rumbo.core.inputs import InputSpec
from rumbo.models.summary import layers_at_work, one_example

Kind = Literal["convolution", "linear", "recurrent", "grouped", "narrow"]

NARROW = 16
"""Layers with fewer numbers than this on either side leave wide arithmetic units idle."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A forward pass, by kinds of layers; backward is about twice that.

    Attributes:
        multiply_adds: of one step.
        weights: used there; a weight that is used in two layers counts twice.
    """

    multiply_adds: Mapping[Kind, int]
    weights: Mapping[Kind, int]

    @property
    def total(self) -> int:
        """Multiply-adds of all layers."""
        return sum(self.multiply_adds.values())

    def share(self, kind: Kind) -> float:
        """The part of all multiply-adds that layers of this kind do, in [0, 1]."""
        return self.multiply_adds.get(kind, 0) / max(self.total, 1)

    def reuse(self, kind: Kind) -> float:
        """How often a step uses a weight of this kind on average: for each example, pixel and time."""
        return self.multiply_adds.get(kind, 0) / max(self.weights.get(kind, 0), 1)


def work_of(network: nn.Module, example: InputSpec | Sequence[Tensor], batch_size: int) -> Work:
    """Count by running one example; nothing is learnt and no random number is drawn from the streams in use.

    Args:
        network: comes back in the mode it was in.
        example: sizes of the inputs, or the inputs themselves as a batch of one.
        batch_size: examples of a step.
    """
    inputs = one_example(network, example) if isinstance(example, InputSpec) else example
    multiply_adds: dict[Kind, int] = {}
    weights: dict[Kind, int] = {}
    with torch.random.fork_rng(devices=[]):
        rows = layers_at_work(network, inputs)
    for row in rows:
        if row.num_multiply_adds == 0:
            continue
        layer = network.get_submodule(row.name)
        kind = _kind(layer)
        multiply_adds[kind] = multiply_adds.get(kind, 0) + batch_size * row.num_multiply_adds
        num_weights = sum(p.numel() for p in layer.parameters() if p.ndim >= 2)
        weights[kind] = weights.get(kind, 0) + num_weights
    return Work(multiply_adds=multiply_adds, weights=weights)


def _kind(layer: nn.Module) -> Kind:
    """Kinds that gain alike; narrow ones do not. First and last layers often are: few colors in, few classes out."""
    match layer:
        case nn.RNNBase() | nn.RNNCellBase():
            return "recurrent" if layer.hidden_size >= NARROW else "narrow"
        case (
            nn.Conv1d() | nn.Conv2d() | nn.Conv3d() | nn.ConvTranspose1d() | nn.ConvTranspose2d() | nn.ConvTranspose3d()
        ):
            if layer.groups > 1 and layer.in_channels < NARROW * layer.groups:
                return "grouped"
            widths = (layer.in_channels // layer.groups, layer.out_channels // layer.groups)
            return "convolution" if min(widths) >= NARROW else "narrow"
        case nn.Linear():
            return "linear" if min(layer.in_features, layer.out_features) >= NARROW else "narrow"
        case nn.MultiheadAttention():
            return "linear" if layer.embed_dim >= NARROW else "narrow"
        case _:
            return "narrow"
