"""Runs diagnosed: equal terms, what is missing, real-world data, numbers, and mismatch from data to verdict."""

import gzip
import io
import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

import rumbo
from rumbo.core.errors import DataError, UsageError
from rumbo.runs import read_predictions
from rumbo.strategy import GapName

QUICK = {"model": "softmax_regression", "device": "cpu"}


def blobs(path, num_rows, *, seed=0, shift=0.0, noise=1.0, labels=("no", "yes", "maybe")):
    """A table of three classes in a plane."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, len(labels), num_rows)
    centers = np.array([[0, 0], [4, 0], [0, 4]])[codes]
    x = centers + noise * generator.normal(size=(num_rows, 2)) + shift
    pl.DataFrame({"x": x[:, 0], "y": x[:, 1], "label": [labels[code] for code in codes]}).write_csv(path)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diagnosing")
    return rumbo.train(blobs(folder / "blobs.csv", 900), model="mlp", device="cpu", epochs=8, out=folder / "run")


def test_a_run_is_diagnosed_on_equal_terms(run):
    found = run.diagnose(human_error="1%")
    assert found.to_dict() == rumbo.diagnose(run.path, human_error=0.01).to_dict()
    errors = found.diagnosis.errors
    for split in ("train", "dev", "test"):  # of the kept weights, in evaluation mode, as `evaluate` measures them
        assert errors[split].value == pytest.approx(1 - run.evaluate(split=split)["accuracy"])
        low, high = errors[split].interval
        assert low < errors[split].value < high
    assert errors["human"].value == 0.01
    assert {gap.stage for gap in found.diagnosis.gaps} == {"train", "dev", "test"}
    assert found.next_steps
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_report_tells_stages(run):
    assert [gap["stage"] for gap in run.summary["diagnosis"]["gaps"]] == ["train", "dev", "test"]
    html = run.folder.report_html.read_text(encoding="utf-8")
    assert html.count("<td>train</td>") == html.count("<td>test</td>") == 1


def test_real_world_data_are_measured_and_compared_with_test(run, tmp_path):
    far = run.diagnose(real_world=blobs(tmp_path / "far.csv", 300, seed=5, shift=2.0))
    assert (far.diagnosis.verdict, far.diagnosis.stage) == (GapName.DATA_MISMATCH, "real_world")
    assert far.diagnosis.gaps[-1].interval[0] > 0.05
    assert far.diagnosis.errors["real_world"].num_items == 300
    alike = run.diagnose(real_world=blobs(tmp_path / "alike.csv", 3000, seed=6))
    assert alike.diagnosis.gaps[-1].judgement != "large"


def test_real_world_data_that_were_learned_from_are_named(run):
    found = run.diagnose(real_world=run.path.parent / "blobs.csv")
    count = run.diagnose().diagnosis.errors["train"].num_items
    assert f"{count} of the 900 real-world examples are in train, too" in " ".join(found.diagnosis.remarks)


def test_real_world_data_without_labels_are_no_judge(run, tmp_path):
    table = pl.read_csv(blobs(tmp_path / "labelled.csv", 50)).drop("label")
    table.write_csv(tmp_path / "unlabelled.csv")
    with pytest.raises(DataError, match=r"without them no error can be measured.*rumbo label"):
        run.diagnose(real_world=tmp_path / "unlabelled.csv")
    with pytest.raises(UsageError, match="no data at"):
        run.diagnose(real_world=tmp_path / "nowhere.csv")


def test_classes_that_dev_lacks_are_named(tmp_path):
    table = pl.read_csv(blobs(tmp_path / "all.csv", 600))
    split = ["train"] * 360 + ["dev"] * 120 + ["test"] * 120
    table = table.with_columns(split=pl.Series(split))
    table = table.filter((pl.col("split") != "dev") | (pl.col("label") != "maybe"))
    table.write_csv(tmp_path / "table.csv")
    made = rumbo.train(tmp_path / "table.csv", target="label", **QUICK, epochs=2, out=tmp_path / "run")
    remarks = " ".join(made.diagnose().diagnosis.remarks)
    assert "dev has no example of maybe: its error says nothing about them." in remarks
    assert "test has no example" not in remarks


def test_a_run_without_test_or_dev_says_what_cannot_be_told(tmp_path):
    blobs(tmp_path / "table.csv", 300)
    settings = {"data.split.test_fraction": "0"}
    without_test = rumbo.train(tmp_path / "table.csv", **QUICK, epochs=2, settings=settings, out=tmp_path / "one")
    found = without_test.diagnose(real_world=blobs(tmp_path / "real.csv", 200, seed=4))
    assert "no test" in " ".join(found.diagnosis.remarks)
    assert found.diagnosis.gaps[-1].better == "dev"
    settings |= {"data.split.dev_fraction": "0"}
    alone = rumbo.train(tmp_path / "table.csv", **QUICK, epochs=2, settings=settings, out=tmp_path / "two")
    found = alone.diagnose()
    assert [gap.name for gap in found.diagnosis.gaps] == [GapName.AVOIDABLE_BIAS]
    assert "This run has no dev" in " ".join(found.diagnosis.remarks)
    with pytest.raises(DataError, match="no dev, so there is no error"):
        alone.diagnose(curve=True)


def test_predictions_that_are_gone_are_named(run, tmp_path):
    import shutil

    shutil.copytree(run.path, tmp_path / "copy")
    (tmp_path / "copy" / "predictions" / "dev.parquet").unlink()
    with pytest.raises(DataError, match=r"dev\.parquet is not there"):
        rumbo.diagnose(tmp_path / "copy")


def test_ten_dev_examples_decide_nothing(tmp_path):
    settings = {"data.split.dev_fraction": "0.05", "data.split.test_fraction": "0"}
    made = rumbo.train(
        blobs(tmp_path / "t.csv", 200, noise=0.1),
        model="mlp",
        device="cpu",
        epochs=20,
        settings=settings,
        out=tmp_path / "run",
    )
    diagnosis = made.diagnose(human_error="15%").diagnosis  # train is no problem
    assert diagnosis.errors["dev"].num_items == 10
    assert diagnosis.verdict == "undecided"
    assert diagnosis.smallest_dev_size is None
    assert "No size of dev would tell a gap of 1.0 % from none" in " ".join(diagnosis.remarks)


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    generator = np.random.default_rng(0)
    x = generator.normal(size=(600, 2))
    price = 50_000 + 10_000 * x[:, 0] + 2_000 * generator.normal(size=600)
    pl.DataFrame({"x": x[:, 0], "y": x[:, 1], "price": price}).write_csv(folder / "houses.csv")
    return rumbo.train(folder / "houses.csv", model="mlp", epochs=12, device="cpu", out=folder / "run")


def test_numbers_have_a_human_error_in_their_unit_or_in_percent_of_their_deviation(houses):
    assert houses.summary["task"] == "regress"
    found = houses.diagnose(human_error="2000")
    deviation = found.deviation
    assert deviation == pytest.approx(10_200, rel=0.1)
    assert found.diagnosis.kind == "root_mean_square"
    assert found.diagnosis.errors["human"].value == pytest.approx(2000 / deviation)
    share = houses.diagnose(human_error=f"{100 * 2000 / deviation}%")
    assert share.diagnosis.errors["human"].value == pytest.approx(found.diagnosis.errors["human"].value)
    assert houses.diagnose(human_error=2000).diagnosis.errors == found.diagnosis.errors
    dev = read_predictions(houses.folder.predictions, "dev")
    rmse = float(((dev["predicted"] - dev["true"]) ** 2).mean() ** 0.5)
    assert found.diagnosis.errors["dev"].value == pytest.approx(rmse / deviation)


@pytest.mark.parametrize(("human", "says"), [("5", "5% or 0.05"), ("much", "must be a share"), (-0.1, "must be")])
def test_human_errors_that_cannot_be_read_are_refused(human, says, run):
    with pytest.raises(UsageError, match=says):
        run.diagnose(human_error=human)


def test_pictures_are_drawn_and_never_over_others(run, tmp_path):
    found = run.diagnose(out=tmp_path / "errors.png")
    assert found.picture == tmp_path / "errors.png"
    with Image.open(tmp_path / "errors.png") as picture:
        assert picture.width > 500
    for name, says in (("errors.png", "exists already"), ("errors.pdf", "must end in"), ("no/a.png", "does not exist")):
        with pytest.raises(UsageError, match=says):
            run.diagnose(out=tmp_path / name)


def digits_of(folder, images, labels, change=lambda pixels: pixels):
    """Folders of PNG pictures, one for each class."""
    for number, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        (folder / f"c{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(change(pixels)).save(folder / f"c{label}" / f"{number}.png")
    return folder


def test_a_mismatch_between_sources_goes_from_the_data_to_the_verdict(shared_data, tmp_path):
    """Two sources of Fashion-MNIST: the pictures of the application are turned and dark, those of the web are not."""
    with gzip.open(shared_data / "fashion_mnist" / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(io.BytesIO(file.read(16 + 2400 * 784)).getvalue(), np.uint8, offset=16)
    with gzip.open(shared_data / "fashion_mnist" / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(8 + 2400), np.uint8, offset=8)
    images = images.reshape(-1, 28, 28)
    web = digits_of(tmp_path / "web", images[:1800], labels[:1800])
    app = digits_of(tmp_path / "app", images[1800:], labels[1800:], lambda pixels: np.rot90(pixels) // 2)
    made = rumbo.train(
        app,
        **QUICK,
        epochs=6,
        settings={"data.mix": str(web), "data.split.near_duplicates": "no", "data.split.dev_fraction": "0.45",
                  "data.split.test_fraction": "0.45"},
        out=tmp_path / "run",
    )  # fmt: skip
    assert any("became train_dev" in sentence for sentence in made.summary["decisions"])
    found = made.diagnose(human_error="3.3%")
    names = {gap.name: gap for gap in found.diagnosis.gaps}
    assert (names[GapName.VARIANCE].worse, names[GapName.DATA_MISMATCH].better) == ("train_dev", "train_dev")
    assert found.diagnosis.verdict == GapName.DATA_MISMATCH
    assert names[GapName.DATA_MISMATCH].interval[0] > 0.1
    assert made.summary["verdict"] == "data_mismatch"
