"""The lab book: what it remembers, what it writes, and when it is over."""

import json
from dataclasses import replace

from rumbo.strategy.improvement import LabBook, Round, Stop


def entry(action: str | None, *, value: float = 0.8, new_value: float | None = 0.9, is_kept: bool = True) -> Round:
    return Round(
        verdict="variance",
        reason="What the model learned does not carry over.",
        action=action,
        sentence="" if action is None else f"do {action}",
        settings={"train.epochs": "3"},
        epochs=3,
        leaves_out=False,
        value=value,
        effect=0.1,
        interval=(0.05, 0.15),
        new_value=new_value,
        is_kept=is_kept,
        tried=[{"sentence": "do it", "effect": 0.1, "interval": [0.05, 0.15], "outcome": "helps"}],
        seconds=10.0,
        left_out=["dance"],
    )


BOOK = LabBook(goal="accuracy", higher_is_better=True, budget_seconds=100.0, seconds=5.0, first_value=0.8)


def test_the_value_is_that_of_what_was_kept_last():
    book = BOOK.with_entry(entry("a")).with_entry(entry("b", new_value=0.95, is_kept=False))
    assert (BOOK.value, book.value) == (0.8, 0.9)
    assert book.seconds == 25.0
    assert book.left == 75.0


def test_what_was_taken_back_is_not_tried_again_until_something_else_was_kept():
    book = BOOK.with_entry(entry("a", is_kept=False))
    assert book.refused == {"a"}
    assert book.with_entry(entry("b", is_kept=False)).refused == {"a", "b"}
    assert book.with_entry(entry("b")).refused == set()


def test_a_round_without_an_action_is_the_last():
    book = BOOK.with_entry(entry(None, new_value=None, is_kept=False))
    assert book.stopped is Stop.NOTHING_HELPS
    assert "Nothing more that was tried is known to help" in book.result()


def test_a_lower_value_can_be_the_better_one():
    assert not BOOK.is_better(0.1, than=0.2)
    assert replace(BOOK, higher_is_better=False).is_better(0.1, than=0.2)


def test_it_is_read_back_as_it_was_written():
    book = replace(BOOK.with_entry(entry("a")), stopped=Stop.BUDGET, test=0.85, test_interval=(0.8, 0.9))
    again = LabBook.from_dict(json.loads(json.dumps(book.to_dict())))
    assert again == book


def test_people_read_what_was_done_and_what_came_of_it():
    book = BOOK.with_entry(entry("a")).with_entry(entry("b", is_kept=False))
    text = replace(book, test=0.85, test_interval=(0.8, 0.9)).markdown()
    assert "## 1. do a" in text
    assert "| do it | +0.1 | +0.05 … +0.15 | helps |" in text
    assert "too small for: dance." in text
    assert "Kept." in text
    assert "Taken back." in text
    assert "On test, looked at once: 0.85 (95 % interval 0.8 to 0.9)." in text
