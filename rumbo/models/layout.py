# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""How a network lies in memory: channels before pixels, as usual, or last."""

from typing import Literal

import torch
from torch import nn

Layout = Literal["usual", "channels_last"]

FEWEST_CHANNELS_LAST = 16
"""With fewer, kernels made for channels in memory side by side have too little to do at a time."""


def layout_of(network: nn.Module) -> Layout:
    """Channels last where all 2-d convolutions have many: mostly 1.1 to 1.6 times as fast on a CPU, more in bf16.

    The last convolution may have few outputs: it often gives the answer. A rule on the network alone, so that training,
    evaluation and prediction compute the same bits, whatever the batch and whichever the machine. What was measured,
    and where the rule is wrong (maps of a few pixels), stands in docs/speed.md.

    >>> layout_of(nn.Sequential(nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)))
    'usual'
    """
    widths = [layer.out_channels for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    if widths and min(widths[:-1] or widths) >= FEWEST_CHANNELS_LAST:
        return "channels_last"
    return "usual"


def laid_out(network: nn.Module, layout: Layout | None = None) -> nn.Module:
    """The network itself, its weights in the layout given, or in its own (`layout_of`)."""
    formats = {"usual": torch.contiguous_format, "channels_last": torch.channels_last}
    return network.to(memory_format=formats[layout or layout_of(network)])
