"""`rumbo errors`: tables for people, one JSON object, a page, a table to fill in."""

import polars as pl
import pytest
from workbench import TINY, Command, csv, inside

from rumbo.cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of one epoch on a table."""
    place = tmp_path_factory.mktemp("errors")
    csv(place / "table.csv", 300)
    with inside(place):
        assert main(["train", "table.csv", *TINY, "--out", "run", "--json"]) == 0
        path = place / "run" / "predictions" / "dev.parquet"
        table = pl.read_parquet(path)  # every third is misread, whatever the epoch gave
        swap = pl.Series(range(table.height)) % 3 == 0
        for name, taken, wrong in (("yes", 0.8, 0.2), ("no", 0.2, 0.8)):
            is_right = table["true"] == "yes"
            chance = [wrong if flip == right else taken for flip, right in zip(swap, is_right, strict=True)]
            table = table.with_columns(pl.Series(f"p({name})", chance))
        best = pl.when(pl.col("p(yes)") > 0.5).then(pl.lit("yes")).otherwise(pl.lit("no"))
        table.with_columns(best.alias("predicted"), pl.lit(0.8).alias("probability")).write_parquet(path)
        yield place


@pytest.mark.train
def test_it_tells_and_writes_a_page(folder, rumbo: Command):
    answer = rumbo("errors", "run")
    assert answer.code == 0, answer.err
    assert "20 of 60 examples are wrong, an error of 33.3 %" in answer.out
    assert "taken for" in answer.out
    assert "Groups that were looked at" in answer.out
    assert "page: run/errors.html" in answer.out
    assert (folder / "run" / "errors.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.train
def test_the_answer_is_one_object(folder, tmp_path, rumbo: Command):
    answer = rumbo("errors", "run", "--out", tmp_path / "e.html", "--write-tags", tmp_path / "tags.csv", "--json")
    found = answer.json
    assert (found["num_wrong"], found["num_items"], found["split"]) == (20, 60, "dev")
    assert found["page"] == str(tmp_path / "e.html")
    assert len(found["examples"]) == 20
    assert sum(pair["count"] for pair in found["pairs"]) == 20
    lines = (tmp_path / "tags.csv").read_text().splitlines()
    assert len(lines) == 21
    (tmp_path / "tags.csv").write_text("\n".join([lines[0], *(line[:-1] + "odd," for line in lines[1:])]))
    again = rumbo("errors", "run", "--out", tmp_path / "e.html", "--tags", tmp_path / "tags.csv")
    assert "odd" in again.out
    assert "100.0 %" in again.out
    assert rumbo("errors", "run", "--write-tags", tmp_path / "tags.csv").code == 2


@pytest.mark.train
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nowhere"], 2, "nowhere"),
        (["run", "--split", "validation"], 2, "validation"),
        (["run", "--split", "train_dev"], 2, "it has: train, dev, test"),
        (["run", "--tags", "none.csv"], 2, "none.csv"),
        (["run", "--tags", "table.csv"], 3, "table.csv"),
        (["run", "--out", "no/such/place.html"], 4, "place.html"),
    ],
)
def test_what_cannot_be_done_is_said(folder, rumbo: Command, words, code, told):
    answer = rumbo("errors", *words)
    assert answer.code == code, answer.err
    assert told in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.train
def test_test_examples_only_on_request_and_with_a_warning(folder, rumbo: Command):
    assert "begins to fit them" not in rumbo("errors", "run").err
    assert "begins to fit them" in rumbo("errors", "run", "--split", "test", "--out", "test.html").err


@pytest.mark.train
def test_it_speaks_spanish(folder, rumbo: Command):
    answer = rumbo("errors", "run", "--lang", "es", "--out", "es.html")
    assert answer.code == 0
    assert '<html lang="es">' in (folder / "es.html").read_text(encoding="utf-8")
