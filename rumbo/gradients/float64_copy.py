# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Any torch module as a function that can be measured: a copy in float64 on the processor, and nothing random in it."""

import copy
import dataclasses
import random
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from rumbo.core.errors import UsageError
from rumbo.core.messages import t

Mode = Literal["train", "eval", "keep"]

DROPOUTS = {
    *(F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout),
    *(torch.dropout, torch.dropout_, torch.feature_dropout, torch.feature_dropout_),
    *(torch.alpha_dropout, torch.alpha_dropout_, torch.feature_alpha_dropout, torch.feature_alpha_dropout_),
}
DROPOUT_PLACE = {F.scaled_dot_product_attention: 4, F.multi_head_attention_forward: 10}
"""Functions that have dropout inside, and where it stands among their arguments as `dropout_p`."""
CASTS = {Tensor.float, Tensor.half, Tensor.bfloat16}
LOWER = {torch.float32, torch.float16, torch.bfloat16}


def float64_copy(module: nn.Module, mode: Mode = "train") -> nn.Module:
    """A copy in float64 on the processor whose forward pass is the same function every time; the original is untouched.

    Dropout is switched off, in recurrent and attention layers too; spectral norm keeps its vectors. Batch norm takes
    the statistics of the batch as in training, except where its weights are frozen, or in mode eval.

    Args:
        module: any module, on any device.
        mode: train, eval, or keep for the modes that its layers are in.

    Raises:
        UsageError: it cannot be copied, or has sizes that a first batch must still decide.

    >>> module = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    >>> copied = float64_copy(module)
    >>> copied[0].weight.dtype, module[0].weight.dtype
    (torch.float64, torch.float32)
    """
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    layers = list(module.modules())
    if any(is_lazy(parameter) for parameter in module.parameters()):
        raise UsageError(t("the module has lazy layers, whose sizes are unknown. Run it on the batch once before."))
    # Results of computations, which a module may keep as attributes, cannot be copied by deepcopy.
    results = {id(x): x.detach().clone() for layer in layers for x in vars(layer).values() if _is_result(x)}
    try:
        copied = copy.deepcopy(module, results)
    except Exception as problem:
        raise UsageError(
            t(
                "the module cannot be copied ({problem}), and it is never checked in place.",
                problem=f"{type(problem).__name__}: {problem}"[:200],
            )
        ) from problem
    if mode != "keep":
        copied.train(mode == "train")
    for layer in copied.modules():
        _widen(layer)
        _make_certain(layer)
    return copied


def _is_result(value: Any) -> bool:
    return isinstance(value, Tensor) and not value.is_leaf


def _widen(layer: nn.Module) -> None:
    for parameter in layer.parameters(recurse=False):
        parameter.grad = None
        parameter.data = wide(parameter.data)
    for name, buffer in list(layer.named_buffers(recurse=False)):
        setattr(layer, name, wide(buffer))
    for name, value in list(vars(layer).items()):
        if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
            vars(layer)[name] = wide(value)


def _make_certain(layer: nn.Module) -> None:
    """Switch off what is random, and what changes from one forward pass to the next without a gradient of its own."""
    if isinstance(layer, nn.RNNBase | nn.MultiheadAttention):
        layer.dropout = 0.0
    if isinstance(layer, nn.Embedding):
        layer.padding_idx = None  # it leaves a row out of the gradient on purpose, though the cost depends on it
    if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
        layer.max_norm = None  # it rewrites the weights in the forward pass
    own = list(layer.parameters(recurse=False))
    is_leaf = not own and next(layer.children(), None) is None
    is_random = is_leaf and re.search("drop|stochasticdepth|rrelu", type(layer).__name__, re.IGNORECASE)
    has_iterated = any(name.endswith("_u") for name, _ in layer.named_buffers(recurse=False))  # spectral norm
    is_frozen = bool(own) and hasattr(layer, "running_mean") and not any(weight.requires_grad for weight in own)
    if is_random or has_iterated or is_frozen:
        layer.eval()


def wide(tensor: Tensor) -> Tensor:
    """The tensor on the processor, real numbers as float64, complex ones as complex128, all else as it is."""
    tensor = tensor.detach().to("cpu")
    if tensor.is_floating_point():
        return tensor.double()
    return tensor.to(torch.complex128) if tensor.is_complex() else tensor


def each_tensor(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """The same nest of mappings, sequences and dataclasses, with every tensor (or array) changed.

    >>> each_tensor(lambda x: x + 1, {"a": [torch.tensor(1), "b"]})
    {'a': [tensor(2), 'b']}
    """
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        return change(torch.from_numpy(array.copy())) if array.dtype.kind in "biufc" else array
    if isinstance(value, Mapping):
        return {key: each_tensor(change, item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # named
        return type(value)(*(each_tensor(change, item) for item in value))
    if isinstance(value, list | tuple):
        changed = [each_tensor(change, item) for item in value]
        return changed if isinstance(value, list) else tuple(changed)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Arrays inside of a dataclass are what its class says they are.
        tensors = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return dataclasses.replace(
            value, **{name: each_tensor(change, x) for name, x in tensors.items() if not isinstance(x, np.ndarray)}
        )
    return value


class ExactMode(TorchFunctionMode):
    """Whoever calls them: dropout functions do nothing, and casts to lower precision stay in float64.

    Attributes:
        was_needed: whether there was anything to change so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.was_needed = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """One call of torch."""
        named = kwargs or {}
        if func in DROPOUTS:
            self.was_needed = True
            return args[0] if args else named["input"]
        if func in CASTS:
            self.was_needed, func = True, Tensor.double
        if func in DROPOUT_PLACE:
            self.was_needed = True
            place = DROPOUT_PLACE[func]
            if len(args) > place:
                args = (*args[:place], 0.0, *args[place + 1 :])
            else:
                named = {**named, "dropout_p": 0.0}
        for word in (*args, *named.values()):
            if type(word) is torch.dtype and word in LOWER:
                self.was_needed = True
                args = tuple(_wider(word) for word in args)
                named = {name: _wider(word) for name, word in named.items()}
                break
        return func(*args, **named)


def _wider(word: Any) -> Any:
    return torch.float64 if isinstance(word, torch.dtype) and word in LOWER else word


@contextmanager
def exact_numbers() -> Generator[None]:
    """New tensors are float64, and random states are afterwards what they were."""
    before, python, numpy_state = torch.get_default_dtype(), random.getstate(), np.random.get_state()  # noqa: NPY002
    torch.set_default_dtype(torch.float64)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_default_dtype(before)
        random.setstate(python)
        np.random.set_state(numpy_state)  # noqa: NPY002
