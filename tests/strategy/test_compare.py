import json

import numpy as np
import pytest

from rumbo.core.errors import UsageError
from rumbo.strategy import RunScores, compare_runs

IDS = [f"picture_{i}.png" for i in range(400)]


def run(name, scores, ids=IDS):
    return RunScores(name=name, ids=ids, scores=np.asarray(scores, dtype=float))


def test_pairing_finds_a_difference_that_unpaired_samples_hide():
    difficulty = np.random.default_rng(0).normal(size=400)
    noise = np.random.default_rng(1).normal(size=400) * 0.05
    better, worse = difficulty + 0.05 + noise, difficulty
    paired = compare_runs([run("worse", worse), run("better", better)])
    assert [place.name for place in paired.ranking] == ["better", "worse"]
    assert paired.differences[0].is_paired
    assert not paired.differences[0].is_noise
    assert paired.differences[0].value == pytest.approx(0.05, abs=0.01)

    unpaired = compare_runs([run("worse", worse, [f"other_{i}" for i in IDS]), run("better", better)])
    assert not unpaired.differences[0].is_paired
    assert unpaired.differences[0].is_noise


def test_the_order_of_rows_does_not_matter():
    scores = np.random.default_rng(0).random((2, 400))
    order = np.random.default_rng(1).permutation(400)
    straight = compare_runs([run("a", scores[0]), run("b", scores[1])])
    shuffled = compare_runs([run("b", scores[1][order], [IDS[i] for i in order]), run("a", scores[0])])
    assert straight == shuffled


def test_lower_can_be_better():
    result = compare_runs([run("slow", np.full(400, 9.0)), run("fast", np.full(400, 3.0))], higher_is_better=False)
    assert result.ranking[0].name == "fast"
    assert result.differences[0].value == pytest.approx(6.0)
    assert result.tied == ()


def test_equal_runs_and_tiny_sets_are_noise():
    same = np.arange(400) % 2
    assert compare_runs([run("a", same), run("b", same)]).tied == ("b",)
    tiny = [run("a", [1, 1], ["x", "y"]), run("b", [0, 0], ["x", "y"])]
    assert compare_runs(tiny).tied == ("b",)


def test_all_right_on_few_examples_has_an_interval():
    few = [run("a", np.ones(16), IDS[:16]), run("b", np.zeros(16), IDS[:16])]
    best, worst = compare_runs(few).ranking
    assert best.interval == pytest.approx((0.806, 1), abs=1e-3)
    assert worst.interval == pytest.approx((0, 0.194), abs=1e-3)
    elsewhere = compare_runs([few[0], run("b", np.ones(16), IDS[16:32])]).differences[0]
    assert elsewhere.interval[0] < 0 < elsewhere.interval[1]


def test_noise_is_called_noise_as_often_as_promised():
    generator = np.random.default_rng(5)
    false_alarms = 0
    for _ in range(60):
        scores = generator.random((2, 100)) < 0.8
        result = compare_runs([run("a", scores[0], IDS[:100]), run("b", scores[1], IDS[:100])])
        false_alarms += not result.differences[0].is_noise
    assert false_alarms <= 8


def test_the_result_is_strict_json():
    text = json.dumps(compare_runs([run("a", np.ones(400)), run("b", np.zeros(400))]).to_dict(), allow_nan=False)
    assert json.loads(text)["differences"][0]["noise"] is False


@pytest.mark.parametrize(
    "make",
    [
        lambda: compare_runs([]),
        lambda: compare_runs([run("a", np.ones(400)), run("a", np.ones(400))]),
        lambda: run("a", np.ones(3)),
        lambda: run("a", [np.nan], ["x"]),
        lambda: run("a", [1, 1], ["x", "x"]),
        lambda: RunScores(name="a", ids=["x"], scores=np.ones(1), weights=np.ones(2)),
    ],
)
def test_what_cannot_be_compared_is_refused(make):
    with pytest.raises(UsageError):
        make()
