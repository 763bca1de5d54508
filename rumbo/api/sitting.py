"""One process's work on a run: the loop's events written down, saved, and left when somebody asks."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from rumbo.api.bad_batch import write_batch
from rumbo.api.computing import num_threads
from rumbo.api.interrupts import Interrupted, stop_requests
from rumbo.api.link import Link
from rumbo.api.prepare import Prepared
from rumbo.api.run import Run
from rumbo.api.telling import Noticed, Teller, Told
from rumbo.core.devices import num_cores
from rumbo.core.errors import TrainingError
from rumbo.core.messages import t
from rumbo.data.pictures.on_demand import PixelsOnDemand
from rumbo.runs import AppendFile, EventLog, ResultsFile, RunFolder, publish, read_results
from rumbo.training.distributed import give_weights
from rumbo.training.events import Evaluated, Event, Finished, Stepped, Warned
from rumbo.training.guards import NotFinite
from rumbo.training.loop import fit
from rumbo.training.options import FitOptions
from rumbo.training.state import TrainState

Watch = Callable[[Told], None]
"""What sees each event of a training: a progress bar, a page, a test. It cannot change anything."""


@dataclass
class Hand:
    """One process's work on a run, where others work with it: the first of them writes, this one only computes."""

    prepared: Prepared
    state: TrainState
    link: Link

    @property
    def must_save(self) -> bool:
        """Whether it is time for a checkpoint; the first process's clock says it."""
        return False

    def tell(self, event: Told) -> None:
        """Nobody is told; how far this process has come is known should it die."""
        if isinstance(event, Stepped):
            self.link.note(step=event.step)

    def save(self) -> None:
        """Give what this process has of a checkpoint."""
        self.state.gather()

    def keep(self, problem: NotFinite) -> str:
        """What to say of a step that was not finite."""
        return str(problem)


@dataclass
class Sitting(Hand):
    """One process's work on a run: where it writes, and how far it has come."""

    folder: RunFolder
    events: EventLog
    results: ResultsFile
    log: AppendFile
    watch: Watch | None
    teller: Teller = field(default_factory=Teller)
    saved_at_seconds: float = 0.0
    told_of_cache: bool = False

    @classmethod
    def begin(
        cls,
        folder: RunFolder,
        prepared: Prepared,
        state: TrainState,
        offsets: Mapping[str, int],
        link: Link,
        watch: Watch | None,
    ) -> Self:
        """Open the logs, cut back to where the checkpoint was made."""
        return cls(
            prepared=prepared,
            state=state,
            link=link,
            folder=folder,
            events=EventLog(folder.events, offset=offsets.get("events")),
            results=ResultsFile(folder.results, offset=offsets.get("results")),
            log=AppendFile(folder.log, offset=offsets.get("log")),
            watch=watch,
        )

    @property
    def must_save(self) -> bool:
        """Whether more than the time between checkpoints went by."""
        return self.state.seconds - self.saved_at_seconds > self.prepared.config.train.save_every_seconds

    def tell(self, event: Told) -> None:
        """Show an event, and keep it in log.txt, events.jsonl and results.csv."""
        super().tell(event)
        if self.watch is not None:
            self.watch(event)
        for line in self.teller.lines(event):
            self.log.append(f"{line}\n".encode("utf-8", "backslashreplace"))
        match event:
            case Warned():
                self.events.write({"event": "warning", "step": self.state.step, "sentence": event.sentence})
            case Evaluated():
                self.results.write(event.epoch, event.seconds, event.learning_rate, event.metrics)
                epoch = {"event": "epoch", "epoch": event.epoch, "best": event.is_best}
                self.events.write({**epoch, **event.metrics})
                self._tell_of_cache()
            case Finished():
                self.events.write({"event": "finished", "reason": event.reason, "best_epoch": event.best_epoch})
            case _:
                pass
        problems = (file.take_problem() for file in (self.events, self.results, self.log))
        for problem in problems:
            if problem is not None and self.watch is not None:
                self.watch(Noticed(problem))

    def _tell_of_cache(self) -> None:
        """Say once why decoded pictures are not kept any more."""
        pixels = self.prepared.examples.pixels
        note = pixels.note if isinstance(pixels, PixelsOnDemand) else None
        if note is not None and not self.told_of_cache:
            self.told_of_cache = True
            self.tell(Noticed(note))

    def save(self) -> None:
        """Publish a checkpoint; the logs up to here are on the disk before it."""
        logs = {"events": self.events, "results": self.results, "log": self.log}
        for file in logs.values():
            file.sync()
        offsets = {name: file.offset for name, file in logs.items()}
        publish(self.folder.checkpoints, self.state.step, self.state.to_files(offsets))
        self.saved_at_seconds = self.state.seconds

    def close(self) -> None:
        """Close the logs."""
        for file in (self.events, self.results, self.log):
            file.close()

    def keep(self, problem: NotFinite) -> str:
        """Keep the batch of a step that was not finite for whoever looks for the cause, and say so."""
        kept = self.folder.path / "bad_batch.safetensors"
        write_batch(kept, problem.batch, self.prepared.examples)
        where = t("The batch is kept in {path}.", path=kept)
        return f"{problem} {where}"


def sit(sitting: Sitting, *remarks: str) -> Run:
    """Run the loop until it ends, then finish; or until somebody asks to stop, then save.

    Raises:
        Interrupted: somebody asked.
        TrainingError: the cost is not finite.
    """
    sitting.link.share_run(sitting.folder.path)
    sitting.tell(sitting.prepared)
    for remark in remarks:
        sitting.tell(Noticed(remark))
    finished = _work(sitting)
    sitting.link.team.leave()  # nobody waits for the report, however long it takes
    try:
        from rumbo.api.finish import finish  # draws: matplotlib takes a second that the first step need not wait for

        finish(sitting.prepared, sitting.folder, read_results(sitting.folder.results), finished, sitting.state)
    except KeyboardInterrupt:
        raise _interrupted(sitting, signal.SIGINT) from None
    return Run(sitting.folder.path)


def help_out(hand: Hand) -> Run:
    """Do this process's part of another one's run. That one writes its report alone, when this one has left."""
    hand.link.share_run(None)
    _work(hand)
    hand.link.team.leave()
    return Run(hand.link.run)


def _work(hand: Hand) -> Finished:
    """One process's part of the loop. Whatever one process is asked, all agree on after the same step."""
    hand.save()
    options, link = hand.prepared.config.train, hand.link
    with stop_requests(is_led=link.is_led) as stop, num_threads(_threads(options, link)):
        for event in _events(hand):
            hand.tell(event)
            if isinstance(event, Finished):
                give_weights(hand.state.model, hand.prepared.task.model)
                if stop.signal_number is not None and link.team.world == 1:  # the last epoch's checkpoint is there
                    raise _interrupted(hand, stop.signal_number)
                return event
            if isinstance(event, Warned):
                continue
            must_save = isinstance(event, Evaluated) or (isinstance(event, Stepped) and hand.must_save)
            asked = (stop.signal_number == signal.SIGINT, stop.signal_number == signal.SIGTERM)
            *stops, saves = link.team.agree(*asked, must_save)
            if saves or any(stops):
                hand.save()
            if any(stops):
                raise _interrupted(hand, signal.SIGINT if stops[0] else signal.SIGTERM)
    raise AssertionError("the loop ends by saying so")


def _threads(options: FitOptions, link: Link) -> FitOptions:
    """As many threads as were chosen, but no more than this process's share of the cores."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1)) if link.team.world > 1 else 1
    if here == 1 or options.threads is None:
        return options
    return replace(options, threads=min(options.threads, max(1, num_cores() // here)))


def _events(hand: Hand) -> Iterator[Event]:
    prepared, team = hand.prepared, hand.link.team
    try:
        data = prepared.fit_data().dealt_to(team)
        task = prepared.task.with_model(hand.state.model)
        yield from fit(task, data, hand.state, prepared.config.train, team=team)
    except NotFinite as problem:
        raise TrainingError(hand.keep(problem)) from None


def _interrupted(hand: Hand, signal_number: int) -> Interrupted:
    where = os.path.relpath(hand.link.run)
    if hand.link.is_led:
        where += f" --processes {hand.link.team.world}"
    return Interrupted(
        t(
            "stopped in epoch {epoch}, after step {step}; saved. Continue with: rumbo train --resume --out {where}",
            epoch=min(hand.state.epoch + 1, hand.prepared.config.train.epochs or 1),
            step=hand.state.step,
            where=where,
        ),
        signal_number,
    )
