"""Values that are not finite, put in place inside a child of the fork server: in inputs, layers, gradients, scores."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any


def _at_steps(change: Callable[[Any], Any], steps: Sequence[int]) -> None:
    """Change the batches of some steps, counted from 0, on their way to the network."""
    import rumbo.data.loader as loader

    epoch = loader.Loader.epoch

    def changed(self: Any, number: int, start: int = 0, **keywords: Any) -> Iterator[Any]:
        for place, batch in enumerate(epoch(self, number, start, **keywords), start=number * len(self) + start):
            yield change(batch) if place in steps else batch

    loader.Loader.epoch = changed


def poison_batch(part: str, value: str, steps: Sequence[int]) -> None:
    """One number of the inputs, targets or weights of a batch is not finite."""

    def change(batch: Any) -> Any:
        name = part if part != "inputs" else "images" if batch.images is not None else "numbers"
        tensor = getattr(batch, name).clone()
        tensor[(0,) * tensor.ndim] = float(value)
        return dataclasses.replace(batch, **{name: tensor})

    _at_steps(change, steps)


def _with_state(does: Callable[[Any], None]) -> None:
    """Work on the state of the training before its first step."""
    import rumbo.api.sitting as sitting

    fit = sitting.fit

    def also(task: Any, data: Any, state: Any, *rest: Any, **keywords: Any) -> Any:
        does(state)
        return fit(task, data, state, *rest, **keywords)

    sitting.fit = also


def _layer(model: Any, index: int) -> tuple[str, Any]:
    """The name and module of the index-th layer with weights; it is told, so that a test knows what must be named."""
    layers = [(name, layer) for name, layer in model.named_modules() if list(layer.parameters(recurse=False))]
    name, layer = layers[index]
    print(f"poisoned '{name}'", flush=True)
    return name, layer


def _with_bad_entry(tensor: Any, value: str) -> Any:
    poisoned = tensor.clone()
    poisoned[(0,) * poisoned.ndim] = float(value)
    return poisoned


def _is_due(state: Any, steps: Sequence[int]) -> bool:
    """While a step is made, and when its cause is looked for afterwards, without gradients."""
    import torch

    return (state.step if torch.is_grad_enabled() else state.step - 1) in steps


def poison_activation(layer: int, value: str, steps: Sequence[int]) -> None:
    """One output of a layer is not finite in some steps."""

    def hook_up(state: Any) -> None:
        def hook(module: Any, _inputs: Any, output: Any) -> Any:
            return _with_bad_entry(output, value) if module.training and _is_due(state, steps) else None

        _layer(state.model, layer)[1].register_forward_hook(hook)

    _with_state(hook_up)


def poison_gradient(layer: int, value: str, steps: Sequence[int]) -> None:
    """One entry of the gradient of a layer's weights is not finite in some steps."""

    def hook_up(state: Any) -> None:
        weight = _layer(state.model, layer)[1].weight
        weight.register_hook(lambda g: _with_bad_entry(g, value) if state.step in steps else None)

    _with_state(hook_up)


def poison_weight(layer: int, value: str, steps: Sequence[int]) -> None:
    """Memory goes bad: before a step, a weight is not finite any more."""

    def hook_up(state: Any) -> None:
        def hook(module: Any, _inputs: Any) -> None:
            if module.training and state.step in steps:
                module.weight.data[(0,) * module.weight.ndim] = float(value)

        _layer(state.model, layer)[1].register_forward_pre_hook(hook)

    _with_state(hook_up)


def poison_dev(value: str) -> None:
    """The inputs of the first evaluation on dev are not finite."""
    import rumbo.data.loader as loader

    once, count = loader.Loader.once, itertools.count()

    def changed(self: Any) -> Iterator[Any]:
        is_first = next(count) == 0
        for batch in once(self):
            name = "images" if batch.images is not None else "numbers"
            bad = {name: _with_bad_entry(getattr(batch, name), value)} if is_first else {}
            yield dataclasses.replace(batch, **bad)

    loader.Loader.once = changed


def poison_score(value: str, task: str) -> None:
    """Every metric of the first evaluation is not finite."""
    from rumbo.tasks.registry import TASKS

    kind = TASKS.get(task)
    score, count = kind.score, itertools.count()

    def changed(self: Any, *rest: Any, **keywords: Any) -> dict[str, float]:
        found = score(self, *rest, **keywords)
        return dict.fromkeys(found, float(value)) if next(count) == 0 else found

    kind.score = changed
