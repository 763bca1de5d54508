"""What a trained network makes of examples before its last layer."""

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.data.loader import Loader
from rumbo.data.manifest import Dataset
from rumbo.data.pictures.images import refuse_bad
from rumbo.tasks.trained import CHUNK, TrainedModel, make_examples

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def penultimate_features(model: TrainedModel, dataset: Dataset, *, batch_size: int = 128) -> np.ndarray:
    """The inputs of the network's last linear or convolutional layer, in evaluation mode; maps averaged over pixels.

    A network of a single layer has nothing before it: then these are its inputs.

    Args:
        model: a trained model; nothing in it is changed.
        dataset: the examples; no target is needed.
        batch_size: examples at a time.

    Returns:
        float32, n x d.

    Raises:
        DataError: an example cannot be read.
    """
    met: dict[str, Tensor] = {}

    def keep(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        met["inputs"] = inputs[0]

    layers = [layer for layer in model.task.model.modules() if isinstance(layer, LAYERS)]
    handles = [layer.register_forward_pre_hook(keep) for layer in layers]
    try:
        parts = [
            part
            for low in range(0, len(dataset), CHUNK)
            for part in _of_rows(model, dataset.take(np.arange(low, min(low + CHUNK, len(dataset)))), batch_size, met)
        ]
    finally:
        for handle in handles:
            handle.remove()
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


@torch.no_grad()
def _of_rows(model: TrainedModel, dataset: Dataset, batch_size: int, met: dict[str, Tensor]) -> list[np.ndarray]:
    examples, bad = make_examples(dataset, model.preprocess, torch.zeros(len(dataset)))
    refuse_bad(bad)
    loader = Loader(examples=examples, rows=np.arange(len(dataset)), batch_size=batch_size)
    model.task.model.eval()
    parts: list[np.ndarray] = []
    for batch in loader.once():
        met.clear()
        outputs = model.task.forward(batch)
        found = met.get("inputs", outputs)  # the last one that ran stays
        if found.ndim > 2:
            found = found.flatten(2).mean(2)
        parts.append(found.float().flatten(1).cpu().numpy())
    return parts
