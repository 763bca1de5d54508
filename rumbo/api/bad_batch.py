"""The batch of a step that was not finite, kept for whoever looks for the cause."""

import json
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from rumbo.data.loader import Batch, Examples
from rumbo.runs import write_file


def write_batch(path: Path, batch: Batch, examples: Examples) -> None:
    """Write a batch as it reached the network: its tensors, and the ids of its examples as metadata."""
    tensors = {name: x for name, x in vars(batch).items() if isinstance(x, Tensor) and name != "ones"}
    ids = json.dumps([examples.ids[int(row)] for row in batch.rows])
    write_file(path, save({name: value.cpu().contiguous() for name, value in tensors.items()}, metadata={"ids": ids}))
