"""Real photographs, faces and slices: annotations are in step, left and right trade places."""

import csv
import io
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rumbo.core.errors import OptionError
from rumbo.data.augmentation.annotations import move_boxes, move_landmarks, move_masks
from rumbo.data.augmentation.draws import per_item
from rumbo.data.augmentation.geometry import draw_geometry
from rumbo.data.augmentation.partners import FACE_68, other_side, partners
from rumbo.data.options import AugmentOptions

MIRRORED = AugmentOptions(shift_fraction=0, zoom=0, rotate_degrees=0, light=0)
TURNED = AugmentOptions(rotate_degrees=25, shear_degrees=10, warp_fraction=0.04, crop_area=0.6)
NUMBERED = [f"point_{place}" for place in range(68)]


def faces(data: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks n x 68 x 2 in px, and height and width n x 2."""
    with zipfile.ZipFile(data / "face_landmarks" / "face_landmarks.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith("landmarks.csv"))
        rows = list(csv.DictReader(io.StringIO(archive.read(name).decode())))[:: max(1, 3365 // count)]
    points = [[[float(row[f"x{i}"]), float(row[f"y{i}"])] for i in range(68)] for row in rows]
    return np.array(points), np.array([[int(row["height"]), int(row["width"])] for row in rows])


def test_the_pairs_of_a_face_are_those_that_real_faces_have(shared_data):
    """A mean face is symmetric: mirrored, with sides exchanged, it lies on itself; with any pair broken, less so."""
    points, _ = faces(shared_data, 400)
    centered = points - points.mean(axis=1, keepdims=True)
    mean_face = (centered / centered.std(axis=(1, 2), keepdims=True)).mean(axis=0)
    mean_face[:, 0] -= mean_face[27:31, 0].mean()  # the bridge of the nose is the middle
    order = partners(NUMBERED)

    def asymmetry(order: np.ndarray) -> np.ndarray:
        return np.linalg.norm((mean_face * [-1, 1])[order] - mean_face, axis=1)

    assert asymmetry(order).max() < 0.15
    for first, second in FACE_68:
        broken = order.copy()
        broken[[first, second]] = first, second
        assert asymmetry(broken)[first] > asymmetry(order)[first]
    assert (order[order] == np.arange(68)).all()
    assert (order == np.arange(68)).sum() == 68 - 2 * len(FACE_68) == 10


def test_the_left_eye_of_a_mirrored_face_is_where_the_right_one_was(shared_data):
    points, sizes = faces(shared_data, 40)
    height, width = sizes[0]
    same = (sizes == sizes[0]).all(axis=1)
    points = points[same] if same.sum() > 5 else np.tile(points[:1], (12, 1, 1))
    geometry = draw_geometry(per_item(3, np.arange(len(points))), MIRRORED, height=height, width=width, flip=True)
    moved, inside = move_landmarks(geometry, points, partners(NUMBERED))
    assert 0 < geometry.mirrored.sum() < len(points)
    for before, after, is_mirrored in zip(points, moved, geometry.mirrored, strict=True):
        if not is_mirrored:
            np.testing.assert_array_equal(after, before)
            continue
        right, left = before[36:42], after[42:48]
        np.testing.assert_allclose(sorted(left[:, 0]), sorted(width - right[:, 0]))
        np.testing.assert_allclose(sorted(left[:, 1]), sorted(right[:, 1]))
        assert after[36:42, 0].mean() < after[42:48, 0].mean()  # the subject's right eye is on the left of a picture
        assert after[48, 0] < after[54, 0]
    assert inside.mean() > 0.95


def test_names_with_sides_are_found():
    names = [
        "left_eye",
        "nose",
        "right_eye",
        "LeftEar",
        "RightEar",
        "mouth_l",
        "mouth_r",
        "ojo izquierdo",
        "ojo derecho",
    ]
    assert partners(names).tolist() == [2, 1, 0, 4, 3, 6, 5, 8, 7]
    assert partners(["left_eye", "nose"]).tolist() == [0, 1]
    assert other_side("bright light") == "bright light"
    assert other_side("EYE_L") == "EYE_R"
    assert partners([f"left_{i}" for i in range(34)] + [f"right_{i}" for i in range(34)])[0] == 34  # 68, but not a face
    assert partners([]).tolist() == []


def test_pairs_can_be_said():
    names = ["left_eye", "right_eye", "a", "b", "c"]
    assert partners(names, ("a:c",)).tolist() == [1, 0, 4, 3, 2]
    assert partners(names, ("2:4",)).tolist() == [1, 0, 4, 3, 2]
    assert partners(names, ("0:2",)).tolist() == [2, 1, 0, 3, 4]  # ends what the names say
    for wrong in ("a", "a:", "a:a", "a:d", "0:5", ":", "a:b:c"):
        with pytest.raises(OptionError, match=r"swap_names has .* places from 0 to 4"):
            partners(names, (wrong,))


def raccoons(data: Path, count: int):
    with zipfile.ZipFile(data / "raccoon" / "raccoon.zip") as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".xml"))[:count]:
            root = ET.fromstring(archive.read(name))
            picture = Image.open(
                io.BytesIO(archive.read(name.replace("annotations", "images").replace(".xml", ".jpg")))
            )
            boxes = [[float(b.findtext(tag)) for tag in ("xmin", "ymin", "xmax", "ymax")] for b in root.iter("bndbox")]  # type: ignore[arg-type]
            yield np.asarray(picture.convert("RGB")), np.array(boxes) - [1, 1, 0, 0]


@pytest.mark.parametrize("options", [MIRRORED, TURNED], ids=["mirrored", "turned"])
def test_boxes_stay_on_real_raccoons(shared_data, options):
    """The pixels of a box are painted; after the change the painted part and the moved box have the same frame."""
    for row, (picture, boxes) in enumerate(raccoons(shared_data, 20)):
        height, width = picture.shape[:2]
        geometry = draw_geometry(per_item(2, np.array([row])), options, height=height, width=width, flip=True)
        moved = move_boxes(geometry, boxes, np.zeros(len(boxes), int))
        for box, corners, left in zip(boxes, moved.boxes, moved.left, strict=True):
            x1, y1, x2, y2 = box.round().astype(int)
            mask = np.zeros((1, height, width), np.uint8)
            mask[0, y1:y2, x1:x2] = 1
            painted = move_masks(geometry, mask, border=0)[0]
            if left < 0.2:
                continue
            rows, columns = np.nonzero(painted)
            frame = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            # Thin corners of a slanted outline miss the centers of pixels; straight edges bend between marks.
            np.testing.assert_allclose(corners, frame, atol=1e-6 if options is MIRRORED else 0.015 * max(width, height))


def test_membranes_stay_on_their_slices(shared_data):
    """Dark membranes stay under their mask: both correlate as before; with the mask left behind, they do not."""
    with zipfile.ZipFile(shared_data / "membrane" / "membrane.zip") as archive:
        names = sorted(n for n in archive.namelist() if "image/" in n and n.endswith(".png"))[:4]
        pictures = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(n))))[:256, :256] for n in names])
        labels = [n.replace("image/", "label/") for n in names]
        masks = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(n))))[:256, :256] for n in labels]) // 255
    geometry = draw_geometry(per_item(1, np.arange(4)), TURNED, height=256, width=256, flip=True)
    moved = geometry.sample(torch.from_numpy(pictures[:, None]).float(), mode="bilinear", padding="border")[
        :, 0
    ].numpy()
    codes = move_masks(geometry, masks, border=255)
    assert set(np.unique(codes)) <= {0, 1, 255}
    for picture, mask, image, code in zip(pictures, masks, moved, codes, strict=True):
        inside = code != 255
        before = np.corrcoef(picture.ravel(), mask.ravel())[0, 1]
        after = np.corrcoef(image[inside], code[inside])[0, 1]
        out_of_step = np.corrcoef(image[inside], mask[inside])[0, 1]
        assert after > before - 0.08
        assert out_of_step < before - 0.2
