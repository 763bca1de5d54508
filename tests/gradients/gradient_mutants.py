"""Backward passes written by hand in small random networks, and mistakes that a script makes in them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

KINDS = ("sign", "factor", "missing term", "wrong axis", "detached branch")
FACTORS = (0.0001, 0.5, 0.9, 0.97, 0.99, 1.01, 1.03, 1.1, 2.0, 10.0)
UNCHANGED = 1e-12
"""A mutant whose gradient lies nearer to autograd's than this, relatively, is none."""


@dataclass(frozen=True)
class Mutation:
    """One mistake: its kind, at which place of a backward pass, and how large a factor."""

    kind: str
    place: int
    factor: float


class Editor:
    """Passes everything through that a backward pass computes, and changes it at one place."""

    def __init__(self) -> None:
        self.mutation: Mutation | None = None
        self.places: list[set[str]] = []
        self.next = 0

    def begin(self) -> None:
        """A backward pass begins; a cell that is used at each time step has several."""
        self.next = 0

    def _here(self, *kinds: str) -> str:
        place, self.next = self.next, self.next + 1
        if len(self.places) <= place:
            self.places.append({"sign", "factor", *kinds})
        return self.mutation.kind if self.mutation is not None and self.mutation.place == place else ""

    def _changed(self, values: Tensor, kind: str) -> Tensor:
        if kind == "sign":
            return -values
        if kind == "factor":
            assert self.mutation is not None
            return values * self.mutation.factor
        if kind in ("missing term", "detached branch"):
            return torch.zeros_like(values)
        return _turned(values) if kind == "wrong axis" else values

    def term(self, values: Tensor) -> Tensor:
        """One of the terms of a sum."""
        return self._changed(values, self._here("missing term"))

    def gradient(self, values: Tensor) -> Tensor:
        """The whole gradient of one input: a branch of the graph."""
        return self._changed(values, self._here("detached branch", "wrong axis"))

    def sum(self, values: Tensor, axes: tuple[int, ...], *, keep: bool = False) -> Tensor:
        """A sum over axes."""
        kind = self._here("wrong axis")
        if kind == "wrong axis":
            values = _turned(values)
        total = values.sum(axes, keepdim=keep)
        return total if kind == "wrong axis" else self._changed(total, kind)


def _turned(values: Tensor) -> Tensor:
    """Two axes of one length taken for each other; without such a pair, the longest axis run through backwards."""
    for first in range(values.ndim):
        for second in range(first + 1, values.ndim):
            if values.shape[first] == values.shape[second] > 1:
                return values.transpose(first, second)
    return values.flip(max(range(values.ndim), key=lambda axis: values.shape[axis])) if values.ndim else values


class Linear(Function):
    @staticmethod
    def forward(ctx, edit, x, weight, bias):
        ctx.edit = edit
        ctx.save_for_backward(x, weight)
        return x @ weight.T + bias

    @staticmethod
    def backward(ctx, up):
        x, weight = ctx.saved_tensors
        edit = ctx.edit
        edit.begin()
        dx, flat = edit.gradient(up @ weight), up.flatten(0, -2)
        return None, dx, edit.gradient(flat.T @ x.flatten(0, -2)), edit.sum(flat, (0,))


class Conv(Function):
    """Stride 1, no padding, as one product with unfolded patches."""

    @staticmethod
    def forward(ctx, edit, x, weight, bias):
        ctx.edit = edit
        ctx.save_for_backward(x, weight)
        side = weight.shape[-1]
        found = weight.flatten(1) @ F.unfold(x, side) + bias[:, None]
        return found.view(len(x), len(weight), x.shape[2] - side + 1, x.shape[3] - side + 1)

    @staticmethod
    def backward(ctx, up):
        x, weight = ctx.saved_tensors
        edit = ctx.edit
        edit.begin()
        flat, side = up.flatten(2), weight.shape[-1]
        dx = edit.gradient(F.fold(weight.flatten(1).T @ flat, x.shape[2:], side))
        per_image = flat @ F.unfold(x, side).transpose(1, 2)
        dweight = edit.gradient(edit.sum(per_image, (0,)).view(weight.shape))
        return None, dx, dweight, edit.sum(up, (0, 2, 3))


def _normalized(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    deviation = (x.var(axes, unbiased=False, keepdim=True) + 1e-5).sqrt()
    return (x - x.mean(axes, keepdim=True)) / deviation, deviation


def _through_normalization(edit, d, x_hat: Tensor, deviation: Tensor, axes: tuple[int, ...]) -> Tensor:
    size = math.prod(d.shape[axis] for axis in axes)
    mean_term = edit.term(edit.sum(d, axes, keep=True) / size)
    variance_term = edit.term(x_hat * edit.sum(d * x_hat, axes, keep=True) / size)
    return edit.gradient((edit.term(d) - mean_term - variance_term) / deviation)


class BatchNorm(Function):
    axes = (0, 2, 3)

    @classmethod
    def forward(cls, ctx, edit, x, weight, bias):
        ctx.edit = edit
        x_hat, deviation = _normalized(x, (0, 2, 3))
        ctx.save_for_backward(x_hat, deviation, weight)
        return x_hat * weight[:, None, None] + bias[:, None, None]

    @staticmethod
    def backward(ctx, up):
        x_hat, deviation, weight = ctx.saved_tensors
        edit, axes = ctx.edit, (0, 2, 3)
        edit.begin()
        dx = _through_normalization(edit, up * weight[:, None, None], x_hat, deviation, axes)
        return None, dx, edit.gradient(edit.sum(up * x_hat, axes)), edit.sum(up, axes)


class LayerNorm(Function):
    @staticmethod
    def forward(ctx, edit, x, weight, bias):
        ctx.edit = edit
        x_hat, deviation = _normalized(x, (x.ndim - 1,))
        ctx.save_for_backward(x_hat, deviation, weight)
        return x_hat * weight + bias

    @staticmethod
    def backward(ctx, up):
        x_hat, deviation, weight = ctx.saved_tensors
        edit, others = ctx.edit, tuple(range(up.ndim - 1))
        edit.begin()
        dx = _through_normalization(edit, up * weight, x_hat, deviation, (up.ndim - 1,))
        return None, dx, edit.gradient(edit.sum(up * x_hat, others)), edit.sum(up, others)


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, edit, x):
        ctx.edit = edit
        a = torch.sigmoid(x)
        ctx.save_for_backward(a)
        return a

    @staticmethod
    def backward(ctx, up):
        (a,) = ctx.saved_tensors
        ctx.edit.begin()
        return None, ctx.edit.gradient(up * (ctx.edit.term(a) - ctx.edit.term(a * a)))


class Tanh(Function):
    @staticmethod
    def forward(ctx, edit, x):
        ctx.edit = edit
        a = torch.tanh(x)
        ctx.save_for_backward(a)
        return a

    @staticmethod
    def backward(ctx, up):
        (a,) = ctx.saved_tensors
        ctx.edit.begin()
        return None, ctx.edit.gradient(up * (1 - ctx.edit.term(a * a)))


class LeakyReLU(Function):
    @staticmethod
    def forward(ctx, edit, x):
        ctx.edit = edit
        ctx.save_for_backward(x)
        return torch.where(x > 0, x, 0.1 * x)

    @staticmethod
    def backward(ctx, up):
        (x,) = ctx.saved_tensors
        ctx.edit.begin()
        above, below = ctx.edit.term(up * (x > 0)), ctx.edit.term(0.1 * up * (x <= 0))
        return None, ctx.edit.gradient(above + below)


class ReLU(Function):
    @staticmethod
    def forward(ctx, edit, x):
        ctx.edit = edit
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, up):
        (x,) = ctx.saved_tensors
        ctx.edit.begin()
        return None, ctx.edit.gradient(up * (x > 0))


class Swish(Function):
    @staticmethod
    def forward(ctx, edit, x):
        ctx.edit = edit
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, up):
        (x,) = ctx.saved_tensors
        ctx.edit.begin()
        s = torch.sigmoid(x)
        return None, ctx.edit.gradient(up * (ctx.edit.term(s) + ctx.edit.term(x * s * (1 - s))))


class Add(Function):
    """The sum that ends a residual block."""

    @staticmethod
    def forward(ctx, edit, a, b):
        ctx.edit = edit
        return a + b

    @staticmethod
    def backward(ctx, up):
        ctx.edit.begin()
        return None, ctx.edit.gradient(up), ctx.edit.gradient(up)


class Gate(Function):
    """a times b, as in gated units."""

    @staticmethod
    def forward(ctx, edit, a, b):
        ctx.edit = edit
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, up):
        a, b = ctx.saved_tensors
        ctx.edit.begin()
        return None, ctx.edit.gradient(up * b), ctx.edit.gradient(up * a)


class Scale(Function):
    """A factor for each feature."""

    @staticmethod
    def forward(ctx, edit, x, factor):
        ctx.edit = edit
        ctx.save_for_backward(x, factor)
        return x * factor

    @staticmethod
    def backward(ctx, up):
        x, factor = ctx.saved_tensors
        ctx.edit.begin()
        dx = ctx.edit.gradient(up * factor)
        return None, dx, ctx.edit.gradient(ctx.edit.sum(up * x, tuple(range(up.ndim - 1))))


class UnitLength(Function):
    """Rows divided by their length."""

    @staticmethod
    def forward(ctx, edit, x):
        ctx.edit = edit
        length = x.square().sum(-1, keepdim=True).sqrt()
        y = x / length
        ctx.save_for_backward(y, length)
        return y

    @staticmethod
    def backward(ctx, up):
        y, length = ctx.saved_tensors
        edit = ctx.edit
        edit.begin()
        along = edit.term(y * edit.sum(up * y, (up.ndim - 1,), keep=True))
        return None, edit.gradient((edit.term(up) - along) / length)


class AveragePool(Function):
    @staticmethod
    def forward(ctx, edit, x):
        ctx.edit = edit
        m, c, h, w = x.shape
        return x.reshape(m, c, h // 2, 2, w // 2, 2).mean((3, 5))

    @staticmethod
    def backward(ctx, up):
        ctx.edit.begin()
        spread = up.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return None, ctx.edit.gradient(spread / 4)


class MaxPool(Function):
    @staticmethod
    def forward(ctx, edit, x):
        ctx.edit = edit
        m, c, h, w = x.shape
        windows = x.reshape(m, c, h // 2, 2, w // 2, 2).permute(0, 1, 2, 4, 3, 5).flatten(4)
        largest, ctx.where = windows.max(-1)
        return largest

    @staticmethod
    def backward(ctx, up):
        ctx.edit.begin()
        m, c, h, w = up.shape
        chosen = up[..., None] * F.one_hot(ctx.where, 4)
        dx = chosen.view(m, c, h, w, 2, 2).permute(0, 1, 2, 4, 3, 5).reshape(m, c, 2 * h, 2 * w)
        return None, ctx.edit.gradient(dx)


class Embedding(Function):
    @staticmethod
    def forward(ctx, edit, ids, table):
        ctx.edit, ctx.ids, ctx.size = edit, ids, table.shape
        return table[ids]

    @staticmethod
    def backward(ctx, up):
        ctx.edit.begin()
        each = ctx.edit.term(up.flatten(0, -2))
        table = up.new_zeros(ctx.size).index_add(0, ctx.ids.flatten(), each)
        return None, None, ctx.edit.gradient(table)


class RecurrentCell(Function):
    """a' = tanh(W x + U a + b)."""

    @staticmethod
    def forward(ctx, edit, x, a, w, u, b):
        ctx.edit = edit
        following = torch.tanh(x @ w.T + a @ u.T + b)
        ctx.save_for_backward(x, a, w, u, following)
        return following

    @staticmethod
    def backward(ctx, up):
        x, a, w, u, following = ctx.saved_tensors
        edit = ctx.edit
        edit.begin()
        dz = edit.gradient(up * (1 - edit.term(following**2)))
        dw, du = edit.gradient(dz.T @ x), edit.gradient(dz.T @ a)
        return None, edit.gradient(dz @ w), edit.gradient(dz @ u), dw, du, edit.sum(dz, (0,))


class GatedCell(Function):
    """GRU: r and z are gates, n is the candidate, a' = (1 - z) n + z a. Weights of the three stand below each other."""

    @staticmethod
    def forward(ctx, edit, x, a, w, u, b):
        ctx.edit = edit
        from_x, from_a = (x @ w.T + b).chunk(3, 1), (a @ u.T).chunk(3, 1)
        r, z = torch.sigmoid(from_x[0] + from_a[0]), torch.sigmoid(from_x[1] + from_a[1])
        n = torch.tanh(from_x[2] + r * from_a[2])
        ctx.save_for_backward(x, a, w, u, r, z, n, from_a[2])
        return (1 - z) * n + z * a

    @staticmethod
    def backward(ctx, up):
        x, a, w, u, r, z, n, inner = ctx.saved_tensors
        edit = ctx.edit
        edit.begin()
        dn = edit.gradient(up * (1 - z) * (1 - n * n))
        dz = edit.gradient(up * (edit.term(a) - edit.term(n)) * z * (1 - z))
        dr = edit.gradient(dn * inner * r * (1 - r))
        dx_gates, da_gates = torch.cat([dr, dz, dn], 1), torch.cat([dr, dz, edit.term(dn * r)], 1)
        da = edit.gradient(edit.term(up * z) + edit.term(da_gates @ u))
        dw, du = edit.gradient(dx_gates.T @ x), edit.gradient(da_gates.T @ a)
        return None, edit.gradient(dx_gates @ w), da, dw, du, edit.sum(dx_gates, (0,))


class Attention(Function):
    """softmax(Q K' / sqrt(d)) V."""

    @staticmethod
    def forward(ctx, edit, q, k, v):
        ctx.edit = edit
        share = torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, -1)
        ctx.save_for_backward(q, k, v, share)
        return share @ v

    @staticmethod
    def backward(ctx, up):
        q, k, v, share = ctx.saved_tensors
        edit = ctx.edit
        edit.begin()
        dshare = up @ v.transpose(1, 2)
        mean = edit.term(edit.sum(dshare * share, (2,), keep=True))
        dscore = share * (edit.term(dshare) - mean) / q.shape[-1] ** 0.5
        dq, dk = edit.gradient(dscore @ k), edit.gradient(dscore.transpose(1, 2) @ q)
        return None, dq, dk, edit.gradient(share.transpose(1, 2) @ up)


class CrossEntropy(Function):
    """Softmax and cross-entropy of class codes, the mean over items."""

    @staticmethod
    def forward(ctx, edit, scores, codes):
        ctx.edit, ctx.codes = edit, codes
        ctx.save_for_backward(scores)
        log = scores - scores.logsumexp(1, keepdim=True)
        return -log.gather(1, codes[:, None]).mean()

    @staticmethod
    def backward(ctx, up):
        (scores,) = ctx.saved_tensors
        edit = ctx.edit
        edit.begin()
        share, truth = torch.softmax(scores, 1), F.one_hot(ctx.codes, scores.shape[1])
        return None, edit.gradient(up * (edit.term(share) - edit.term(truth + 0.0 * share)) / len(scores)), None


class SquaredError(Function):
    @staticmethod
    def forward(ctx, edit, outputs, targets):
        ctx.edit = edit
        ctx.save_for_backward(outputs, targets)
        return (outputs - targets).square().mean()

    @staticmethod
    def backward(ctx, up):
        outputs, targets = ctx.saved_tensors
        edit = ctx.edit
        edit.begin()
        return None, edit.gradient(2 * up * (edit.term(outputs) - edit.term(targets)) / outputs.numel()), None


class _Notes:
    """A context for `forward` as plain torch code, which autograd then differentiates itself."""

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Nothing is needed: autograd keeps its own."""


class Hand(nn.Module):
    """One operation with its backward pass by hand, or, as the truth, by autograd."""

    def __init__(self, operation: type[Function]):
        super().__init__()
        self.operation, self.edit, self.by_autograd = operation, Editor(), False

    def forward(self, *tensors: Tensor) -> Tensor:
        if self.by_autograd:
            return self.operation.forward(_Notes(), self.edit, *tensors)
        return self.operation.apply(self.edit, *tensors)


class Network(nn.Module):
    """A small random network; its cost is its last operation."""

    def __init__(self, draw: np.random.Generator):
        super().__init__()
        self.hands = nn.ModuleDict()
        self.weights: dict[str, tuple[str, ...]] = {}
        self.draw = draw
        self.generator = torch.Generator().manual_seed(int(draw.integers(2**31)))

    def hand(self, name: str, operation: type[Function], **weights: tuple[int, ...]) -> None:
        """An operation with its weights, drawn as for the start of a training; factors about 1, biases about 0."""
        self.hands[name] = Hand(operation)
        for word, shape in weights.items():
            drawn = torch.randn(shape, generator=self.generator)
            fan_in = math.prod(shape[1:]) if len(shape) > 1 else 1
            value = {"factor": 1 + 0.2 * drawn, "bias": 0.2 * drawn}.get(word, drawn / fan_in**0.5)
            self.register_parameter(f"{name}_{word}", nn.Parameter(value))
        self.weights[name] = tuple(f"{name}_{word}" for word in weights)

    def run(self, name: str, *tensors: Tensor) -> Tensor:
        """Apply an operation to inputs and to its weights."""
        return self.hands[name](*tensors, *(getattr(self, word) for word in self.weights.get(name, ())))

    def pick(self, *choices: Any) -> Any:
        """One of some."""
        return choices[int(self.draw.integers(len(choices)))]

    def normal(self, *shape: int) -> Tensor:
        """Random inputs."""
        return torch.randn(shape, generator=self.generator)

    def codes(self, high: int, *shape: int) -> Tensor:
        """Random class codes."""
        return torch.randint(0, high, shape, generator=self.generator)


class Perceptron(Network):
    """Dense layers with a residual sum, a gate and a row of unit length."""

    def __init__(self, draw: np.random.Generator):
        super().__init__(draw)
        m, width = self.pick(5, 6), self.pick(5, 6)
        self.hand("first", Linear, weight=(width, 4), bias=(width,))
        self.hand("activation", self.pick(Sigmoid, Tanh, LeakyReLU, ReLU, Swish))
        self.hand("second", Linear, weight=(width, width), bias=(width,))
        self.hand("other", self.pick(Sigmoid, Tanh, LeakyReLU, Swish))
        self.hand("joint", self.pick(Add, Gate))
        self.hand("shape", *self.pick((LayerNorm,), (UnitLength,), (Scale,)))
        if self.hands["shape"].operation is not UnitLength:
            names = ("factor", "bias") if self.hands["shape"].operation is LayerNorm else ("factor",)
            self.hand("shape", self.hands["shape"].operation, **dict.fromkeys(names, (width,)))
        self.hand("last", Linear, weight=(3, width), bias=(3,))
        self.is_regression = bool(self.pick(0, 1))
        self.hand("cost", SquaredError if self.is_regression else CrossEntropy)
        self.batch = (self.normal(m, 4), self.normal(m, 3) if self.is_regression else self.codes(3, m))

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        hidden = self.run("activation", self.run("first", inputs))
        joined = self.run("joint", hidden, self.run("other", self.run("second", hidden)))
        return self.run("cost", self.run("last", self.run("shape", joined)), targets)


class Convolutional(Network):
    """Convolution, batch norm, activation and pooling, twice, and a dense layer."""

    def __init__(self, draw: np.random.Generator):
        super().__init__(draw)
        m, filters = 4, self.pick(3, 4)
        self.hand("first", Conv, weight=(filters, 2, 3, 3), bias=(filters,))
        self.hand("norm", BatchNorm, factor=(filters,), bias=(filters,))
        self.hand("activation", self.pick(ReLU, LeakyReLU, Swish))
        self.hand("pool", self.pick(MaxPool, AveragePool))
        self.hand("second", Conv, weight=(3, filters, 2, 2), bias=(3,))
        self.hand("other", self.pick(Tanh, LeakyReLU, Swish))
        self.hand("last", Linear, weight=(3, 3), bias=(3,))
        self.hand("cost", CrossEntropy)
        self.batch = (self.normal(m, 2, 8, 8), self.codes(3, m))

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        seen = self.run("activation", self.run("norm", self.run("first", inputs)))
        features = self.run("other", self.run("second", self.run("pool", seen))).mean((2, 3))
        return self.run("cost", self.run("last", features), targets)


class Transformer(Network):
    """Embedding, one block of attention with residual sums and layer norms, mean over time."""

    def __init__(self, draw: np.random.Generator):
        super().__init__(draw)
        m, length, width = 4, self.pick(4, 5), self.pick(4, 5)
        self.hand("embedding", Embedding, table=(7, width))
        for name in ("query", "key", "value", "wide", "narrow"):
            self.hand(name, Linear, weight=(width, width), bias=(width,))
        self.hand("attention", Attention)
        self.hand("add", Add)
        self.hand("norm", LayerNorm, factor=(width,), bias=(width,))
        self.hand("activation", self.pick(Swish, ReLU, Tanh))
        self.hand("add2", Add)
        self.hand("last", Linear, weight=(3, width), bias=(3,))
        self.hand("cost", CrossEntropy)
        self.batch = (self.codes(7, m, length), self.codes(3, m))

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        x = self.run("embedding", inputs)
        mixed = self.run("attention", *(self.run(name, x) for name in ("query", "key", "value")))
        x = self.run("norm", self.run("add", x, mixed))
        x = self.run("add2", x, self.run("narrow", self.run("activation", self.run("wide", x))))
        return self.run("cost", self.run("last", x.mean(1)), targets)


class Recurrent(Network):
    """Embedding, three steps of a cell, and a dense layer on the last state."""

    def __init__(self, draw: np.random.Generator):
        super().__init__(draw)
        m, width = self.pick(4, 5), self.pick(4, 5)
        cell = self.pick(RecurrentCell, GatedCell)
        rows = 3 * width if cell is GatedCell else width
        self.hand("embedding", Embedding, table=(6, 4))
        self.hand("cell", cell, weight=(rows, 4), upon=(rows, width), bias=(rows,))
        self.hand("scale", Scale, factor=(width,))
        self.hand("last", Linear, weight=(3, width), bias=(3,))
        self.hand("cost", CrossEntropy)
        self.batch = (self.codes(6, m, 3), self.codes(3, m))
        self.register_buffer("state", self.normal(m, width))

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        x, state = self.run("embedding", inputs), self.state
        for step in range(x.shape[1]):
            state = self.run("cell", x[:, step], state)
        return self.run("cost", self.run("last", self.run("scale", state)), targets)


FAMILIES: tuple[type[Network], ...] = (Perceptron, Convolutional, Transformer, Recurrent)


def network(seed: int) -> Network:
    """The network of a seed; families take turns."""
    draw = np.random.default_rng(seed)
    module = FAMILIES[seed % len(FAMILIES)](draw).double()
    module.batch = tuple(x.double() if x.is_floating_point() else x for x in module.batch)
    return module


def gradients(module: Network, *, by_autograd: bool) -> dict[str, Tensor]:
    """The gradients of all weights, by the backward passes by hand or by autograd."""
    for hand in module.hands.values():
        hand.by_autograd = by_autograd
    module.zero_grad()
    module(*module.batch).backward()
    for hand in module.hands.values():
        hand.by_autograd = False
    return {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in module.named_parameters()}


def change(module: Network) -> float:
    """How far the gradient by hand lies from autograd's, relatively, in the weight where it is farthest."""
    by_hand, truth = gradients(module, by_autograd=False), gradients(module, by_autograd=True)
    # A gradient that is zero but for rounding, such as that of a bias before batch norm, is told by the largest one.
    rounding = 1e-13 * max(float(g.norm()) for g in truth.values())
    found = [(float((by_hand[name] - g).norm()), float(by_hand[name].norm() + g.norm())) for name, g in truth.items()]
    return max(difference / sizes if difference > rounding else 0.0 for difference, sizes in found)


@dataclass(frozen=True)
class Mutant:
    """A network with one mistake in it."""

    module: Network
    seed: int
    operation: str
    mutation: Mutation
    change: float


def mutants(kind: str, number: int, *, seed: int = 0) -> tuple[list[Mutant], int]:
    """Some mutants of a kind whose gradient is wrong, and how many were left out because theirs is right."""
    found: list[Mutant] = []
    num_equal = 0
    for mutant in _stream(kind, seed):
        if mutant.change > UNCHANGED:
            found.append(mutant)
        else:
            num_equal += 1
        if len(found) == number:
            return found, num_equal
    raise AssertionError("the stream of mutants has no end")


def _stream(kind: str, seed: int) -> Iterator[Mutant]:
    for number in count(1_000_003 * seed + 7919 * KINDS.index(kind)):
        module, draw = network(number), np.random.default_rng([number, KINDS.index(kind)])
        gradients(module, by_autograd=False)  # so that editors know their places
        places = [
            (name, place)
            for name, hand in module.hands.items()
            for place, kinds in enumerate(hand.edit.places)
            if kind in kinds
        ]
        name, place = places[int(draw.integers(len(places)))]
        mutation = Mutation(kind, place, float(draw.choice(FACTORS)))
        module.hands[name].edit.mutation = mutation
        operation = module.hands[name].operation.__name__
        yield Mutant(module, number, operation, mutation, change(module))


Check = Callable[[Network], str]
