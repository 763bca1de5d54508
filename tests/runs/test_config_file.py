"""T03: YAML from strangers is plain data or refused with its line; what we write reads back.

Mutants seen caught: yaml.load; keys that stand twice accepted.
"""

import encodings.utf_8_sig  # noqa: F401 - Python loads it at first use, which would be seen as a file opened
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.core.errors import UsageError
from rumbo.runs.config_file import read_yaml, write_yaml

BOMB = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c + 1, c + 1, c, c) for c in range(97, 121))
HOSTILE: dict[str, tuple[bytes, str]] = {  # the file -> words of the message
    "object to apply": (b"a: 1\nb: !!python/object/apply:os.mkdir [executed]\n", "line 2: the tag .*python/object"),
    "object to make": (b"!!python/object/new:os.mkdir [executed]\n", "line 1: the tag"),
    "name of a function": (b"a: !!python/name:os.system\n", "line 1: the tag"),
    "module": (b"a: !!python/module:os\n", "line 1: the tag"),
    "own tag": (b"a: !evil {b: 1}\n", "line 1: the tag '!evil'"),
    "tag by directive": (b"%TAG ! tag:yaml.org,2002:python/\n---\na: !name:os.system\n", "the tag"),
    "set": (b"a: !!set {b, c}\n", "the tag"),
    "binary": (b"a: !!binary aGk=\n", "the tag"),
    "innocent tag": (b"a: !!str 1\n", "the tag"),
    "billion laughs": (BOMB, "line 1: anchors"),
    "anchor": (b"a: &x 1\n", "anchors"),
    "alias of itself": (b"a: &x [*x]\n", "anchors"),
    "unknown alias": (b"a: *x\n", "aliases"),
    "merge": (b"a: 1\nb:\n  <<: *a\n", "line 3: anchors"),
    "key twice": (b"a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands twice; delete one"),
    "key twice inside": (b"a:\n  b: 1\n  'b': 2\n", "line 3: the key 'b'"),
    "list for a key": (b"? [a, b]\n: 1\n", "a key must be a word"),
    "two documents": (b"a: 1\n---\nb: 2\n", "line 2: a second document"),
    "list": (b"- a\n- b\n", "`key: value`"),
    "text": (b"model\n", "`key: value`"),
    "33 levels": (b"a: " + b"[" * 33 + b"]" * 33, "nested deeper than 32"),
    "a million brackets": (b"[" * 1_000_000, "nested deeper than 32"),
    "a million braces": (b"{a: " * 250_000, "nested deeper than 32"),
    "deep by indentation": (b"".join(b" " * i + b"a:\n" for i in range(200)), "line 33: nested deeper than 32"),
    "deep dashes": (b"a:\n " + b"- " * 100_000, "nested deeper than 32"),
    "20,001 values": (b"a: [" + b"0," * 20_001 + b"]", "more than 20000 values"),
    "more than 1 MiB": (b"a: " + b"x" * 2**20, "at most 1048576"),
    "long text": (b"a: " + b"x" * 70_000, "longer than 65536"),
    "nan": (b"a: 1\nlr: .nan\n", "line 2: '.nan' is not a finite number"),
    "infinity": (b"lr: -.inf\n", "'-.inf' is not a finite number"),
    "1e999": (b"lr: 1e999\n", "'1e999' is not a finite number"),
    "2^53 + 1": (b"seed: 9007199254740993\n", "2.53"),
    "5,000 digits": (b"seed: " + b"9" * 5000, "2.53"),
    "zero byte": (b"a: \0\n", "it is not YAML"),
    "escape": (b"a: \x1b[31m\n", "it is not YAML"),
    "Latin-1": (b"a: se\xf1al\n", "byte 5 is not UTF-8; save the file as UTF-8"),
    "UTF-16": ("a: 1".encode("utf-16"), "not UTF-8"),
    "tab": (b"a:\n\tb: 1\n", "line 2: it is not YAML"),
    "open bracket": (b"a: [1, 2\nb: 3\n", "it is not YAML"),
    "open quote": (b"a: 'x\n", "it is not YAML"),
    "future version": (b"%YAML 9.9\n---\na: 1\n", "it is not YAML"),
    "pickle": (b"\x80\x04K\x01.", "not UTF-8"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_refused(tmp_path, monkeypatch, watch, peak_bytes, name):
    data, words = HOSTILE[name]
    path = tmp_path / "config.yaml"
    path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    peak_bytes()
    before, started = peak_bytes(), time.process_time()
    with watch() as seen, pytest.raises(UsageError, match=words) as caught:
        read_yaml(path)
    assert time.process_time() - started < 2
    assert peak_bytes() - before < 256 * 2**20
    assert caught.value.exit_code == 2
    assert str(path) in str(caught.value)
    assert set(seen) == {("open", str(path))}
    assert [found.name for found in tmp_path.iterdir()] == ["config.yaml"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.yaml cannot be read: No such file"):
        read_yaml(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.5E+3", 1500.0),
        (".5", 0.5),
        ("-7", -7),
        ("010", 10),
        ("true", True),
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("=", "="),
        ("<<", "<<"),
        ("$HOME/${USER}", "$HOME/${USER}"),
        ("../../x", "../../x"),
    ],
)
def test_people_write_values_as_they_mean_them(tmp_path, text, value):
    (tmp_path / "config.yaml").write_text(f"\ufeff# by hand\na: {text}\n", encoding="utf-8")
    found = read_yaml(tmp_path / "config.yaml")["a"]
    assert found == value
    assert type(found) is type(value)


def test_an_empty_file_is_an_empty_mapping(tmp_path):
    (tmp_path / "config.yaml").write_text("# nothing\n")
    assert read_yaml(tmp_path / "config.yaml") == {}


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["no", "1e3", "~", "null", "010", "1:30", "- a", "a: b", "# x", "=", "<<", "", " ", "\t", "..."]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(st.text(max_size=8), plain, max_size=4))
def test_what_is_written_reads_back(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    write_yaml(path, values)
    assert read_yaml(path) == values
    assert list(read_yaml(path)) == list(values)


def test_tuples_become_lists_and_what_cannot_be_read_is_not_written(tmp_path):
    write_yaml(tmp_path / "config.yaml", {"sizes": (64, 32)})
    assert read_yaml(tmp_path / "config.yaml") == {"sizes": [64, 32]}
    with pytest.raises(ValueError, match="not finite"):
        write_yaml(tmp_path / "config.yaml", {"lr": float("inf")})
    assert read_yaml(tmp_path / "config.yaml") == {"sizes": [64, 32]}
