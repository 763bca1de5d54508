"""A training in a few lines, for experiments that need a trained network and bring their own examples."""

import numpy as np
import torch

from rumbo.core.seeds import stream
from rumbo.data import Dataset
from rumbo.data.loader import Loader
from rumbo.data.preprocess import Preprocess
from rumbo.tasks import TASKS
from rumbo.tasks.trained import ModelSpec, TrainedModel, build_task, make_examples
from rumbo.training.loop import FitData, fit
from rumbo.training.options import FitOptions, OptimizerOptions
from rumbo.training.state import TrainState

BATCH = 32


def train_classifier(
    train: Dataset, preprocess: Preprocess, model: ModelSpec, *, steps: int, rate: float, seed: int
) -> TrainedModel:
    """Train on all examples with Adam, one-cycle and no penalty; the last weights count.

    The random state of the process stays as it was.

    Args:
        train: the examples.
        preprocess: how they become numbers.
        model: the network.
        steps: updates, rounded up to whole epochs.
        rate: the highest learning rate.
        seed: of first weights and order.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "initial weights"))
        task = build_task("classify", TASKS.get("classify").read_target(train), preprocess, model)
        examples, _ = make_examples(train, preprocess, task.encode(train))
        loader = Loader(examples=examples, rows=np.arange(len(train)), batch_size=BATCH, seed=seed)
        options = FitOptions(
            epochs=-(-steps // len(loader)),
            optimizer=OptimizerOptions(name="adam", learning_rate=rate, weight_decay=0.0),
        )
        data = FitData(train=loader, dev=None, goal="accuracy", higher_is_better=True, seed=seed)
        state = TrainState.fresh(task.model, options)
        for _ in fit(task, data, state, options):
            pass
    return TrainedModel(task=task, preprocess=preprocess, model=model)
