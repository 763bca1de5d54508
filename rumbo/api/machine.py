"""What this machine is and what may go wrong on it. The quick form imports nothing heavy."""

import importlib.metadata
import os
import platform
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Any

from rumbo import __version__
from rumbo.core.devices import cpu_flags, num_cores
from rumbo.core.messages import language, t

PACKAGES = ("torch", "torchvision", "numpy", "polars", "pillow", "scikit-learn", "safetensors", "matplotlib")
LOWEST = {"torch": (2, 11), "pillow": (12, 3)}
ENOUGH_DISK_GIB = 2.0
ENOUGH_MEMORY_GIB = 2.0


@dataclass(frozen=True)
class Checkup:
    """Facts by name, and problems as sentences."""

    facts: dict[str, Any]
    problems: tuple[str, ...]


def doctor(*, quick: bool = False) -> Checkup:
    """Look at versions, processor, memory and disk; unless quick, also at torch and its speed."""
    facts: dict[str, Any] = {
        "rumbo": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "language": language(),
        "cores": num_cores(),
        "processor": " ".join(sorted(cpu_flags())) or "-",
        "memory_gib": _memory_gib(),
        "free_disk_gib": round(shutil.disk_usage(".").free / 2**30, 1),
    }
    facts |= {package: _version(package) for package in PACKAGES}
    problems = _problems(facts)
    if not quick:
        facts |= _torch_facts()
    return Checkup(facts, tuple(problems))


def _problems(facts: dict[str, Any]) -> list[str]:
    problems = []
    for package in PACKAGES:
        if facts[package] is None:
            problems.append(t("{package} is not installed; install rumbo again.", package=package))
    for package, lowest in LOWEST.items():
        version = facts[package]
        if version is not None and tuple(int(part) for part in version.split(".")[:2]) < lowest:
            wanted = ".".join(map(str, lowest))
            problems.append(
                t(
                    "{package} {version} is too old: {wanted} or newer is needed.",
                    package=package,
                    version=version,
                    wanted=wanted,
                )
            )
    if facts["free_disk_gib"] < ENOUGH_DISK_GIB:
        problems.append(
            t("only {free} GiB of disk are free here; checkpoints may not fit.", free=facts["free_disk_gib"])
        )
    if facts["memory_gib"] is not None and facts["memory_gib"] < ENOUGH_MEMORY_GIB:
        problems.append(t("only {free} GiB of memory are available.", free=facts["memory_gib"]))
    if not os.access(".", os.W_OK):
        problems.append(t("this folder is not writable; runs go to runs/ in it unless --out says otherwise."))
    if sys.flags.dont_write_bytecode:
        problems.append(t("PYTHONDONTWRITEBYTECODE is set: every start reads all source files again and is slow."))
    return problems


def _torch_facts() -> dict[str, Any]:
    began = time.perf_counter()
    import torch

    imported = time.perf_counter() - began
    matrix = torch.randn(1024, 1024)
    matrix @ matrix
    began = time.perf_counter()
    for _ in range(5):
        matrix @ matrix
    gflops = 5 * 2 * 1024**3 / (time.perf_counter() - began) / 1e9
    return {
        "torch_import_s": round(imported, 2),
        "torch_threads": torch.get_num_threads(),
        "fp32_gflops": round(gflops),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (ValueError, OSError):
        return None
