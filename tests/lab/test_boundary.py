"""Boundaries: linear ones are straight, accuracies are those of the run, and what has no plane is refused."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import rumbo
from rumbo.core.errors import DataError, OptionError, UnknownName, UsageError
from rumbo.data import SplitOptions, make_split
from rumbo.lab.boundary import Boundary, chance_to_pass, differ_by_more_than_chance, made_up
from rumbo.lab.finished import open_run

pytestmark = pytest.mark.train

QUICK = {"steps": 60, "models": ("logistic_regression",)}
THREE = {"steps": 60, "models": ("softmax_regression",)}


def write(path, columns, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """Petals of all three irises; and sepals, with them."""
    folder = tmp_path_factory.mktemp("iris")
    X, y = load_iris(return_X_y=True)
    kinds = np.array(["setosa", "versicolor", "virginica"])[y]
    names = ["sepal length", "sepal width", "petal length", "petal width", "kind"]
    rows = [[*map(float, x), kind] for x, kind in zip(X, kinds, strict=True)]
    write(folder / "four.csv", names, rows)
    write(folder / "two.csv", names[2:], [row[2:] for row in rows])
    write(folder / "three.csv", names[1:], [row[1:] for row in rows])
    return folder


@pytest.fixture(scope="module")
def run(iris):
    """A run on petals, beside its data."""
    return rumbo.train(iris / "two.csv", out=iris / "petals", model="mlp", epochs=4, device="cpu")


def cells(result):
    return {row[0]: row[1:] for row in result.rows}


def test_logistic_regression_bends_nowhere():
    """The logarithm of its odds is w0 + w.x over the whole plane; that of mlp is not."""
    result = Boundary(steps=75, models=("logistic_regression", "mlp")).run(None)
    off = []
    for panel in result.panels[:2]:
        x, y = np.meshgrid(panel.x, panel.y)
        plane = np.stack([np.ones_like(x), x, y], axis=-1).reshape(-1, 3)
        odds = np.log(panel.probabilities[..., 1] / panel.probabilities[..., 0]).ravel()
        w = np.linalg.lstsq(plane, odds, rcond=None)[0]
        off.append(np.abs(plane @ w - odds).max())
    assert off[0] < 1e-4
    assert off[1] > 1


def test_linear_ones_come_to_what_logistic_regression_has_at_its_minimum():
    """By sigmoid and by softmax; scikit-learn's, without a penalty, is the judge."""
    result = Boundary(models=("logistic_regression", "softmax_regression")).run(None)
    data = made_up(0)
    train = make_split(data, SplitOptions(test_fraction=0.0), 0).rows(data, "train")
    X, y = data.table.select(data.numbers).to_numpy(), data.table["result"].to_numpy()
    judge = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X[train], y[train])
    x, y = np.meshgrid(result.panels[0].x, result.panels[0].y)
    wanted = judge.predict_proba(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(*x.shape, 2)
    for panel in result.panels[:2]:
        np.testing.assert_allclose(panel.probabilities, wanted, atol=0.02)
    assert [row[3] for row in result.rows] == [3, 6, None]


def test_the_made_up_students_follow_their_rule():
    result = Boundary(**QUICK).run(None)
    rule = result.panels[-1]
    x, y = np.meshgrid(rule.x, rule.y)
    wanted = 1 / (1 + np.exp(-40 * (x * y / 1200 - 0.25)))
    np.testing.assert_allclose(rule.probabilities[..., 1], wanted, atol=1e-12)
    passed = chance_to_pass(rule.points)
    # Of those drawn, about as many passed as their chances say.
    assert abs(rule.labels.mean() - passed.mean()) < 4 * np.sqrt((passed * (1 - passed)).sum()) / len(passed)
    assert cells(result)["the rule behind it"][2] is None
    assert cells(result)["the rule behind it"][1] > 0.9
    assert "made-up" in result.title


def test_both_see_the_same_examples_and_the_usual_models_are_chosen(iris):
    two, three = Boundary(steps=30).run(None), Boundary(steps=30).run(iris / "two.csv")
    assert list(cells(two)) == ["logistic_regression", "mlp", "the rule behind it"]
    assert list(cells(three)) == ["softmax_regression", "mlp"]
    for result in (two, three):
        for panel in result.panels:
            assert panel.points.tolist() == result.panels[0].points.tolist()
            np.testing.assert_allclose(panel.probabilities.sum(-1), 1)
    assert three.panels[0].classes == ("setosa", "versicolor", "virginica")
    assert (three.panels[0].x_label, three.panels[0].y_label) == ("petal length", "petal width")


def test_features_are_chosen_from_a_larger_table(iris):
    chosen = Boundary(**THREE, features=("petal length", "petal width")).run(iris / "four.csv")
    alone = Boundary(**THREE).run(iris / "two.csv")
    assert chosen.rows[0][1] > 0.8
    # Copies are other ones with four columns, so the split is another; the plane is the same.
    assert chosen.panels[0].x.tolist() == alone.panels[0].x.tolist()
    assert {tuple(p) for p in chosen.panels[0].points.tolist()} == {tuple(p) for p in alone.panels[0].points.tolist()}


def test_a_run_is_judged_as_evaluate_judges_it(run):
    result = Boundary(**THREE).run(run.path)
    own = cells(result)["petals (mlp)"]
    assert own[:2] == pytest.approx([rumbo.evaluate(run, split=name).metrics["accuracy"] for name in ("train", "dev")])
    assert own[2] == sum(p.numel() for p in run.model.task.model.parameters())
    assert list(cells(result)) == ["petals (mlp)", "softmax_regression"]
    panel = result.panels[0]
    places = [{"petal length": x, "petal width": y, "kind": "setosa"} for x, y in [(panel.x[3], panel.y[90])]]
    table = write(run.path.parent / "one.csv", list(places[0]), [list(place.values()) for place in places])
    told = run.predict(table)
    assert panel.probabilities[90, 3] == pytest.approx([told[f"p({name})"][0] for name in panel.classes], abs=1e-5)


def test_the_accuracies_are_told_in_the_finding(iris):
    result = Boundary(steps=60, models=("softmax_regression", "mlp")).run(iris / "two.csv")
    (_, _, a, _), (_, _, b, _) = result.rows
    assert f"softmax_regression is right on {a:.1%} of 30 dev examples, mlp on {b:.1%}" in result.finding
    first, second = (panel.probabilities.argmax(-1) for panel in result.panels)
    assert f"different classes on {np.mean(first != second):.1%} of the picture" in result.finding
    one = Boundary(**THREE).run(iris / "two.csv")
    assert one.finding == f"softmax_regression is right on {one.rows[0][2]:.1%} of 30 dev examples."


@pytest.mark.parametrize(
    ("only_first", "only_second", "more"),
    [(5, 0, False), (6, 0, True), (0, 6, True), (0, 0, False), (20, 12, False), (22, 8, True)],
)
def test_noise_is_what_a_sign_test_cannot_tell_from_coins(only_first, only_second, more):
    """Two-sided: 2 * 0.5^5 = 0.0625, 2 * 0.5^6 = 0.031; those that both have right or wrong tell nothing."""
    first = np.array([True] * 40 + [False] * 7 + [True] * only_first + [False] * only_second)
    second = np.array([True] * 40 + [False] * 7 + [False] * only_first + [True] * only_second)
    assert differ_by_more_than_chance(first, second) == more


@pytest.mark.parametrize(("answer", "words"), [(True, "more than noise"), (False, "within noise")])
def test_the_finding_asks_whether_it_is_noise(monkeypatch, answer, words):
    monkeypatch.setattr("rumbo.lab.boundary.differ_by_more_than_chance", lambda first, second: answer)
    assert words in Boundary(**QUICK).run(None).finding


def test_missing_values_are_not_drawn_but_counted(tmp_path):
    generator = np.random.default_rng(0)
    rows = [[round(x, 3), round(y, 3), "a" if x > 0 else "b"] for x, y in generator.normal(size=(80, 2))]
    rows[0][0], rows[1][1] = "", ""
    result = Boundary(**QUICK).run(write(tmp_path / "gaps.csv", ["x", "y", "class"], rows))
    assert len(result.panels[0].points) == 78
    assert np.isfinite(result.panels[0].points).all()
    assert result.rows[0][1] > 0.8


def test_one_value_only_has_a_plane_nevertheless(tmp_path):
    rows = [[1.5, value / 10, "a" if value > 20 else "b"] for value in range(40)]
    result = Boundary(**QUICK).run(write(tmp_path / "flat.csv", ["x", "y", "class"], rows))
    assert result.panels[0].x[0] < 1.5 < result.panels[0].x[-1]


def refused(source, *words, error=DataError, **options):
    with pytest.raises(error) as caught:
        Boundary(**{**QUICK, **options}).run(source)
    for word in words:
        assert word in str(caught.value)


def test_tables_without_a_plane_are_refused(iris, tmp_path):
    refused(iris / "three.csv", "3 columns of numbers (sepal width, petal length, petal width)", "--set features=A,B")
    numbers = np.random.default_rng(0).normal(size=(40, 3)).round(3)
    regression = write(tmp_path / "regression.csv", ["x", "y", "price"], numbers.tolist())
    refused(regression, "'price'", "is a number", "--set target=NAME")
    many = write(
        tmp_path / "many.csv", ["x", "y", "letter"], [[*x[:2], "abcdefghi"[i % 9]] for i, x in enumerate(numbers)]
    )
    refused(many, "9 classes", "2 to 8")
    one = write(tmp_path / "one.csv", ["x", "y", "class"], [[*x[:2], "same"] for x in numbers])
    refused(one, "class")
    words = write(tmp_path / "words.csv", ["x", "word", "class"],
                  [[x[0], "uv"[i % 2], "ab"[i % 2]] for i, x in enumerate(numbers)])  # fmt: skip
    refused(words, "'words.csv' has only 'x'. Give another table.".replace("words.csv", str(words)))
    only = write(tmp_path / "only.csv", ["u", "v", "class"], [["uvw"[i % 3], "xyz"[i // 7 % 3], "ab"[i % 2]]
                                                              for i in range(60)])  # fmt: skip
    refused(only, "has none. Give another table.")
    refused(iris / "four.csv", "'kind' is the class, so it cannot be a feature", error=UsageError,
            features=("petal length", "kind"))  # fmt: skip
    refused(iris / "two.csv", "softmax_regression", error=UsageError)
    refused(iris / "two.csv", "nearest: petal", error=UnknownName, features=("petal length", "petal widht"))
    refused(iris / "two.csv", "petal length", error=DataError, target="petal length")


def test_pictures_are_refused(tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(tmp_path / name / f"{number}.png")
    refused(tmp_path, "pictures", "two columns of numbers")


def test_networks_that_do_not_fit_are_refused():
    refused(None, "nearest: ", error=UnknownName, models=("mlpp",))
    refused(None, "lenet5", error=UsageError, models=("lenet5",))
    for options in ({"models": ("mlp", "mlp")}, {"models": tuple("abcde")}, {"features": ("x",)},
                    {"features": ("x", "x")}):  # fmt: skip
        with pytest.raises(OptionError, match=r"must be"):
            Boundary(**options)


def test_a_folder_of_runs_is_none(run, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "petals").symlink_to(run.path.resolve())
    refused(tmp_path / "runs", "is not a run folder, but a folder with runs in it", "runs/petals'")
    with pytest.raises(DataError, match="a folder with runs in it"):
        open_run(tmp_path / "runs")


def test_steps_that_quantiles_make_are_told(iris, run, tmp_path):
    result = Boundary(**THREE).run(run.path)
    assert all(column.knots for column in run.model.preprocess.numbers)
    assert "takes petal length, petal width through quantiles" in result.finding
    straight = rumbo.train(iris / "two.csv", out=tmp_path / "run", model="mlp", epochs=1, device="cpu",
                           settings={"data.numbers": "standard"})  # fmt: skip
    assert "quantiles" not in Boundary(**THREE).run(straight.path).finding


def test_runs_without_a_plane_are_refused(iris, run, tmp_path):
    other = rumbo.train(iris / "three.csv", out=tmp_path / "three", model="mlp", epochs=1, device="cpu")
    refused(other.path, "run 'three'", "3 columns of numbers", "--set features=A,B")
    pictures = rumbo.train("demo:digits", out=tmp_path / "digits", model="softmax_regression", epochs=1, device="cpu")
    refused(pictures.path, "run 'digits' takes pictures")
    number = rumbo.train(iris / "three.csv", target="petal width", out=tmp_path / "regress", epochs=1, device="cpu",
                         settings={"data.numbers": "standard"})  # fmt: skip
    refused(number.path, "run 'regress'")
    refused(run.path, "leave out features and target", error=UsageError, features=("petal length", "petal width"))


def test_runs_whose_data_are_gone_or_others_are_refused(iris, tmp_path):
    data = write(tmp_path / "data.csv", ["x", "y", "class"], [[i, i * i % 17, "ab"[i % 2]] for i in range(60)])
    run = rumbo.train(data, out=tmp_path / "run", model="mlp", epochs=1, device="cpu")
    assert Boundary(**QUICK).run(run.path).rows[0][0] == "run (mlp)"
    text = data.read_text()
    data.write_text(text.replace("59,13,b", "59,12,b"))
    refused(run.path, "have changed since")
    data.unlink()
    refused(run.path, "no longer at", "data.csv")
    data.write_text(text)
    (run.path / "model").rename(tmp_path / "elsewhere")
    refused(run.path, "has not finished")


def test_the_stored_settings_are_json():
    assert json.loads(json.dumps(Boundary(models=("mlp",)).to_dict()))["models"] == ["mlp"]
