"""Every code has a planting, every code that readers use is in the catalogue, and real sets raise what they should."""

import ast
import importlib
import re
from pathlib import Path

import polars as pl
import pytest
from planting import QUICK

import rumbo.data
from rumbo.core.errors import DataError
from rumbo.core.messages import use_language
from rumbo.data.checks import CODES, check_data
from rumbo.data.splits.split import Split, make_split

HERE = Path(__file__).parent
DATA = Path(rumbo.data.__file__).parent
API = DATA.parent / "api"
KINDS = (
    "annotation|audio|box|class|dup|feature|identity|image|label|leak|mask|points|row|series|source|split|strokes|"
    "target|text|volume|weight"
)
REGISTERS = ("PLANTED", "IN_FILES", "MASK_FILES", "POINT_FILES")

RAISED = {
    "adult_income": {
        "label.conflict": "people who agree in all columns but earn differently",
        "feature.sentinel": "capital gain 99999, the census's top code",
        "feature.copy": "education and its number",
        "feature.missing": "'?' in three columns",
        "dup.exact": "29 rows are repeated",
    },
    "california_housing": {
        "target.capped": "prices end at 500,001",
        "feature.missing": "207 districts without a number of bedrooms",
    },
    "cats_vs_noncats": {
        "leak.exact_duplicate": "a test picture stands in train",
        "class.shares_differ": "34 % cats in train, 66 % in test",
        "split.small_test": "50 pictures",
        "image.bars": "a glowing line on black",
        "image.grey_among_color": "four are grey",
    },
    "ecg/cinc2017_validation300.npz": {
        "split.small_test": "60 records",
        "series.length_mixed": "10 to 61 seconds",
    },
    "ecg/ECG5000_TRAIN.txt": {"class.rare": "class 5 has two beats", "split.small_test": "99 beats"},
    "face_landmarks": {
        "image.size_mixed": "faces are cut as they are",
        "image.bars": "frames of films",
        "points.edge": "six of the README's notes",
        "points.outlier": "train_Marieta_Chrousala_12: the points lie in another picture's frame",
    },
    "fashion_mnist": {},
    "hippocampus_60": {
        "volume.scale_mixed": "nine come from another scanner",
        "volume.size_mixed": "cut around the organ",
    },
    "hymenoptera": {
        "split.small_test": "153 pictures",
        "image.size_mixed": "photographs",
        "image.grey_among_color": "one bee is grey",
    },
    "jsb_chorales": {"series.length_mixed": "songs"},
    "kanji_strokes": {
        "leak.exact_duplicate": "signs that are drawn alike under two codes",
        "dup.exact": "signs that are drawn alike under two codes",
    },
    "membrane": {},
    "movie_reviews": {
        "split.small_test": "400 texts",
        "text.duplicate": "cv274 and cv302 are one review, and so are cv656 and another",
    },
    "orl_faces": {"split.small_test": "80 pictures"},
    "raccoon": {
        "dup.exact": "four pairs, as the README says",
        "image.size_mixed": "photographs",
        "image.bars": "six from films and telephones",
        "image.grey_among_color": "three files of one channel, and a grey one of three",
    },
    "time_series/airline-passengers.csv": {},
    "time_series/daily-min-temperatures.csv": {},
    "tinyshakespeare": {},
}
"""What each real set raises, and why that is right; everything else would be a false alarm."""


def all_in_train(data):
    """A split of sets with one example."""
    return Split(pl.DataFrame({"id": data.table["id"], "split": ["train"] * len(data)}), "")


@pytest.mark.parametrize("name", RAISED)
def test_a_real_set_raises_what_it_should_and_nothing_else(name, real):
    data = real(name)
    try:
        split = make_split(data, QUICK, 0)
    except DataError:
        assert len(data) == 1
        split = all_in_train(data)
    report = check_data(data, split)
    assert {finding.code for finding in report.findings} - {"split.small_test"} == set(RAISED[name]) - {
        "split.small_test"
    }
    assert all(finding.severity != "error" for finding in report.findings)


def planted_codes():
    """Code -> files that plant it."""
    found: dict[str, list[str]] = {}
    for file in sorted(HERE.glob("test_planted_*.py")):
        module = importlib.import_module(file.stem)
        codes = [code for register in REGISTERS for code in getattr(module, register, ())]
        for code in getattr(module, "ELSEWHERE", ()):
            assert file.read_text().count(f'"{code}"') >= 2, f"{file.name} does not judge {code}"
            codes.append(code)
        for code in codes:
            found.setdefault(code, []).append(file.name)
    return found


def test_every_code_has_a_planting():
    assert set(CODES) - set(planted_codes()) == set()
    assert set(planted_codes()) - set(CODES) == set()


def test_there_are_many_codes_over_all_kinds_of_data():
    assert len(CODES) >= 40
    assert {entry.kind for entry in CODES.values()} == {
        "split", "class", "table", "image", "boxes", "mask", "points", "identity", "signal",
    }  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_an_entry_says_what_was_met_what_is_done_and_what_to_do(code):
    entry = CODES[code]
    assert re.fullmatch(rf"({KINDS})\.[a-z][a-z_]*", code)
    assert entry.meaning.endswith(".")
    assert entry.meaning[0].isupper()
    assert entry.done.endswith(".") or (entry.done == "" and entry.severity in ("error", "note"))
    assert entry.remedy.endswith(".") or (entry.remedy == "" and entry.severity == "note")
    use_language("es")
    assert entry.meaning


def codes_in(file: Path) -> set[str]:
    """Texts of a file that look like codes."""
    texts = {node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and re.fullmatch(rf"({KINDS})\.[a-z_]+", text)} - NO_CODES


NO_CODES = {"image.png", "labels.txt"}


def test_codes_of_readers_and_checks_are_in_the_catalogue():
    files = [*(path for path in DATA.rglob("*.py") if path.parent.name != "codes"), API / "checking.py"]
    met = {code: file.name for file in files for code in codes_in(file)}
    assert {code: name for code, name in met.items() if code not in CODES} == {}
    by_kind = {f"{kind.value}.bad" for kind in rumbo.data.manifest.SignalKind}  # signal_files.py puts them together
    assert set(CODES) - set(met) - by_kind == set()


def test_a_code_of_a_reader_that_the_catalogue_lacks_is_shown_all_the_same(real):
    import dataclasses

    from rumbo.data.manifest import Repair
    from rumbo.data.pictures.decode import BadItem

    data = real("membrane")
    item, repair = (
        BadItem(-1, "x", "odd.", "new.bad"),
        Repair(id="y", where="a.txt:3", code="new.fault", met="1 2 3", action="rejected"),
    )
    report = check_data(dataclasses.replace(data, bad=(item,), repairs=(repair,)), make_split(data, QUICK, 0))
    assert {finding.code for finding in report.findings} >= {"new.bad", "new.fault"}
