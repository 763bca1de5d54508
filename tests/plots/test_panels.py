"""Panels of experiments: every kind is drawn, whatever its names and numbers are."""

import xml.etree.ElementTree as ET
from typing import get_args

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import same_color, to_rgb

from rumbo.plots.drawing import COLORS, MAX_NAMES_INSIDE, draw_panels
from rumbo.plots.panels import Intervals, Line, Lines, Numbers, Panel, Picture, Regions, Surface
from rumbo.plots.style import plain, to_png, to_svg

HOSTILE = [
    "$x^2$",
    r"$\notacommand{$",
    "$",
    "<script>alert(1)</script>",
    "</text></svg><script>alert(1)</script>",
    "&lt;b&gt;",
    "\x1b[31mred",
    "two\nlines",
    "cat\u202egnp.exe",
    "_underscore",
    "{name} %s",
    "名" * 100,
    "a" * 300,
    "",
]
AXIS = np.linspace(-1, 1, 7)


def lines(name: str = "sine", **changes) -> Lines:
    values = {
        "title": name,
        "x_label": name,
        "y_label": name,
        "lines": (
            Line(name=name, x=AXIS, y=AXIS**2, band=(AXIS**2 - 1, AXIS**2 + 1)),
            Line(name=f"{name}2", x=AXIS, y=-AXIS, mark="dashes"),
            Line(name="", x=AXIS, y=AXIS, mark="points"),
            Line(name=f"{name}4", x=AXIS[:1], y=AXIS[:1]),
        ),
    }
    return Lines(**{**values, **changes})


def surface(name: str = "bowl", **changes) -> Surface:
    x, y = np.meshgrid(AXIS, AXIS[:5])
    path = Line(name=name, x=AXIS, y=AXIS / 2, mark="path")
    values = {
        "title": name, "x_label": name, "y_label": name, "x": AXIS, "y": AXIS[:5], "z": x**2 + y**2, "paths": (path,),
        "z_label": name,
    }  # fmt: skip
    return Surface(**{**values, **changes})


def regions(name: str = "cat", num_classes: int = 2, **changes) -> Regions:
    first = 1 / (1 + np.exp(-5 * np.repeat(AXIS[None, :, None], 5, axis=0)))
    rest = np.repeat((1 - first) / (num_classes - 1), num_classes - 1, axis=2) if num_classes > 1 else first[:, :, :0]
    values = {
        "title": name,
        "x_label": name,
        "y_label": name,
        "x": AXIS,
        "y": AXIS[:5],
        "probabilities": np.concatenate([first if num_classes > 1 else np.ones_like(first), rest], axis=2),
        "points": np.stack([AXIS, AXIS], axis=1),
        "labels": np.arange(7) % num_classes,
        "classes": tuple(f"{name}{place}" for place in range(num_classes)),
    }
    return Regions(**{**values, **changes})


def picture(name: str = "photo", **changes) -> Picture:
    return Picture(**{"title": name, "pixels": np.zeros((4, 6, 3), np.uint8), **changes})


def numbers(name: str = "matrix", **changes) -> Numbers:
    return Numbers(**{"title": name, "values": np.arange(6.0).reshape(2, 3), "frame": (0, 1, 2, 2), **changes})


def intervals(name: str = "adam", **changes) -> Intervals:
    values = {
        "title": name, "x_label": name, "names": (name, f"{name}2"), "values": AXIS[:2], "low": AXIS[:2] - 1,
        "high": AXIS[:2] + 2, "reference": 0.0,
    }  # fmt: skip
    return Intervals(**{**values, **changes})


KINDS = {
    Lines: lines, Surface: surface, Regions: regions, Intervals: intervals, Picture: picture, Numbers: numbers,
}  # fmt: skip


def texts(svg: str) -> str:
    parts = ["".join(part.itertext()) for part in ET.fromstring(svg).iter() if part.tag.endswith("text")]
    return " ".join("\n".join(parts).split())


def as_drawn(name: str, max_letters: int) -> str:
    return " ".join(plain(name, max_letters).replace(r"\$", "$").split())


def test_every_kind_of_panel_is_tried():
    assert set(KINDS) == set(get_args(Panel))


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_shown_as_they_are(name):
    svg = to_svg(draw_panels([make(name) for make in KINDS.values()]))
    assert "script>" not in svg
    # A long title is broken into lines where it has blanks: only its start is sure to be one piece.
    start = as_drawn(name, 60)[:20]
    titles_and_labels = len(KINDS) + 2 * 3 + 1
    assert not start or texts(svg).count(start) >= titles_and_labels


@pytest.mark.parametrize("name", HOSTILE[:-1], ids=range(len(HOSTILE) - 1))
def test_hostile_names_stand_in_legends(name):
    only_names = {"title": "t", "x_label": "x", "y_label": "y"}
    for panel in (lines(name, **only_names), surface(name, **only_names), regions(name, **only_names)):
        (axes,) = draw_panels([panel]).axes
        shown = [text.get_text().replace(r"\$", "$") for text in axes.get_legend().get_texts()]
        wanted = list(panel.classes) if isinstance(panel, Regions) else [name]
        assert [text.strip() for text in shown[: len(wanted)]] == [plain(n).replace(r"\$", "$") for n in wanted]


@pytest.mark.parametrize(
    "panel",
    [
        lines(lines=()),
        lines(lines=(Line(name="gaps", x=AXIS, y=np.where(AXIS > 0, AXIS, np.nan)),)),
        lines(lines=(Line(name="nothing", x=AXIS, y=np.full(7, np.nan)),), log_y=True),
        lines(lines=(Line(name="zeros", x=AXIS + 2, y=np.zeros(7)),), log_x=True, log_y=True),
        lines(lines=(Line(name="infinite", x=AXIS, y=np.full(7, np.inf)),), y_range=(0.0, 1.0)),
        surface(z=np.zeros((5, 7))),
        surface(z=np.zeros((5, 7)), log=True),
        surface(log=True, paths=()),
        surface(paths=(Line(name="flew off", x=np.full(7, np.nan), y=AXIS, mark="path"),)),
        regions(num_classes=1),
        regions(num_classes=12),
        regions(points=np.zeros((0, 2)), labels=np.zeros(0, int)),
        regions(probabilities=np.full((5, 7, 2), 0.5)),
        intervals(reference=None),
        intervals(names=("one",), values=np.zeros(1), low=np.zeros(1), high=np.zeros(1)),
        intervals(values=np.array([np.nan, 1.0]), low=np.full(2, np.nan), high=np.full(2, np.nan)),
        picture(pixels=np.zeros((3, 3)), signed=True),
        picture(pixels=np.eye(3, dtype=bool).astype(float)),
        picture(pixels=np.ones((1, 1))),
        numbers(values=np.zeros((1, 1)), frame=None),
        numbers(values=np.array([[1e-9, -1e9]]), frame=(0, 0, 1, 1)),
    ],
)
def test_the_least_and_the_worst_can_be_drawn(panel):
    assert to_png(draw_panels([panel]), dots_per_inch=30).startswith(b"\x89PNG")


def test_panels_stand_in_reading_order():
    figure = draw_panels([numbers(str(place)) for place in range(5)], num_columns=3)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["0", "1", "2", "3", "4", ""]
    assert not figure.axes[5].axison
    places = [axes.get_subplotspec().colspan.start for axes in figure.axes]
    assert places == [0, 1, 2, 0, 1, 2]


def test_one_panel_takes_the_whole_width():
    (axes,) = draw_panels([lines()], num_columns=2).axes
    assert axes.get_gridspec().ncols == 1


def test_points_are_not_joined():
    (axes,) = draw_panels([lines()]).axes
    joined = [drawn.get_linestyle() for drawn in axes.lines]
    assert joined == ["-", "--", "None", "-"]
    assert axes.lines[2].get_marker() == "."


def test_a_line_alone_in_one_point_has_a_mark():
    (axes,) = draw_panels([lines()]).axes
    assert axes.lines[3].get_marker() == "o"


def test_a_color_may_be_chosen():
    one = Line(name="a", x=AXIS, y=AXIS, color=3)
    over_lines, over_surface = draw_panels([lines(lines=(one,)), surface(paths=(one,))]).axes
    assert same_color(over_lines.lines[0].get_color(), COLORS[3])
    assert same_color(over_surface.lines[0].get_color(), COLORS[3])
    (unchosen,) = draw_panels([surface()]).axes
    assert same_color(unchosen.lines[0].get_color(), COLORS[1]), "blue is hard to see on the blue of heights"
    (many,) = draw_panels([lines(lines=(Line(name="a", x=AXIS, y=AXIS),) * 9)]).axes
    assert [drawn.get_color() for drawn in many.lines] == [*COLORS, COLORS[0]]


def is_below(axes) -> bool:
    return axes.get_legend().get_window_extent().y1 < axes.get_window_extent().y0


@pytest.mark.parametrize("mark", ["line", "points", "path"])
def test_names_that_would_cover_a_line_stand_below(mark):
    x = np.linspace(0, 1, 200)
    everywhere = Line(name="a", x=x, y=np.sin(60 * x), mark=mark)
    low = Line(name="a", x=x, y=0 * x, mark=mark)
    figure = draw_panels([lines(lines=(line,), y_range=(-1, 1)) for line in (everywhere, low)])
    to_png(figure, dots_per_inch=30)
    assert [is_below(axes) for axes in figure.axes] == [True, False]


def test_a_line_between_points_that_lie_outside_is_covered_as_well():
    """Two points each, and all corners and sides crossed on the way."""
    ways = [Line(name=f"name number {k}", x=np.array([0.0, 1.0]), y=np.array([k / 4, 1 - k / 4])) for k in range(5)]
    figure = draw_panels([lines(lines=tuple(ways), y_range=(0, 1))] * 3, num_columns=3)
    to_png(figure, dots_per_inch=30)
    assert is_below(figure.axes[0])
    assert figure.get_figheight() > draw_panels([lines(lines=(ways[0],))] * 3, num_columns=3).get_figheight()


@pytest.mark.parametrize("num_columns", [1, 2, 3])
def test_names_below_are_no_wider_than_their_panel_s_room(num_columns):
    named = tuple(Line(name=f"optimizer {place}", x=AXIS, y=AXIS + place) for place in range(6))
    figure = draw_panels([lines(lines=named)] * num_columns, num_columns=num_columns)
    to_png(figure, dots_per_inch=30)
    for axes in figure.axes:
        assert is_below(axes)
        assert axes.get_legend().get_window_extent().width <= figure.bbox.width / num_columns


def test_ends_of_grey_are_those_that_are_given():
    even = np.full((4, 4), 0.5)
    drawn = [draw_panels([picture(pixels=even, ends=ends)]).axes[0].images[0] for ends in ((0.0, 1.0), None)]
    assert [image.norm(0.5) for image in drawn] == [0.5, 0.0]


@pytest.mark.parametrize(("num_names", "below"), [(MAX_NAMES_INSIDE, False), (MAX_NAMES_INSIDE + 1, True)])
def test_many_names_stand_below_the_lines(num_names, below):
    named = tuple(Line(name=f"line {place}", x=AXIS, y=AXIS + place) for place in range(num_names))
    figure = draw_panels([lines(lines=named, y_range=(-2, 40))])
    to_png(figure, dots_per_inch=30)
    (axes,) = figure.axes
    assert (axes.get_legend().get_window_extent().y1 < axes.get_window_extent().y0) == below


@pytest.mark.parametrize(
    ("low", "high", "numbers"),
    [(0.3, 4, ["0.5", "1", "2"]), (30, 45, ["32", "36", "40", "44"]), (1e-3, 1e3, None)],
)
def test_a_log_axis_over_few_decades_has_plain_numbers(low, high, numbers):
    steep = Line(name="steep", x=AXIS, y=np.geomspace(low, high, 7))
    figure = draw_panels([lines(lines=(steep,), log_y=True)], num_columns=1)
    to_png(figure, dots_per_inch=30)
    axes = figure.axes[0]
    shown = [text.get_text() for text in axes.get_yticklabels(which="both") if text.get_text()]
    inside = [text for text in shown if "$" not in text and low <= float(text) <= high]
    assert inside == numbers if numbers is not None else all("10^" in text for text in shown)


@pytest.mark.parametrize(("x", "whole"), [(np.arange(16.0), True), (np.arange(6.0) / 4, False)])
def test_an_axis_of_whole_numbers_has_whole_numbers(x, whole):
    figure = draw_panels([lines(lines=(Line(name="", x=x, y=x),))] * 2)
    to_png(figure, dots_per_inch=30)
    assert all(place == round(place) for place in figure.axes[0].get_xticks()) == whole


def test_a_path_begins_with_a_dot():
    (axes,) = draw_panels([surface()]).axes
    start = axes.lines[1]
    assert (start.get_xdata().tolist(), start.get_marker()) == ([-1.0], "o")


def test_contours_of_a_log_surface_stand_at_equal_ratios():
    (axes,) = draw_panels([surface(log=True, paths=())]).axes
    levels = axes.collections[1].levels - surface().z.min()
    ratios = levels[2:] / levels[1:-1]
    assert np.allclose(ratios, ratios[0])
    assert levels[-1] == pytest.approx(surface().z.max())


def test_a_region_has_the_color_of_its_class_and_two_classes_a_border():
    (axes,) = draw_panels([regions()]).axes
    shades = axes.images[0].get_array()
    blue, orange = (1 - 0.5 * (1 - np.array(to_rgb(COLORS[place]))) for place in (0, 1))
    assert np.allclose(shades[0, -1], blue, atol=0.01)
    assert np.allclose(shades[0, 0], orange, atol=0.01)
    border = np.concatenate([path.vertices for path in axes.collections[0].get_paths()])
    assert np.allclose(border[:, 0], 0, atol=1e-6)


def test_every_two_neighbouring_classes_have_a_border():
    """Three classes in strips, with borders at x = -0.5 and x = 0.5; each border is drawn."""
    x = np.linspace(-1, 1, 41)
    scores = np.stack([-2 * x, np.full(41, 1.0), 2 * x], axis=-1)
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    panel = regions(num_classes=3, x=x, probabilities=np.repeat(shares[None], 5, axis=0))
    (axes,) = draw_panels([panel]).axes
    drawn = [path.vertices[:, 0] for lines in axes.collections[:2] for path in lines.get_paths()]
    assert {round(place, 2) for place in np.concatenate(drawn)} == {-0.5, 0.5}


@pytest.mark.parametrize("num_columns", [1, 3])
def test_names_of_classes_stand_below_and_clear_of_the_label(num_columns):
    figure = draw_panels([regions()] * num_columns, num_columns=num_columns)
    to_png(figure, dots_per_inch=100)
    axes = figure.axes[0]
    assert axes.get_legend().get_window_extent().y1 < axes.xaxis.label.get_window_extent().y0 + 1
    assert axes.get_legend().get_window_extent().y0 >= 0


def test_intervals_stand_one_below_the_other():
    figure = draw_panels([intervals(values=np.array([1.0, 2.0]), low=np.array([0.5, 1.0]), high=np.array([1.5, 4.0]))])
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["adam", "adam2"]
    assert axes.collections[0].get_segments()[1].tolist() == [[1.0, 1.0], [4.0, 1.0]]
    assert axes.lines[1].get_xydata().tolist() == [[1.0, 0.0], [2.0, 1.0]]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first is on top"
    assert axes.lines[0].get_xdata() == [0.0, 0.0]


def test_numbers_are_written_in_their_cells():
    (axes,) = draw_panels([numbers(values=np.array([[1.5, -2.0], [1 / 3, 1e6]]))]).axes
    written = {(text.get_position()[::-1], text.get_text()) for text in axes.texts}
    assert written == {((0, 0), "1.5"), ((0, 1), "-2"), ((1, 0), "0.3333"), ((1, 1), "1e+06")}


def test_a_frame_stands_around_its_cells():
    (axes,) = draw_panels([numbers(frame=(1, 0, 1, 2))]).axes
    (frame,) = axes.patches
    assert frame.get_bbox().bounds == (-0.5, 0.5, 2, 1)


def test_zero_is_white_where_signs_have_colors():
    (axes,) = draw_panels([picture(pixels=np.array([[-1.0, 0.0, 3.0]]), signed=True)]).axes
    image = axes.images[0]
    assert image.get_clim() == (-3.0, 3.0)
    assert np.allclose(image.cmap(image.norm(0.0))[:3], 1, atol=0.02)


def test_drawing_is_the_same_twice_and_leaves_no_settings():
    before = dict(matplotlib.rcParams)
    panels = [make() for make in KINDS.values()]
    first, second = (to_svg(draw_panels(panels)) for _ in range(2))
    assert first == second
    assert dict(matplotlib.rcParams) == before
