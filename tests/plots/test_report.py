import base64
import json
import re
import struct
import subprocess
import sys

import numpy as np
import pytest

from rumbo.core.messages import language, use_language
from rumbo.plots import ReportData, report_json, write_report
from rumbo.plots.page import number, percent, picture
from rumbo.plots.report import _top_confusions, report_html
from rumbo.strategy import SplitError, diagnose, next_steps

SECTIONS = (
    "Results",
    "Mistakes",
    "Training",
    "Data",
    "How to get the same again",
    "What to try next",
    "What holds it back",
)


def headings(text: str) -> set[str]:
    return {name for name in SECTIONS if f"<h2>{name}</h2>" in text or f'<p class="label">{name}</p>' in text}


def test_a_full_report_has_every_section_and_figure(make_report, tmp_path):
    write_report(tmp_path / "report.html", make_report())
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert headings(text) == set(SECTIONS)
    assert text.count("<svg ") == 5
    assert '<html lang="en">' in text


def test_sections_without_content_are_left_out():
    text = report_html(ReportData(title="cats", run="cats-1", created="2025-01-01 00:00 UTC"))
    assert headings(text) == set()
    assert "<svg" not in text
    assert "None" not in text
    assert "Undefined" not in text


def test_the_first_screen_tells_goal_interval_verdict_and_next_step(make_report):
    diagnosis = diagnose({"train": SplitError(np.arange(2000) < 10), "dev": SplitError(np.arange(500) < 60)})
    steps = next_steps(diagnosis)
    text = report_html(make_report("cats", diagnosis=diagnosis.to_dict(), next_steps=steps))
    first = text[text.index("<body>") : text.index("<h2>")]
    for wanted in ("0.98", "0.97 – 0.99", "61\u202f706 parameters", diagnosis.reason, steps[0]):
        assert wanted in first


def test_the_same_numbers_give_the_same_bytes(make_report):
    assert report_html(make_report()) == report_html(make_report())


def test_ids_are_unique_and_links_lead_somewhere(make_report):
    text = report_html(make_report())
    ids = re.findall(r'\bid="([^"]+)"', text)
    links = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    assert len(ids) == len(set(ids))
    assert links == set(ids)


def test_writing_leaves_the_language_alone(make_report):
    use_language("en")
    try:
        report_html(make_report(language="en"))
        assert language() == "en"
    finally:
        use_language(None)


def test_json_is_strict_and_without_pictures(make_report):
    report = make_report(metrics={"dev": {"rmse": np.float64("nan"), "r2": np.float32(0.5), "n": np.int64(3)}})
    found = json.loads(json.dumps(report_json(report), allow_nan=False))
    assert found["metrics"]["dev"] == {"rmse": None, "r2": 0.5, "n": 3}
    assert found["confusion"]["counts"] == [[9, 2], [1, 8]]
    assert set(found["wrong"][0]) == {"id", "true", "predicted", "probability"}


@pytest.mark.parametrize("shape", [(8, 8), (300, 200, 3), (1, 500)])
def test_pictures_are_plain_png_of_bounded_size(shape):
    uri = picture(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    assert max(struct.unpack(">II", data[16:24])) <= 144
    chunks, place = [], 8
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        chunks.append(kind)
        place += length + 12
    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}


def test_examples_of_a_table_are_rows(make_report):
    wrong = [{"id": "a.csv/7", "true": 20878.5, "predicted": 1.0, "probability": None, "features": {"ocean": "near"}}]
    text = report_html(make_report(wrong=wrong))
    assert "20\u202f878" in text
    assert "ocean = near" in text
    assert "<img" not in text
    assert "probability" not in text


def test_numbers_for_people():
    assert [number(value) for value in (float("nan"), None, 0, 12, 1e-9, 12345.6, True, "a")] == [
        "–", "–", "0", "12", "1e-09", "12\u202f346", "True", "a",
    ]  # fmt: skip
    assert percent(-0.012) == "−1.2 %"


def test_the_most_frequent_mistakes_come_first():
    counts = np.array([[50, 3, 0], [9, 40, 0], [0, 1, 0]])
    assert _top_confusions({"counts": counts, "classes": ["a", "b", "c"]}) == [
        ("b", "a", 9, 9 / 49),
        ("a", "b", 3, 3 / 53),
        ("c", "b", 1, 1.0),
    ]


def test_importing_costs_nothing_and_pyplot_stays_out():
    code = (
        "import sys, rumbo.plots, rumbo.strategy; assert not {'matplotlib', 'numpy', 'jinja2'} & set(sys.modules);"
        "import rumbo.plots.report; assert 'matplotlib.pyplot' not in sys.modules; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
