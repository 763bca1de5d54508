"""`rumbo errors RUN`."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from rumbo.cli.progress import Display
from rumbo.cli.tables import table
from rumbo.core.messages import shown, t

if TYPE_CHECKING:
    from rumbo.api.error_analysis import ErrorAnalysis
    from rumbo.strategy.intervals import Interval

MAX_ROWS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, and tags set by hand."""
    add = parser.add_argument
    add("run", metavar="RUN", help=t("a run folder"))
    add("--split", default="dev", metavar="SPLIT", help=t("dev, or another split; test only when all is decided"))
    add("--tags", metavar="FILE", help=t("tags set by hand: a table of ids and tags, or what `rumbo label` wrote"))
    add("--write-tags", metavar="FILE", help=t("write a table of 100 wrong examples, to be filled in with tags"))
    add("--out", metavar="FILE", help=t("the page with pictures; errors.html in the run folder, if not given"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Look at the errors and tell."""
    from rumbo.api.error_analysis import find_errors

    with Display() as display:
        found = find_errors(
            arguments.run,
            split=arguments.split,
            tags=arguments.tags,
            template=arguments.write_tags,
            page=True if arguments.out is None else arguments.out,
            progress=display.reading,
        )
    for remark in found.remarks:
        print(shown(remark), file=sys.stderr)
    if not arguments.json:
        print(result_text(found))
        if arguments.write_tags is not None:
            print(t("to be filled in: {path}; then: --tags {path}", path=arguments.write_tags))
    return {**found.to_dict(), "template": arguments.write_tags}


def result_text(found: "ErrorAnalysis") -> str:
    """The tables of what was found, those that have rows."""
    parts = [_headline(found), _tags(found), _pairs(found), _slices(found), _clusters(found)]
    if found.page is not None:
        parts.append(t("page: {path}", path=found.page))
    return "\n\n".join(part for part in parts if part)


def _headline(found: "ErrorAnalysis") -> str:
    numbers = found.table
    if numbers.kind == "root_mean_square":
        return t(
            "{run}, {split}: root mean squared error of {error} ({low} – {high}) standard deviations of the target; "
            "the {count} largest residuals of {items}.",
            run=found.run,
            split=found.split,
            error=f"{numbers.error:.3g}",
            low=f"{numbers.error_interval[0]:.3g}",
            high=f"{numbers.error_interval[1]:.3g}",
            count=numbers.num_wrong,
            items=numbers.num_items,
        )
    return t(
        "{run}, {split}: {count} of {items} examples are wrong, an error of {error} ({low} – {high}).",
        run=found.run,
        split=found.split,
        count=numbers.num_wrong,
        items=numbers.num_items,
        error=_percent(numbers.error),
        low=_percent(numbers.error_interval[0]),
        high=_percent(numbers.error_interval[1]),
    )


def _tags(found: "ErrorAnalysis") -> str:
    from rumbo.strategy.lift import finding_words

    numbers = found.table
    is_number = numbers.kind == "root_mean_square"
    rows = [
        [
            shown(row.tag),
            f"{row.count}" if row.num_known == numbers.num_wrong else f"{row.count} / {row.num_known}",
            _percents(row.share, row.share_interval),
            _values(row.error_left, row.left_interval) if is_number else _percents(row.error_left, row.left_interval),
            "–" if row.lift is None else _percent(row.lift.share_of_right),
            "–" if row.lift is None else _factor(row.lift.value, row.lift.interval),
            finding_words(row.finding),
        ]
        for row in numbers.rows
    ]
    if not rows:
        return ""
    header = [
        t("tag"),
        t("wrong"),
        t("share of the error"),
        t("error left if all were right"),
        t("of the right ones"),
        t("lift"),
        "",
    ]
    return table(header, rows)


def _pairs(found: "ErrorAnalysis") -> str:
    if not found.pairs:
        return ""
    rows = [
        [
            shown(pair.true),
            shown(pair.predicted),
            str(pair.count),
            _percents(pair.share, pair.share_interval),
            _percents(pair.share_of_class, pair.class_interval),
            _percents(pair.error_left, pair.left_interval),
        ]
        for pair in found.pairs[:MAX_ROWS]
    ]
    header = [
        t("true"),
        t("taken for"),
        t("wrong"),
        t("share of the error"),
        t("share of the class"),
        t("error left if all were right"),
    ]
    return table(header, rows)


def _slices(found: "ErrorAnalysis") -> str:
    slices = found.slices
    if not slices.num_tested:
        return ""
    rows = [
        [
            ", ".join(f"{shown(column)}: {shown(value)}" for column, value in one.conditions),
            f"{one.num_wrong} / {one.num_items}",
            _percents(one.error, one.interval),
            _percent(one.error_of_rest),
            f"{one.excess:.0f}",
        ]
        for one in slices.found[:MAX_ROWS]
    ]
    told = t(
        "Groups that were looked at: {count}, of {fewest} examples or more; surely worse than the rest: {found}.",
        count=slices.num_tested,
        fewest=slices.fewest,
        found=slices.num_found,
    )
    if not rows:
        return told
    header = [
        t("group"),
        t("wrong / examples"),
        t("wrong in the group"),
        t("wrong elsewhere"),
        t("wrong beyond that"),
    ]
    return f"{table(header, rows)}\n{told}"


def _clusters(found: "ErrorAnalysis") -> str:
    if not found.clusters:
        return ""
    rows = [
        [
            str(number),
            str(cluster.num_wrong),
            _percents(cluster.error_near, cluster.interval),
            ", ".join(f"{shown(trait.name)} {_percent(trait.share)}" for trait in cluster.traits) or "–",
            shown(cluster.examples[0]),
        ]
        for number, cluster in enumerate(found.clusters, start=1)
    ]
    header = [t("cluster"), t("wrong"), t("wrong near its center"), t("told by"), t("in its middle")]
    return table(header, rows)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _percents(value: float, interval: "Interval") -> str:
    return f"{_percent(value)} ({100 * interval[0]:.1f} – {100 * interval[1]:.1f})"


def _values(value: float, interval: "Interval") -> str:
    return f"{value:.3g} ({interval[0]:.3g} – {interval[1]:.3g})"


def _factor(value: float, interval: "Interval") -> str:
    return f"{value:.1f} ({interval[0]:.1f} – {interval[1]:.1f})"
