"""Laws of a task whose mistakes cost differently: parts add up, weights count, the scale of costs does not."""

import numpy as np
import pytest
import torch

from rumbo import tasks
from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Batch, Partners
from rumbo.tasks.task import Cost, Predictions

COSTS = [[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [9.0, 1.0, 0.0]]
CLASSES = {"column": "kind", "classes": ["a", "b", "c"]}


def make(costs=None, **more):
    torch.manual_seed(0)
    target = CLASSES if costs is None else {**CLASSES, "costs": costs}
    return tasks.get("classify")(torch.nn.Linear(4, 3).double(), InputSpec(num_numbers=4), target, **more)


def batch(rows, weights=None):
    generator = torch.Generator().manual_seed(1)
    numbers, targets = torch.randn(12, 4, generator=generator).double(), torch.arange(12) % 3
    weights = torch.ones(len(rows)) if weights is None else torch.tensor(weights)
    return Batch(numbers=numbers[rows], targets=targets[rows], weights=weights.double(), rows=np.array(rows))


def cost(task, given):
    with torch.no_grad():
        return task.cost_of(task.model(given.numbers), given)


def test_parts_of_a_step_add_up_and_its_weight_is_known_before():
    task, whole = make(COSTS), batch(list(range(12)), [float(1 + row % 4) for row in range(12)])
    parts = [batch(rows, [float(1 + row % 4) for row in rows]) for rows in (list(range(5)), list(range(5, 12)))]
    weights = task.term_weights(whole.targets, whole.weights)
    added = sum(float(cost(task, part).over(weights)) for part in parts)
    assert added == pytest.approx(float(cost(task, whole).mean), rel=1e-12)
    assert float(Cost.joined([cost(task, part) for part in parts]).mean) == pytest.approx(added, rel=1e-12)


def test_weight_two_is_twice_the_example_and_none_leaves_it_out():
    task = make(COSTS)
    twice = cost(task, batch([0, 1, 1])).mean
    torch.testing.assert_close(cost(task, batch([0, 1, 2], [1.0, 2.0, 0.0])).mean, twice)


def test_the_scale_of_costs_does_not_matter():
    given = batch(list(range(12)))
    in_thousands = make((1000 * np.array(COSTS)).tolist())
    torch.testing.assert_close(cost(make(COSTS), given).mean, cost(in_thousands, given).mean)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_usual_costs_change_nothing(smoothing):
    given = batch(list(range(12)))
    usual = make((1.0 - np.eye(3)).tolist(), label_smoothing=smoothing)
    torch.testing.assert_close(cost(usual, given).mean, cost(make(label_smoothing=smoothing), given).mean)


def test_mixed_halves_have_the_weights_of_their_own_classes():
    task, given, order = make(COSTS), batch(list(range(12))), torch.arange(11, -1, -1)
    task.forward = lambda given: task.model(given.numbers)
    mixed = Batch(
        numbers=given.numbers,
        targets=given.targets,
        weights=0.3 * given.weights,
        rows=given.rows,
        partners=Partners(targets=given.targets[order], weights=0.7 * given.weights),
    )
    (term,) = task.cost(mixed).terms.values()
    (expected,) = task.term_weights(given.targets, given.weights).values()
    torch.testing.assert_close(term.weight, expected)


def test_costs_are_stored_and_scored():
    task = make(COSTS)
    again = tasks.get("classify")(task.model, task.spec, task.target_config())
    assert again.costs.tolist() == COSTS
    assert again.metric_names()[-1] == "mean_cost"
    assert make().target_config() == CLASSES
    assert "mean_cost" not in make().metric_names()
    found = Predictions(ids=("x", "y"), outputs=np.eye(3)[[0, 0]], truth=np.array([2, 1]), weights=np.array([1.0, 3.0]))
    assert again.score(found)["mean_cost"] == (9 + 3 * 2) / 4


def test_the_weights_of_examples_are_kept_with_the_predictions():
    task = make()
    outputs, truth = np.eye(3)[[0, 1, 2]], np.array([0, 1, 1])
    for weights in (np.array([1.0, 2.0, 0.0]), np.ones(3)):
        found = Predictions(ids=("x", "y", "z"), outputs=outputs, truth=truth, weights=weights)
        table = task.weighed_table(found)
        assert ("weight" in table.columns) == (weights != 1).any()
        assert task.from_table(table).weights.tolist() == weights.tolist()
