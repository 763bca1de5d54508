"""A network layer by layer."""

from collections.abc import Mapping
from pathlib import Path

from rumbo import models
from rumbo.api.run import Run
from rumbo.core.inputs import InputSpec
from rumbo.core.options import parse_scalar
from rumbo.models.summary import Summary, summarize

USUAL_SIDE_PX = 32


def summary(
    model: str | Path | Run,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    num_numbers: int | None = None,
    num_classes: int | None = None,
    options: Mapping[str, str] | None = None,
) -> Summary:
    """Layers, output shapes, parameters and multiply-adds of a run's network, or of a network by name.

    Args:
        model: a run, its folder, or a name of `rumbo models`.
        image_size: side of the pictures in px; the network's usual one when not given.
        channels: 1 or 3.
        num_numbers: numeric features of a table network.
        num_classes: number of outputs.
        options: the network's own options, as text.
    """
    if isinstance(model, Run) or Path(model, "config.yaml").is_file():
        trained = (model if isinstance(model, Run) else Run(model)).model
        return summarize(trained.task.model, trained.preprocess.spec)
    name = str(model)
    entry = models.entry(name)
    if entry.takes == "table" or (entry.takes == "both" and num_numbers is not None):
        spec = InputSpec(num_numbers=num_numbers or 8)
    else:
        side = image_size or entry.image_size or USUAL_SIDE_PX
        spec = InputSpec(image=(channels or (3 if side > 32 else 1), side, side))
    chosen = {key: parse_scalar(text) for key, text in (options or {}).items()}
    outputs = num_classes or (1000 if entry.image_size == 224 else 10)
    return summarize(models.build(name, spec, outputs, **chosen), spec)
