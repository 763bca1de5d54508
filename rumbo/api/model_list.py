"""The networks by name; listing them imports no torch."""

from dataclasses import dataclass, field
from typing import Any

from rumbo import models


@dataclass(frozen=True, kw_only=True)
class ListedModel:
    """A network: what it takes, a sentence, and its own options with their defaults."""

    name: str
    takes: str
    sentence: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])


def model_list() -> list[ListedModel]:
    """All networks, without their options."""
    entries = {name: models.entry(name) for name in models.names()}
    return [ListedModel(name=name, takes=entry.takes, sentence=entry.sentence) for name, entry in entries.items()]


def model_options(name: str) -> ListedModel:
    """One network with its options.

    Raises:
        UnknownName: no such network.
    """
    from rumbo.models.assembly import model_options as own_options

    entry = models.entry(name)
    return ListedModel(name=name, takes=entry.takes, sentence=entry.sentence, options=own_options(name))
