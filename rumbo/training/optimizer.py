# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Optimizers by name, with biases and norms exempt from L2."""

import torch
from torch import nn

from rumbo.training.options import OptimizerOptions

USUAL_RATES = {"sgd": 0.1, "momentum": 0.05, "rmsprop": 1e-3, "adam": 2e-3, "adamw": 2e-3}
"""Base rates where none is given; for one_cycle they are the peak."""


def make_optimizer(model: nn.Module, options: OptimizerOptions) -> torch.optim.Optimizer:
    """The optimizer of a network's trainable parameters, in two groups: matrices and kernels; biases and norms.

    Source: torch's forms. Momentum is the velocity form v = m v + g, w = w - rate v; Adam's epsilon stands outside of
    the root (Kingma & Ba 2015, arXiv:1412.6980, alg. 1).
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = base_rate(options)
    match options.name:
        case "sgd":
            return torch.optim.SGD(groups, lr=rate)
        case "momentum":
            return torch.optim.SGD(groups, lr=rate, momentum=options.momentum)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=rate, alpha=options.beta2)
        case "adam":
            return torch.optim.Adam(groups, lr=rate, betas=(options.momentum, options.beta2), fused=True)
        case "adamw":
            return torch.optim.AdamW(groups, lr=rate, betas=(options.momentum, options.beta2), fused=True)


def base_rate(options: OptimizerOptions) -> float:
    """The rate given, or the usual one of the optimizer."""
    return USUAL_RATES[options.name] if options.learning_rate is None else options.learning_rate
