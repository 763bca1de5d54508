"""Faults that keep a whole set from being opened or dealt out, planted in real sets, as `rumbo check` tells them."""

import pytest

from rumbo.api.checking import check

PLANTED = {}


def plants(code):
    """Enter a planting: from real photographs and an empty folder to a (clean, faulty) pair of sets."""
    return lambda function: PLANTED.setdefault(code, function)


def lay_out(insects, folder, place_of):
    """Forty photographs of ants and bees in a folder, under the names that a function gives."""
    for row in range(0, 396, 10):
        path = folder / place_of(row, insects.table["class"][row])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(insects.images.bytes_of(row))
    return folder


@plants("target.none")
def _(insects, folder):
    clean = lay_out(insects, folder / "clean", lambda row, name: f"{name}/{row}.jpg")
    return clean, lay_out(insects, folder / "faulty", lambda row, _: f"{row}.jpg")


@plants("split.impossible")
def _(insects, folder):
    """A tenth of test stands in train."""

    def place(row, name):
        return f"{'test' if row % 30 == 0 else 'train'}/{name}/{row}.jpg"

    clean = lay_out(insects, folder / "clean", place)
    faulty = lay_out(insects, folder / "faulty", place)
    for path in sorted((faulty / "test").rglob("*.jpg"))[:4]:
        (faulty / "train" / path.parent.name / f"copy{path.name}").write_bytes(path.read_bytes())
    return clean, faulty


@plants("row.too_many_bad")
def _(insects, folder):
    """One of forty photographs is cut in the middle."""
    clean = lay_out(insects, folder / "clean", lambda row, name: f"{name}/{row}.jpg")
    faulty = lay_out(insects, folder / "faulty", lambda row, name: f"{name}/{row}.jpg")
    path = next(faulty.rglob("*.jpg"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return clean, faulty


@pytest.mark.parametrize("code", PLANTED)
def test_a_planted_fault_is_found(real, tmp_path, code):
    clean, faulty = PLANTED[code](real("hymenoptera"), tmp_path)
    assert code not in {finding.code for finding in check(clean).report.findings}
    met = [finding for finding in check(faulty).report.findings if finding.code == code]
    assert len(met) == 1
    assert met[0].severity == "error"
    assert met[0].num_items >= 1
