"""A model that is ready for use: network, task and preprocessing together, as the `model/` folder holds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rumbo import models
from rumbo.core.errors import DataError, RumboError
from rumbo.core.messages import t
from rumbo.data.loader import Examples, Loader, PixelsInMemory
from rumbo.data.manifest import Dataset
from rumbo.data.pictures.images import load_images, refuse_bad
from rumbo.data.preprocess import Preprocess
from rumbo.models.blank import blank, fill
from rumbo.models.layout import laid_out
from rumbo.runs import read_model, write_model
from rumbo.tasks.inference import infer
from rumbo.tasks.registry import TASKS
from rumbo.tasks.task import DatasetTask, Predictions

CHUNK = 2048
"""Examples that are decoded and predicted at a time."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The name of a network and its own options: what it takes to build it, sizes aside."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """Everything between a file and an answer."""

    task: DatasetTask
    preprocess: Preprocess
    model: ModelSpec

    def save(self, folder: Path, card: str) -> None:
        """Write config.json, model.safetensors and README.md."""
        write_model(folder, self.config(), dict(self.task.model.state_dict()), card)

    def config(self) -> dict[str, Any]:
        """The content of config.json: closed names and numbers, nothing that is executed."""
        return {
            "format": 1,
            "task": self.task.name,
            "target": self.task.target_config(),
            "model": {"name": self.model.name, "options": dict(self.model.options)},
            "preprocess": self.preprocess.to_dict(),
        }

    @classmethod
    def load(cls, folder: Path) -> "TrainedModel":
        """Read a model folder; hostile or damaged files are refused.

        The network is built without memory, and gets some once its tensors were found to be those of the file.

        Raises:
            DataError: what is wrong with the files.
        """
        built: list[TrainedModel] = []

        def expected(config: Mapping[str, Any]) -> dict[str, Any]:
            with blank():
                built.append(_build(config))
            state = built[0].task.model.state_dict()
            return {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in state.items()}

        files = read_model(folder, expected)
        network = built[0].task.model
        fill(network, files.tensors)
        network.eval()
        return built[0]

    def predict(self, dataset: Dataset, *, batch_size: int = 256) -> Predictions:
        """Answers for a data set; with the truth where it has the model's target."""
        labelled = dataset.target is not None
        if not labelled:  # every row gets an answer
            refuse_bad(dataset.bad)
        parts = [
            self._predict_rows(dataset.take(np.arange(low, min(low + CHUNK, len(dataset)))), labelled, batch_size)
            for low in range(0, len(dataset), CHUNK)
        ]
        return Predictions(
            ids=tuple(i for part in parts for i in part.ids),
            outputs=np.concatenate([part.outputs for part in parts]),
            truth=np.concatenate([part.truth for part in parts if part.truth is not None]) if labelled else None,
            weights=np.concatenate([part.weights for part in parts]),
        )

    def _predict_rows(self, dataset: Dataset, labelled: bool, batch_size: int) -> Predictions:
        targets = self.task.encode(dataset) if labelled else torch.zeros(len(dataset))
        examples, bad = make_examples(dataset, self.preprocess, targets)
        refuse_bad(bad)
        loader = Loader(examples=examples, rows=np.arange(len(dataset)), batch_size=batch_size)
        return infer(self.task, loader, labelled=labelled)


def make_examples(dataset: Dataset, preprocess: Preprocess, targets: torch.Tensor) -> tuple[Examples, list[Any]]:
    """A data set as tensors, pictures decoded into memory; also the items that could not be decoded."""
    from rumbo.core.devices import num_cores

    ids = dataset.table["id"].to_list()
    pixels, bad = None, []
    if preprocess.image is not None:
        if dataset.images is None:
            raise DataError(t("the model takes pictures, but the data have none."))
        decoded, bad = load_images(dataset.images, ids, preprocess.image.rule, num_threads=num_cores())
        pixels = PixelsInMemory(decoded)
    return examples_from(dataset, preprocess, targets, pixels), bad


def examples_from(dataset: Dataset, preprocess: Preprocess, targets: torch.Tensor, pixels: Any) -> Examples:
    """A data set as tensors around pictures that are decoded already (or on demand)."""
    numbers, categories = preprocess.table_inputs(dataset.table)
    weights = torch.ones(len(dataset))
    if "weight" in dataset.table.columns:
        weights = torch.from_numpy(dataset.table["weight"].to_numpy().astype(np.float32))
    with_flags = [place for place, column in enumerate(preprocess.numbers) if column.has_missing]
    return Examples(
        ids=dataset.table["id"].to_list(),
        targets=targets,
        weights=weights,
        pixels=pixels,
        image=preprocess.image,
        numbers=torch.from_numpy(numbers) if preprocess.spec.has_table else None,
        categories=torch.from_numpy(categories) if preprocess.spec.has_table else None,
        flags={place: len(preprocess.numbers) + number for number, place in enumerate(with_flags)},
    )


def build_task(
    name: str, target: Mapping[str, Any], preprocess: Preprocess, model: ModelSpec, **keywords: Any
) -> DatasetTask:
    """A task around a freshly built network."""
    kind = TASKS.get(name)
    network = models.build(model.name, preprocess.spec, kind.num_outputs(target), **model.options)
    return kind(laid_out(network), preprocess.spec, target, **keywords)


def _build(config: Mapping[str, Any]) -> TrainedModel:
    try:
        model = ModelSpec(name=str(config["model"]["name"]), options=dict(config["model"]["options"]))
        preprocess = Preprocess.from_dict(config["preprocess"])
        task = build_task(str(config["task"]), config["target"], preprocess, model)
    except RumboError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, RuntimeError) as problem:
        raise DataError(
            t("config.json of the model lacks or garbles {problem}. Was it edited?", problem=str(problem)[:200])
        ) from None
    return TrainedModel(task=task, preprocess=preprocess, model=model)
