"""What can be tried next: each action turns one knob, and the knob acts on one stage of a project.

Source: Ng 2018, "Machine Learning Yearning", ch. 20-28 (what helps against bias, against variance) and the course's
chain of assumptions: a model does well on train, then dev, then test, then in the world, and each stage has knobs of
its own (orthogonalization). Which knob pays is measured, see `advice`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rumbo.strategy.gaps import Diagnosis, GapName, Stage

STAGE_OF = {
    GapName.AVOIDABLE_BIAS: Stage.TRAIN,
    GapName.VARIANCE: Stage.DEV,
    GapName.DATA_MISMATCH: Stage.DEV,
    GapName.DEV_OVERFIT: Stage.TEST,
}


@dataclass(frozen=True, kw_only=True)
class Action:
    """One knob turned.

    Attributes:
        name: what it is called in tables and files.
        gap: what it is meant to close; None: it changes what is measured (the metric, the labels, the dev set).
        stage: where it is felt.
        sentence: what is done, for people.
        settings: options by their dotted paths, as text, that differ from the run's own; empty where no option does it.
        epochs_factor: how many times as long the training is.
        cost: training time, as a multiple of the run's.
        cleans_labels: whether suspect labels of train are left out.
        is_tried: whether a training can measure it; else it is told with its reason alone.
    """

    name: str
    gap: GapName | None
    stage: Stage
    sentence: str
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    epochs_factor: float = 1.0
    cost: float = 1.0
    cleans_labels: bool = False
    is_tried: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "name": self.name,
            "gap": None if self.gap is None else str(self.gap),
            "stage": str(self.stage),
            "sentence": self.sentence,
            "settings": dict(self.settings),
            "epochs_factor": self.epochs_factor,
            "cost": self.cost,
            "tried": self.is_tried,
        }


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known of a run before anything is tried.

    Attributes:
        task: classify, regress or multilabel.
        has_images: whether pictures go in.
        has_numbers: whether columns of numbers go in.
        model: name of the network.
        model_options: its own options, defaults included.
        learning_rate: base rate of the run.
        usual_rate: what would be chosen for this network and optimizer.
        weight_decay: of the run.
        augments: whether training pictures are changed, and how much as a multiple of the usual amounts.
        mirrors: whether they are mirrored.
        label_smoothing: of the run.
        numbers: how columns are scaled.
        is_balanced: whether classes are weighed or drawn evenly already.
        class_ratio: examples of the largest class for each one of the smallest; 1 where there are no classes.
        goal: the metric.
        noise_rate: share of wrong labels, as far as it was estimated.
        diagnosis: the gaps.
        common_tags: tags that wrong examples of dev have more often than right ones, as the error table tells.
        pretrained: a network for these inputs whose published weights are on this machine; None: none is.
    """

    task: str
    has_images: bool
    has_numbers: bool
    model: str
    model_options: Mapping[str, Any]
    learning_rate: float
    usual_rate: float
    weight_decay: float
    augments: float
    mirrors: bool
    label_smoothing: float
    numbers: str
    is_balanced: bool
    class_ratio: float
    goal: str
    noise_rate: float | None
    diagnosis: Diagnosis
    common_tags: frozenset[str] = frozenset()
    pretrained: str | None = None
