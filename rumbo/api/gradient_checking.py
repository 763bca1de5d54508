"""`gradcheck`: is what backward gives the gradient of the cost? For any torch module, for a run, for data."""

import copy
import importlib.util
import sys
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.api.config import RunConfig
from rumbo.api.prepare import prepare
from rumbo.api.run import Run
from rumbo.api.sources import Progress, open_source
from rumbo.api.weights import load_weights
from rumbo.core.errors import RumboError, UsageError
from rumbo.core.messages import shown, t
from rumbo.core.plain import plain
from rumbo.core.seeds import rng
from rumbo.data.loader import Batch
from rumbo.data.pictures.images import refuse_bad
from rumbo.data.splits.split import Split
from rumbo.gradients.check import check_gradients
from rumbo.gradients.float64_copy import Mode, float64_copy
from rumbo.gradients.records import SEVERITY, CheckOptions, ParameterCheck, Started, Verdict, worst_verdict
from rumbo.tasks.classify import Classify
from rumbo.tasks.plain import PlainTask
from rumbo.tasks.task import Task
from rumbo.tasks.trained import make_examples
from rumbo.training.options import OptimizerOptions

Loss = Callable[[Any, Any], Tensor]
EXAMPLES = 8


@dataclass(frozen=True, kw_only=True)
class GradientCheck:
    """What a gradient check found.

    Attributes:
        rows: one per parameter and stage.
        stages: the costs, at each number of training steps.
        num_frozen: parameters that are not trained, and not checked.
    """

    rows: tuple[ParameterCheck, ...]
    stages: tuple[Started, ...]
    num_frozen: int

    @property
    def verdict(self) -> Verdict:
        """The most severe of all rows."""
        return worst_verdict([row.verdict for row in self.rows])

    @property
    def is_right(self) -> bool:
        """Whether no parameter is worse than `good`."""
        return self.verdict not in ("look", "worry")

    @property
    def worst(self) -> ParameterCheck:
        """The row that matters most."""
        return max(self.rows, key=lambda row: (SEVERITY.index(row.verdict), row.distance or 0.0))

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        worst = self.worst
        found = {
            "verdict": self.verdict,
            "distance": worst.distance,
            "worst": {"parameter": worst.name, "step": worst.step, **(asdict(worst.worst) if worst.worst else {})},
            "stages": [{"step": s.step, "cost": s.cost, "noise": s.noise} for s in self.stages],
            "frozen": self.num_frozen,
            "parameters": [asdict(row) for row in self.rows],
        }
        return plain(found)


def gradcheck(
    module: nn.Module,
    loss: Loss | nn.Module | None,
    batch: Any,
    *,
    takes: Literal["outputs", "module"] = "outputs",
    steps: int | Sequence[int] = (0, 10),
    components: int | None = None,
    directions: int = 2,
    seed: int = 0,
    mode: Mode = "train",
    weight_decay: float = 0.0,
    l1: float = 0.0,
    penalty: Callable[[nn.Module], Tensor] | None = None,
    inputs: bool = False,
    learning_rate: float = 1e-3,
    progress: Progress | None = None,
) -> GradientCheck:
    """Compare the gradient that backward gives with two-sided differences, parameter by parameter.

    A copy of the module is checked, in float64 on the processor, with dropout switched off; the module itself, its
    mode, buffers and gradients, and the random states stay as they are.

    Args:
        module: any torch module.
        loss: (outputs, targets) to a number or one per item, whose mean is taken; none takes cross-entropy for
            whole-number targets and squared error for others.
        batch: (inputs, targets). A tuple as inputs is passed as several arguments, a mapping by name.
        takes: "module" for a `loss` of (module, batch), with whatever batch it needs.
        steps: training steps after which to check; a number means at the start and after so many. Fewer are made where
            the cost has fallen to a tenth before.
        components: single components of each parameter; none takes as many as a short time allows, 1 to 24.
        directions: directions that move all components of a parameter at once.
        seed: of the choice of components and directions.
        mode: train takes batch norm's statistics from the batch; eval takes the running ones; keep leaves the modes.
        weight_decay: adds weight_decay / 2 times the sum of squared weights to the cost; biases and norms are exempt.
        l1: adds l1 times the sum of absolute weights.
        penalty: any other term, from the module to one number.
        inputs: check the gradient with respect to the inputs, too; always so where there are no parameters.
        learning_rate: of Adam, which makes the steps.
        progress: told (parameter, done, of how many).

    Returns:
        One row per parameter and stage: distance, verdict, worst component.

    Raises:
        UsageError: a cost that is random, not finite or not one number; nothing to check.
        TrainingError: the cost is not finite after the steps.

    >>> import torch
    >>> module = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(), nn.Linear(8, 3))
    >>> found = gradcheck(module, nn.CrossEntropyLoss(), (torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])))
    >>> found.verdict, len(found.rows), found.worst.distance < 1e-7
    ('great', 8, True)
    """
    if takes not in ("outputs", "module"):
        raise UsageError(
            t("{path}='{text}' must be one of: {allowed}.", path="takes", text=str(takes), allowed="outputs, module")
        )
    options = CheckOptions(
        steps=sorted({0, steps}) if isinstance(steps, int) else tuple(steps),
        components=components,
        directions=directions,
        seed=seed,
        mode=mode,
        weight_decay=weight_decay,
        l1=l1,
        penalty=penalty,
        inputs=inputs,
        learning_rate=learning_rate,
    )
    _require_module_and_loss(module, loss)
    copied = float64_copy(loss, mode) if isinstance(loss, nn.Module) else loss
    cost = _cost_of_pairs(module, copied, batch) if takes == "outputs" else copied
    if cost is None:
        raise UsageError(t("takes=module needs a loss: a function of (module, batch)."))
    own = copied if isinstance(copied, nn.Module) else None
    return _collect(module, cost, batch, options, own, progress)


def _require_module_and_loss(module: object, loss: object) -> None:
    """What a slip of the hand passes is told before torch stumbles over it."""
    if not isinstance(module, nn.Module) or isinstance(module, torch.jit.ScriptModule):
        raise UsageError(
            t(
                "module must be a torch.nn.Module, not scripted, and is {kind}. Wrap a function in one.",
                kind=type(module).__name__,
            )
        )
    if any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers())):
        raise UsageError(t("the module lies on the device 'meta': it has sizes and no numbers. Give it weights first."))
    if loss is not None and not callable(loss):
        raise UsageError(
            t(
                "loss must be a function of (outputs, targets), or none, and is {kind}.",
                kind=type(loss).__name__,
            )
        )


def _require_tensors(batch: Sequence[Any]) -> None:
    """Inputs may be a tensor, several, or some by name; targets are one tensor where the loss is ours."""
    inputs, targets = batch
    several = inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, tuple) else (inputs,)
    met = [type(x).__name__ for x in (*several, targets) if isinstance(x, list | str | int | float)]
    if met:
        raise UsageError(
            t(
                "inputs and targets of a batch must be tensors, and one is {kind}: torch.tensor(…) makes one.",
                kind=met[0],
            )
        )


def _cost_of_pairs(module: nn.Module, loss: Loss | None, batch: Any) -> Loss:
    """(module, (inputs, targets)) to the mean loss."""
    if not isinstance(batch, list | tuple) or len(batch) != 2:
        raise UsageError(
            t(
                "batch must be (inputs, targets), and is {kind}. For others, pass takes='module' and a loss of "
                "(module, batch).",
                kind=type(batch).__name__,
            )
        )
    _require_tensors(batch)
    if loss is None:
        targets = batch[1]
        is_classifier = not (targets.is_floating_point() if isinstance(targets, Tensor) else targets.dtype.kind == "f")
        loss = PlainTask(module, None, is_classifier=is_classifier).loss
    judge = loss

    def cost(module: nn.Module, batch: Any) -> Tensor:
        inputs, targets = batch
        outputs = (
            module(*inputs)
            if isinstance(inputs, tuple)
            else module(**inputs)
            if isinstance(inputs, Mapping)
            else module(inputs)
        )
        found = judge(outputs, targets)
        return found.mean() if isinstance(found, Tensor) and found.ndim else found

    return cost


def _collect(
    module: nn.Module,
    cost: Loss,
    batch: Any,
    options: CheckOptions,
    loss: nn.Module | None = None,
    progress: Progress | None = None,
) -> GradientCheck:
    rows: list[ParameterCheck] = []
    stages: list[Started] = []
    for told in check_gradients(module, cost, batch, options, loss=loss):
        if isinstance(told, Started):
            stages.append(told)
        else:
            rows.append(told)
        if progress is not None:
            name = told.name if isinstance(told, ParameterCheck) else ""
            progress(t("checking gradients") + f" {name}", len(rows), stages[-1].num_rows)
    num_frozen = sum(not parameter.requires_grad for parameter in module.parameters())
    return GradientCheck(rows=tuple(rows), stages=tuple(stages), num_frozen=num_frozen)


def check_source(
    source: str,
    *,
    model: str | None = None,
    steps: int = 10,
    components: int | None = None,
    examples: int = EXAMPLES,
    seed: int = 0,
    settings: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> GradientCheck:
    """Check what a path names: data with a network for it, a run, or a function in a file of Python.

    Args:
        source: data as `train` takes them, a run folder, or FILE.py:NAME, where NAME is a function without arguments
            that returns (module, loss, batch), or those and a mapping of further arguments of `gradcheck`.
        model: the network for data; none chooses as `train` does.
        steps: training steps after which to check once more; 0 checks at the start only.
        components: single components of each parameter.
        examples: how many examples of data or of a run make the batch.
        seed: of the network's initial weights, the batch, and the choice of components.
        settings: any option of a training by its path, for data.
        progress: told while it goes on.

    Raises:
        UsageError: nothing is there, or the function in the file fails; the message names its line.
        DataError: what is in the data cannot be used.
    """
    options = CheckOptions(steps=sorted({0, steps}), components=components, seed=seed)
    file, colon, name = source.rpartition(":")
    if colon and file.endswith(".py"):
        _refuse_network_options(model, settings, source)
        return _check_file(Path(file), name, options, progress)
    if source.endswith(".py"):
        raise UsageError(
            t(
                "'{path}' is a file of Python: name the function in it that returns (module, loss, batch), as in "
                "{path}:check.",
                path=source,
            )
        )
    if Path(source, "config.yaml").is_file():
        _refuse_network_options(model, settings, source)
        task, batch, rule = _from_run(Run(source), examples, seed)
    else:
        task, batch, rule = _from_data(source, model, examples, seed, settings or {}, progress)

    def cost(module: nn.Module, batch: Batch) -> Tensor:
        copied = copy.copy(task)
        copied.model = module
        return copied.cost(batch).mean

    # AdamW takes its decay off the weights, outside of the gradient.
    decay = 0.0 if rule.name == "adamw" else rule.weight_decay
    return _collect(task.model, cost, batch, replace(options, weight_decay=decay), progress=progress)


def _refuse_network_options(model: str | None, settings: Mapping[str, str] | None, source: str) -> None:
    if model is not None or settings:
        raise UsageError(t("'{source}' brings its own network: leave out --model and --set.", source=source))


def _from_data(
    source: str, model: str | None, examples: int, seed: int, settings: Mapping[str, str], progress: Progress | None
) -> tuple[Task, Batch, OptimizerOptions]:
    """A network as `train` begins with it, and training examples as they are, not changed at random."""
    wanted = RunConfig(path=source, seed=seed, device="cpu")
    if model is not None:
        wanted = replace(wanted, model=replace(wanted.model, name=model))
    for path, text in settings.items():
        wanted = wanted.override(path.removeprefix("options."), text)
    prepared = prepare(wanted, base=Path(), progress=progress)
    load_weights(prepared, Path())
    batch = prepared.examples.batch(_drawn(prepared.rows("train"), examples, seed))
    return prepared.task, batch, wanted.train.optimizer


def _from_run(run: Run, examples: int, seed: int) -> tuple[Task, Batch, OptimizerOptions]:
    """A trained network, and training examples of its own data."""
    trained, config = run.model, run.config
    dataset = open_source(
        config.path,
        base=run.path,
        target=config.target,
        task=config.task,
        categories=trained.preprocess.category_names,
    )
    saved = Split.load(run.folder.split)
    dataset = dataset.take(dataset.table["id"].is_in(saved.table["id"].to_list()).to_numpy())
    rows = _drawn(saved.rows(dataset, "train"), examples, seed)
    dataset = dataset.take(rows)
    task = trained.task
    if isinstance(task, Classify):
        task.label_smoothing = config.train.label_smoothing  # pyright: ignore[reportAttributeAccessIssue]
    made, bad = make_examples(dataset, trained.preprocess, task.encode(dataset))
    refuse_bad(bad)
    return task, made.batch(np.arange(len(rows))), config.train.optimizer


def _drawn(rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    return rng(seed, "gradient check: examples").permutation(rows)[:count]


def _check_file(file: Path, name: str, options: CheckOptions, progress: Progress | None) -> GradientCheck:
    """The user's own code, run because they named it; what fails in it is told with its line."""
    if not file.is_file():
        raise UsageError(t("no file of Python at '{path}'.", path=str(file)))
    with _own_code(file):
        made = _function(file, name)()
        keywords = made[3] if isinstance(made, tuple) and len(made) == 4 else {}
        if not isinstance(made, tuple) or len(made) not in (3, 4) or not isinstance(made[0], nn.Module):
            kinds = ", ".join(type(x).__name__ for x in made) if isinstance(made, tuple) else type(made).__name__
            raise UsageError(
                t(
                    "{name} in '{path}' must return (module, loss, batch), with a torch module first, and returned "
                    "{kinds}.",
                    name=name,
                    path=str(file),
                    kinds=kinds,
                )
            )
        asked = {"steps": options.steps, "components": options.components, "seed": options.seed}
        return gradcheck(*made[:3], **{**asked, **keywords}, progress=progress)


def _function(file: Path, name: str) -> Callable[[], Any]:
    spec = importlib.util.spec_from_file_location(f"rumbo_gradcheck_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and others look their module up there
    spec.loader.exec_module(module)
    own = {word: value for word, value in vars(module).items() if isinstance(value, FunctionType)}
    functions = {word: f for word, f in own.items() if f.__module__ == spec.name and not word.startswith("_")}
    if not callable(found := getattr(module, name, None)):
        raise UsageError(
            t(
                "'{path}' has no function {name}; it has: {names}.",
                path=str(file),
                name=f"'{name}'",
                names=", ".join(functions) or "-",
            )
        )
    return found


@contextmanager
def _own_code(file: Path) -> Generator[None]:
    """Import beside the file, write no bytecode there, and turn what fails into one sentence with the line."""
    path, bytecode = list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, str(file.resolve().parent))
    sys.dont_write_bytecode = True
    try:
        yield
    except RumboError:
        raise
    except (Exception, SystemExit) as problem:
        lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if _is(frame.filename, file)]
        if isinstance(problem, SyntaxError) and problem.filename and _is(problem.filename, file):
            lines.append(problem.lineno)
        where = t("'{path}', line {line}", path=str(file), line=lines[-1]) if lines else f"'{shown(file)}'"
        raise UsageError(f"{where}: {type(problem).__name__}: {shown(str(problem)[:500])}") from problem
    finally:
        sys.path[:], sys.dont_write_bytecode = path, bytecode


def _is(filename: str, file: Path) -> bool:
    return Path(filename).resolve() == file.resolve()
