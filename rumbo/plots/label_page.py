"""The page of `rumbo labels`: labels to look at, with an answer for each, saved as a CSV file by the page itself.

The page has the only script of our pages. It is ours, is let in by its hash alone, and puts no text of strangers into
the page: what it saves is read as JSON from attributes that the template engine has escaped.
"""

import base64
import contextvars
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from rumbo.core.messages import use_language
from rumbo.plots.page import TEMPLATES, environment


@dataclass(frozen=True, kw_only=True)
class LabelItem:
    """One label to look at.

    Attributes:
        id: its example.
        question: what the label says, as a question.
        given: the label, for who cannot see the picture.
        choices: (name, value) of what it could be, the suggestion first.
        row: its line of the review file, by column.
        picture: uint8, h x w or h x w x 3; None for what is no picture.
        text: the beginning of a text, or values of columns.
    """

    id: str
    question: str
    given: str
    choices: Sequence[tuple[str, str]]
    row: Mapping[str, Any]
    picture: np.ndarray | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelPage:
    """What the page shows.

    Attributes:
        title: name of the run.
        created: date and time in UTC, as text.
        language: code of the page's language.
        facts: (name, value) pairs for the top.
        sentences: what was found, in words.
        pairs: as `LabelNoise.to_dict` has them.
        columns: of the review file.
        items: to look at.
    """

    title: str
    created: str
    language: str
    facts: Sequence[tuple[str, str]] = ()
    sentences: Sequence[str] = ()
    pairs: Sequence[Mapping[str, Any]] = ()
    columns: Sequence[str]
    items: Sequence[LabelItem] = ()


def label_page(page: LabelPage) -> str:
    """The page as HTML, in its language."""
    return contextvars.copy_context().run(_render, page)


def _render(page: LabelPage) -> str:
    use_language(page.language)
    script = (TEMPLATES / "labels.js").read_text(encoding="utf-8")
    items = [{**vars(item), "row": _json(item.row), "choices": _values(item.choices)} for item in page.items]
    values = {spec.name: getattr(page, spec.name) for spec in dataclasses.fields(page)}
    return (
        environment()
        .get_template("labels.html")
        .render(
            **(values | {"items": items, "columns": _json(list(page.columns))}),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        )
    )


def _values(choices: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, _json(value)) for name, value in choices]


def _json(value: Any) -> str:
    """JSON of ASCII letters: nothing of it is changed when text of others is made safe."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False)
