"""T10 through whole trainings: a disk that is full or fails stops a training aloud, and costs no checkpoint.

`tests/runs/test_publisher.py` lets every single call of one checkpoint fail; here the failures come at many moments of
a training, logs and report included. Mutants seen caught: `except Exception: pass` around a save; a log that stops all.
"""

import errno
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from kinds import KINDS, OFTEN, different, expected
from sittings import ForkServer, outcome

from rumbo.runs.publisher import latest

pytestmark = pytest.mark.train

TABLE = "dropout and AdamW on a table"
CODES = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES)
CHECKPOINT_CALLS = ("write", "fsync")
"""Logs are written by pwrite, everything else by write."""


def check_failure(server: ForkServer, data: Path, run: Path, fault: dict[str, Any], code: int | None) -> str:
    """A training on a failing disk; then one that goes on where there is room again. Gives where it failed."""
    end = server.run("train", *KINDS[TABLE], *OFTEN, "--out", run, folder=data, faults=fault)[0]
    if end.code == 2 and not run.exists():
        return "before the run began"  # the folder could not be made, and that was told
    assert end.code == 4, end.told
    assert "Traceback" not in end.told
    assert "fault of ours" not in end.told
    if code is not None:
        assert os.strerror(code) in end.told
    assert re.search(r"\d+ bytes.* \d+ are free", end.told), end.told
    assert str(run.name) in end.told
    if not (run / "config.yaml").exists():
        assert not run.exists()
        return "before the run began"
    found = latest(run / "checkpoints")
    assert (found.step if found else -1) >= end.saved, "a checkpoint was lost"
    assert found is None or found.skipped == ()
    again = server.run("train", "--resume", "--out", run, folder=data)[0]
    assert again.code == 0, again.told
    assert different(outcome(run), expected(server, data, TABLE)) == []
    shutil.rmtree(run)
    return end.place


def moments(num: int) -> list[tuple[int, int]]:
    """Numbers of the first call that fails, spread over the 372 of a training, each with a code."""
    return [(1 + round(i * 365 / (num - 1)), CODES[i % len(CODES)]) for i in range(num)]


@pytest.mark.parametrize(
    ("first", "code", "place"), [(1, errno.EROFS, "before the run began"), (80, errno.ENOSPC, "saving")]
)
def test_a_full_disk_stops_the_training_aloud(server, data, tmp_path, first, code, place):
    """At once, and not only when the model is to be written at the end."""
    fault = {"failing_writes": {"first": first, "code": code, "calls": CHECKPOINT_CALLS}}
    assert check_failure(server, data, tmp_path / "run", fault, code) == place


@pytest.mark.slow
def test_a_full_disk_at_seventy_moments(server, data, tmp_path):
    places = []
    for first, code in moments(70):
        fault = {"failing_writes": {"first": first, "code": code, "calls": CHECKPOINT_CALLS}}
        places.append(check_failure(server, data, tmp_path / "run", fault, code))
    print({place: places.count(place) for place in set(places)})
    assert {"saving", "finishing"} <= set(places)


@pytest.mark.slow
@pytest.mark.parametrize("first", [30, 75, 160])
def test_one_failure_is_tried_again_or_told(server, data, tmp_path, first):
    fault = {"failing_writes": {"first": first, "code": errno.EIO, "calls": CHECKPOINT_CALLS, "times": 1}}
    end = server.run("train", *KINDS[TABLE], *OFTEN, "--out", tmp_path / "run", folder=data, faults=fault)[0]
    if end.code == 4:
        end = server.run("train", "--resume", "--out", tmp_path / "run", folder=data)[0]
    assert end.code == 0, end.told
    assert different(outcome(tmp_path / "run"), expected(server, data, TABLE)) == []


def test_a_full_disk_of_logs_costs_lines_and_is_told(server, data, tmp_path):
    fault = {"failing_writes": {"first": 20, "code": errno.ENOSPC, "calls": ("pwrite",)}}
    end = server.run("train", *KINDS[TABLE], *OFTEN, "--out", tmp_path / "run", folder=data, faults=fault)[0]
    assert end.code == 0, end.told
    assert "could not be written: No space left on device. Training goes on" in end.told
    mine, theirs = outcome(tmp_path / "run"), expected(server, data, TABLE)
    assert set(different(mine, theirs)) <= {"results", "events"}


def test_the_systems_own_limit(server, data, tmp_path):
    """No call is replaced here: the kernel refuses to write on."""
    fault = {"small_files": {"num_bytes": 4096, "after_step": 8}}
    assert check_failure(server, data, tmp_path / "run", fault, errno.EFBIG) == "saving"
