"""What all competitors train on, in NumPy alone, and how they are served: one JSON line per round."""

import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np

Round = Callable[[], tuple[int, float]]
"""Trains for a round; returns how many items were seen, and the mean or last loss."""

LENET5_BATCH, LENET5_STEPS = 128, 100
RESNETS = {"resnet18": (64, 64, 4), "resnet50": (16, 224, 1)}  # batch, side, steps of a round
LSTM_BATCH, LSTM_LENGTH, LSTM_UNITS, LSTM_STEPS, LETTERS = 64, 128, 512, 2, 65
MEAN, STD = 0.286, 0.353


def grey_pictures() -> tuple[np.ndarray, np.ndarray]:
    """Bytes n x 28 x 28 and codes: a coarse pattern for each class under noise, a tenth of the labels wrong."""
    random = np.random.default_rng(0)
    count = LENET5_BATCH * LENET5_STEPS
    codes = random.integers(0, 10, count)
    patterns = random.integers(0, 160, (10, 7, 7)).repeat(4, 1).repeat(4, 2)
    pixels = (patterns[codes] + random.normal(0, 200, (count, 28, 28))).clip(0, 255).astype(np.uint8)
    return pixels, np.where(random.random(count) < 0.1, random.integers(0, 10, count), codes)


def scaled_grey_pictures() -> tuple[np.ndarray, np.ndarray]:
    """The same as floats, made once: less work than ours does, which begins each step with bytes."""
    pixels, codes = grey_pictures()
    return ((pixels.astype(np.float32) / 255 - MEAN) / STD), codes.astype(np.int64)


def color_batch(row: str) -> tuple[np.ndarray, np.ndarray]:
    """One batch of normalized pictures, n x 3 x side x side, and codes of 1,000 classes."""
    batch, side, _ = RESNETS[row]
    random = np.random.default_rng(0)
    return random.standard_normal((batch, 3, side, side), np.float32), random.integers(0, 10, batch)


def letters() -> tuple[np.ndarray, np.ndarray]:
    """Codes of letters, and of those that follow: one batch."""
    random = np.random.default_rng(0)
    text = random.integers(0, LETTERS, (LSTM_BATCH, LSTM_LENGTH + 1))
    return text[:, :-1], text[:, 1:]


def serve(one_round: Round, warm_up: int = 2) -> None:
    """Answer each line that comes in with a timed round; what libraries print must not get between the answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for _ in range(warm_up):
        one_round()
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for _ in sys.stdin:
        began, worked = time.perf_counter(), os.times()
        items, loss = one_round()
        now = os.times()
        work = (now.user + now.system + now.children_user + now.children_system) - sum(worked[:4])
        answer = {"items": items, "loss": loss, "seconds": time.perf_counter() - began, "work": work}
        print(json.dumps(answer), file=answers, flush=True)
