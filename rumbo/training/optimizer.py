# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
"""Optimizers by name, and the penalties on weights; biases and norms are exempt from these."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adagrad, Adam, Adamax, NAdam, Optimizer, RAdam, RMSprop

from rumbo.training.optimizer_options import OptimizerName, OptimizerOptions


class Rule(NamedTuple):
    """How a rule is built.

    Args:
        kind: torch's class.
        usual_rate: the base rate where none is given; for one_cycle it is the peak. Measured in docs/experiments.md.
        settings: the class's keywords, from the options.
        fused_on: the devices on which torch makes its update in one pass over memory.
        decouples: whether torch's class can take the decay off the weight by itself.
    """

    kind: Callable[..., Optimizer]
    usual_rate: float
    settings: Callable[[OptimizerOptions], dict[str, Any]] = lambda o: {}
    fused_on: tuple[str, ...] = ()
    decouples: bool = False


def _divided(o: OptimizerOptions) -> dict[str, Any]:
    return {} if o.epsilon is None else {"eps": o.epsilon}


def _moments(o: OptimizerOptions) -> dict[str, Any]:
    return {"betas": (o.momentum, 0.999 if o.beta2 is None else o.beta2), **_divided(o)}


BOTH = ("cpu", "cuda")

RULES: dict[OptimizerName, Rule] = {
    "sgd": Rule(SGD, 0.3, fused_on=BOTH),
    "momentum": Rule(SGD, 0.05, lambda o: {"momentum": o.momentum}, BOTH),
    "momentum_average": Rule(SGD, 0.5, lambda o: {"momentum": o.momentum, "dampening": o.momentum}, BOTH),
    "nesterov": Rule(SGD, 0.05, lambda o: {"momentum": o.momentum, "nesterov": o.momentum > 0}, BOTH),
    "rmsprop": Rule(RMSprop, 3e-3, lambda o: {"alpha": 0.99 if o.beta2 is None else o.beta2, **_divided(o)}),
    "adagrad": Rule(Adagrad, 0.06, _divided, ("cpu",)),
    "adadelta": Rule(Adadelta, 3.0, lambda o: {"rho": 0.95 if o.beta2 is None else o.beta2, **_divided(o)}),
    "adam": Rule(Adam, 2e-3, _moments, BOTH, decouples=True),
    "adamw": Rule(Adam, 2e-3, _moments, BOTH, decouples=True),
    "amsgrad": Rule(Adam, 2e-3, lambda o: {"amsgrad": True, **_moments(o)}, BOTH, decouples=True),
    "nadam": Rule(NAdam, 2e-3, _moments, decouples=True),
    "radam": Rule(RAdam, 6e-3, _moments, decouples=True),
    "adamax": Rule(Adamax, 6e-3, _moments),
}


def make_optimizer(model: nn.Module, options: OptimizerOptions) -> Optimizer:
    """The optimizer of a network's trainable parameters: matrices and kernels with the penalties; biases and norms.

    Call it when the network is on its device and in its memory layout. All rules equal those of
    `rumbo.reference.optimizers` step for step, every memory starting at zero:

    - momentum is `velocity`: v = m v + g, w -= rate v. momentum_average is the notes' form, `momentum`:
      V = m V + (1 - m) g, w -= rate V; it makes the same steps at rate / (1 - m). torch's SGD with dampening is that
      form but for an undampened first step; a velocity that is there from the start, as zeros, is dampened at once.
    - nesterov is Sutskever's, seen from the point where the gradient is taken.
    - Epsilon stands outside of the root, sqrt(S) + epsilon, in all but adadelta, which has it inside of both. radam has
      it on the root that is not yet corrected, and adamax adds it to each |g| before the maximum.
    - amsgrad takes the maximum before the correction. nadam's momentum rises as Dozat's, with
      psi = 0.004; torch keeps the product of momenta in float32, so that float64 agrees to 1e-7 only.
    - L2 in the gradient is `l2_gradient`; decoupled it is `weight_decay_step`, or adamw for those like Adam.

    Source: the sources of `rumbo.reference.optimizers`. Judge: that, in tests/oracle.
    """
    rule = RULES[options.name]
    decoupled = options.name == "adamw" if options.decoupled is None else options.decoupled
    by_hand = decoupled and not rule.decouples
    penalties = {
        "weight_decay": 0.0 if by_hand else options.weight_decay,
        "decay": options.weight_decay if by_hand else 0.0,
        "l1": options.l1,
    }
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    weights.sort(key=lambda weight: weight.ndim < 2)
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in weights if weight.ndim >= 2], **penalties},
        {"params": [weight for weight in weights if weight.ndim < 2], **dict.fromkeys(penalties, 0.0)},
    ]
    if not any(penalties.values()):  # one group is one call of the fused update: it shows in steps of a millisecond
        groups = [{"params": weights, **penalties}]
    settings = rule.settings(options)
    if rule.decouples:
        settings["decoupled_weight_decay"] = decoupled
    if rule.fused_on and all(weight.device.type in rule.fused_on for weight in weights):
        settings["fused"] = True
    optimizer = rule.kind([group for group in groups if group["params"]], lr=base_rate(options), **settings)
    if settings.get("momentum"):
        for weight in weights:
            optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
    if settings.get("fused"):
        optimizer.register_step_pre_hook(_lay_out_gradients)
    if by_hand:
        optimizer.register_step_pre_hook(_decay)
    return optimizer


def base_rate(options: OptimizerOptions) -> float:
    """The rate given, or the usual one of the optimizer."""
    return RULES[options.name].usual_rate if options.learning_rate is None else options.learning_rate


@torch.no_grad()
def apply_penalties(optimizer: Optimizer) -> None:
    """Add L1 to the gradients, g += l1 sign(w); nothing where w is 0. All else is in the optimizer's own step.

    Call it between clipping and `optimizer.step()`. Source: `rumbo.reference.regularization.l1_gradient`, l1 being
    lambda / 2m.
    """
    for group in optimizer.param_groups:
        for weight in group["params"] if group["l1"] else ():
            if weight.grad is not None:
                weight.grad.add_(weight.sign(), alpha=group["l1"])


@torch.no_grad()
def _decay(optimizer: Optimizer, *_: Any) -> None:
    """Take the decay off the weights, w *= 1 - rate * decay, for rules that torch has with L2 alone.

    It runs at the start of a step, so that a step that is left out decays nothing; fused steps that are left out are
    told by `found_inf` (1 where a gradient is not finite), since nobody may wait for the device's answer.

    Source: `rumbo.reference.regularization.decay_factor`; Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 1.
    """
    found_inf: Tensor | None = getattr(optimizer, "found_inf", None)
    for group in optimizer.param_groups:
        loss = group["lr"] * group["decay"] * (1 if found_inf is None else 1 - found_inf)
        for weight in group["params"] if group["decay"] else ():
            if weight.grad is not None:
                weight.mul_(1 - loss)


def _lay_out_gradients(optimizer: Optimizer, *_: Any) -> None:
    """Bring gradients into the memory layout of their weights.

    Fused updates walk through memory and never look at strides: a gradient laid out otherwise would be added to the
    wrong weights, and nobody would tell. Backward lays them out right; whoever sets them by hand may not.
    """
    for group in optimizer.param_groups:
        for weight in group["params"]:
            gradient: Tensor | None = weight.grad
            if gradient is not None and gradient.stride() != weight.stride():
                weight.grad = torch.empty_like(weight).copy_(gradient)
