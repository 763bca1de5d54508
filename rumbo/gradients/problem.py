# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The copy that is checked: what can be moved in it, and its cost as a function of that alone."""

import math
import time
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from rumbo.core.errors import TrainingError, UsageError
from rumbo.core.messages import t
from rumbo.gradients.float64_copy import ExactMode, each_tensor, float64_copy, wide
from rumbo.gradients.records import CheckOptions, Cost


class Problem:
    """The copy, what can be moved in it, and its cost as a number."""

    def __init__(self, module: nn.Module, cost: Cost, batch: Any, options: CheckOptions, loss: nn.Module | None = None):
        self.options, self._cost = options, cost
        self.module = float64_copy(module, options.mode)
        self.batch = each_tensor(lambda x: wide(x).clone(), batch)
        self.leaves: dict[str, Tensor] = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        if loss is not None:
            self.leaves |= {f"loss.{n}": p for n, p in loss.named_parameters() if p.requires_grad}
        if options.inputs or not self.leaves:
            self.leaves |= self._open_inputs()
        if not self.leaves:
            raise UsageError(
                t("nothing to check: no parameter of the module is trainable, and no input is a real number.")
            )
        self.with_grad, self._exact, self._needs_exact = False, ExactMode(), True
        self._matrices = [p for p in self.module.parameters() if p.requires_grad and p.ndim >= 2]
        self._buffers = [(buffer, buffer.clone()) for buffer in self.module.buffers()]
        self.seconds, self.is_large = 0.0, False
        self._require_a_function()

    def _open_inputs(self) -> dict[str, Tensor]:
        """Real inputs as leaves; targets, the second of a pair, are none."""
        found: dict[str, Tensor] = {}

        def open_one(x: Tensor) -> Tensor:
            if x.is_floating_point() or x.is_complex():
                found[f"inputs[{len(found)}]" if found else "inputs"] = x.requires_grad_()
            return x

        is_pair = isinstance(self.batch, list | tuple) and len(self.batch) == 2
        each_tensor(open_one, self.batch[0] if is_pair else self.batch)
        return found

    def tries(self, wanted: int) -> int:
        """How many probes are tried for so many that meet no kink."""
        return wanted + 1 if self.is_large else 3 * wanted

    def trainable(self) -> list[Tensor]:
        """What training steps move."""
        return [leaf for name, leaf in self.leaves.items() if not name.startswith("inputs")]

    def cost(self) -> Tensor:
        """The cost with its penalties; buffers are put back, so that it is a function of the leaves alone."""
        for buffer, before in self._buffers:
            buffer.data.copy_(before)  # not `detach()`: autograd must not see it, or it refuses the backward pass
        with self._guard():
            total = self._cost(self.module, each_tensor(Tensor.clone, self.batch))
            if self.options.weight_decay:
                total = total + self.options.weight_decay / 2 * sum(w.abs().square().sum() for w in self._matrices)
            if self.options.l1:
                total = total + self.options.l1 * sum(w.abs().sum() for w in self._matrices)
            if self.options.penalty is not None:
                total = total + self.options.penalty(self.module)
            return total

    def _guard(self) -> Any:
        """Dropout functions and casts are watched until it is known whether there are any: it takes time."""
        return self._exact if self._needs_exact else nullcontext()

    def value(self) -> float:
        """The cost as a number."""
        with torch.set_grad_enabled(self.with_grad):
            return float(self.cost().detach())

    def backward(self) -> float:
        """Fill the leaves' gradients; the cost."""
        for leaf in self.leaves.values():
            leaf.grad = None
        with torch.enable_grad():
            total = self.cost()
            if total.requires_grad:
                with self._guard():
                    torch.autograd.backward(total)  # not `total.backward()`, which would suspend the guard
        return float(total.detach())

    def gradients(self) -> dict[str, Tensor | None]:
        """What the last backward gave: complex ones as pairs of real numbers, sparse ones filled up."""
        return {name: None if leaf.grad is None else real(dense(leaf.grad)) for name, leaf in self.leaves.items()}

    def require_finite(self, cost: float, step: int) -> None:
        """Stop at a cost that has no derivative."""
        if math.isfinite(cost):
            return
        if step == 0:
            raise UsageError(t("the cost is {cost} on this batch: it has no gradient to check.", cost=cost))
        raise TrainingError(
            t(
                "the cost is {cost} after {step} steps of training. Check with fewer steps, or a lower learning rate.",
                cost=cost,
                step=step,
            )
        )

    def _require_a_function(self) -> None:
        """One finite float64 number, the same each time, with or without a graph."""
        with torch.enable_grad():
            first: Any = self.cost()
        if not isinstance(first, Tensor) or first.numel() != 1 or first.is_complex():
            shape = str(tuple(first.shape)) if isinstance(first, Tensor) else type(first).__name__
            raise UsageError(t("the cost must be one real number, and is {shape}.", shape=shape))
        if first.dtype != torch.float64:
            raise UsageError(
                t(
                    "the cost comes out as {dtype}: somewhere the forward pass leaves float64, where alone differences "
                    "are exact enough. Take the conversion out.",
                    dtype=str(first.dtype),
                )
            )
        one = float(first.detach())
        self.require_finite(one, 0)
        start = time.thread_time()  # not the clock: a busy machine is to choose the same probes
        with torch.enable_grad():
            two = float(self.cost().detach())
        self.seconds = time.thread_time() - start
        if not math.isclose(one, two, rel_tol=1e-12, abs_tol=1e-300):
            raise UsageError(
                t(
                    "two forward passes on the same batch cost {one} and {two}: something in them is random. Dropout "
                    "layers are off already; seed or switch off what else draws numbers.",
                    one=repr(one),
                    two=repr(two),
                )
            )
        self.backward()
        self._needs_exact = self._exact.was_needed
        self.with_grad = not math.isclose(self.value(), one, rel_tol=1e-12, abs_tol=1e-300)


def dense(gradient: Tensor) -> Tensor:
    """A sparse gradient, as embeddings may have, filled up with zeros."""
    return gradient.to_dense() if gradient.is_sparse else gradient


def real(tensor: Tensor) -> Tensor:
    """Complex numbers as pairs of real ones, in the same memory."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
