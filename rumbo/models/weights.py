"""Weights from elsewhere into a network that was built for other classes or channels."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from rumbo import models
from rumbo.core.errors import UsageError
from rumbo.core.messages import t

WEIGHTS_FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "rumbo", "weights")


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What became of each tensor of the network, by name.

    Attributes:
        loaded: taken from the file; a first convolution of other channels counts, see `fit_state`.
        replaced: parts of the head, which has another width and starts afresh.
        missing: counters of batches that the file does not carry; they start at zero.
    """

    loaded: tuple[str, ...]
    replaced: tuple[str, ...]
    missing: tuple[str, ...]


def fit_state(model: nn.Module, tensors: Mapping[str, Tensor]) -> Fitted:
    """Load tensors into a network of the same architecture whose head and input channels may differ.

    Tensors of another precision (float16 files) become the network's. Where the network takes c channels and the file
    three, each kernel of the first convolution becomes the mean over colours times 3 / c: for grey images that is their
    sum, which gives on a grey image what the file's network gives on the same image in colour.

    Raises:
        UsageError: a tensor is missing, unknown, or has another shape; the message names the first ones.
    """
    state, head = model.state_dict(), set(head_parameters(model))
    missing = {name for name in state if name not in tensors and name.endswith("num_batches_tracked")}
    _check_names(set(state) - missing, set(tensors))
    first_convolution = _first_convolution(model)
    fresh: dict[str, Tensor] = {}
    replaced: list[str] = []
    for name in state.keys() - missing:
        tensor, wanted = tensors[name], state[name]
        if name == first_convolution:
            tensor = _with_channels(tensor, wanted.shape[1])
        if tensor.shape == wanted.shape:
            fresh[name] = tensor
        elif name in head:
            replaced.append(name)
        else:
            raise UsageError(
                t(
                    "weight '{name}' is {met} in the file, but {wanted} in this model. Choose the model of the file.",
                    name=name,
                    met=str(tuple(tensor.shape)),
                    wanted=str(tuple(wanted.shape)),
                )
            )
    model.load_state_dict(fresh, strict=False)
    return Fitted(loaded=tuple(sorted(fresh)), replaced=tuple(sorted(replaced)), missing=tuple(sorted(missing)))


def published_file(name: str) -> Path:
    """The file of a network's ImageNet weights, in the folder where such files are kept on this machine.

    Raises:
        UnknownName: no such network.
        UsageError: nobody has published weights of it, or they are not on this machine.
    """
    if models.entry(name).module != "rumbo.models.published":
        raise UsageError(t("model '{name}' has no published weights. Choose --weights none, or resnet18.", name=name))
    file = WEIGHTS_FOLDER / f"{name}.safetensors"
    if not file.is_file():
        raise UsageError(
            t(
                "the ImageNet weights of {name} are not on this machine. Put them at {path} (safetensors, "
                "torchvision's names), or name a file: --weights FILE.",
                name=name,
                path=file,
            )
        )
    return file


def head_parameters(model: nn.Module) -> tuple[str, ...]:
    """Names of the parameters of the last linear or convolutional layer: what stays free when the rest is frozen.

    >>> head_parameters(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))
    ('2.weight', '2.bias')
    """
    layers = [(path, part) for path, part in model.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    path, layer = layers[-1]
    return tuple(f"{path}.{name}" for name, _ in layer.named_parameters())


def _check_names(wanted: set[str], met: set[str]) -> None:
    if absent := sorted(wanted - met):
        raise UsageError(
            t(
                "the file lacks {count} weights of this model, first: {names}. Choose the model of the file.",
                count=len(absent),
                names=", ".join(absent[:3]),
            )
        )
    if unknown := sorted(name for name in met - wanted if not name.endswith("num_batches_tracked")):
        raise UsageError(
            t(
                "the file has {count} weights that this model lacks, first: {names}. Choose the model of the file.",
                count=len(unknown),
                names=", ".join(unknown[:3]),
            )
        )


def _first_convolution(model: nn.Module) -> str:
    return next((f"{path}.weight" for path, part in model.named_modules() if isinstance(part, nn.Conv2d)), "")


def _with_channels(kernel: Tensor, num_channels: int) -> Tensor:
    if kernel.ndim != 4 or kernel.shape[1] == num_channels or kernel.shape[1] != 3:
        return kernel
    mean = kernel.to(torch.float32).mean(dim=1, keepdim=True)
    return mean.expand(-1, num_channels, -1, -1) * (3 / num_channels)
