"""What the one that starts several processes makes of their ends; the processes here are a few lines each."""

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from rumbo.api import processes
from rumbo.api.rank import LOST
from rumbo.core.errors import TrainingError

BEGIN = """
import json, os, signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
asked = []
line = socket.socket(fileno=int(os.environ["RUMBO_LINE"]))
line.sendall(json.dumps({"run": "runs/x", "step": 5}).encode() + b"\\n")
"""
WAIT = """
while not asked:
    time.sleep(0.01)
"""
ASK = "time.sleep(0.3); os.kill(os.getppid(), signal.SIGTERM)"
LEAVE = f"sys.exit({128 + signal.SIGTERM})"


def programs(*bodies: str) -> Callable[..., subprocess.Popen[bytes]]:
    """A starter that runs such a program for each rank."""

    def start(rank, _words, environment, output, line):
        command = [sys.executable, "-c", BEGIN + bodies[rank]]
        return subprocess.Popen(command, env=dict(environment), pass_fds=(line,), stdout=output, stderr=output)

    return start


def test_a_death_while_all_should_save_is_told():
    dies = f"{ASK}{WAIT}os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(TrainingError, match=r"process 1 of 2 was killed \(SIGKILL.* after step 5; .*--resume"):
        processes.run_in_processes(["train"], 2, starter=programs(f"{WAIT}time.sleep(0.5); sys.exit({LOST})", dies))


def test_that_nobody_could_save_is_told():
    lost = f"{WAIT}sys.exit({LOST})"
    with pytest.raises(TrainingError, match="lost each other"):
        processes.run_in_processes(["train"], 2, starter=programs(lost, ASK + lost))


def test_one_that_still_saves_is_not_ended_by_those_who_have(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.1)
    saved = tmp_path / "saved"
    saves = f"{WAIT}time.sleep(1); open({str(saved)!r}, 'w').close(); {LEAVE}"
    with pytest.raises(SystemExit) as leaving:
        processes.run_in_processes(["train"], 2, starter=programs(saves, ASK + WAIT + LEAVE))
    assert leaving.value.code == 128 + signal.SIGTERM
    assert saved.exists()
