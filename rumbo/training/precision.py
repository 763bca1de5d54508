# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""In which precision and layout a training computes, compiled or not, on how many threads: chosen before step 1.

The rule was read off measurements (`bench/precision.py`; the table stands in docs/speed.md). It goes by what the layers
are and do, never by the name of a network. Its choice is stored with the run and never made again on resume.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rumbo.core.devices import num_cores
from rumbo.core.errors import UsageError
from rumbo.core.inputs import InputSpec
from rumbo.core.messages import t
from rumbo.models.layout import Layout, layout_of
from rumbo.training.options import FitOptions
from rumbo.training.work import Kind, Work, work_of

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How a training computes; the options of the run store it.

    Attributes:
        precision: of the forward and backward pass; weights, updates and costs are fp32 in all of them.
        layout: how pictures and kernels lie in memory.
        compile: whether torch compiles the network first.
        threads: of the CPU's arithmetic.
        reason: one sentence for people.
    """

    precision: Precision
    layout: Layout
    compile: bool
    threads: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Least:
    """From where on layers of a kind gain by bf16; each bound lies between a case that lost and one that gained.

    Attributes:
        multiply_adds: of a step, in layers of this kind: below, starting kernels takes longer than they save.
        weights: in layers of this kind; small matrices do not fill the units.
        reuse: how often a step uses a weight: below, turning weights into bf16 takes longer than it saves.
        reuse_per_example: the same for one example, the pixels of a feature map: tiny maps do not fill the units.
    """

    multiply_adds: float = 0
    weights: int = 0
    reuse: float = 0
    reuse_per_example: float = 0


GAINS: Mapping[str, Mapping[Kind, Least]] = {
    "amx_bf16": {
        "convolution": Least(multiply_adds=50e6, reuse=400, reuse_per_example=6),
        "linear": Least(multiply_adds=25e6, weights=150_000, reuse=64),
        "recurrent": Least(multiply_adds=100e6, reuse=1000),
    },
    "avx512_bf16": {
        "convolution": Least(multiply_adds=500e6, reuse=600, reuse_per_example=10),
        "recurrent": Least(multiply_adds=1e9, reuse=1000),
    },
}
"""By the processor's best flag; a kind that is not listed does not gain, and without either flag none does.

The second row was measured on AMD's processors (Zen 5), which do twice as much in bf16. Intel's do not without AMX:
there bf16 lost in every case, so where AMX is hidden (avx512_fp16 tells them apart) no row counts.
"""

LEAST_SHARE = 0.8
"""Of the multiply-adds in layers that gain."""

MOST_GROUPED = 0.01
"""Share of convolutions in small groups (depthwise ones); in bf16 they are so slow that they spoil what others gain."""

LEAST_FOR_THREADS = 2_000_000
"""Multiply-adds of a step; with less to do, threads cost more than they help, and very much more on a busy machine."""

BF16_CAPABILITY = (8, 0)
"""The first GPUs that compute in bf16 (Ampere). This and what follows for GPUs was not measured by us."""

STEPS_WORTH_COMPILING = 20_000
"""On a GPU: compiling takes about a minute, a step of small networks a few milliseconds."""


def choose(
    network: nn.Module,
    example: InputSpec | Sequence[Tensor],
    batch_size: int,
    options: FitOptions,
    device: torch.device,
    flags: frozenset[str],
    *,
    num_steps: int | None = None,
) -> Choice:
    """Choose how to compute, by rule; what the options ask for is taken as it is.

    Args:
        network: comes back as it was.
        example: sizes of the inputs, or the inputs themselves as a batch of one.
        batch_size: examples that are in memory at a time.
        options: its precision, layout, compile and threads.
        device: where the training runs.
        flags: of the processor, as `rumbo.core.devices.cpu_flags` gives them.
        num_steps: of the whole training, where it is known.

    Raises:
        UsageError: the device cannot do what was asked for.
    """
    on_cpu = device.type == "cpu"
    asks_precision = on_cpu and options.precision == "auto" and _best_flag(flags) is not None
    asks_threads = on_cpu and options.threads is None
    work = _measured(network, example, batch_size) if asks_precision or asks_threads else None
    precision, reason = _precision(work, batch_size, options, device, flags)
    is_tiny = work is not None and 0 < work.total < LEAST_FOR_THREADS
    return Choice(
        precision=precision,
        layout=_layout(network, options, device, flags),
        compile=_compile(options, device, num_steps),
        threads=options.threads or (1 if is_tiny and device.type == "cpu" else num_cores()),
        reason=reason,
    )


def _measured(network: nn.Module, example: InputSpec | Sequence[Tensor], batch_size: int) -> Work | None:
    """None for a network that does not take a single example (or takes more than tensors)."""
    try:
        return work_of(network, example, batch_size)
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None


def _precision(
    work: Work | None, batch_size: int, options: FitOptions, device: torch.device, flags: frozenset[str]
) -> tuple[Precision, str]:
    if options.precision != "auto":
        return options.precision, _as_asked(options.precision, device, flags)
    if device.type == "cuda":
        return _for_gpu(device)
    best = _best_flag(flags)
    if device.type != "cpu" or best is None:
        return "fp32", t("training computes in fp32: this processor has no fast units for bf16.")
    if work is None:
        return "fp32", t("training computes in fp32: the network could not be measured with a single example.")
    if pays(work, batch_size, best):
        return "bf16", t(
            "training computes in bf16 with fp32 weights: this processor ({flag}) is faster at it for such a network.",
            flag=best,
        )
    return "fp32", t("training computes in fp32: bf16 is no faster for a network and steps of this size.")


def pays(work: Work, batch_size: int, flag: str) -> bool:
    """Whether bf16 is faster than fp32, by the table `GAINS`."""
    gaining = sum(
        work.share(kind)
        for kind, least in GAINS[flag].items()
        if work.multiply_adds.get(kind, 0) >= least.multiply_adds
        and work.weights.get(kind, 0) >= least.weights
        and work.reuse(kind) >= max(least.reuse, least.reuse_per_example * batch_size)
    )
    return gaining >= LEAST_SHARE and work.share("grouped") <= MOST_GROUPED


def _best_flag(flags: frozenset[str]) -> str | None:
    if "amx_bf16" in flags:
        return "amx_bf16"
    return "avx512_bf16" if "avx512_bf16" in flags and "avx512_fp16" not in flags else None


def _as_asked(precision: Precision, device: torch.device, flags: frozenset[str]) -> str:
    if precision == "fp16" and device.type != "cuda":
        raise UsageError(
            t(
                "train.precision=fp16 needs a GPU, but training runs on {device}. Set train.precision=bf16 or fp32, or "
                "leave it out.",
                device=device.type,
            )
        )
    if precision == "bf16" and device.type == "cpu" and _best_flag(flags) is None:
        return t(
            "training computes in bf16, as asked for, but this processor has no fast units for it and will be slower "
            "than with train.precision=fp32."
        )
    return t("training computes in {precision}, as asked for.", precision=precision)


def _for_gpu(device: torch.device) -> tuple[Precision, str]:
    if torch.cuda.get_device_capability(device) >= BF16_CAPABILITY:
        return "bf16", t("training computes in bf16 with fp32 weights, which this GPU is fast at.")
    return "fp16", t("training computes in fp16 with fp32 weights and scaled gradients, which this GPU is fast at.")


def _layout(network: nn.Module, options: FitOptions, device: torch.device, flags: frozenset[str]) -> Layout:
    if options.layout != "auto":
        return options.layout
    if device.type == "cuda" and any(isinstance(layer, nn.Conv2d) for layer in network.modules()):
        return "channels_last"
    return layout_of(network, flags)


def _compile(options: FitOptions, device: torch.device, num_steps: int | None) -> bool:
    """On a CPU only when asked for: it seldom pays there."""
    if options.compile == "yes":
        if device.type == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
            raise UsageError(
                t(
                    "train.compile=yes needs a C++ compiler, and there is none on this machine. Install g++, or "
                    "set train.compile=no."
                )
            )
        return True
    return options.compile == "auto" and device.type == "cuda" and (num_steps or 0) >= STEPS_WORTH_COMPILING
