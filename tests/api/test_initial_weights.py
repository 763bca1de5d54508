"""`model.initial` and the options of networks from the outside: commands, settings, estimators."""

import numpy as np
import pytest
import torch
from torch import nn

import rumbo
from rumbo.api.config import RunConfig
from rumbo.api.prepare import prepare
from rumbo.cli.main import main
from rumbo.core.errors import OptionError, UsageError
from rumbo.core.seeds import stream
from rumbo.models import build
from rumbo.models.initial import initialize

DIGITS = "demo:digits"


def prepared(tmp_path, **settings):
    wanted = RunConfig(path=DIGITS).override("model.name", "mlp")
    for path, text in settings.items():
        wanted = wanted.override(path.replace("__", "."), text)
    return prepare(wanted, base=tmp_path)


def test_first_weights_are_a_function_of_seed_and_name(tmp_path):
    found = prepared(tmp_path, model__initial="xavier", seed="7")
    torch.manual_seed(stream(7, "initial weights"))
    expected = build("mlp", found.trained.preprocess.spec, 10)
    initialize(expected, "xavier")
    assert all(map(torch.equal, found.task.model.parameters(), expected.parameters()))
    assert found.config.to_dict()["model"]["initial"] == "xavier"


def test_weights_and_a_name_are_two_beginnings(tmp_path):
    told = r"--weights imagenet and --set model.initial=he are two beginnings"
    with pytest.raises(UsageError, match=told):
        prepared(tmp_path, model__initial="he", model__weights="imagenet")
    settings = {"model.initial": "he", "model.name": "resnet18"}
    with pytest.raises(UsageError, match=told):
        rumbo.train(DIGITS, weights="imagenet", settings=settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_such_first_weights():
    with pytest.raises(OptionError, match=r"model.initial='normal' must be one of: default, zeros, .*glorot_uniform"):
        RunConfig().override("model.initial", "normal")
    X, y = np.arange(40.0)[:, None], np.arange(40) % 2
    with pytest.raises(OptionError, match="initial='normal'"):
        rumbo.Classifier(initial="normal", epochs=1).fit(X, y)


@pytest.mark.train
def test_a_run_with_all_of_them(tmp_path):
    settings = {
        "model.initial": "glorot_uniform",
        "model.options.hidden": "24,16,12",
        "model.options.activation": "tanh",
        "model.options.dropout": "0.1,0.3,0.5",
        "model.options.norm": "after",
        "model.options.norm_momentum": "0.3",
    }
    run = rumbo.train(DIGITS, model="mlp", epochs=4, settings=settings, out=tmp_path / "run")
    network = rumbo.load(run.path).model.task.model
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Linear", "Tanh", "BatchNorm1d", "Dropout"] * 3 + ["Linear"]
    assert [layer.p for layer in network.layers if isinstance(layer, nn.Dropout)] == [0.1, 0.3, 0.5]
    assert run.metrics["dev"]["accuracy"] > 0.3
    again = rumbo.train(config=run.path / "config.yaml", out=tmp_path / "again")
    first, second = (r.path / "model" / "model.safetensors" for r in (run, again))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.train
def test_a_run_from_zeros_never_learns(tmp_path):
    settings = {"model.initial": "zeros", "model.options.hidden": "8"}
    run = rumbo.train(DIGITS, model="mlp", epochs=2, settings=settings, out=tmp_path / "run")
    network = rumbo.load(run.path).model.task.model
    assert all(layer.weight.eq(0).all() for layer in network.layers if isinstance(layer, nn.Linear))
    assert run.metrics["train"]["accuracy"] < 0.2


@pytest.mark.train
def test_an_estimator_takes_them():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    options = {"hidden": (8, 8), "dropout": (0.1, 0.2), "activation": "tanh", "norm": "before"}
    fitted = rumbo.Classifier(initial="he", model_options=options, epochs=20).fit(X, X[:, 0] > 0)
    assert fitted.score(X, X[:, 0] > 0) > 0.85
    still = rumbo.Classifier(initial="zeros", model="mlp", epochs=1).fit(X, X[:, 0] > 0)
    assert all(p.eq(0).all() for p in still.network_.task.model.parameters() if p.ndim >= 2)


def test_the_list_tells_what_each_option_means(capsys):
    assert main(["models", "mlp"]) == 0
    told = capsys.readouterr().out
    assert "What follows each hidden layer: relu, leaky_relu, sigmoid, tanh, linear, gelu, silu." in told
    assert "256,128" in told
    assert main(["models", "convnet"]) == 0
    assert "Share of the averaged channels" in capsys.readouterr().out
