"""Several processes on one machine that train toys together; each is forked from one that imported torch already."""

import copy
import multiprocessing
import os
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from rumbo import models
from rumbo.core.errors import TrainingError
from rumbo.core.inputs import InputSpec
from rumbo.data.loader import Examples, Loader
from rumbo.tasks.classify import Classify
from rumbo.tasks.inference import infer_in_parts
from rumbo.tasks.multilabel import Multilabel
from rumbo.tasks.regress import Regress
from rumbo.tasks.task import DatasetTask, Predictions
from rumbo.training.distributed import Team, give_weights, joined
from rumbo.training.events import Evaluated, Stepped
from rumbo.training.loop import FitData, fit
from rumbo.training.options import FitOptions, OptimizerOptions, ScheduleOptions
from rumbo.training.state import TrainState

NUM_ITEMS, NUM_NUMBERS = 150, 6

_processes = multiprocessing.get_context("forkserver")
IMPORTED = (
    "torch._dynamo",
    "torch.distributed.fsdp",
    "torch.distributed.tensor",
    "rumbo.api.finish",
    "rumbo.cli.train",
)
"""What every process finds imported; the first test file that starts one decides it for all."""
_processes.set_forkserver_preload(list(IMPORTED))


def together(world: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `work(team, *arguments)` gives in each of so many processes, by rank."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [_processes.Pipe(duplex=False) for _ in range(world)]
        ranks = [
            _processes.Process(target=_begin, args=(rank, world, str(Path(folder) / "store"), line[1], work, arguments))
            for rank, line in enumerate(lines)
        ]
        for rank, line in zip(ranks, lines, strict=True):
            rank.start()
            line[1].close()
        answers = [line[0].recv() for line in lines]
        for rank in ranks:
            rank.join(30)
    for answer in answers:
        if isinstance(answer, str):
            raise AssertionError(answer)
    return [answer[0] for answer in answers]


def _begin(
    rank: int, world: int, store: str, line: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "GLOO_SOCKET_IFNAME": "lo"}
    try:
        with joined(store) as team:
            line.send((work(team, *arguments),))
    except BaseException:
        line.send(traceback.format_exc())


def examples(kind: str, num_items: int = NUM_ITEMS) -> Examples:
    """Numbers with a target that depends on them; items have unequal weights."""
    rng = np.random.default_rng(3)
    numbers = torch.from_numpy(rng.normal(size=(num_items, NUM_NUMBERS)).astype(np.float32))
    scores = numbers @ torch.from_numpy(rng.normal(size=(NUM_NUMBERS, 3)).astype(np.float32))
    targets = {"classify": scores.argmax(1), "regress": scores[:, 0], "multilabel": (scores > 0).float()}[kind]
    if kind == "multilabel":
        targets[torch.from_numpy(rng.random(targets.shape) < 0.2)] = torch.nan
    weights = torch.from_numpy(rng.uniform(0.5, 2, num_items).astype(np.float32))
    return Examples(ids=[str(i) for i in range(num_items)], targets=targets, weights=weights, numbers=numbers)


def task(kind: str, *, plain: bool = True) -> DatasetTask:
    """A network without batch norm and dropout (`plain`) or with both."""
    torch.manual_seed(1)
    middle = [nn.ReLU()] if plain else [nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3)]
    width = 1 if kind == "regress" else 3
    model = Numbers(nn.Linear(NUM_NUMBERS, 16), *middle, nn.Linear(16, width))
    spec = InputSpec(num_numbers=NUM_NUMBERS)
    match kind:
        case "classify":
            return Classify(model, spec, {"column": "y", "classes": ["a", "b", "c"]})
        case "regress":
            return Regress(model, spec, {"column": "y", "mean": 0.0, "std": 1.0})
        case _:
            return Multilabel(model, spec, {"labels": ["a", "b", "c"]})


class Numbers(nn.Sequential):
    """Layers on the numbers of a table."""

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(numbers)


def fit_options(**changes: Any) -> FitOptions:
    options = FitOptions(
        epochs=3,
        batch_size=16,
        optimizer=OptimizerOptions(name="adam", learning_rate=0.01),
        schedule=ScheduleOptions(name="constant"),
    )
    return replace(options, **changes)


def fit_data(kind: str, options: FitOptions, team: Team, *, num_dev: int = 40) -> FitData:
    every = examples(kind)
    assert options.batch_size is not None
    train = Loader(
        examples=every, rows=np.arange(NUM_ITEMS - 50), batch_size=options.batch_size, seed=5, part=team.part
    )
    dev = Loader(examples=every, rows=np.arange(NUM_ITEMS - num_dev, NUM_ITEMS), batch_size=7, part=team.part)
    return FitData(train=train, dev=dev, goal="loss", higher_is_better=False, seed=5)


def train(
    team: Team,
    kind: str,
    changes: dict[str, Any],
    plain: bool = True,
    files: dict[str, bytes] | None = None,
    stop_at: int | None = None,
) -> dict[str, Any]:
    """The losses of all steps, what dev was judged at, and the weights; with `stop_at`, a checkpoint's files.

    Args:
        team: who trains.
        kind: of the task.
        changes: of the options.
        plain: no batch norm, no dropout.
        files: a checkpoint to begin from.
        stop_at: the step to stop after.
    """
    options, judge = fit_options(**changes), task(kind, plain=plain)
    model = team.sharded(copy.deepcopy(judge.model)) if options.shard and team.world > 1 else judge.model
    state = TrainState.fresh(model, options)
    if files is not None:
        state.load_files(files)
    losses, metrics = [], []
    for event in fit(judge.with_model(model), fit_data(kind, options, team), state, options, team=team):
        if isinstance(event, Stepped):
            losses.append(float(event.loss))
            if event.step == stop_at:
                return {"losses": losses, "files": state.to_files({})}
        elif isinstance(event, Evaluated):
            metrics.append(dict(event.metrics))
    give_weights(model, judge.model)
    weights = {name: tensor.numpy() for name, tensor in judge.model.state_dict().items()}
    return {"losses": losses, "metrics": metrics, "weights": weights, "best_epoch": state.best_epoch}


def judge_sizes(team: Team, kind: str, sizes: list[int]) -> list[Predictions]:
    """What a network says of dev sets of several sizes."""
    judge, found = task(kind), []
    for size in sizes:
        loader = Loader(examples=examples(kind, size), rows=np.arange(size), batch_size=3, part=team.part)
        parts = infer_in_parts(judge, loader, gather=team.gather)
        try:
            while True:
                next(parts)
        except StopIteration as end:
            found.append(end.value)
    return found


def fail(team: Team, kind: str, changes: dict[str, Any], rank: int) -> str:
    """The message of a training in which a number of one rank's part becomes infinite in step 3."""
    judge, options = task(kind), fit_options(**changes)
    state = TrainState.fresh(judge.model, options)
    data = fit_data(kind, options, team)
    numbers = data.train.examples.numbers
    assert numbers is not None
    try:
        for event in fit(judge, data, state, options, team=team):
            if isinstance(event, Stepped) and event.step == 2:
                step = next(data.train.epoch(0, 2))
                if team.rank == rank:
                    numbers[int(step.rows[-1])] = torch.inf
    except TrainingError as problem:
        return f"{state.step} {problem}"
    return "no error"


def cut_networks(team: Team) -> dict[str, str]:
    """What each kind of network of ours says to being cut into shards; nothing where its outputs stay the same."""
    torch.manual_seed(0)
    names = [name for name in models.names() if models.entry(name).module != "rumbo.models.published"]
    problems: dict[str, str] = {}
    for name in [*names, "resnet18"]:
        side = 28 if name == "lenet5" else 32
        spec = InputSpec(image=(1, side, side))
        inputs = [torch.randn(4, 1, side, side)]
        if models.takes(name) == "table" or name == "convnet":
            spec = InputSpec(image=spec.image if name == "convnet" else None, num_numbers=5, category_sizes=(3, 7))
            tables = [torch.randn(4, 5), torch.randint(0, 3, (4, 2))]
            inputs = inputs + tables if name == "convnet" else tables
        model = models.build(name, spec, 2)
        copied = team.sharded(copy.deepcopy(model))
        try:
            torch.manual_seed(1)
            expected = model(*inputs)
            torch.manual_seed(1)
            outputs = copied(*inputs)
            outputs.sum().backward()
            if not torch.allclose(expected, outputs, atol=1e-5):
                problems[name] = "other outputs"
        except Exception as problem:
            problems[name] = f"{type(problem).__name__}: {str(problem)[:200]}"
    return problems


def say(team: Team, what: list[str]) -> list[Any]:
    """Answers of the small things that a team does."""
    own = team.rank == team.world - 1
    answers: list[Any] = [team.agree(own, False, True), team.text_from_first(what[team.rank])]
    answers += [team.from_first(float(team.rank) + 0.25), float(team.sum(torch.tensor(0.1 * (team.rank + 1))))]
    try:
        team.require_same(what[team.rank])
    except TrainingError as problem:
        answers.append(str(problem))
    return answers
