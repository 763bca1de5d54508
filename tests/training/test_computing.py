"""Forward passes in bf16: weights, outputs and costs stay fp32; a resume ends with the same bits."""

import pytest
import torch
import toy
from torch import nn

from rumbo import losses
from rumbo.training.computing import InPrecision, as_computed
from rumbo.training.events import Stepped
from rumbo.training.loop import fit
from rumbo.training.options import FitOptions

CPU = torch.device("cpu")


def test_fp32_is_the_network_itself():
    network = nn.Linear(8, 4)
    assert as_computed(network, FitOptions(), CPU) is network
    assert as_computed(network, FitOptions(precision="fp32", compile="no"), CPU) is network


def test_inside_is_bf16_and_everything_else_fp32():
    seen = []
    network = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    network[1].register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].dtype))
    computed = as_computed(network, FitOptions(precision="bf16"), CPU)
    outputs = computed(torch.randn(2, 8))
    outputs.sum().backward()
    assert seen == [torch.bfloat16]
    assert outputs.dtype == network[0].weight.dtype == network[0].weight.grad.dtype == torch.float32
    assert not torch.is_autocast_enabled("cpu")


def test_outputs_of_any_shape_are_fp32():
    class Two(nn.Module):
        def forward(self, x):
            return {"boxes": x.bfloat16(), "codes": [x.long(), x.half()]}

    outputs = InPrecision(Two(), torch.bfloat16, "cpu")(torch.ones(2))
    assert outputs["boxes"].dtype == outputs["codes"][1].dtype == torch.float32
    assert outputs["codes"][0].dtype == torch.int64


def test_costs_are_those_in_fp32_of_the_same_logits(subtests):
    """The trap: inside of autocast torch takes log-softmax and log-sigmoid of bf16 logits in bf16 on a CPU."""
    torch.manual_seed(0)
    logits, codes = (3 * torch.randn(64, 10)).bfloat16(), torch.randint(0, 10, (64,))
    labels = torch.randint(0, 2, (64, 10)).float()
    given = InPrecision(nn.Identity(), torch.bfloat16, "cpu")(logits)
    for name, cost in {
        "cross_entropy": lambda x: losses.cross_entropy(x, codes, label_smoothing=0.1),
        "binary_cross_entropy": lambda x: losses.binary_cross_entropy(x, labels),
    }.items():
        with subtests.test(name):
            torch.testing.assert_close(cost(given), cost(logits.float()), rtol=0, atol=0)
            assert cost(given).dtype == torch.float32


def losses_of(options, *, stop=None):
    state = toy.state(options)
    found = []
    for event in fit(toy.task(state.model), toy.data(), state, options):
        if isinstance(event, Stepped):
            found.append(float(event.loss))
            if event.step == stop:
                break
    return found, state


def test_bf16_learns_nearly_as_fp32_and_not_quite():
    usual, _ = losses_of(FitOptions(epochs=4, batch_size=16, precision="fp32"))
    lower, _ = losses_of(FitOptions(epochs=4, batch_size=16, precision="bf16"))
    assert lower != usual
    assert lower[0] == pytest.approx(usual[0], rel=0.01)
    assert lower[-1] == pytest.approx(usual[-1], rel=0.25)


def test_a_resume_in_bf16_ends_with_the_same_bits():
    options = FitOptions(epochs=2, batch_size=16, precision="bf16", average_decay=0.9)
    whole, last = losses_of(options)
    first, state = losses_of(options, stop=7)
    again = toy.state(options)
    again.load_files(state.to_files({}))
    rest = [float(e.loss) for e in fit(toy.task(again.model), toy.data(), again, options) if isinstance(e, Stepped)]
    assert first + rest == whole
    assert all(torch.equal(a, b) for a, b in zip(last.model.parameters(), again.model.parameters(), strict=True))
