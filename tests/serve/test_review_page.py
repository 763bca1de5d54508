"""labels.html in a real browser: its script runs under its own policy, and saves a review that can be read."""

import json
import time

import numpy as np
import pytest
from browser import PATIENCE_SECONDS, Wire

from rumbo.api.label_review import COLUMNS, ReviewRow, read_review
from rumbo.plots.label_page import LabelItem, LabelPage, label_page

ODD = '=1,"</script><b>\u202e;\\'
NAMES = ("cat", ODD)


@pytest.fixture
def rows():
    common = {"split": "dev", "field": "class", "score": 0.25, "listed": "suspect"}
    return [
        ReviewRow(id=f"{ODD}{number}.png", given=NAMES[number % 2], suggested=NAMES[1 - number % 2], **common)
        for number in range(3)
    ]


@pytest.fixture
def page(rows):
    items = [
        LabelItem(
            id=row.id,
            question=f"labelled: {row.given}?",
            given=row.given,
            choices=[(row.suggested, row.suggested), ("owl", "owl")],
            row=row.cells(),
            picture=np.full((8, 8), 90 * number, np.uint8),
        )
        for number, row in enumerate(rows)
    ]
    return label_page(LabelPage(title="run", created="today", language="en", columns=COLUMNS, items=items))


@pytest.fixture
def window(browser, page, tmp_path):
    (tmp_path / "labels.html").write_text(page, encoding="utf-8")
    target = browser.wire.ask("Target.createTarget", url="about:blank")["targetId"]
    wire = Wire(f"{browser.place}/devtools/page/{target}")
    for part in ("Page", "Runtime", "Log"):
        wire.ask(f"{part}.enable")
    wire.ask("Page.navigate", url=(tmp_path / "labels.html").as_uri())

    def value(expression):
        answer = wire.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    end = time.monotonic() + PATIENCE_SECONDS
    while value("document.querySelector('output')?.textContent") != "0 / 3":
        assert time.monotonic() < end, value("document.documentElement.outerHTML")[:2000]
        time.sleep(0.02)
    yield value, wire
    wire.close()
    browser.wire.ask("Target.closeTarget", targetId=target)


def test_a_review_is_saved_and_read(window, rows, tmp_path):
    value, wire = window
    value("document.querySelectorAll('input[value=yes]')[0].click()")
    value("document.querySelectorAll('input[value=no]')[2].click()")
    choose = "const s = document.querySelectorAll('select')[1]; s.selectedIndex = 1; s.dispatchEvent("
    value(f"{{{choose}new Event('change', {{bubbles: true}}))}}")  # which answers that it is wrong
    assert value("document.querySelector('output').textContent") == "3 / 3"
    value("var kept; URL.createObjectURL = (blob) => { kept = blob; return '#'; }")
    value("document.querySelector('button').click()")
    (tmp_path / "review.csv").write_text(value("kept.text()"), encoding="utf-8")
    known = {(row.id, row.field): row for row in rows}
    found, num_listed = read_review(tmp_path / "review.csv", known, [*NAMES, "owl"])
    assert [(row.id, row.is_wrong, row.correct) for row in found] == [
        (rows[0].id, True, rows[0].suggested),
        (rows[1].id, True, "owl"),
        (rows[2].id, False, ""),
    ]
    assert num_listed == 3
    assert [event for event in wire.events if event["method"] == "Log.entryAdded"] == []


def test_what_is_not_answered_is_not_counted(window):
    value, _ = window
    value("document.querySelectorAll('input[value=yes]')[0].click()")
    assert value("document.querySelector('output').textContent") == "1 / 3"


def test_no_other_script_runs(window):
    value, wire = window
    value(
        "{const s = document.createElement('script'); s.textContent = 'document.title = \"bad\"';"
        "document.body.append(s)}"
    )
    assert value("document.title") != "bad"
    value("{const i = document.createElement('img'); i.src = 'https://example.org/x.png'; document.body.append(i)}")
    value("new Promise((done) => setTimeout(done, 100))")
    texts = json.dumps([event for event in wire.events if event["method"] == "Log.entryAdded"])
    assert texts.count("Content Security Policy") == 2
