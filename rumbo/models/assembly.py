"""From a name, sizes and options to a network."""

import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

from torch import nn

from rumbo import models
from rumbo.core.errors import OptionError, UsageError, unknown_name
from rumbo.core.inputs import InputSpec
from rumbo.core.messages import t
from rumbo.core.options import parse
from rumbo.models.index import ModelEntry

SHARED = ("activation", "norm", "norm_momentum")
"""Options that hold for both branches of a network, not for the image's alone."""
SIZES = ("in_channels", "image_size", "num_numbers", "category_sizes", "num_classes")


def build_network(name: str, spec: InputSpec, num_classes: int, options: Mapping[str, Any]) -> nn.Module:
    """See `rumbo.models.build`, which comes here once torch is needed."""
    make, entry = models.get(name), models.entry(name)
    if num_classes < 1:
        raise UsageError(t("num_classes={count} must be at least 1.", count=num_classes))
    if spec.image is not None and spec.has_table:
        return _two_branches(name, entry, spec, num_classes, options)
    if spec.image is None and not spec.has_table:
        raise UsageError(t("there is no input: neither an image nor a feature column."))
    _check_takes(name, entry, spec)
    sizes: dict[str, Any] = {"num_classes": num_classes}
    if spec.image is not None:
        sizes |= {"in_channels": spec.image[0], "image_size": spec.image[1:]}
    else:
        sizes |= {"num_numbers": spec.num_numbers, "category_sizes": spec.category_sizes}
    return make(**sizes, **_read_options(name, options))


def model_options(name: str) -> dict[str, Any]:
    """A network's own keywords and their defaults.

    >>> model_options("lenet5")
    {'activation': 'relu', 'norm': 'none', 'norm_momentum': 0.1}
    """
    return {key: parameter.default for key, parameter in _own_keywords(name).items()}


def _own_keywords(name: str) -> dict[str, inspect.Parameter]:
    keywords = inspect.signature(models.get(name)).parameters
    return {key: parameter for key, parameter in keywords.items() if key not in SIZES}


def _two_branches(
    name: str, entry: ModelEntry, spec: InputSpec, num_classes: int, options: Mapping[str, Any]
) -> nn.Module:
    from rumbo.models.two_branch import NUM_FEATURES, TwoBranch

    only_image = InputSpec(image=spec.image)
    only_table = InputSpec(num_numbers=spec.num_numbers, category_sizes=spec.category_sizes)
    if entry.takes == "table":
        raise UsageError(
            t(
                "model '{name}' takes tables only, but there are images too. Choose --model convnet, or drop them.",
                name=name,
            )
        )
    image_model = models.build(name, only_image, NUM_FEATURES, **options)
    shared = {key: options[key] for key in SHARED if key in options}
    table_model = models.build("table_net", only_table, NUM_FEATURES, **shared)
    joined = {key: value for key, value in _read_options(name, shared).items() if key == "activation"}
    return TwoBranch(image_model, table_model, num_classes, **joined)


def _check_takes(name: str, entry: ModelEntry, spec: InputSpec) -> None:
    if entry.takes == "image" and spec.image is None:
        raise UsageError(
            t(
                "model '{name}' takes images, but the data are a table. Try table_net, mlp or logistic_regression.",
                name=name,
            )
        )
    if entry.takes == "table" and spec.image is not None:
        raise UsageError(
            t("model '{name}' takes tables, but the data are images. Try convnet, resnet18 or lenet5.", name=name)
        )


def _read_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the constructor wants them; text and lists (from a command line or a file) become its types."""
    known = _own_keywords(name)
    for key in options:
        if key not in known:
            raise unknown_name("option", key, known)
    return {key: _read(known[key].annotation, value, f"model.{key}") for key, value in options.items()}


def _read(kind: Any, value: Any, path: str) -> Any:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else "none" if value is None else str(value)
    kind = _arm(kind, text)
    read = parse(kind, text, path)
    allowed = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else (read,)
    if read not in allowed:
        choices = ", ".join(map(str, allowed))
        raise OptionError(t("{path}='{text}' must be one of: {allowed}.", path=path, text=text, allowed=choices))
    return read


def _arm(kind: Any, text: str) -> Any:
    """Of one number or several, `float | tuple[float, ...]`, the kind that the text looks like: commas are several."""
    arms = typing.get_args(kind) if isinstance(kind, types.UnionType) else ()
    several = [arm for arm in arms if typing.get_origin(arm) is tuple]
    return several[0] if several and "," in text else kind
