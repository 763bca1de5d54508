# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportPrivateUsage=false
# pyright: reportPrivateImportUsage=false
"""The optimizer's step; on a CPU torch's fused kernels are called straight away, for Adam and for SGD.

What torch's Python does around them (profiler marks, hooks, sorting of tensors by device and type) takes longer than
the kernels themselves at steps of a millisecond. Judge: torch's own `step`, bit for bit, in tests/training.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

Kernel = Callable[[list[Tensor]], object]
"""Updates the weights of one group; takes their gradients."""


class Update:
    """Steps of one optimizer.

    Args:
        optimizer: of the training; its learning rate is read at each step.
        is_alone: whether gradients are plain tensors of this process.
    """

    def __init__(self, optimizer: Optimizer, *, is_alone: bool):
        self._optimizer = optimizer
        self._weights: list[Tensor] = [weight for group in optimizer.param_groups for weight in group["params"]]
        self._can_be_direct = is_alone and _has_kernels(optimizer)
        self._kernels: list[Kernel] = []
        self._held: Any = None

    def __call__(self, gradients: list[Tensor]) -> None:
        """One step.

        Args:
            gradients: those of the weights that have one, in the order of the optimizer's groups.
        """
        if not self._can_be_direct or not self._are_as_usual(gradients):
            self._let_go()
            self._optimizer.step()
            return
        first_memory = self._optimizer.state.get(self._weights[0])
        if not self._kernels or first_memory is not self._held:  # it was loaded anew
            self._kernels, self._held = self._take_hold(), first_memory
        first = 0
        with torch.no_grad():
            for group, kernel in zip(self._optimizer.param_groups, self._kernels, strict=True):
                last = first + len(group["params"])
                kernel(gradients[first:last])
                first = last

    def _are_as_usual(self, gradients: Sequence[Tensor]) -> bool:
        """Whether all weights have gradients in their layout, all memories are there, and no flag is to be heeded."""
        if getattr(self._optimizer, "found_inf", None) is not None:
            return False
        if len(gradients) < len(self._weights) or not (self._kernels or _has_memories(self._optimizer)):
            return False
        return all(one.stride() == other.stride() for one, other in zip(gradients, self._weights, strict=True))

    def _take_hold(self) -> list[Kernel]:
        make = _adam if isinstance(self._optimizer, Adam) else _sgd
        return [make(group, self._optimizer.state) for group in self._optimizer.param_groups]

    def _let_go(self) -> None:
        """Give each weight its own count of steps again, for torch's step counts each one up."""
        self._kernels, seen = [], set[int]()
        for memory in self._optimizer.state.values():
            if "step" in memory and id(memory["step"]) in seen:
                memory["step"] = memory["step"].clone()
            seen.add(id(memory.get("step")))


def _has_kernels(optimizer: Optimizer) -> bool:
    groups = optimizer.param_groups
    weights = [weight for group in groups for weight in group["params"]]
    return (
        type(optimizer) in (Adam, SGD)
        and all(group["fused"] and not group.get("decay") for group in groups)
        and {(weight.device.type, weight.dtype) for weight in weights} <= {("cpu", torch.float32)}
    )


def _has_memories(optimizer: Optimizer) -> bool:
    """Whether the first step is behind; plain SGD has nothing to remember."""
    return all(
        weight in optimizer.state or group.get("momentum") == 0
        for group in optimizer.param_groups
        for weight in group["params"]
    )


def _adam(group: dict[str, Any], state: dict[Tensor, Any]) -> Kernel:
    weights = group["params"]
    memories = [state[weight] for weight in weights]
    averages, squares = [each["exp_avg"] for each in memories], [each["exp_avg_sq"] for each in memories]
    largest = [each["max_exp_avg_sq"] for each in memories] if group["amsgrad"] else []
    counts = [each["step"] for each in memories]
    if all(bool(count == counts[0]) for count in counts):  # one count for all is one small call instead of many
        counts = [counts[0]] * len(counts)
        for memory, count in zip(memories, counts, strict=True):
            memory["step"] = count
    own_counts = list({id(count): count for count in counts}.values())
    kernel = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
    beta1, beta2 = group["betas"]

    def update(gradients: list[Tensor]) -> None:
        for count in own_counts:
            count += 1
        kernel(
            weights,
            gradients,
            averages,
            squares,
            largest,
            counts,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=group["amsgrad"],
            maximize=False,
        )

    return update


def _sgd(group: dict[str, Any], state: dict[Tensor, Any]) -> Kernel:
    weights = group["params"]
    velocities = [state[weight]["momentum_buffer"] for weight in weights] if group["momentum"] else []

    def update(gradients: list[Tensor]) -> None:
        torch._fused_sgd_(
            weights,
            gradients,
            velocities,
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            maximize=False,
            is_first_step=False,
        )

    return update
