"""Exit codes that depend on what happens, not on what was typed."""

import math

import pytest
import torch

from rumbo.api.evaluation import Evaluation


@pytest.mark.parametrize(
    ("value", "code"), [(0.95, 0), (0.90, 0), (0.85, 5), (math.nan, 5)], ids=["above", "equal", "below", "undefined"]
)
def test_a_gate_lets_only_proven_values_pass(rumbo, monkeypatch, value, code):
    found = Evaluation("new", 9, {"roc_auc": value}, "roc_auc", (value, value))
    monkeypatch.setattr("rumbo.api.evaluation.evaluate", lambda *_, **__: found)
    assert rumbo("evaluate", "run", "new", "--min", "0.9").code == code


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("could not create a primitive"),
    ],
    ids=["python", "gpu", "cpu", "kernel"],
)
def test_memory_that_runs_out_is_no_fault_of_ours(rumbo, monkeypatch, error):
    def fail(**_):
        raise error

    monkeypatch.setattr("rumbo.api.machine.doctor", fail)
    answer = rumbo("doctor")
    assert (answer.code, "out of memory" in answer.err) == (4, True)
