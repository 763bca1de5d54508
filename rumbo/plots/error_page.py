"""The page of `rumbo errors`: one file that opens offline, without script."""

import contextvars
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rumbo.core.messages import use_language
from rumbo.plots.error_tags import tag_shares
from rumbo.plots.page import drawing, environment
from rumbo.strategy.lift import finding_words


@dataclass(frozen=True, kw_only=True)
class ErrorPage:
    """What the page tells; a section without content is left out.

    Attributes:
        title: name of the data set.
        run: name of the run.
        split: which examples.
        created: date and time in UTC, as text.
        language: code of the page's language.
        table: as `strategy.ErrorTable.to_dict` makes it.
        pairs: the most frequent ones, as `ConfusedPair.to_dict` makes them.
        num_pairs: how many there are.
        slices: as `Slices.to_dict` makes it.
        clusters: as `Cluster.to_dict` makes them, with `examples` as in `groups`.
        groups: (heading, examples) pairs; an example has `id`, `true`, `predicted`, `probability` or None, `tags`, and
            `picture` (uint8), `text` or `features` (column -> value) where these are known.
        remarks: sentences.
    """

    title: str
    run: str
    split: str
    created: str
    language: str
    table: Mapping[str, Any]
    pairs: Sequence[Mapping[str, Any]] = ()
    num_pairs: int = 0
    slices: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    clusters: Sequence[Mapping[str, Any]] = ()
    groups: Sequence[tuple[str, Sequence[Mapping[str, Any]]]] = ()
    remarks: Sequence[str] = ()


def write_error_page(path: Path, page: ErrorPage) -> None:
    """Write the page as one HTML file, in its language."""
    path.write_text(contextvars.copy_context().run(_render, page), encoding="utf-8")


def _render(page: ErrorPage) -> str:
    use_language(page.language)
    compared = [row for row in page.table["rows"] if row["share_of_right"] is not None]
    figure = drawing(tag_shares(compared), "tags") if compared else None
    values = {spec.name: getattr(page, spec.name) for spec in dataclasses.fields(page)}
    return (
        environment()
        .get_template("errors.html")
        .render(
            **values,
            figure=figure,
            finding_words=finding_words,
            is_number=page.table["kind"] == "root_mean_square",
            num_shown=sum(len(examples) for _, examples in page.groups),
        )
    )
