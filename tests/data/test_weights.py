"""A column that says how much each example counts: set apart, kept out of the inputs, faults named by file and line."""

import numpy as np
import pytest
from PIL import Image

from rumbo.core.errors import DataError, UnknownName, UsageError
from rumbo.data import open_data

ROWS = "x,kind,w\n1,a,1\n2,b,10\n3,a,0\n4,b,0.5\n"


def table(folder, text=ROWS):
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_the_column_is_set_apart(tmp_path):
    dataset = open_data(table(tmp_path), target="kind", weights="w")
    assert dataset.table["weight"].to_list() == [1, 10, 0, 0.5]
    assert "w" not in dataset.table.columns
    assert dataset.numbers == ("x",)
    assert any("'w'" in told and "from 0 to 10" in told for told in dataset.decisions)
    assert dataset.sha256() != open_data(table(tmp_path), target="kind").sha256()


def test_it_is_never_taken_for_the_target(tmp_path):
    assert open_data(table(tmp_path), weights="w").target.columns == ("kind",)


@pytest.mark.parametrize("name", ["weight", "split", "id"])
def test_its_name_may_be_one_of_ours(tmp_path, name):
    dataset = open_data(table(tmp_path, ROWS.replace(",w", f",{name}")), target="kind", weights=name)
    assert dataset.table["weight"].to_list() == [1, 10, 0, 0.5]
    assert dataset.numbers == ("x",)


def test_pictures_named_by_a_table_have_weights(tmp_path):
    for number in range(4):
        Image.fromarray(np.full((8, 8), 60 * number, np.uint8)).save(tmp_path / f"{number}.png")
    lines = [f"{number}.png,{'ab'[number % 2]},{number + 1}" for number in range(4)]
    dataset = open_data(table(tmp_path, "picture,kind,w\n" + "\n".join(lines)).parent, target="kind", weights="w")
    assert dataset.images is not None
    assert dataset.table["weight"].to_list() == [1, 2, 3, 4]
    assert dataset.numbers == ()
    assert dataset.take(np.array([2])).table["weight"].to_list() == [3]


@pytest.mark.parametrize("entry", ["-1", "inf", "nan", "", "much", "1e400"])
def test_what_is_no_weight_is_named(tmp_path, entry):
    with pytest.raises(DataError) as caught:
        open_data(table(tmp_path, ROWS.replace(",10", f",{entry}")), target="kind", weights="w")
    assert "'table.csv' line 3" in str(caught.value)
    assert "'w'" in str(caught.value)


def test_weights_that_are_all_zero_are_refused(tmp_path):
    text = "x,kind,w\n1,a,0\n2,b,0\n"
    with pytest.raises(DataError, match="all weights in column 'w' are 0"):
        open_data(table(tmp_path, text), target="kind", weights="w")


def test_a_column_that_is_not_there_is_told_its_nearest(tmp_path):
    with pytest.raises(UnknownName, match="nearest: kind"):
        open_data(table(tmp_path), weights="kin")


def test_class_folders_have_no_weights(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / name / "0.png")
    with pytest.raises(UsageError, match=r"data\.weights=w"):
        open_data(tmp_path, weights="w")
