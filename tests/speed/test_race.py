"""Races at tiny sizes: both loops do the same work, and ratios say what was measured."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from rumbo.core.devices import cpu_flags
from rumbo.core.errors import DataError
from rumbo.core.registry import Registry
from rumbo.speed.disturbance import Strangers
from rumbo.speed.index import INDEX
from rumbo.speed.lenet5 import lenet5
from rumbo.speed.lstm import lstm
from rumbo.speed.overhead import overhead_at
from rumbo.speed.pictures import real_pictures
from rumbo.speed.race import LONGEST_SECONDS, Race, Result, Times, races, run
from rumbo.speed.resnet import resnet
from rumbo.training.precision import Choice

FP32 = Choice(precision="fp32", layout="usual", compile=False, threads=1, reason="")


def race_of(ours, by_hand, *, steps=1):
    return Race(
        name="made up", ours=ours, by_hand=by_hand, steps=steps, items=2, unit="pictures", rounds=3, choice=FP32
    )


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: lenet5(steps=3)[0], id="lenet5"),
        pytest.param(lambda: overhead_at(1.0, width=32, rounds=1), id="overhead"),
        pytest.param(lambda: resnet("resnet18", side=32, batch_size=8, steps=2, rounds=1), id="resnet"),
        pytest.param(lambda: lstm(num_units=16, length=8, batch_size=4, steps=2)[0], id="lstm"),
    ],
)
def test_both_loops_do_the_same_work(build):
    """In fp32 they agree to rounding; batch norm over a few tiny pictures in bf16 agrees at the first step only."""
    race = build()
    result = run(race, rounds=1)
    assert len(result.losses) == 2 * race.steps
    ours, by_hand = result.losses[0]
    assert ours == pytest.approx(by_hand, abs=1e-5 if race.choice.precision == "fp32" else 0.2)
    if race.name.startswith(("lenet5", "overhead")):
        assert race.choice.precision == "fp32"
        assert result.loss_difference < 1e-4
    assert result.ratio > 0
    assert result.work_ratio > 0
    assert len({loss for pair in result.losses for loss in pair}) > 2, "the losses move"


@pytest.mark.skipif(not cpu_flags() & {"avx512_bf16", "amx_bf16"}, reason="the processor has no bf16")
def test_what_is_chosen_is_what_computes():
    """At their real sizes the ResNets run in bf16 with channels last; LeNet-5 and the overhead in fp32."""
    assert races.get("lenet5")(None)[0].choice.precision == "fp32"
    chosen = resnet("resnet18", side=64, batch_size=64, steps=1, rounds=1)
    assert (chosen.choice.precision, chosen.choice.layout) == ("bf16", "channels_last")


def test_losses_that_differ_are_told():
    result = run(race_of(lambda: [1.0, 2.0], lambda: [1.5, 2.0], steps=2), rounds=2)
    assert result.loss_difference == 0.5
    assert result.mean_loss_difference == 0.25
    late = run(race_of(lambda: [0.0] * 21, lambda: [0.0] * 20 + [1.0], steps=21), rounds=1)
    assert late.loss_difference == 0
    assert late.mean_loss_difference > 0


def test_a_loop_twice_as_slow_has_a_ratio_of_half():
    result = run(race_of(lambda: time.sleep(0.04) or [0.0], lambda: time.sleep(0.02) or [0.0]), rounds=3)
    assert 0.35 < result.ratio < 0.65
    assert result.overhead_percent > 50


def test_ratio_is_the_median_of_rounds():
    ours, by_hand = Times(clock=[1.0, 1.0, 10.0], work=[1, 1, 1]), Times(clock=[2.0, 3.0, 1.0], work=[3, 3, 3])
    result = Result(race=race_of(list, list), ours=ours, by_hand=by_hand, losses=[], strangers_fraction=None)
    assert result.ratios == [2.0, 3.0, 0.1]
    assert result.ratio == 2.0
    assert result.work_ratio == 3.0
    assert result.overhead_percent == -50


def test_rounds_take_turns():
    seen = []
    run(race_of(lambda: seen.append("A") or [0.0], lambda: seen.append("B") or [0.0]), rounds=2)
    assert seen == ["A", "B"] * 3


def test_a_slow_machine_has_fewer_rounds_unless_they_were_asked_for(monkeypatch):
    clock = itertools.count(step=LONGEST_SECONDS + 1)
    monkeypatch.setattr("rumbo.speed.race.time.monotonic", lambda: float(next(clock)))
    race = replace(race_of(lambda: [0.0], lambda: [0.0]), rounds=50)
    assert len(run(race).ratios) == 3
    assert len(run(race, rounds=7).ratios) == 7


def test_strangers_are_those_that_are_not_us():
    strangers = Strangers(num_cores=1)
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass
    fraction = strangers.fraction()
    assert fraction is None or 0 <= fraction <= 1


def test_every_row_is_registered():
    assert isinstance(races, Registry)
    assert list(races.names()) == list(INDEX)
    for name in INDEX:
        assert callable(races.get(name))


def test_real_pictures_have_codes_in_the_order_of_classes(tmp_path):
    for place, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for index in range(3):
            Image.fromarray(np.full((9, 9), 100 * place + index, np.uint8)).save(tmp_path / name / f"{index}.png")
    pixels, codes, num_classes = real_pictures(tmp_path, 28)
    assert (pixels.shape, num_classes) == ((6, 1, 28, 28), 2)
    assert sorted(codes) == [0, 0, 0, 1, 1, 1]
    assert ((pixels[:, 0, 5, 5] >= 100) == codes.astype(bool)).all()


def test_a_table_is_no_set_of_pictures(tmp_path):
    (tmp_path / "table.csv").write_text("a,label\n" + "\n".join(f"{i},{i % 2}" for i in range(30)))
    with pytest.raises(DataError, match="no pictures with classes"):
        real_pictures(tmp_path / "table.csv", 28)
