"""events.jsonl and results.csv: strict, cut back to an offset, and a full disk costs lines, never the training.

Mutants seen caught: a log error that stops training (T10); the file not cut back at once.
"""

import errno
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.core.errors import DataError
from rumbo.runs.events import EventLog, event_line, read_events
from rumbo.runs.results import ResultsFile, read_results

NAN = float("nan")


def strict(line: bytes) -> object:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(line, parse_constant=refuse)


def test_an_event_is_a_line(tmp_path):
    with EventLog(tmp_path / "events.jsonl") as log:
        assert log.write({"event": "start", "name": "ñ\n"}) == log.path.stat().st_size
        log.write({"event": "step", "step": 1, "loss": 0.5})
    assert read_events(log.path) == [{"event": "start", "name": "ñ\n"}, {"event": "step", "step": 1, "loss": 0.5}]


def test_numbers_that_are_not_finite_are_null_with_their_state():
    line = strict(event_line({"loss": NAN, "dev": {"rmse": -math.inf, "r2": 0.5}, "norms": [1.0, math.inf], "n": [1]}))
    assert line == {
        "loss": None,
        "loss_state": "nan",
        "dev": {"rmse": None, "rmse_state": "-inf", "r2": 0.5},
        "norms": [1.0, None],
        "norms_state": [None, "inf"],
        "n": [1],
    }


def test_numpy_values_are_plain_values():
    line = strict(event_line({"a": np.float32(0.5), "b": np.int64(3), "c": np.float64("nan"), "d": True, "e": None}))
    assert line == {"a": 0.5, "b": 3, "c": None, "c_state": "nan", "d": True, "e": None}
    with pytest.raises(TypeError, match="plain values, not ndarray"):
        event_line({"a": np.zeros(3)})


plain_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(), plain_values, max_size=4))
def test_every_event_is_one_line_of_strict_json(event):
    line = event_line(event)
    assert line.count(b"\n") == 1
    assert set(strict(line)) >= set(event)


def test_a_resume_repeats_no_event(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        offset = [log.write({"step": step}) for step in range(5)][2]
    with EventLog(path, offset) as log:
        assert log.offset == path.stat().st_size == offset
        log.write({"step": 3})
    assert [event["step"] for event in read_events(path)] == [0, 1, 2, 3]
    with EventLog(path) as log:
        log.write({"step": 4})
    assert [event["step"] for event in read_events(path)] == [0, 1, 2, 3, 4]
    EventLog(path, 0).close()
    assert path.read_bytes() == b""


def test_a_log_that_lost_its_end_is_told(tmp_path):
    (tmp_path / "events.jsonl").write_bytes(b"{}\n")
    with EventLog(tmp_path / "events.jsonl", 10) as log:
        assert log.offset == 3
        assert "ends 7 bytes before" in log.take_problem()
        assert log.take_problem() is None


def test_a_full_disk_is_told_once_and_costs_only_lines(tmp_path, faults):
    with EventLog(tmp_path / "events.jsonl") as log:
        before = log.write({"step": 0})
        with faults(lambda count: OSError(errno.ENOSPC, "")):
            assert [log.write({"step": step}) for step in (1, 2, 3)] == [before] * 3
            log.sync()
        assert "events.jsonl could not be written: No space left on device. Training goes on" in log.take_problem()
        assert log.take_problem() is None
        log.write({"step": 4})
    assert [event["step"] for event in read_events(log.path)] == [0, 4]


def test_half_a_line_is_cut_off_at_the_end(tmp_path, faults):
    log = EventLog(tmp_path / "events.jsonl")
    log.write({"step": 0})
    with faults(lambda count: OSError(errno.ENOSPC, "") if count == 2 else None):
        log.write({"step": 1})
    assert not log.path.read_bytes().endswith(b"\n")
    assert read_events(log.path) == [{"step": 0}]
    log.close()
    assert log.path.read_bytes() == b'{"step": 0}\n'


def test_a_log_that_cannot_be_opened_stops_nothing(tmp_path):
    log = EventLog(tmp_path / "nowhere" / "events.jsonl")
    assert log.write({"step": 0}) == 0
    assert "No such file" in log.take_problem()
    log.close()


def test_a_link_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "events.jsonl").symlink_to(victim)
    with EventLog(tmp_path / "events.jsonl", 0) as log:
        log.write({"step": 0})
    assert log.take_problem() is not None
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("data", [b"[1]\n", b'{"a": NaN}\n', b"\xff\n", b"nonsense\n"])
def test_a_foreign_event_log_is_refused(tmp_path, data):
    (tmp_path / "events.jsonl").write_bytes(data)
    with pytest.raises(DataError, match=r"events\.jsonl is not a readable event log"):
        read_events(tmp_path / "events.jsonl")


def test_results_have_the_stated_columns_and_read_back(tmp_path):
    with ResultsFile(tmp_path / "results.csv") as results:
        results.write(1, 2.5, 0.1, {"train/loss": 0.1 + 0.2, "dev/recall, 'é'": NAN})
        results.write(2, 5.0, 0.05, {"train/loss": math.inf, "dev/recall, 'é'": None})
        offset = results.offset
    lines = results.path.read_text().split("\n")
    assert lines[0] == "epoch,time_s,lr,train/loss,\"dev/recall, 'é'\""
    assert lines[1] == "1,2.5,0.1,0.30000000000000004,nan"
    assert lines[2] == "2,5.0,0.05,inf,"
    assert results.path.stat().st_size == offset
    columns = read_results(results.path)
    assert columns["epoch"] == [1.0, 2.0]
    assert columns["train/loss"] == [0.1 + 0.2, math.inf]
    assert all(math.isnan(value) for value in columns["dev/recall, 'é'"])


def test_a_resume_repeats_no_epoch_and_keeps_the_columns(tmp_path):
    path, metrics = tmp_path / "results.csv", {"dev/accuracy": 0.5}
    with ResultsFile(path) as results:
        offset = [results.write(epoch, 1.0, 0.1, metrics) for epoch in (1, 2, 3)][1]
    whole = path.read_bytes()
    with ResultsFile(path, offset) as results:
        results.write(3, 1.0, 0.1, metrics)
        with pytest.raises(ValueError, match="dev/f1"):
            results.write(4, 1.0, 0.1, {"dev/f1": 0.5})
    assert path.read_bytes() == whole
    with ResultsFile(path, 0) as results:
        results.write(1, 1.0, 0.1, {"dev/f1": 0.5})
    assert list(read_results(path)) == ["epoch", "time_s", "lr", "dev/f1"]


def test_the_header_is_written_again_when_the_first_row_failed(tmp_path, faults):
    with ResultsFile(tmp_path / "results.csv") as results:
        with faults(lambda count: OSError(errno.ENOSPC, "")):
            results.write(1, 1.0, 0.1, {"dev/accuracy": 0.5})
        results.write(2, 2.0, 0.1, {"dev/accuracy": 0.6})
    assert read_results(results.path) == {"epoch": [2.0], "time_s": [2.0], "lr": [0.1], "dev/accuracy": [0.6]}


def test_an_empty_table_and_a_cut_row(tmp_path):
    path = tmp_path / "results.csv"
    path.write_bytes(b"")
    assert read_results(path) == {"epoch": [], "time_s": [], "lr": []}
    path.write_bytes(b"epoch,time_s,lr\n1,2,0.1\n2,3,")
    assert read_results(path)["epoch"] == [1.0]


@pytest.mark.parametrize("text", ["a,b,c\n1,2,3\n", "epoch,time_s,lr\n1,2\n", "epoch,time_s,lr\n1,2,x\n", "\0\n", "é"])
def test_a_foreign_table_is_refused(tmp_path, text):
    (tmp_path / "results.csv").write_bytes(text.encode("latin-1") + b"\n")
    with pytest.raises(DataError, match=r"results\.csv is not a table of results"):
        read_results(tmp_path / "results.csv")
