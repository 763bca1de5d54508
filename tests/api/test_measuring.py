"""Time, size and memory of a finished model are measured: each sees what would make it worse, and nothing else."""

import time

import numpy as np
import pytest

import rumbo
from rumbo.api.measuring import NUM_ROUNDS, measure, measure_in_turns
from rumbo.core.errors import UnknownName
from rumbo.data.demo import digits
from rumbo.tasks.trained import TrainedModel

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("measuring") / "run"
    return rumbo.train("demo:digits", model="softmax_regression", epochs=1, out=out)


def test_what_is_measured_is_told(run):
    found = rumbo.evaluate(run, require=["latency_ms<=5000", "memory_mb<=20000", "latency_ms<0.0001", "size_mb<1"])
    checks = {check.requirement.text: check for check in found.checks}
    latency, memory, size = checks["latency_ms<=5000"], checks["memory_mb<=20000"], checks["size_mb<1"]
    assert 0.01 < latency.value < 5000
    assert latency.interval[0] <= latency.value <= latency.interval[1]
    assert 50 < memory.value < 5000  # Python and torch are in it
    assert size.value == sum(file.stat().st_size for file in run.folder.model.iterdir()) / 1e6
    assert (memory.interval, size.interval) == (None, None)
    assert [check.requirement.text for check in found.missed] == ["latency_ms<0.0001"]
    how = found.goal_dict()["measured"]["latency_ms"]
    low, high = how["nine_in_ten_between"]
    assert (how["calls"] >= 3 * NUM_ROUNDS, low <= latency.value <= high, how["threads"] >= 1) == (True, True, True)


def test_latency_is_of_the_whole_way_of_one_example(run, monkeypatch):
    dataset = digits()
    quick = measure(["latency_ms"], run.folder.model, dataset)["latency_ms"]
    predict, seen = TrainedModel.predict, set()

    def slowly(self, given, **keywords):
        assert len(given) == 1
        assert given.target is None
        seen.add(given.ids[0])
        time.sleep(0.02)
        return predict(self, given, **keywords)

    monkeypatch.setattr(TrainedModel, "predict", slowly)
    slow = measure(["latency_ms"], run.folder.model, dataset)["latency_ms"]
    assert slow.value > quick.value + 15
    assert slow.value >= 20
    assert len(seen) > 10
    assert len(slow.rounds) == NUM_ROUNDS


def test_models_take_turns(run, monkeypatch):
    order = []
    predict = TrainedModel.predict
    monkeypatch.setattr("rumbo.api.measuring.ROUND_SECONDS", 0)

    def noted(self, given, **keywords):
        order.append(id(self))
        return predict(self, given, **keywords)

    monkeypatch.setattr(TrainedModel, "predict", noted)
    measure_in_turns(["latency_ms"], [(run.folder.model, digits()), (run.folder.model, digits())])
    changes = int((np.diff(np.unique(order, return_inverse=True)[1]) != 0).sum())
    assert changes == 1 + 2 * NUM_ROUNDS  # once in the warm-up, then between all rounds


def test_memory_is_that_of_a_process_of_its_own(run):
    before = measure(["memory_mb"], run.folder.model, None)["memory_mb"].value
    held = np.ones(60_000_000)  # 480 MB here must not count there
    after = measure(["memory_mb"], run.folder.model, None)["memory_mb"].value
    assert len(held)
    assert abs(after - before) < 100


def test_what_cannot_be_measured_is_told_its_nearest(run):
    with pytest.raises(UnknownName, match="latency_ms"):
        measure(["latency"], run.folder.model, None)
