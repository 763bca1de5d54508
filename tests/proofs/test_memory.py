"""T25: a step for which there is no memory is made in smaller parts, by a real limit on the address space.

A child per limit, forked from one process that has imported everything. Mutant seen caught: the error raised again.
"""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, os, resource, sys
import torch, torch._dynamo
from torch import nn
from rumbo import fit
from rumbo.core.errors import TrainingError
from rumbo.training.events import Stepped, Warned

torch.set_num_threads(1)

def mapped():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmSize"))
    return int(line.split()[1]) * 1024

def train(limit_mib):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2),
    )
    x, y = torch.randn(96, 3, 48, 48), torch.arange(96) % 2
    if limit_mib:
        limit = mapped() + limit_mib * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    told, losses = [], []
    def watch(event):
        if isinstance(event, Warned):
            told.append(event.sentence)
        if isinstance(event, Stepped):
            losses.append(float(event.loss))
    try:
        fit(network, x, y, epochs=2, batch_size=0, precision="fp32", watch=watch)
        return {"losses": losses, "told": told}
    except TrainingError as error:
        return {"error": str(error), "exit_code": error.exit_code, "told": told}

for limit in json.loads(sys.argv[1]):
    out, into = os.pipe()
    if os.fork() == 0:
        os.write(into, json.dumps(train(limit)).encode())
        os._exit(0)
    os.close(into)
    os.wait()
    print(os.read(out, 2**16).decode(), flush=True)
    os.close(out)
"""
LIMITS_MIB = [0, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64]


@pytest.mark.skipif(sys.platform != "linux", reason="limits of the address space are Linux's")
def test_steps_shrink_until_they_fit():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(LIMITS_MIB)], capture_output=True, text=True, timeout=300, check=True
    )
    free, *limited = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(limited) == len(LIMITS_MIB) - 1, done.stderr
    assert free["told"] == []
    for limit, found in zip(LIMITS_MIB[1:], limited, strict=True):
        assert found["told"], f"{limit} MiB were no limit"
        assert "96 examples" in found["told"][0]
        if "error" in found:
            assert found["exit_code"] == 4
            assert "a single example" in found["error"]
        else:
            assert found["losses"] == pytest.approx(free["losses"], rel=1e-5), f"{limit} MiB"
    assert sum("losses" in found for found in limited) >= 8
