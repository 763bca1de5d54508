# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Options of the optimizer. Needs no torch."""

from dataclasses import dataclass
from typing import Literal

from rumbo.core.options import Options, option

OptimizerName = Literal[
    "sgd", "momentum", "momentum_average", "nesterov",
    "rmsprop", "adagrad", "adadelta",
    "adam", "adamw", "amsgrad", "nadam", "radam", "adamax",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(Options):
    """How gradients become updates; `rumbo.training.optimizer` has the formulas."""

    name: OptimizerName = option(
        "adamw",
        "sgd, momentum (velocity), momentum_average (the notes' form), nesterov, rmsprop, adagrad, adadelta, adam, "
        "adamw, amsgrad, nadam, radam, or adamax.",
    )
    learning_rate: float | None = option(
        None, "The base rate; none takes the usual one of the optimizer and network.", low=0.0, high=100.0
    )
    momentum: float = option(
        0.9,
        "Momentum (momentum, momentum_average, nesterov) or beta 1 (those like Adam); sgd, rmsprop, adagrad and "
        "adadelta have none.",
        low=0.0,
        high=0.9999,
    )
    beta2: float | None = option(
        None,
        "Decay of the mean of squared gradients: beta 2 of those like Adam (none: 0.999), alpha of rmsprop (0.99), rho "
        "of adadelta (0.95).",
        low=0.0,
        high=0.999999,
    )
    epsilon: float | None = option(
        None,
        "What is added to the divisor of the rules that have one; none: 1e-8, adagrad 1e-10, adadelta 1e-6.",
        low=1e-16,
        high=1.0,
    )
    weight_decay: float = option(
        0.01, "L2 (lambda / m of the notes); biases and norms are exempt. `decoupled` says how.", low=0.0, high=10.0
    )
    decoupled: bool | None = option(
        None,
        "How weights decay: true takes rate * weight_decay * weight off the weight, false adds weight_decay * weight "
        "to the gradient; none: true for adamw, false for all others.",
    )
    l1: float = option(
        0.0, "L1 (lambda / 2m of the notes): adds l1 * sign(weight) to the gradient; biases and norms are exempt.",
        low=0.0, high=10.0,
    )  # fmt: skip
