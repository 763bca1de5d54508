"""The knobs of a training: rules that make actions of what is known of it, for the largest gap first.

A rule says what makes sense to try, not what helps: that is measured, see `advice`. The amounts are steps that one
takes by hand: three times as long, a rate three times as high, a network of twice the width, ten times the decay.
"""

from collections.abc import Callable, Mapping, Sequence

from rumbo.core.messages import t
from rumbo.strategy.actions import STAGE_OF, Action, Situation
from rumbo.strategy.gaps import GapName, Stage


def candidates(situation: Situation) -> tuple[Action, ...]:
    """The actions that make sense here: for the verdict first, then for the other gaps, then the rest.

    >>> [stage.value for stage in Stage]
    ['train', 'dev', 'test', 'real_world']
    """
    made = [action for rule in RULES for action in rule(situation)]
    order = [situation.diagnosis.verdict, *situation.diagnosis.also]
    rank = {name: place for place, name in enumerate(order)}
    return tuple(sorted(made, key=lambda action: rank.get(action.gap or "", len(order))))


BIAS, VARIANCE, MISMATCH, OVERFIT = GapName


def _longer(now: Situation) -> Sequence[Action]:
    sentence = t("train {count} times as long", count=3)
    return [Action(name="longer", gap=BIAS, stage=Stage.TRAIN, sentence=sentence, epochs_factor=3, cost=3)]


def _rates(now: Situation) -> Sequence[Action]:
    """The usual rate of the network, and rates around the present one, ten times apart at most."""
    rates: dict[str, float] = {}
    if not 0.7 < now.learning_rate / now.usual_rate < 1.4:
        rates["usual_rate"] = now.usual_rate
    rates |= {"higher_rate": 3 * now.learning_rate, "lower_rate": now.learning_rate / 3}
    return [
        Action(
            name=name,
            gap=BIAS,
            stage=Stage.TRAIN,
            sentence=t("a learning rate of {rate:.2g} instead of {now:.2g}", rate=rate, now=now.learning_rate),
            settings={"train.optimizer.learning_rate": f"{rate:.4g}"},
        )
        for name, rate in rates.items()
    ]


LADDERS: Mapping[str, tuple[str, ...]] = {
    "image": ("softmax_regression", "mlp", "lenet5", "convnet"),
    "table": ("softmax_regression", "mlp", "table_net"),
}
"""Networks of a kind of input from the weakest to the strongest that trains quickly."""
DEEPER = {
    "resnet18": "resnet34",
    "resnet34": "resnet50",
    "mobilenet_v3_small": "mobilenet_v2",
    "squeezenet1_1": "resnet18",
}


def _networks(now: Situation) -> Sequence[Action]:
    """Another network of the ladder, a wider and a narrower one of the same kind."""
    ladder = LADDERS["image" if now.has_images else "table"]
    name = "softmax_regression" if now.model == "logistic_regression" else now.model
    found: list[Action] = []
    if better := DEEPER.get(name) or (ladder[-1] if name in ladder[:-1] else None):
        # Its own usual options and rate, since those of the present network mean nothing to it.
        settings = {"model.name": better, "train.optimizer.learning_rate": "none"}
        sentence = t("the network {name} instead of {now}", name=better, now=now.model)
        found.append(
            Action(name="stronger_network", gap=BIAS, stage=Stage.TRAIN, sentence=sentence, settings=settings, cost=4)
        )
    for action, factor, gap, cost in (("larger_network", 2.0, BIAS, 3.0), ("smaller_network", 0.5, VARIANCE, 0.6)):
        scaled = _scaled(now, factor)
        if scaled is None:
            continue
        option, value = scaled
        stage = STAGE_OF[gap]
        sentence = t("{option}={value} in the network {name}", option=option, value=value, name=now.model)
        settings = {f"model.options.{option}": value}
        found.append(Action(name=action, gap=gap, stage=stage, sentence=sentence, settings=settings, cost=cost))
    return found


def _scaled(now: Situation, factor: float) -> tuple[str, str] | None:
    """The option that makes a network wider or narrower, and its value; None where it has none."""
    options = now.model_options
    if "hidden" in options:
        hidden = str(options["hidden"]).strip("()[] ").split(",")
        return "hidden", ",".join(str(max(1, round(float(part) * factor))) for part in hidden if part.strip())
    if "width" in options:
        return "width", str(max(1, round(float(options["width"]) * factor)))
    return None


def _regularization(now: Situation) -> Sequence[Action]:
    found: list[Action] = []

    def add(name: str, gap: GapName, sentence: str, path: str, value: str) -> None:
        found.append(Action(name=name, gap=gap, stage=STAGE_OF[gap], sentence=sentence, settings={path: value}))

    decay = "train.optimizer.weight_decay"
    stronger = 10 * now.weight_decay if now.weight_decay else 0.1
    if stronger <= 10:
        add("more_weight_decay", VARIANCE, t("weight decay of {value:.3g}", value=stronger), decay, f"{stronger:.4g}")
    if now.weight_decay > 0.02:  # at the usual 0.01 its absence is hardly felt
        add("less_weight_decay", BIAS, t("weight decay of {value:.3g}", value=0.01), decay, "0.01")
    if "dropout" in now.model_options:
        rate = _first_number(now.model_options["dropout"])
        if rate < 0.5:
            value = min(0.6, rate + 0.3)
            add(
                "more_dropout",
                VARIANCE,
                t("dropout of {value:.2g}", value=value),
                "model.options.dropout",
                f"{value:.2g}",
            )
        if rate > 0:
            add("no_dropout", BIAS, t("no dropout"), "model.options.dropout", "0")
    if now.task == "classify" and now.label_smoothing == 0:
        add("label_smoothing", VARIANCE, t("label smoothing of {value:.2g}", value=0.1), "train.label_smoothing", "0.1")
    return found


def _first_number(value: object) -> float:
    text = str(value).strip("()[] ").split(",")[0]
    return float(text) if text else 0.0


def _augmentation(now: Situation) -> Sequence[Action]:
    if not now.has_images:
        return []
    found: list[Action] = []
    path = "data.augment"
    if now.augments == 0:
        found.append(
            Action(
                name="augmentation",
                gap=VARIANCE,
                stage=Stage.DEV,
                sentence=t("shift, zoom and turn training pictures a little"),
                settings={path: "on", f"{path}.fewest_epochs": "0", f"{path}.flip": "auto"},
                cost=1.2,
            )
        )
    else:
        sentence = t("do not change training pictures")
        found.append(
            Action(name="no_augmentation", gap=BIAS, stage=Stage.TRAIN, sentence=sentence, settings={path: "none"})
        )
    found += [
        Action(
            name=f"augmentation_{name}",
            gap=VARIANCE,
            stage=Stage.DEV,
            sentence=t("{what}, since such ones go wrong more often", what=what),
            settings={f"{path}.{option}": value, f"{path}.fewest_epochs": "0"},
            cost=1.2,
        )
        for name, tags, option, value, what in _by_tag()
        if now.common_tags & tags
    ]
    if now.mirrors:
        sentence = t("do not mirror training pictures")
        settings = {f"{path}.flip": "no"}
        found.append(Action(name="no_mirroring", gap=BIAS, stage=Stage.TRAIN, sentence=sentence, settings=settings))
    return found


def _by_tag() -> list[tuple[str, frozenset[str], str, str, str]]:
    """Augmentation that makes training pictures like those with a tag: name, tags, option, value, sentence."""
    return [
        ("blur", frozenset({"blur"}), "blur_px", "1.5", t("blur training pictures")),
        ("light", frozenset({"dark", "bright", "low_contrast"}), "light", "0.4", t("vary light and contrast more")),
        ("color", frozenset({"grey"}), "fade", "0.6", t("take color out of training pictures")),
        ("size", frozenset({"small_object", "small_picture"}), "shrink", "0.3", t("shrink training pictures")),
    ]


def _pretrained(now: Situation) -> Sequence[Action]:
    if now.pretrained is None:
        return []
    settings = {"model.name": now.pretrained, "model.weights": "imagenet", "train.optimizer.learning_rate": "none"}
    sentence = t("the network {name} with its ImageNet weights", name=now.pretrained)
    return [Action(name="pretrained", gap=VARIANCE, stage=Stage.DEV, sentence=sentence, settings=settings, cost=10)]


def _inputs(now: Situation) -> Sequence[Action]:
    if not now.has_numbers or now.numbers == "quantile":
        return []
    sentence = t("scale the numbers by their quantiles")
    return [
        Action(
            name="scaled_inputs", gap=BIAS, stage=Stage.TRAIN, sentence=sentence, settings={"data.numbers": "quantile"}
        )
    ]


def _classes(now: Situation) -> Sequence[Action]:
    if now.class_ratio < 2 or now.is_balanced:
        return []
    sentence = t("count examples of rare classes more")
    found = [
        Action(name="balanced", gap=BIAS, stage=Stage.TRAIN, sentence=sentence, settings={"train.balance": "weights"})
    ]
    if now.goal in ("accuracy", "error") and now.class_ratio >= 5:
        sentence = t(
            "choose by balanced_accuracy: the largest class has {ratio:.0f} times the examples of the smallest, and "
            "{goal} hardly sees that one (--goal balanced_accuracy)",
            ratio=now.class_ratio,
            goal=now.goal,
        )
        found.append(Action(name="another_metric", gap=None, stage=Stage.REAL_WORLD, sentence=sentence, is_tried=False))
    return found


NOISE_WORTH_CLEANING = 0.03


def _labels(now: Situation) -> Sequence[Action]:
    if now.noise_rate is None or now.noise_rate < NOISE_WORTH_CLEANING or now.task == "regress":
        return []
    sentence = t(
        "leave out examples whose labels are probably wrong (about {share:.0%} are; `rumbo labels` lists them)",
        share=now.noise_rate,
    )
    return [Action(name="cleaned_labels", gap=VARIANCE, stage=Stage.DEV, sentence=sentence, cleans_labels=True, cost=4)]


SMALL_DEV = 100
"""Examples of dev below which hardly any action can be told from none."""


def _evidence(now: Situation) -> Sequence[Action]:
    """What no training can measure: a dev set that decides, data from where they are needed."""
    found: list[Action] = []

    def add(name: str, gap: GapName | None, stage: Stage, sentence: str) -> None:
        found.append(Action(name=name, gap=gap, stage=stage, sentence=sentence, is_tried=False))

    found_gaps = {now.diagnosis.verdict, *now.diagnosis.also}
    size, dev = now.diagnosis.smallest_dev_size, now.diagnosis.errors.get("dev")
    count = 0 if dev is None else dev.num_items or 0
    is_small = now.diagnosis.verdict == "undecided" or count < SMALL_DEV
    if is_small and (size is None or count < size):
        sentence = (
            t("put more examples into dev: it has {count}", count=count)
            if size is None
            else t("put more examples into dev: it has {count}, and {size} would decide", count=count, size=size)
        )
        add("larger_dev", None, Stage.TEST, sentence)
    if VARIANCE in found_gaps:
        add(
            "more_data",
            VARIANCE,
            Stage.DEV,
            t("collect more training data (`rumbo diagnose RUN --curve` says how much helps)"),
        )
    if MISMATCH in found_gaps:
        add(
            "target_like_data",
            MISMATCH,
            Stage.DEV,
            t("collect training data that look like dev (`rumbo errors RUN` says which)"),
        )
    if OVERFIT in found_gaps:
        add("fresh_dev", OVERFIT, Stage.TEST, t("make a larger dev set from fresh data"))
    return found


RULES: tuple[Callable[[Situation], Sequence[Action]], ...] = (
    _longer,
    _rates,
    _networks,
    _inputs,
    _regularization,
    _augmentation,
    _pretrained,
    _labels,
    _classes,
    _evidence,
)
