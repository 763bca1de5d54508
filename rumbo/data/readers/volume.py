"""NIfTI volumes, with their segmentations in a folder of labels where there are some."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import polars as pl

from rumbo.core.errors import DataError, unknown_name
from rumbo.core.messages import t
from rumbo.data.files import Files, safe_name
from rumbo.data.manifest import Dataset, SignalKind, Target, TargetKind
from rumbo.data.pictures.decode import BadItem
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.folders import SPLIT_OF_FOLDER, each_file
from rumbo.data.signals.nifti import VolumeHeader, decode_codes, decode_volume, volume_header
from rumbo.data.signals.sources import FileMasks, FileSignals

COLUMN = "mask"
MAX_CLASSES = 1000
_ENDINGS = (".nii", ".nii.gz")
_LABEL_FOLDERS = ("labels", "label", "masks", "mask", "segmentations", "seg", "annotations", "labelstr", "labelsts")
_IMAGE_FOLDERS = ("images", "image", "volumes", "imagestr", "imagests")
_FOLDER_OF_TEST = "imagests"


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What one look at a volume and its mask found; `problem` says why the pair cannot be used."""

    content: str = ""
    header: VolumeHeader | None = None
    codes: tuple[int, ...] = ()
    problem: str | None = None
    code: str = "volume.bad"


def recognizes(files: Files) -> bool:
    """Whether there are .nii or .nii.gz files."""
    return bool(_names(files))


def read(files: Files, request: Request) -> Dataset:
    """The manifest: one example a volume; columns `voxel_d`, `voxel_h`, `voxel_w` in mm, that are no inputs."""
    if request.target not in (None, COLUMN):
        raise unknown_name("column", request.target or "", [COLUMN])
    masks = {_key(name): name for name in _names(files) if _is_mask(name)}
    images = [name for name in _names(files) if not _is_mask(name)] or list(masks.values())
    masks = {} if images == list(masks.values()) or not request.labelled else masks
    decisions: list[str] = []
    bad: list[BadItem] = []
    if masks:
        images = _paired(images, masks, decisions, bad)
    names_by_code = _class_names(files) if masks else {}
    looks = each_file(lambda name: _look(files, name, masks.get(_key(name))), images)
    looks = [
        _with_known_codes(look, masks.get(_key(name), ""), names_by_code)
        for name, look in zip(images, looks, strict=True)
    ]
    bad += [
        BadItem(-1, safe_name(name), look.problem, look.code)
        for name, look in zip(images, looks, strict=True)
        if look.problem is not None
    ]
    usable = [(name, look, look.header) for name, look in zip(images, looks, strict=True) if look.problem is None]
    pairs = [(name, look, header) for name, look, header in usable if header is not None]
    if not pairs:
        reason = bad[0].reason if bad else ""
        raise DataError(
            t(
                "none of the {count} files of '{path}' can be used. {reason}",
                count=len(images),
                path=files.path,
                reason=reason,
            )
        )
    names = [name for name, _, _ in pairs]
    headers = [header for _, _, header in pairs]
    decisions.insert(0, _shapes(headers))
    columns: dict[str, Sequence[object]] = {
        "id": [safe_name(name) for name in names],
        "content": [look.content for _, look, _ in pairs],
    }
    if splits := _splits(names):
        columns["split"] = splits
    for axis, letter in enumerate("dhw"):
        columns[f"voxel_{letter}"] = [header.voxel_mm[axis] for header in headers]
    source, target = None, None
    if masks:
        columns[COLUMN] = [safe_name(masks[_key(name)]) for name in names]
        met = sorted({code for _, look, _ in pairs for code in look.codes} | set(names_by_code))
        source = FileMasks(files, [masks[_key(name)] for name in names], partial(_positions, codes=tuple(met)))
        target = _target(met, names_by_code, decisions, files)
    elif request.labelled:
        reason = t("there is no folder of masks: these are volumes without labels.")
        target = Target(columns=(), kind=TargetKind.NOTHING, reason=reason)
    return Dataset(
        path=files.path,
        format="volume",
        table=pl.DataFrame(columns),
        target=target,
        masks=source,
        signals=FileSignals(SignalKind.VOLUME, files, names, decode_volume, [header.shape for header in headers]),
        decisions=tuple(decisions),
        bad=tuple(bad),
    )


def _names(files: Files) -> list[str]:
    return [name for name in files.names() if name.lower().endswith(_ENDINGS)]


def _is_mask(name: str) -> bool:
    return any(part.lower() in _LABEL_FOLDERS for part in name.split("/")[:-1])


def _key(name: str) -> str:
    """What a volume and its mask have in common: their path without the folders that tell them apart."""
    *folders, base = name.lower().removesuffix(".gz").split("/")
    return "/".join([part for part in folders if part not in (*_LABEL_FOLDERS, *_IMAGE_FOLDERS)] + [base])


def _paired(images: list[str], masks: dict[str, str], decisions: list[str], bad: list[BadItem]) -> list[str]:
    """The volumes that have a mask; what has no partner is told."""
    kept = [name for name in images if _key(name) in masks]
    alone = [name for name in images if _key(name) not in masks]
    for_test = [name for name in alone if _FOLDER_OF_TEST in name.lower().split("/")]
    if for_test:
        decisions.append(t("{count} volumes for testing have no masks: left out.", count=len(for_test)))
    bad += [
        BadItem(-1, safe_name(name), t("'{name}' has no mask of the same name.", name=name), "mask.missing")
        for name in alone
        if name not in for_test
    ]
    if orphans := sorted(set(masks) - {_key(name) for name in images}):
        decisions.append(
            t(
                "{count} masks have no volume of the same name, such as '{name}'.",
                count=len(orphans),
                name=masks[orphans[0]],
            )
        )
    return kept


def _look(files: Files, image: str, mask: str | None) -> _Look:
    """Read a volume's header and its mask's codes."""
    try:
        data = files.read(image)
        content, header = hashlib.sha256(data).hexdigest(), volume_header(data, image)
    except DataError as problem:
        return _Look(problem=str(problem))
    if mask is None:
        return _Look(content=content, header=header)
    try:
        codes = decode_codes(files.read(mask), mask)
    except DataError as problem:
        return _Look(problem=str(problem), code="mask.bad")
    if codes.shape != header.shape:
        sizes = [" x ".join(map(str, shape)) for shape in (codes.shape, header.shape)]
        return _Look(
            problem=t(
                "'{mask}' has {met} voxels, its volume '{name}' {expected}.",
                mask=mask,
                met=sizes[0],
                name=image,
                expected=sizes[1],
            ),
            code="mask.wrong_size",
        )
    return _Look(content=content, header=header, codes=tuple(np.unique(codes).tolist()))


def _with_known_codes(look: _Look, mask: str, names: dict[int, str]) -> _Look:
    unknown = [code for code in look.codes if names and code not in names]
    if not unknown:
        return look
    problem = t(
        "'{mask}' holds the code {code}; dataset.json names {known}.",
        mask=mask,
        code=unknown[0],
        known=", ".join(f"{code} {name}" for code, name in sorted(names.items())[:20]),
    )
    return _Look(problem=problem, code="mask.unknown_value")


def _class_names(files: Files) -> dict[int, str]:
    """Code -> name, as `dataset.json` of the Medical Segmentation Decathlon has them."""
    for name in files.names():
        if PurePosixPath(name).name.lower() != "dataset.json":
            continue
        try:
            labels = json.loads(files.read(name)).get("labels")
            pairs = [(key, value) if str(key).isdecimal() else (value, key) for key, value in labels.items()]
            return {int(code): str(label) for code, label in pairs}
        except (ValueError, AttributeError, TypeError, RecursionError):
            raise DataError(
                t("'{name}' cannot be read: \"labels\" must give a name for each code.", name=name)
            ) from None
    return {}


def _target(codes: list[int], names: dict[int, str], decisions: list[str], files: Files) -> Target:
    if len(codes) > MAX_CLASSES:
        raise DataError(
            t(
                "the masks of '{path}' hold {count} codes; at most {limit} are read.",
                path=files.path,
                count=len(codes),
                limit=MAX_CLASSES,
            )
        )
    decisions.append(
        t(
            "masks with the codes {codes}.",
            codes=", ".join(f"{code} {names.get(code, '')}".strip() for code in codes[:30]),
        )
    )
    return Target(
        columns=(COLUMN,),
        kind=TargetKind.MASK,
        classes=tuple(names.get(code, str(code)) for code in codes),
        reason=t("the masks lie beside the volumes."),
    )


def _positions(data: bytes, name: str, *, codes: tuple[int, ...]) -> np.ndarray:
    """A mask with the place of each code among the set's codes."""
    met = decode_codes(data, name)
    if met.max() < len(codes) and codes == tuple(range(len(codes))):
        return met
    known = np.array(codes)
    places = np.minimum(np.searchsorted(known, met), len(known) - 1)
    if (known[places] != met).any():
        raise DataError(t("'{name}' has changed: it holds a code that no mask had before.", name=name))
    return places.astype(np.uint8 if len(codes) <= 256 else np.uint16)


def _shapes(headers: Sequence[VolumeHeader]) -> str:
    sides = [sorted({header.shape[axis] for header in headers}) for axis in range(3)]
    edges = sorted({header.voxel_mm for header in headers})
    return t(
        "{count} volumes of {sides} voxels; a voxel is {edges} mm.",
        count=len(headers),
        sides=" x ".join(str(side[0]) if len(side) == 1 else f"{side[0]}-{side[-1]}" for side in sides),
        edges=", ".join(" x ".join(f"{edge:.3g}" for edge in three) for three in edges[:5])
        + (", ..." if len(edges) > 5 else ""),
    )


def _splits(names: Sequence[str]) -> list[str] | None:
    """The split of each, where one of its folders says so for all."""
    found = [
        next((SPLIT_OF_FOLDER[part.lower()] for part in name.split("/")[:-1] if part.lower() in SPLIT_OF_FOLDER), "")
        for name in names
    ]
    return found if all(found) and "train" in found and len(set(found)) > 1 else None


formats.register("volume")(Reader(recognizes, read))
