"""T05 through whole trainings: a damaged checkpoint is told and left out, and the bits of the end are the same.

`tests/runs/test_publisher.py` finds 1,200 of 1,200 flipped bits and cuts; here the program meets them.
"""

from pathlib import Path

import pytest
from kinds import KINDS, OFTEN, different, expected
from sittings import outcome

pytestmark = pytest.mark.train

TABLE = "dropout and AdamW on a table"


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def died(server, data, run) -> list[Path]:
    """A run that died after step 13, and its two checkpoints, the older one first."""
    fault = {"die_at_step": {"step": 13}}
    server.run("train", *KINDS[TABLE], *OFTEN, "--out", run, folder=data, faults=fault)
    found = sorted(run.glob("checkpoints/ckpt-*"))
    assert [folder.name[-2:] for folder in found] == ["11", "12"]
    return found


@pytest.mark.parametrize(
    ("damage", "name"), [(flip, "state.safetensors"), (cut, "state.json"), (Path.unlink, "manifest.json")]
)
def test_a_damaged_checkpoint_is_told_and_left_out(server, data, tmp_path, damage, name):
    run = tmp_path / "run"
    damage(died(server, data, run)[1] / name)
    end = server.run("train", "--resume", "--out", run, folder=data)[0]
    assert end.code == 0, end.told
    assert "checkpoint ckpt-000000000012 is damaged and left out: " in end.told
    assert "checkpoint ckpt-000000000012 is damaged and left out: " in (run / "log.txt").read_text(encoding="utf-8")
    assert different(outcome(run), expected(server, data, TABLE)) == []


def test_where_none_is_whole_nothing_is_trained(server, data, tmp_path):
    run = tmp_path / "run"
    for folder in died(server, data, run):
        flip(folder / "state.safetensors")
    before = {path: path.read_bytes() for path in run.rglob("ckpt-*/*")}
    end = server.run("train", "--resume", "--out", run, folder=data)[0]
    assert end.code == 4, end.told
    assert "ckpt-000000000012" in end.told
    assert "ckpt-000000000011" in end.told
    assert {path: path.read_bytes() for path in run.rglob("ckpt-*/*")} == before
