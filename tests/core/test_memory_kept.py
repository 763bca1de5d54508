"""Freed memory stays with the process: a step takes again what the last one gave back, without a page fault."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, resource, sys
import torch
from rumbo.core.memory import keep_freed_memory
from rumbo.core.memory import M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
libc = ctypes.CDLL(None)  # everything is given back at once, as the C library does now and then by itself
libc.mallopt(M_MMAP_THRESHOLD, 2**16), libc.mallopt(M_TRIM_THRESHOLD, 0)
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def step(size):
    blocks = [torch.ones(size) for _ in range(2**24 // size)]  # 64 MiB together
    del blocks
most = 0
for size in (2**17, 2**18, 2**19, 2**20, 2**21, 2**22):  # what is left behind decides which of them give memory back
    for _ in range(3):
        step(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        step(size)
    most = max(most, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 5)
print(most)
"""


@pytest.mark.train
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_freed_memory_is_taken_again_without_page_faults():
    faults = {
        how: float(
            subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True).stdout
        )
        for how in ("usual", "kept")
    }
    assert faults["usual"] > 5_000, "64 MiB are 16,384 pages"
    assert faults["kept"] < 0.1 * faults["usual"]
