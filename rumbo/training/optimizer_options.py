# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Options of the optimizer. Needs no torch."""

from dataclasses import dataclass
from typing import Literal

from rumbo.core.options import Options, option

OptimizerName = Literal["sgd", "momentum", "rmsprop", "adam", "adamw"]


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(Options):
    """How gradients become updates."""

    name: OptimizerName = option("adamw", "The rule of the update.")
    learning_rate: float | None = option(
        None, "The base rate; none takes the usual one of the optimizer and network.", low=0.0, high=100.0
    )
    momentum: float = option(0.9, "Momentum (sgd takes none), or Adam's beta 1.", low=0.0, high=0.9999)
    beta2: float = option(
        0.999, "Decay of the mean of squared gradients (Adam's beta 2, RMSprop's alpha).", low=0.0, high=0.999999
    )
    weight_decay: float = option(
        0.01,
        "L2: added to the gradient (sgd, momentum, rmsprop, adam) or taken off the weight (adamw); "
        "biases and norms are exempt.",
        low=0.0,
        high=10.0,
    )
