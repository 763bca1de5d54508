"""Checks of input columns: gaps, copies, leaks, units, text that should be something else, drift between splits."""

import re
from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.checks.columns import DAMAGED, dates, kolmogorov, same_shares_p, share_distance, variants
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import Finding
from rumbo.data.checks.found import found
from rumbo.data.manifest import RESERVED, TargetKind

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
MIXED = (0.2, 0.95)
UNSEEN_FRACTION = 0.01
"""Single levels fall into dev by chance; none does on adult income and California housing."""
BACKWARD_FRACTION = 0.05
"""Rows in no order go back in half of the cases, rows sorted within groups once a group."""
SHIFT_DISTANCE = 0.15
SHIFT_P = 1e-6
"""Both: distributions must differ visibly and beyond chance. Measured largest on real splits: 0.03."""
UNITS = re.compile(r"^[^\w\s.,+-]?\s?[+-]?\d{1,3}(?:[., ']\d{3})*(?:[.,]\d+)?\s?(?:%|[a-zA-Zµ°€$£¥²³/]{1,6})?$")
PLACEHOLDERS = frozenset((
    "unknown", "unk", "missing", "not available", "undefined", "no data", "tbd", "desconocido", "sin datos", "xxx",
    "-", "--", "---", ".", "..", "...", "#ref!", "#div/0!", "#value!", "#name?", "#num!",
))  # fmt: skip


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


def texts(facts: Facts) -> Iterable[Finding]:
    """Text columns that are numbers or dates, or are written in several ways."""
    dataset = facts.dataset
    if dataset.signals is not None:
        return
    targets = dataset.target.columns if dataset.target else ()
    columns = [
        column
        for column in dataset.table.iter_columns()
        if column.dtype == pl.String
        and column.name not in RESERVED
        and column.name not in targets
        and column.count() >= MIN_ROWS
    ]
    yield from _columns_that_are_no_text(columns)
    for code, column, listed, rows in _faulty_entries(columns, dataset.categories):
        ids = facts.ids(rows)
        if code == "feature.case_variants":
            message = t("entries of '{column}' that differ only in how they are written: {names}.", **listed)
        elif code == "feature.encoding":
            message = t("entries of '{column}' were read in a wrong encoding: {count}, such as '{names}'.", **listed)
        else:
            message = t("entries of '{column}' that say nothing: {names}.", **listed)
        yield found(code, message, ids or (column,), len(rows))


def _columns_that_are_no_text(columns: list[pl.Series]) -> Iterable[Finding]:
    with_units: dict[str, str] = {}
    mixed: dict[str, str] = {}
    with_dates: list[str] = []
    for column in columns:
        present = column.drop_nulls()
        if dates(column) is not None:
            with_dates.append(column.name)
            continue
        is_number = present.str.contains(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
        if MIXED[0] * len(present) <= is_number.sum() <= MIXED[1] * len(present):
            if present.filter(is_number).n_unique() > MIN_ROWS:
                mixed[column.name] = present.filter(~is_number)[0]
        elif has_units(present.head(1000).to_list()):
            with_units[column.name] = present[0]
    for code, guilty in (("feature.text_numbers", with_units), ("feature.mixed", mixed)):
        if guilty:
            listed = ", ".join(f"{name} ('{value}')" for name, value in list(guilty.items())[:10])
            message = (
                t("text columns that hold numbers: {columns}.", columns=listed)
                if code == "feature.text_numbers"
                else t("columns that mix numbers and words: {columns}.", columns=listed)
            )
            yield found(code, message, guilty)
    if with_dates:
        message = t("columns of dates: {columns}.", columns=", ".join(with_dates[:10]))
        yield found("feature.dates", message, with_dates)


def has_units(entries: list[str]) -> bool:
    """Whether entries are numbers with the same unit or sign around them ($5, 12 kg, 1,234); not 12a, 9b, 3rd."""
    written = [entry for entry in entries if UNITS.match(entry) and re.search(r"\d", entry)]
    if len(written) < MIXED[1] * len(entries) or len(set(written)) <= MIN_ROWS:
        return False
    units = [re.sub(r"[\d.,\s+'-]", "", entry) for entry in written]
    return max(units.count(unit) for unit in set(units)) > 0.8 * len(units)


def _faulty_entries(
    columns: list[pl.Series], categories: tuple[str, ...]
) -> Iterable[tuple[str, str, dict[str, object], np.ndarray]]:
    """(code, column, fields of the message, rows) of entries that are written in several ways, damaged, or empty."""
    for column in columns:
        counts = column.drop_nulls().value_counts(sort=True)
        levels = counts[column.name].to_list()
        damaged = [level for level in levels if DAMAGED.search(level)]
        if damaged:
            rows = _where(column, damaged)
            yield (
                "feature.encoding",
                column.name,
                {
                    "column": column.name,
                    "count": len(rows),
                    "names": damaged[0][:60],
                },
                rows,
            )
        if column.name not in categories:
            continue
        if alike := variants(levels):
            listed = "; ".join(", ".join(f"'{name}'" for name in group) for group in alike[:10])
            rows = _where(column, [name for group in alike for name in group[1:]])  # the first is the most frequent
            yield "feature.case_variants", column.name, {"column": column.name, "names": listed}, rows
        empty = [level for level in levels if level.strip().lower() in PLACEHOLDERS]
        if empty and len(levels) > 2:
            rows = _where(column, empty)
            listed = ", ".join(f"'{level}'" for level in empty[:10])
            yield "feature.placeholder", column.name, {"column": column.name, "names": listed}, rows


def _where(column: pl.Series, entries: list[str]) -> np.ndarray:
    return np.flatnonzero(column.is_in(entries).fill_null(False).to_numpy())


def time_order(facts: Facts) -> Iterable[Finding]:
    """Rows that go on in time, but for a few that do not."""
    table = facts.dataset.table
    if table.height < 5 * MIN_ROWS or facts.dataset.signals is not None or facts.dataset.images is not None:
        return
    for name in table.columns:
        if name in RESERVED or table[name].dtype != pl.String or (when := dates(table[name])) is None:
            continue
        steps = when.diff().dt.total_seconds()
        back = np.flatnonzero((steps < 0).fill_null(False).to_numpy())
        if 0 < len(back) <= BACKWARD_FRACTION * table.height:
            message = t(
                "'{column}' goes back in time at {count} of {total} rows, first at '{first}'.",
                column=name,
                count=len(back),
                total=table.height,
                first=facts.ids(back)[0],
            )
            yield found("feature.time_order", message, facts.ids(back), len(back))


def drift(facts: Facts) -> Iterable[Finding]:
    """Inputs that are distributed differently in the splits, or have levels that train lacks."""
    dataset, train = facts.dataset, facts.rows["train"]
    for split in ("dev", "test"):
        rows = facts.rows[split]
        if len(rows) < MIN_ROWS or len(train) < MIN_ROWS:
            continue
        moved: dict[str, float] = {}
        limit = SHIFT_P / max(1, len(dataset.numbers) + len(dataset.categories))
        for name in (*dataset.numbers, *dataset.categories):
            distance, chance = column_shift(dataset.table[name][train], dataset.table[name][rows])
            if distance >= SHIFT_DISTANCE and chance < limit:
                moved[name] = distance
        if moved:
            listed = ", ".join(
                f"{name} ({100 * distance:.0f} %)"
                for name, distance in sorted(moved.items(), key=lambda pair: -pair[1])[:10]
            )
            message = t(
                "inputs whose values differ between train and {split}, with the share that would have to move: "
                "{columns}.",
                split=split,
                columns=listed,
            )
            yield found("feature.shift", message, moved)
        yield from _unseen(facts, split)


def column_shift(first: pl.Series, second: pl.Series) -> tuple[float, float]:
    """How far two parts of a column are apart, 0..1, and the probability of that by chance."""
    first, second = first.drop_nulls(), second.drop_nulls()
    if len(first) < MIN_ROWS or len(second) < MIN_ROWS:
        return 0.0, 1.0
    if first.dtype != pl.String:
        numbers = [part.to_numpy() for part in (first, second)]
        numbers = [part[np.isfinite(part)] for part in numbers]
        return kolmogorov(*numbers) if min(map(len, numbers)) >= MIN_ROWS else (0.0, 1.0)
    levels = sorted(set(first.unique().to_list()) | set(second.unique().to_list()))
    counts = [dict(part.value_counts().iter_rows()) for part in (first, second)]
    tables = [np.array([part.get(level, 0) for level in levels], dtype=np.float64) for part in counts]
    return share_distance(*tables), same_shares_p(*tables)


def _unseen(facts: Facts, split: str) -> Iterable[Finding]:
    table, train, rows = facts.dataset.table, facts.rows["train"], facts.rows[split]
    for name in facts.dataset.categories:
        seen = table[name][train].drop_nulls().unique().to_list()
        is_new = (~table[name][rows].is_in(seen)).fill_null(False).to_numpy()
        if is_new.sum() > max(2, UNSEEN_FRACTION * len(rows)):
            new = table[name][rows[is_new]].unique().sort().to_list()
            message = t(
                "{count} of {total} rows of {split} have entries in '{column}' that train lacks: {names}.",
                count=int(is_new.sum()),
                total=len(rows),
                split=split,
                column=name,
                names=", ".join(new[:10]),
            )
            yield found("feature.unseen", message, facts.ids(rows[is_new]), int(is_new.sum()))


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
    texts,
    time_order,
    drift,
    weights,
)
