"""Which processor computes. Chosen by rule, stored with the run, never changed on resume."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rumbo.core.errors import UsageError
from rumbo.core.messages import t

if TYPE_CHECKING:
    import torch


def choose_device(name: str = "auto") -> "torch.device":
    """The device of a name: `auto` takes a GPU when torch sees one, else the CPU.

    Raises:
        UsageError: the device is not on this machine.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(t("device '{name}' is not known; use auto, cpu, cuda or cuda:N.", name=name)) from None
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise UsageError(
            t(
                "device '{name}' was asked for, but torch sees {count} GPUs here. Use --device cpu, or leave it out.",
                name=name,
                count=torch.cuda.device_count(),
            )
        )
    if device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(t("device '{name}' is not known; use auto, cpu, cuda or cuda:N.", name=name))
    return device


def cpu_flags() -> frozenset[str]:
    """Instruction sets that matter for the choice of precision, as Linux names them; empty where it does not tell."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    wanted = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni", "amx_bf16", "amx_int8")
    line = next((row for row in text.splitlines() if row.startswith("flags")), "")
    return frozenset(wanted) & frozenset(line.split())


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
