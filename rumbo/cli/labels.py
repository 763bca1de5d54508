"""`rumbo labels RUN`."""

import argparse
import getpass
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rumbo.cli.parser import seconds, whole
from rumbo.cli.progress import Display
from rumbo.cli.tables import table
from rumbo.core.errors import UsageError
from rumbo.core.messages import shown, t

if TYPE_CHECKING:
    from rumbo.api.label_answers import LabelAnswers
    from rumbo.api.label_check import LabelCheck

LISTED = 20
"""Suspects that are printed; the page and the review file have them all."""
PAIRS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, how it is judged, and what becomes of a review."""
    add = parser.add_argument
    add("run", metavar="RUN", help=t("a run folder"))
    add("--top", metavar="N", help=t("suspects to look at (100)"))
    add(
        "--folds",
        metavar="N",
        help=t("parts of the data; each is judged by a network that learned from the others (5)"),
    )
    add("--budget", metavar="TIME", help=t("what all folds may take together: 90s, 10m, 1h; the passes fit into it"))
    add("--test", action="store_true", help=t("list labels of test, too"))
    add("--from", metavar="FILE", dest="review", help=t("an answered review file: make corrections of it"))
    add("--accept", action="store_true", help=t("correct all suspects of train that are listed, without a review"))
    add("--write", metavar="FILE", help=t("the corrections file; NAME-corrections.csv here, if not given"))
    add("--who", metavar="NAME", help=t("who decided; the name of the user, if not given"))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Judge and tell, or turn a review into corrections."""
    if arguments.review is not None and arguments.accept:
        raise UsageError(t("--from takes what a person decided and --accept what nobody looked at: choose one."))
    if arguments.write is not None and arguments.review is None and not arguments.accept:
        raise UsageError(t("--write makes corrections of a review: add --from REVIEW.csv, or --accept without one."))
    top, folds = whole(arguments.top, "--top", low=1) or 100, whole(arguments.folds, "--folds", low=2) or 5
    budget = seconds(arguments.budget, "--budget")
    from rumbo.api.label_check import check_labels
    from rumbo.api.run import as_run

    opened = as_run(arguments.run)
    with Display() as display:
        found = check_labels(
            opened,
            folds=folds,
            budget_seconds=budget,
            top=top,
            test=arguments.test,
            progress=display.reading,
            tell=lambda sentence: print(sentence, file=sys.stderr, flush=True),
        )
    review = None if arguments.review is None else Path(arguments.review)
    if review is None and not arguments.accept:
        return _tell(arguments, found)
    from rumbo.api.label_answers import accept_suspects, take_review

    who = _user() if arguments.who is None else arguments.who
    out = None if arguments.write is None else Path(arguments.write)
    if review is None:
        answers = accept_suspects(opened, found, out=out, who=who)
    else:
        answers = take_review(opened, found, review, out=out, who=who)
    if not arguments.json:
        print("\n".join(_answer_lines(arguments, answers)))
    return {"run": arguments.run, **answers.to_dict()}


def _tell(arguments: argparse.Namespace, found: "LabelCheck") -> dict[str, Any]:
    from rumbo.api.label_pages import write_pages
    from rumbo.api.run import as_run

    page, review, remarks = write_pages(as_run(arguments.run), found)
    if not arguments.json:
        print("\n".join([*_lines(found), *_next_lines(arguments, page, review, (*found.remarks, *remarks))]))
    return {**found.to_dict(), "run": arguments.run, "page": str(page), "review": str(review)}


def _lines(found: "LabelCheck") -> list[str]:
    from rumbo.api.label_pages import sentences
    from rumbo.plots.page import percent

    lines = [
        t(
            "{count} labels were judged by {folds} networks that did not see them, of {epochs} epochs each.",
            count=found.num_judged,
            folds=found.folds,
            epochs=found.epochs,
        ),
        *sentences(found),
    ]
    if found.noise.kind == "systematic":
        pairs = [pair for pair in found.noise.pairs if pair.is_systematic][:PAIRS]
        rows = [[shown(p.true), shown(p.given), round(p.num_items, 1), round(p.num_uniform, 1)] for p in pairs]
        lines += ["", table([t("what it is"), t("labelled as"), t("examples"), t("as uniform noise")], rows)]
    rows = [
        [shown(row.id), row.split, shown(row.field), shown(row.given), shown(row.suggested), percent(row.score)]
        for row in found.suspects[:LISTED]
    ]
    header = [t("example"), t("split"), t("field"), t("label"), t("suggested"), t("chance that it is right")]
    counted = t("Labels that are more probably wrong than right: {count}.", count=found.num_suspects)
    return [*lines, "", counted, table(header, rows)]


def _next_lines(arguments: argparse.Namespace, page: Path, review: Path, remarks: tuple[str, ...]) -> list[str]:
    words = ["rumbo", "labels", arguments.run]
    for flag in ("top", "folds"):
        if (value := getattr(arguments, flag)) is not None:
            words += [f"--{flag}", value]
    if arguments.test:
        words.append("--test")
    command = shlex.join([*words, "--from", str(review)])
    return [
        "",
        *remarks,
        t("page: {path}", path=page),
        t("review: {path}", path=review),
        t("Answer on the page, or yes (it is wrong) or no in the column verdict of the review; then:"),
        f"  {shown(command)}",
    ]


def _answer_lines(arguments: argparse.Namespace, answers: "LabelAnswers") -> list[str]:
    lines = list(answers.sentences)
    if answers.num_corrections:
        command = shlex.join(
            ["rumbo", "train", "--config", f"{arguments.run}/config.yaml", "--set", f"data.corrections={answers.out}"]
        )
        lines += [t("corrections: {path}", path=answers.out), t("Train with them:"), f"  {shown(command)}"]
    return lines


def _user() -> str:
    try:
        return shown(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return ""
