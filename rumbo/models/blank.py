"""Networks as shapes alone: built without memory and without first values, which a file's weights replace anyway."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_ON_VALUES = (
    *(torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.fill_, torch.Tensor.zero_),
    *(torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__),
)
"""What networks do to their first values beside `nn.init`; on the meta device it would import half of torch."""


@contextmanager
def blank() -> Generator[None]:
    """Whatever is built inside lies on the meta device: it has dtypes, shapes and layouts, and no values.

    >>> with blank(): nn.Linear(10**6, 10**6).weight.shape
    torch.Size([1000000, 1000000])
    """
    with torch.device("meta"), _Unfilled():
        yield


def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a blank network its tensors, each in the memory layout that the network was built with."""
    state = network.state_dict()
    laid_out = {
        name: torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype) for name, tensor in state.items()
    }
    network.load_state_dict({name: empty.copy_(tensors[name]) for name, empty in laid_out.items()}, assign=True)


class _Unfilled(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in _ON_VALUES or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else (kwargs or {})["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **(kwargs or {}))
