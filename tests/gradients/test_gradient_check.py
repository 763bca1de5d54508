"""The gradient check: what it measures, what it must not be fooled by, and no alarm on what is right."""

import math
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from stock_modules import LARGE, STOCK, Stock
from torch import nn

import rumbo
from rumbo.core.errors import TrainingError, UsageError
from rumbo.gradients.check import check_gradients
from rumbo.gradients.differences import noise_of, slope
from rumbo.gradients.records import CheckOptions, ParameterCheck, Started


def check(stock: Stock, **options):
    return rumbo.gradcheck(stock.module, stock.loss, stock.batch, **options)


class Spoilt(torch.autograd.Function):
    """The same values; the gradient goes through a function."""

    @staticmethod
    def forward(ctx, x, spoil):
        ctx.spoil = spoil
        return x.clone()

    @staticmethod
    def backward(ctx, up):
        return ctx.spoil(up.clone()), None


class Product(nn.Module):
    """Inputs times a matrix whose gradient somebody spoils."""

    def __init__(self, spoil=lambda up: up, shape=(40, 30)):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape))
        self.spoil = spoil

    def forward(self, inputs):
        return torch.tanh(inputs @ Spoilt.apply(self.weight, self.spoil))


def product(spoil=lambda up: up, shape=(40, 30)) -> Stock:
    torch.manual_seed(0)
    return Stock(Product(spoil, shape), F.mse_loss, (torch.randn(5, shape[0]), torch.randn(5, shape[1])))


# Slopes


@given(st.floats(-2, 2), st.floats(0.1, 10), st.sampled_from([math.sin, math.exp, math.tanh, lambda t: t**3 + t]))
def test_slopes_of_smooth_functions(place, scale, function):
    exact = {math.sin: math.cos, math.exp: math.exp, math.tanh: lambda t: 1 - math.tanh(t) ** 2}.get(
        function, lambda t: 3 * t**2 + 1
    )(place)
    value = function(place)
    noise = 2e-16 * max(abs(value), 1.0)
    found = slope(lambda t: function(place + t), at_zero=value, scale=scale, noise=noise, size=1.0)
    assert abs(found.value - exact) <= max(found.error, 1e-12)
    assert abs(found.value - exact) <= 1e-8 * max(abs(exact), 1)
    assert not found.is_kink


@given(st.floats(-1, 1), st.floats(0.1, 10), st.floats(-1, 1))
def test_a_kink_is_seen_wherever_it_lies(share, jump, tilt):
    """Within the smallest step of the point it is a kink; where a step fits in between, the slope is the near one's."""
    distance = share * 1e-3

    def line(t):
        return tilt * t + jump * abs(t - distance)

    found = slope(line, at_zero=line(0.0), scale=1.0, noise=1e-16, size=1.0)
    near = tilt - math.copysign(jump, distance)
    assert found.is_kink or abs(found.value - near) <= max(1e-6, found.error)
    if abs(distance) > 1e-6:
        assert not found.is_kink
    if distance == 0:
        assert found.is_kink


def test_a_kink_at_a_third_of_the_step_is_seen():
    """There the gaps between the slopes on both sides halve by chance, as those of a smooth function do."""
    line = lambda t: 0.5 * t + abs(t - 1e-4 / 3)  # noqa: E731
    found = slope(line, at_zero=line(0.0), scale=1.0, noise=1e-16, size=1.0)
    assert abs(found.value + 0.5) < 1e-9


def test_a_jump_is_no_slope():
    assert slope(lambda t: float(t > 0), at_zero=0.0, scale=1.0, noise=1e-16, size=1.0).is_kink


def test_what_is_not_a_number_on_one_side_is_no_slope():
    line = lambda t: math.sqrt(t) if t >= 0 else math.nan  # noqa: E731
    assert slope(line, at_zero=0.0, scale=1.0, noise=1e-16, size=1.0).is_kink


@pytest.mark.parametrize("deviation", [1e-15, 1e-12, 1e-6])
def test_noise_is_measured(deviation):
    draws = np.random.default_rng(0).normal(1.0, deviation, 400)
    assert noise_of([5 + 1e-3 * k + float(x) for k, x in enumerate(draws)]) == pytest.approx(deviation, rel=0.5)


def test_errors_cover_what_noise_does():
    draws = np.random.default_rng(0)
    noise = 1e-10
    for _ in range(200):
        found = slope(
            lambda t: math.sin(1 + t) + draws.normal(0, noise), at_zero=math.sin(1), scale=1.0, noise=noise, size=1.0
        )
        assert abs(found.value - math.cos(1)) <= found.error


# Verdicts


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, "great"), (1 + 1e-8, "great"), (1 + 1e-6, "good"), (1 + 1e-4, "look"), (1.01, "worry"), (-1.0, "worry")],
)
def test_bands(factor, verdict):
    found = check(product(lambda up: factor * up), steps=0)
    assert found.verdict == verdict
    if abs(factor - 1) > 1e-7:
        assert found.worst.distance == pytest.approx(abs(factor - 1) / (abs(factor) + 1), rel=0.01)


def test_nothing_of_the_gradient_is_zero_and_the_numeric_one_is_not():
    found = check(product(lambda up: 0 * up), steps=0)
    assert (found.verdict, found.worst.distance) == ("worry", 1.0)


@pytest.mark.parametrize("place", [(0, 0), (39, 29), (17, 5)])
def test_one_wrong_component_of_1200_is_found_and_named(place):
    def spoil(up):
        up[place] *= 1.3
        return up

    found = check(product(spoil), steps=0, components=3)
    worst = found.worst.worst
    assert found.verdict not in ("zero", "great")
    assert worst is not None
    assert worst.index == place
    assert worst.analytic / worst.numeric == pytest.approx(1.3, rel=1e-5)


def test_the_largest_component_is_always_looked_at():
    def spoil(up):
        up.view(-1)[up.abs().argmax()] *= 2
        return up

    assert check(product(spoil), steps=0, components=1, directions=0).verdict == "worry"


def test_without_directions_it_hides():
    def spoil(up):
        up[17, 5] = 0
        return up

    assert check(product(spoil), steps=0, components=3, directions=0).is_right
    assert not check(product(spoil), steps=0, components=3).is_right


def test_a_gradient_that_is_not_finite_is_wrong():
    found = check(product(lambda up: up * math.nan), steps=0)
    assert found.verdict == "worry"


def test_right_at_first_wrong_after_steps():
    """As the notes warn: right near the start and wrong for larger weights."""

    class Grown(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3, 2))

        def forward(self, x):
            is_small = bool(self.weight.detach().abs().max() < 5e-3)
            return x @ Spoilt.apply(self.weight, (lambda up: up) if is_small else (lambda up: 1.5 * up))

    found = rumbo.gradcheck(Grown(), F.mse_loss, (torch.randn(4, 3), torch.randn(4, 2)), steps=(0, 10))
    assert [row.verdict for row in found.rows] == ["great", "worry"]
    assert found.worst.step == 10


class Parts(nn.Module):
    """One parameter in use, one that is not, and one that is detached."""

    def __init__(self, detach):
        super().__init__()
        self.used, self.unused = nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(3))
        self.other = nn.Parameter(torch.randn(2))
        self.detach = detach

    def forward(self, x):
        return x @ self.used * (self.other.detach() if self.detach else self.other)


@pytest.mark.parametrize("detach", [True, False])
def test_unused_and_detached_parameters(detach):
    found = rumbo.gradcheck(Parts(detach), None, (torch.randn(4, 3), torch.randn(4, 2)), steps=0)
    rows = {row.name: row for row in found.rows}
    assert (rows["unused"].verdict, rows["unused"].has_gradient) == ("zero", False)
    assert rows["used"].verdict == "great"
    assert (rows["other"].verdict, rows["other"].has_gradient) == (("worry", False) if detach else ("great", True))


def test_a_cost_that_is_cut_off_from_everything_is_wrong():
    found = rumbo.gradcheck(nn.Linear(3, 2), lambda o, y: (o.detach() - y).square().mean(), PAIR, steps=0)
    assert {row.verdict for row in found.rows} == {"worry"}


def test_frozen_parameters_are_left_out():
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    module[0].requires_grad_(False)
    found = rumbo.gradcheck(module, None, PAIR, steps=0)
    assert [row.name for row in found.rows] == ["1.weight", "1.bias"]
    assert found.num_frozen == 2


def test_a_straight_through_gradient_is_not_that_of_the_cost():
    class Rounded(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3, 2))

        def forward(self, x):
            return x @ (self.weight + (self.weight.round() - self.weight).detach())

    assert not rumbo.gradcheck(Rounded(), None, PAIR, steps=0).is_right


PAIR = (torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.ones(4, 2))


# Nothing of the user's changes


def states(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_the_module_and_the_world_stay_as_they_are():
    torch.manual_seed(3)
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    module[1].eval()
    module(PAIR[0]).sum().backward()
    gradients = [parameter.grad.clone() for parameter in module.parameters()]
    before, modes = states(module), [layer.training for layer in module.modules()]
    batch = (PAIR[0].clone(), PAIR[1].clone())
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    worlds = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002

    def noisy_loss(outputs, targets):
        torch.rand(1), np.random.rand(), random.random()  # noqa: NPY002
        return F.mse_loss(outputs, targets)

    rumbo.gradcheck(module, noisy_loss, batch)
    after = states(module)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [layer.training for layer in module.modules()] == modes
    assert all(torch.equal(a, p.grad) for a, p in zip(gradients, module.parameters(), strict=True))
    assert torch.equal(batch[0], PAIR[0])
    assert torch.equal(batch[1], PAIR[1])
    assert torch.equal(worlds[0], torch.get_rng_state())
    assert (worlds[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    assert worlds[2] == random.getstate()
    assert torch.get_default_dtype() == torch.float32
    assert torch.rand(1).dtype == torch.float32


def test_leaving_early_restores_the_world():
    told = check_gradients(nn.Linear(3, 2), lambda module, batch: module(batch).sum(), PAIR[0], CheckOptions())
    next(told)
    told.close()
    assert torch.get_default_dtype() == torch.float32


def test_a_forward_pass_that_writes_into_its_inputs():
    inputs = PAIR[0].clone()
    module = Noisy(lambda x: x)
    module.register_forward_pre_hook(lambda module, inputs: inputs[0].mul_(2))
    assert rumbo.gradcheck(module, None, (inputs, PAIR[1]), steps=0).verdict == "great"
    assert torch.equal(inputs, PAIR[0])


def test_casts_in_the_forward_pass_stay_in_float64():
    torch.manual_seed(0)
    for cast in (
        lambda x: x.to(torch.float32),
        lambda x: x.to(dtype=torch.bfloat16),
        lambda x: x.half(),
        torch.Tensor.float,
    ):
        found = rumbo.gradcheck(Noisy(lambda x, cast=cast: cast(x) * 3), None, PAIR, steps=0)
        assert found.verdict == "great"
        assert found.worst.distance < 1e-8


def test_an_embedding_that_rewrites_its_weights():
    torch.manual_seed(0)
    module = nn.Embedding(4, 3, max_norm=0.5)
    found = rumbo.gradcheck(module, None, (torch.tensor([0, 1, 2, 3]), torch.randn(4, 3)), steps=0)
    assert (found.verdict, found.worst.num_kinks) == ("great", 0)


def test_a_module_with_results_of_computations_as_attributes_is_copied():
    module = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    module.remembered = module.weight * 2
    assert rumbo.gradcheck(module, None, PAIR, steps=0).verdict == "great"


# What is random, and what depends on the batch


class Noisy(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.linear, self.dropout = nn.Linear(3, 2), dropout

    def forward(self, x):
        return self.dropout(self.linear(x))


@pytest.mark.parametrize(
    "dropout",
    [
        *(nn.Dropout(0.5), nn.AlphaDropout(0.5), nn.FeatureAlphaDropout(0.5), nn.Dropout1d(0.5), nn.RReLU()),
        lambda x: F.dropout(x, 0.5),
        lambda x: F.dropout(x, p=0.5, training=True, inplace=True),
        lambda x: torch.dropout(x, 0.5, True),
        lambda x: F.alpha_dropout(x, 0.5, training=True),
        lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None], None, 0.5)[0],
        lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None], dropout_p=0.5)[0],
    ],
)
def test_dropout_of_all_kinds_is_off(dropout):
    assert rumbo.gradcheck(Noisy(dropout), None, PAIR, steps=0).verdict == "great"


@pytest.mark.parametrize(
    "noise",
    [lambda x: x + torch.randn_like(x), lambda x: x * torch.rand(1), lambda x: x * np.random.rand()],  # noqa: NPY002
)
def test_other_randomness_is_refused(noise):
    with pytest.raises(UsageError, match="random"):
        rumbo.gradcheck(Noisy(noise), None, PAIR)


def test_batch_norm_takes_the_batch_as_in_training_and_running_averages_on_demand():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    module[1].running_mean += 3
    by_mode = {mode: rumbo.gradcheck(module, None, PAIR, steps=(0, 5), mode=mode) for mode in ("train", "eval")}
    assert {found.verdict for found in by_mode.values()} == {"great"}
    bias = {mode: [r.verdict for r in f.rows if r.name == "0.bias"] for mode, f in by_mode.items()}
    assert bias == {"train": ["zero", "zero"], "eval": ["great", "great"]}  # the batch's mean takes a bias off
    assert by_mode["train"].stages[0].cost != by_mode["eval"].stages[0].cost


def test_layers_keep_their_modes_on_demand():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    module[1].eval()
    kept = rumbo.gradcheck(module, None, PAIR, steps=0, mode="keep")
    assert kept.stages[0].cost == rumbo.gradcheck(module, None, PAIR, steps=0, mode="eval").stages[0].cost
    assert kept.stages[0].cost != rumbo.gradcheck(module, None, PAIR, steps=0).stages[0].cost


def test_frozen_norms_keep_their_statistics():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    module[1].requires_grad_(False)
    found = rumbo.gradcheck(module, None, PAIR, steps=0)
    assert found.stages[0].cost == rumbo.gradcheck(module, None, PAIR, steps=0, mode="eval").stages[0].cost


def test_buffers_that_forward_moves_make_no_difference():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3, 2))
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls += 1
            return x @ self.weight * self.calls

    assert rumbo.gradcheck(Counting(), None, PAIR, steps=(0, 3)).verdict == "great"


# Regularisation


def test_regularisation_is_part_of_the_cost():
    torch.manual_seed(0)
    module = nn.Linear(3, 2)
    plain = rumbo.gradcheck(module, None, PAIR, steps=0)
    with_l2 = rumbo.gradcheck(module, None, PAIR, steps=0, weight_decay=0.5)
    with_l1 = rumbo.gradcheck(module, None, PAIR, steps=0, l1=0.5)
    own = rumbo.gradcheck(module, None, PAIR, steps=0, penalty=lambda m: 3 * m.bias.square().sum())
    weight, bias = module.weight.detach().double(), module.bias.detach().double()
    added = [found.stages[0].cost - plain.stages[0].cost for found in (with_l2, with_l1, own)]
    assert added == pytest.approx(
        [float(0.25 * weight.square().sum()), float(0.5 * weight.abs().sum()), float(3 * bias.square().sum())]
    )
    assert {found.verdict for found in (with_l2, with_l1, own)} == {"great"}


def test_a_wrong_penalty_is_caught():
    wrong = lambda m: Spoilt.apply(m.weight.square().sum(), lambda up: 2 * up)  # noqa: E731
    found = rumbo.gradcheck(nn.Linear(3, 2), None, PAIR, steps=0, penalty=wrong)
    assert {row.name: row.verdict for row in found.rows} == {"weight": "worry", "bias": "great"}


def test_weights_at_zero_lie_on_the_kink_of_l1():
    module = nn.Linear(3, 2)
    nn.init.zeros_(module.weight)
    found = rumbo.gradcheck(module, None, PAIR, steps=0, l1=1.0)
    assert found.verdict == "great"
    assert [row.is_moved for row in found.rows] == [True, False]


# What is refused


@pytest.mark.parametrize(
    ("module", "loss", "batch", "words"),
    [
        (nn.Linear(3, 2), lambda o, y: o.sum() * math.nan, PAIR, "nan"),
        (nn.Linear(3, 2), lambda o, y: o.sum().numpy(force=True), PAIR, "one real number, and is"),
        (nn.Linear(3, 2), lambda o, y: torch.complex(o.sum(), o.sum()), PAIR, "one real number"),
        (nn.Linear(3, 2), F.mse_loss, PAIR[0], r"\(inputs, targets\), and is Tensor"),
        (nn.Linear(3, 2), F.mse_loss, (*PAIR, 3), r"\(inputs, targets\), and is tuple"),
        (nn.LazyLinear(2), None, PAIR, "lazy"),
        (nn.Flatten(), lambda o, y: o.double().mean(), (torch.ones(4, 3, dtype=int), PAIR[1]), "nothing to check"),
    ],
)
def test_what_cannot_be_checked_is_said(module, loss, batch, words):
    with pytest.raises(UsageError, match=words):
        rumbo.gradcheck(module, loss, batch)


@pytest.mark.parametrize(
    "options",
    [
        *({"steps": -1}, {"steps": ()}, {"components": 0}, {"directions": -1}, {"weight_decay": -1.0}, {"seed": -1}),
        *({"mode": "training"}, {"takes": "both"}, {"takes": "module"}, {"learning_rate": math.nan}),
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UsageError):
        rumbo.gradcheck(nn.Linear(3, 2), None, PAIR, **options)


def test_a_module_that_cannot_be_copied_is_refused():
    module = nn.Linear(3, 2)
    module.generator = (x for x in range(3))
    with pytest.raises(UsageError, match="cannot be copied"):
        rumbo.gradcheck(module, None, PAIR)


def test_a_training_that_leaves_the_numbers_is_said():
    module = nn.Linear(1, 1)
    nn.init.constant_(module.bias, 0.0045)
    with pytest.raises(TrainingError, match="is nan after 5 steps"):
        rumbo.gradcheck(module, lambda module, batch: module.bias.sqrt().sum(), None, takes="module", steps=(0, 20))


# Calls of all shapes


def test_several_inputs_and_named_ones():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, a, b):
            return self.linear(a + b)

    inputs, targets = PAIR
    for given_inputs in ((inputs, inputs), {"a": inputs, "b": inputs.numpy()}):
        assert rumbo.gradcheck(Sum(), None, (given_inputs, targets), steps=0).verdict == "great"


def test_a_loss_of_module_and_batch():
    def loss(module, batch):
        return (module(batch["x"]) - 1).square().mean()

    found = rumbo.gradcheck(nn.Linear(3, 2), loss, {"x": PAIR[0], "name": "x"}, takes="module", steps=0)
    assert found.verdict == "great"


def test_a_loss_with_parameters_of_its_own():
    class Centers(nn.Module):
        def __init__(self):
            super().__init__()
            self.centers = nn.Parameter(torch.randn(3, 2))

        def forward(self, outputs, codes):
            return (outputs - self.centers[codes]).square().sum(1)

    found = rumbo.gradcheck(nn.Linear(3, 2), Centers(), (PAIR[0], torch.tensor([0, 1, 2, 0])), steps=(0, 3))
    assert {row.name for row in found.rows} == {"weight", "bias", "loss.centers"}
    assert found.verdict == "great"


def test_a_weighted_loss_module_becomes_float64():
    loss = nn.CrossEntropyLoss(weight=torch.tensor([0.2, 0.8]))
    assert rumbo.gradcheck(nn.Linear(3, 2), loss, (PAIR[0], torch.tensor([0, 1, 1, 0])), steps=0).verdict == "great"
    assert loss.weight.dtype == torch.float32


def test_inputs_are_checked_on_demand():
    module = nn.Sequential(nn.Linear(3, 2))
    rows = rumbo.gradcheck(module, None, PAIR, steps=0, inputs=True).rows
    assert [row.name for row in rows] == ["0.weight", "0.bias", "inputs"]
    turned = Noisy(lambda x: Spoilt.apply(x, lambda up: -up))
    found = rumbo.gradcheck(turned, None, PAIR, steps=0, inputs=True)
    assert {row.name: row.verdict for row in found.rows}["inputs"] == "worry"


def test_the_same_seed_finds_the_same():
    one, two, other = (check(product(), components=5, seed=seed).to_dict() for seed in (1, 1, 2))
    assert one == two
    assert one != other


def test_rows_come_as_they_are_measured():
    told = list(
        check_gradients(
            nn.Linear(3, 2), lambda module, batch: module(batch).square().sum(), PAIR[0], CheckOptions(steps=(0, 2, 5))
        )
    )
    stages = [event.step for event in told if isinstance(event, Started)]
    rows = [event for event in told if isinstance(event, ParameterCheck)]
    assert stages == [0, 2, 5]
    assert len(rows) == told[0].num_rows == 6
    assert rows[0].num_components == 6  # all, where they are few


# What is right raises no alarm


@pytest.mark.parametrize("name", STOCK)
def test_no_alarm_on_stock_modules(name):
    torch.manual_seed(0)
    found = check(STOCK[name](), components=4)
    assert {row.verdict for row in found.rows} <= {"zero", "great", "good"}


def test_stock_modules_are_enough():
    assert len(STOCK) >= 30


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
@pytest.mark.parametrize("name", STOCK)
def test_no_alarm_at_other_seeds(name, seed):
    torch.manual_seed(seed)
    found = check(STOCK[name](), components=8, seed=seed)
    assert {row.verdict for row in found.rows} <= {"zero", "great", "good"}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_no_alarm_on_large_networks(name):
    torch.manual_seed(0)
    assert check(LARGE[name](), steps=0).is_right


@pytest.mark.parametrize(
    ("module", "loss", "batch", "word"),
    [
        (3, None, (torch.ones(2, 2), torch.ones(2, 2)), "torch.nn.Module"),
        (torch.relu, None, (torch.ones(2, 2), torch.ones(2, 2)), "torch.nn.Module"),
        (nn.Linear(2, 2), "mse", (torch.ones(2, 2), torch.ones(2, 2)), "function"),
        (nn.Linear(2, 2), None, ([[1.0, 2.0]], [1.0]), "tensors"),
        (nn.Linear(2, 2, device="meta"), None, (torch.ones(2, 2), torch.ones(2, 2)), "meta"),
    ],
)
def test_slips_of_the_hand_are_told(module, loss, batch, word):
    with pytest.raises(UsageError, match=word):
        rumbo.gradcheck(module, loss, batch)
