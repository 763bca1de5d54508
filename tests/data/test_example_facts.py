"""Numbers about examples: pictures, texts and series have those that one would measure by hand."""

from collections import Counter

import numpy as np
import pytest

from rumbo.data import open_data
from rumbo.data.example_facts import MAX_TRAIN, example_facts, spread_out
from rumbo.data.signals.signal_facts import text_facts, vocabulary, wave_facts


def test_words_that_no_other_text_has_are_unknown():
    known = vocabulary({0: "the cat sat", 1: "the dog sat"})
    assert known == Counter({"the": 2, "sat": 2, "cat": 1, "dog": 1})
    assert text_facts("the cat flew", known)["unknown"] == pytest.approx(1 / 3)
    assert text_facts("the cat sat", known, is_of_them=True)["unknown"] == pytest.approx(1 / 3)
    assert text_facts("", known) == {"words": 0, "unknown": 0, "capitals": 0, "digits": 0}


def test_waves():
    steps = np.arange(1000)[:, None]
    slow, noise = np.sin(steps / 50), np.random.default_rng(0).normal(size=(1000, 1))
    assert wave_facts(slow)["roughness"] < 0.05
    assert wave_facts(noise)["roughness"] == pytest.approx(2**0.5, rel=0.1)
    assert wave_facts(3 * slow)["spread"] == pytest.approx(3 * wave_facts(slow)["spread"])
    both = wave_facts(np.concatenate([0.01 * noise, 5 * slow], axis=1))
    assert both["roughness"] < 0.05  # of the channel that moves
    assert wave_facts(np.full((4, 2), np.nan))["spread"] == 0
    assert wave_facts(np.zeros((0, 2)))["length"] == 0


def test_real_series_and_texts_have_facts(shared_data):
    reviews = open_data(shared_data / "movie_reviews")
    rows = np.arange(0, len(reviews), 20)
    facts = example_facts(reviews, rows[:20], rows[20:])
    assert set(facts.values) == {"words", "unknown", "capitals", "digits"}
    assert np.isfinite(facts.values["words"]).all()
    assert np.median(facts.values["words"]) == pytest.approx(np.median(facts.train["words"]), rel=0.5)


def test_plain_tables_have_none(shared_data):
    houses = open_data(shared_data / "california_housing")
    assert example_facts(houses, np.arange(5), np.arange(5, 50)).values == {}


def test_a_sample_is_spread_out():
    assert spread_out(np.arange(10), 20).tolist() == list(range(10))
    some = spread_out(np.arange(10_000), MAX_TRAIN)
    assert len(some) == MAX_TRAIN
    assert np.diff(some).max() <= 6
