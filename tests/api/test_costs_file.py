"""A matrix of costs read from a CSV: what is left out is usual, what is wrong is named."""

import numpy as np
import pytest

from rumbo.api.costs import read_costs
from rumbo.core.errors import DataError, UsageError

CLASSES = ("cat", "dog", "fox")


def file(folder, text):
    path = folder / "costs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "true,cat,dog,fox\ncat,0,1,1\ndog,5.5,0,2\nfox,1,1,0\n",
        ",cat,fox\ndog,5.5,2\n",
        "\ufeff;fox;cat\ndog;2;5,5\n\n",
        "true\tcat\tdog\tfox\ndog\t5.5\t\t2",
        "true,cat,dog,fox\ncat,,,\n dog ,5.5, ,2\n",
    ],
)
def test_what_is_not_said_is_usual(tmp_path, text):
    expected = np.array([[0, 1, 1], [5.5, 0, 2], [1, 1, 0]])
    np.testing.assert_array_equal(read_costs(file(tmp_path, text), CLASSES), expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no matrix"),
        (",cat,dog\n", "no matrix"),
        (",cat,dog\ncat,0,minus\n", "line 2: 'minus' is no cost"),
        (",cat,dog\n\ncat,0,-1\n", "line 3: '-1' is no cost"),
        (",cat,dog\ncat,0,inf\n", "'inf' is no cost"),
        (",cat,dog\ncat,0\n", "line 2"),
        (",cat,dog\ncat,0,1\ncat,0,2\n", "line 3"),
        (",cat,cat\ndog,1,1\n", "twice"),
        (",cat,dog\ncat,3,1\n", "right answer costs more"),
        (b"\xff\xfe\x00", "UTF-8"),
        (",\ncat,1\n", ""),
    ],
)
def test_what_is_no_matrix_of_costs_is_named(tmp_path, text, words):
    with pytest.raises((DataError, UsageError)) as caught:
        read_costs(file(tmp_path, text), CLASSES)
    assert words in str(caught.value)
    assert "costs.csv" in str(caught.value)


def test_a_class_that_the_data_lack_is_told_its_nearest(tmp_path):
    with pytest.raises(UsageError, match=r"line 2: .*'dogg'.*nearest: dog"):
        read_costs(file(tmp_path, ",cat\ndogg,2\n"), CLASSES)


def test_no_file_is_told(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_costs(tmp_path / "nowhere.csv", CLASSES)
