"""Edge filters: known answers on drawn edges, turned pictures, real photographs, bad files."""

import io

import numpy as np
import pytest
from PIL import Image

from rumbo.core.errors import DataError, RumboError
from rumbo.lab.edges import EdgeFilters, all_edges, answer
from rumbo.reference import convolution

FILTERS = (convolution.VERTICAL, convolution.HORIZONTAL, convolution.SOBEL, convolution.SCHARR)


def save(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def step(height: int = 12, width: int = 16) -> np.ndarray:
    """Black to the left, white to the right."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, width // 2 :] = 255
    return pixels


@pytest.mark.parametrize("F", FILTERS, ids=range(4))
def test_a_step_from_black_to_white_gives_one(F):
    along = step() / 255.0 if F is not convolution.HORIZONTAL else step().T / 255.0
    found = answer(along, F)
    assert np.abs(found).max() == pytest.approx(1)
    # Bright to dark is positive in the notes' filters, dark to bright negative.
    assert found.min() == pytest.approx(-1)
    assert found.max() == pytest.approx(0)
    assert answer(1 - along, F).max() == pytest.approx(1)
    assert np.abs(answer(along.T, F)).max() == pytest.approx(0, abs=1e-12)


def test_a_vertical_edge_is_a_vertical_edge(tmp_path):
    result = EdgeFilters().run(save(tmp_path / "step.png", step()))
    shares = [row[3] for row in result.rows]
    # Two of the 14 columns that a filter of 3 fits on meet the step.
    assert shares == pytest.approx([100 / 7, 0, 100 / 7, 0, 100 / 7, 0, 100 / 7, 100 / 7])
    assert "More of the picture is vertical edge, 14.3 %, than horizontal, 0.0 %." in result.finding
    turned = EdgeFilters().run(save(tmp_path / "turned.png", step().T.copy()))
    assert "More of the picture is horizontal edge, 14.3 %, than vertical, 0.0 %." in turned.finding
    even = EdgeFilters().run(save(tmp_path / "even.png", np.full((9, 9), 77, np.uint8)))
    assert "As much of the picture is vertical as horizontal edge, 0.0 %." in even.finding
    assert [row[1:] for row in even.rows] == [(0, 0, 0)] * 8
    assert even.panels[0].ends == (0, 1)
    assert "Orange edges are brighter on the left, or above" in even.finding


def test_turning_the_picture_exchanges_the_directions():
    grey = np.random.default_rng(0).random((20, 30))
    found, turned = all_edges(grey), all_edges(grey.T)
    for one, other in ((0, 1), (2, 3), (4, 5), (6, 6), (7, 7)):
        np.testing.assert_allclose(found[one].strength, turned[other].strength.T, atol=1e-12)


def test_the_gradient_does_not_depend_on_the_direction_much():
    """A soft edge in any direction: Scharr's size of the gradient varies by less than Sobel's."""
    x, y = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41))
    sobel, scharr = [], []
    for angle in np.linspace(0, np.pi, 13):
        found = all_edges(1 / (1 + np.exp(-30 * (np.cos(angle) * x + np.sin(angle) * y))))
        sobel.append(found[6].strength[19, 19])
        scharr.append(found[7].strength[19, 19])
    assert np.ptp(scharr) < np.ptp(sobel) < 0.05 * np.mean(sobel)


def test_the_photograph_of_scikit_learn():
    result = EdgeFilters().run(None)
    assert result.title == "Edges of a photograph from scikit-learn, 480 x 320 px"
    assert all(0 < row[1] <= 1.5 and 0 < row[2] < row[1] and 0 < row[3] < 100 for row in result.rows)
    assert result.panels[0].pixels.shape == (320, 480)
    assert {panel.pixels.shape for panel in result.panels[1:]} == {(318, 478)}
    marked = result.panels[-1].pixels
    assert 100 * marked.mean() == pytest.approx(result.rows[6][3])


def test_a_higher_threshold_leaves_fewer_edges():
    shares = [EdgeFilters(threshold=level, longest_side=100).run(None).rows[6][3] for level in (0.0, 0.2, 0.6)]
    assert shares[0] > shares[1] > shares[2]


def test_real_pictures_in_color(shared_data):
    path = next(iter(sorted((shared_data / "style_images").rglob("*.jpg"))))
    result = EdgeFilters(longest_side=200).run(path)
    assert f"'{path.name}'" in result.title
    assert max(result.panels[0].pixels.shape) <= 200


def test_small_and_narrow_pictures(tmp_path):
    assert EdgeFilters().run(save(tmp_path / "least.png", np.zeros((3, 3), np.uint8))).rows[0][1] == 0
    narrow = EdgeFilters(longest_side=16).run(save(tmp_path / "narrow.png", np.zeros((3, 4000), np.uint8)))
    assert narrow.panels[0].pixels.shape == (3, 16)
    with pytest.raises(DataError, match="9 x 2 px; a filter of 3 x 3 needs at least 3"):
        EdgeFilters().run(save(tmp_path / "small.png", np.zeros((2, 9), np.uint8)))


def test_what_is_no_picture_is_refused(tmp_path):
    text = tmp_path / "a.jpg"
    text.write_text("hello")
    with pytest.raises(DataError, match=r"'a.jpg' cannot be used: not a picture"):
        EdgeFilters().run(text)
    half = tmp_path / "half.png"
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60), np.uint8)).save(whole, "PNG")
    half.write_bytes(whole.getvalue()[:900])
    with pytest.raises(DataError, match="truncated"):
        EdgeFilters().run(half)


def test_a_folder_of_several_is_refused_and_of_one_taken(tmp_path):
    save(tmp_path / "one.png", step())
    assert "16 x 12 px" in EdgeFilters().run(tmp_path).title
    save(tmp_path / "two.png", step())
    with pytest.raises(RumboError, match=r"holds 2 files\. Give one picture"):
        EdgeFilters().run(tmp_path)
