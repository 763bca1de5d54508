"""T19: one run per folder, locks that are never stale, folders that can be moved.

Mutants seen caught: exists() before creating; a pid file for a lock; a lock that follows soft or hard links.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rumbo.core.errors import FolderInUse, StorageError, UsageError
from rumbo.runs.folder import RunFolder, plain_name
from rumbo.runs.publisher import latest, publish

RACE = '''
import json, os, sys, time
from pathlib import Path
from rumbo.core.errors import FolderInUse, UsageError
from rumbo.runs.folder import RunFolder

def contend(folder):
    try:
        RunFolder.resume(folder)
    except FolderInUse as error:
        return error.exit_code
    return 0

def create(parent):
    RunFolder.create("run", parent=parent)
    return 0

def race(action, place, num):
    """All start at one moment; each holds what it got until all have told how they ended."""
    told, release, start = os.pipe(), os.pipe(), time.monotonic() + 0.003
    for _ in range(num):
        if os.fork() == 0:
            while time.monotonic() < start:
                pass
            os.write(told[1], bytes([action(place)]))
            os.close(release[1])
            os.read(release[0], 1)
            os._exit(0)
    codes = sorted(os.read(told[0], 1)[0] for _ in range(num))
    os.close(release[1])
    for _ in range(num):
        os.wait()
    return codes

folder = Path(sys.argv[1])
RunFolder.create("shared", out=folder / "shared").close()
(folder / "shared" / "config.yaml").write_text("{}")
locks = [race(contend, folder / "shared", 4) for _ in range(50)]
names = [race(create, folder / str(number), 4) for number in range(50)]
made = [sorted(path.name for path in (folder / str(number)).iterdir()) for number in range(50)]
print(json.dumps({"locks": locks, "names": names, "made": made}))
'''

HOLD = """
import sys, time
from pathlib import Path
from rumbo.runs.folder import RunFolder
folder = RunFolder.resume(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def run(tmp_path) -> Path:
    with RunFolder.create("digits", parent=tmp_path / "runs") as folder:
        folder.config.write_text("model: mlp\n")
    return folder.path


def test_names_are_counted_up(tmp_path):
    made = [RunFolder.create("digits", parent=tmp_path / "runs").path.name for _ in range(3)]
    assert made == ["digits", "digits-2", "digits-3"]


def test_a_given_folder_is_made_with_its_parents(tmp_path):
    with RunFolder.create("ignored", tmp_path / "a" / "b") as folder:
        assert folder.path == tmp_path / "a" / "b"
        assert folder.checkpoints.is_dir()
        assert not folder.is_finished


@pytest.mark.parametrize(
    ("text", "name"),
    [("../../etc", "etc"), ("a/b c", "a-b-c"), (".hidden", "hidden"), ("", "run"), ("ñandú_1.2", "ñandú_1.2")],
)
def test_a_name_is_never_a_path(text, name):
    assert plain_name(text) == name
    assert len(plain_name(text * 100)) <= 60


def test_an_existing_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match=r"out exists already.*--resume") as caught:
        RunFolder.create("x", tmp_path / "out")
    assert caught.value.exit_code == 2
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("place", ["file/run", "/proc/run"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UsageError, match="run cannot be made"):
        RunFolder.create("x", tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_read_only_parent_is_named(tmp_path, faults):
    with (
        faults(lambda count: PermissionError(13, "")),
        pytest.raises(UsageError, match=r"out cannot be made: Permission denied\. .*--out"),
    ):
        RunFolder.create("x", tmp_path / "out")


def test_resuming_nothing_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"there is no run folder .*nowhere"):
        RunFolder.resume(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"is not a run folder.*config\.yaml"):
        RunFolder.resume(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_an_interrupted_write_left_is_removed(run):
    for place in (run, run / "checkpoints"):
        (place / ".tmp-3-99").mkdir()
        (place / ".tmp-3-99" / "state.json").write_text("half")
        (place / ".tmp-report.json-99").write_text("half")
    RunFolder.resume(run).close()
    assert sorted(path.name for path in run.rglob("*")) == ["checkpoints", "config.yaml", "run.lock"]


def test_a_second_process_is_told_who_works_here(run):
    with RunFolder.resume(run):
        before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
        with pytest.raises(FolderInUse, match=rf"process {os.getpid()} since \d{{4}}-.*\+00:00") as caught:
            RunFolder.resume(run)
        assert caught.value.exit_code == 75
        assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    RunFolder.resume(run).close()


def test_races_have_exactly_one_winner(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", RACE, tmp_path], capture_output=True, text=True, check=True, timeout=60
    )
    told = json.loads(ended.stdout)
    assert told["locks"] == [[0, 75, 75, 75]] * 50
    assert told["names"] == [[0, 0, 0, 0]] * 50
    assert told["made"] == [["run", "run-2", "run-3", "run-4"]] * 50


def test_the_lock_of_a_dead_process_is_free_at_once(run):
    with subprocess.Popen([sys.executable, "-c", HOLD, run], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FolderInUse, match=f"process {holder.pid} "):
            RunFolder.resume(run)
        holder.kill()
    started = time.monotonic()
    RunFolder.resume(run).close()
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_lock_that_is_a_link_spares_its_victim(run, tmp_path, link):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (run / "run.lock").unlink()
    link(victim, run / "run.lock")
    with pytest.raises(StorageError, match="is a link"):
        RunFolder.resume(run)
    assert victim.read_text() == "precious"


def test_a_lock_that_is_a_pipe_does_not_hang(run):
    (run / "run.lock").unlink()
    os.mkfifo(run / "run.lock")
    with pytest.raises(StorageError, match="no plain file"):
        RunFolder.resume(run)


def test_the_lock_is_private_and_tells_no_path(run):
    lock = run / "run.lock"
    assert lock.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(lock.read_text())) == {"pid", "since"}


def test_a_moved_run_goes_on(run, tmp_path):
    publish(run / "checkpoints", 7, {"state.json": b"{}"})
    moved = tmp_path / "elsewhere" / "renamed"
    shutil.copytree(run, moved)
    shutil.rmtree(run)
    with RunFolder.resume(moved) as folder:
        assert latest(folder.checkpoints).step == 7
    for path in moved.rglob("*"):
        assert path.is_dir() or str(tmp_path).encode() not in path.read_bytes()


def test_a_run_is_finished_when_its_report_is_there(run):
    folder = RunFolder(run)
    assert not folder.is_finished
    folder.report_json.write_text("{}")
    assert folder.is_finished


def test_a_run_that_never_began_leaves_nothing(tmp_path):
    folder = RunFolder.create("digits", parent=tmp_path / "a" / "runs")
    folder.events.write_text("")
    folder.discard()
    assert list(tmp_path.iterdir()) == []


def test_discard_spares_other_runs_and_resumed_ones(run):
    RunFolder.create("digits", parent=run.parent).discard()
    assert [path.name for path in run.parent.iterdir()] == ["digits"]
    RunFolder.resume(run).discard()
    assert (run / "config.yaml").exists()


def test_every_place_lies_inside_under_its_name(run):
    folder = RunFolder(run)
    places = {name: getattr(folder, name) for name in vars(RunFolder) if isinstance(getattr(folder, name), Path)}
    assert {name: place.relative_to(run).as_posix() for name, place in places.items()} == {
        "config": "config.yaml",
        "split": "split.parquet",
        "data_check": "data_check.json",
        "results": "results.csv",
        "events": "events.jsonl",
        "checkpoints": "checkpoints",
        "model": "model",
        "predictions": "predictions",
        "report_html": "report.html",
        "report_json": "report.json",
        "log": "log.txt",
    }
