"""The cycle of a project: diagnose, change one knob, keep it or take it back, write it down, until nothing helps.

Source: Ng 2018, "Machine Learning Yearning", ch. 2, 13 (iterate quickly, guided by one number on dev). The test set
plays no part in it: it is looked at once, when all is decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from rumbo.core.messages import t


class Stop(StrEnum):
    """Why a cycle came to its end."""

    NOTHING_HELPS = "nothing_helps"
    BUDGET = "budget"
    NOT_YET = "not_yet"


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round of the lab book.

    Attributes:
        verdict: what held the model back before.
        reason: the verdict as a sentence.
        action: name of the action that was taken; None where none is known to help.
        sentence: the action, for people.
        settings: the options that it changed, by their paths, as text.
        epochs: of the training with it.
        leaves_out: whether suspect labels are left out from then on.
        value: the goal on dev before it.
        effect: what it was worth when it was tried, > 0 is better.
        interval: of the effect.
        new_value: the goal on dev with it, trained whole; None where none was taken.
        is_kept: whether it stayed.
        tried: everything that was tried, as `Tried.to_dict` has it.
        left_out: sentences of the actions for which the time was too short.
        seconds: what the round took.
    """

    verdict: str
    reason: str
    action: str | None
    sentence: str
    settings: Mapping[str, str]
    epochs: int
    leaves_out: bool
    value: float
    effect: float | None
    interval: tuple[float, float] | None
    new_value: float | None
    is_kept: bool
    tried: Sequence[Mapping[str, Any]]
    seconds: float
    left_out: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        fields = dict(vars(self))
        return {
            **fields,
            "settings": dict(self.settings),
            "interval": None if self.interval is None else list(self.interval),
            "tried": [dict(each) for each in self.tried],
            "left_out": list(self.left_out),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Round":
        """What `to_dict` gave."""
        interval = values["interval"]
        return cls(**{**values, "interval": None if interval is None else (float(interval[0]), float(interval[1]))})


@dataclass(frozen=True, kw_only=True)
class LabBook:
    """What was done to a model, round by round.

    Attributes:
        goal: the metric.
        higher_is_better: which way of it is up.
        budget_seconds: what was allowed.
        seconds: what all rounds and the first training took so far.
        first_value: the goal on dev before anything was changed.
        human_error: what is possible, on the scale of the errors.
        entries: the rounds.
        stopped: why it ended; `not_yet` while it goes on.
        test: the goal on test, looked at once at the end; None before, and without a test set.
        test_interval: its interval.
    """

    goal: str
    higher_is_better: bool
    budget_seconds: float
    seconds: float
    first_value: float
    human_error: float = 0.0
    entries: tuple[Round, ...] = ()
    stopped: Stop = Stop.NOT_YET
    test: float | None = None
    test_interval: tuple[float, float] | None = None

    @property
    def left(self) -> float:
        """Seconds of the budget that are left."""
        return max(0.0, self.budget_seconds - self.seconds)

    @property
    def value(self) -> float:
        """The goal on dev with everything that was kept."""
        kept = [entry.new_value for entry in self.entries if entry.is_kept and entry.new_value is not None]
        return kept[-1] if kept else self.first_value

    @property
    def refused(self) -> set[str]:
        """Actions that were taken back since the last one that was kept: there is no sense in them again."""
        names: set[str] = set()
        for entry in self.entries:
            names = set() if entry.is_kept else names | ({entry.action} if entry.action else set())
        return names

    def with_entry(self, entry: Round) -> "LabBook":
        """The book with a further round."""
        stopped = Stop.NOTHING_HELPS if entry.action is None else self.stopped
        seconds = self.seconds + entry.seconds
        return replace(self, entries=(*self.entries, entry), seconds=seconds, stopped=stopped)

    def is_better(self, value: float, than: float) -> bool:
        """Whether one value of the goal is better than another."""
        return value > than if self.higher_is_better else value < than

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "goal": self.goal,
            "higher_is_better": self.higher_is_better,
            "budget_seconds": self.budget_seconds,
            "seconds": round(self.seconds, 2),
            "first_value": self.first_value,
            "human_error": self.human_error,
            "value": self.value,
            "entries": [entry.to_dict() for entry in self.entries],
            "stopped": str(self.stopped),
            "test": self.test,
            "test_interval": None if self.test_interval is None else list(self.test_interval),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LabBook":
        """What `to_dict` gave."""
        interval = values["test_interval"]
        fields = {name: value for name, value in values.items() if name != "value"}
        entries = tuple(Round.from_dict(each) for each in values["entries"])
        return cls(
            **{
                **fields,
                "entries": entries,
                "stopped": Stop(values["stopped"]),
                "test_interval": interval and tuple(interval),
            }
        )

    def markdown(self) -> str:
        """The book for people."""
        lines = [
            "# " + t("Lab book"),
            "",
            t("Goal: {goal} on dev, {value:.4g} at the beginning.", goal=self.goal, value=self.first_value),
        ]
        for number, entry in enumerate(self.entries, start=1):
            lines += ["", f"## {number}. " + (entry.sentence or t("nothing more")), "", entry.reason, ""]
            lines += _table(entry)
            if entry.left_out:
                lines += ["", t("The budget was too small for: {names}.", names="; ".join(entry.left_out))]
            lines += ["", _outcome(entry, self.goal)]
        lines += ["", "## " + t("Result"), "", self.result()]
        return "\n".join(lines) + "\n"

    def result(self) -> str:
        """How it ended, in sentences."""
        kept = [entry.sentence for entry in self.entries if entry.is_kept]
        why = {
            Stop.NOTHING_HELPS: t("Nothing more that was tried is known to help."),
            Stop.BUDGET: t("The budget is used up."),
            Stop.NOT_YET: t("It has not come to its end; --resume goes on."),
        }[self.stopped]
        sentences = [
            t(
                "{goal} on dev: {first:.4g} at the beginning, {value:.4g} now.",
                goal=self.goal,
                first=self.first_value,
                value=self.value,
            ),
            t("Kept: {actions}.", actions="; ".join(kept)) if kept else t("Nothing was changed."),
            why,
        ]
        if self.test is not None:
            low, high = self.test_interval or (self.test, self.test)
            sentences.append(
                t(
                    "On test, looked at once: {value:.4g} (95 % interval {low:.4g} to {high:.4g}).",
                    value=self.test,
                    low=low,
                    high=high,
                )
            )
        return " ".join(sentences)


def _table(entry: Round) -> list[str]:
    if not entry.tried:
        return []
    head = [t("action"), t("effect"), t("95 % interval"), t("verdict")]
    words = {"helps": t("helps"), "undecided": t("undecided"), "hurts": t("hurts"), "failed": t("failed")}
    rows = [head, ["---"] * len(head)]
    for each in entry.tried:
        interval = each["interval"]
        span = "–" if interval is None else f"{interval[0]:+.3g} … {interval[1]:+.3g}"
        effect = "–" if each["effect"] is None else f"{each['effect']:+.4g}"
        rows.append([str(each["sentence"]), effect, span, words[str(each["outcome"])]])
    return ["| " + " | ".join(row) + " |" for row in rows]


def _outcome(entry: Round, goal: str) -> str:
    if entry.action is not None and entry.new_value is None:
        return t("It could not be trained whole. Taken back.")
    if entry.action is None or entry.new_value is None:
        return t("No action is known to help: the last one stays the best.")
    sentence = (
        t(
            "Trained whole with it: {goal} {value:.4g}, before {before:.4g}. Kept.",
            goal=goal,
            value=entry.new_value,
            before=entry.value,
        )
        if entry.is_kept
        else t(
            "Trained whole with it: {goal} {value:.4g}, before {before:.4g}. Taken back.",
            goal=goal,
            value=entry.new_value,
            before=entry.value,
        )
    )
    return sentence
