"""T18: several processes of one run. The death of one, exact judgement, closed ports, and every way to stop."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from rank_jobs import dies, failing, look_at_sockets, run_job, signalled, slow_report, start_job
from sittings import outcome, strict

TABLE = ("table.csv", "--model", "mlp", "--epochs", "3", "--set", "train.batch_size=24")
STEPS = 18
LOOPBACK = "0100007F"  # 127.0.0.1 as the kernel writes it


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    return data


@pytest.fixture(scope="module")
def whole(folder: Path) -> Path:
    """A run of two processes that nobody interrupts."""
    name = f"whole-{uuid4().hex[:8]}"  # tests that are dealt out to workers may come back here a second time
    end = run_job("train", *TABLE, "--out", name, "--processes", 2, folder=folder, fault=partial(look_at_sockets, 3))
    assert end.code == 0, end
    return folder / name


def resumed(folder: Path, run: str, world: int = 2) -> Path:
    words = ("--processes", world) if world > 1 else ()
    end = run_job("train", "--resume", "--out", run, *words, folder=folder)
    assert end.code == 0, end
    return folder / run


@pytest.mark.train
def test_ports_are_closed_to_others(whole: Path) -> None:
    for rank in (0, 1):
        sockets = json.loads((whole.parent / f"sockets.{rank}.json").read_text())
        assert any(state == "0A" for _, _, state in sockets)  # it listens ...
        assert {(family, address) for family, address, _ in sockets} == {("tcp", LOOPBACK)}  # ... to this machine alone


@pytest.mark.train
@pytest.mark.parametrize(("victim", "number"), [(1, signal.SIGKILL), (0, signal.SIGKILL), (1, signal.SIGSEGV)])
def test_a_death_ends_all_and_the_run_goes_on(victim: int, number: int, folder: Path, whole: Path) -> None:
    run = f"death-{victim}-{number}"
    fault = partial(signalled, victim, 8, number)
    end = run_job("train", *TABLE, "--out", run, "--processes", 2, folder=folder, fault=fault)
    assert end.code == 4
    assert f"process {victim} of 2 was killed ({signal.Signals(number).name}" in end.error
    assert f"rumbo train --resume --out {run} --processes 2" in end.error
    assert end.error.count("error:") == 1
    if number == signal.SIGSEGV:  # the others are resumed in the long form
        assert outcome(resumed(folder, run)) == outcome(whole)


@pytest.mark.train
def test_one_that_is_frozen_ends_all(folder: Path) -> None:
    fault = partial(signalled, 1, 4, signal.SIGSTOP)
    end = run_job("train", *TABLE, "--out", "frozen", "--processes", 2, folder=folder, fault=fault, silence=3)
    assert end.code == 4
    assert "process 1 of 2 did nothing for 3 seconds and was ended after step " in end.error, end.error[-400:]


@pytest.mark.train
@pytest.mark.parametrize(
    ("number", "to", "code"),
    [
        (signal.SIGINT, "all", 130),  # Ctrl-C reaches every process of a terminal, and the job passes it on as well
        (signal.SIGTERM, "job", 143),
        (signal.SIGTERM, "rank", 143),
    ],
)
def test_all_stop_after_the_same_step(number: int, to: str, code: int, folder: Path, whole: Path) -> None:
    run = f"stop-{number}-{to}"
    fault = partial(signalled, 1, 7, number, to=to)
    end = run_job("train", *TABLE, "--out", run, "--processes", 2, folder=folder, fault=fault)
    assert end.code == code, end
    assert "stopped in epoch " in end.error
    assert f"rumbo train --resume --out {run} --processes 2\n" in end.error
    assert end.error.count("error:") == 1
    if to == "rank":
        assert outcome(resumed(folder, run)) == outcome(whole)


@pytest.mark.train
def test_none_is_left_when_the_job_is_killed(folder: Path, whole: Path) -> None:
    before = set(Path(tempfile.gettempdir()).glob("rumbo-*/store"))
    fault = partial(signalled, 0, 7, signal.SIGKILL, to="job")
    job = start_job("train", *TABLE, "--out", "killed", "--processes", 2, folder=folder, fault=fault)
    assert job.end().code == -signal.SIGKILL
    assert job.orphans(25) == []
    assert "stopped in epoch " in job.end().error  # they saved
    assert set(Path(tempfile.gettempdir()).glob("rumbo-*/store")) <= before
    assert outcome(resumed(folder, "killed")) == outcome(whole)


@pytest.mark.train
def test_the_report_may_take_longer_than_one_waits_for_another(folder: Path) -> None:
    words = ("train", *TABLE, "--out", "late", "--processes", 2, "--json")
    end = run_job(*words, folder=folder, fault=partial(slow_report, 8, 10))
    assert end.code == 0, end
    assert len(end.out.splitlines()) == 1  # the helper says nothing
    assert (folder / "late" / "report.json").exists()


@pytest.mark.train
@pytest.mark.parametrize("victims", [(1,), (0, 1)])
def test_an_error_is_told_once(victims: tuple[int, ...], folder: Path) -> None:
    run = "error-" + "-".join(map(str, victims))
    fault = partial(failing, victims, 4, "DataError")
    end = run_job("train", *TABLE, "--out", run, "--processes", 2, "--json", folder=folder, fault=fault)
    assert end.code == 3
    assert end.error.count("on fire") == end.out.count("on fire") == 1
    assert json.loads(end.out)["error"]["exit_code"] == 3
    assert ("process 1 of 2: " in end.error) == (victims == (1,))


@pytest.mark.train
def test_what_is_typed_wrong_is_told_once(folder: Path) -> None:
    end = run_job("train", "table.csv", "--target", "labell", "--processes", 2, folder=folder)
    assert end.code == 2
    assert end.error.count("labell") == 1, end.error


@pytest.mark.train
def test_a_run_goes_on_with_other_numbers_of_processes(folder: Path, whole: Path) -> None:
    start = ("train", *TABLE, "--out", "worlds", "--processes", 2)
    then = ("train", "--resume", "--out", "worlds")
    for words, step in ((start, 4), (then, 9)):
        end = run_job(*words, folder=folder, fault=partial(signalled, 0, step, signal.SIGTERM))
        assert f"after step {step}; saved" in end.error, end
    end = run_job(*then, "--processes", 3, "--json", folder=folder)
    assert end.code == 0, end
    assert_nearly(json.loads(end.out), whole)


def assert_nearly(told: dict[str, Any], whole: Path) -> None:
    """Equal but for the order of sums: the network has neither dropout nor batch norm."""
    for split, expected in strict((whole / "report.json").read_bytes())["metrics"].items():
        assert told["metrics"][split] == pytest.approx(expected, rel=1e-4)


@pytest.mark.train
def test_shards_through_the_whole_program(folder: Path, whole: Path) -> None:
    words = ("train", *TABLE, "--set", "train.shard=true", "--out", "shards", "--processes", 2)
    end = run_job(*words, folder=folder, fault=partial(signalled, 1, 9, signal.SIGTERM))
    assert end.code == 143, end
    end = run_job("train", "--resume", "--out", "shards", "--processes", 2, "--json", folder=folder)
    assert end.code == 0, end
    assert_nearly(json.loads(end.out), whole)


@pytest.mark.train
def test_processes_are_programs_of_their_own(folder: Path) -> None:
    """The one test that starts them as users do. What lies in the folder is data, whatever it is called."""
    place = folder / "odd"
    place.mkdir()
    for name in ("rumbo", "json", "torch"):
        (place / f"{name}.py").write_text("raise SystemExit('imported from the working folder')\n")
    command = [sys.executable, "-P", "-m", "rumbo", "train", "nothing", "--processes", "2", "--json"]
    end = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert end.returncode == 2, end
    assert (end.stdout.count("nothing"), end.stderr.count("nothing")) == (1, 1)
    assert json.loads(end.stdout)["error"]["exit_code"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("number", range(50))
def test_fifty_deaths(number: int, folder: Path, whole: Path) -> None:
    rng = np.random.default_rng(number)
    victim, step = int(rng.integers(2)), int(rng.integers(1, STEPS + 1))
    how = [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS][rng.integers(4)]
    run = f"fifty-{number}"
    job = start_job(
        "train", *TABLE, "--out", run, "--processes", 2, folder=folder, fault=partial(dies, victim, step, how)
    )
    end = job.end()
    died_at = float((folder / "died").read_text())
    assert end.code == 4, end
    assert job.ended_at - died_at <= 30
    assert f"process {victim} of 2 was killed ({how.name}" in end.error
    assert job.orphans(35) == []
    assert outcome(resumed(folder, run)) == outcome(whole)
    shutil.rmtree(folder / run)


@pytest.mark.slow
@pytest.mark.parametrize("program", [("-m", "rumbo"), (str(Path(__file__).with_name("dies_once.py")),)])
def test_torchrun_trains_as_our_own_processes_do(program: tuple[str, ...], folder: Path, whole: Path) -> None:
    """It also starts them again after a death: the run goes on from its last checkpoint."""
    run = f"torchrun-{len(program)}"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = ["--max-restarts", "1", *program, "train", *TABLE, "--out", run, "--json"]
    environment = {**os.environ, "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # docs/distributed.md says why
    end = subprocess.run(
        [*command, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert end.returncode == 0, end.stderr[-6000:]
    assert set(json.loads(end.stdout.strip().splitlines()[-1])) >= {"run", "metrics"}
    assert outcome(folder / run) == outcome(whole)
