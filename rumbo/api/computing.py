"""How a training computes: precision, layout, compilation and threads, chosen once and stored with the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from rumbo.core.devices import cpu_flags
from rumbo.models.layout import laid_out
from rumbo.tasks.trained import TrainedModel
from rumbo.training.options import FitOptions
from rumbo.training.precision import choose


def choose_computing(trained: TrainedModel, options: FitOptions, num_train: int) -> tuple[FitOptions, str]:
    """Fill in what the options leave to the rules, and lay out the network; a sentence tells what was chosen.

    A resumed run has every choice already and keeps it, on whatever machine it goes on.
    """
    network = trained.task.model
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    assert options.batch_size is not None
    assert options.epochs is not None
    is_chosen = "auto" not in (options.precision, options.layout, options.compile) and options.threads is not None
    size = min(options.micro_batch or options.batch_size, options.batch_size)
    num_steps = options.epochs * -(-num_train // options.batch_size)
    choice = choose(network, trained.preprocess.spec, size, options, device, cpu_flags(), num_steps=num_steps)
    laid_out(network, choice.layout)
    chosen = replace(
        options,
        precision=choice.precision,
        layout=choice.layout,
        compile="yes" if choice.compile else "no",
        threads=options.threads or min(choice.threads, torch.get_num_threads()),
    )
    return chosen, "" if is_chosen else choice.reason


@contextmanager
def num_threads(options: FitOptions) -> Iterator[None]:
    """Compute on the stored number of threads: sums are made in another order on another number."""
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
