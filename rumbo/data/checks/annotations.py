"""What readers met and mended: faulty examples and annotations as findings, and their balance."""

from collections import Counter
from collections.abc import Callable, Iterable

from rumbo.core.messages import t
from rumbo.data.checks.codes import CODES
from rumbo.data.checks.facts import Facts
from rumbo.data.checks.findings import MAX_ITEMS, Finding
from rumbo.data.checks.found import found
from rumbo.data.manifest import Dataset, Repair, TargetKind
from rumbo.data.pictures.decode import BadItem


def bad_items(facts: Facts) -> Iterable[Finding]:
    """Examples that cannot be used, by code."""
    by_code: dict[str, list[BadItem]] = {}
    for item in facts.bad:
        by_code.setdefault(item.code, []).append(item)
    for code, items in by_code.items():
        fields = {"count": len(items), "first": reason_of(items[0])}
        if code == "image.bad":
            message = t("pictures that cannot be used: {count}. {first}", **fields)
        elif code == "target.missing":
            message = t("rows without a usable target: {count}. {first}", **fields)
        else:
            message = t("examples that cannot be used: {count}. {first}", **fields)
        ids = [item.id for item in items]
        if code in CODES:
            yield found(code, message, ids)
        else:  # a reader's own
            done, remedy = t("left out of all splits."), t("correct them in the source, or remove them.")
            yield _own(code, message, ids, len(items), done, remedy)


def repairs(facts: Facts) -> Iterable[Finding]:
    """Faulty annotations, by code: how many, the first places, what was done with how many."""
    by_code: dict[str, list[Repair]] = {}
    for repair in facts.dataset.repairs:
        by_code.setdefault(repair.code, []).append(repair)
    for code, items in by_code.items():
        actions = Counter(repair.action for repair in items)
        first = items[0]
        meaning = CODES[code].meaning if code in CODES else t("Annotations were faulty.")
        message = t(
            "{meaning} Annotations: {count}, the first at {where}: {met}.",
            meaning=meaning,
            count=len(items),
            where=first.where,
            met=first.met.rstrip("."),
        )
        done = t(
            "clipped {clipped}, corrected {corrected}, left out {rejected}; the pictures stay.",
            clipped=actions["clipped"],
            corrected=actions["corrected"],
            rejected=actions["rejected"],
        )
        places = [repair.where for repair in items]
        if code in CODES:
            yield found(code, message, places, done=done)
        else:
            remedy = t("correct them in the source, or remove them.")
            yield _own(code, message, places, len(items), done, remedy)


def _own(code: str, message: str, items: list[str], count: int, done: str, remedy: str) -> Finding:
    return Finding(
        code=code,
        severity="warning",
        message=message,
        num_items=count,
        items=tuple(items[:MAX_ITEMS]),
        done=done,
        remedy=remedy,
    )


def reason_of(item: BadItem) -> str:
    """Why an example cannot be used, with its name unless the reason has it."""
    return item.reason if item.code == "target.missing" else f"{item.id}: {item.reason}"


def balance(dataset: Dataset) -> dict[str, int] | None:
    """Annotations met = used + clipped + corrected + rejected + left_out; None where there are none to count.

    `used` are those in the table as the file has them, `left_out` those of pictures that are not (any more) in the
    set. An annotation with several faults counts once, under the gravest action: rejected, corrected, clipped.
    """
    if dataset.num_annotations is None:
        return None
    gravity = ("clipped", "corrected", "rejected")
    worst: dict[tuple[str, str, str], str] = {}
    for repair in dataset.repairs:
        key = (repair.id, repair.where, repair.met)
        worst[key] = max(repair.action, worst.get(key, repair.action), key=gravity.index)
    present = set(dataset.table["id"].to_list())
    actions = Counter(action for (id, _, _), action in worst.items() if action == "rejected" or id in present)
    in_table = num_in_table(dataset)
    mended = actions["clipped"] + actions["corrected"]
    return {
        "met": dataset.num_annotations,
        "used": in_table - mended,
        "clipped": actions["clipped"],
        "corrected": actions["corrected"],
        "rejected": actions["rejected"],
        "left_out": dataset.num_annotations - in_table - actions["rejected"],
    }


def num_in_table(dataset: Dataset) -> int:
    """Boxes, or points that are marked, of the examples in the table."""
    if dataset.target is not None and dataset.target.kind is TargetKind.BOXES:
        return int(dataset.table["boxes"].list.len().sum())
    if dataset.target is not None and dataset.target.kind is TargetKind.POINTS:
        points = dataset.table["points"].explode().drop_nulls()
        return int(points.struct.field("x").is_not_null().sum()) if len(points) else 0
    return dataset.table.height


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (bad_items, repairs)
