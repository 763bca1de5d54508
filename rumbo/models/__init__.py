"""Networks by name. Importing this costs nothing; a network's file is imported when it is built."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rumbo.core.inputs import InputSpec
from rumbo.core.registry import Registry
from rumbo.models.index import INDEX, ModelEntry, Takes

if TYPE_CHECKING:
    from torch import nn

_registry: "Registry[Callable[..., nn.Module]]" = Registry("model", INDEX, where="rumbo models")

register = _registry.register
names = _registry.names


def entry(name: str) -> ModelEntry:
    """What the index says about a network.

    Raises:
        UnknownName: no such network; the message has the nearest names.
    """
    if name not in INDEX:
        _registry.get(name)
    return INDEX[name]


def takes(name: str) -> Takes:
    """Whether a network takes images, tables or either.

    >>> takes("lenet5"), takes("mlp")
    ('image', 'both')
    """
    return entry(name).takes


def build(name: str, spec: InputSpec, num_classes: int, **options: Any) -> "nn.Module":
    """A new network of that name, made to the sizes of the inputs.

    Args:
        name: one of `names()`.
        spec: sizes of one example. With an image and a table, the named image network and a `table_net` become the
            two branches of a `TwoBranch`, and `options` go to the image network; its `activation`, `norm` and
            `norm_momentum` hold for the table's branch too.
        num_classes: width of the output: classes, labels, or 1 for a number.
        options: the network's own keywords; text is read as the keyword's type.

    Raises:
        UnknownName: no such network or option.
        UsageError: the network does not take such inputs.
        ShapeError: the network cannot be made for images of this size.
        OptionError: an option's value does not read as its type or is out of range.

    >>> build("mlp", InputSpec(num_numbers=3), 2, hidden="4, 5").hidden
    (4, 5)
    """
    from rumbo.models.assembly import build_network

    return build_network(name, spec, num_classes, options)


def get(name: str) -> "Callable[..., nn.Module]":
    """What makes the network; its keywords are the network's options.

    Raises:
        UnknownName: no such network.
    """
    return _registry.get(name)


__all__ = ["INDEX", "ModelEntry", "Takes", "build", "entry", "get", "names", "register", "takes"]
