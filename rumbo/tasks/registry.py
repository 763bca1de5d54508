"""The names of tasks; needs no torch."""

from typing import Any

from rumbo.core.registry import Entry, Registry

INDEX = {
    "classify": Entry("rumbo.tasks.classify", "One class out of two or more for each example."),
    "multilabel": Entry(
        "rumbo.tasks.multilabel", "Several yes/no labels for each example, some of which may be missing."
    ),
    "regress": Entry("rumbo.tasks.regress", "A number for each example."),
}

TASKS: Registry[Any] = Registry("task", INDEX)
