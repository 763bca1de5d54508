"""Several processes train and judge as one does."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from teams import cut_networks, examples, fail, fit_data, fit_options, judge_sizes, say, together, train

from rumbo.data.loader import Loader
from rumbo.training.distributed import ALONE, Team

KINDS = ("classify", "regress", "multilabel")
SHARDS = {"shard": True}


def assert_alike(one: dict[str, Any], others: list[dict[str, Any]]) -> None:
    """The losses of the first 20 steps are equal to 1e-6, the weights at the end nearly; all ranks have the same."""
    first = others[0]
    assert len(one["losses"]) == len(first["losses"])
    assert np.abs(np.subtract(one["losses"], first["losses"]))[:20].max() <= 1e-6
    for name, weight in one["weights"].items():
        np.testing.assert_allclose(first["weights"][name], weight, atol=2e-5)
    assert_same(others)


def assert_same(answers: list[dict[str, Any]]) -> None:
    first = answers[0]
    for other in answers[1:]:
        assert (other["losses"], other["metrics"], other["best_epoch"]) == (
            first["losses"],
            first["metrics"],
            first["best_epoch"],
        )
        assert all(np.array_equal(other["weights"][name], weight) for name, weight in first["weights"].items())


@pytest.mark.train
@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_those_of_one_process(kind: str) -> None:
    assert_alike(train(ALONE, kind, {}), together(2, train, kind, {}))


@pytest.mark.train
@pytest.mark.parametrize(
    "changes", [{"micro_batch": 5}, {"clip_norm": 0.5, "clip_value": 0.1}, {"full_batch_epochs": 1, "batch_size": 30}]
)
def test_parts_and_clipping_change_nothing(changes: dict[str, Any]) -> None:
    # Three processes: the steps of 16 and the last one of 4 do not go round.
    assert_alike(train(ALONE, "regress", changes), together(3, train, "regress", changes))


@pytest.mark.train
def test_shards_change_nothing() -> None:
    options = {"clip_norm": 0.5, "micro_batch": 5}
    assert_alike(train(ALONE, "classify", options), together(2, train, "classify", options | SHARDS))


@pytest.mark.slow
def test_every_network_can_be_cut() -> None:
    assert together(2, cut_networks) == [{}, {}]


@pytest.mark.train
def test_random_things_differ_between_processes_and_not_between_runs() -> None:
    options = {"mixup": 0.4, "average_decay": 0.9}
    once, again = (together(2, train, "classify", options, False) for _ in range(2))
    assert_same([*once, *again])
    alone = train(ALONE, "classify", options, False)
    assert alone["losses"] != once[0]["losses"]
    assert alone["metrics"][-1]["dev/loss"] == pytest.approx(once[0]["metrics"][-1]["dev/loss"], rel=0.5)


@pytest.mark.train
@pytest.mark.parametrize(
    "options", [pytest.param({}, id="replicas"), pytest.param(SHARDS, id="shards", marks=pytest.mark.slow)]
)
def test_a_checkpoint_goes_on_in_any_world(options: dict[str, Any]) -> None:
    whole = together(2, train, "multilabel", options, False)
    half = together(2, train, "multilabel", options, False, None, 10)
    assert half[0]["losses"] == whole[0]["losses"][:10]
    rest = together(2, train, "multilabel", options, False, half[0]["files"])
    assert half[0]["losses"] + rest[0]["losses"] == whole[0]["losses"]
    assert rest[0]["metrics"] == whole[0]["metrics"][1:]
    assert all(np.array_equal(rest[0]["weights"][name], weight) for name, weight in whole[0]["weights"].items())
    # From one process to three; `half` came from two, and goes on alone.
    plain = train(ALONE, "multilabel", {}, True, None, 10)["files"]
    other = together(3, train, "multilabel", options, True, plain)[0]
    assert np.allclose(other["losses"], train(ALONE, "multilabel", {})["losses"][10:], atol=1e-5)
    assert len(train(ALONE, "multilabel", options, False, half[0]["files"])["losses"]) == len(rest[0]["losses"])


@pytest.mark.train
@pytest.mark.parametrize("kind", KINDS)
def test_judgements_are_those_of_one_process_bit_for_bit(kind: str) -> None:
    sizes = list(range(1, 18))
    expected = judge_sizes(ALONE, kind, sizes)
    for world in (2, 3):
        for found in together(world, judge_sizes, kind, sizes):
            for one, other in zip(expected, found, strict=True):
                assert one.ids == other.ids
                assert one.loss == other.loss
                assert np.array_equal(one.outputs, other.outputs)
                assert np.array_equal(one.truth, other.truth, equal_nan=True)  # pyright: ignore[reportArgumentType]
                assert np.array_equal(one.weights, other.weights)


@pytest.mark.train
def test_what_is_not_finite_in_one_part_stops_all_before_the_update() -> None:
    messages = together(2, fail, "regress", {}, 1)
    # Each explains what it sees in its own copy of the data: only one's has the bad number.
    assert ["the inputs (numbers)" in message for message in messages] == [False, True]
    assert all(message.startswith("3 the cost of step 3, or its gradient,") for message in messages)


@pytest.mark.train
def test_a_team_agrees() -> None:
    for answers in together(3, say, ["Ñandú/é", "b", "c"]):
        assert answers[:3] == [(True, False, True), "Ñandú/é", 0.25]
        assert answers[3] == pytest.approx(0.6)
        assert "did not prepare the same training" in answers[4]
    assert len(together(2, say, ["same", "same"])[0]) == 4


def test_one_process_alone_agrees_with_itself() -> None:
    assert (ALONE.agree(True, False), ALONE.from_first(2.5), ALONE.text_from_first("x")) == ((True, False), 2.5, "x")
    ALONE.require_same("anything")
    ALONE.wait()
    assert ALONE.is_first
    layer = torch.nn.Linear(1, 1)
    assert ALONE.in_parallel(layer) is layer


@given(world=st.integers(1, 5), size=st.integers(1, 40), batch_size=st.integers(1, 12), micro=st.integers(1, 6))
def test_each_row_of_a_step_counts_once(world: int, size: int, batch_size: int, micro: int) -> None:
    every = examples("regress", size)
    loaders = [
        Loader(examples=every, rows=np.arange(size), batch_size=batch_size, part=(r, world)) for r in range(world)
    ]
    shares = [list(loader.epoch(0, micro_batch=micro)) for loader in loaders]
    assert len({len(share) for share in shares}) == 1  # as many parts for each
    whole = list(Loader(examples=every, rows=np.arange(size), batch_size=batch_size).epoch(0))
    steps: list[list[int]] = [[]]
    for parts in zip(*shares, strict=True):
        assert len({(part.ends_step, len(part.rows)) for part in parts}) == 1
        steps[-1] += [int(row) for part in parts for row, weight in zip(part.rows, part.weights, strict=True) if weight]
        if parts[0].ends_step:
            steps.append([])
    assert [sorted(step) for step in steps[:-1]] == [sorted(map(int, batch.rows)) for batch in whole]


def test_the_first_process_draws_what_one_alone_draws() -> None:
    assert Team(0, 4).position(7, 0) == ALONE.position(7, 0) == (7,)
    assert Team(0, 4).position(7, 2) == (7, 2)
    assert len({Team(rank, 4).position(7, part) for rank in range(4) for part in range(3)}) == 12


def test_a_part_of_dev_is_dealt_in_turn() -> None:
    data = fit_data("regress", fit_options(), ALONE)
    own = data.dealt_to(Team(1, 3))
    assert (own.train.part, own.dev.part if own.dev else None) == ((1, 3), (1, 3))
    assert len(own.train) == len(data.train)
