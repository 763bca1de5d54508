# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The forward pass of a training step: compiled, and in the precision that was chosen. Weights stay fp32."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree  # pyright: ignore[reportPrivateUsage]

from rumbo.training.options import FitOptions


def as_computed(network: nn.Module, options: FitOptions, device: torch.device) -> nn.Module:
    """The network to call in a step; itself where it computes in fp32 and is not compiled.

    Args:
        network: what is trained; its weights are not copied.
        options: `precision` and `compile` as they were chosen; `auto` counts as fp32 and no.
        device: where it is.
    """
    if options.compile == "yes":
        # On a GPU whole steps are recorded as CUDA graphs, where shapes stay the same.
        has_parts = options.micro_batch is not None or options.full_batch_epochs > 0  # their shapes differ
        mode = "reduce-overhead" if device.type == "cuda" and not has_parts else "default"
        network = torch.compile(network, mode=mode)  # pyright: ignore[reportAssignmentType]
    if options.precision in ("auto", "fp32"):
        return network
    return InPrecision(network, torch.bfloat16 if options.precision == "bf16" else torch.float16, device.type)


class InPrecision(nn.Module):
    """A network that computes in bf16 or fp16 where torch's autocast allows it, and gives fp32 outputs.

    Costs are computed from these: torch leaves log-softmax and log-sigmoid of bf16 logits in bf16 on a CPU.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype, device_type: str):
        super().__init__()
        self.network, self._autocast = network, torch.autocast(device_type, dtype)

    def forward(self, *inputs: Any) -> Any:
        """What the network gives, all its floats as fp32."""
        with self._autocast:
            outputs = self.network(*inputs)
        return pytree.tree_map(_in_fp32, outputs)


def _in_fp32(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
