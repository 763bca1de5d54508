"""What one sees while training goes on: a bar on a terminal, one line per epoch elsewhere. Everything on stderr."""

import sys
import time
from typing import TYPE_CHECKING, Any

from rumbo.core.messages import t

if TYPE_CHECKING:
    from rumbo.api.prepare import Prepared
    from rumbo.training.events import Evaluated, Event, Finished, Stepped


class Display:
    """Watches a training and shows it."""

    def __init__(self, *, quiet: bool = False):
        self.quiet = quiet
        self.is_terminal = sys.stderr.isatty()
        self.num_epochs = 0
        self.goal = ""
        self.bar: Any = None
        self.job: Any = None
        self.last_drawn = 0.0

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def reading(self, what: str, done: int, total: int) -> None:
        """Pictures are being decoded."""
        if self.is_terminal and not self.quiet:
            self._draw(what, done, total)

    def watch(self, event: "Event | Prepared") -> None:
        """One event of a training."""
        from rumbo.api.prepare import Prepared
        from rumbo.training.events import Evaluated, Finished, Stepped

        match event:
            case Prepared():
                self._close()
                self._introduce(event)
            case Stepped():
                self._step(event)
            case Evaluated():
                self._epoch(event)
            case Finished():
                self._close()
                self._finish(event)

    def say(self, text: str) -> None:
        """A line on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def _introduce(self, prepared: "Prepared") -> None:
        self.num_epochs, self.goal = prepared.config.train.epochs or 0, prepared.goal
        for sentence in prepared.decisions:
            self.say(f"  {sentence}")
        severities = {"error": t("error"), "warning": t("warning"), "note": t("note")}
        for finding in prepared.checks.findings:
            self.say(f"  [{severities[finding.severity]}] {finding.message} {finding.done}")

    def _step(self, event: "Stepped") -> None:
        if self.is_terminal and not self.quiet and time.monotonic() - self.last_drawn > 0.1:
            self.last_drawn = time.monotonic()
            done = event.epoch * event.num_batches + event.batch
            what = t("epoch {epoch}/{total}", epoch=event.epoch + 1, total=self.num_epochs)
            self._draw(what, done, self.num_epochs * event.num_batches)

    def _epoch(self, event: "Evaluated") -> None:
        shown = {"train/loss", "dev/loss", f"dev/{self.goal}"}
        values = "  ".join(f"{name} {value:.4g}" for name, value in event.metrics.items() if name in shown)
        mark = " *" if event.is_best else ""
        line = t("epoch {epoch}/{total}", epoch=event.epoch, total=self.num_epochs)
        text = f"{line}  {values}  {event.seconds:.0f} s{mark}"
        if self.bar is not None:
            self.bar.console.print(text, highlight=False, markup=False)
        else:
            self.say(text)

    def _finish(self, event: "Finished") -> None:
        reasons = {
            "epochs": t("all epochs done"),
            "patience": t("dev stopped getting better"),
            "budget": t("the time is over"),
        }
        self.say(
            t(
                "{reason}; the best epoch was {best}, and its weights are kept.",
                reason=reasons[event.reason],
                best=event.best_epoch,
            )
        )

    def _draw(self, what: str, done: int, total: int) -> None:
        if self.bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.job = self.bar.add_task(what, total=total)
            self.bar.start()
        self.bar.update(self.job, description=what, completed=done, total=total)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
