"""Ends of training: stacked networks train as each alone would, rates are chosen by dev, intervals are Student's."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import load_digits
from torch.nn import functional as F

from rumbo.core.errors import OptionError, UnknownName
from rumbo.core.seeds import rng
from rumbo.lab import adaptive_end
from rumbo.lab.adaptive_end import RULES, AdaptiveEnd, Ends, Spread, best_on_dev, finding, judge, spread
from rumbo.training.options import ScheduleOptions
from rumbo.training.schedule import rate_factor

QUICK = {"trainings": 2, "rates": 1, "epochs": 1, "width": 8, "optimizers": ("adam",)}


def alone(chosen, name, rate, train, number):
    """One training by modules of torch, one after the other: what a textbook would write."""
    generator = rng(chosen.seed, "adaptive_end: first weights", number)
    model = torch.nn.Sequential(torch.nn.Linear(64, chosen.width), torch.nn.ReLU(), torch.nn.Linear(chosen.width, 10))
    for layer in (model[0], model[2]):
        drawn = generator.normal(0, (2 / layer.in_features) ** 0.5, (layer.in_features, layer.out_features))
        layer.weight.data = torch.from_numpy(drawn.T).float()
        layer.bias.data.zero_()
    optimizer = RULES[name].make(list(model.parameters()), rate)
    order = rng(chosen.seed, "adaptive_end: order", number)
    starts = range(0, len(train.labels), chosen.batch_size)
    for epoch in range(chosen.epochs):
        rows = order.permutation(len(train.labels))
        for place, start in enumerate(starts):
            step, total = epoch * len(starts) + place, chosen.epochs * len(starts)
            for group in optimizer.param_groups:
                schedule = ScheduleOptions(name=chosen.schedule, warmup_fraction=0.0)
                group["lr"] = rate * rate_factor(schedule, step, total, len(starts))
            batch = rows[start : start + chosen.batch_size]
            optimizer.zero_grad()
            F.cross_entropy(model(train.pixels[batch]), train.labels[batch]).backward()
            optimizer.step()
    return model


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_stacked_networks_train_as_each_alone(name, schedule):
    chosen = AdaptiveEnd(trainings=3, epochs=2, width=8, batch_size=100, schedule=schedule)
    train, dev, _ = chosen._parts()
    rate = RULES[name].middle
    ends = chosen._train(name, rate, train, dev)
    model = alone(chosen, name, rate, train, 1)
    for stacked, own in zip(
        ends.weights, (model[0].weight.T, model[0].bias, model[2].weight.T, model[2].bias), strict=True
    ):
        torch.testing.assert_close(stacked[1].squeeze(), own.detach().squeeze(), rtol=1e-3, atol=1e-4)
    with torch.no_grad():
        logits = model(dev.pixels)
    assert ends.dev[1] == pytest.approx(float((logits.argmax(1) == dev.labels).double().mean()))
    assert ends.dev_loss[1] == pytest.approx(float(F.cross_entropy(logits, dev.labels)), rel=1e-4)


def test_costs_of_an_epoch_are_means_over_its_batches():
    chosen = AdaptiveEnd(trainings=2, epochs=2, width=8, batch_size=100, schedule="constant")
    train, dev, _ = chosen._parts()
    first = judge([weight.detach() for weight in chosen._first_weights()], train)[1]
    still = chosen._train("sgd", 1e-9, train, dev)
    np.testing.assert_allclose(still.costs, np.stack([first, first], axis=1), rtol=1e-4)


def test_the_digits_are_cut_once_and_whole():
    train, dev, test = AdaptiveEnd()._parts()
    assert [len(part.labels) for part in (train, dev, test)] == [900, 300, 597]
    pixels, labels = load_digits(return_X_y=True)
    ours = torch.cat([torch.cat([part.pixels * 16, part.labels[:, None]], dim=1) for part in (train, dev, test)])
    theirs = np.concatenate([pixels, labels[:, None]], axis=1)
    assert sorted(map(tuple, ours.tolist())) == sorted(map(tuple, theirs.tolist()))
    again = AdaptiveEnd(optimizers=("rmsprop",), trainings=3)._parts()
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip((train, dev, test), again, strict=True))


def test_rates_stand_around_the_usual_one():
    assert AdaptiveEnd(rates=5)._rates("adam") == [0.0003, 0.000949, 0.003, 0.00949, 0.03]
    assert AdaptiveEnd(rates=1)._rates("adam") == [0.003]


def test_intervals_are_student_s():
    values = np.random.default_rng(0).normal(size=7)
    found = spread(values)
    wanted = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found == pytest.approx((values.mean(), wanted.low, wanted.high))


def test_an_interval_holds_the_mean_as_often_as_it_says():
    generator = np.random.default_rng(1)
    holds = [found.low < 0 < found.high for found in (spread(generator.normal(size=3)) for _ in range(1_000))]
    assert 0.92 < np.mean(holds) < 0.98


def ends(rate, dev, dev_loss=(1.0, 1.0)):
    return Ends(rate, np.zeros((2, 1)), np.array(dev), np.array(dev_loss), [])


def test_the_best_rate_has_the_best_mean_on_dev():
    assert best_on_dev([ends(0.1, (0.5, 0.9)), ends(0.2, (0.8, 0.8)), ends(0.3, (0.1, 0.95))]).rate == 0.2
    tied = [ends(0.1, (0.5, 0.9), (2.0, 2.0)), ends(0.2, (0.9, 0.5)), ends(0.3, (0.7, 0.7), (np.nan, np.nan))]
    assert best_on_dev(tied).rate == 0.2


def test_test_is_looked_at_once_for_each_and_chooses_nothing(monkeypatch):
    chosen = AdaptiveEnd(**{**QUICK, "rates": 3})
    honest = chosen.run(None)
    looked_at = []
    parts = AdaptiveEnd._parts

    def spoiled(self):
        train, dev, test = parts(self)
        return train, dev, test._replace(labels=(test.labels + 1) % 10)

    def counted(weights, part):
        looked_at.append(len(part.labels))
        return judge(weights, part)

    monkeypatch.setattr(AdaptiveEnd, "_parts", spoiled)
    monkeypatch.setattr(adaptive_end, "judge", counted)
    other = chosen.run(None)
    assert [row[:4] for row in other.rows] == [row[:4] for row in honest.rows]
    assert [row[4] for row in other.rows] != [row[4] for row in honest.rows]
    assert looked_at.count(597) == 2


def test_differences_are_paired():
    """Two trainings each: by hand from the accuracies of the same numbers."""
    chosen = AdaptiveEnd(**{**QUICK, "epochs": 2})
    result = chosen.run(None)
    train, dev, test = chosen._parts()
    momentum, adam = (
        judge(chosen._train(name, RULES[name].middle, train, dev).weights, test)[0] for name in ("momentum", "adam")
    )
    base, row = result.rows
    assert base[4] == pytest.approx(momentum.mean())
    assert row[4] == pytest.approx(adam.mean())
    off = adam - momentum
    half = 12.7062 * off.std(ddof=1) / 2**0.5
    assert row[7:] == pytest.approx((off.mean(), off.mean() - half, off.mean() + half), rel=1e-4)
    assert base[7:] == (None, None, None)
    drawn = result.panels[2]
    assert (drawn.values[0], drawn.low[0], drawn.high[0]) == pytest.approx(tuple(100 * np.array(row[7:])))


def test_training_lowers_the_cost_and_ends_well():
    result = AdaptiveEnd(trainings=2, rates=1, epochs=8, optimizers=("adam", "adam")).run(None)
    assert [row[0] for row in result.rows] == ["momentum", "adam"]
    for row in result.rows:
        assert row[4] > 0.93
    for line in result.panels[1].lines:
        assert line.y[-1] < line.y[0] / 5


def test_the_finding_is_that_of_the_intervals():
    found = {
        "sgd": Spread(-0.01, -0.02, -0.001),
        "adam": Spread(0.005, 0.001, 0.009),
        "rmsprop": Spread(-0.005, -0.02, 0.01),
        "adagrad": Spread(0.0, 0.0, 0.0),
        "adamw": Spread(0.002, -0.001, 0.005),
    }
    assert finding(found, 597, 10) == (
        "Compared with momentum on 597 test digits over 10 trainings, in points of accuracy: worse: sgd (-1.00); "
        "better: adam (+0.50); within noise: rmsprop (-0.50), adagrad (+0.00), "
        "adamw (+0.20)."
    )
    assert finding({"sgd": found["sgd"]}, 5, 2).endswith("in points of accuracy: worse: sgd (-1.00).")


@pytest.mark.parametrize(("rates", "warned"), [(1, False), (2, True)])
def test_a_rate_at_the_edge_is_told(rates, warned):
    result = AdaptiveEnd(**{**QUICK, "rates": rates}).run(None)
    assert ("At the edge of the rates tried: momentum, adam;" in result.finding) == warned


def test_a_best_rate_between_others_is_not_at_the_edge():
    chosen = AdaptiveEnd(rates=3)
    tried = {name: [ends(rate, (0.5, 0.5)) for rate in (0.1, 0.2, 0.3)] for name in ("momentum", "adam")}
    best = {"momentum": tried["momentum"][1], "adam": tried["adam"][2]}
    assert chosen._at_the_edge(best, tried).startswith(" At the edge of the rates tried: adam;")
    assert chosen._at_the_edge({**best, "adam": tried["adam"][1]}, tried) == ""


def test_a_rate_that_diverges_is_not_chosen():
    chosen = AdaptiveEnd(**QUICK)
    train, dev, _ = chosen._parts()
    wild = chosen._train("sgd", 1e12, train, dev)
    assert best_on_dev([wild, chosen._train("sgd", 0.3, train, dev)]).rate == 0.3


def test_optimizers_that_are_not_there_are_refused():
    with pytest.raises(UnknownName, match="nearest: adam"):
        AdaptiveEnd(optimizers=("adamm",))
    for alone_ in ((), ("momentum",)):
        with pytest.raises(OptionError, match="must name one to compare with momentum"):
            AdaptiveEnd(optimizers=alone_)
    everyone = AdaptiveEnd().override("optimizers", "sgd, adam, momentum")
    assert everyone.optimizers == ("sgd", "adam", "momentum")
