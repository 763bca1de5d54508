"""Whether adaptive optimizers end worse than SGD."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from scipy.stats import t as students_t
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer

from rumbo.core.errors import OptionError, unknown_name
from rumbo.core.messages import t
from rumbo.core.options import option
from rumbo.core.seeds import rng
from rumbo.lab.digits import digits
from rumbo.lab.experiment import Cell, Experiment, Result, Track, experiments, unseen
from rumbo.plots.panels import Intervals, Line, Lines
from rumbo.reference.arrays import Array
from rumbo.training.options import ScheduleOptions
from rumbo.training.schedule import rate_factor

BASELINE = "momentum"
"""SGD with momentum 0.9, that all others are compared with."""
NUM_DEV = 300


class Rule(NamedTuple):
    """An optimizer and the middle one of the rates that are tried."""

    make: Callable[[Sequence[Tensor], float], Optimizer]
    middle: float


RULES = {
    "sgd": Rule(lambda weights, rate: torch.optim.SGD(weights, lr=rate), 0.3),
    "momentum": Rule(lambda weights, rate: torch.optim.SGD(weights, lr=rate, momentum=0.9), 0.1),
    "adagrad": Rule(lambda weights, rate: torch.optim.Adagrad(weights, lr=rate), 0.03),
    "rmsprop": Rule(lambda weights, rate: torch.optim.RMSprop(weights, lr=rate), 0.003),
    "adam": Rule(lambda weights, rate: torch.optim.Adam(weights, lr=rate), 0.003),
    "amsgrad": Rule(lambda weights, rate: torch.optim.Adam(weights, lr=rate, amsgrad=True), 0.003),
    "adamw": Rule(lambda weights, rate: torch.optim.AdamW(weights, lr=rate), 0.003),
    "adadelta": Rule(lambda weights, rate: torch.optim.Adadelta(weights, lr=rate), 1.0),
}


class Part(NamedTuple):
    """Some of the digits: m x 64 pixels, m labels."""

    pixels: Tensor
    labels: Tensor


class Ends(NamedTuple):
    """Trainings of one optimizer at one rate, one per seed.

    Args:
        rate: the learning rate.
        costs: mean cost of the batches of each epoch, seeds x epochs.
        dev: accuracy on dev, seeds.
        dev_loss: mean cost on dev, seeds.
        weights: of the ends of all trainings, stacked.
    """

    rate: float
    costs: Array
    dev: Array
    dev_loss: Array
    weights: list[Tensor]


class Spread(NamedTuple):
    """A mean over trainings and its 95 % interval."""

    mean: float
    low: float
    high: float


@experiments.register("adaptive_end")
@dataclass(frozen=True, kw_only=True)
class AdaptiveEnd(Experiment):
    """Train one network on digits with each optimizer, from many first weights, and compare the ends on test.

    Digits are cut once: 900 to train, 300 dev, 597 test. Every optimizer gets as many rates, around one that is usual
    for it; the one with the best mean accuracy on dev counts (of equals, the least mean cost), and only there is test
    looked at. Trainings of the same number share first weights and order of examples for all optimizers, so that
    differences are paired. Intervals are Student's over trainings: what other first weights and orders would give on
    these same digits. Each holds by itself: of many compared, one in twenty lies off by chance.
    All trainings of a rate run at once, as stacked matrices; the rules work on each weight alone, so none feels others.
    Source: Ronchetti & Quiroga, "Optimizadores Avanzados" (advanced ones end slightly worse than SGD); Wilson et al.
    2017, arXiv:1705.08292.
    """

    optimizers: tuple[str, ...] = option(
        ("sgd", "adagrad", "rmsprop", "adam"),
        "compared with momentum, separated by commas, of: sgd, adagrad, rmsprop, adam, amsgrad, adamw, adadelta",
    )
    trainings: int = option(10, "trainings of each optimizer at each rate", low=2, high=1_000)
    rates: int = option(5, "rates tried for each, a factor of about 3 apart", low=1, high=15)
    epochs: int = option(25, "epochs of each training", low=1, high=1_000)
    schedule: Literal["cosine", "constant"] = option("cosine", "how rates fall: cosine to almost 0, or constant")
    width: int = option(64, "units of the hidden layer", low=1, high=2_000)
    batch_size: int = option(32, "examples in a step", low=1, high=900)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.optimizers:
            if name not in RULES:
                raise unknown_name("optimizer", name, RULES)
        if not set(self.optimizers) - {BASELINE}:
            raise OptionError(t("optimizers='{met}' must name one to compare with {baseline}.",
                                met=", ".join(self.optimizers), baseline=BASELINE))  # fmt: skip

    def run(self, source: Path | None = None, track: Track = unseen) -> Result:
        """Train with all, choose rates by dev, look at test; takes no source."""
        train, dev, test = self._parts()
        names = [BASELINE, *dict.fromkeys(name for name in self.optimizers if name != BASELINE)]
        tasks = [(name, rate) for name in names for rate in self._rates(name)]
        ends: dict[str, list[Ends]] = {name: [] for name in names}
        for name, rate in track(tasks, t("training"), len(tasks)):
            ends[name].append(self._train(name, rate, train, dev))
        chosen = {name: best_on_dev(tried) for name, tried in ends.items()}
        accuracies = {name: judge(end.weights, test)[0] for name, end in chosen.items()}
        tests = {name: spread(accuracies[name]) for name in names}
        differences = {name: spread(accuracies[name] - accuracies[BASELINE]) for name in names[1:]}
        rows: list[tuple[Cell, ...]] = []
        for name in names:
            end, difference = chosen[name], differences.get(name)
            rows.append(
                (name, end.rate, float(end.costs[:, -1].mean()), float(end.dev.mean()), *tests[name],
                 *(difference or (None, None, None)))
            )  # fmt: skip
        return Result(
            title=t("Ends of {count} trainings on digits, each optimizer at its best rate", count=self.trainings),
            finding=finding(differences, len(test.labels), self.trainings) + self._at_the_edge(chosen, ends),
            columns=(
                t("optimizer"), t("rate"), t("train cost"), t("dev accuracy"), t("test accuracy"), t("from"), t("to"),
                t("minus {baseline}", baseline=BASELINE), t("not less than"), t("not more than"),
            ),
            rows=tuple(rows),
            panels=(self._by_rate(ends), self._by_epoch(chosen), _by_difference(differences)),
            num_columns=3,
        )  # fmt: skip

    def _parts(self) -> tuple[Part, Part, Part]:
        """Train, dev and test; rows are examples."""
        (X, Y), (X_test, Y_test) = digits(self.seed)
        pixels, labels = torch.from_numpy(X.T).float(), torch.from_numpy(Y.argmax(axis=0))
        test = Part(torch.from_numpy(X_test.T).float(), torch.from_numpy(Y_test.argmax(axis=0)))
        return Part(pixels[NUM_DEV:], labels[NUM_DEV:]), Part(pixels[:NUM_DEV], labels[:NUM_DEV]), test

    def _rates(self, name: str) -> list[float]:
        """Around the usual one, at ratios of 10 ** 0.5, from the smallest."""
        steps = np.arange(self.rates) - self.rates // 2
        return [float(f"{rate:.3g}") for rate in RULES[name].middle * 10.0 ** (steps / 2)]

    def _train(self, name: str, rate: float, train: Part, dev: Part) -> Ends:
        """All trainings with one optimizer at one rate."""
        weights = self._first_weights()
        optimizer = RULES[name].make(weights, rate)
        orders = [rng(self.seed, "adaptive_end: order", number) for number in range(self.trainings)]
        num_items = len(train.labels)
        per_epoch = -(-num_items // self.batch_size)
        schedule = ScheduleOptions(name=self.schedule, warmup_fraction=0.0)
        costs = np.zeros((self.trainings, self.epochs))
        step = 0
        for epoch in range(self.epochs):
            order = torch.from_numpy(np.stack([generator.permutation(num_items) for generator in orders]))
            for chosen in order.split(self.batch_size, dim=1):
                for group in optimizer.param_groups:
                    group["lr"] = rate * rate_factor(schedule, step, self.epochs * per_epoch, per_epoch)
                cost = cost_of_each(weights, train.pixels[chosen], train.labels[chosen])
                optimizer.zero_grad()
                cost.sum().backward()
                optimizer.step()
                costs[:, epoch] += cost.detach().numpy() / per_epoch
                step += 1
        ends = [weight.detach() for weight in weights]
        return Ends(rate, costs, *judge(ends, dev), ends)

    def _first_weights(self) -> list[Tensor]:
        """He's, of all trainings, stacked: 64 pixels to hidden units to 10 classes."""
        generators = [rng(self.seed, "adaptive_end: first weights", number) for number in range(self.trainings)]
        weights: list[Tensor] = []
        for num_in, num_out in ((64, self.width), (self.width, 10)):
            drawn = [generator.normal(0, (2 / num_in) ** 0.5, (num_in, num_out)) for generator in generators]
            weights += [torch.from_numpy(np.stack(drawn)).float(), torch.zeros(self.trainings, 1, num_out)]
        return [weight.requires_grad_() for weight in weights]

    def _at_the_edge(self, chosen: dict[str, Ends], ends: dict[str, list[Ends]]) -> str:
        """A warning where the best rate is the first or last tried: one beyond it could be better."""
        edges = {name: (tried[0].rate, tried[-1].rate) for name, tried in ends.items()}
        late = [name for name, end in chosen.items() if self.rates > 1 and end.rate in edges[name]]
        if not late:
            return ""
        return " " + t("At the edge of the rates tried: {names}; others might be better.", names=", ".join(late))

    def _by_rate(self, ends: dict[str, list[Ends]]) -> Lines:
        lines: list[Line] = []
        for name, tried in ends.items():
            spreads = np.array([spread(end.dev) for end in tried]).T
            rates = np.array([end.rate for end in tried])
            lines.append(Line(name=name, x=rates, y=spreads[0], band=(spreads[1], spreads[2])))
        best = max(float(line.y.max()) for line in lines)
        return Lines(
            title=t("dev accuracy by rate"),
            x_label=t("rate"),
            y_label=t("accuracy"),
            lines=tuple(lines),
            log_x=True,
            y_range=(best - 0.1, best + 0.01),  # rates that are far off would hide the differences
        )

    def _by_epoch(self, chosen: dict[str, Ends]) -> Lines:
        epochs = np.arange(1.0, self.epochs + 1)
        return Lines(
            title=t("train cost, best rate"),
            x_label=t("epoch"),
            y_label=t("cost"),
            lines=tuple(Line(name=name, x=epochs, y=end.costs.mean(axis=0)) for name, end in chosen.items()),
            log_y=True,
        )


def logits_of_each(weights: Sequence[Tensor], pixels: Tensor) -> Tensor:
    """Stacked networks on b x 64 pixels, or each on its own: trainings x b x 64."""
    W1, b1, W2, b2 = weights
    return torch.relu(pixels @ W1 + b1) @ W2 + b2


def cost_of_each(weights: Sequence[Tensor], pixels: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of each network on its own examples: pixels trainings x b x 64, labels trainings x b."""
    logits = logits_of_each(weights, pixels)
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels).mean(dim=1)


@torch.no_grad()
def judge(weights: Sequence[Tensor], part: Part) -> tuple[Array, Array]:
    """Accuracy and mean cost of each network."""
    labels = part.labels.expand(len(weights[0]), -1)
    pixels = part.pixels.expand(len(weights[0]), -1, -1)
    right = logits_of_each(weights, pixels).argmax(dim=-1) == labels
    return right.double().mean(dim=1).numpy(), cost_of_each(weights, pixels, labels).double().numpy()


def best_on_dev(tried: Sequence[Ends]) -> Ends:
    """The rate with the highest mean accuracy on dev; of equals, the one with the least mean cost there."""
    return min(tried, key=lambda end: (-end.dev.mean(), np.nan_to_num(end.dev_loss.mean(), nan=np.inf)))


def spread(values: Array) -> Spread:
    """The mean of several trainings and its 95 % interval by Student's t.

    >>> spread(np.array([1.0, 3.0]))
    Spread(mean=2.0, low=-10.7062..., high=14.7062...)
    """
    mean, half = values.mean(), students_t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return Spread(float(mean), float(mean - half), float(mean + half))


def finding(differences: dict[str, Spread], num_test: int, trainings: int) -> str:
    """Who ends worse, who better, and who is within noise."""

    def named(names: list[str]) -> str:
        return ", ".join(f"{name} ({100 * differences[name].mean:+.2f})" for name in names)

    worse = [name for name, found in differences.items() if found.high < 0]
    better = [name for name, found in differences.items() if found.low > 0]
    rest = [name for name in differences if name not in worse + better]
    sentences = [
        t("Compared with {baseline} on {num} test digits over {trainings} trainings, in points of accuracy:",
          baseline=BASELINE, num=num_test, trainings=trainings)
    ]  # fmt: skip
    parts: list[str] = []
    if worse:
        parts.append(t("worse: {names}", names=named(worse)))
    if better:
        parts.append(t("better: {names}", names=named(better)))
    if rest:
        parts.append(t("within noise: {names}", names=named(rest)))
    return " ".join([*sentences, "; ".join(parts) + "."])


def _by_difference(differences: dict[str, Spread]) -> Intervals:
    values, low, high = 100 * np.array(list(differences.values())).T
    return Intervals(
        title=t("test, less {baseline}", baseline=BASELINE),
        x_label=t("points of accuracy"),
        names=tuple(differences),
        values=values,
        low=low,
        high=high,
        reference=0.0,
    )
