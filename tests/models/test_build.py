"""From names, sizes and options to networks: what is refused, and with which words."""

import subprocess
import sys

import pytest
import torch
import torchvision

from rumbo import models
from rumbo.core.errors import OptionError, ShapeError, UnknownName, UsageError
from rumbo.core.inputs import InputSpec
from rumbo.models.assembly import model_options
from rumbo.models.convnet import ConvNet, num_halvings
from rumbo.models.linear import LogisticRegression
from rumbo.models.mlp import MLP
from rumbo.models.two_branch import TwoBranch

GREY = InputSpec(image=(1, 28, 28))
TABLE = InputSpec(num_numbers=3, category_sizes=(4,))


def test_listing_names_needs_no_torch():
    code = (
        "import sys; from rumbo import models, metrics, losses; models.entry('mlp'); "
        "import rumbo.models.option_names, rumbo.models.option_meanings, rumbo.api.config; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code + "; assert 'numpy' not in sys.modules"], check=True)


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(UnknownName, match=r"'resnet5'.*resnet50"):
        models.build("resnet5", GREY, 2)
    with pytest.raises(UnknownName, match="lenet5"):
        models.takes("lenet")
    with pytest.raises(UnknownName, match="dropout"):
        models.build("mlp", GREY, 2, drop_out=0.1)


@pytest.mark.parametrize(("name", "spec", "remedy"), [("lenet5", TABLE, "table_net"), ("table_net", GREY, "convnet")])
def test_inputs_that_a_network_does_not_take(name, spec, remedy):
    with pytest.raises(UsageError, match=remedy):
        models.build(name, spec, 2)


def test_nothing_to_look_at():
    with pytest.raises(UsageError, match="no input"):
        models.build("mlp", InputSpec(), 2)
    with pytest.raises(UsageError, match="num_classes=0"):
        models.build("mlp", TABLE, 0)


@pytest.mark.parametrize(
    ("name", "size", "remedy"),
    [
        ("lenet5", (64, 64), "image_size=32"),
        ("lenet5", (28, 32), "image_size=32"),
        ("convnet", (3, 28), "mlp"),
        ("alexnet", (62, 80), "image_size=63"),
        ("vgg16", (31, 31), "image_size=32"),
        ("squeezenet1_0", (20, 20), "image_size=21"),
        ("squeezenet1_1", (16, 16), "image_size=17"),
    ],
)
def test_images_that_do_not_fit(name, size, remedy):
    with pytest.raises(ShapeError, match=remedy):
        models.build(name, InputSpec(image=(1, *size)), 2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlp", {"hidden": (0,)}),
        ("mlp", {"dropout": 1.0}),
        ("mlp", {"activation": "rely"}),
        ("mlp", {"hidden": "four"}),
        ("mlp", {"norm": "maybe"}),
        ("mlp", {"activation": None}),
        ("table_net", {"hidden": (8, 0)}),
        ("table_net", {"dropout": -0.1}),
    ],
)
def test_options_out_of_range(name, options):
    with pytest.raises(OptionError, match=next(iter(options))):
        models.build(name, TABLE, 2, **options)


@pytest.mark.parametrize("options", [{"width": 0}, {"depth": 0}, {"dropout": 1.0}])
def test_convnet_options_out_of_range(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        models.build("convnet", GREY, 2, **options)


@pytest.mark.parametrize("hidden", ["4, 5", [4, 5], (4, 5)])
def test_options_are_read_from_text_and_files(hidden):
    net = models.build("mlp", TABLE, 2, hidden=hidden, dropout="0.5", norm="before", activation="tanh")
    assert isinstance(net, MLP)
    assert net.hidden == (4, 5)
    assert [type(layer).__name__ for layer in net.layers][:4] == ["Linear", "BatchNorm1d", "Tanh", "Dropout"]


KEPT = {"hidden": "6,5,4"}


@pytest.mark.parametrize("dropout", ["0.1, 0.3, 0.5", [0.1, 0.3, 0.5], (0.1, 0.3, 0.5)])
@pytest.mark.parametrize("name", ["mlp", "table_net"])
def test_a_share_dropped_for_each_hidden_layer(name, dropout):
    """The notes keep 0.9, 0.7 and 0.5 (S4, "Dropout")."""
    net = models.build(name, TABLE, 2, **KEPT, dropout=dropout)
    assert [layer.p for layer in net.layers if isinstance(layer, torch.nn.Dropout)] == [0.1, 0.3, 0.5]


@pytest.mark.parametrize("name", ["mlp", "table_net"])
def test_one_share_dropped_for_all_hidden_layers(name):
    net = models.build(name, TABLE, 2, **KEPT, dropout=0.4)
    assert [layer.p for layer in net.layers if isinstance(layer, torch.nn.Dropout)] == [0.4, 0.4, 0.4]


@pytest.mark.parametrize("name", ["mlp", "table_net"])
@pytest.mark.parametrize(
    ("dropout", "told"),
    [
        ("0.1,0.3", "'0.1, 0.3' has 2 shares, and the hidden layers are 3"),
        ("0.1,0.2,0.3,0.4", "has 4 shares, and the hidden layers are 3"),
        (",", "has 0 shares"),
        ("0.1,1,0.5", r"dropout=1.0 must lie in \[0, 1\)"),
        ("0.1,nan,0.5", "dropout=nan"),
        ("0.1,half,0.5", "dropout='half' must be a number"),
        ("half", "dropout='half' must be a number"),
        ("none", "dropout='none' must be a number"),
    ],
)
def test_shares_dropped_that_do_not_fit(name, dropout, told):
    with pytest.raises(OptionError, match=told):
        models.build(name, TABLE, 2, **KEPT, dropout=dropout)


def test_one_hidden_layer_as_a_bare_number():
    net = models.build("mlp", TABLE, 2, hidden=6)
    assert isinstance(net, MLP)
    assert net.hidden == (6,)


def test_own_options_of_a_network():
    assert model_options("convnet") == {
        **{"width": 16, "depth": 2, "dropout": 0.0},
        **{"activation": "relu", "norm": "before", "norm_momentum": 0.1},
    }
    assert model_options("resnet18") == {}


def test_logistic_regression_is_one_weight_vector():
    net = models.build("logistic_regression", TABLE, 2)
    assert isinstance(net, LogisticRegression)
    assert net.linear.weight.shape == (1, 3 + 4)
    net.linear.bias.data.fill_(0.7)
    logits = net(torch.zeros(1, 3), torch.zeros(1, 1, dtype=torch.long))
    torch.testing.assert_close(logits.softmax(1)[0, 1], torch.sigmoid(torch.tensor(0.7)))
    assert models.build("logistic_regression", TABLE, 1)(torch.zeros(1, 3), torch.zeros(1, 1).long()).shape == (1, 1)
    with pytest.raises(UsageError, match="softmax_regression"):
        models.build("logistic_regression", TABLE, 3)


@pytest.mark.parametrize("size", [(4, 4), (4, 33), (8, 8), (17, 5), (64, 64), (100, 225)])
def test_convnet_takes_any_side_from_4_px(size):
    net = models.build("convnet", InputSpec(image=(3, *size)), 5, width=4)
    assert net(torch.zeros(2, 3, *size)).shape == (2, 5)


def test_convnet_doubles_its_width_as_often_as_it_halves_the_image():
    net = ConvNet(image_size=(28, 28), width=8, depth=3)
    widths = [layer.out_channels for layer in net.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert widths == [8, 16, 16, 16, 32, 32, 32]
    assert num_halvings((224, 224)) == 4


def test_an_image_and_a_table_make_two_branches():
    spec = InputSpec(image=(3, 16, 16), num_numbers=2, category_sizes=(4,))
    net = models.build("convnet", spec, 5, width=4)
    assert isinstance(net, TwoBranch)
    assert isinstance(net.image_model, ConvNet)
    images, numbers, codes = torch.randn(6, 3, 16, 16), torch.randn(6, 2), torch.ones(6, 1, dtype=torch.long)
    net.eval()
    logits = net(images, numbers, codes)
    assert not torch.equal(logits, net(images + 1, numbers, codes))
    assert not torch.equal(logits, net(images, numbers + 1, codes))
    assert not torch.equal(logits, net(images, numbers, codes + 1))
    with pytest.raises(UsageError, match="tables only"):
        models.build("table_net", spec, 5)


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small"])
def test_three_colours_and_1000_classes_give_torchvisions_network(name):
    ours = models.build(name, InputSpec(image=(3, 64, 64)), 1000).eval()
    theirs = torchvision.models.get_model(name, weights=None).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(ours(images), theirs(images), rtol=0, atol=0)


def test_a_new_squeezenet_head_may_go_below_zero():
    torch.manual_seed(0)
    net = models.build("squeezenet1_1", InputSpec(image=(3, 64, 64)), 5).eval()
    assert (net(torch.randn(8, 3, 64, 64)) < 0).any()
