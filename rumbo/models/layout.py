# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""How a network lies in memory: channels before pixels, as usual, or last."""

from collections.abc import Set
from typing import Literal

import torch
from torch import nn

from rumbo.core.devices import cpu_flags

Layout = Literal["usual", "channels_last"]

FEWEST_CHANNELS_LAST = 16
"""With fewer, kernels made for channels in memory side by side have too little to do at a time."""


def layout_of(network: nn.Module, flags: Set[str] | None = None) -> Layout:
    """Channels last where it is faster: mostly 1.1 to 1.6 times on a CPU, more in bf16.

    With AMX (Intel's processors of 2023 and later) that is any network of 2-d convolutions, also one of the size of
    LeNet-5, which AMD's run at 0.65 of the usual speed; elsewhere all convolutions must have many outputs, but for the
    last, which often gives the answer. A rule on network and processor alone, so that training, evaluation and
    prediction compute the same bits, whatever the batch. What was measured, and where the rule is wrong (maps of a few
    pixels), stands in docs/speed.md.

    Args:
        network: any.
        flags: of the processor, as `cpu_flags` names them; None takes this machine's.

    >>> layout_of(nn.Sequential(nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)), {"avx2"})
    'usual'
    """
    widths = [layer.out_channels for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    fewest = 1 if "amx_bf16" in (cpu_flags() if flags is None else flags) else FEWEST_CHANNELS_LAST
    if widths and min(widths[:-1] or widths) >= fewest:
        return "channels_last"
    return "usual"


def laid_out(network: nn.Module, layout: Layout | None = None) -> nn.Module:
    """The network itself, its weights in the layout given, or in its own (`layout_of`)."""
    formats = {"usual": torch.contiguous_format, "channels_last": torch.channels_last}
    return network.to(memory_format=formats[layout or layout_of(network)])
