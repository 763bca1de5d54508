"""T25: training after training in one process: memory, descriptors, threads, tensors and figures stay as many.

Mutants seen caught: losses kept with their graphs; figures kept. Memory alone, by 0.1 to 1 %, tells of neither.
"""

import statistics

import pytest
from kinds import KINDS, OFTEN
from sittings import strict

pytestmark = [pytest.mark.train]

LARGEST_GROWTH = 0.05


def measured(server, data, tmp_path, kind, times):
    notes = tmp_path / "notes.jsonl"
    words = ["train", *KINDS[kind], *OFTEN]
    again = {"measure_repeated": {"words": words, "times": times, "notes": str(notes)}}
    end = server.run(*words, "--out", tmp_path / "run", folder=data, faults=again, limit=570)[0]
    assert end.code == 0, end.told
    return [strict(line) for line in notes.read_text(encoding="utf-8").splitlines()]


def growth(rows):
    """Of the last few trainings over those after the first third, in which caches fill."""
    warm = rows[len(rows) // 3 :]
    few = max(1, len(warm) // 4)
    before, after = (statistics.median(row["rss"] for row in part) for part in (warm[:few], warm[-few:]))
    return after / before - 1


def check(rows):
    warm = rows[len(rows) // 3 :]
    assert growth(rows) <= LARGEST_GROWTH, rows
    for counted in ("descriptors", "threads", "tensors", "figures"):
        assert len({row[counted] for row in warm}) == 1, rows


def test_repeated_trainings_hold_nothing(server, data, tmp_path):
    check(measured(server, data, tmp_path, "dropout and AdamW on a table", 4))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["an average of the weights", "pictures decoded by threads"])
def test_many_repeated_trainings_hold_nothing(server, data, tmp_path, kind):
    rows = measured(server, data, tmp_path, kind, 40)
    print(f"{kind}: RSS {rows[13]['rss'] / 2**20:.0f} to {rows[-1]['rss'] / 2**20:.0f} MiB, {growth(rows):+.2%}")
    check(rows)
