"""What a network is made of, layer by layer: output shapes, parameters, multiply-adds."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rumbo.core.inputs import InputSpec


@dataclass(frozen=True, kw_only=True)
class Row:
    """One layer.

    Attributes:
        name: its path in the network, as in the names of its parameters.
        kind: its class.
        output_shape: for one example, without the batch.
        num_parameters: its own; a layer used twice has them in its first row only.
        num_multiply_adds: of convolutions and linear layers, for one example; a multiplication with its addition is 1.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    num_parameters: int
    num_multiply_adds: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All layers in the order the data flows, and totals.

    Attributes:
        rows: layers that compute or hold parameters.
        num_parameters: of the whole network.
        num_trainable: of them, not frozen.
        num_multiply_adds: for one example.
    """

    rows: tuple[Row, ...]
    num_parameters: int
    num_trainable: int
    num_multiply_adds: int


def summarize(model: nn.Module, spec: InputSpec) -> Summary:
    """Run one example of zeros through a network and write down what each layer did.

    Args:
        model: on any device; "meta" needs no memory. Comes back in the mode it was in.
        spec: sizes of one example.

    Raises:
        ValueError: what the network itself raises for inputs of other sizes.

    >>> summarize(nn.Conv2d(3, 8, 5), InputSpec(image=(3, 32, 32))).num_multiply_adds
    470400
    """
    rows: list[Row] = []
    counted: set[nn.Parameter] = set()

    def note(name: str, layer: nn.Module, output: Tensor) -> None:
        own = [p for p in layer.parameters(recurse=False) if p not in counted]
        counted.update(own)
        rows.append(
            Row(
                name=name,
                kind=type(layer).__name__,
                output_shape=tuple(output.shape[1:]),
                num_parameters=sum(p.numel() for p in own),
                num_multiply_adds=_multiply_adds(layer, output),
            )
        )

    with _watched(model, note), torch.inference_mode():
        model(*_one_example(model, spec))
    parameters = list(model.parameters())
    return Summary(
        rows=tuple(rows),
        num_parameters=sum(p.numel() for p in parameters),
        num_trainable=sum(p.numel() for p in parameters if p.requires_grad),
        num_multiply_adds=sum(row.num_multiply_adds for row in rows),
    )


@contextmanager
def _watched(model: nn.Module, note: Any) -> Iterator[None]:
    """In evaluation mode, with `note(name, layer, output)` called after each layer."""
    was_training = model.training
    hooks = [
        layer.register_forward_hook(lambda layer, _inputs, output, name=name: note(name, layer, output))
        for name, layer in model.named_modules()
        if _is_layer(layer)
    ]
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()


def _is_layer(module: nn.Module) -> bool:
    has_children = next(module.children(), None) is not None
    has_own_parameters = next(module.parameters(recurse=False), None) is not None
    return has_own_parameters or not has_children


def _one_example(model: nn.Module, spec: InputSpec) -> list[Tensor]:
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    inputs: list[Tensor] = []
    if spec.image is not None:
        inputs.append(torch.zeros(1, *spec.image, device=device))
    if spec.has_table:
        inputs.append(torch.zeros(1, spec.num_numbers, device=device))
        inputs.append(torch.zeros(1, len(spec.category_sizes), dtype=torch.long, device=device))
    return inputs


def _multiply_adds(layer: nn.Module, output: Tensor) -> int:
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if isinstance(layer, nn.Conv2d):
        return output.numel() * layer.in_channels // layer.groups * math.prod(layer.kernel_size)
    return 0
