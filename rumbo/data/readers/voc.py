"""Pascal VOC: an XML file for each picture, beside it or in a folder of its own, with or without lists of splits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from pathlib import PurePosixPath
from xml.parsers import expat

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.annotations.boxes import RawBox, RawPicture, boxes_dataset, check_target, lost_boxes, pictures_only
from rumbo.data.annotations.files import PictureFinder, class_list, read_small, read_text, split_of_path, whole_folder
from rumbo.data.annotations.frames import side_of
from rumbo.data.delimited import parse_delimited
from rumbo.data.files import Files, extension, safe_name
from rumbo.data.manifest import Dataset, Repair, TargetKind
from rumbo.data.pictures.decode import BadItem
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.folders import SPLIT_OF_FOLDER, each_file
from rumbo.data.target import sort_classes

KINDS = (TargetKind.BOXES,)
MAX_DEPTH = 50
_SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass
class _Node:
    """An XML element with the line that it begins on."""

    tag: str
    line: int
    text: str = ""
    children: "list[_Node]" = field(default_factory=list["_Node"])

    def child(self, tag: str) -> "_Node | None":
        return next((child for child in self.children if child.tag == tag), None)

    def word(self, *path: str) -> str:
        """The text of a child's child; empty when there is none."""
        node: _Node | None = self
        for tag in path:
            node = node.child(tag) if node is not None else None
        return node.text.strip() if node is not None else ""


def recognizes(files: Files) -> bool:
    """Whether one of the first XML files is an annotation."""
    names = _xml_names(whole_folder(files) if extension(files.path.name) == "xml" else files)
    return any(_is_annotation(files, name) for name in names[:3])


def read(files: Files, request: Request) -> Dataset:
    """The manifest of pictures with VOC boxes."""
    check_target(request, "boxes")
    files = whole_folder(files)
    finder = PictureFinder(files)
    if not request.labelled:
        return pictures_only(files, finder.names, "voc")
    bad: list[BadItem] = []
    decisions: list[str] = []
    found: dict[str, RawPicture] = {}
    lost: list[Repair] = []
    num_renamed = 0
    for name, node in _parsed(files, bad):
        picture, renamed = _picture(name, node, finder)
        num_renamed += renamed
        if picture.name not in finder.known:
            lost += lost_boxes(picture)
            bad.append(_no_picture(name, picture.name))
        elif picture.name in found:
            found[picture.name].boxes += picture.boxes
            decisions.append(
                t("'{name}' is annotated twice; boxes of both files were taken.", name=safe_name(picture.name))
            )
        else:
            found[picture.name] = picture
    decisions += finder.decisions()
    if num_renamed:
        decisions.append(
            t("{count} files name another picture than the one called like them, which was taken.", count=num_renamed)
        )
    pictures = [found[name] for name in sorted(found)]
    without = len(finder.names) - len(found)
    if without:
        decisions.append(t("pictures left out for want of an annotation file: {count}.", count=without))
    pictures = _with_splits(files, pictures, decisions)
    listed = class_list(files)
    if listed is not None:
        decisions.append(t("'{name}' lists the classes.", name=listed[0]))
    met = sort_classes(sorted({box.name for picture in pictures for box in picture.boxes if box.name}))
    return boxes_dataset(
        files,
        "voc",
        pictures,
        listed[1] if listed is not None else met,
        decisions=decisions,
        bad=bad,
        lost=lost,
        reason=t("the XML files mark boxes."),
    )


def parse_xml(data: bytes, name: str) -> _Node:
    """The elements of an XML file, with lines. Document types and entities are refused: nothing is expanded.

    Raises:
        DataError: it is no well-formed XML, nests too deep, or declares a document type.
    """
    parser = expat.ParserCreate()
    root = _Node("", 0)
    stack = [root]

    def start(tag: str, _: dict[str, str]) -> None:
        if len(stack) > MAX_DEPTH:
            raise DataError(
                t("'{name}' line {line}: nested too deep.", name=safe_name(name), line=parser.CurrentLineNumber)
            )
        node = _Node(tag, parser.CurrentLineNumber)
        stack[-1].children.append(node)
        stack.append(node)

    def end(_: str) -> None:
        stack.pop()

    def text(part: str) -> None:
        stack[-1].text += part

    def doctype(*_: object) -> None:
        raise DataError(
            t(
                "'{name}' line {line}: a document type (DOCTYPE, ENTITY) is refused in annotations. Remove it.",
                name=safe_name(name),
                line=parser.CurrentLineNumber,
            )
        )

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = doctype
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as problem:
        if isinstance(problem, DataError):
            raise
        line = getattr(problem, "lineno", 1)
        message = _xml_reason(expat.errors.messages.get(getattr(problem, "code", 0), ""))
        raise DataError(
            t("'{name}' line {line}: no XML: {problem}.", name=safe_name(name), line=line, problem=message)
        ) from problem
    return root.children[0]


def _xml_reason(met: str) -> str:
    errors = expat.errors
    match met:
        case errors.XML_ERROR_NO_ELEMENTS | errors.XML_ERROR_UNCLOSED_TOKEN | errors.XML_ERROR_PARTIAL_CHAR:
            return t("it ends too early")
        case errors.XML_ERROR_TAG_MISMATCH:
            return t("an element ends under another name than it began")
        case errors.XML_ERROR_UNDEFINED_ENTITY:
            return t("it uses a character by a name that XML does not have")
        case errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT:
            return t("something follows its end")
        case errors.XML_ERROR_UNKNOWN_ENCODING | errors.XML_ERROR_INCORRECT_ENCODING | "":
            return t("its encoding is unknown or another than it says")
        case _:
            return t("it is not well-formed")


def _is_annotation(files: Files, name: str) -> bool:
    try:
        return b"<annotation" in files.read(name)[:4096]
    except DataError:
        return False


def _xml_names(files: Files) -> list[str]:
    return [name for name in files.names() if extension(name) == "xml"]


def _parsed(files: Files, bad: list[BadItem]) -> list[tuple[str, _Node]]:
    """The annotation files and their roots; what cannot be parsed goes among the bad."""

    def parse(name: str) -> _Node | BadItem:
        try:
            node = parse_xml(read_small(files, name), name)
        except DataError as problem:
            return BadItem(-1, safe_name(name), str(problem), "annotation.bad")
        if node.tag != "annotation":
            reason = t("'{name}' line 1: the root is '{tag}', not 'annotation'.", name=safe_name(name), tag=node.tag)
            return BadItem(-1, safe_name(name), reason, "annotation.bad")
        return node

    names = _xml_names(files)
    parsed = list(zip(names, each_file(parse, names), strict=True))
    bad += [node for _, node in parsed if isinstance(node, BadItem)]
    return [(name, node) for name, node in parsed if isinstance(node, _Node)]


def _picture(name: str, node: _Node, finder: PictureFinder) -> tuple[RawPicture, bool]:
    """The picture of an annotation with its boxes; and whether the file's own name and `filename` disagree."""
    entry = node.word("filename")
    stem = PurePosixPath(name).stem
    by_stem = finder.by_stem(stem, name)
    picture_name = by_stem or (finder.by_path(entry, name) if entry else None)
    renamed = by_stem is not None and bool(entry) and PurePosixPath(entry.replace("\\", "/")).stem != stem
    boxes = [_box(child, name) for child in node.children if child.tag == "object"]
    picture = RawPicture(
        name=picture_name or entry or stem,
        boxes=boxes,
        height=_side(node.word("size", "height")),
        width=_side(node.word("size", "width")),
    )
    return picture, renamed


def _side(text: str) -> int | None:
    return side_of(float(text)) if _is_number(text) else None


def _box(node: _Node, name: str) -> RawBox:
    where = f"{safe_name(name)}:{node.line}"
    label = node.word("name")
    frame = node.child("bndbox")
    texts = [frame.word(side) if frame is not None else "" for side in _SIDES]
    met = " ".join(f"{side}={text or '?'}" for side, text in zip(_SIDES, texts, strict=True))
    box = RawBox(
        where=where,
        met=f"{label or '?'} {met}",
        name=label or None,
        corners=None,
        difficult=_flag(node.word("difficult")),
        truncated=_flag(node.word("truncated")),
    )
    try:
        xmin, ymin, xmax, ymax = (float(text) for text in texts)
    except ValueError:
        if frame is not None:
            wrong = next((child for child in frame.children if not _is_number(child.text)), frame)
            box.where = f"{safe_name(name)}:{wrong.line}"
        return box
    if xmin - 1 >= xmax or ymin - 1 >= ymax:  # fractional corners may lie less than a pixel apart
        box.code, box.action = "box.inverted", "corrected"
        box.corners = (min(xmin, xmax) - 1, min(ymin, ymax) - 1, max(xmin, xmax), max(ymin, ymax))
        return box
    if xmin == xmax or ymin == ymax:  # the last pixel counts: one pixel wide, yet hardly ever meant
        box.code, box.action = "box.zero_area", "corrected"
    box.corners = (_one_less(texts[0], xmin), _one_less(texts[1], ymin), xmax, ymax)
    return box


def _one_less(text: str, value: float) -> float:
    """The number minus 1, rounded once: 1.1 gives 0.1."""
    if not math.isfinite(value):
        return value
    with localcontext() as context:
        context.prec = 400  # every double has fewer digits behind the point
        return float(Decimal(text.strip()) - 1)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _flag(text: str) -> bool | None:
    return {"0": False, "1": True, "false": False, "true": True}.get(text.lower())


def _no_picture(name: str, picture: str) -> BadItem:
    reason = t("'{name}' annotates '{picture}', which is not there.", name=safe_name(name), picture=safe_name(picture))
    return BadItem(-1, safe_name(name), reason, "annotation.no_picture")


def _with_splits(files: Files, pictures: list[RawPicture], decisions: list[str]) -> list[RawPicture]:
    """Pictures with the split that lists, tables or folders say; what lists leave out is left out."""
    by_stem = _splits_of_lists(files)
    if by_stem:
        listed = [picture for picture in pictures if _split_in_lists(picture.name, by_stem) is not None]
        decisions.append(t("lists under ImageSets/Main say which pictures are train, dev and test."))
        if len(listed) < len(pictures):
            decisions.append(
                t("pictures left out, since no list names them: {count}.", count=len(pictures) - len(listed))
            )
        for picture in listed:
            picture.split = _split_in_lists(picture.name, by_stem)
        return listed
    if _take_splits_of_tables(files, pictures, decisions):
        return pictures
    splits = [split_of_path(f"{PurePosixPath(picture.name).parent}/x") for picture in pictures]
    if all(splits) and "train" in splits:
        for picture, split in zip(pictures, splits, strict=True):
            picture.split = split
        decisions.append(t("folders say which pictures are train, dev and test."))
    return pictures


def _split_in_lists(name: str, by_stem: Mapping[str, str]) -> str | None:
    """The split of a picture by its path without extension, else by the end of that path, down to the stem alone."""
    path = PurePosixPath(name)
    parts = (*path.parent.parts, path.stem)
    return next((by_stem[key] for start in range(len(parts)) if (key := "/".join(parts[start:])) in by_stem), None)


def _splits_of_lists(files: Files) -> dict[str, str]:
    """Path without extension -> split; as a second chance, the first word of a line: others write 1 or -1 behind."""
    found: dict[str, str] = {}
    first_words: dict[str, str] = {}
    for name in files.names():
        path = PurePosixPath(name)
        split = SPLIT_OF_FOLDER.get(path.stem.lower())
        if path.suffix.lower() == ".txt" and split and path.parent.name == "Main":
            for line in read_text(files, name).split("\n"):
                if line.strip():
                    found[line.rstrip("\r")] = split
                    first_words.setdefault(line.split()[0], split)
    return {**first_words, **found}


def _take_splits_of_tables(files: Files, pictures: Sequence[RawPicture], decisions: list[str]) -> bool:
    """Take the split from tables called train and test that name every picture; their boxes are only compared."""
    tables = [name for name in files.names() if extension(name) == "csv"]
    splits: dict[str, set[str]] = {}
    boxes: set[tuple[str, ...]] = set()
    for name in tables:
        split = split_of_path(name)
        try:
            frame = parse_delimited(files.read(name), name).frame
        except DataError:
            continue
        column = next((column for column in ("filename", "image", "file") if column in frame.columns), None)
        if column is None:
            continue
        bases = [PurePosixPath(entry or "").name for entry in frame[column].to_list()]
        for base in bases if split else ():
            splits.setdefault(base, set()).add(split or "")
        if {"class", *_SIDES} <= set(frame.columns):
            rows = frame.select("class", *_SIDES).iter_rows()
            boxes |= {(base, *(value or "" for value in row)) for base, row in zip(bases, rows, strict=True)}
    if boxes:
        own = {(PurePosixPath(picture.name).name, _as_row(box)) for picture in pictures for box in picture.boxes}
        same = sum((row[0], " ".join(row[1:])) in own for row in boxes)
        decisions.append(
            t(
                "boxes come from the XML files; the CSV tables hold {count} boxes, of which {same} are the same.",
                count=len(boxes),
                same=same,
            )
        )
    given = [splits.get(PurePosixPath(picture.name).name, set()) for picture in pictures]
    if not splits or any(len(split) != 1 for split in given) or not any("train" in split for split in given):
        return False
    for picture, split in zip(pictures, given, strict=True):
        picture.split = next(iter(split))
    decisions.append(t("CSV tables called train, dev or test say which pictures are which."))
    return True


def _as_row(box: RawBox) -> str:
    """A box as a row of a table: its class and numbers."""
    label, *sides = box.met.rsplit(" ", 4)
    return " ".join([label, *(side.partition("=")[2] for side in sides)])


formats.register("voc")(Reader(recognizes, read, KINDS))
