"""What a network is made of, layer by layer: output shapes, parameters, multiply-adds."""

import math
from collections.abc import Iterator, Mapping, Sequence
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
        num_multiply_adds: of convolutions, linear, recurrent, bilinear and attention layers, for one example; a
            multiplication with its addition is 1.
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
    rows = layers_at_work(model, one_example(model, spec))
    parameters = list(model.parameters())
    return Summary(
        rows=rows,
        num_parameters=sum(p.numel() for p in parameters),
        num_trainable=sum(p.numel() for p in parameters if p.requires_grad),
        num_multiply_adds=sum(row.num_multiply_adds for row in rows),
    )


def layers_at_work(model: nn.Module, inputs: Sequence[Tensor]) -> tuple[Row, ...]:
    """Run a network once in evaluation mode, without gradients, and write down what each layer did, in order.

    Args:
        model: comes back in the mode it was in.
        inputs: what it takes, for one example: a batch of 1.

    Raises:
        ValueError: what the network itself raises for such inputs.
    """
    rows: list[Row] = []
    counted: set[nn.Parameter] = set()

    def note(name: str, layer: nn.Module, given: Sequence[Any], output: Any) -> None:
        own = [p for p in layer.parameters(recurse=False) if p not in counted]
        counted.update(own)
        rows.append(
            Row(
                name=name,
                kind=type(layer).__name__,
                output_shape=tuple(_first_tensor(output).shape[1:]),
                num_parameters=sum(p.numel() for p in own),
                num_multiply_adds=_multiply_adds(layer, given, _first_tensor(output)),
            )
        )

    with _watched(model, note), torch.no_grad():  # what a network keeps for later must serve training too
        model(*inputs)
    return tuple(rows)


def one_example(model: nn.Module, spec: InputSpec) -> list[Tensor]:
    """One example of zeros, on the device of the network."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    inputs: list[Tensor] = []
    if spec.image is not None:
        inputs.append(torch.zeros(1, *spec.image, device=device))
    if spec.has_table:
        inputs.append(torch.zeros(1, spec.num_numbers, device=device))
        inputs.append(torch.zeros(1, len(spec.category_sizes), dtype=torch.long, device=device))
    return inputs


@contextmanager
def _watched(model: nn.Module, note: Any) -> Iterator[None]:
    """In evaluation mode, with `note(name, layer, inputs, output)` called after each layer."""
    was_training = model.training
    hooks = [
        layer.register_forward_hook(lambda layer, given, output, name=name: note(name, layer, given, output))
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


def _first_tensor(output: Any) -> Tensor:
    """What a layer hands on: of several outputs (a recurrent layer's states, attention's weights) the first."""
    if isinstance(output, Tensor):
        return output
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, Sequence) else ()
    return next((part for part in map(_first_tensor, parts)), torch.zeros(1))


def _multiply_adds(layer: nn.Module, inputs: Sequence[Any], output: Tensor) -> int:
    """Each weight once for every place it is used at."""
    match layer:
        case nn.Linear():
            return output.numel() * layer.in_features
        case nn.Bilinear():
            return output.numel() * layer.in1_features * layer.in2_features
        case nn.ConvTranspose1d() | nn.ConvTranspose2d() | nn.ConvTranspose3d():
            return inputs[0].numel() * layer.out_channels // layer.groups * math.prod(layer.kernel_size)
        case nn.Conv1d() | nn.Conv2d() | nn.Conv3d():
            return output.numel() * layer.in_channels // layer.groups * math.prod(layer.kernel_size)
        case nn.RNNBase() | nn.RNNCellBase():
            num_weights = sum(p.numel() for name, p in layer.named_parameters() if name.startswith("weight"))
            return num_weights * (_first_tensor(inputs).numel() // layer.input_size)
        case nn.MultiheadAttention() if len(inputs) > 1:
            # The projections of the weights, then products of all queries with all keys, and of those with the values.
            (_, num_queries), (_, num_keys) = (_batch_and_time(layer, part) for part in inputs[:2])
            projections = layer.embed_dim * (2 * layer.embed_dim * num_queries + (layer.kdim + layer.vdim) * num_keys)
            return projections + 2 * num_queries * num_keys * layer.embed_dim
        case _:
            return 0


def _batch_and_time(layer: nn.MultiheadAttention, inputs: Tensor) -> tuple[int, int]:
    num_rows = inputs.numel() // inputs.shape[-1]
    time = inputs.shape[1 if layer.batch_first and inputs.ndim == 3 else 0]
    return num_rows // time, time
