"""Pictures in a folder per class, in folders train, dev and test where the set has splits."""

from collections.abc import Iterator, Sequence

from rumbo.core.messages import t
from rumbo.data.files import safe_name
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.readers import Request
from rumbo.data.readers.folders import SPLIT_OF_FOLDER
from rumbo.data.readers.image_folder import COLUMN
from rumbo.data.writers import Writer, writers
from rumbo.data.writers.names import keys, picture_names, split_names, unique, without_masks
from rumbo.data.writers.plan import Plan, hold, hold_classes, refuse_names, require

KINDS = (TargetKind.CLASS, TargetKind.IDENTITY)
MAX_NAME_BYTES = 255
_CLUTTER = ("__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin")
"""Folders that readers take for a system's litter."""


def plan(dataset: Dataset) -> Plan:
    """A picture per row; one split alone is not told by folders."""
    require(dataset, "folder", KINDS)
    assert dataset.target is not None
    given = split_names(dataset)
    is_told = given is not None and "train" in given and len(set(given)) > 1
    held, lost = hold(dataset, splits=("train", "dev", "test") if is_told else ())
    labels = held.table[dataset.target.columns[0]].to_list()
    held, without_example = hold_classes(held, set(labels))
    refuse_names("folder", sorted({name for name in labels if not _is_folder_name(name)}), _why())
    splits = split_names(held)
    if splits is None:
        folders = list(labels)
    else:
        given_folders = (_split_folder(name, split) for name, split in zip(picture_names(held), splits, strict=True))
        folders = [f"{folder}/{label}" for folder, label in zip(given_folders, labels, strict=True)]
    is_flat = splits is None and not _can_nest(labels)

    def place(names: Sequence[str]) -> list[str]:
        inner = [name.replace("/", "_") for name in names] if is_flat else names
        return unique([f"{folder}/{name}" for folder, name in zip(folders, inner, strict=True)])

    names = without_masks(keys(held, without_split=splits is not None, without_class=True), place)
    return Plan(dataset=held, names=tuple(names), lost=(*lost, *without_example))


def annotations(plan: Plan, sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bytes]]:
    """None: folders say all."""
    return iter(())


def request(plan: Plan) -> Request:
    """As classes or persons, whatever the folders are called."""
    target = plan.dataset.target
    if target is not None and target.kind is TargetKind.IDENTITY:
        return Request(task="embed")
    return Request(target=COLUMN, task="classify")


def _can_nest(labels: Sequence[str]) -> bool:
    """Whether folders below the class folders leave those recognizable."""
    met = set(labels)
    return len(met) > 1 and not any(label.lower() in SPLIT_OF_FOLDER for label in met)


def _split_folder(name: str, split: str) -> str:
    """The folder that already says the split of a picture, else the split's name: `val` stays `val`."""
    first = name.partition("/")[0]
    return first if SPLIT_OF_FOLDER.get(first.lower()) == split else split


def _is_folder_name(name: str) -> bool:
    if not name or "/" in name or "\0" in name or name.startswith(".") or name.lower() in _CLUTTER:
        return False
    try:
        return len(name.encode("utf-8")) <= MAX_NAME_BYTES and safe_name(name) == name
    except UnicodeEncodeError:
        return False


def _why() -> str:
    return t("A folder's name has no '/', does not begin with a full stop, and has at most 255 bytes.")


writers.register("folder")(
    Writer(readers=("image-folder", "persons"), plan=plan, annotations=annotations, request=request)
)
