"""Names of the metrics: cheap to read, nothing heavy imported."""

from dataclasses import dataclass

from rumbo.core.registry import Entry


@dataclass(frozen=True)
class MetricEntry(Entry):
    """What a metric is.

    Attributes:
        higher_is_better: which way is up.
        num_classes: the only number of classes it is defined for; None = any.
    """

    higher_is_better: bool
    num_classes: int | None = None


_CLASSES, _NUMBERS, _LABELS = "rumbo.metrics.classes", "rumbo.metrics.numbers", "rumbo.metrics.labels"

# By task, for f1_macro of classes is not f1_macro of labels. The first is the default goal.
INDEX: dict[str, dict[str, MetricEntry]] = {
    "classify": {
        "accuracy": MetricEntry(_CLASSES, "Share of examples whose class was told.", True),
        "error": MetricEntry(_CLASSES, "Share of examples whose class was not told: 1 - accuracy.", False),
        "balanced_accuracy": MetricEntry(_CLASSES, "Mean over classes of the share that was told.", True),
        "precision_macro": MetricEntry(
            _CLASSES, "Mean over classes of the share of its predictions that is right.", True
        ),
        "recall_macro": MetricEntry(_CLASSES, "Mean over classes of the share of its examples that was found.", True),
        "f1_macro": MetricEntry(_CLASSES, "Mean over classes of the harmonic mean of precision and recall.", True),
        "f1": MetricEntry(_CLASSES, "Harmonic mean of precision and recall of the second class.", True, 2),
        "roc_auc": MetricEntry(_CLASSES, "Chance that an example of a class ranks above one that is not of it.", True),
        "log_loss": MetricEntry(_CLASSES, "Mean surprise at the true class, in nats.", False),
    },
    "regress": {
        "rmse": MetricEntry(_NUMBERS, "Root of the mean squared error, in the unit of the target.", False),
        "mae": MetricEntry(_NUMBERS, "Mean absolute error, in the unit of the target.", False),
        "r2": MetricEntry(_NUMBERS, "Share of the target's variance that is explained.", True),
    },
    "multilabel": {
        "f1_macro": MetricEntry(_LABELS, "Mean over labels of the harmonic mean of precision and recall.", True),
        "accuracy": MetricEntry(_LABELS, "Share of known labels that was told.", True),
        "error": MetricEntry(_LABELS, "Share of known labels that was not told: 1 - accuracy.", False),
        "roc_auc_macro": MetricEntry(_LABELS, "Mean over labels of the chance that a yes ranks above a no.", True),
        "log_loss": MetricEntry(_LABELS, "Mean surprise at the known labels, in nats.", False),
    },
}

# Of one class or label, written as recall[CLASS].
ONE_CLASS: dict[str, MetricEntry] = {
    "precision": MetricEntry(
        "rumbo.metrics.one_class", "Of what was said to be of the class, the share that is.", True
    ),
    "recall": MetricEntry("rumbo.metrics.one_class", "Of what is of the class, the share that was found.", True),
    "f1": MetricEntry("rumbo.metrics.one_class", "Harmonic mean of precision and recall of the class.", True),
}
# Only where a run has a matrix of costs.
OF_COSTS: dict[str, MetricEntry] = {
    "mean_cost": MetricEntry("rumbo.metrics.costs", "Mean of what the answers cost, by the matrix of costs.", False),
}
