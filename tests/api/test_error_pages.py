"""What one sees of an example on the page: a small picture, the beginning of a text, a drawn series, a row."""

import numpy as np
import pytest

from rumbo.api.error_pages import MAX_LETTERS, MAX_PICTURE_PX, drawn_wave, look_of
from rumbo.data import open_data


def test_every_kind_of_example_has_a_look(shared_data):
    photo = look_of(open_data(shared_data / "hymenoptera"), 0)["picture"]
    assert max(photo.shape[:2]) == MAX_PICTURE_PX
    text = look_of(open_data(shared_data / "movie_reviews"), 0)["text"]
    assert 100 < len(text) <= MAX_LETTERS
    wave = look_of(open_data(shared_data / "ecg" / "ECG5000_TRAIN.txt"), 0)["picture"]
    assert wave.shape == (72, 144)
    row = look_of(open_data(shared_data / "california_housing"), 0)["features"]
    assert row["ocean_proximity"] == "NEAR BAY"


def test_a_wave_is_drawn_where_it_is():
    steps = drawn_wave(np.repeat([0.0, 1.0], 500))
    assert (steps[71, :70] == 40).all()  # low at first, at the bottom
    assert (steps[0, 74:] == 40).all()
    assert (steps[:, 72] == 40).all()  # and joined
    assert (steps[30, :70] == 255).all()


@pytest.mark.parametrize("values", [np.zeros(0), np.zeros(3), np.array([np.nan, 1.0]), np.ones((5, 2)), np.arange(9.0)])
def test_strange_waves_are_drawn_too(values):
    assert drawn_wave(values).shape == (72, 144)
    assert (drawn_wave(values) == 40).any(axis=0).all()  # no gap
