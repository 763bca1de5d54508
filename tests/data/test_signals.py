"""Signals by row: read when asked for, in any order, with the encodings that texts have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import DataError
from rumbo.data.files import FolderFiles
from rumbo.data.manifest import SignalKind
from rumbo.data.signals.sources import FileSignals, JoinedSignals, decode_text, sniffed_text


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("año 图".encode(), "año 图", "utf-8"),
        ("\ufeffaño".encode(), "año", "utf-8"),
        ("año 图".encode("utf-16"), "año 图", "utf-16"),
        ("\ufeffaño".encode("utf-16-be"), "año", "utf-16"),
        ("a year and more".encode("utf-16-le"), "a year and more", "utf-16-le"),
        ("a year and more".encode("utf-16-be"), "a year and more", "utf-16-be"),
        ("“año”".encode("cp1252"), "“año”", "cp1252"),
        (b"a\x81b", "a\x81b", "latin-1"),
        (b"a\r\nb\r\n", "a\r\nb\r\n", "utf-8"),
        (b"", "", "utf-8"),
    ],
)
def test_a_text_is_read_in_its_own_encoding(data, text, encoding):
    assert sniffed_text(data, "a.txt") == (text, encoding)


@pytest.mark.parametrize("data", [b"a\0b", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xfea", b"\0\0\0\0"])
def test_what_has_zero_bytes_is_no_text(data):
    with pytest.raises(DataError, match=r"'a\.txt' is no text"):
        decode_text(data, "a.txt")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
def test_any_text_comes_back_from_utf8(text):
    assert decode_text(text.encode(), "a.txt") == text.removeprefix("\ufeff")


@given(st.lists(st.integers(0, 5), min_size=1), st.data())
def test_joined_signals_are_the_pieces(lengths, data):
    pieces = [np.full((length, 2), number, np.int16) for number, length in enumerate(lengths)]
    ends = np.cumsum([0, *lengths])
    signals = JoinedSignals(SignalKind.SERIES, np.concatenate(pieces), ends[:-1], ends[1:], 10.0)
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1))), dtype=np.int64)
    taken = signals.take(rows)
    assert (len(taken), taken.rate_hz, taken.kind) == (len(rows), 10.0, SignalKind.SERIES)
    for place, row in enumerate(rows):
        assert taken.read(place).dtype == np.float32
        np.testing.assert_array_equal(taken.read(place), pieces[row])
        assert taken.size(place) == taken.read(place).shape


def test_one_value_a_step_is_a_column():
    signals = JoinedSignals(SignalKind.SERIES, np.arange(5), np.array([0, 2]), np.array([2, 5]))
    assert (signals.read(1).tolist(), signals.size(1)) == ([[2.0], [3.0], [4.0]], (3, 1))


def test_files_are_read_when_asked_for_and_not_before(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("four")
    signals = FileSignals(SignalKind.TEXT, FolderFiles(tmp_path), ["a.txt", "b.txt"], decode_text, [(3,), (4,)]).take(
        np.array([1, 0])
    )
    assert [signals.read(row) for row in range(2)] == ["four", "one"]
    (tmp_path / "b.txt").write_text("other")
    assert (signals.read(0), signals.size(0)) == ("other", (4,))
    (tmp_path / "b.txt").unlink()
    with pytest.raises(DataError, match=r"'b\.txt' cannot be read"):
        signals.read(0)
