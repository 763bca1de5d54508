"""What is wrong with the data, said before step 1: leaks, copies, contradictions, rare classes, caps, gaps."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.decode import BadImage, BadItem
from rumbo.data.manifest import SPLITS, Dataset, TargetKind
from rumbo.data.split import Split

MAX_ITEMS = 20
RARE_CLASS = 10
TINY_PX = 8
MAX_SIZES_READ = 2000
"""Headers read for the checks of size; of larger sets, every n-th picture."""
SMALL_TEST = 500
SHARES_P = 1e-3
SHARES_DIFFERENCE = 0.03
"""Class shares are said to differ below this probability of chance, and by at least this much."""
CAPPED_FRACTION = 0.01
CAPPED_RATIO = 3
"""A pile-up: this share of the rows at an extreme, and this many times the most frequent value elsewhere."""
MOSTLY_MISSING = 0.5
MIN_ROWS_FOR_LEAK = 20

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: stable name, such as `leak.exact_duplicate`.
        severity: with an `error`, training does not start.
        message: what was met, a finished sentence.
        num_items: how many examples (columns, classes) it concerns.
        items: the first ids (names).
        done: what was done about it.
        remedy: what can be done.
    """

    code: str
    severity: Severity
    message: str
    num_items: int
    items: tuple[str, ...] = ()
    done: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class CheckReport:
    """All findings, errors first, and the numbers of examples.

    Attributes:
        findings: what was found.
        counts: `splits`: split -> examples; `classes`: split -> class -> examples; `bad`: unusable examples.
    """

    findings: tuple[Finding, ...]
    counts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {"findings": [dataclasses.asdict(finding) for finding in self.findings], "counts": self.counts}

    def raise_errors(self) -> None:
        """Stop at findings with which training makes no sense.

        Raises:
            DataError: with the messages of all errors.
        """
        errors = [finding for finding in self.findings if finding.severity == "error"]
        if errors:
            raise DataError("\n".join(f"{error.message} {_capital(error.remedy)}" for error in errors))


@dataclass(frozen=True)
class _Facts:
    """What the checks look at."""

    dataset: Dataset
    rows: dict[str, np.ndarray]
    bad: tuple[BadItem, ...]

    def __post_init__(self) -> None:
        names = np.full(len(self.dataset), "", dtype=object)
        for split, rows in self.rows.items():
            names[rows] = split
        object.__setattr__(self, "splits", names)

    splits: np.ndarray = dataclasses.field(init=False)

    def ids(self, rows: Iterable[int]) -> tuple[str, ...]:
        column = self.dataset.table["id"]
        return tuple(column[int(row)] for row in list(rows)[:MAX_ITEMS])

    def given_splits(self) -> pl.Series:
        """The split of each row as the data give it, before dev was cut from train; else as it was cut."""
        if "split" in self.dataset.table.columns:
            return self.dataset.table["split"]
        return pl.Series(self.splits.tolist(), dtype=pl.String)

    def classes(self) -> pl.Series | None:
        """The class of each row, when the target is one."""
        target = self.dataset.target
        return self.dataset.table[target.columns[0]] if target and target.kind is TargetKind.CLASS else None


def check_data(dataset: Dataset, split: Split, bad_items: Sequence[BadItem] = ()) -> CheckReport:
    """Look for everything that makes results wrong or training pointless.

    Args:
        dataset: the examples.
        split: where they belong.
        bad_items: pictures that could not be decoded; those of `dataset.bad` are added.
    """
    rows = {name: split.rows(dataset, name) for name in SPLITS}
    facts = _Facts(dataset, rows, (*dataset.bad, *bad_items))
    findings = [finding for check in _CHECKS for finding in check(facts)]
    findings.sort(key=lambda finding: ("error", "warning", "note").index(finding.severity))
    counts: dict[str, Any] = {"splits": {name: len(where) for name, where in rows.items()}, "bad": len(facts.bad)}
    if (classes := facts.classes()) is not None and dataset.target is not None:
        counts["classes"] = {
            name: {label: int((classes[where] == label).sum()) for label in dataset.target.classes}
            for name, where in rows.items()
        }
    return CheckReport(tuple(findings), counts)


def refuse_too_many_bad(dataset: Dataset, bad_items: Sequence[BadItem], max_bad_fraction: float) -> None:
    """Stop when too large a share of the examples cannot be used.

    Args:
        dataset: the examples; `dataset.bad` counts too.
        bad_items: pictures of `dataset` that could not be decoded.
        max_bad_fraction: the share that is let pass.

    Raises:
        DataError: naming the first of them, and the option.
    """
    bad = (*dataset.bad, *bad_items)
    total = len(dataset) + len(dataset.bad)
    if not bad or len(bad) <= max_bad_fraction * total:
        return
    raise DataError(
        t(
            "{count} of {total} examples cannot be used ({share} %; at most {limit} % are let pass). {reasons} "
            "Correct or remove them, or train without them: --set data.max_bad_fraction={enough}.",
            count=len(bad),
            total=total,
            share=f"{100 * len(bad) / total:.3g}",
            limit=f"{100 * max_bad_fraction:.3g}",
            reasons=" ".join(_reason_of(item).rstrip(".") + "." for item in bad[:3]),
            enough=f"{math.ceil(100 * len(bad) / total) / 100:g}",
        )
    )


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _reason_of(item: BadItem) -> str:
    return item.reason if item.code == "target.missing" else f"{item.id}: {item.reason}"


def _bad_items(facts: _Facts) -> Iterable[Finding]:
    sentences: dict[str, Callable[[int, str], str]] = {
        "image.bad": lambda count, first: t("pictures that cannot be used: {count}. {first}", count=count, first=first),
        "target.missing": lambda count, first: t(
            "rows without a usable target: {count}. {first}", count=count, first=first
        ),
    }
    for code, sentence in sentences.items():
        items = [item for item in facts.bad if item.code == code]
        if items:
            yield Finding(
                code=code,
                severity="warning",
                message=sentence(len(items), _reason_of(items[0])),
                num_items=len(items),
                items=tuple(item.id for item in items[:MAX_ITEMS]),
                done=t("left out of all splits."),
                remedy=t("correct them in the source, or remove them."),
            )


def _copies(facts: _Facts) -> Iterable[Finding]:
    """The same content in two splits, or twice in one."""
    content = facts.dataset.table["content"]
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(content.is_duplicated().to_numpy() & (facts.splits != "")).tolist():
        rows_of.setdefault(content[row], []).append(row)
    leaked: list[tuple[int, int]] = []
    repeated: list[int] = []
    for rows in rows_of.values():
        first_of: dict[str, int] = {}
        for row in sorted(rows, key=lambda row: SPLITS.index(facts.splits[row])):
            if facts.splits[row] in first_of:
                repeated.append(row)
            elif first_of:
                leaked.append((row, next(iter(first_of.values()))))
            first_of.setdefault(facts.splits[row], row)
    if leaked:
        row, twin = leaked[0]
        yield Finding(
            code="leak.exact_duplicate",
            severity="warning",
            message=t(
                "examples that stand in two splits, byte for byte: {count}. '{item}' ({split}) is '{twin}' ({other}).",
                count=len(leaked),
                item=facts.ids([row])[0],
                split=facts.splits[row],
                twin=facts.ids([twin])[0],
                other=facts.splits[twin],
            ),
            num_items=len(leaked),
            items=facts.ids(row for row, _ in leaked),
            done=t("kept, since the data give these splits; results on them are a little too good."),
            remedy=t("remove them from one of the splits."),
        )
    if repeated:
        yield Finding(
            code="dup.exact",
            severity="note",
            message=t("exact copies of other examples in their split: {count}.", count=len(repeated)),
            num_items=len(repeated),
            items=facts.ids(repeated),
            done=t("kept, copies together in one split."),
            remedy=t("remove them if they are no real repetitions: they count double."),
        )


def _contradictions(facts: _Facts) -> Iterable[Finding]:
    """Equal inputs with different labels."""
    dataset = facts.dataset
    if dataset.target is None or dataset.target.kind is TargetKind.NUMBER:
        return
    keys = ["content"] if dataset.images is not None else [*dataset.numbers, *dataset.categories]
    if not keys:
        return
    labels = pl.struct(dataset.target.columns)
    many = dataset.table.select((labels.n_unique().over(keys) > 1).alias("many"))["many"]
    rows = np.flatnonzero(many.to_numpy())
    if len(rows):
        yield Finding(
            code="label.conflict",
            severity="warning",
            message=t(
                "examples with the input of others, but another label: {count}. '{first}' is one.",
                count=len(rows),
                first=facts.ids(rows)[0],
            ),
            num_items=len(rows),
            items=facts.ids(rows),
            done=t("kept as they are."),
            remedy=t("decide for one label, or accept that no model can be right on all of them."),
        )


def _class_counts(facts: _Facts) -> Iterable[Finding]:
    """One class only, classes that train lacks, rare classes."""
    classes, target = facts.classes(), facts.dataset.target
    if classes is None or target is None:
        return
    train = set(classes[facts.rows["train"]].unique().to_list())
    if len(train) == 1:
        only = next(iter(train))
        yield Finding(
            code="class.single",
            severity="error",
            message=t(
                "all {count} training examples are of one class, '{name}'.", count=len(facts.rows["train"]), name=only
            ),
            num_items=len(facts.rows["train"]),
            items=(only,),
            remedy=t("add examples of at least one other class, or choose another column with --target."),
        )
    for split in ("dev", "test"):
        unseen = sorted(set(classes[facts.rows[split]].unique().to_list()) - train)
        if unseen:
            yield Finding(
                code="class.missing_in_train",
                severity="error",
                message=t("{split} has classes that train lacks: {names}.", split=split, names=", ".join(unseen[:10])),
                num_items=len(unseen),
                items=tuple(unseen[:MAX_ITEMS]),
                remedy=t("add training examples of them, or remove them from {split}.", split=split),
            )
    counts = {name: int((classes == name).sum()) for name in target.classes}
    if rare := [name for name, count in counts.items() if count < RARE_CLASS]:
        yield Finding(
            code="class.rare",
            severity="warning",
            message=t(
                "classes with fewer than {limit} examples: {names}.",
                limit=RARE_CLASS,
                names=", ".join(f"{name} {counts[name]}" for name in rare[:10]),
            ),
            num_items=len(rare),
            items=tuple(rare[:MAX_ITEMS]),
            done=t("kept; at least one example of each is in train."),
            remedy=t("add examples, or join such classes: results for them mean little."),
        )


def _constant_target(facts: _Facts) -> Iterable[Finding]:
    """One number as the target of all training examples."""
    target, train = facts.dataset.target, facts.rows["train"]
    if target is None or target.kind is not TargetKind.NUMBER:
        return
    values = facts.dataset.table[target.columns[0]][train].unique()
    if len(values) == 1:
        yield Finding(
            code="target.constant",
            severity="error",
            message=t("'{column}' is {value} in all training examples.", column=values.name, value=f"{values[0]:g}"),
            num_items=len(train),
            remedy=t("there is nothing to learn: choose another column with --target."),
        )


def _class_shares(facts: _Facts) -> Iterable[Finding]:
    """Classes whose shares in train and in dev or test differ by more than chance."""
    classes, target = facts.classes(), facts.dataset.target
    if classes is None or target is None or len(facts.rows["train"]) == 0:
        return
    given = facts.given_splits()
    counts = {
        name: np.array([(classes.filter(given == name) == label).sum() for label in target.classes], dtype=np.float64)
        for name in SPLITS
    }
    for split in ("dev", "test"):
        if counts[split].sum() == 0:
            continue
        shares = counts["train"] / counts["train"].sum(), counts[split] / counts[split].sum()
        worst = int(np.abs(shares[0] - shares[1]).argmax())
        difference = float(np.abs(shares[0] - shares[1]).max())
        if difference < SHARES_DIFFERENCE or _same_shares_p(counts["train"], counts[split]) >= SHARES_P:
            continue
        yield Finding(
            code="class.shares_differ",
            severity="warning",
            message=t(
                "the classes are mixed differently: '{name}' is {train} % of train, but {other} % of {split}.",
                split=split,
                name=target.classes[worst],
                train=f"{100 * shares[0][worst]:.0f}",
                other=f"{100 * shares[1][worst]:.0f}",
            ),
            num_items=int(counts[split].sum()),
            items=(target.classes[worst],),
            done=t("kept as given."),
            remedy=t("ask which mix the model will meet; make dev and test like it."),
        )


def _same_shares_p(first: np.ndarray, second: np.ndarray) -> float:
    """Probability of counts as different as these by chance: Pearson's chi-square test of homogeneity.

    Classes in which fewer than 5 examples are expected in a part are put together.
    """
    from scipy.special import chdtrc

    table = np.stack([first, second])
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    common = (expected >= 5).all(axis=0)
    if not common.all():
        table = np.column_stack([table[:, common], table[:, ~common].sum(axis=1)])
        table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(chdtrc(table.shape[1] - 1, ((table - expected) ** 2 / expected).sum()))


def _capped(facts: _Facts) -> Iterable[Finding]:
    """A numeric target that piles up at its largest or smallest value."""
    target = facts.dataset.target
    if target is None or target.kind is not TargetKind.NUMBER:
        return
    column = facts.dataset.table[target.columns[0]]
    values, counts = np.unique(column.to_numpy(), return_counts=True)
    if len(values) <= 20:
        return
    for end, word in ((len(values) - 1, t("largest")), (0, t("smallest"))):
        elsewhere = np.delete(counts, end).max()
        if counts[end] < max(10, CAPPED_FRACTION * len(column)) or counts[end] < CAPPED_RATIO * elsewhere:
            continue
        rows = np.flatnonzero((column == values[end]).to_numpy())
        yield Finding(
            code="target.capped",
            severity="warning",
            message=t(
                "'{column}' looks capped: {count} rows ({share} %) have exactly the {word} value, {value}.",
                count=len(rows),
                share=f"{100 * len(rows) / len(column):.1f}",
                word=word,
                column=column.name,
                value=f"{values[end]:g}" if abs(values[end]) < 1e5 else f"{values[end]:.0f}",
            ),
            num_items=len(rows),
            items=facts.ids(rows),
            done=t("kept as they are."),
            remedy=t("find the true values, or leave these rows out and say that the model does not cover them."),
        )


def _feature_gaps(facts: _Facts) -> Iterable[Finding]:
    """Missing, infinite and constant entries of feature columns."""
    dataset, table = facts.dataset, facts.dataset.table
    features = [*dataset.numbers, *dataset.categories]
    if not features or table.height == 0:
        return
    gaps = {name: table[name].null_count() for name in features if table[name].null_count()}
    if gaps:
        worst = max(gaps.values()) / table.height
        rows = np.flatnonzero(table.select(pl.any_horizontal(pl.col(list(gaps)).is_null())).to_series().to_numpy())
        yield Finding(
            code="feature.missing",
            severity="warning" if worst > MOSTLY_MISSING else "note",
            message=t("entries are missing in {columns}.", columns=_with_counts(gaps, table.height)),
            num_items=len(rows),
            items=facts.ids(rows),
            done=t("numbers take the median of train and a column says where; categories take a code of their own."),
            remedy=t("fill them from the source, where it knows them."),
        )
    infinite = {name: count for name in dataset.numbers if (count := int(table[name].is_infinite().sum()))}
    if infinite:
        some_infinite = pl.any_horizontal(pl.col(list(infinite)).is_infinite()).fill_null(False)
        rows = np.flatnonzero(table.select(some_infinite).to_series().to_numpy())
        yield Finding(
            code="feature.infinite",
            severity="warning",
            message=t("entries are infinite in {columns}.", columns=_with_counts(infinite, table.height)),
            num_items=len(rows),
            items=facts.ids(rows),
            done=t("counted as missing."),
            remedy=t("find the division by zero, or the number that is too large, that made them."),
        )
    constant = [name for name in features if table[name].drop_nulls().n_unique() < 2 and name not in gaps]
    if constant and table.height > 1:
        yield Finding(
            code="feature.constant",
            severity="note",
            message=t("columns have the same entry in all rows: {columns}.", columns=", ".join(constant[:10])),
            num_items=len(constant),
            items=tuple(constant[:MAX_ITEMS]),
            done=t("kept; they tell the model nothing."),
            remedy=t("remove them."),
        )


def _with_counts(counts: dict[str, int], num_rows: int) -> str:
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    listed = ", ".join(f"{name} {count} ({100 * count / num_rows:.1f} %)" for name, count in ordered[:10])
    return listed if len(ordered) <= 10 else listed + " " + t("and {count} more", count=len(ordered) - 10)


def _target_in_features(facts: _Facts) -> Iterable[Finding]:
    """A single feature that gives the target away."""
    dataset = facts.dataset
    if dataset.target is None or dataset.target.kind is TargetKind.LABELS or len(dataset) < MIN_ROWS_FOR_LEAK:
        return
    truth = dataset.table[dataset.target.columns[0]]
    tells = _tells_number if dataset.target.kind is TargetKind.NUMBER else _tells_class
    guilty = [name for name in (*dataset.numbers, *dataset.categories) if tells(dataset.table[name], truth)]
    if guilty:
        yield Finding(
            code="feature.leak",
            severity="warning",
            message=t(
                "{columns}: a single column predicts '{target}' without an error.",
                columns=", ".join(guilty[:10]),
                target=truth.name,
            ),
            num_items=len(guilty),
            items=tuple(guilty[:MAX_ITEMS]),
            done=t("kept as an input."),
            remedy=t("remove it if it is not known at the time of prediction: then it is the answer itself."),
        )


def _tells_number(feature: pl.Series, truth: pl.Series) -> bool:
    """Whether a number is the target, up to scale and shift."""
    if feature.dtype == pl.String:
        return False
    values, wanted = feature.to_numpy(), truth.to_numpy()
    seen = np.isfinite(values)
    if seen.sum() < MIN_ROWS_FOR_LEAK or values[seen].std() == 0 or wanted[seen].std() == 0:
        return False
    return abs(float(np.corrcoef(values[seen], wanted[seen])[0, 1])) > 1 - 1e-6


def _tells_class(feature: pl.Series, truth: pl.Series) -> bool:
    """Whether each entry of a column (or each interval of a number) has one class, and entries repeat."""
    if truth.n_unique() < 2 or feature.null_count() > 0:
        return False
    if feature.dtype == pl.String:
        if feature.n_unique() > len(feature) / 5:
            return False
        pairs = pl.DataFrame({"entry": feature, "truth": truth}).unique()
        return pairs.height == feature.n_unique()
    ordered = pl.DataFrame({"entry": feature, "truth": truth}).sort("entry")
    if pl.DataFrame(ordered).unique().height != feature.n_unique():
        return False
    changes = int((ordered["truth"] != ordered["truth"].shift(1)).fill_null(False).sum())
    return changes == truth.n_unique() - 1


def _picture_sizes(facts: _Facts) -> Iterable[Finding]:
    """Pictures too small to show anything, and pictures of different sizes."""
    images = facts.dataset.images
    if images is None or len(images) == 0:
        return
    step = math.ceil(len(images) / MAX_SIZES_READ)
    sizes: dict[int, tuple[int, int]] = {}
    for row in range(0, len(images), step):
        try:
            sizes[row] = images.size(row)[:2]
        except BadImage:
            continue  # named by image.bad
    tiny = [row for row, size in sizes.items() if min(size) < TINY_PX]
    if tiny:
        height, width = sizes[tiny[0]]
        yield Finding(
            code="image.tiny",
            severity="warning",
            message=t(
                "pictures with a side below {limit} px: {count}. '{first}' has {width} x {height}.",
                count=len(tiny),
                limit=TINY_PX,
                first=facts.ids(tiny)[0],
                width=width,
                height=height,
            ),
            num_items=len(tiny),
            items=facts.ids(tiny),
            done=t("kept, enlarged."),
            remedy=t("look at them: they may be place holders."),
        )
    if len(set(sizes.values())) > 1:
        heights, widths = zip(*sizes.values(), strict=True)
        yield Finding(
            code="image.size_mixed",
            severity="note",
            message=t(
                "the pictures have {count} sizes, from {low} to {high} px a side.",
                count=len(set(sizes.values())),
                low=min(*heights, *widths),
                high=max(*heights, *widths),
            ),
            num_items=len(sizes),
            done=t("brought to one size."),
        )


def _small_test(facts: _Facts) -> Iterable[Finding]:
    """A test set, or dev where there is none, on which shares have a wide 95 % interval (1.96 sqrt(p (1 - p) / n))."""
    target = facts.dataset.target
    if target is not None and target.kind is TargetKind.NUMBER:
        return  # its errors are no shares
    split = "test" if len(facts.rows["test"]) else "dev"
    count = len(facts.rows[split])
    if 0 < count < SMALL_TEST:
        yield Finding(
            code="split.small_test",
            severity="note",
            message=t(
                "{split} has {count} examples: a share measured on it is uncertain by up to ± {points} points.",
                split=split,
                count=count,
                points=f"{100 * 1.96 * math.sqrt(0.25 / count):.0f}",
            ),
            num_items=count,
            remedy=t("believe only larger differences, or add examples."),
        )


_CHECKS: tuple[Callable[[_Facts], Iterable[Finding]], ...] = (
    _bad_items,
    _copies,
    _contradictions,
    _class_counts,
    _constant_target,
    _class_shares,
    _capped,
    _feature_gaps,
    _target_in_features,
    _picture_sizes,
    _small_test,
)
