"""Tags by hand: every form that people write them in, and what is refused with line and cell."""

import pytest

from rumbo.core.errors import DataError, StorageError, UsageError
from rumbo.data.tag_file import read_tags, write_tags


def written(folder, text, name="tags.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id,tags\na,dark;blurry\nb,-\nc,\n", {"a": ("dark", "blurry"), "b": ()}),
        ("id,tag,tag2\na,dark,blurry\nb,dark,\n", {"a": ("dark", "blurry"), "b": ("dark",)}),
        ("id,tag\na,dark,blurry,dark\n", {"a": ("dark", "blurry")}),
        ("a,dark,blurry\nb,-\nc\n", {"a": ("dark", "blurry"), "b": ()}),
        ("id,true,predicted,probability,tags,comment\na,cat,dog,0.9,dark,in the rain\nb,cat,dog,0.9,,\n",
         {"a": ("dark",)}),
        ("id,dog,great cat,comment\na,x,,pitbull\nb,,✓,\nc,,,\n", {"a": ("dog",), "b": ("great cat",), "c": ()}),
        ("id,tags,dog\na,dark,x\nb,,1\nc,,0\n", {"a": ("dark", "dog"), "b": ("dog",)}),
        ("id;tags\na;dark|wet\n", {"a": ("dark", "wet")}),
        ("id\ttags\na\tdark\n", {"a": ("dark",)}),
        ("\ufeffID,Etiquetas\n\"a,1\",oscura\n", {"a,1": ("oscura",)}),
        ('id,field,value\nb,class,cat\na,tags,[]\na,tags,"[""wet"", ""far""]"\nc,tags,[]\nd,tags,[]\nd,tags,\n',
         {"a": ("wet", "far"), "c": ()}),
    ],
)  # fmt: skip
def test_every_form_is_read(tmp_path, text, found):
    assert read_tags(written(tmp_path, text)) == found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "empty"),
        ("id,label\na,cat\n", "line 2: column 'label' holds 'cat'"),
        ("id,dog,dog\na,x,x\n", "two columns called 'dog'"),
        ("id,dog\na,x,x\n", "line 2: 3 fields"),
        (b"id,tags\na,\xff\xfe\n", "not UTF-8"),
        ('id,tags\na,"dark\n', "line"),
        ("id,field,value\na,tags,dark\n", "no JSON list"),
    ],
)
def test_strange_tables_are_refused(tmp_path, text, names):
    with pytest.raises(DataError, match=names):
        read_tags(written(tmp_path, text))


def test_a_file_must_be_there(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        read_tags(tmp_path / "none.csv")


def test_a_template_is_read_back_and_never_written_over(tmp_path):
    rows = [
        {
            "id": "a,1.png",
            "true": "=cat",
            "predicted": "dog",
            "probability": 0.98765,
            "found": ("blur",),
            "tags": ("dark", "wet"),
        },
        {"id": "b", "true": 1.5, "predicted": -2.0, "probability": None, "tags": ()},
    ]  # fmt: skip
    path = tmp_path / "tags.csv"
    write_tags(path, rows)
    text = path.read_text()
    assert text.splitlines() == [
        "id,true,predicted,probability,found,tags,comment",
        "\"a,1.png\",'=cat,dog,0.988,blur,dark;wet,",
        "b,1.5,-2.0,,,,",
    ]  # fmt: skip
    assert read_tags(path) == {"a,1.png": ("dark", "wet")}
    with pytest.raises(UsageError, match="exists already"):
        write_tags(path, [])
    assert path.read_text() == text
    with pytest.raises(StorageError, match="no such file or folder"):
        write_tags(tmp_path / "none" / "tags.csv", rows)
