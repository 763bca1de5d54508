"""Error analysis: what the wrong examples of a run have in common, and what mending them could win."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rumbo.api.answers import answer_of
from rumbo.api.error_clusters import clusters_of
from rumbo.api.judged import Judged, judged
from rumbo.api.run import Run
from rumbo.api.slicing import data_columns, fact_columns, tag_columns, target_columns
from rumbo.api.sources import Progress
from rumbo.api.tagging import automatic_tags, hand_tags
from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.core.plain import plain
from rumbo.core.seeds import rng
from rumbo.data.example_facts import ExampleFacts, example_facts
from rumbo.data.splits.split import Split
from rumbo.data.tag_file import TagsById, read_tags, write_tags
from rumbo.strategy.clusters import FEWEST_WRONG, Cluster
from rumbo.strategy.confused import ConfusedPair, confused_pairs
from rumbo.strategy.error_table import ErrorTable, Tag, error_table
from rumbo.strategy.slice_columns import SliceColumn
from rumbo.strategy.slices import Slices, find_slices

NUM_SHOWN = 100
"""Wrong examples to look at, as in the notes: drawn at random, so that shares of tags hold for all."""
NAMED = 5


@dataclass(frozen=True, kw_only=True)
class WrongExample:
    """A wrong example: its id, truth and answer, the answer's probability where there is one, and its tags."""

    id: str
    true: Any
    predicted: Any
    probability: float | None
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ErrorAnalysis:
    """All that was found.

    Attributes:
        run: the run's folder.
        split: the split that was looked at.
        task: of the run.
        table: tags by the share of the error that they carry.
        pairs: which class is taken for which; empty where there are no classes.
        slices: groups that are worse than the rest.
        clusters: wrong examples that look alike to the network.
        examples: at most 100 wrong ones, drawn at random, in the order of what was taken for what.
        remarks: finished sentences.
        page: the page that was written; None for none.
    """

    run: str
    split: str
    task: str
    table: ErrorTable
    pairs: tuple[ConfusedPair, ...]
    slices: Slices
    clusters: tuple[Cluster, ...]
    examples: tuple[WrongExample, ...]
    remarks: tuple[str, ...]
    page: Path | None

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return plain(
            {
                "run": self.run,
                "split": self.split,
                "task": self.task,
                **self.table.to_dict(),
                "pairs": [pair.to_dict() for pair in self.pairs],
                "slices": self.slices.to_dict(),
                "clusters": [cluster.to_dict() for cluster in self.clusters],
                "examples": [asdict(example) for example in self.examples],
                "remarks": list(self.remarks),
                "page": None if self.page is None else str(self.page),
            }
        )


def find_errors(
    run: Run | str | Path,
    *,
    split: str = "dev",
    tags: str | Path | None = None,
    template: str | Path | None = None,
    page: str | Path | bool = True,
    progress: Progress | None = None,
) -> ErrorAnalysis:
    """Look at the wrong examples of a run.

    Args:
        run: a finished run or its folder.
        split: dev; test only when all is decided.
        tags: a file of tags that were set by hand; see `rumbo.data.tag_file.read_tags`.
        template: where to write a table of the 100 examples, to be filled in.
        page: where to write the page with pictures; True: errors.html in the run folder, False: nowhere.
        progress: told (what, done, of how many).

    Raises:
        UsageError: no such run, split or file of tags.
        DataError: the run has not finished, labels are unknown, or the tags are of other data.
        StorageError: the page or the table cannot be written.
    """
    found = judged(run, split)
    given, told = _given_tags(found, tags)
    facts = _facts(found, progress)
    all_tags = _unique([*_automatic(found, facts), *hand_tags(given)])
    predictions, task = found.predictions, found.task
    table = error_table(
        found.errors, all_tags, weights=predictions.weights, kind=task.error_kind, seed=found.run.config.seed
    )
    columns = _data_columns(found)
    clusters, missing = clusters_of(found, all_tags, columns)
    analysis = ErrorAnalysis(
        run=str(found.run.path),
        split=split,
        task=task.name,
        table=table,
        pairs=_pairs(found),
        slices=_slices(found, [*columns, *fact_columns(facts), *tag_columns(all_tags)]),
        clusters=clusters,
        examples=_examples(found, all_tags),
        remarks=(*found.remarks, *told, *missing, *_remarks(table, task.error_kind == "mean")),
        page=_page_path(found.run, page),
    )
    if template is not None:
        write_tags(template, _rows(analysis.examples, all_tags))
    if analysis.page is not None:
        from rumbo.api.error_pages import write_page

        write_page(analysis, found)
    return analysis


def error_table_of(run: Run | str | Path, split: str = "dev") -> ErrorTable:
    """The table of automatic tags alone.

    Raises:
        UsageError: no such run or split.
        DataError: the run has not finished, or labels are unknown.
    """
    found = judged(run, split)
    return error_table(
        found.errors,
        _automatic(found, _facts(found, None)),
        weights=found.predictions.weights,
        kind=found.task.error_kind,
        seed=found.run.config.seed,
    )


def _facts(found: Judged, progress: Progress | None) -> ExampleFacts:
    if found.dataset is None:
        return ExampleFacts({}, {})
    what = t("looking at examples")
    watch = None if progress is None else lambda done, total: progress(what, done, total)
    return example_facts(found.dataset, found.rows, found.train, progress=watch)


def _automatic(found: Judged, facts: ExampleFacts) -> tuple[Tag, ...]:
    return () if found.dataset is None else automatic_tags(found.dataset, found.rows, found.train, facts)


def _given_tags(found: Judged, path: str | Path | None) -> tuple[list[tuple[str, ...] | None], list[str]]:
    """The tags that somebody set for each example, from the data and a file; and what is to be said about these."""
    given: TagsById = {}
    if found.dataset is not None and "tags" in found.dataset.table.columns:
        own = found.dataset.table["tags"].gather(found.rows).to_list()
        given = {name: tuple(tags) for name, tags in zip(found.predictions.ids, own, strict=True) if tags is not None}
    told: list[str] = []
    if path is not None:
        read = read_tags(path)
        known = set(Split.load(found.run.folder.split).table["id"].to_list())
        unknown = [name for name in read if name not in known]
        here = set(found.predictions.ids) & read.keys()
        if unknown:
            sentence = t(
                "'{path}' names examples that the run does not have: {count}, such as {names}.",
                path=path,
                count=len(unknown),
                names=", ".join(f"'{name}'" for name in unknown[:NAMED]),
            )
            if len(unknown) == len(read):
                raise DataError(sentence)
            told.append(sentence)
        if elsewhere := len(read) - len(unknown) - len(here):
            told.append(
                t("tags in '{path}' of examples of other splits, left aside: {count}.", path=path, count=elsewhere)
            )
        if not here:
            told.append(t("'{path}' holds no tags of split '{split}'.", path=path, split=found.split))
        given |= {name: read[name] for name in here}
    return [given.get(name) for name in found.predictions.ids], told


def _unique(tags: Sequence[Tag]) -> list[Tag]:
    """Tags set by hand that are called as an automatic one are told apart."""
    automatic = {tag.name for tag in tags if tag.origin == "automatic"}
    return [
        Tag(name=t("{tag} (by hand)", tag=tag.name), has=tag.has, known=tag.known, origin="hand")
        if tag.origin == "hand" and tag.name in automatic
        else tag
        for tag in tags
    ]


def _pairs(found: Judged) -> tuple[ConfusedPair, ...]:
    truth = found.predictions.truth
    if found.task.name != "classify" or truth is None:
        return ()
    classes: tuple[str, ...] = getattr(found.task, "classes")  # noqa: B009
    return confused_pairs(truth, found.predictions.outputs.argmax(axis=1), classes, weights=found.predictions.weights)


def _data_columns(found: Judged) -> list[SliceColumn]:
    dataset = found.dataset
    if dataset is None:
        return []
    targets = dataset.target.columns if dataset.target is not None else ()
    return data_columns(dataset, found.rows, found.train, targets)


def _slices(found: Judged, columns: Sequence[SliceColumn]) -> Slices:
    dataset, train = found.dataset, None
    if dataset is not None and dataset.target is not None and found.task.name == "regress":
        train = dataset.table[dataset.target.columns[0]].gather(found.train).to_numpy().astype(np.float64)
    every = [*columns, *target_columns(found.task, found.predictions, train)]
    return find_slices(found.wrong, every, weights=found.predictions.weights)


def _examples(found: Judged, tags: Sequence[Tag]) -> tuple[WrongExample, ...]:
    """Some wrong examples drawn at random; those of one mistake stand together, the most frequent mistake first."""
    wrong = np.flatnonzero(found.wrong)
    drawn = rng(found.run.config.seed, "errors").permutation(wrong)[:NUM_SHOWN]
    table = found.task.table(found.predictions)
    examples = []
    for row in np.sort(drawn).tolist():
        answer = answer_of(found.task, found.predictions, table.row(row, named=True), row)
        own = tuple(tag.name for tag in tags if tag.looked.has[row] and tag.looked.known[row])
        examples.append(WrongExample(id=found.predictions.ids[row], tags=own, **answer))
    if found.task.name == "regress":
        return tuple(sorted(examples, key=lambda one: -abs(one.predicted - one.true)))
    kinds = [(str(one.true), str(one.predicted)) for one in examples]
    order = sorted(range(len(examples)), key=lambda place: (-kinds.count(kinds[place]), kinds[place], place))
    return tuple(examples[place] for place in order)


def _rows(examples: Sequence[WrongExample], tags: Sequence[Tag]) -> list[dict[str, Any]]:
    """The examples as rows of a table to fill in."""
    by_hand = {tag.name for tag in tags if tag.origin == "hand"}
    return [
        asdict(one)
        | {
            "found": [tag for tag in one.tags if tag not in by_hand],
            "tags": [tag for tag in one.tags if tag in by_hand],
        }
        for one in examples
    ]


def _remarks(table: ErrorTable, has_classes: bool) -> list[str]:
    if table.num_wrong == 0:
        return [t("No example is wrong: there is nothing to look at.")]
    remarks: list[str] = []
    if not has_classes:
        remarks.append(
            t("Of numbers, the tenth with the largest residuals counts as wrong; shares are of the squared error.")
        )
    if table.num_wrong < FEWEST_WRONG:
        remarks.append(t("With {count} wrong examples, hardly any share is sure.", count=table.num_wrong))
    return remarks


def _page_path(run: Run, page: str | Path | bool) -> Path | None:
    if isinstance(page, bool):
        return run.folder.path / "errors.html" if page else None
    return Path(page)
