"""The label page in a real browser: by keyboard, by mouse, again after a reload; and what is in the file then."""

import json
import time
import zipfile

import numpy as np
import polars as pl
import pytest
from PIL import Image

from rumbo.data import open_data
from rumbo.data.corrections import corrected, read_corrections

KEY_SECONDS, THINK_SECONDS = 0.28, 1.35
"""Keystroke-level model (Card, Moran and Newell 1980): one key of an average typist; one mental preparation."""


@pytest.fixture(scope="module")
def hundred(tmp_path_factory, shared_data):
    """100 real pictures in class folders."""
    folder = tmp_path_factory.mktemp("hundred")
    with zipfile.ZipFile(shared_data / "hymenoptera" / "hymenoptera_320.zip") as file:
        names = sorted(n for n in file.namelist() if n.endswith(".jpg") and "/val/" in f"/{n}")
        for name in names[:: len(names) // 100][:100]:
            where = folder / "photos" / name.split("/")[-2]
            where.mkdir(parents=True, exist_ok=True)
            (where / name.split("/")[-1]).write_bytes(file.read(name))
    return folder


def values(path, field):
    """id -> the last value of a field in a corrections file."""
    return {c.id: c.value for c in read_corrections(path) if c.field == field}


def test_a_hundred_pictures_by_keyboard_alone(hundred, label):
    before = {path: path.read_bytes() for path in (hundred / "photos").rglob("*") if path.is_file()}
    program, page = label(hundred / "photos", "--unlabelled", "--classes", "ants,bees")
    truth = dict(open_data(hundred / "photos").table.select("id", "class").iter_rows())
    assert len(truth) == 100
    assert page.text("#progress") == "0 of 100 labelled"
    key_of = {"ants": "1", "bees": "2"}
    keys, seconds = 0, []
    for done in range(100):
        name = page.text("#item-name")
        begin = time.monotonic()
        page.press(key_of[truth[name]])
        keys += 1
        page.wait(f"document.querySelector('#progress').textContent.startsWith('{done + 1} ')")
        if done < 99:  # the next picture is there
            page.wait(f"document.querySelector('#item-name').textContent !== {json.dumps(name)}")
            page.wait_for_example()
        seconds.append(time.monotonic() - begin)
    page.saved()
    person = keys * KEY_SECONDS + 100 * THINK_SECONDS
    print(f"machine: median {np.median(seconds):.3f} s, worst {max(seconds):.3f} s; a person: {person:.0f} s for 100")
    assert keys == 100
    assert np.median(seconds) < 0.5
    assert person + sum(seconds) < 600
    assert page.problems() == []
    answer = program.end()
    assert (answer["items"], answer["labelled"], answer["saved"]) == (100, 100, 100)
    corrections = read_corrections(answer_path := program.folder / answer["corrections"])
    assert values(answer_path, "class") == truth
    assert {(c.who, c.field) for c in corrections} == {("test", "class")}
    data = corrected(open_data(hundred / "photos"), corrections)
    assert dict(data.table.select("id", "class").iter_rows()) == truth
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(before) == sorted(path for path in (hundred / "photos").rglob("*") if path.is_file())


def test_undo_filter_new_class_and_tags_by_keyboard(photos, label):
    program, page = label(photos, "--unlabelled")
    assert page.text("#no-class") == "Type a name to make the first class."
    page.press("c")
    page.type("wasp")
    page.press("Enter")
    page.wait("document.querySelector('#progress').textContent.startsWith('1 ')")
    page.press("c")
    page.type("hornet")
    page.press("Enter")
    page.wait("document.querySelector('#progress').textContent.startsWith('2 ')")
    page.press("1")
    page.wait("document.querySelector('#progress').textContent.startsWith('3 ')")
    page.press("z", "z")
    page.wait("document.querySelector('#progress').textContent.startsWith('1 ')")
    page.press("Z")
    page.wait("document.querySelector('#progress').textContent.startsWith('2 ')")
    page.press("t")
    page.type("blurred")
    page.press("Enter")
    page.type("night")
    page.press("Enter", "Escape")
    page.wait("document.querySelectorAll('#tags .tag').length === 2")
    page.press("u")
    page.wait("document.querySelector('#position').textContent === '3 of 6'")
    page.choose("#show", "unlabelled", "change")
    page.wait("document.querySelector('#position').textContent === '1 of 4'")
    page.press("g")
    page.wait("document.querySelectorAll('.card').length === 4")
    page.press("2", "ArrowRight", "1")  # keys set classes in the overview, too
    page.wait("document.querySelector('#progress').textContent.startsWith('4 ')")
    page.saved()
    page.reload()
    assert page.text("#progress") == "4 of 6 labelled"
    assert page.problems() == []
    answer = program.end()
    ids = open_data(photos, labelled=False).ids
    file = program.folder / answer["corrections"]
    found = {name: value for name, value in values(file, "class").items() if value}
    assert found == {ids[0]: "wasp", ids[1]: "hornet", ids[2]: "hornet", ids[4]: "wasp"}
    assert {k: json.loads(v) for k, v in values(file, "tags").items()} == {ids[1]: ["blurred", "night"]}


def test_keys_held_down_and_capitals(photos, label):
    program, page = label(photos, "--unlabelled", "--classes", "ant,bee")
    page.press("1", repeat=True)
    page.press("1")
    page.press("J", shift=False)  # the lock of capitals is on
    page.wait("document.querySelector('#position').textContent === '3 of 6'")
    assert page.text("#progress") == "1 of 6 labelled"
    page.press("K")  # with shift, it is no key of ours
    page.saved()
    assert page.text("#position") == "3 of 6"
    page.press("z", "2")  # another way than the one taken back
    page.wait("document.querySelector('#position').textContent === '2 of 6'")
    assert page.value("document.querySelector('#redo').disabled")
    page.press("Z")
    page.saved()
    answer = program.end()
    assert answer["saved"] == 3
    assert list(values(program.folder / answer["corrections"], "class").values()) == ["bee"]


def boxes_of(page):
    return page.value(
        "[...document.querySelectorAll('#overlay .box')].map(b => "
        "[b.x.baseVal.value, b.y.baseVal.value, b.width.baseVal.value, b.height.baseVal.value])"
    )


def test_boxes_by_mouse_and_by_keyboard(photos, label):
    program, page = label(photos, "--unlabelled", "--task", "boxes", "--classes", "head,body")
    page.drag(page.on_picture(10, 8), page.on_picture(30, 20))
    page.wait("document.querySelectorAll('#overlay .box').length === 1")
    np.testing.assert_allclose(boxes_of(page), [[10, 8, 20, 12]], atol=0.5)
    page.drag(page.on_picture(20, 14), page.on_picture(25, 18))  # move
    np.testing.assert_allclose(boxes_of(page), [[15, 12, 20, 12]], atol=0.5)
    page.drag(page.on_picture(35, 24), page.on_picture(45, 34))  # the handle at the lower right
    np.testing.assert_allclose(boxes_of(page), [[15, 12, 30, 22]], atol=0.5)
    page.press("2")  # the class of the selected box
    page.press("Enter", "n")  # confirm it; a new one in the middle
    page.wait("document.querySelectorAll('#overlay .box').length === 2")
    page.press("1", "ArrowLeft", "ArrowUp", "ArrowUp")
    page.press("ArrowRight", "ArrowDown", shift=True)
    page.press("ArrowLeft", ctrl=True)
    page.press("Enter", "Tab", "Tab")
    page.wait("document.querySelector('#overlay .box.selected')?.dataset.box === '1'")
    page.saved()
    page.reload()
    page.press("ArrowLeft", "k", "k", "k", "k", "k")
    page.wait("document.querySelector('#position').textContent === '1 of 6'")
    page.wait("document.querySelectorAll('#overlay .box').length === 2")
    drawn = sorted(map(tuple, boxes_of(page)))
    np.testing.assert_allclose(drawn, [(15, 12, 30, 22), (18, 11.33, 21, 14.33)], atol=0.5)
    page.press("j")
    page.wait("document.querySelector('#position').textContent === '2 of 6'")
    page.press("Enter")  # nothing there: a negative
    page.wait("document.querySelector('#progress').textContent.startsWith('2 ')")
    page.press("k", "k")
    page.wait("document.querySelector('#position').textContent === '1 of 6'")
    page.press("Tab", "x")
    page.wait("document.querySelectorAll('#overlay .box').length === 1")
    page.press("z")
    page.wait("document.querySelectorAll('#overlay .box').length === 2")
    page.saved()
    assert page.problems() == []
    answer = program.end()
    assert (answer["labelled"], answer["field"], answer["classes"]) == (2, "boxes", ["head", "body"])
    found = values(program.folder / answer["corrections"], "boxes")
    ids = open_data(photos, labelled=False).ids
    assert json.loads(found[ids[1]]) == []
    first = json.loads(found[ids[0]])
    assert [box["class"] for box in first] == ["body", "head"]
    assert all(0 <= box["x1"] < box["x2"] <= 60 and 0 <= box["y1"] < box["y2"] <= 40 for box in first)


def test_points_by_mouse_and_by_keyboard(photos, label):
    program, page = label(photos, "--unlabelled", "--task", "points", "--classes", "eye,mouth,tail")
    page.click(page.on_picture(20, 10))
    page.wait("document.querySelectorAll('#overlay .point').length === 1")
    page.press("n", "ArrowRight", "ArrowDown")
    page.press("ArrowDown", ctrl=True)
    page.press("Enter")
    page.wait("document.querySelectorAll('#overlay .point').length === 2")
    page.press("Tab", "v")
    page.drag(page.on_picture(20, 10), page.on_picture(26, 13))
    page.saved()
    page.reload()
    page.press("k", "k")
    page.wait("document.querySelectorAll('#overlay .point').length === 2")
    assert page.problems() == []
    answer = program.end()
    found = values(program.folder / answer["corrections"], "points")
    (points,) = map(json.loads, found.values())
    np.testing.assert_allclose([(p["x"], p["y"]) for p in points[:2]], [(26, 13), (31, 22)], atol=0.6)
    assert points[2] == {"x": None, "y": None, "visible": None}


PAYLOADS = [
    "<script>window.fired=1</script>",
    "<img src=x onerror=window.fired=1>",
    "<svg onload=window.fired=1>",
    '"><script>window.fired=1</script>',
    "' onmouseover='window.fired=1",
    '" autofocus onfocus="window.fired=1',
    "<iframe srcdoc='<script>parent.fired=1</script>'>",
    "<details open ontoggle=window.fired=1>",
    "javascript:window.fired=1",
    "</title><script>window.fired=1</script>",
    "</style><script>window.fired=1</script>",
    "</option></select><img src=x onerror=window.fired=1>",
    "{{constructor.constructor('window.fired=1')()}}",
    "${window.fired=1}",
    "`${window.fired=1}`",
    "{name} {constructor} {__proto__}",
    "__proto__",
    "constructor",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<style>*{display:none}</style>",
    "<form action=javascript:window.fired=1><button>x",
    "&lt;script&gt;window.fired=1&lt;&#47;script&gt;",
    "a%3Cscript%3Ewindow.fired=1",
    "=cmd|'calc'!A1",
]


def test_hostile_names_do_nothing(tmp_path, label):
    """As names of files, folders, classes and tags, of the data and typed."""
    names = [f"{payload}{end}" for payload in PAYLOADS for end in ("", "\u202eabc", " ñ图", "x" * 60)]
    folder = tmp_path / "photos <b onclick=window.fired=1>"
    for number, name in enumerate(names):
        where = folder / PAYLOADS[number // 4].replace("/", "\u2215")
        where.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(where / f"{number} {name.replace('/', chr(0x2215))[:60]}.png")
    lines = ["id,field,value"]
    for row, item in enumerate(open_data(folder).ids):
        quote = [text.replace('"', '""') for text in (item, json.dumps([names[row]]), names[row])]
        lines += [f'"{quote[0]}",tags,"{quote[1]}"', f'"{quote[0]}",class,"{quote[2]}"']
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    program, page = label(folder, "--out", "c.csv")
    page.value("window.alert = window.confirm = window.prompt = () => { window.fired = 1 }")
    for step in range(len(names)):
        page.press("j")
        page.wait(f"document.querySelector('#position').textContent.startsWith('{min(step + 2, len(names))} ')")
        if step % 10 == 0:
            assert page.value("window.fired") is None
    for payload in PAYLOADS[:8]:
        for key in "ct":
            page.press(key)
            page.type(payload)
            page.press("Enter", "Escape")
        page.press("/")
        page.type(payload)
        page.press("Enter")
        page.choose("#search", "", "input")
    page.press("g")
    page.wait("document.querySelectorAll('.card').length > 50")
    time.sleep(0.5)
    assert page.value("window.fired") is None
    assert page.value("[...document.querySelectorAll('script, style, iframe, base, meta[http-equiv]')].length") == 1
    assert page.value("location.origin") == f"http://127.0.0.1:{program.port}"
    inside = "[...document.querySelectorAll('#main *, header *')]"
    assert page.value(f"{inside}.filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length") == 0
    met = page.value("[...document.querySelectorAll('#classes .choice-name')].map(e => e.textContent)")
    assert set(PAYLOADS) <= set(met)
    assert not [name for name in met if "\u202e" in name]
    assert "\\u202e" in "".join(met)
    told = [e for e in page.problems() if "validat" not in json.dumps(e)]
    assert told == []


def test_what_cannot_be_shown_or_saved_is_said(photos, tmp_path, label):
    (photos / "ant" / "0.png").write_bytes(b"no picture")
    program, page = label(photos, "--unlabelled", "--classes", "ant,bee", "--out", "c.csv")
    assert "not a picture" in page.text("#problem")
    page.wait_for_example()
    page.press("1")  # it can be labelled all the same
    page.saved()
    (tmp_path / "c.csv").unlink()
    (tmp_path / "c.csv").mkdir()
    page.press("2")
    page.wait("document.querySelector('#save').dataset.state === 'failed'")
    assert "not saved: " in page.text("#save")
    (tmp_path / "c.csv").rmdir()
    page.click("#retry")
    page.saved()
    program.end()
    ids = open_data(photos, labelled=False).ids
    assert values(tmp_path / "c.csv", "class") == {ids[1]: "bee"}
    assert isinstance(pl.read_csv(tmp_path / "c.csv"), pl.DataFrame)


def test_the_page_speaks_the_language_and_fits_small_windows(photos, label):
    _, page = label(photos, language="es")
    assert page.value("document.documentElement.lang") == "es"
    for size in ((1280, 800), (420, 800)):
        page.look(size)
        assert page.value("document.documentElement.scrollWidth <= innerWidth"), size
    unnamed = "[...document.querySelectorAll('button, input, select')].filter(e => e.checkVisibility() && "
    unnamed += "!(e.innerText || e.ariaLabel || e.labels?.length)).map(e => e.id)"
    assert page.value(unnamed) == []


def test_a_used_address_is_refused_and_a_new_one_told(photos, label):
    program, page = label(photos)
    page.wire.ask("Network.clearBrowserCookies")
    page.wire.ask("Page.navigate", url=program.link)
    page.wait("document.querySelector('#late')?.checkVisibility()")
    assert page.value("location.hash") == ""
    link = program.read_link()  # printed anew
    assert link != program.link
    page.value(f"document.querySelector('#code').value = {json.dumps(link)}; 1")
    page.click("button")
    page.wait("document.body?.dataset.ready === 'yes'")
