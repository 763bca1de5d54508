"""Weights of one network into another of the same architecture."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rumbo import models
from rumbo.core.errors import UsageError
from rumbo.core.inputs import InputSpec
from rumbo.models import weights as weights_file
from rumbo.models.weights import fit_state, head_parameters

COLOR, GREY = InputSpec(image=(3, 32, 32)), InputSpec(image=(1, 32, 32))
HEADS = {
    "resnet18": "fc",
    "squeezenet1_1": "classifier.1",
    "mobilenet_v2": "classifier.1",
    "mobilenet_v3_small": "classifier.3",
    "lenet5": "classifier.5",
    "convnet": "classifier.3",
}


@pytest.fixture
def published():
    torch.manual_seed(3)
    return models.build("squeezenet1_1", COLOR, 1000).state_dict()


def test_the_same_network_takes_everything(published):
    net = models.build("squeezenet1_1", COLOR, 1000)
    fitted = fit_state(net, published)
    assert fitted.loaded == tuple(sorted(published))
    assert fitted.replaced == fitted.missing == ()
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in published.items())


def test_a_new_head_stays_fresh_and_half_precision_becomes_single(published):
    net = models.build("squeezenet1_1", COLOR, 2)
    before = net.state_dict()["classifier.1.weight"].clone()
    fitted = fit_state(net, {name: tensor.half() for name, tensor in published.items()})
    assert fitted.replaced == ("classifier.1.bias", "classifier.1.weight")
    after = net.state_dict()
    assert torch.equal(after["classifier.1.weight"], before)
    assert after["features.0.weight"].dtype == torch.float32
    torch.testing.assert_close(after["features.0.weight"], published["features.0.weight"].half().float())


def test_a_grey_image_gives_what_it_gives_in_colour(published):
    color, grey = models.build("squeezenet1_1", COLOR, 1000).eval(), models.build("squeezenet1_1", GREY, 1000).eval()
    fit_state(color, published)
    fit_state(grey, published)
    image = torch.randn(1, 1, 32, 32)
    torch.testing.assert_close(grey(image), color(image.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-5)


def test_another_networks_weights_are_refused_by_name(published):
    with pytest.raises(
        UsageError, match=r"lacks 52 weights.*classifier\.1\.bias, classifier\.1\.weight, features\.0\.bias"
    ):
        fit_state(models.build("squeezenet1_1", COLOR, 2), {})
    with pytest.raises(UsageError, match=r"1 weights that this model lacks, first: extra"):
        fit_state(models.build("squeezenet1_1", COLOR, 2), published | {"extra": torch.zeros(1)})
    odd = published | {"features.3.squeeze.bias": torch.zeros(17)}
    with pytest.raises(UsageError, match=r"features\.3\.squeeze\.bias' is \(17,\) in the file, but \(16,\)"):
        fit_state(models.build("squeezenet1_1", COLOR, 2), odd)


def test_a_refused_file_changes_nothing(published):
    net = models.build("squeezenet1_1", COLOR, 2)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(UsageError):
        fit_state(net, published | {"features.3.squeeze.bias": torch.zeros(17)})
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in before.items())


def test_counters_of_batches_may_be_missing():
    net = models.build("convnet", GREY, 2)
    tensors = {name: tensor for name, tensor in net.state_dict().items() if "num_batches" not in name}
    fitted = fit_state(net, tensors)
    assert len(fitted.missing) == sum(isinstance(layer, nn.BatchNorm2d) for layer in net.modules())


@pytest.mark.parametrize("name", HEADS)
def test_the_head_is_the_last_layer(name):
    with torch.device("meta"):
        net = models.build(name, COLOR, 4)
    assert head_parameters(net) == (f"{HEADS[name]}.weight", f"{HEADS[name]}.bias")


def test_the_head_of_table_and_two_branch_networks():
    both = InputSpec(image=(1, 8, 8), num_numbers=2)
    assert head_parameters(models.build("table_net", InputSpec(num_numbers=2), 3)) == ("head.weight", "head.bias")
    assert head_parameters(models.build("convnet", both, 3)) == ("classifier.weight", "classifier.bias")


def test_published_weights_come_from_their_folder(published, tmp_path, monkeypatch):
    monkeypatch.setattr(weights_file, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(UsageError, match=r"squeezenet1_1\.safetensors"):
        weights_file.published_file("squeezenet1_1")
    save_file({name: tensor.contiguous() for name, tensor in published.items()}, tmp_path / "squeezenet1_1.safetensors")
    assert weights_file.published_file("squeezenet1_1") == tmp_path / "squeezenet1_1.safetensors"
    with pytest.raises(UsageError, match="no published weights"):
        weights_file.published_file("lenet5")
