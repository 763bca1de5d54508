"""The comparison of T02 sees what it is there for: each careless way to resume gives another outcome."""

import signal

import pytest
from kinds import KINDS, OFTEN, whole
from sittings import outcome

pytestmark = [pytest.mark.train, pytest.mark.slow]

MUTANTS = {
    "forget_norms": "augmentation and batch norm on pictures",
    "forget_average": "an average of the weights",
    "forget_optimizer": "dropout and AdamW on a table",
    "forget_patience": "early stopping and a schedule",
    "restart_epoch": "pictures decoded by threads",
    "late_schedule": "early stopping and a schedule",
    "seed_once": "dropout and AdamW on a table",
}


@pytest.mark.parametrize("mutant", [None, *MUTANTS])
def test_a_careless_resume_is_seen(server, data, tmp_path, mutant):
    kind = MUTANTS.get(mutant, "dropout and AdamW on a table")
    fault = {} if mutant is None else {mutant: {}}
    expected, _ = whole(server, data, kind, fault)
    # Inside an epoch; inside the last one where what counts is how many had no better goal.
    step = expected["position"]["step"] - 2 if mutant == "forget_patience" else 17
    command = ("train", *KINDS[kind], *OFTEN, "--out", tmp_path / "run")
    death = server.run(*command, folder=data, faults={"die_at_step": {"step": step}, **fault})[0]
    assert death.code == -signal.SIGKILL, death.told
    end = server.run("train", "--resume", "--out", tmp_path / "run", folder=data, faults=fault)[0]
    if mutant is None:
        assert end.code == 0, end.told
        assert outcome(tmp_path / "run") == expected
    else:
        assert end.code != 0 or outcome(tmp_path / "run") != expected
