"""NIfTI volumes and their masks; what does not fit together is named with its file."""

import builtins
import contextlib
import gzip
import json

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.core.errors import DataError, UsageError
from rumbo.data import open_data
from rumbo.data.manifest import SignalKind, TargetKind
from rumbo.data.pictures.decode import BadImage
from rumbo.data.signals.nifti import decode_codes, decode_volume, volume_header


def nifti(array, zooms=(1, 2, 3), kind=nibabel.Nifti1Image):
    image = kind(np.asarray(array), np.diag([*zooms, 1]).astype(float))
    image.header.set_zooms((*zooms, *[1] * (np.ndim(array) - 3)))
    return image.to_bytes()


def volume(seed=0, shape=(4, 5, 6), dtype=np.float32):
    return (np.random.default_rng(seed).random(shape) * 100).astype(dtype)


def mask(shape=(4, 5, 6), codes=(0, 1, 2), dtype=np.uint8):
    array = np.zeros(shape, dtype)
    for place, code in enumerate(codes):
        array[place] = code
    return array


def write(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return root


def pairs(count=3, ending=".nii.gz", **folders):
    images, labels = folders.get("images", "images"), folders.get("labels", "labels")
    return {f"{images}/case{row}{ending}": nifti(volume(row)) for row in range(count)} | {
        f"{labels}/case{row}{ending}": nifti(mask()) for row in range(count)
    }


@pytest.mark.parametrize(
    "folders", [{}, {"images": "imagesTr", "labels": "labelsTr"}, {"images": ".", "labels": "masks"}]
)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_volumes_and_masks_of_the_same_name(tmp_path, folders, ending):
    data = open_data(write(tmp_path, pairs(ending=ending, **folders)))
    assert (data.format, data.target.kind, data.target.classes) == ("volume", TargetKind.MASK, ("0", "1", "2"))
    assert (len(data), data.signals.kind, data.signals.size(2)) == (3, SignalKind.VOLUME, (4, 5, 6))
    assert data.table.select("voxel_d", "voxel_h", "voxel_w").row(0) == (1.0, 2.0, 3.0)
    assert [name.rpartition("/")[2] for name in data.table["mask"].to_list()] == [
        f"case{row}{ending}" for row in range(3)
    ]
    swapped = data.take(np.array([2, 0]))
    np.testing.assert_array_equal(swapped.signals.read(0), volume(2))
    np.testing.assert_array_equal(swapped.masks.read(1), mask())
    assert (swapped.signals.read(0).dtype, swapped.masks.read(0).dtype) == (np.float32, np.uint8)


def test_volumes_without_masks(tmp_path):
    data = open_data(write(tmp_path, {"a.nii.gz": nifti(volume()), "b.nii": nifti(volume(1, (3, 3, 3)))}))
    assert (data.target.kind, data.masks, data.signals.size(1)) == (TargetKind.NOTHING, None, (3, 3, 3))
    assert open_data(tmp_path, labelled=False).target is None
    data = open_data(write(tmp_path / "b", pairs()), labelled=False)
    assert (len(data), data.masks, data.target) == (3, None, None)


def test_names_of_dataset_json_and_codes_with_gaps(tmp_path):
    write(
        tmp_path,
        pairs() | {"dataset.json": json.dumps({"labels": {"0": "background", "1": "head", "2": "tail"}}).encode()},
    )
    assert open_data(tmp_path).target.classes == ("background", "head", "tail")
    write(tmp_path, {"labels/case1.nii.gz": nifti(mask(codes=(0, 7)))})
    data = open_data(tmp_path)
    assert [(item.id, item.code) for item in data.bad] == [("images/case1.nii.gz", "mask.unknown_value")]
    assert "holds the code 7" in data.bad[0].reason
    (tmp_path / "dataset.json").write_text("[1]")
    with pytest.raises(DataError, match=r"'dataset\.json' cannot be read"):
        open_data(tmp_path)
    (tmp_path / "dataset.json").unlink()
    data = open_data(tmp_path)
    assert data.target.classes == ("0", "1", "2", "7")
    assert np.unique(data.masks.read(1)).tolist() == [0, 3]
    write(tmp_path, {"labels/case1.nii.gz": nifti(mask(codes=(0, 5)))})
    with pytest.raises(BadImage, match="has changed"):
        data.masks.read(1)


def test_what_does_not_fit_is_bad_and_named(tmp_path):
    files = pairs(8)
    files["labels/case1.nii.gz"] = nifti(mask(codes=(0, 0.5), dtype=np.float32))
    files["labels/case2.nii.gz"] = nifti(mask((4, 5, 7)))
    files["labels/case3.nii.gz"] = nifti(mask(codes=(0, -1), dtype=np.int16))
    files["images/case4.nii.gz"] = b"no nifti at all"
    files["images/case5.nii.gz"] = nifti(volume(shape=(4, 5, 6, 2)))
    del files["labels/case6.nii.gz"]
    files["labels/other.nii.gz"] = nifti(mask())
    data = open_data(write(tmp_path, files))
    assert data.ids == ["images/case0.nii.gz", "images/case7.nii.gz"]
    assert {item.id[11:12]: item.code for item in data.bad} == {
        "1": "mask.bad",
        "2": "mask.wrong_size",
        "3": "mask.bad",
        "4": "volume.bad",
        "5": "volume.bad",
        "6": "mask.missing",
    }
    reasons = {item.id[11:12]: item.reason for item in data.bad}
    assert "'labels/case1.nii.gz' holds the value 0.5" in reasons["1"]
    assert "4 x 5 x 7 voxels, its volume 'images/case2.nii.gz' 4 x 5 x 6" in reasons["2"]
    assert "three sides" in reasons["5"]
    assert any("1 masks have no volume" in sentence for sentence in data.decisions)


def test_volumes_for_testing_have_no_masks_and_are_no_fault(tmp_path):
    files = pairs(images="imagesTr", labels="labelsTr") | {"imagesTs/x.nii.gz": nifti(volume(9))}
    data = open_data(write(tmp_path, files))
    assert (len(data), data.bad) == (3, ())
    assert any("1 volumes for testing" in sentence for sentence in data.decisions)


def test_split_folders(tmp_path):
    files = {f"{split}/{name}": data for split in ("train", "test") for name, data in pairs(2).items()}
    data = open_data(write(tmp_path, files))
    assert data.table["split"].to_list() == ["test", "test", "train", "train"]


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_every_number_type_and_the_scale_of_the_header(kind, dtype):
    array = volume(dtype=dtype)
    np.testing.assert_array_equal(decode_volume(nifti(array, kind=kind), "a.nii"), array.astype(np.float32))
    scaled = nifti(array.astype(np.int16), kind=kind)
    head = bytearray(scaled)
    if kind is nibabel.Nifti1Image:  # scl_slope and scl_inter stand there
        head[112:120] = np.array([0.5, 10], "<f4").tobytes()
    else:
        head[176:192] = np.array([0.5, 10], "<f8").tobytes()
    np.testing.assert_allclose(decode_volume(bytes(head), "a.nii"), array.astype(np.int16) * 0.5 + 10)


def test_a_fourth_axis_of_one_is_none_and_codes_may_be_large():
    assert decode_volume(nifti(volume()[..., None]), "a.nii").shape == (4, 5, 6)
    assert decode_codes(nifti(mask(codes=(0, 300), dtype=np.int16)), "a.nii").dtype == np.uint16
    with pytest.raises(DataError, match="holds the value 70000"):
        decode_codes(nifti(mask(codes=(0, 70000), dtype=np.int32)), "a.nii")
    with pytest.raises(DataError, match="holds the value nan"):
        decode_codes(nifti(mask(codes=(0, np.nan), dtype=np.float32)), "a.nii")


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_off_is_told_from_its_header(packed):
    whole = nifti(volume())
    cut = gzip.compress(whole[:-9]) if packed else whole[:-9]
    with pytest.raises(DataError, match=rf"truncated: {len(whole) - 9} of {len(whole)} bytes"):
        volume_header(cut, "a.nii")
    with pytest.raises(DataError):
        volume_header(gzip.compress(whole)[:-9], "a.nii.gz")
    assert volume_header(gzip.compress(whole[:500]) + gzip.compress(whole[500:]), "a.nii.gz").shape == (4, 5, 6)


def test_a_header_that_claims_too_much_is_not_believed():
    head = bytearray(nifti(volume()))
    head[42:48] = np.array([32767, 32767, 32767], "<i2").tobytes()
    with pytest.raises(DataError, match="claims 35181150961663 voxels"):
        decode_volume(bytes(head), "a.nii")


@given(st.integers(0, 347), st.binary(min_size=1, max_size=8))
def test_hostile_headers_never_crash(place, junk):
    data = bytearray(nifti(volume()))
    data[place : place + len(junk)] = junk
    for function in (decode_volume, decode_codes):
        with contextlib.suppress(DataError):
            assert function(bytes(data), "a.nii").ndim == 3


def test_without_nibabel_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name == "nibabel":
            raise ImportError(name)
        return real(name, *rest, **more)

    write(tmp_path, pairs())
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError, match=r"pip install rumbo\[medical\]"):
        open_data(tmp_path)
