"""T13: SIGTERM and Ctrl-C at random moments end a training at once, saved, and resumable to the same bits.

Mutants seen caught: the loop does not ask; the handler stays for a second signal.
"""

import re
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from kinds import KINDS, OFTEN, different, expected, first_of, whole
from sittings import End, ForkServer, outcome

from rumbo.runs.publisher import latest

pytestmark = pytest.mark.train

LONGEST_SECONDS = 10
STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}
TABLE, PICTURES = "dropout and AdamW on a table", "augmentation and batch norm on pictures"


def shell_code(end: End) -> int:
    """The exit code as a shell tells it: 128 + the number of the signal that ended a process."""
    return end.code if end.code >= 0 else 128 - end.code


def faults_of_stop(end: End, run: Path, number: int) -> list[str]:
    """What is wrong with how a process stopped and with what it left."""
    wrong: list[str] = []
    if end.is_hung or end.orphans or (end.seconds_after_signal or 0) > LONGEST_SECONDS:
        wrong.append(f"{end.seconds_after_signal} s, hung: {end.is_hung}, orphans: {end.orphans}")
    if shell_code(end) != STOPPED[number]:
        wrong.append(f"ended with {end.code}")
    if "Traceback" in end.told or "fault of ours" in end.told:
        wrong.append("a traceback")
    found = latest(run / "checkpoints")
    if (found.step if found else -1) < end.saved:
        wrong.append("the checkpoint that was saved is lost")
    if said := re.search(r"after step ([\d,]+); saved", end.told):
        if found is None or found.step != int(said[1].replace(",", "")):
            wrong.append(f"it says {said[0]}, but {found and found.step} is there")
    elif end.code >= 0 and end.saved >= 0:
        wrong.append("it does not say what was saved")
    return wrong


def signal_at_random(server: ForkServer, data: Path, kind: str, num_signals: int, seed: int) -> tuple[Counter, float]:
    """Stop a run again and again until so many signals were sent; the places, and the longest time to an end."""
    wanted, seconds = whole(server, data, kind)
    rng, places, longest, count = np.random.default_rng(seed), Counter(), 0.0, 0
    while places.total() < num_signals:
        count += 1
        run, code = data / f"stopped-{seed}-{count}", None
        while code != 0:
            has_begun = (run / "config.yaml").exists()
            words = ("--resume",) if has_begun else (*KINDS[kind], *OFTEN)
            number = int(rng.choice(list(STOPPED)))
            is_enough = places.total() >= num_signals
            signals = [] if is_enough else [(float(rng.uniform(0.02, seconds)), number)]
            end = server.run("train", *words, "--out", run, folder=data, signals=signals)[0]
            code = end.code
            if code == 0:
                break
            places[end.place] += 1
            longest = max(longest, end.seconds_after_signal)
            assert faults_of_stop(end, run, number) == [], f"{kind}, seed {seed}: {end}"
        assert different(outcome(run), wanted) == [], f"{kind}, seed {seed}"
    return places, longest


def test_signals_at_random_moments(server, data):
    signal_at_random(server, data, TABLE, num_signals=4, seed=29)


@pytest.mark.slow
def test_a_hundred_signals(server, data):
    places, longest = Counter(), 0.0
    for number, kind in enumerate(KINDS):
        found, seconds = signal_at_random(server, data, kind, -(-100 // len(KINDS)), seed=500 + number)
        places, longest = places + found, max(longest, seconds)
    print(f"{places.total()} signals: {dict(places)}; the longest took {longest:.2f} s")
    assert places.total() >= 100


@pytest.mark.parametrize("number", first_of(STOPPED))
def test_a_signal_on_dev_does_not_wait_for_its_end(server, data, tmp_path, number):
    run, slow = tmp_path / "run", {"slow_dev": {"seconds": 2.5, "batch_size": 4, "number": number}}
    end = server.run("train", *KINDS[TABLE], *OFTEN, "--out", run, folder=data, faults=slow)[0]
    assert faults_of_stop(end, run, number) == [], end
    assert end.seconds < 2.5 * 12  # all of dev are 12 batches
    assert server.run("train", "--resume", "--out", run, folder=data)[0].code == 0
    assert different(outcome(run), expected(server, data, TABLE)) == []


@pytest.mark.parametrize("number", first_of(STOPPED))
def test_a_signal_while_threads_decode(server, data, tmp_path, number):
    run, kind = tmp_path / "run", "pictures decoded by threads"
    slow = {"slow_pictures": {"seconds": 0.1, "after": 150}, "signal_at_step": {"step": 5, "number": number}}
    end = server.run("train", *KINDS[kind], *OFTEN, "--out", run, folder=data, faults=slow, cores=4)[0]
    assert faults_of_stop(end, run, number) == [], end


@pytest.mark.parametrize("number", STOPPED)
def test_a_signal_while_pictures_are_read_leaves_nothing(server, data, tmp_path, number):
    run, slow = tmp_path / "run", {"slow_pictures": {"seconds": 0.4, "after": 0}}
    signals = [(2.0, number)]
    command = ("train", *KINDS[PICTURES], *OFTEN, "--out", run)
    end = server.run(*command, folder=data, faults=slow, cores=2, signals=signals)[0]
    assert faults_of_stop(end, run, number) == [], end
    assert not run.exists()


def test_a_signal_before_the_report_says_how_to_go_on(server, data, tmp_path):
    """matplotlib takes a second to import: the likeliest moment of all after the last step."""
    run, fault = tmp_path / "run", {"signal_while_importing": {"module": "rumbo.api.finish", "number": signal.SIGINT}}
    end = server.run("train", *KINDS[TABLE], *OFTEN, "--out", run, folder=data, faults=fault)[0]
    assert faults_of_stop(end, run, signal.SIGINT) == [], end
    assert "--resume" in end.told
    assert server.run("train", "--resume", "--out", run, folder=data)[0].code == 0
    assert different(outcome(run), expected(server, data, TABLE)) == []


def test_a_second_signal_leaves_at_once(server, data, tmp_path):
    run = tmp_path / "run"
    faults = {"signal_at_step": {"step": 7, "number": signal.SIGTERM, "times": 2}}
    end = server.run("train", *KINDS[TABLE], *OFTEN, "--out", run, folder=data, faults=faults)[0]
    assert end.code == -signal.SIGTERM
    assert latest(run / "checkpoints").step == 6  # the step before: it left before it could save
