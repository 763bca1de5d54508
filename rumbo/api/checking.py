"""Look at data before anything is trained on them: what they are, how they would be split, what is wrong with them."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from rumbo.api.config import RunConfig
from rumbo.api.looks import example_rows, examples_of
from rumbo.api.sources import Progress, deal_out, deal_out_main, open_run_data, rows_but
from rumbo.core.devices import num_cores
from rumbo.core.errors import DataError, RumboError, UsageError
from rumbo.core.messages import language, t
from rumbo.data.checks import CheckReport, Finding, check_data, refuse_too_many_bad
from rumbo.data.checks.findings import SEVERITIES
from rumbo.data.checks.found import found
from rumbo.data.files import safe_name
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.pictures.decode import BadItem
from rumbo.data.pictures.images import FileImages
from rumbo.data.pictures.scan import scan_images
from rumbo.data.splits.leaks import LeakError
from rumbo.data.splits.split import Split
from rumbo.data.target import kind_word

NUM_NAMED = 3
"""Examples that are named where there are no pictures of them."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check found.

    Attributes:
        dataset: the usable examples, labelled where there are labels.
        split: how they would be split.
        report: the findings and counts.
        decisions: what was recognized, guessed and decided.
    """

    dataset: Dataset
    split: Split
    report: CheckReport
    decisions: tuple[str, ...]

    def is_faulty(self, fail_on: str = "error") -> bool:
        """Whether a finding is at least so severe."""
        limit = SEVERITIES.index(fail_on) if fail_on in SEVERITIES else -1
        return any(SEVERITIES.index(finding.severity) <= limit for finding in self.report.findings)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        dataset, target = self.dataset, self.dataset.target
        return {
            "path": str(dataset.path),
            "format": dataset.format,
            "items": len(dataset),
            "target": None
            if target is None
            else {
                "columns": list(target.columns),
                "kind": target.kind.value,
                "classes": list(target.classes),
                "runner_up": target.runner_up,
                "reason": target.reason,
            },
            "inputs": {"numbers": list(dataset.numbers), "categories": list(dataset.categories)},
            "examples": [dataset.ids[row] for row in example_rows(dataset)],
            "decisions": list(self.decisions),
            "sha256": dataset.sha256(),
            **self.report.to_dict(),
        }


def check(
    data: str | Path,
    *,
    target: str | None = None,
    task: str | None = None,
    corrections: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Checked:
    """Open, decode, split and check a data set; nothing is trained and nothing is changed.

    Args:
        data: a folder, a file or a zip; formats are recognized by looking.
        target: the target column(s) of a table.
        task: what would be learned; read off the data when not given.
        corrections: a file laid over the data.
        settings: options of `rumbo train`, by dotted path: {"data.split.by": "group"}.
        progress: told while pictures are decoded.

    Raises:
        UsageError: what was asked for cannot be done.
        DataError: nothing can be read there.
    """
    config = RunConfig(path=str(data), target=target, task=task)
    for path, text in (settings or {}).items():
        config = config.override(path, text)
    if corrections is not None:
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, corrections=str(corrections)))
    dataset, unlabelled = _opened(config)
    dataset, bad = _decoded(dataset, progress)
    split, undealt = _split(dataset, config)
    report = check_data(dataset, split, bad, thorough=True)
    unusable = _too_many_bad(dataset, bad, config.data.max_bad_fraction)
    findings = sorted(
        (*unlabelled, *undealt, *unusable, *report.findings), key=lambda item: SEVERITIES.index(item.severity)
    )
    reason = dataset.target.reason if dataset.target is not None else ""
    decisions = tuple(sentence for sentence in (*dataset.decisions, reason, *split.decisions) if sentence)
    return Checked(
        dataset=dataset,
        split=split,
        report=dataclasses.replace(report, findings=tuple(findings)),
        decisions=decisions,
    )


def require_place(path: str | Path, *extensions: str) -> None:
    """Refuse a file that could not be written, before the work is done.

    Raises:
        UsageError: its folder is not there, it is a folder itself, or it should have another extension.
    """
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(t("'{path}' cannot be written: name a file in a folder that exists.", path=path))
    if path.suffix.lower() not in extensions:
        raise UsageError(t("'{path}' should end in {extensions}.", path=path, extensions=", ".join(extensions)))


def write_page(checked: Checked, path: str | Path) -> Path:
    """Write what a check found as one HTML page that opens offline."""
    from rumbo.plots.check_page import CheckPage, write_check_page

    dataset, path = checked.dataset, Path(path)
    counts = checked.report.counts
    total = max(1, sum(counts["splits"].values()))
    splits = [
        {"split": name, "items": count, "share": count / total, "classes": counts.get("classes", {}).get(name)}
        for name, count in counts["splits"].items()
        if count
    ]
    page = CheckPage(
        title=safe_name(Path(dataset.path).resolve().name),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        language=language(),
        facts=facts_of(checked),
        decisions=checked.decisions,
        splits=splits,
        findings=[dataclasses.asdict(finding) for finding in checked.report.findings],
        examples=examples_of(dataset),
    )
    write_check_page(path, page)
    return path


def facts_of(checked: Checked) -> list[tuple[str, str]]:
    """The head of the answer: format, examples, target, sizes."""
    dataset, target = checked.dataset, checked.dataset.target
    facts = [(t("format"), dataset.format), (t("examples"), str(len(dataset)))]
    if checked.report.counts["bad"]:
        facts.append((t("cannot be used"), str(checked.report.counts["bad"])))
    if target is not None and target.columns:
        facts.append((t("target"), f"{', '.join(target.columns[:8])} ({kind_word(target.kind)})"))
    if target is not None and target.classes:
        names = ", ".join(target.classes[:12]) + (" …" if len(target.classes) > 12 else "")
        facts.append((t("classes"), f"{len(target.classes)}: {names}"))
    if dataset.num_annotations is not None:
        rejected = sum(repair.action == "rejected" for repair in dataset.repairs)
        facts.append(
            (
                t("annotations"),
                t(
                    "{met} met, {used} used, {rejected} rejected",
                    met=dataset.num_annotations,
                    used=dataset.num_annotations - rejected,
                    rejected=rejected,
                ),
            )
        )
    sizes = checked.report.counts.get("sizes", {})
    facts += [(t("sizes"), _size_in_words(found)) for kind, found in sizes.items() if kind != "table"]
    shown_ids = [dataset.ids[row] for row in example_rows(dataset, NUM_NAMED)]
    if shown_ids:
        facts.append((t("such as"), ", ".join(shown_ids)))
    if dataset.numbers or dataset.categories:
        counts = {"numbers": len(dataset.numbers), "categories": len(dataset.categories)}
        facts.append((t("columns"), t("{numbers} of numbers, {categories} of categories", **counts)))
    return facts


def _size_in_words(sizes: Mapping[str, Any]) -> str:
    def joined(values: Sequence[float]) -> str:
        return " x ".join(f"{value:g}" for value in values)

    if sizes["different"] == 1:
        return joined(sizes["middle"])
    return t(
        "{low} to {high}, median {median}",
        low=joined(sizes["smallest"]),
        high=joined(sizes["largest"]),
        median=joined(sizes["middle"]),
    )


def _opened(config: RunConfig) -> tuple[Dataset, list[Finding]]:
    """The set with its labels; where it has none that can be read, without, and the reason is a finding."""
    try:
        return open_run_data(config, base=Path(), split_of=lambda main: deal_out_main(main, config, Path())), []
    except DataError as problem:
        if config.target is not None or config.task is not None:
            raise
        try:
            dataset = open_run_data(config, base=Path(), labelled=False)
        except RumboError:
            raise problem from None
        return dataset, [found("target.none", str(problem), num_items=len(dataset))]


def _too_many_bad(dataset: Dataset, bad: Sequence[BadItem], limit: float) -> list[Finding]:
    """Whether a training would stop for the examples that cannot be used."""
    try:
        refuse_too_many_bad(dataset, bad, limit)
    except DataError as problem:
        return [found("row.too_many_bad", str(problem), num_items=len(dataset.bad) + len(bad))]
    return []


def _decoded(dataset: Dataset, progress: Progress | None) -> tuple[Dataset, list[BadItem]]:
    """The examples whose pictures decode, and those that do not; decoders work apart, under limits."""
    images = dataset.images
    if not isinstance(images, FileImages):
        return dataset, []
    told = (lambda done, total: progress(t("reading pictures"), done, total)) if progress else None
    _, bad = scan_images(images, dataset.ids, num_workers=num_cores(), progress=told)
    if not bad:
        return dataset, []
    return dataset.take(rows_but(len(dataset), bad)), bad


def _split(dataset: Dataset, config: RunConfig) -> tuple[Split, list[Finding]]:
    """How the run would split the data; everything is train where it cannot, and the reason is a finding."""
    try:
        return deal_out(dataset, config, Path()), []
    except LeakError as problem:
        return problem.split, [found("split.impossible", str(problem), num_items=len(dataset), done="")]
    except DataError as problem:
        message = str(problem)
    everything = Split(dataset.table.select("id", pl.lit("train").alias("split")), "")
    if dataset.target is not None and dataset.target.kind is TargetKind.NOTHING:
        message = t("one text or series is split along its length, when it is learned.")
        return everything, [found("split.impossible", message, num_items=len(dataset), severity="note", remedy="")]
    return everything, [found("split.impossible", message, num_items=len(dataset))]
