"""What one sees while training goes on: a bar on a terminal, one line per epoch elsewhere. Everything on stderr."""

import sys
import time
from typing import TYPE_CHECKING, Any

from rumbo.core.messages import t

if TYPE_CHECKING:
    from rumbo.api.telling import Teller, Told
    from rumbo.training.events import Stepped


class Display:
    """Watches a training and shows it."""

    def __init__(self) -> None:
        self.draws = sys.stderr.isatty()
        self.teller: Teller | None = None
        self.bar: Any = None
        self.job: Any = None
        self.last_drawn = 0.0
        self.done, self.total = 0, 1

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def reading(self, what: str, done: int, total: int) -> None:
        """Pictures are being decoded."""
        if self.draws:
            self._draw(what, done, total)

    def trying(self, what: str, share: float) -> None:
        """A training of several begins, and this share of the time for all is over."""
        if self.draws:
            self._draw(what, 100 * share, 100)
        else:
            print(f"{share:4.0%}  {what}", file=sys.stderr, flush=True)

    def watch(self, event: "Told") -> None:
        """One event of a training."""
        from rumbo.api.prepare import Prepared
        from rumbo.api.telling import Teller
        from rumbo.training.events import Evaluating, Finished, Stepped

        if self.teller is None:
            self.teller = Teller()
        if isinstance(event, Stepped):
            self._step(event, self.teller.num_epochs)
            return
        if isinstance(event, Evaluating) and self.draws:
            what = t("epoch {epoch}/{total}, dev", epoch=event.epoch, total=self.teller.num_epochs)
            self._draw(what, self.done + event.done / event.total, self.total)
        if isinstance(event, Prepared | Finished):
            self._close()
        for line in self.teller.lines(event):
            self._say(line)

    def _say(self, line: str) -> None:
        if self.bar is not None:
            self.bar.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def _step(self, event: "Stepped", num_epochs: int) -> None:
        if self.draws and time.monotonic() - self.last_drawn > 0.1:
            self.last_drawn = time.monotonic()
            self.done = event.epoch * event.num_batches + event.batch
            self.total = num_epochs * event.num_batches
            what = t("epoch {epoch}/{total}", epoch=event.epoch + 1, total=num_epochs)
            self._draw(what, self.done, self.total)

    def _draw(self, what: str, done: float, total: int) -> None:
        if self.bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.job = self.bar.add_task(what, total=total)
            self.bar.start()
        self.bar.update(self.job, description=what, completed=done, total=total)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
