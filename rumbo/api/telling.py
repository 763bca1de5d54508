"""Events of a training as lines for people: what the terminal shows and log.txt keeps."""

from dataclasses import dataclass
from typing import TypeAlias

from rumbo.api.prepare import Prepared
from rumbo.core.messages import shown, t
from rumbo.data.checks import Finding
from rumbo.training.events import Evaluated, Evaluating, Event, Finished, Stepped, Warned


@dataclass(frozen=True)
class Noticed:
    """Something beside the training that the user must know: a damaged checkpoint, a log that cannot be written."""

    sentence: str


Told: TypeAlias = Event | Prepared | Noticed
"""What a watcher of `rumbo.train` sees."""


class Teller:
    """Turns events into lines; remembers what the first event said of the run."""

    def __init__(self) -> None:
        self.num_epochs, self.goal = 0, ""

    def lines(self, event: Told) -> list[str]:
        """The lines of one event; none for a step."""
        match event:
            case Prepared():
                self.num_epochs, self.goal = event.config.train.epochs or 0, event.goal
                findings = [_finding(found) for found in event.checks.findings]
                return [f"  {shown(sentence)}" for sentence in (*event.decisions, *findings)]
            case Noticed() | Warned():
                return [event.sentence]
            case Evaluated():
                return [self._epoch(event)]
            case Finished():
                return [_end(event)]
            case Stepped() | Evaluating():
                return []

    def _epoch(self, event: Evaluated) -> str:
        wanted = {"train/loss", "dev/loss", f"dev/{self.goal}"}
        values = "  ".join(f"{shown(name)} {value:.4g}" for name, value in event.metrics.items() if name in wanted)
        epoch = t("epoch {epoch}/{total}", epoch=event.epoch, total=self.num_epochs)
        return f"{epoch}  {values}  {event.seconds:.0f} s{' *' if event.is_best else ''}"


def _finding(found: Finding) -> str:
    severities = {"error": t("error"), "warning": t("warning"), "note": t("note")}
    return f"[{severities[found.severity]}] {found.message} {found.done}".rstrip()


def _end(event: Finished) -> str:
    reasons = {
        "epochs": t("all epochs done"),
        "patience": t("dev stopped getting better"),
        "budget": t("the time is over"),
    }
    return t(
        "{reason}; the best epoch was {best}, and its weights are kept.",
        reason=reasons[event.reason],
        best=event.best_epoch,
    )
