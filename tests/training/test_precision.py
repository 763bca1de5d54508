"""The choice of precision, layout, compilation and threads: the rule as a table, its sentences, costs in fp32."""

import pytest
import torch
from torch import nn

from rumbo import models
from rumbo.core.errors import UsageError
from rumbo.core.inputs import InputSpec
from rumbo.training import precision as rule
from rumbo.training.options import FitOptions
from rumbo.training.precision import choose
from rumbo.training.work import Work, work_of

CPU, GPU = torch.device("cpu"), torch.device("cuda")
AMX = frozenset({"avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16"})
HIDDEN_AMX = AMX - {"amx_bf16"}
AVX512_BF16 = frozenset({"avx2", "avx512f", "avx512_bf16"})
OLD = frozenset({"avx2", "avx512f", "avx512_vnni"})


class Recurrent(nn.Module):
    def __init__(self, hidden: int, layers: int, kind: type[nn.RNNBase] = nn.LSTM):
        super().__init__()
        self.rnn, self.head = kind(64, hidden, layers, batch_first=True), nn.Linear(hidden, 10)

    def forward(self, inputs):
        return self.head(self.rnn(inputs)[0])


def of(network, example, batch_size, flags=AMX, device=CPU, **options):
    return choose(network, example, batch_size, FitOptions(**options), device, flags)


def picture(name, side, batch_size, flags, channels=3, **options):
    spec = InputSpec(image=(channels, side, side))
    return of(models.build(name, spec, 10, **options), spec, batch_size, flags)


@pytest.mark.parametrize(
    ("name", "side", "batch_size", "flags", "precision", "layout"),
    [
        ("lenet5", 28, 128, AMX, "fp32", "channels_last"),
        ("lenet5", 28, 128, AVX512_BF16, "fp32", "usual"),
        ("convnet", 28, 128, AMX, "bf16", "channels_last"),
        ("convnet", 28, 128, OLD, "fp32", "channels_last"),
        ("resnet18", 32, 64, AMX, "fp32", "channels_last"),
        ("resnet18", 64, 64, AMX, "bf16", "channels_last"),
        ("resnet18", 64, 64, AVX512_BF16, "bf16", "channels_last"),
        ("resnet50", 224, 16, AMX, "bf16", "channels_last"),
        ("resnet50", 224, 16, AVX512_BF16, "bf16", "channels_last"),
        ("resnet50", 224, 16, HIDDEN_AMX, "fp32", "channels_last"),
        ("resnet50", 224, 16, OLD, "fp32", "channels_last"),
        ("resnet50", 224, 16, frozenset(), "fp32", "channels_last"),
        ("mobilenet_v2", 224, 16, AMX, "fp32", "channels_last"),
        ("squeezenet1_1", 64, 32, AMX, "bf16", "channels_last"),
    ],
)
def test_networks_for_pictures(name, side, batch_size, flags, precision, layout):
    choice = picture(name, side, batch_size, flags, channels=1 if name == "lenet5" else 3)
    assert (choice.precision, choice.layout, choice.compile) == (precision, layout, False)


@pytest.mark.parametrize(
    ("hidden", "batch_size", "flags", "precision"),
    [
        ((64, 64), 32, AMX, "fp32"),
        ((512, 512), 16, AMX, "fp32"),
        ((512, 512), 256, AMX, "bf16"),
        ((512, 512), 256, OLD, "fp32"),
        ((2048, 2048), 16, AMX, "fp32"),
    ],
)
def test_perceptrons(hidden, batch_size, flags, precision):
    spec = InputSpec(num_numbers=784)
    choice = of(models.build("mlp", spec, 10, hidden=hidden), spec, batch_size, flags)
    assert (choice.precision, choice.layout) == (precision, "usual")


@pytest.mark.parametrize(
    ("hidden", "layers", "time", "batch_size", "flags", "precision"),
    [
        (512, 2, 128, 64, AMX, "bf16"),
        (512, 2, 128, 64, AVX512_BF16, "bf16"),
        (512, 2, 128, 64, OLD, "fp32"),
        (128, 1, 64, 32, AMX, "bf16"),
        (16, 1, 10, 8, AMX, "fp32"),
    ],
)
def test_recurrent_networks(hidden, layers, time, batch_size, flags, precision):
    network = Recurrent(hidden, layers)
    assert of(network, [torch.zeros(1, time, 64)], batch_size, flags).precision == precision


def test_what_is_asked_for_is_taken_and_told():
    network, spec = nn.Conv2d(3, 32, 3), InputSpec(image=(3, 8, 8))
    assert of(network, spec, 8, precision="fp32").reason == "training computes in fp32, as asked for."
    wished = of(network, spec, 8, OLD, precision="bf16", layout="usual", compile="yes", threads=3)
    assert (wished.precision, wished.layout, wished.compile, wished.threads) == ("bf16", "usual", True, 3)
    assert "has no fast units for it and will be slower" in wished.reason
    assert "slower" not in of(network, spec, 8, AVX512_BF16, precision="bf16").reason


def test_tiny_steps_take_one_thread(monkeypatch):
    monkeypatch.setattr(rule, "num_cores", lambda: 7)
    spec = InputSpec(num_numbers=20)
    tiny = models.build("mlp", spec, 10, hidden=(64, 64))
    assert [of(tiny, spec, size).threads for size in (32, 1024)] == [1, 7]
    assert of(tiny, spec, 32, threads=2).threads == 2
    assert of(nn.Flatten(), spec, 32).threads == 7  # nothing that we count: no rule


def test_fp16_on_a_cpu_is_refused_with_a_way_out():
    with pytest.raises(UsageError, match=r"fp16 needs a GPU, but training runs on cpu\. Set train.precision=bf16 or"):
        of(nn.Linear(4, 4), [torch.zeros(1, 4)], 8, precision="fp16")


def test_compiling_without_a_compiler_is_refused(monkeypatch):
    monkeypatch.setattr(rule.shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match="needs a C\\+\\+ compiler"):
        of(nn.Linear(4, 4), [torch.zeros(1, 4)], 8, compile="yes")


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_gpus(monkeypatch, capability, precision):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    network = nn.Conv2d(3, 6, 3)
    choice = of(network, InputSpec(image=(3, 8, 8)), 8, frozenset(), GPU)
    assert (choice.precision, choice.layout, choice.compile) == (precision, "channels_last", False)
    long = choose(network, [torch.zeros(1, 3, 8, 8)], 8, FitOptions(), GPU, frozenset(), num_steps=100_000)
    assert long.compile
    never = FitOptions(compile="no")
    assert not choose(network, [torch.zeros(1, 3, 8, 8)], 8, never, GPU, frozenset(), num_steps=100_000).compile


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))

    def forward(self, inputs):
        return self.layers(inputs + torch.randn_like(inputs))


def test_choosing_changes_neither_network_nor_random_numbers():
    network = Noisy().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.get_rng_state()
    of(network, [torch.zeros(1, 8)], 8)
    assert torch.equal(torch.get_rng_state(), random)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_network_that_takes_no_single_example_stays_in_fp32():
    class Pairs(nn.Module):
        def forward(self, inputs):
            return inputs[:1] @ inputs[1:2].reshape(8, 1)

    choice = of(Pairs(), [torch.zeros(1, 8)], 8)
    assert choice.precision == "fp32"
    assert "could not be measured" in choice.reason


def test_work_is_counted_by_kind():
    network = nn.Sequential(
        *(nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1, groups=32)),
        *(nn.Flatten(), nn.Linear(2048, 64)),
    )
    work = work_of(network, InputSpec(image=(3, 8, 8)), 10)
    pixels = 64 * 10
    assert work == Work(
        multiply_adds={
            "narrow": pixels * 32 * 27,
            "convolution": pixels * 32 * 32 * 9,
            "grouped": pixels * 32 * 9,
            "linear": 10 * 2048 * 64,
        },
        weights={"narrow": 32 * 27, "convolution": 32 * 32 * 9, "grouped": 32 * 9, "linear": 2048 * 64},
    )
    assert work.reuse("convolution") == pixels
    assert work.reuse("recurrent") == 0
    assert sum(work.share(kind) for kind in work.multiply_adds) == pytest.approx(1)
