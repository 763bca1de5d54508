"""What an experiment is: options that can run, and what comes out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from rumbo.core.options import Options, option
from rumbo.core.registry import Registry
from rumbo.lab.index import INDEX
from rumbo.plots.panels import Panel

T = TypeVar("T")
Cell = str | int | float | None


class Track(Protocol):
    """Goes through things and shows how far it is, as a progress bar does."""

    def __call__(self, things: Iterable[T], what: str, total: int) -> Iterator[T]:
        """The same things, one by one."""
        ...


def unseen(things: Iterable[T], what: str, total: int) -> Iterator[T]:
    """A `Track` that shows nothing."""
    return iter(things)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What an experiment found: numbers first, in a table and in panels to be drawn.

    Args:
        title: what was done, in a few words.
        finding: what the numbers say, in a sentence or two made from them.
        columns: heads of the table.
        rows: its cells.
        panels: the picture.
        num_columns: how many panels stand side by side.
    """

    title: str
    finding: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    panels: tuple[Panel, ...]
    num_columns: int = 2


@dataclass(frozen=True, kw_only=True)
class Experiment(Options, ABC):
    """Base of all experiments: its fields are its options, `run` does it.

    The docstring of a class tells the question, the method, and the source.
    """

    about_source: ClassVar[tuple[str, ...]] = ()
    """Options that say something only where a SOURCE is given."""
    about_own_data: ClassVar[tuple[str, ...]] = ()
    """Options that say something only where none is."""

    seed: int = option(0, "what all randomness follows from", low=0)

    @classmethod
    def takes(cls) -> str | None:
        """What SOURCE may be, in the user's language; None when the experiment takes no data."""
        return None

    @abstractmethod
    def run(self, source: Path | None, track: Track = unseen) -> Result:
        """Do it.

        Args:
            source: the user's data or run, where the experiment takes any; without one it has data of its own.
            track: to be wrapped around the loop that takes long.

        Raises:
            DataError: the source is not what the experiment needs.
        """


experiments: Registry[type[Experiment]] = Registry("experiment", INDEX, where="rumbo lab")
