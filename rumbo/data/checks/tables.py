"""Checks of input columns and weights: gaps, copies, leaks, outliers, sentinels, row numbers."""

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found
from rumbo.data.manifest import TargetKind

MOSTLY_MISSING = 0.5
MIN_ROWS = 20
"""Fewer rows say nothing about what two columns have to do with each other."""
MOSTLY_ONE = 0.998
MIN_ROWS_MOSTLY_ONE = 500
OUTLIER_RATIO = 50
OUTLIER_FRACTION = 0.01
"""An outlier is so many times beyond the 99 % of values around it. Measured largest on clean columns: 7.4
(population of California's districts); a mistake of units (m for km, cents for euros) is 100 or 1,000."""
SENTINELS = (-999999.0, -99999.0, -9999.0, -999.0, -99.0, 999.0, 9999.0, 99999.0, 999999.0, 9999999.0)
FEWEST_SENTINELS = 5


def gaps(facts: Facts) -> Iterable[Finding]:
    """Missing, infinite and constant entries of feature columns."""
    dataset, table = facts.dataset, facts.dataset.table
    features = [*dataset.numbers, *dataset.categories]
    if not features or table.height == 0:
        return
    lacking = {name: table[name].null_count() for name in features if table[name].null_count()}
    if lacking:
        worst = max(lacking.values()) / table.height
        rows = np.flatnonzero(table.select(pl.any_horizontal(pl.col(list(lacking)).is_null())).to_series().to_numpy())
        message = t("entries are missing in {columns}.", columns=_with_counts(lacking, table.height))
        severity = "warning" if worst > MOSTLY_MISSING else "note"
        yield found("feature.missing", message, facts.ids(rows), len(rows), severity=severity)
    infinite = {name: count for name in dataset.numbers if (count := int(table[name].is_infinite().sum()))}
    if infinite:
        some_infinite = pl.any_horizontal(pl.col(list(infinite)).is_infinite()).fill_null(False)
        rows = np.flatnonzero(table.select(some_infinite).to_series().to_numpy())
        message = t("entries are infinite in {columns}.", columns=_with_counts(infinite, table.height))
        yield found("feature.infinite", message, facts.ids(rows), len(rows))
    constant = [name for name in features if table[name].drop_nulls().n_unique() < 2 and name not in lacking]
    if constant and table.height > 1:
        message = t("columns have the same entry in all rows: {columns}.", columns=", ".join(constant[:10]))
        yield found("feature.constant", message, constant)


def empty_rows(facts: Facts) -> Iterable[Finding]:
    """Rows that lack more than half of their inputs."""
    features = [*facts.dataset.numbers, *facts.dataset.categories]
    if len(features) < 4:
        return
    num_missing = facts.dataset.table.select(pl.sum_horizontal(pl.col(features).is_null())).to_series()
    rows = np.flatnonzero((num_missing > len(features) / 2).to_numpy())
    if len(rows):
        message = t(
            "rows that lack more than half of their {columns} inputs: {count}; '{first}' lacks {missing}.",
            columns=len(features),
            count=len(rows),
            first=facts.ids(rows)[0],
            missing=int(num_missing[int(rows[0])]),
        )
        yield found("row.mostly_missing", message, facts.ids(rows), len(rows))


def mostly_one(facts: Facts) -> Iterable[Finding]:
    """Columns with the same entry in nearly all rows."""
    table = facts.dataset.table
    if table.height < MIN_ROWS_MOSTLY_ONE:
        return
    guilty: dict[str, str] = {}
    for name in (*facts.dataset.numbers, *facts.dataset.categories):
        counts = table[name].drop_nulls().value_counts(sort=True)
        if counts.height > 1 and counts["count"][0] / table.height >= MOSTLY_ONE:
            guilty[name] = str(counts[name][0])
    if guilty:
        listed = ", ".join(f"{name} ({value})" for name, value in list(guilty.items())[:10])
        message = t("columns have one entry in at least 99.8 % of the rows: {columns}.", columns=listed)
        yield found("feature.mostly_one", message, guilty)


def target_in_features(facts: Facts) -> Iterable[Finding]:
    """A single feature that gives the target away."""
    dataset = facts.dataset
    if not facts.is_kind(TargetKind.CLASS, TargetKind.NUMBER) or len(dataset) < MIN_ROWS or dataset.target is None:
        return
    truth = dataset.table[dataset.target.columns[0]]
    tells = tells_number if dataset.target.kind is TargetKind.NUMBER else tells_class
    guilty = [name for name in (*dataset.numbers, *dataset.categories) if tells(dataset.table[name], truth)]
    if guilty:
        message = t(
            "{columns}: a single column predicts '{target}' without an error.",
            columns=", ".join(guilty[:10]),
            target=truth.name,
        )
        yield found("feature.leak", message, guilty)


def tells_number(feature: pl.Series, truth: pl.Series) -> bool:
    """Whether a number is the target, up to scale and shift."""
    if feature.dtype == pl.String:
        return False
    values, wanted = feature.to_numpy(), truth.to_numpy()
    seen = np.isfinite(values)
    if seen.sum() < MIN_ROWS or np.ptp(values[seen]) == 0 or np.ptp(wanted[seen]) == 0:
        return False
    return abs(float(np.corrcoef(values[seen], wanted[seen])[0, 1])) > 1 - 1e-6


def tells_class(feature: pl.Series, truth: pl.Series) -> bool:
    """Whether each entry of a column (or each interval of a number) has one class, and entries repeat."""
    if truth.n_unique() < 2 or feature.null_count() > 0:
        return False
    if feature.dtype == pl.String:
        if feature.n_unique() > len(feature) / 5:
            return False
        pairs = pl.DataFrame({"entry": feature, "truth": truth}).unique()
        return pairs.height == feature.n_unique()
    ordered = pl.DataFrame({"entry": feature, "truth": truth}).sort("entry")
    if ordered.unique().height != feature.n_unique():
        return False
    changes = int((ordered["truth"] != ordered["truth"].shift(1)).fill_null(False).sum())
    return changes == truth.n_unique() - 1


def copied_columns(facts: Facts) -> Iterable[Finding]:
    """Columns that say the same: equal up to scale, or each level of one is a level of the other."""
    dataset, table = facts.dataset, facts.dataset.table
    if len(dataset) < MIN_ROWS:
        return
    pairs: list[tuple[str, str]] = []
    numbers = [name for name in dataset.numbers if table[name].n_unique() > 2]
    if len(numbers) > 1:
        values = table.select(pl.col(numbers).cast(pl.Float64)).to_numpy()
        filled = np.where(np.isfinite(values), values, 0.0)
        close = np.abs(np.corrcoef(filled, rowvar=False)) > 1 - 1e-6
        pairs += [(numbers[i], numbers[j]) for i, j in np.argwhere(np.triu(close, 1)).tolist()]
    levels = {name: table[name].n_unique() for name in (*dataset.categories, *dataset.numbers)}
    few = [name for name, count in levels.items() if 2 < count <= max(3, len(table) // 20)]
    for place, name in enumerate(few):
        for other in few[place + 1 :]:
            may_be = levels[name] == levels[other] and (name, other) not in pairs
            if may_be and table.select(pl.struct(name, other).n_unique()).item() == levels[name]:
                pairs.append((name, other))
    if pairs:
        listed = ", ".join(f"{name} = {other}" for name, other in pairs[:10])
        message = t("columns that say the same: {columns}.", columns=listed)
        yield found("feature.copy", message, [other for _, other in pairs])


def outliers(facts: Facts) -> Iterable[Finding]:
    """A few values many times beyond all others, in inputs and in the target."""
    target = facts.target
    columns = list(facts.dataset.numbers)
    if target is not None and target.kind is TargetKind.NUMBER:
        columns += target.columns
    guilty: dict[str, np.ndarray] = {}
    for name in columns:
        rows = far_rows(facts.dataset.table[name].to_numpy())
        if len(rows):
            guilty[name] = rows
    for code, chosen in (
        ("target.outlier", [name for name in guilty if name not in facts.dataset.numbers]),
        ("feature.outlier", [name for name in guilty if name in facts.dataset.numbers]),
    ):
        if chosen:
            rows = np.unique(np.concatenate([guilty[name] for name in chosen]))
            listed = ", ".join(
                f"{name} {facts.dataset.table[name][int(guilty[name][0])]:g} ('{facts.ids(guilty[name])[0]}')"
                for name in chosen[:10]
            )
            message = t(
                "values more than {ratio} times beyond the others: {count}; {columns}.",
                ratio=OUTLIER_RATIO,
                count=len(rows),
                columns=listed,
            )
            yield found(code, message, facts.ids(rows), len(rows))


def far_rows(values: np.ndarray) -> np.ndarray:
    """Rows of at most 1 % of the values that lie more than 50 times as far from the median as 99 % of them do."""
    seen = np.isfinite(values)
    if seen.sum() < 100:
        return np.empty(0, dtype=np.int64)
    distance = np.abs(np.where(seen, values, np.nan) - np.median(values[seen]))
    usual = float(np.nanquantile(distance, 1 - OUTLIER_FRACTION))
    if usual == 0:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.nan_to_num(distance) > OUTLIER_RATIO * usual)


def sentinels(facts: Facts) -> Iterable[Finding]:
    """Numbers of nines that repeat at an end of a column, with a gap as wide as the middle 98 % before them."""
    guilty: dict[str, tuple[float, np.ndarray]] = {}
    for name in facts.dataset.numbers:
        column = facts.dataset.table[name]
        values = column.drop_nulls().to_numpy()
        values = values[np.isfinite(values)]
        for value in SENTINELS:
            others = values[values != value]
            count = len(values) - len(others)
            if count < FEWEST_SENTINELS or len(others) < MIN_ROWS or count > len(others):
                continue
            low, high = others.min(), others.max()
            spread = float(np.subtract(*np.quantile(others, [0.99, 0.01])))
            distance = value - high if value > 0 else low - value
            if distance > max(spread, abs(value) / 3):
                guilty[name] = (value, np.flatnonzero((column == value).fill_null(False).to_numpy()))
    if guilty:
        rows = np.unique(np.concatenate([rows for _, rows in guilty.values()]))
        listed = ", ".join(f"{name} {value:.0f} ({len(where)})" for name, (value, where) in list(guilty.items())[:10])
        message = t("numbers that seem to mean 'not known': {columns}.", columns=listed)
        yield found("feature.sentinel", message, facts.ids(rows), len(rows))


def row_numbers(facts: Facts) -> Iterable[Finding]:
    """Numeric inputs that count the rows, up or down by one."""
    guilty: list[str] = []
    for name in facts.dataset.numbers:
        column = facts.dataset.table[name]
        if len(column) >= MIN_ROWS and column.null_count() == 0:
            steps = column.diff().drop_nulls()
            if bool((steps == 1).all()) or bool((steps == -1).all()):
                guilty.append(name)
    if guilty:
        message = t("inputs that count the rows: {columns}.", columns=", ".join(guilty[:10]))
        yield found("feature.row_number", message, guilty)


def weights(facts: Facts) -> Iterable[Finding]:
    """Weights that no sum can be made of."""
    if "weight" not in facts.dataset.table.columns:
        return
    column = facts.dataset.table["weight"].cast(pl.Float64, strict=False)
    values = column.fill_null(float("nan")).to_numpy()
    rows = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(rows) or not values.any():
        count = len(rows) or len(values)
        message = t("weights of examples that cannot be used: {count} of {total}.", count=count, total=len(values))
        yield found("weight.bad", message, facts.ids(rows), count)


def _with_counts(counts: dict[str, int], num_rows: int) -> str:
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    listed = ", ".join(f"{name} {count} ({100 * count / num_rows:.1f} %)" for name, count in ordered[:10])
    return listed if len(ordered) <= 10 else listed + " " + t("and {count} more", count=len(ordered) - 10)


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (
    gaps,
    empty_rows,
    mostly_one,
    target_in_features,
    copied_columns,
    outliers,
    sentinels,
    row_numbers,
    weights,
)
