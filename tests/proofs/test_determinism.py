"""T23, T19: the bits of a run depend on its seed alone: not on threads, clocks, or where its folder lies."""

import csv
import json
import re
import shutil
import signal

import numpy as np
import pytest
import toy
from kinds import KINDS, OFTEN, different, expected, first_of, options, whole
from sittings import outcome

from rumbo.data.loader import Examples, Loader, PixelsInMemory
from rumbo.data.options import AugmentOptions

TABLE, THREADS = "dropout and AdamW on a table", "pictures decoded by threads"


@pytest.mark.train
@pytest.mark.parametrize("kind", first_of(["augmentation and batch norm on pictures", TABLE]))
def test_two_runs_of_one_seed_are_one(server, data, kind):
    assert different(whole(server, data, kind)[0], expected(server, data, kind)) == []


@pytest.mark.train
@pytest.mark.parametrize("kind", [TABLE, "augmentation and batch norm on pictures"])
@pytest.mark.slow
def test_ten_runs_of_one_seed_are_one(server, data, kind):
    found = [whole(server, data, kind)[0] for _ in range(10)]
    assert all(each == found[0] for each in found)


@pytest.mark.train
def test_another_seed_is_another_run(server, data, tmp_path):
    words = [*KINDS[TABLE], *OFTEN]
    words[words.index("--seed") + 1] = "4"
    assert server.run("train", *words, "--out", tmp_path / "run", folder=data)[0].code == 0
    assert {"weights", "state", "results"} <= set(different(outcome(tmp_path / "run"), expected(server, data, TABLE)))


@pytest.mark.train
@pytest.mark.parametrize(("crops", "threads"), first_of([("1", (0, 3)), ("1", (0, 1, 2, 4)), ("0.5", (0, 1, 2, 4))]))
def test_the_number_of_threads_that_decode_changes_nothing(server, data, tmp_path, crops, threads):
    """0 threads: all pictures are decoded before step 1 and stay in memory (random crops never do)."""
    outcomes = {}
    for num_threads in threads:
        run = tmp_path / f"{crops}-{num_threads}"
        memory = options(data__augment__crop_area=crops, data__memory_gib=4 if num_threads == 0 else 0)
        words = ("train", *KINDS[THREADS], *OFTEN, *memory, "--out", run)
        end = server.run(*words, folder=data, cores=max(1, num_threads))[0]
        assert end.code == 0, end.told
        outcomes[num_threads] = outcome(run)
    for found in outcomes.values():
        assert different(found, outcomes[0]) == []


def share_different(before: np.ndarray, after: np.ndarray) -> float:
    return float(np.mean([not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]))


@pytest.mark.parametrize(
    "changes",
    [AugmentOptions(), AugmentOptions(light=0), AugmentOptions(shift_fraction=0, zoom=0, rotate_degrees=0)],
    ids=["all", "place", "light"],
)
def test_changes_differ_between_epochs_and_examples(changes):
    """All examples are one picture here, so that what differs are the changes."""
    count = 1000
    picture = toy.examples().pixels.gather(np.array([3])).numpy()
    examples = Examples(
        ids=[str(row) for row in range(count)],
        targets=toy.torch.zeros(count, dtype=toy.torch.int64),
        weights=toy.torch.ones(count),
        pixels=PixelsInMemory(np.repeat(picture, count, axis=0)),
        image=toy.examples().image,
    )
    loader = Loader(examples=examples, rows=np.arange(count), batch_size=100, seed=5, augment=changes, flip=True)

    def epoch(number: int) -> np.ndarray:
        images = np.empty((count, *picture.shape[1:]), np.float32)
        for batch in loader.epoch(number):
            images[batch.rows] = batch.images.numpy()
        return images

    first, second, third = epoch(0), epoch(1), epoch(2)
    assert share_different(first, second) >= 0.99
    assert share_different(second, third) >= 0.99
    assert share_different(first[1:], first[:-1]) >= 0.99
    assert len({image.tobytes() for image in first}) >= 0.99 * count
    assert share_different(first, epoch(0)) == 0


@pytest.mark.train
def test_a_run_that_moved_goes_on_with_the_same_bits(server, data, tmp_path):
    """Its place, its name and the place of its data are others after each death."""
    home, step = tmp_path / "here", 7
    home.mkdir()
    shutil.copy(data / "table.csv", home)
    words: tuple[str, ...] = (*KINDS[TABLE], *OFTEN)
    for place in ("there", "over/another name"):
        death = {"die_at_step": {"step": step}}
        end = server.run("train", *words, "--out", home / "run", folder=home, faults=death)[0]
        assert end.code == -signal.SIGKILL, end.told
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        home, step, words = home.rename(tmp_path / place), step + 6, ("--resume",)
    shutil.move(home / "run", tmp_path / "alone")  # and now without its data, which are named anew
    end = server.run("train", home / "table.csv", "--resume", "--out", tmp_path / "alone", folder=tmp_path)[0]
    assert end.code == 0, end.told
    assert different(outcome(tmp_path / "alone"), expected(server, data, TABLE)) == []


@pytest.mark.train
def test_clocks_that_jump_change_nothing_but_the_date(server, data, tmp_path):
    run, clock = tmp_path / "run", {"jumping_clock": {"seed": 1}}
    death = {"die_at_step": {"step": 12}}
    begun = server.run("train", *KINDS[TABLE], *OFTEN, "--out", run, folder=data, faults={**clock, **death})[0]
    assert begun.code == -signal.SIGKILL, begun.told
    ended = server.run("train", "--resume", "--out", run, folder=data, faults=clock)[0]
    assert ended.code == 0, ended.told
    assert different(outcome(run), expected(server, data, TABLE)) == []
    with (run / "results.csv").open(newline="", encoding="utf-8") as file:
        times = [float(row["time_s"]) for row in csv.DictReader(file)]
    assert times == sorted(times)
    assert 0 < times[0] <= times[-1] <= begun.seconds + ended.seconds
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report["seconds"] <= begun.seconds + ended.seconds
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", report["created"])
    assert json.loads((run / "run.lock").read_text(encoding="utf-8"))["since"].endswith("+00:00")


@pytest.mark.train
@pytest.mark.slow
def test_two_trainings_of_one_folder_have_one_winner(server, data, tmp_path):
    run = tmp_path / "run"
    death = {"die_at_step": {"step": 6}}
    server.run("train", *KINDS[TABLE], *OFTEN, "--out", run, folder=data, faults=death)
    ends = server.run("train", "--resume", "--out", run, folder=data, copies=4)
    assert sorted(end.code for end in ends) == [0, 75, 75, 75]
    assert different(outcome(run), expected(server, data, TABLE)) == []
    shutil.rmtree(run)
