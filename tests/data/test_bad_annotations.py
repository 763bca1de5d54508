"""T15: faults planted in the real raccoon set, as Pascal VOC, COCO and YOLO. One bad box costs one box.

Every case holds the whole set (200 pictures, 217 boxes) and plants one fault; what must come out is stated exactly:
the codes, the actions, the balance of boxes, and that all other boxes are as they were.
"""

import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from rumbo.data import open_data

VICTIM = "raccoon-1"
"""650 x 417 px, one box: 81, 88, 522, 408 in VOC's counting."""
OTHER = "raccoon-10"
SIDES = ("x1", "y1", "x2", "y2")
LAUGHS = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'


@dataclass(frozen=True, kw_only=True)
class Case:
    """A planted fault and what must be said of it."""

    name: str
    kind: str
    plant: Callable[[Path], None]
    repairs: dict[tuple[str, str], int] = field(default_factory=dict)
    bad: tuple[str, ...] = ()
    added: int = 0
    """Annotations beyond the 217."""
    pictures: int = 200
    where: str = ""
    met: str = ""
    classes: tuple[str, ...] = ("raccoon",)
    box: tuple[float, float, float, float] | None = None
    """The victim's first box."""
    decision: str = ""


def xml(old: str, new: str, stem: str = VICTIM) -> Callable[[Path], None]:
    """Replace text in one XML file."""

    def plant(folder: Path) -> None:
        path = folder / f"annotations/{stem}.xml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return plant


def regex(pattern: str, new: str) -> Callable[[Path], None]:
    """Replace a pattern in the victim's XML file."""

    def plant(folder: Path) -> None:
        path = folder / f"annotations/{VICTIM}.xml"
        text, count = re.subn(pattern, new, path.read_text(), flags=re.DOTALL)
        assert count
        path.write_text(text)

    return plant


def coco(change: Callable[[dict, dict, dict], None]) -> Callable[[Path], None]:
    """Change the content of the COCO file, the victim's annotation and its image."""

    def plant(folder: Path) -> None:
        path = folder / "instances.json"
        content = json.loads(path.read_text())
        image = next(image for image in content["images"] if image["file_name"] == f"{VICTIM}.jpg")
        annotation = next(entry for entry in content["annotations"] if entry["image_id"] == image["id"])
        change(content, annotation, image)
        path.write_text(json.dumps(content))

    return plant


def yolo(change: Callable[[str], str]) -> Callable[[Path], None]:
    """Change the victim's text file."""

    def plant(folder: Path) -> None:
        path = folder / f"labels/{VICTIM}.txt"
        path.write_text(change(path.read_text()))

    return plant


def both(*plants: Callable[[Path], None]) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        for one in plants:
            one(folder)

    return plant


def add(**changes: object) -> Callable[[dict, dict, dict], None]:
    """Append a copy of the victim's annotation with changes and an id of its own."""

    def change(content: dict, annotation: dict, image: dict) -> None:
        content["annotations"].append(annotation | {"id": 99_999} | changes)

    return change


def renumbered(content: dict, annotation: dict, image: dict) -> None:
    """Two categories with a gap between, and the victim's of the second."""
    content["categories"] = [{"id": 90, "name": "fox"}, {"id": 7, "name": "raccoon"}]
    annotation["category_id"] = 90


def rle(content: dict, annotation: dict, image: dict) -> None:
    """A crowd of the whole left column of pixels, as run lengths."""
    size = [image["height"], image["width"]]
    counts = [0, size[0], size[0] * (size[1] - 1)]
    annotation |= {"iscrowd": 1, "segmentation": {"size": size, "counts": counts}}


def twin(content: dict, annotation: dict, image: dict) -> None:
    content["images"].append({"id": image["id"], "file_name": "raccoon-2.jpg", "width": 9, "height": 9})


def no_file(content: dict, annotation: dict, image: dict) -> None:
    image["file_name"] = "gone.jpg"


def from_windows(content: dict, annotation: dict, image: dict) -> None:
    image["file_name"] = f"..\\..\\media\\upload\\{VICTIM}.jpg"


def binary(folder: Path) -> None:
    (folder / f"labels/{VICTIM}.txt").write_bytes(b"0 0.5 0.5 \0\1\2")


CLIPPED_LEFT = (0, 87, 522, 408)
CASES = [
    # Pascal VOC
    Case(name="x inverted", kind="voc", plant=both(xml("<xmin>81", "<xmin>522"), xml("<xmax>522", "<xmax>81")),
         repairs={("box.inverted", "corrected"): 1}, box=(80, 87, 522, 408)),
    Case(name="y inverted", kind="voc", plant=both(xml("<ymin>88", "<ymin>408"), xml("<ymax>408", "<ymax>88")),
         repairs={("box.inverted", "corrected"): 1}, box=(80, 87, 522, 408)),
    Case(name="negative corner", kind="voc", plant=xml("<xmin>81", "<xmin>-81"),
         repairs={("box.outside", "clipped"): 1}, box=CLIPPED_LEFT, met="xmin=-81", where="raccoon-1.xml:14"),
    Case(name="beyond the right border", kind="voc", plant=xml("<xmax>522", "<xmax>1522"),
         repairs={("box.outside", "clipped"): 1}, box=(80, 87, 650, 408)),
    Case(name="wholly outside", kind="voc", plant=both(xml("<xmin>81", "<xmin>700"), xml("<xmax>522", "<xmax>800")),
         repairs={("box.outside", "rejected"): 1}),
    Case(name="one pixel wide", kind="voc", plant=xml("<xmax>522", "<xmax>81"),
         repairs={("box.zero_area", "corrected"): 1}, box=(80, 87, 81, 408)),
    Case(name="all corners 0", kind="voc", plant=regex(r"<(x|y)(min|max)>\d+", r"<\1\2>0"),
         repairs={("box.zero_area", "rejected"): 1}),
    Case(name="nan in XML", kind="voc", plant=xml("<xmin>81", "<xmin>nan"),
         repairs={("box.not_finite", "rejected"): 1}),
    Case(name="1e999", kind="voc", plant=xml("<ymax>408", "<ymax>1e999"), repairs={("box.not_finite", "rejected"): 1}),
    Case(name="no number", kind="voc", plant=xml("<ymin>88", "<ymin>8B"),
         repairs={("box.malformed", "rejected"): 1}, where="raccoon-1.xml:21", met="ymin=8B"),
    Case(name="no bndbox", kind="voc", plant=regex("<bndbox>.*</bndbox>", ""),
         repairs={("box.malformed", "rejected"): 1}),
    Case(name="three corners", kind="voc", plant=xml("<ymax>408</ymax>", ""),
         repairs={("box.malformed", "rejected"): 1}),
    Case(name="no name", kind="voc", plant=xml("<name>raccoon</name>", ""),
         repairs={("box.unknown_class", "rejected"): 1}),
    Case(name="a class that is not listed", kind="voc",
         plant=both(xml("<name>raccoon", "<name>racoon"), lambda f: (f / "classes.txt").write_text("raccoon\n")),
         repairs={("box.unknown_class", "rejected"): 1}, met="racoon"),
    Case(name="the same object twice", kind="voc", plant=regex(r"(<object>.*</object>)", r"\1\1"),
         repairs={("box.duplicate", "rejected"): 1}, added=1),
    Case(name="size of another picture", kind="voc", plant=xml("<width>650", "<width>300"),
         repairs={("box.wrong_size", "rejected"): 1}),
    Case(name="annotated at half size", kind="voc",
         plant=both(xml("<width>650", "<width>325"), xml("<height>417", "<height>208"), xml("<xmin>81", "<xmin>41"),
                    xml("<xmax>522", "<xmax>261"), xml("<ymin>88", "<ymin>45"), xml("<ymax>408", "<ymax>204")),
         repairs={("box.wrong_size", "corrected"): 1}, box=(80, 88.2, 522, 409)),
    Case(name="size 0 x 0 is not said", kind="voc", plant=regex(r"<(width|height)>\d+", r"<\1>0"),
         box=(80, 87, 522, 408)),
    Case(name="cut XML", kind="voc", plant=regex(r"<bndbox>.*", "<bnd"), bad=("annotation.bad",), added=-1,
         pictures=199, where="raccoon-1.xml"),
    Case(name="billion laughs", kind="voc", plant=xml("<annotation", LAUGHS + "<annotation"), bad=("annotation.bad",),
         added=-1, pictures=199),
    Case(name="XML without picture", kind="voc",
         plant=lambda f: (f / "images/raccoon-1.jpg").unlink(), repairs={("box.no_picture", "rejected"): 1},
         bad=("annotation.no_picture",), pictures=199),
    # COCO
    Case(name="negative width", kind="coco", plant=coco(add(bbox=[50, 50, -20, 30])), added=1,
         repairs={("box.negative", "rejected"): 1}, met="[50, 50, -20, 30]", where="instances.json: annotations[217]"),
    Case(name="zero height", kind="coco", plant=coco(add(bbox=[50, 50, 20, 0])), added=1,
         repairs={("box.zero_area", "rejected"): 1}),
    Case(name="NaN in JSON", kind="coco", plant=coco(add(bbox=[50, 50, float("nan"), 3])), added=1,
         repairs={("box.not_finite", "rejected"): 1}),
    Case(name="infinite", kind="coco", plant=coco(add(bbox=[50, float("inf"), 3, 3])), added=1,
         repairs={("box.not_finite", "rejected"): 1}),
    Case(name="unknown category", kind="coco", plant=coco(add(category_id=1)), added=1,
         repairs={("box.unknown_class", "rejected"): 1}, met="category_id=1"),
    Case(name="category ids with a gap", kind="coco", plant=coco(renumbered), classes=("raccoon", "fox"),
         decision="box.category_gap"),
    Case(name="an id twice, two boxes", kind="coco", plant=coco(add(id=1, bbox=[5, 6, 70, 80])), added=1,
         repairs={("box.duplicate_id", "corrected"): 1}),
    Case(name="an annotation twice", kind="coco", added=1, repairs={("box.duplicate_id", "rejected"): 1},
         plant=coco(lambda content, annotation, image: content["annotations"].append(annotation))),
    Case(name="the same box, other id", kind="coco", plant=coco(add()), added=1,
         repairs={("box.duplicate", "rejected"): 1}),
    Case(name="crowd in run lengths", kind="coco", plant=coco(rle), decision="1 run-length masks"),
    Case(name="run lengths of another size", kind="coco", repairs={("box.rle_bad", "corrected"): 1},
         plant=coco(lambda c, a, i: a.update(segmentation={"size": [3, 3], "counts": [9]}))),
    Case(name="polygon of two points", kind="coco", repairs={("box.polygon_short", "corrected"): 1},
         plant=coco(lambda c, a, i: a.update(segmentation=[[1, 2, 3, 4]]))),
    Case(name="polygon of two points, no box", kind="coco", added=1, repairs={("box.polygon_short", "rejected"): 1},
         plant=coco(add(bbox=[], segmentation=[[1, 2, 3, 4]]))),
    Case(name="three numbers", kind="coco", plant=coco(add(bbox=[5, 6, 7])), added=1,
         repairs={("box.malformed", "rejected"): 1}, met="[5, 6, 7]"),
    Case(name="numbers as text", kind="coco", plant=coco(add(bbox=["5", "6", "7", "x"])), added=1,
         repairs={("box.malformed", "rejected"): 1}),
    Case(name="an annotation that is a number", kind="coco", added=1, repairs={("box.malformed", "rejected"): 1},
         plant=coco(lambda content, annotation, image: content["annotations"].append(7))),
    Case(name="an image nobody knows", kind="coco", plant=coco(add(image_id=123_456)), added=1,
         repairs={("box.no_picture", "rejected"): 1}),
    Case(name="the file is gone", kind="coco", plant=coco(no_file), repairs={("box.no_picture", "rejected"): 1},
         bad=("annotation.no_picture",), pictures=199),
    Case(name="a path of Windows", kind="coco", plant=coco(from_windows), decision="repaired by their base name",
         box=(80, 87, 522, 408)),
    Case(name="an image id twice", kind="coco", plant=coco(twin), bad=("annotation.duplicate_id",)),
    Case(name="hanging over", kind="coco", plant=coco(add(bbox=[600, 400, 100, 100])), added=1,
         repairs={("box.outside", "clipped"): 1}),
    # YOLO
    Case(name="in px", kind="yolo", plant=yolo(lambda text: text + "0 320 200 100 50\n"), added=1,
         repairs={("box.not_normalized", "rejected"): 1}, where="labels/raccoon-1.txt:2", met="0 320 200 100 50"),
    Case(name="unknown id", kind="yolo", plant=yolo(lambda text: text + "5 0.5 0.5 0.1 0.1\n"), added=1,
         repairs={("box.unknown_class", "rejected"): 1}),
    Case(name="negative height", kind="yolo", plant=yolo(lambda text: text + "0 0.5 0.5 0.1 -0.1\n"), added=1,
         repairs={("box.negative", "rejected"): 1}),
    Case(name="a letter", kind="yolo", plant=yolo(lambda text: text + "0 0.5 O.5 0.1 0.1\n"), added=1,
         repairs={("box.malformed", "rejected"): 1}, met="O.5"),
    Case(name="an id that is a name", kind="yolo", plant=yolo(lambda text: text + "raccoon 0.5 0.5 0.1 0.1\n"), added=1,
         repairs={("box.malformed", "rejected"): 1}),
    Case(name="four words", kind="yolo", plant=yolo(lambda text: text + "0 0.5 0.5 0.1\n"), added=1,
         repairs={("box.malformed", "rejected"): 1}),
    Case(name="zero width", kind="yolo", plant=yolo(lambda text: text + "0 0.5 0.5 0 0.1\n"), added=1,
         repairs={("box.zero_area", "rejected"): 1}),
    Case(name="over the border", kind="yolo", plant=yolo(lambda text: text + "0 0.95 0.5 0.2 0.1\n"), added=1,
         repairs={("box.outside", "clipped"): 1}),
    Case(name="NaN in text", kind="yolo", plant=yolo(lambda text: text + "0 nan 0.5 0.2 0.1\n"), added=1,
         repairs={("box.not_finite", "rejected"): 1}),
    Case(name="a line twice", kind="yolo", plant=yolo(lambda text: text * 2), added=1,
         repairs={("box.duplicate", "rejected"): 1}),
    Case(name="an odd outline", kind="yolo", plant=yolo(lambda text: text + "0 0.1 0.1 0.2 0.2 0.3 0.1 0.5\n"), added=1,
         repairs={("box.malformed", "rejected"): 1}),
    Case(name="no text at all", kind="yolo", plant=binary, bad=("annotation.bad",), added=-1, pictures=199),
    Case(name="labels of no picture", kind="yolo", plant=lambda f: (f / "images/raccoon-1.jpg").unlink(),
         repairs={("box.no_picture", "rejected"): 1}, bad=("annotation.no_picture",), pictures=199),
]  # fmt: skip


@pytest.fixture(scope="module")
def clean(shared_data, tmp_path_factory):
    """The raccoon set as a folder for each format, and what each reads as."""
    root = tmp_path_factory.mktemp("clean")
    data = open_data(shared_data / "raccoon")
    folders = {kind: root / kind for kind in ("voc", "coco", "yolo")}
    for folder in folders.values():
        (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for row, (id, boxes) in enumerate(data.table.select("id", "boxes").iter_rows()):
        name = id.split("/")[-1]
        stem = name.removesuffix(".jpg")
        (folders["voc"] / "images" / name).write_bytes(data.images.bytes_of(row))
        for kind in ("coco", "yolo"):
            os.link(folders["voc"] / "images" / name, folders[kind] / "images" / name)
        height, width, _ = data.images.size(row)
        images.append({"id": row + 5, "file_name": name, "height": height, "width": width})
        lines = []
        for box in boxes:
            x, y, w, h = box["x1"], box["y1"], box["x2"] - box["x1"], box["y2"] - box["y1"]
            entry = {"id": len(annotations) + 1, "image_id": row + 5, "category_id": 7, "bbox": [x, y, w, h]}
            annotations.append(entry)
            lines.append(f"0 {(x + w / 2) / width:.9f} {(y + h / 2) / height:.9f} {w / width:.9f} {h / height:.9f}\n")
        for kind, path, text in (
            ("voc", f"annotations/{stem}.xml", data.images.files.read(f"annotations/{stem}.xml").decode()),
            ("yolo", f"labels/{stem}.txt", "".join(lines)),
        ):
            (folders[kind] / path).parent.mkdir(exist_ok=True)
            (folders[kind] / path).write_text(text)
    content = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "raccoon"}]}
    (folders["coco"] / "instances.json").write_text(json.dumps(content))
    (folders["yolo"] / "data.yaml").write_text("names: {0: raccoon}\n")
    return {kind: (folder, open_data(folder)) for kind, folder in folders.items()}


def linked(source: Path, target: Path) -> Path:
    """A copy of a set; pictures are linked, since nothing writes them."""
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".jpg":
            os.link(path, copy)
        else:
            copy.write_bytes(path.read_bytes())
    return target


def boxes_by_picture(data) -> dict[str, list[dict]]:
    return dict(data.table.select("id", "boxes").iter_rows())


@pytest.mark.parametrize("kind", ["voc", "coco", "yolo"])
def test_the_clean_set_has_nothing_to_say(clean, kind):
    data = clean[kind][1]
    assert (data.format, len(data), data.num_annotations) == (kind, 200, 217)
    assert (data.repairs, data.bad) == ((), ())
    for own, other in zip(data.table["boxes"].to_list(), clean["voc"][1].table["boxes"].to_list(), strict=True):
        for box, expected in zip(own, other, strict=True):
            assert [box[side] for side in SIDES] == pytest.approx([expected[side] for side in SIDES], abs=1e-5)


def test_there_are_at_least_40_cases():
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.name}")
def test_one_fault_costs_one_box(clean, tmp_path, case):
    folder, before = clean[case.kind]
    case.plant(linked(folder, tmp_path / "set"))
    data = open_data(tmp_path / "set")
    assert Counter((repair.code, repair.action) for repair in data.repairs) == case.repairs
    assert tuple(item.code for item in data.bad) == case.bad
    assert (data.format, len(data), data.target.classes) == (case.kind, case.pictures, case.classes)

    after = boxes_by_picture(data)
    assert data.num_annotations == 217 + case.added
    num_rejected = sum(repair.action == "rejected" for repair in data.repairs)
    assert sum(len(boxes) for boxes in after.values()) + num_rejected == data.num_annotations
    victim = f"images/{VICTIM}.jpg"
    for id, boxes in boxes_by_picture(before).items():
        if id != victim:
            assert after[id] == boxes
    for row, (_, boxes) in enumerate(after.items()):
        height, width, _ = data.images.size(row)
        for box in boxes:
            assert 0 <= box["x1"] < box["x2"] <= width
            assert 0 <= box["y1"] < box["y2"] <= height
    if case.box is not None:
        assert [after[victim][0][side] for side in SIDES] == pytest.approx(case.box, abs=0.6)
    for repair in data.repairs:
        assert repair.id in (victim, "instances.json", "gone.jpg", f"{VICTIM}.jpg", f"labels/{VICTIM}.txt")
        assert case.where in repair.where
        assert case.met in repair.met
    for item in data.bad:
        assert case.where in item.reason
    said = " ".join(data.decisions)
    assert case.decision in said
    for code, _ in case.repairs:
        assert code in said


def test_a_category_id_is_no_index(clean, tmp_path):
    case = next(case for case in CASES if case.name == "category ids with a gap")
    case.plant(linked(clean["coco"][0], tmp_path / "set"))
    classes = Counter(box["class"] for boxes in open_data(tmp_path / "set").table["boxes"] for box in boxes)
    assert classes == {"fox": 1, "raccoon": 216}


def test_a_picture_whose_only_box_is_bad_stays(clean, tmp_path):
    case = next(case for case in CASES if case.name == "1e999")
    case.plant(linked(clean["voc"][0], tmp_path / "set"))
    data = open_data(tmp_path / "set")
    assert boxes_by_picture(data)[f"images/{VICTIM}.jpg"] == []


JUNK = [
    b"nan",
    b"1e999",
    b"-",
    b"9" * 400,
    b"\0",
    b"\xff\xfe",
    b"\n",
    b'"',
    b"&a;",
    b"<",
    b"1e308",
    b" ",
    b"0.5",
    b"]]>",
]


@pytest.mark.parametrize("kind", ["voc", "yolo"])
def test_random_damage_never_breaks_the_balance(tmp_path, kind):
    """150 damaged copies of one small annotation file beside a whole one: used, counted or named, never a crash."""
    Image.new("RGB", (650, 417)).save(tmp_path / "a.jpg")
    Image.new("RGB", (650, 417)).save(tmp_path / "b.jpg")
    if kind == "voc":
        sides = "<xmin>81</xmin><ymin>88</ymin><xmax>522</xmax><ymax>408</ymax>"
        text = f"<annotation><object><name>raccoon</name><bndbox>{sides}</bndbox></object></annotation>"
    else:
        text = "0 0.5 0.5 0.2 0.3\n0 0.1 0.1 0.2 0.1 0.2 0.3\n"
        (tmp_path / "classes.txt").write_text("raccoon\n")
    suffix = {"voc": ".xml", "yolo": ".txt"}[kind]
    (tmp_path / f"b{suffix}").write_text(text)
    rng = random.Random(0)
    num_whole = 0
    for _ in range(150):
        damaged = bytearray(text.encode())
        for _ in range(rng.randint(1, 4)):  # mostly in numbers: XML falls at the first touch of a mark
            digits = [place for place, letter in enumerate(damaged) if chr(letter).isdigit()]
            place = rng.choice(digits) if rng.random() < 0.95 else rng.randrange(len(damaged))
            change = rng.randrange(3)
            if change == 0:
                damaged[place] ^= 1 << rng.randrange(8)
            elif change == 1:
                damaged[place : place + rng.randint(0, 2)] = rng.choice(JUNK)
            else:
                del damaged[place]
        (tmp_path / f"a{suffix}").write_bytes(bytes(damaged))
        data = open_data(tmp_path)
        num_rejected = sum(repair.action == "rejected" for repair in data.repairs)
        assert data.format == kind
        assert data.num_annotations == data.table["boxes"].list.len().sum() + num_rejected
        assert data.table["boxes"][-1][0]["class"] == "raccoon"
        assert len(data) == 2 or data.bad or "without an annotation" in " ".join(data.decisions)
        num_whole += len(data) == 2
    assert num_whole > 20
