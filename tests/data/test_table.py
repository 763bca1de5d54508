"""Tables as people have them: each case read right, or refused with file, line and column."""

import gzip
import io
import zipfile

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rumbo.core.errors import DataError, UnknownName, UsageError
from rumbo.data import open_data
from rumbo.data.delimited import parse_delimited
from rumbo.data.manifest import TargetKind


@pytest.fixture
def table(tmp_path):
    """Write a text as a table, and open it."""

    def opened(text, name="a.csv", **options):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(data)
        return open_data(tmp_path / name, **options)

    return opened


BODY = "".join(f"{i / 10},{'red' if i % 3 else 'blue'},{'yes' if i % 2 else 'no'}\n" for i in range(40))


def test_mixed_features_and_the_last_column_as_target(table):
    data = table("size,color,good\n" + BODY)
    assert (data.numbers, data.categories) == (("size",), ("color",))
    assert (data.target.columns, data.target.kind, data.target.classes) == (("good",), TargetKind.CLASS, ("no", "yes"))
    assert data.target.runner_up == "color"
    assert "last column" in data.target.reason
    assert data.ids[:2] == ["a.csv#0", "a.csv#1"]
    assert data.table.schema["size"] == pl.Float64
    assert data.table.schema["color"] == pl.String


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n\n"])
def test_separators_and_line_ends(table, delimiter, ending):
    text = ("size,color,good\n" + BODY).replace(",", delimiter).rstrip("\n").replace("\n", ending) + "\n\n"
    data = table(text)
    assert len(data) == 40
    assert data.table["size"].to_list()[:2] == [0.0, 0.1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(table, encoding):
    text = "tamaño,color,good\n" + BODY.replace("red", "añil")
    data = table(text.encode(encoding))
    assert data.numbers == ("tamaño",)
    assert set(data.table["color"].to_list()) == {"añil", "blue"}
    assert any("cp1252" in sentence for sentence in data.decisions) == (encoding == "cp1252")


def test_gzip(table):
    assert len(table(gzip.compress(("size,color,good\n" + BODY).encode()), "a.csv.gz")) == 40
    with pytest.raises(DataError, match="damaged"):
        table(gzip.compress(BODY.encode())[:-20], "b.csv.gz")


def test_decimal_commas(table):
    data = table("size;price\n" + "".join(f"1.{i:03d},5;{i},25\n" for i in range(40)))
    assert data.table["size"].to_list()[:2] == [1000.5, 1001.5]
    assert data.table["price"].to_list()[:2] == [0.25, 1.25]
    assert any("decimal commas" in sentence for sentence in data.decisions)


def test_missing_and_padding(table):
    data = table("a, b, good\n1, ?, yes\n , NA, no\nnan,  x , yes\n4,,no\n")
    assert data.table["a"].to_list() == [1.0, None, None, 4.0]
    assert data.table["b"].to_list() == [None, None, "x", None]


@pytest.mark.parametrize(
    ("text", "has_header"),
    [
        ("a,b\n1,2\n3,4\n", True),
        ("1,2\n3,4\n", False),
        ("39, Private, <=50K\n50, Self, >50K\n39, Private, <=50K\n", False),
        ("name,kind\nx,p\ny,q\nz,p\n", True),
        ("p,p\nq,p\np,q\n", False),
        ("0,1,2\n5.5,6.5,a\n7.5,8.5,b\n", True),
        (",x,y\n0,1.5,2\n1,2.5,3\n", True),
        ("label,1x1,1x2\n5,0,255\n3,0,0\n", True),
        ("?,2,a\n1,3,b\n", False),
    ],
)
def test_headers_are_told_from_rows(text, has_header):
    raw = parse_delimited(text.encode(), "a.csv")
    assert raw.frame.height == text.count("\n") - has_header
    assert (raw.frame.columns[-1] == f"column_{raw.frame.width}") != has_header


def test_column_names_are_made_unique(table):
    data = table("a,a,,good\n" + "1,2,3,yes\n4,5,6,no\n")
    assert data.table.columns[2:] == ["a", "a_2", "column_3", "good"]


def test_columns_that_the_manifest_needs_are_renamed(table):
    data = table(
        "weight,content,id,good\n" + "".join(f"{i % 7},a,{i % 5},{i % 2}\n" for i in range(50)), target="weight"
    )
    assert data.target.columns == ("weight_",)
    assert {"content_", "id_"} <= set(data.table.columns)
    assert any("weight -> weight_" in sentence for sentence in data.decisions)


def test_a_ragged_line_is_named():
    with pytest.raises(DataError, match=r"'a.csv' line 4 has 3 fields; the lines before have 2"):
        parse_delimited(b"a,b\n1,2\n\n1,2,3\n", "a.csv")
    with pytest.raises(DataError, match="line 3 has 1 fields"):
        parse_delimited(b"a,b\n1,2\n1\n1,2\n", "a.csv")


def test_quotes_hold_separators_and_line_ends():
    raw = parse_delimited(b'a,b\n1,"x, y"\n2, "p\nq"\n3,z\n', "a.csv")
    assert raw.frame["b"].to_list() == ["x, y", "p\nq", "z"]
    assert raw.lines.tolist() == [2, 4, 5]


def test_what_is_no_table_is_refused(table):
    for data, message in ((b"", "empty"), (b"\n\n", "empty"), (b"a,b\n1,\x002\n", "line 2 has a NUL")):
        with pytest.raises(DataError, match=message):
            table(data)
    with pytest.raises(DataError, match="one column"):
        table("a\n1\n2\n")
    with pytest.raises(DataError, match="no row of"):
        table("a,b\n")
    with pytest.raises(DataError, match="Parquet"):
        table(b"PAR1 nothing", "a.parquet")
    with pytest.raises(DataError, match="cannot be read as a table"):
        table("a,b\n1," + "x" * 200_000 + "\n")


def test_a_missing_label_names_line_and_column(table):
    data = table("a,good\n" + "".join(f"{i},{'' if i == 7 else i % 2}\n" for i in range(40)))
    assert len(data) == 39
    assert "a.csv#7" not in data.ids
    (bad,) = data.bad
    assert (bad.id, bad.code) == ("a.csv#7", "target.missing")
    assert bad.reason == "'a.csv' line 9: column 'good' is empty."
    assert any("line 9" in sentence for sentence in data.decisions)
    assert not table("a,good\n1,\n2,x\n", labelled=False).bad


def test_numbers_with_faulty_entries(table):
    rows = [f"{i / 7:.3f},{i / 3:.3f}" for i in range(100)]
    rows[3], rows[5], rows[6] = "unknown,1", "1e400,2", "5,abc"
    data = table("a,price\n" + "\n".join(rows) + "\n")
    assert data.target.kind is TargetKind.NUMBER
    assert data.bad[0].reason == "'a.csv' line 8: 'abc' in column 'price' is no number."
    assert data.numbers == ("a",)
    assert data.table["a"].to_list()[3] is None
    assert any("unknown" in sentence for sentence in data.decisions)
    assert data.table["a"].is_infinite().sum() == 1


@pytest.mark.parametrize("word", ["N/D", "n/d", "s/d", "n.d.", "--", "#N/D", "S/D"])
def test_a_word_for_unknown_leaves_a_column_of_numbers_one(table, word):
    rows = [f"{i / 7:.3f},{i / 3:.3f}" for i in range(12)]
    rows[4], rows[7] = f"{word},1", f"5,{word}"
    data = table("a,price\n" + "\n".join(rows) + "\n")
    assert data.numbers == ("a",)
    assert data.target.kind is TargetKind.NUMBER
    assert data.bad[0].reason == "'a.csv' line 9: column 'price' is empty."
    assert data.table["a"].null_count() == 1


def test_the_cell_that_is_no_number_is_named_beside_decimal_commas(table):
    rows = [f"{i},{i};{60 + i / 7:.1f}".replace(".", ",") for i in range(60)]
    rows[9] = "5,5;ninguno"
    data = table("a;precio\n" + "\n".join(rows) + "\n")
    assert data.target.kind is TargetKind.NUMBER
    assert data.bad[0].reason == "'a.csv' line 11: 'ninguno' in column 'precio' is no number."


def test_entries_that_keep_a_column_from_being_numbers_are_named(table):
    text = "a,precio\n" + "".join(f"{i},{60 + i / 7:.3f}\n" for i in range(60)) + "1,x\n" * 6
    with pytest.raises(DataError, match="6 of 66 entries are none: 'x'"):
        table(text)


def test_columns_that_cannot_help_are_left_out_with_a_word(table):
    rows = "".join(f"{i},p{i},text {i % 40},{i % 9},{i % 2}\n" for i in range(60))
    data = table("id,name,story,n,good\n" + rows)
    assert (data.numbers, data.categories) == (("n",), ())
    said = " ".join(data.decisions)
    assert all(f"column '{column}'" in said for column in ("id_", "name", "story"))
    assert "name" in data.table.columns


@pytest.mark.parametrize(
    ("columns", "notes", "target", "runner_up"),
    [
        (["a", "label", "b"], "", "label", "b"),
        (["class", "target", "b"], "", "target", "class"),
        (["a", "unit_price", "b"], "", "unit_price", "b"),
        (["a", "subclass", "b"], "", "b", "subclass"),
        (["a", "mpg", "b"], "The target is `mpg`.", "mpg", "b"),
        (["a", "House Value", "b"], "", "House Value", "b"),
        (["etiqueta", "a", "paciente"], "", "etiqueta", "a"),
        (["a", "Clase", "b"], "", "Clase", "b"),
        (["objetivo", "clase", "b"], "", "objetivo", "clase"),
        (["a", "precio_total", "id"], "", "precio_total", "a"),
        (["valor", "a", "b"], "", "valor", "b"),
        (["y", "a", "b"], "", "y", "b"),
        (["x", "y", "b"], "", "b", "y"),
        (["center_y", "a", "b"], "", "b", "a"),
        (["a", "b", "patient"], "", "b", "a"),
    ],
)
def test_the_target_is_chosen_by_name_then_notes_then_place(tmp_path, columns, notes, target, runner_up):
    (tmp_path / "README.md").write_text(notes)
    (tmp_path / "a.csv").write_text(",".join(columns) + "\n1,2,1\n3,4,0\n5,6,1\n")
    data = open_data(tmp_path)
    assert (data.target.columns, data.target.runner_up) == ((target,), runner_up)


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        (["0", "1"], TargetKind.CLASS, ("0", "1")),
        (["1.0", "2.0", "10.0"], TargetKind.CLASS, ("1", "2", "10")),
        (["true", "false"], TargetKind.CLASS, ("false", "true")),
        ([str(i) for i in range(20)], TargetKind.CLASS, tuple(str(i) for i in range(20))),
        ([str(i) for i in range(21)], TargetKind.NUMBER, ()),
        (["0.5", "1"], TargetKind.NUMBER, ()),
        (["x.", "y."], TargetKind.CLASS, ("x", "y")),
        (["x.", "y"], TargetKind.CLASS, ("x.", "y")),
        (["a", "3"], TargetKind.CLASS, ("3", "a")),
    ],
)
def test_the_kind_of_target_follows_from_its_values(table, values, kind, classes):
    data = table("a,y\n" + "".join(f"{i},{values[i % len(values)]}\n" for i in range(42)))
    assert (data.target.kind, data.target.classes) == (kind, classes)


def test_the_task_overrides(table):
    text = "a,y\n" + "".join(f"{i},{i % 3}\n" for i in range(30))
    assert table(text, task="regress").target.kind is TargetKind.NUMBER
    assert table(text.replace(",1\n", ",1.5\n"), task="classify").target.classes == ("0", "1.5", "2")
    with pytest.raises(DataError, match="'red', which is no number"):
        table(text.replace(",1\n", ",red\n"), task="regress")


def test_several_targets_are_labels(table):
    text = "a,p,q,r\n1,yes,0,\n2,no,1,true\n3,,,\n4,NO,0,false\n"
    data = table(text, target="p,q,r")
    assert (data.target.kind, data.target.classes) == (TargetKind.LABELS, ("p", "q", "r"))
    assert data.table["p"].to_list() == [1.0, 0.0, 0.0]
    assert data.table["r"].to_list() == [None, 1.0, 0.0]
    assert [item.id for item in data.bad] == ["a.csv#2"]
    with pytest.raises(DataError, match="'2'; allowed are 0, 1"):
        table(text, target="a,q")
    with pytest.raises(UsageError, match="multilabel"):
        table(text, target="p,q", task="regress")
    with pytest.raises(UnknownName, match="nearest: q"):
        table(text, target="p,qq")
    with pytest.raises(UsageError, match="twice"):
        table(text, target="p,p")


def test_a_target_that_is_no_class_is_refused(table):
    with pytest.raises(DataError, match="these are no classes"):
        table("a,note\n" + "".join(f"{i},text {i}\n" for i in range(50)))
    with pytest.raises(DataError, match="empty in all 2 rows"):
        table("a,b,y\n1,2,\n3,4,\n", target="y")


def test_train_and_test_tables_become_splits(tmp_path):
    (tmp_path / "my-train.csv").write_text("a,y\n" + "1,p\n2,q\n" * 5)
    (tmp_path / "my-test.csv").write_text("y,a\n" + "p.,3\nq.,4\n")
    data = open_data(tmp_path)
    assert data.table["split"].to_list() == ["train"] * 10 + ["test"] * 2
    assert data.table["a"].to_list()[-2:] == [3.0, 4.0]
    assert data.target.classes == ("p", "q")
    assert any("full stop" in sentence and "2 labels" in sentence for sentence in data.decisions)
    (tmp_path / "other.csv").write_text("p,q\n1,2\n")
    assert len(open_data(tmp_path)) == 12
    (tmp_path / "my-test.csv").write_text("a,z\n1,2\n")
    with pytest.raises(DataError, match="differ in their columns: y, z"):
        open_data(tmp_path)


def test_the_column_that_test_lacks_is_the_target(tmp_path):
    (tmp_path / "train.csv").write_text("a,y,b\n" + "1,p,2\n2,q,3\n" * 5)
    (tmp_path / "test.csv").write_text("a,b\n3,4\n")
    data = open_data(tmp_path)
    assert (data.target.columns, len(data)) == (("y",), 10)
    assert "lacks" in data.target.reason


def test_several_tables_of_no_one_set_are_refused(tmp_path):
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"2 tables: one.csv, two.csv"):
        open_data(tmp_path)


def test_split_and_group_columns_have_their_meaning(table):
    data = table("a,split,group,y\n1,train,p,0\n2,train,p,1\n3,VAL,q,0\n4,test,,1\n")
    assert data.table["split"].to_list() == ["train", "train", "dev", "test"]
    assert data.table["group"].to_list() == ["p", "p", "q", "#3"]
    assert data.numbers == ("a",)


def test_parquet_reads_like_csv(tmp_path):
    frame = pl.DataFrame({"a": [0.1, None, 3.0], "n": [1, 2, 3], "b": [True, False, None], "y": ["p", "q", "p"]})
    frame.write_parquet(tmp_path / "a.parquet")
    data = open_data(tmp_path / "a.parquet")
    assert (data.numbers, data.categories) == (("a", "n"), ("b",))
    assert data.table["a"].to_list() == [0.1, None, 3.0]
    frame.with_columns(pl.Series("l", [[1], [2], [3]])).write_parquet(tmp_path / "a.parquet")
    assert any("lists" in sentence for sentence in open_data(tmp_path).decisions)


def picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), shade).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "images").mkdir()
    for shade in range(12):
        (tmp_path / f"images/{shade}.png").write_bytes(picture(shade))
    return tmp_path


@pytest.mark.parametrize("prefix", ["images/", "images\\", "./images/", "", "/home/me/images/"])
def test_pictures_named_in_a_table(pictures, prefix):
    rows = "".join(f"{prefix}{i}.png,{i / 2},{i % 2}\n" for i in range(12))
    (pictures / "labels.csv").write_text("file,size,label\n" + rows)
    data = open_data(pictures)
    assert data.format == "table"
    assert (data.numbers, data.categories, data.target.columns) == (("size",), (), ("label",))
    assert data.images.read(3)[0, 0] == 3
    assert len(set(data.table["content"].to_list())) == 12


def test_a_table_given_by_itself_finds_its_pictures(pictures):
    (pictures / "labels.csv").write_text("file,label\n" + "".join(f"images/{i}.png,{i % 2}\n" for i in range(12)))
    assert open_data(pictures / "labels.csv").images.read(5)[0, 0] == 5


def test_missing_and_outside_pictures_are_bad_rows(pictures):
    rows = [f"images/{i}.png,{i % 2}" for i in range(12)]
    rows[2], rows[4], rows[5] = "images/99.png,0", ",1", "../../etc/passwd.png,1"
    (pictures / "labels.csv").write_text("file,label\n" + "\n".join(rows) + "\n")
    data = open_data(pictures)
    assert len(data) == 9 == len(data.images)
    assert [item.id for item in data.bad] == ["labels.csv#2", "labels.csv#4", "labels.csv#5"]
    assert "there is no picture 'images/99.png'" in data.bad[0].reason
    assert data.images.read(2)[0, 0] == 3


def test_pictures_that_are_nowhere_are_told(tmp_path):
    (tmp_path / "labels.csv").write_text("file,label\n1.png,a\n2.png,b\n")
    with pytest.raises(DataError, match="no such file lies beside"):
        open_data(tmp_path / "labels.csv")


def test_a_table_beside_class_folders_is_left_alone(tmp_path):
    for name in ("a/1.png", "b/2.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(picture(1))
    (tmp_path / "statistics.csv").write_text("class,count\na,1\nb,1\n")
    assert open_data(tmp_path).format == "image-folder"


def test_a_zip_of_table_and_pictures(pictures):
    with zipfile.ZipFile(pictures / "set.zip", "w") as archive:
        for i in range(12):
            archive.write(pictures / f"images/{i}.png", f"set/images/{i}.png")
        archive.writestr("set/labels.csv", "file,label\n" + "".join(f"images/{i}.png,{i % 2}\n" for i in range(12)))
    data = open_data(pictures / "set.zip")
    assert data.format == "table"
    assert data.images.read(7)[0, 0] == 7


def test_without_labels_all_columns_are_kept_as_inputs(table):
    data = table("id,name,y\n1,x,3\n2,y,4\n", labelled=False)
    assert data.target is None
    assert set(data.numbers) | set(data.categories) == {"id_", "name", "y"}


def test_identical_rows_have_the_same_content(table):
    data = table("a,b,y\n1,x,p\n1,x,q\n1,x,p\n1,,p\n")
    contents = data.table["content"].to_list()
    assert contents[0] == contents[2]
    assert len(set(contents)) == 3


cells = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8), st.sampled_from(",;\t"))
def test_any_text_is_read_or_refused(rows, delimiter):
    text = "\n".join(delimiter.join(row) for row in rows)
    try:
        raw = parse_delimited(text.encode(), "a.csv")
    except DataError:
        return
    assert raw.frame.height == len(raw.lines)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    try:
        raw = parse_delimited(data, "a.csv")
    except DataError:
        return
    assert raw.frame.height == len(raw.lines)


def test_split_group_and_weight_can_be_the_target(table, tmp_path):
    text = "a,split,group,weight\n1,train,p,0\n2,train,q,1\n3,dev,q,0\n4,test,p,1\n"
    assert table(text, target="group").target.columns == ("group_",)
    assert table(text, target="split").target.classes == ("dev", "test", "train")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/train.csv").write_text("weight,b\n1,2\n0,3\n")
    (tmp_path / "set/test.csv").write_text("b\n3\n")
    assert open_data(tmp_path / "set").target.columns == ("weight_",)


def test_a_table_without_a_usable_input_is_refused(table):
    with pytest.raises(DataError, match=r"no column left .*column 'when' is text with 60"):
        table("when,sold\n" + "".join(f"day {i},{i / 3}\n" for i in range(60)))
    with pytest.raises(DataError, match="separated by commas, semicolons or tabs"):
        table("5.1 3.5 1\n4.9 3.0 2\n")
