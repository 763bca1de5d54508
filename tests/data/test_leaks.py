"""T17, planted leakage: what stands in two splits is found, taken out of train while it is little, and else stops."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from planted import PROMISED, picture_set, pictures_of

from rumbo.core.errors import DataError, UsageError
from rumbo.data import open_data
from rumbo.data.manifest import Dataset, Target, TargetKind
from rumbo.data.options import SplitOptions
from rumbo.data.splits import dealing, groups, near_duplicates
from rumbo.data.splits.groups import Groups
from rumbo.data.splits.split import LeakError, make_split, split_from_file


@pytest.fixture(scope="module")
def real(shared_data):
    return pictures_of(shared_data / "hymenoptera", 120)


def given(real, planted: dict[str, bytes]) -> Dataset:
    """The first third is test, then dev; what is planted goes to train."""
    third = len(real) // 3
    splits = ["test"] * third + ["dev"] * third + ["train"] * (len(real) - 2 * third) + ["train"] * len(planted)
    classes = ["ant" if "ants" in name else "bee" for name in (*real, *planted)]
    return picture_set(real | planted, splits=splits, classes=classes)


def copies(real, count: int, change: str | None = None) -> dict[str, bytes]:
    """Copies of pictures of test."""
    chosen = list(real.items())[:count]
    if change is None:
        return {f"ants/copy{row}.jpg": data for row, (_, data) in enumerate(chosen)}
    return {f"ants/copy{row}.jpg": PROMISED[change](Image.open(io.BytesIO(d))) for row, (_, d) in enumerate(chosen)}


@pytest.mark.parametrize("change", [None, "re-encode, quality 70", "flip"])
def test_few_leaks_are_taken_out_of_train(real, change):
    data = given(real, copies(real, 1, change))
    split = make_split(data, SplitOptions(), 0)
    assert [(leak.id, leak.twin, leak.twin_split, leak.action) for leak in split.leaks] == [
        ("ants/copy0.jpg", data.ids[0], "test", "removed")
    ]
    assert split.leaks[0].code == ("leak.exact_duplicate" if change is None else "leak.near_duplicate")
    assert "ants/copy0.jpg" not in split.table["id"].to_list()
    assert len(split.rows(data, "test")) == len(real) // 3
    assert any("taken out: 1" in sentence for sentence in split.decisions)


@pytest.mark.parametrize("change", [None, "resize to 90 %"])
def test_many_leaks_stop_the_training(real, change):
    data = given(real, copies(real, 10, change))
    with pytest.raises(DataError, match=r"10 of 50 examples of train .*allow_leak=yes") as problem:
        make_split(data, SplitOptions(), 0)
    assert "'ants/copy0.jpg' is in train" in str(problem.value)
    split = make_split(data, SplitOptions(allow_leak=True), 0)
    assert {leak.action for leak in split.leaks} == {"kept"}
    assert any("were kept: 10" in sentence for sentence in split.decisions)
    assert len(split.rows(data, "train")) == len(real) // 3 + 10


def test_copies_inside_a_split_are_no_leaks(real):
    names = list(real)[-10:]
    split = make_split(
        given(real, {f"bees/again{i}.jpg": real[name] for i, name in enumerate(names)}), SplitOptions(), 0
    )
    assert split.leaks == ()


def test_a_comparison_inside_splits_only_finds_nothing(real, monkeypatch):
    """The mutant: groups that are looked for in each split alone."""
    data = given(real, copies(real, 10))

    def inside(members):
        names = np.array(data.table["split"].to_list())
        return tuple(rows[names[rows] == "train"] for rows in members)

    copies_of = dealing.copies_of
    monkeypatch.setattr(dealing, "copies_of", lambda d: Groups(copies_of(d).reason, inside(copies_of(d).members)))
    monkeypatch.setattr(dealing, "look_for_groups", lambda d, column: [])
    assert make_split(data, SplitOptions(), 0).leaks == ()  # so test_many_leaks_stop_the_training would fail


def test_a_comparison_of_names_finds_nothing(real):
    """The mutant: the content is a hash of the name."""
    data = given(real, copies(real, 10))
    named = dataclasses.replace(data, table=data.table.with_columns(content=pl.col("id")))
    assert make_split(named, SplitOptions(near_duplicates=False), 0).leaks == ()
    with pytest.raises(DataError):
        make_split(data, SplitOptions(near_duplicates=False), 0)


def test_near_duplicates_stay_together_at_random(real):
    few = dict(list(real.items())[:60])
    data = given(few, {})
    data = picture_set(
        few | copies(few, 20, "1-px crop"), classes=["ant" if "ants" in n else "bee" for n in (*few, *copies(few, 20))]
    )
    split = make_split(data, SplitOptions(), 0)
    cut = split.table["split"].to_numpy()
    assert (cut[:20] == cut[60:]).all()
    assert any("near duplicates: 40 pictures" in sentence for sentence in split.decisions)
    with pytest.raises(UsageError, match=r"(?s)near duplicates: 40 pictures.*by=group.*allow_leak=yes"):
        make_split(data, SplitOptions(by="random"), 0)
    torn = make_split(data, SplitOptions(by="random", allow_leak=True), 0)
    cut = torn.table["split"].to_numpy()
    assert (cut[:20] != cut[60:]).any()
    assert any("too good" in sentence for sentence in torn.decisions)


def test_cats_lose_the_one_picture_that_test_has_too(shared_data):
    data = open_data(shared_data / "cats_vs_noncats")
    split = make_split(data, SplitOptions(), 0)
    assert [(leak.code, leak.action) for leak in split.leaks] == [("leak.exact_duplicate", "removed")]
    assert len(split.rows(data, "test")) == 50
    assert len(split.rows(data, "train")) + len(split.rows(data, "dev")) == 208


def test_groups_and_people_are_never_torn(shared_data):
    data = open_data(shared_data / "orl_faces")
    split = make_split(data, SplitOptions(), 0)
    people = data.table.join(split.table, on="id").group_by("group").agg(pl.col("split").n_unique())
    assert people["split"].max() == 1
    with pytest.raises(UsageError, match="column 'group'"):
        make_split(data, SplitOptions(by="random"), 0)


def test_the_small_picture_sets_are_left_alone(shared_data):
    data = open_data(shared_data / "fashion_mnist")
    data = data.take(np.arange(0, len(data), 40))
    assert near_duplicates.sketches(data.images, data.table["content"].to_list())[0].luma is None
    split = make_split(data, SplitOptions(), 0)
    assert split.leaks == ()
    assert split.table.height == len(data)


def table(rows: int, *, copied: int, splits: bool = True) -> Dataset:
    content = [f"c{row}" for row in range(rows)]
    content[:copied] = content[-copied:] if copied else []
    frame = pl.DataFrame({"id": [str(row) for row in range(rows)], "content": content, "y": ["a", "b"] * (rows // 2)})
    if splits:
        frame = frame.with_columns(
            split=pl.Series(["test"] * (rows // 4) + ["dev"] * (rows // 4) + ["train"] * (rows // 2))
        )
    target = Target(columns=("y",), kind=TargetKind.CLASS, classes=("a", "b"))
    return Dataset(path=Path("a.csv"), format="table", table=frame, target=target)


def test_one_percent_is_the_limit():
    assert len(make_split(table(400, copied=4), SplitOptions(), 0).leaks) == 4
    with pytest.raises(LeakError, match="5 of 200 examples of train") as problem:
        make_split(table(400, copied=5), SplitOptions(), 0)
    given = problem.value.split
    assert [(leak.code, leak.action) for leak in given.leaks] == [("leak.exact_duplicate", "kept")] * 5
    assert given.table["split"].to_list() == table(400, copied=5).table["split"].to_list()


@pytest.mark.parametrize("by", ["group", "random"])
def test_the_remedy_for_copies_works(by):
    data = table(400, copied=20)
    split = make_split(data, SplitOptions(by=by), 0)
    cut = split.table["split"].to_numpy()
    assert (cut[:20] == cut[-20:]).all()
    assert split.leaks == ()
    assert any("put aside" in sentence for sentence in split.decisions)
    assert any("exact copies: 40 examples" in sentence for sentence in split.decisions) == (by == "group")


def test_without_copies_there_is_nothing_to_group_by():
    with pytest.raises(UsageError, match="no groups are known"):
        make_split(table(400, copied=0), SplitOptions(by="group"), 0)


def test_a_file_with_too_many_leaks_is_to_be_made_anew(tmp_path):
    data = table(400, copied=50, splits=False)
    names = ["test"] * 100 + ["dev"] * 100 + ["train"] * 200
    pl.DataFrame({"id": data.ids, "split": names}).write_parquet(tmp_path / "s.parquet")
    with pytest.raises(LeakError, match=r"(?s)50 of 200 .*s.parquet'.*rumbo split"):
        split_from_file(data, tmp_path / "s.parquet", SplitOptions())


def test_dev_and_test_stay_as_given_though_they_share():
    data = table(400, copied=0)
    content = data.table["content"].to_list()
    content[:20] = content[100:120]
    data = dataclasses.replace(data, table=data.table.with_columns(content=pl.Series(content)))
    split = make_split(data, SplitOptions(), 0)
    assert {(leak.split, leak.twin_split, leak.action) for leak in split.leaks} == {("dev", "test", "kept")}
    assert split.table.height == 400


def test_torn_groups_of_given_splits_are_told():
    data = table(400, copied=0)
    data = dataclasses.replace(data, table=data.table.with_columns(group=pl.Series([f"g{r % 50}" for r in range(400)])))
    split = make_split(data, SplitOptions(), 0)
    assert any("dev or test: 50" in sentence for sentence in split.decisions)
    assert split.table["split"].to_list() == data.table["split"].to_list()


def test_a_file_is_looked_through_too(tmp_path):
    data = table(400, copied=3, splits=False)
    names = ["test"] * 100 + ["dev"] * 100 + ["train"] * 200
    pl.DataFrame({"id": data.ids, "split": names}).write_parquet(tmp_path / "s.parquet")
    split = split_from_file(data, tmp_path / "s.parquet", SplitOptions())
    assert [leak.action for leak in split.leaks] == ["removed"] * 3
    assert split.table.height == 397
    with pytest.raises(DataError, match="other data"):
        split_from_file(data.take(np.arange(100)), tmp_path / "s.parquet", SplitOptions())
    with pytest.raises(UsageError, match="does not exist"):
        split_from_file(data, tmp_path / "none.parquet", SplitOptions())


def test_too_many_pictures_are_not_compared_and_that_is_said(real, monkeypatch):
    data = picture_set(dict(list(real.items())[:20]))
    assert not any("not looked for" in sentence for sentence in make_split(data, SplitOptions(), 0).decisions)
    monkeypatch.setattr(groups, "MAX_PICTURES", 10)
    monkeypatch.setattr(groups, "sketches", None)
    assert any("not looked for" in sentence for sentence in make_split(data, SplitOptions(), 0).decisions)
