"""What `rumbo labels` leaves to be looked at: a page with pictures, and the review file that it fills."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rumbo.api.held_out import FOLDER
from rumbo.api.label_check import LabelCheck
from rumbo.api.label_review import COLUMNS, ReviewRow, has_answers, write_review
from rumbo.api.looks import look_at
from rumbo.api.run import Run
from rumbo.api.sources import open_run_data
from rumbo.core import seeds
from rumbo.core.errors import DataError, RumboError
from rumbo.core.messages import language, t
from rumbo.data.files import safe_name
from rumbo.data.manifest import Dataset
from rumbo.plots.check_page import Shown
from rumbo.plots.label_page import LabelItem, LabelPage, label_page
from rumbo.plots.page import percent
from rumbo.runs import write_file

PAGE, REVIEW = "labels.html", "review.csv"
MAX_CHOICES = 100
MAX_PAIRS = 20


def write_pages(run: Run, check: LabelCheck) -> tuple[Path, Path, list[str]]:
    """Write labels.html and the review file into the run's folder; returns their paths, and what should be known.

    A review that somebody began to answer stays: the next free name is taken. Where the data have gone, the page has
    no pictures.

    Raises:
        StorageError: they cannot be written.
    """
    folder, remarks = run.path / FOLDER, list[str]()
    rows = mixed([*check.suspects, *check.sample], run.config.seed)
    try:
        dataset = open_run_data(run.config, base=run.path, categories=run.model.preprocess.category_names)
    except RumboError as problem:
        dataset = None
        remarks.append(t("the page has no pictures: {problem}", problem=str(problem)))
    page, review = folder / PAGE, folder / REVIEW
    number = 1
    while has_answers(review):
        number += 1
        review = folder / f"review-{number}.csv"
    write_file(page, label_page(_page(run, check, rows, dataset)).encode())
    write_review(review, rows)
    return page, review, remarks


def mixed(rows: Sequence[ReviewRow], seed: int) -> list[ReviewRow]:
    """Suspects and others in an order that does not say which are which: who knows that sees what is expected."""
    order = seeds.rng(seed, "labels/order").permutation(len(rows))
    return [rows[int(place)] for place in order]


def sentences(check: LabelCheck) -> list[str]:
    """What was found, in words."""
    noise, error = check.noise, check.error
    found = [
        t(
            "About {rate} of the labels are wrong (95 % interval {low} to {high}).",
            rate=percent(noise.rate),
            low=percent(noise.interval[0]),
            high=percent(noise.interval[1]),
        ),
        noise.reason,
    ]
    if error is not None and error.error > 0:
        found.append(
            t(
                "Of the dev error of {error}, {label} ({low} to {high}) are wrong labels and {model} wrong answers; "
                "with all labels right it would be about {true} ({true_low} to {true_high}).",
                error=percent(error.error),
                label=percent(error.label_error),
                low=percent(error.label_interval[0]),
                high=percent(error.label_interval[1]),
                model=percent(error.model_error),
                true=percent(error.true_error),
                true_low=percent(error.true_interval[0]),
                true_high=percent(error.true_interval[1]),
            )
        )
    return found


def _page(run: Run, check: LabelCheck, rows: Sequence[ReviewRow], dataset: Dataset | None) -> LabelPage:
    row_of = {} if dataset is None else {name: row for row, name in enumerate(dataset.ids)}
    shown = [None if dataset is None or row.id not in row_of else _look(dataset, row_of[row.id]) for row in rows]
    facts = [
        (t("labels judged"), str(check.num_judged)),
        (t("judged by"), t("{folds} networks that did not see them, {epochs} epochs each", **_how(check))),
        (t("suspects"), str(check.num_suspects)),
        (t("on this page"), str(len(rows))),
    ]
    return LabelPage(
        title=safe_name(run.name),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        language=language(),
        facts=facts,
        sentences=[*sentences(check), *check.remarks],
        pairs=[vars(pair) for pair in check.noise.pairs[:MAX_PAIRS]],
        columns=COLUMNS,
        items=[_item(check, row, look) for row, look in zip(rows, shown, strict=True)],
    )


def _how(check: LabelCheck) -> dict[str, int]:
    return {"folds": check.folds, "epochs": check.epochs}


def _look(dataset: Dataset, row: int) -> Shown | None:
    try:
        return look_at(dataset, row)
    except DataError:
        return None


def _item(check: LabelCheck, row: ReviewRow, look: Shown | None) -> LabelItem:
    others = [row.suggested, *(name for name in check.names if name not in (row.suggested, row.given))]
    is_yes_no = check.task == "multilabel"
    question = f"{row.field}: {_word(row.given)}?" if is_yes_no else t("labelled: {name}?", name=row.given)
    return LabelItem(
        id=row.id,
        question=question,
        given=row.given,
        choices=[(_word(name) if is_yes_no else name, name) for name in others[:MAX_CHOICES]],
        row=row.cells(),
        picture=None if look is None else look.pixels,
        text="" if look is None else look.text,
    )


def _word(value: str) -> str:
    return t("present") if value == "1" else t("absent")
