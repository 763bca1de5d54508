"""One folder per person: recognized by evidence only."""

import pytest
from PIL import Image

from rumbo.core.errors import UsageError
from rumbo.data import open_data


def folders(root, names, count=2):
    for place, name in enumerate(names):
        for number in range(count):
            path = root / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 4), (place * count + number) % 256).save(path)


def test_numbered_folders(tmp_path):
    folders(tmp_path, [f"s{number}" for number in range(1, 21)])
    data = open_data(tmp_path)
    assert (data.format, data.target.kind.value, data.target.columns) == ("persons", "identity", ("identity",))
    assert data.table["identity"].to_list() == data.table["group"].to_list()
    assert "class" not in data.table.columns
    assert "20 folders" in data.decisions[0]
    assert "ask for the task classify" in data.decisions[0]


@pytest.mark.parametrize(
    "names",
    [
        [f"s{number}" for number in range(1, 20)],  # too few
        [f"breed{number}" for number in range(30)],  # no word for persons
        ["cat", "dog"],
    ],
)
def test_without_evidence_folders_are_classes(tmp_path, names):
    folders(tmp_path, names)
    assert open_data(tmp_path).format == "image-folder"


def test_many_pictures_each_are_classes(tmp_path):
    folders(tmp_path, [f"s{number}" for number in range(1, 21)], count=51)
    assert open_data(tmp_path).format == "image-folder"


def test_a_folder_that_says_so(tmp_path):
    folders(tmp_path / "people", ["ann", "bob", "cid", "dan", "eve"])
    (tmp_path / "people.txt").write_text("")
    data = open_data(tmp_path)
    assert (data.format, data.target.classes) == ("persons", ("ann", "bob", "cid", "dan", "eve"))


def test_a_readme_that_says_so(tmp_path):
    folders(tmp_path, [f"name{number:02}" for number in range(20)])
    assert open_data(tmp_path).format == "image-folder"
    (tmp_path / "README.md").write_text("Faces of twenty subjects.")
    data = open_data(tmp_path)
    assert data.format == "persons"
    assert "face, subject" in data.decisions[0]


def test_split_folders_stay(tmp_path):
    folders(tmp_path / "train", [f"s{number}" for number in range(1, 21)])
    folders(tmp_path / "test", [f"s{number}" for number in range(21, 30)])
    data = open_data(tmp_path)
    assert (data.format, data.table["split"].value_counts().sort("split").rows()) == (
        "persons",
        [("test", 18), ("train", 40)],
    )


def test_who_asks_decides(tmp_path):
    folders(tmp_path / "a", [f"s{number}" for number in range(1, 21)])
    folders(tmp_path / "b", ["cat", "dog"])
    assert open_data(tmp_path / "a", task="classify").format == "image-folder"
    assert open_data(tmp_path / "a", task="embed").format == "persons"
    assert open_data(tmp_path / "b", task="embed").format == "persons"
    assert open_data(tmp_path / "a", labelled=False).target is None
    with pytest.raises(UsageError, match=r"detect needs annotations that are not here"):
        open_data(tmp_path / "b", task="detect")
