"""Names for parts. The index of names is cheap to import; the part behind a name is imported when asked for."""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from rumbo.core.errors import unknown_name

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """Where a part lives and what it is, in one sentence of the field (translated by the catalogue)."""

    module: str
    sentence: str


class Registry(Generic[T]):
    """A closed set of names. A second entry is an error; an unknown name is told its nearest.

    Args:
        kind: the word for people: "model".
        index: name -> `Entry`. Names are known without importing the parts; a test holds index and parts together.
        where: the command that lists the names.
    """

    def __init__(self, kind: str, index: Mapping[str, Entry], where: str = ""):
        self.kind, self.index, self.where = kind, dict(index), where
        self._parts: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that enters a part under a name of the index."""
        if name not in self.index:
            raise KeyError(f"{self.kind} '{name}' is registered, but not in the index of names.")
        if name in self._parts:
            raise KeyError(f"a second {self.kind} '{name}' is registered; names are unique.")

        def enter(part: T) -> T:
            self._parts[name] = part
            return part

        return enter

    def get(self, name: str) -> T:
        """The part behind a name.

        Raises:
            UnknownName: no such name; the message has the nearest ones.
        """
        if name not in self.index:
            raise unknown_name(self.kind, name, self.index, self.where)
        if name not in self._parts:
            importlib.import_module(self.index[name].module)
        return self._parts[name]

    def names(self) -> Iterable[str]:
        """All names, in the order of the index."""
        return tuple(self.index)
