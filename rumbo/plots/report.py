"""report.html: one file that opens offline, without script; and the same numbers as JSON."""

import contextvars
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from rumbo.core.messages import t, use_language
from rumbo.core.plain import plain
from rumbo.plots.confusion import confusion_matrix
from rumbo.plots.curves import training_curves
from rumbo.plots.gaps import error_bars
from rumbo.plots.page import drawing, environment, severity_names
from rumbo.plots.regression import predicted_against_true
from rumbo.plots.shares import class_shares
from rumbo.strategy.gap_sentences import gap_words, stage_words
from rumbo.strategy.judging import requirement_sentence

MAX_CONFUSIONS = 8


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """What a report tells, as plain values; a section without content is left out.

    Attributes:
        title: what was trained, such as the name of the data set.
        run: name of the run.
        created: date and time in UTC, as text.
        language: code of the report's language.
        task: name of the task.
        target: `choice`, and where known `reason` (a sentence) and `runner_up`.
        model: name of the network.
        parameters: trainable numbers in it.
        data_format: name of the reader.
        decisions: sentences about what was recognised, guessed and dropped.
        splits: one per split: `split`, `items`, `share` (0 to 1), and for classes `classes`: name -> examples.
        findings: of the data check: `code`, `severity`, `message`, `num_items`, `items`, `done`, `remedy`.
        history: rows of results.csv: `epoch`, `time_s`, `lr`, then `split/metric`.
        best_epoch: the epoch whose weights were kept.
        goal: `metric`, `value`, and where known `split`, `interval` (low, high) and `requirements`, as
            `strategy.judging.Check.to_dict` makes them.
        metrics: split -> metric -> a value, or {`value`, `interval`}.
        diagnosis: as `strategy.Diagnosis.to_dict` makes it.
        next_steps: sentences, most promising first.
        confusion: `counts` (k x k, true classes in rows), `classes` (k names), `split`.
        regression: `truth`, `predicted` (n numbers each), `name` of the target, `split`.
        wrong: the worst examples: `id`, `true`, `predicted`, `probability` or None, and `picture` (uint8, h x w or
            h x w x 3) or `features` (column -> value).
        environment: name -> version or value.
        commands: lines that reproduce the run.
        weights_sha256: of the published weights.
    """

    title: str
    run: str
    created: str
    language: str = "en"
    task: str = ""
    target: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    parameters: int | None = None
    data_format: str = ""
    decisions: Sequence[str] = ()
    splits: Sequence[Mapping[str, Any]] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    history: Sequence[Mapping[str, Any]] = ()
    best_epoch: int | None = None
    goal: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    diagnosis: Mapping[str, Any] = field(default_factory=dict)
    next_steps: Sequence[str] = ()
    confusion: Mapping[str, Any] = field(default_factory=dict)
    regression: Mapping[str, Any] = field(default_factory=dict)
    wrong: Sequence[Mapping[str, Any]] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    commands: Sequence[str] = ()
    weights_sha256: str = ""


def write_report(path: Path, report: ReportData) -> None:
    """Write the report as one HTML file, in the report's language."""
    path.write_text(report_html(report), encoding="utf-8")


def report_html(report: ReportData) -> str:
    """The report as the text of one HTML page."""

    def render() -> str:
        use_language(report.language)
        values = {spec.name: getattr(report, spec.name) for spec in dataclasses.fields(report)}
        return (
            environment()
            .get_template("report.html")
            .render(
                **values,
                figures=_figures(report),
                metric_names=list(dict.fromkeys(name for split in report.metrics.values() for name in split)),
                class_names=list(dict.fromkeys(name for row in report.splits for name in row.get("classes") or ())),
                confusions=_top_confusions(report.confusion),
                gap_names=_gap_names(),
                stage_names=stage_words(),
                verdict_names=_gap_names() | {"none": t("no gap that matters"), "undecided": t("undecided")},
                severity_names=severity_names(),
                requirements=[requirement_sentence(check) for check in report.goal.get("requirements", ())],
            )
        )

    return contextvars.copy_context().run(render)


def report_json(report: ReportData) -> dict[str, Any]:
    """The report's numbers as strict JSON types: no pictures, no pairs of regression, None for what is not finite."""
    values = {spec.name: getattr(report, spec.name) for spec in dataclasses.fields(report)}
    values["wrong"] = [{key: value for key, value in item.items() if key != "picture"} for item in report.wrong]
    values["regression"] = {key: report.regression[key] for key in ("name", "split") if key in report.regression}
    return {name: plain(value) for name, value in values.items()}


def _gap_names() -> dict[str, str]:
    return {str(name): word for name, word in gap_words().items()}


def _figures(report: ReportData) -> dict[str, Markup]:
    """The figures that the report has numbers for, as SVG."""
    figures = {}
    if report.history:
        metric = report.goal.get("metric")
        figures["curves"] = training_curves(report.history, metric=metric, best_epoch=report.best_epoch)
    if report.diagnosis:
        figures["errors"] = error_bars(report.diagnosis["errors"], kind=report.diagnosis["kind"])
    if report.confusion:
        figures["confusion"] = confusion_matrix(report.confusion["counts"], report.confusion["classes"])
    if report.regression:
        pairs = report.regression
        figures["regression"] = predicted_against_true(pairs["truth"], pairs["predicted"], name=pairs.get("name", ""))
    counts = {split["split"]: split["classes"] for split in report.splits if split.get("classes")}
    if counts:
        figures["shares"] = class_shares(counts)
    return {name: drawing(figure, name) for name, figure in figures.items()}


def _top_confusions(confusion: Mapping[str, Any]) -> list[tuple[str, str, int, float]]:
    """The most frequent mistakes: true class, predicted class, how often, share of the true class."""
    if not confusion:
        return []
    counts = np.asarray(confusion["counts"])
    mistakes = counts - np.diag(counts.diagonal())
    order = np.argsort(-mistakes, axis=None, kind="stable")[:MAX_CONFUSIONS]
    names, totals = confusion["classes"], counts.sum(axis=1)
    pairs = [(int(row), int(column)) for row, column in zip(*np.unravel_index(order, counts.shape), strict=True)]
    return [(names[i], names[j], int(counts[i, j]), counts[i, j] / totals[i]) for i, j in pairs if mistakes[i, j] > 0]
