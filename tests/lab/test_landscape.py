"""Landscapes: directions have the filters' sizes, the middle is the run's own loss, and a parabola is one."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_diabetes

import rumbo
import rumbo.core.inputs
import rumbo.lab.finished
from rumbo.core.errors import DataError
from rumbo.lab.experiment import unseen
from rumbo.lab.landscape import NEAR, Around, Landscape, _finding, filter_normalised, loss_of, moving
from rumbo.models import build
from rumbo.tasks.task import Cost, Term

pytestmark = pytest.mark.train

QUICK = {"steps": 2, "examples": 40}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A network with batch norms, on the demo's digits."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    return rumbo.train("demo:digits", out=out, model="convnet", epochs=1, device="cpu")


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A linear regression: its cost is a parabola in its weights."""
    folder = tmp_path_factory.mktemp("diabetes")
    X, y = load_diabetes(return_X_y=True)
    rows = [",".join(f"{value:.5f}" for value in (*x, value)) for x, value in zip(X, y, strict=True)]
    (folder / "diabetes.csv").write_text("\n".join([",".join([*(f"x{i}" for i in range(10)), "y"]), *rows]))
    return rumbo.train(folder / "diabetes.csv", task="regress", out=folder / "line", model="softmax_regression",
                       epochs=3, device="cpu")  # fmt: skip


def columns(result):
    return np.array(result.rows, dtype=float).T


def walked(chosen, run):
    batches = {split: chosen._batches(run.trained, run.part(split), split) for split in ("train", "dev")}
    return chosen._walk(run.trained.task, batches, unseen)


def test_filters_of_a_direction_have_the_sizes_of_the_network_s():
    torch.manual_seed(0)
    model = build("convnet", rumbo.core.inputs.InputSpec(image=(1, 8, 8)), 10)
    direction = filter_normalised(model, 0, 0)
    parameters = dict(model.named_parameters())
    assert set(direction) == {name for name, weight in parameters.items() if weight.ndim >= 2}
    for name, moved in direction.items():
        sizes, wanted = (part.detach().flatten(1).norm(dim=1) for part in (moved, parameters[name]))
        torch.testing.assert_close(sizes, wanted, rtol=1e-5, atol=0)
        assert moved.shape == parameters[name].shape


def test_directions_are_random_and_follow_from_the_seed():
    torch.manual_seed(0)
    model = build("mlp", rumbo.core.inputs.InputSpec(num_numbers=64), 10)
    first, second, again, other = (
        torch.cat([part.flatten() for part in filter_normalised(model, *which).values()])
        for which in ((0, 0), (0, 1), (0, 0), (1, 0))
    )
    assert torch.equal(first, again)
    for unlike in (second, other):
        cosine = float(first @ unlike / first.norm() / unlike.norm())
        assert abs(cosine) < 5 / math.sqrt(len(first))


def test_a_filter_of_zeros_stays_where_it_is():
    model = build("softmax_regression", rumbo.core.inputs.InputSpec(num_numbers=3), 2)
    assert not filter_normalised(model, 0, 0)["linear.weight"].any()


def test_weights_are_moved_and_brought_back():
    torch.manual_seed(0)
    model = build("mlp", rumbo.core.inputs.InputSpec(num_numbers=4), 2, hidden="5")
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    first, second = filter_normalised(model, 0, 0), filter_normalised(model, 0, 1)
    with moving(model, first, second) as go_to:
        go_to(2.0, -3.0)
        for name, weight in model.named_parameters():
            wanted = before[name] + (2 * first[name] - 3 * second[name] if name in first else 0)
            torch.testing.assert_close(weight.detach(), wanted)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_the_middle_is_the_loss_that_evaluate_tells(digits):
    distance, train, dev, train_too, dev_too = columns(Landscape(steps=1, examples=10_000).run(digits.path))
    told = [rumbo.evaluate(digits, split=split).metrics["log_loss"] for split in ("train", "dev")]
    assert distance.tolist() == [-1, 0, 1]
    assert [train[1], dev[1]] == pytest.approx(told, rel=1e-4)
    assert [train_too[1], dev_too[1]] == [train[1], dev[1]]
    assert train[1] < min(train[0], train[2])


def test_a_convex_cost_is_a_parabola(line):
    """Third differences of a parabola are nothing, second ones are all the same, and so on the plane."""
    result = Landscape(steps=4, radius=2.0, examples=10_000).run(line.path)
    for losses in columns(result)[1:]:
        second = np.diff(losses, 2)
        assert second.min() > 0.001
        np.testing.assert_allclose(second, second.mean(), rtol=1e-3)
    surface = result.panels[0].z
    np.testing.assert_allclose(np.diff(np.diff(surface, axis=0), axis=1).std(), 0, atol=1e-3)
    assert surface.shape == (9, 9)
    np.testing.assert_allclose(surface[4], columns(result)[1])
    np.testing.assert_allclose(surface[:, 4], columns(result)[3])


def test_the_circle_is_where_sharpness_says(line):
    """The mean of a parabola over a circle is its middle plus r^2 / 2 times the mean of both second derivatives."""
    chosen = Landscape(steps=4, radius=2.0, examples=10_000)
    found = walked(chosen, rumbo.lab.finished.open_run(line.path))
    bend = [np.diff(found.surface[4], 2).mean() / 0.25, np.diff(found.surface[:, 4], 2).mean() / 0.25]
    assert found.circle.mean() == pytest.approx(found.here + NEAR**2 / 2 * np.mean(bend), rel=1e-3)
    assert found.sharpness == pytest.approx((found.circle.max() - found.here) / (1 + found.here))


def test_every_place_is_where_the_figure_says(digits):
    """Rows of the surface belong to the second direction, and so do the second curve and the circle's sine."""
    chosen, run = Landscape(**{**QUICK, "steps": 1}, radius=0.5), rumbo.lab.finished.open_run(digits.path)
    found = walked(chosen, run)
    task = run.trained.task
    batches = {split: chosen._batches(run.trained, run.part(split), split) for split in ("train", "dev")}
    first, second = filter_normalised(task.model, 0, 0), filter_normalised(task.model, 0, 1)
    with moving(task.model, first, second) as go_to:

        def loss(split, a, b):
            go_to(a, b)
            return loss_of(task, batches[split])

        places = (-0.5, 0.0, 0.5)
        assert found.surface.tolist() == [[loss("train", a, b) for a in places] for b in places]
        assert found.dev.tolist() == [[loss("dev", a, 0.0) for a in places], [loss("dev", 0.0, b) for b in places]]
        assert found.circle[[0, 4]].tolist() == pytest.approx([loss("train", NEAR, 0.0), loss("train", 0.0, NEAR)])
        assert np.isnan(loss("train", 1e38, 1e38))


def test_a_loss_without_end_is_no_number():
    class Endless:
        def cost(self, batch):
            return Cost({"x": Term(torch.tensor(float("inf")), torch.tensor(1.0))})

    assert np.isnan(loss_of(Endless(), [None]))


def test_some_examples_are_drawn_at_random(digits):
    first, second = (Landscape(**QUICK, seed=seed).run(digits.path) for seed in (0, 1))
    assert columns(first)[1][2] != columns(second)[1][2]
    assert len(first.rows) == 5


def test_batch_norms_are_told_and_stay(digits):
    run = rumbo.lab.finished.open_run(digits.path)
    before = {name: buffer.clone() for name, buffer in run.trained.task.model.named_buffers()}
    walked(Landscape(**QUICK), run)
    assert all(torch.equal(buffer, before[name]) for name, buffer in run.trained.task.model.named_buffers())
    count = sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in run.trained.task.model.modules())
    assert (
        f"The statistics of {count} batch norms stay those of training." in Landscape(**QUICK).run(digits.path).finding
    )


def test_without_batch_norms_none_are_told_and_everything_is_drawn():
    result = Landscape(**QUICK).run(None)
    assert "batch norm" not in result.finding
    surface, *curves = result.panels
    assert surface.z.shape == (5, 5)
    assert [[line.name for line in curve.lines] for curve in curves] == [["train", "dev"]] * 2
    assert columns(result)[1][2] < 0.1
    assert "'mlp'" in result.title


def around(**changes):
    found = {
        "distances": np.array([-1.0, 0.0, 1.0]),
        "surface": np.array([[5.0, 4.0, 5.0], [4.0, 1.0, 4.0], [5.0, 4.0, 5.0]]),
        "dev": np.full((2, 3), 2.0),
        "circle": np.array([1.25, 1.5]),
    }
    return Around(**{**found, **changes})


def test_the_finding_is_that_of_the_numbers():
    model = torch.nn.Linear(2, 2)
    lowest = _finding(around(), model)
    assert lowest == (
        "Train loss is 1 at the trained weights, the lowest of the 9 places of the plane. "
        "At distance 0.25 it is at most 1.5: a sharpness, its rise over 1 + the loss here, of 0.25."
    )
    lower = around(surface=np.array([[5.0, 4.0, 0.5], [4.0, 1.0, 4.0], [5.0, 4.0, np.nan]]))
    assert "lower on this plane: 0.5 at 1 along direction 1 and -1 along direction 2." in _finding(lower, model)
    assert _finding(around(circle=np.array([1.0, np.nan])), model).endswith(
        "At distance 0.25 it is not finite everywhere."
    )


def test_losses_that_are_not_finite_are_gaps(monkeypatch):
    def far_off(task, batches):
        loss = loss_of(task, batches)
        return loss if loss < 3 else float("nan")

    monkeypatch.setattr("rumbo.lab.landscape.loss_of", far_off)
    result = Landscape(steps=2, examples=40, radius=2.0).run(None)
    cells = [cell for row in result.rows for cell in row[1:]]
    assert None in cells
    assert all(cell is None or cell < 3 for cell in cells)
    assert np.isnan(result.panels[0].z).any()


def test_a_loss_that_is_not_finite_to_begin_with_is_refused(monkeypatch):
    monkeypatch.setattr("rumbo.lab.landscape.loss_of", lambda task, batches: float("nan"))
    with pytest.raises(DataError, match="not finite"):
        Landscape(**QUICK).run(None)


def test_a_run_without_dev_has_its_train_loss(tmp_path):
    rows = "\n".join(f"{i % 7},{i * i % 11},{'ab'[i % 2]}" for i in range(60))
    (tmp_path / "data.csv").write_text("x,y,class\n" + rows)
    run = rumbo.train(tmp_path / "data.csv", out=tmp_path / "run", model="mlp", epochs=1, device="cpu",
                      settings={"data.split.dev_fraction": "0"})  # fmt: skip
    result = Landscape(**QUICK).run(run.path)
    assert {(row[2], row[4]) for row in result.rows} == {(None, None)}
    assert [[line.name for line in curve.lines] for curve in result.panels[1:]] == [["train"]] * 2


def test_pictures_that_training_left_out_are_left_out(tmp_path):
    generator = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(12):
            pixels = generator.integers(0, 256, (8, 8, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{number}.png")
    (tmp_path / "pets" / "cats" / "broken.png").write_bytes(b"no picture")
    run = rumbo.train(tmp_path / "pets", out=tmp_path / "run", model="mlp", epochs=1, device="cpu",
                      settings={"data.max_bad_fraction": "0.5"})  # fmt: skip
    opened = rumbo.lab.finished.open_run(run.path)
    assert len(opened.dataset) == 24
    assert Landscape(**QUICK).run(run.path).rows[2][1] > 0


def test_what_is_no_run_is_refused(tmp_path):
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    for source in (tmp_path, tmp_path / "table.csv"):
        with pytest.raises(DataError, match=r"is not a run folder: .* `rumbo train DATA` makes one"):
            Landscape(**QUICK).run(source)
