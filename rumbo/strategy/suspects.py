"""Labels that are probably wrong, most suspicious first, of classes and of yes/no labels with gaps.

The model never saw the example that it judges. Its probabilities and the noise that was read off them give the chance
that a label is right; the scores and selections of confident learning (`confident`) can be had instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.strategy.confident import ScoreName, SelectionName, best_others, label_scores, select_suspects
from rumbo.strategy.label_errors import ErrorSplit, split_error
from rumbo.strategy.label_flows import (
    LEAST_RATE,
    Flows,
    calibrated,
    read_flows,
    smoothed,
    true_counts,
    uniform,
    wrong_share,
)
from rumbo.strategy.label_noise import LabelNoise, label_noise

CHUNK = 10_000
"""Examples whose probabilities are corrected at a time."""
YES_NO = ("0", "1")
BELIEF_ROUNDS = 3
"""With these, chances are what they say: where the mean suspect was wrong with 84 %, 85 % of them were, over all sets
of bench/labels.py; with more rounds, networks become too sure of what they think."""
FAR_FROM_ONE = 0.01


@dataclass(frozen=True, eq=False, kw_only=True)
class Judgement:
    """One classification whose labels are judged: the classes of a set, or one of its yes/no labels.

    Attributes:
        name: of the yes/no label; empty for classes.
        rows: rows of the examples in the set, n.
        given: codes, n.
        probabilities: n x k, k >= 2.
        classes: k names.
    """

    name: str
    rows: np.ndarray
    given: np.ndarray
    probabilities: np.ndarray
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Suspects:
    """Every label that was judged, most suspicious first: suspects, then all others.

    Attributes:
        rows: rows of the examples.
        labels: which of the judgements each belongs to.
        given: codes.
        suggested: codes of what the model would say instead.
        scores: how much the model stands by the given label, in [0, 1].
        is_suspect: whether it is counted as one.
    """

    rows: np.ndarray
    labels: np.ndarray
    given: np.ndarray
    suggested: np.ndarray
    scores: np.ndarray
    is_suspect: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def judge_classes(
    given: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], *, fewest: int = 2
) -> tuple[list[Judgement], tuple[str, ...]]:
    """The one judgement of a classification; and classes with too few examples, which are left out.

    Args:
        given: codes, n.
        probabilities: n x k.
        classes: k names.
        fewest: examples that a class must have; no model learns one that it has hardly met.

    Raises:
        UsageError: shapes that do not fit, no probabilities, or fewer than two classes with examples enough.
    """
    given, probabilities = np.asarray(given), np.asarray(probabilities, dtype=np.float64)
    if probabilities.shape != (len(given), len(classes)):
        raise UsageError(_misfit(probabilities.shape, (len(given), len(classes))))
    _require_probabilities(probabilities)
    counts = np.bincount(given, minlength=len(classes))
    kept = np.flatnonzero(counts >= fewest)
    rare = tuple(classes[code] for code in np.flatnonzero(counts < fewest).tolist())
    if len(kept) < 2:
        raise UsageError(
            t("labels can be judged where two classes or more have at least {count} examples each.", count=fewest)
        )
    rows = np.flatnonzero(np.isin(given, kept))
    part = probabilities[np.ix_(rows, kept)]
    sums = part.sum(axis=1, keepdims=True)
    part = np.where(sums > 0, part / np.maximum(sums, 1e-300), 1 / len(kept))
    codes = np.searchsorted(kept, given[rows])
    names = tuple(classes[code] for code in kept.tolist())
    return [Judgement(name="", rows=rows, given=codes, probabilities=part, classes=names)], rare


def judge_labels(
    given: np.ndarray, probabilities: np.ndarray, labels: Sequence[str], *, fewest: int = 2
) -> tuple[list[Judgement], tuple[str, ...]]:
    """One judgement for each yes/no label, on the examples where it is known; and labels that are left out.

    Args:
        given: 0, 1 or NaN where it is missing, n x k.
        probabilities: of yes, n x k.
        labels: k names.
        fewest: examples that must say yes, and as many no.

    Raises:
        UsageError: as for `judge_classes`.
    """
    given, probabilities = np.asarray(given, np.float64), np.asarray(probabilities, np.float64)
    if probabilities.shape != given.shape or given.shape[1:] != (len(labels),):
        raise UsageError(_misfit(probabilities.shape, (len(given), len(labels))))
    found: list[Judgement] = []
    rare: list[str] = []
    for place, name in enumerate(labels):
        rows = np.flatnonzero(~np.isnan(given[:, place]))
        codes, yes = given[rows, place].astype(np.int64), probabilities[rows, place]
        if min((codes == 0).sum(), (codes == 1).sum()) < fewest:
            rare.append(name)
            continue
        both = np.stack([1 - yes, yes], axis=1)
        _require_probabilities(both)
        found.append(Judgement(name=name, rows=rows, given=codes, probabilities=both, classes=YES_NO))
    if not found:
        raise UsageError(t("no label is known to be yes on {count} examples, and no on as many.", count=fewest))
    return found, tuple(rare)


def find_suspects(
    judgements: Sequence[Judgement],
    noise: LabelNoise,
    flows: Sequence[Flows],
    *,
    score: Literal["posterior"] | ScoreName = "posterior",
    selection: Literal["posterior"] | SelectionName = "posterior",
) -> Suspects:
    """Rank all labels.

    Args:
        judgements: of one set.
        noise: of it, as `noise_of` gives it.
        flows: likewise, as `flows_of` does.
        score: what ranks; posterior is the chance that the label is right, see `chance_right`.
        selection: what makes a label a suspect; posterior takes those that are more probably wrong than right.

    >>> sure = np.array([[0.9, 0.1]] * 5 + [[0.1, 0.9]] * 5)
    >>> given = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])  # the fifth is a 0
    >>> judged, _ = judge_classes(given, sure, ["no", "yes"])
    >>> flows = flows_of(judged)
    >>> found = find_suspects(judged, noise_of(judged, flows), flows)
    >>> int(found.rows[0]), int(found.suggested[0]), int(found.is_suspect.sum())
    (4, 0, 1)
    """
    parts = [_scored(each, flow, noise, score, selection) for each, flow in zip(judgements, flows, strict=True)]
    scores, suggested, chosen = (np.concatenate(values) for values in zip(*parts, strict=True))
    rows = np.concatenate([each.rows for each in judgements])
    labels = np.concatenate([np.full(len(each.rows), place) for place, each in enumerate(judgements)])
    order = np.lexsort((rows, scores, ~chosen))
    return Suspects(
        rows=rows[order],
        labels=labels[order],
        given=np.concatenate([each.given for each in judgements])[order],
        suggested=suggested[order],
        scores=scores[order],
        is_suspect=chosen[order],
    )


def _scored(
    judgement: Judgement,
    flow: Flows,
    noise: LabelNoise,
    score: Literal["posterior"] | ScoreName,
    selection: Literal["posterior"] | SelectionName,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, suggestions, and which are suspects."""
    probabilities, given = judgement.probabilities, judgement.given
    if "posterior" in (score, selection):
        rate = max(wrong_share([flow]), LEAST_RATE)  # yes/no labels have each its own
        matrix = smoothed(flow) if noise.kind == "systematic" else uniform(rate, len(judgement.classes))
        chances, suggested = chance_right(calibrated(probabilities, given), given, matrix)
    else:
        chances, suggested = np.ones(len(given)), best_others(probabilities, given)
    scores = chances if score == "posterior" else label_scores(probabilities, given, score)
    chosen = chances < 0.5 if selection == "posterior" else select_suspects(probabilities, given, selection)
    return scores, suggested, chosen


def chance_right(probabilities: np.ndarray, given: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chance that each label is right, and the class that it else most probably should be.

    The model learned from labels with noise, so p(i; x) = sum_j T[j, i] q(j; x) for its belief q in the true class,
    which `true_counts` gives back. By Bayes, a label g is right with T[g, g] q(g; x) / sum_j T[j, g] q(j; x).

    Args:
        probabilities: p, n x k.
        given: codes, n.
        matrix: T, P(given | true), k x k, its rows with no zero where a label is to be doubted.

    Returns:
        Chances, n; codes, n.
    """
    chances, others = np.empty(len(given)), np.empty(len(given), dtype=np.int64)
    for first in range(0, len(given), CHUNK):
        part = slice(first, first + CHUNK)
        belief = true_counts(matrix, probabilities[part].T, BELIEF_ROUNDS).T
        explained = belief * matrix[:, given[part]].T
        rows = np.arange(len(belief))
        right = explained[rows, given[part]]
        chances[part] = right / np.maximum(explained.sum(axis=1), 1e-300)
        explained[rows, given[part]] = -1
        others[part] = explained.argmax(axis=1)
    return chances, others


def flows_of(judgements: Sequence[Judgement]) -> list[Flows]:
    """What the clear examples of each judgement show."""
    return [read_flows(calibrated(each.probabilities, each.given), each.given) for each in judgements]


def noise_of(judgements: Sequence[Judgement], flows: Sequence[Flows]) -> LabelNoise:
    """How many labels are wrong, and in which way, by what `flows_of` gives."""
    first = judgements[0]
    names = [each.name for each in judgements] if first.name else first.classes
    return label_noise(flows, names, are_yes_no=bool(first.name))


def error_of(answered: Sequence[Judgement], flows: Sequence[Flows], *, seed: int = 0) -> ErrorSplit:
    """The error of a model on some examples, cut into wrong labels and wrong answers.

    Args:
        answered: its probabilities of them, with the given labels; the same classes or labels as in `flows`.
        flows: of the noise.
        seed: of the resampling.
    """
    answers = [each.probabilities.argmax(axis=1) for each in answered]
    return split_error(answers, [each.given for each in answered], flows, seed=seed)


def _require_probabilities(probabilities: np.ndarray) -> None:
    is_fine = np.isfinite(probabilities).all() and (probabilities >= 0).all()
    if not (is_fine and np.abs(probabilities.sum(axis=1) - 1).max(initial=0) <= FAR_FROM_ONE):
        raise UsageError(t("probabilities must be finite, not negative, and sum to 1 for each example."))


def _misfit(met: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    return t("probabilities of shape {met}, but {wanted} is needed.", met=str(met), wanted=str(wanted))
