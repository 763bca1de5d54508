"""Learning rates by epoch: all schedules are there, with the notes' numbers."""

import inspect
from typing import get_args

import pytest

from rumbo.lab.schedules import Schedules
from rumbo.reference import schedules
from rumbo.training.schedule_options import ScheduleName

NO_SCHEDULES = {"linear_between", "cosine_between"}


def rates(**options) -> dict[str, tuple[float, ...]]:
    return {name: cells for name, *cells in Schedules(**options).run(None).rows}


def test_every_schedule_of_the_reference_and_of_training_is_there():
    functions = {name for name, part in vars(schedules).items() if inspect.isfunction(part)}
    ours = {f"train: {name}" for name in get_args(ScheduleName)}
    assert set(rates()) == (functions - NO_SCHEDULES) | ours


def test_the_table_of_the_notes():
    """Borghi's table of inverse decay from 0.2 (with its 0.67 put right) and the two other formulas, epochs 1, 2, 4."""
    found = rates()
    assert found["inverse_decay"][:4] == pytest.approx([0.2, 0.1, 0.2 / 3, 0.04])
    assert found["exponential_decay"][:4] == pytest.approx([0.2, 0.19, 0.1805, 0.2 * 0.95**4])
    assert found["root_decay"][:4] == pytest.approx([0.2, 0.2 / 2**0.5, 0.2 / 3**0.5, 0.2 / 5**0.5])


def test_columns_are_first_epochs_the_last_and_the_mean():
    result = Schedules(epochs=12).run(None)
    assert result.columns == (
        "schedule", "epoch 0", "epoch 1", "epoch 2", "epoch 4", "epoch 6", "epoch 11", "last step", "mean",
    )  # fmt: skip
    constant = rates(epochs=12, rate=0.5)["train: constant"]
    assert constant == pytest.approx([0.5] * 8)
    falling = rates(epochs=4, decay_rate=1.0, rate=0.12)["inverse_decay"]
    assert falling[-1] == pytest.approx(0.12 * (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_rates_lie_between_zero_and_the_highest():
    for name, cells in rates(rate=3.0).items():
        assert all(0 <= rate <= 3.0 + 1e-12 for rate in cells), name


def test_the_finding_is_that_of_the_table():
    result = Schedules(decay_rate=3.0, base=0.99).run(None)
    means = {row[0]: row[-1] for row in result.rows}
    highest, lowest = (choose(means, key=lambda name: means[name]) for choose in (max, min))
    assert f"'{highest}' has the highest rate" in result.finding
    assert f"'{lowest}' the lowest" in result.finding
    difference = float(result.finding.removesuffix(".").split()[-1])
    assert difference < 1e-12


def test_a_difference_from_the_equations_would_be_told(monkeypatch):
    monkeypatch.setattr("rumbo.lab.schedules.rate_factor", lambda options, *place: 0.5)
    assert float(Schedules().run(None).finding.removesuffix(".").split()[-1]) > 0.4


@pytest.mark.parametrize("epochs", [4, 5, 100])
def test_any_length_can_be_run(epochs):
    result = Schedules(epochs=epochs).run(None)
    assert all(len(line.x) == epochs * 20 for panel in result.panels for line in panel.lines)
    assert sum(len(panel.lines) for panel in result.panels) == len(result.rows)
