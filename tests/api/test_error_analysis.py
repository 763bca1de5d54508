"""`find_errors` on runs whose mistakes were planted: what was planted is told, and nothing else is."""

import shutil

import numpy as np
import polars as pl
import pytest
from PIL import Image

import rumbo
from rumbo.api.error_analysis import error_table_of, find_errors
from rumbo.api.features import penultimate_features
from rumbo.api.labelling import open_labels
from rumbo.core.errors import DataError, UsageError
from rumbo.data.tag_file import read_tags

pytestmark = pytest.mark.train

TINT = np.array([0, 10, 20])
SETTINGS = {"data.split.dev_fraction": "0.4", "data.split.test_fraction": "0.1"}


def plant(run, is_wrong, split="dev"):
    """Rewrite the predictions of a split of two classes: wrong where `is_wrong(id)`, right elsewhere."""
    path = run.path / "predictions" / f"{split}.parquet"
    table = pl.read_parquet(path)
    classes = [name[2:-1] for name in table.columns if name.startswith("p(")]
    other = dict(zip(classes, classes[::-1], strict=True))
    rows = []
    for row in table.iter_rows(named=True):
        predicted = other[row["true"]] if is_wrong(row["id"]) else row["true"]
        chances = {f"p({name})": 0.9 if name == predicted else 0.1 for name in classes}
        rows.append(row | {"predicted": predicted, "probability": 0.9} | chances)
    pl.DataFrame(rows, schema=table.schema).write_parquet(path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """440 small color pictures of two classes; a tenth of either has hardly any contrast, and these are misread."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    flat = set()
    for code, name in enumerate(("cat", "dog")):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(220):
            is_flat = number % 10 == 0
            spread = 2 if is_flat else generator.uniform(15, 40)
            noise = TINT + generator.normal(90 + 60 * code, spread, (16, 16, 1))
            Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(folder / "data" / name / f"{number:03d}.png")
            if is_flat:
                flat.add(f"{name}/{number:03d}.png")
    run = rumbo.train(folder / "data", model="mlp", epochs=1, out=folder / "run", settings=SETTINGS)
    noise = set(generator.choice(sorted(run_ids(run) - flat), 7, replace=False))
    plant(run, lambda name: name in flat or name in noise)
    return run


def run_ids(run, split="dev"):
    return set(pl.read_parquet(run.path / "predictions" / f"{split}.parquet")["id"])


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A table whose rows of town b, from age 60 on, are misread half the time."""
    folder = tmp_path_factory.mktemp("rows")
    generator = np.random.default_rng(1)
    age, town = generator.integers(20, 80, 1500), generator.choice(["a", "b", "c"], 1500)
    label = np.where(age + generator.normal(0, 5, 1500) > 50, "yes", "no")
    table = pl.DataFrame({"age": age, "town": town, "income": generator.normal(size=1500), "label": label})
    table.write_csv(folder / "table.csv")
    run = rumbo.train(folder / "table.csv", model="softmax_regression", epochs=1, out=folder / "run", settings=SETTINGS)
    bad = (town == "b") & (age >= 60)
    chance = generator.random(1500) < np.where(bad, 0.6, 0.06)
    plant(run, lambda name: chance[int(name.partition("#")[2])])
    return run


def test_a_planted_cause_is_told_with_its_ceiling(photos):
    found = photos.errors()
    assert found.split == "dev"
    row = found.table.rows[0]
    assert (row.tag, row.finding, row.origin) == ("low_contrast", "more", "automatic")
    assert row.share > 0.6
    assert row.error_left == pytest.approx(found.table.error * (1 - row.share))
    assert [one.tag for one in found.table.rows if one.finding == "more"] in (
        ["low_contrast"], ["low_contrast", "near_duplicate"],
    )  # fmt: skip
    assert found.slices.found[0].conditions[0][0] == "contrast"
    assert error_table_of(photos).rows == found.table.rows
    assert found.to_dict()["rows"][0]["tag"] == "low_contrast"


def test_pairs_and_examples_are_those_of_the_predictions(photos):
    found = find_errors(photos, page=False)
    table = pl.read_parquet(photos.path / "predictions" / "dev.parquet")
    wrong = table.filter(pl.col("true") != pl.col("predicted"))
    assert found.table.num_wrong == wrong.height
    assert {one.id for one in found.examples} == set(wrong["id"])
    assert sum(pair.count for pair in found.pairs) == wrong.height
    assert found.page is None
    kinds = [(one.true, one.predicted) for one in found.examples]
    assert kinds == sorted(kinds, key=lambda kind: (-kinds.count(kind), kind))
    assert all(one.probability == pytest.approx(0.9) for one in found.examples)


def test_clusters_are_made_of_what_the_network_sees(photos):
    found = find_errors(photos, page=False)
    assert found.clusters
    assert sum(cluster.num_wrong for cluster in found.clusters) == found.table.num_wrong
    assert {name for cluster in found.clusters for name in cluster.examples} <= {one.id for one in found.examples}
    assert found.clusters == find_errors(photos, page=False).clusters


def test_the_page_opens_offline_and_shows_the_pictures(photos):
    text = photos.errors().page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") >= 10
    assert "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "default-src 'none'" in text
    assert "low_contrast" in text
    assert "cat/000.png" in text or "dog/000.png" in text or "cat taken for dog" in text


def test_the_bad_group_of_a_table_is_found(rows):
    found = find_errors(rows, page=False)
    conditions = dict(found.slices.found[0].conditions)
    assert conditions["town"] == "b"
    assert set(conditions) <= {"town", "age", "label"}
    assert found.slices.found[0].error > 2 * found.slices.found[0].error_of_rest
    assert [row.tag for row in found.table.rows if row.finding == "more"] == []


def test_tags_by_hand_join_the_table(photos, tmp_path):
    template = tmp_path / "tags.csv"
    found = find_errors(photos, page=False, template=template)
    lines = template.read_text().splitlines()
    assert len(lines) == 1 + len(found.examples)
    assert any("low_contrast" in line for line in lines)
    assert read_tags(template) == {}  # what rules found is not set by hand
    ids = [one.id for one in found.examples]
    other = sorted(run_ids(photos, "train"))[0]
    lines = ["id,tags", *(f"{name},foggy" for name in ids[:4]), *(f"{name},-" for name in ids[4:10]), f"{other},foggy"]
    (tmp_path / "filled.csv").write_text("\n".join([*lines, "nobody.png,foggy"]))
    told = find_errors(photos, page=False, tags=tmp_path / "filled.csv")
    row = next(row for row in told.table.rows if row.tag == "foggy")
    assert (row.origin, row.count, row.num_known, row.share) == ("hand", 4, 10, pytest.approx(0.4))
    assert row.error_left == pytest.approx(0.6 * told.table.error)
    assert row.finding == "unknown"
    assert any("'nobody.png'" in sentence for sentence in told.remarks)
    assert any("other splits" in sentence for sentence in told.remarks)
    assert not any(column == "foggy" for one in told.slices.found for column, _ in one.conditions)


def test_what_rumbo_label_wrote_is_read(photos, tmp_path):
    book = open_labels(photos.path.parent / "data", task="tags", out=tmp_path / "corrections.csv")
    wrong = {one.id for one in find_errors(photos, page=False).examples}
    places = [row for row, name in enumerate(book.ids) if name in wrong]
    book.change(places[0], "tags", ["wet", "blur"])
    book.change(places[1], "tags", [])
    told = find_errors(photos, page=False, tags=tmp_path / "corrections.csv")
    by_name = {row.tag: row for row in told.table.rows}
    assert (by_name["wet"].count, by_name["wet"].num_known) == (1, 2)
    assert by_name["blur (by hand)"].origin == "hand"


def test_tags_that_the_run_was_trained_with_are_in_the_table(rows, tmp_path):
    table = rows.path.parent / "table.csv"
    ids = sorted(run_ids(rows))[:30]
    lines = [f'{name},tags,"[""odd""]"' if place < 6 else f"{name},tags,[]" for place, name in enumerate(ids)]
    (tmp_path / "tags.csv").write_text("\n".join(["id,field,value", *lines]))
    settings = SETTINGS | {"data.corrections": str(tmp_path / "tags.csv")}
    run = rumbo.train(table, model="softmax_regression", epochs=1, out=tmp_path / "run", settings=settings)
    plant(run, lambda name: name in ids[:10])
    odd = next(row for row in find_errors(run, page=False).table.rows if row.tag == "odd")
    assert (odd.origin, odd.count, odd.num_known, odd.finding) == ("hand", 6, 10, "more")
    assert odd.lift.share_of_right == 0


def test_tags_of_other_data_are_refused(photos, tmp_path):
    (tmp_path / "tags.csv").write_text("id,tags\nx.png,dark\n")
    with pytest.raises(DataError, match=r"x\.png"):
        find_errors(photos, page=False, tags=tmp_path / "tags.csv")


def copied(run, tmp_path, *, with_data=True):
    """The run in another place, beside its data or not."""
    source = run.path.parent
    shutil.copytree(run.path, tmp_path / "run")
    for name in ("data", "table.csv") if with_data else ():
        if (source / name).is_dir():
            shutil.copytree(source / name, tmp_path / name)
        elif (source / name).exists():
            shutil.copy(source / name, tmp_path / name)
    return rumbo.load(tmp_path / "run")


def test_where_the_data_have_gone_predictions_alone_are_told(photos, tmp_path):
    found = find_errors(copied(photos, tmp_path, with_data=False))
    assert any("cannot be used" in sentence for sentence in found.remarks)
    assert (found.table.rows, found.clusters) == ((), ())
    assert found.table.error == find_errors(photos, page=False).table.error
    assert found.pairs
    assert found.page.is_file()


def test_data_that_have_changed_are_not_joined(rows, tmp_path):
    run = copied(rows, tmp_path)
    text = (tmp_path / "table.csv").read_text()
    (tmp_path / "table.csv").write_text(text.replace(",b,", ",c,", 1))
    found = find_errors(run, page=False)
    assert any("have changed" in sentence for sentence in found.remarks)
    assert [one.conditions[0][0] for one in found.slices.found] in ([], ["label"])


def test_nothing_wrong_is_said(rows, tmp_path):
    run = copied(rows, tmp_path)
    plant(run, lambda _: False)
    found = find_errors(run, template=tmp_path / "tags.csv")
    assert (found.table.num_wrong, found.examples, found.clusters, found.slices.found) == (0, (), (), ())
    assert any("No example is wrong" in sentence for sentence in found.remarks)
    assert found.page.is_file()


def test_ten_examples_are_told_with_wide_intervals(photos, tmp_path):
    run = copied(photos, tmp_path)
    path = run.path / "predictions" / "dev.parquet"
    table = pl.read_parquet(path)
    wrong = pl.col("true") != pl.col("predicted")
    pl.concat([table.filter(wrong).head(3), table.filter(~wrong).head(7)]).write_parquet(path)
    found = find_errors(run, page=False)
    assert (found.table.num_items, found.table.num_wrong) == (10, 3)
    low, high = found.table.error_interval
    assert high - low > 0.4
    assert found.slices.num_tested == 0
    assert any("hardly any share is sure" in sentence for sentence in found.remarks)
    assert all(row.finding != "as_common" for row in found.table.rows)


def test_weights_count(photos, tmp_path):
    run = copied(photos, tmp_path)
    path = run.path / "predictions" / "dev.parquet"
    table = pl.read_parquet(path)
    wrong = table["true"] != table["predicted"]
    table.with_columns(pl.Series("weight", np.where(wrong, 3.0, 1.0))).write_parquet(path)
    share = wrong.mean()
    assert find_errors(run, page=False).table.error == pytest.approx(3 * share / (1 + 2 * share))


def test_a_split_must_be_there_and_test_is_warned_of(photos, tmp_path):
    with pytest.raises(UsageError, match="no split is called"):
        find_errors(photos, split="validation")
    with pytest.raises(UsageError, match="has no split 'train_dev'; it has: train, dev, test"):
        find_errors(photos, split="train_dev")
    found = find_errors(photos, split="test", page=False)
    assert any("begins to fit them" in sentence for sentence in found.remarks)


def test_unknown_labels_are_refused(photos, tmp_path):
    run = copied(photos, tmp_path)
    path = run.path / "predictions" / "dev.parquet"
    pl.read_parquet(path).drop("true").write_parquet(path)
    with pytest.raises(DataError, match="no label of split 'dev' is known"):
        find_errors(run)


def test_numbers_are_analyzed_too(tmp_path):
    generator = np.random.default_rng(0)
    x, town = generator.normal(size=600), generator.choice(["a", "b"], 600)
    price = 3 * x + np.where(town == "b", generator.normal(0, 3, 600), generator.normal(0, 0.1, 600))
    pl.DataFrame({"x": x, "town": town, "price": price}).write_csv(tmp_path / "table.csv")
    run = rumbo.train(tmp_path / "table.csv", target="price", model="mlp", epochs=8, out=tmp_path / "run",
                      settings=SETTINGS)  # fmt: skip
    found = run.errors()
    assert (found.table.kind, found.pairs) == ("root_mean_square", ())
    assert found.table.num_wrong == pytest.approx(24, abs=2)
    assert dict(found.slices.found[0].conditions)["town"] == "b"
    sizes = [abs(one.true - one.predicted) for one in found.examples]
    assert sizes == sorted(sizes, reverse=True)


def test_labels_are_analyzed_too(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 2))
    table = pl.DataFrame(
        {"x": x[:, 0], "y": x[:, 1], "wet": (x[:, 0] > 0).astype(int), "cold": (x[:, 1] > 1).astype(int)}
    )
    table.write_csv(tmp_path / "table.csv")
    asked = {"target": "wet,cold", "task": "multilabel", "model": "softmax_regression", "epochs": 2}
    run = rumbo.train(tmp_path / "table.csv", **asked, out=tmp_path / "run", settings=SETTINGS)
    found = run.errors()
    assert found.task == "multilabel"
    assert found.table.num_items == pytest.approx(160, abs=2)
    assert found.examples


def test_features_are_the_inputs_of_the_last_layer(photos):
    import torch

    trained = photos.model
    dataset = rumbo.open_data(photos.path.parent / "data").take(np.arange(40))
    features = penultimate_features(trained, dataset, batch_size=16)
    last = [layer for layer in trained.task.model.modules() if isinstance(layer, torch.nn.Linear)][-1]
    logits = torch.from_numpy(features) @ last.weight.T + last.bias
    expected = trained.predict(dataset).outputs
    assert torch.softmax(logits.double(), dim=1).detach().numpy() == pytest.approx(expected, abs=1e-5)
    assert not [hook for layer in trained.task.model.modules() for hook in layer._forward_pre_hooks]
