"""The formats that a data set can be written in, one file each; `rumbo.data.readers` reads them again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rumbo.core.registry import Entry, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.data.manifest import Dataset
    from rumbo.data.readers import Request
    from rumbo.data.writers.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Writer:
    """One format: what it holds of a data set, and its files beside the pictures.

    Attributes:
        readers: the readers of which one must recognize what was written.
        plan: what can be held, where pictures go, and what would be lost; DataError for what cannot be written at all.
        annotations: the other files, (name, bytes); it gets height and width of each upright picture, in px, when
            `needs_sizes`, else nothing.
        request: how the result is read back, where looking alone could decide otherwise.
        needs_sizes: whether annotations depend on the sizes of the pictures.
        keeps_order: whether classes come back in the same order; else they are compared by name.
    """

    readers: tuple[str, ...]
    plan: "Callable[[Dataset], Plan]"
    annotations: "Callable[[Plan, Sequence[tuple[int, int]]], Iterator[tuple[str, bytes]]]"
    request: "Callable[[Plan], Request]"
    needs_sizes: bool = False
    keeps_order: bool = False


writers: Registry[Writer] = Registry(
    "data format",
    {
        "folder": Entry("rumbo.data.writers.folder", "A folder of pictures per class, in folders train, dev, test."),
        "csv": Entry(
            "rumbo.data.writers.csv", "A table: a row for each example, for each box, or with the points of a picture."
        ),
        "voc": Entry("rumbo.data.writers.voc", "Pascal VOC: an XML file for each picture."),
        "coco": Entry("rumbo.data.writers.coco", "COCO: one JSON for each split; boxes, polygons, masks as runs."),
        "yolo": Entry("rumbo.data.writers.yolo", "YOLO: a text file for each picture, and data.yaml."),
        "masks": Entry("rumbo.data.writers.masks", "Pictures and, under the same names, masks of one code per class."),
    },
)
