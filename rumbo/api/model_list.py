"""The networks by name; listing them imports no torch."""

from dataclasses import dataclass, field
from typing import Any

from rumbo import models


@dataclass(frozen=True, kw_only=True)
class ListedModel:
    """A network: what it takes, a sentence, and its own options with their defaults and meanings."""

    name: str
    takes: str
    sentence: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    meanings: dict[str, str] = field(default_factory=dict[str, str])


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
    from rumbo.models.option_meanings import meaning

    entry, options = models.entry(name), own_options(name)
    meanings = {option: meaning(name, option) for option in options}
    return ListedModel(name=name, takes=entry.takes, sentence=entry.sentence, options=options, meanings=meanings)
