"""Charts are well-formed SVG with every line and label in it."""

from xml.etree import ElementTree as ET

from nova_async.bench.line_chart import COLUMNS, HEIGHT, WIDTH, Chart, svg

SVG = "{http://www.w3.org/2000/svg}"
LINES = {"slow & old": [(1, 10.0), (2, 20.0), (4, 40.0)], "fast": [(1, 10.0), (2, 5.0), (4, 1.0)]}


def drawn(*charts: Chart) -> ET.Element:
    return ET.fromstring(svg(charts))  # noqa: S314  our own


def test_every_line_is_drawn_and_named_once() -> None:
    root = drawn(Chart("waiting", "clients", LINES), Chart("more", "clients", LINES))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert len(list(root.iter(f"{SVG}polyline"))) == 4
    assert texts.count("slow & old") == texts.count("fast") == 1
    assert {"waiting", "more", "clients", "1", "2", "4"} <= set(texts)


def test_points_lie_where_their_values_are() -> None:
    first = drawn(Chart("waiting", "clients", {"only": [(1, 0.0), (2, 50.0), (4, 100.0)]})).find(f".//{SVG}polyline")
    assert first is not None
    points = [tuple(map(float, point.split(","))) for point in first.get("points", "").split()]
    (x1, y1), (x2, y2), (x3, y3) = points
    assert x2 - x1 == x3 - x2 > 0
    assert y1 - y2 == y2 - y3 > 0


def test_a_logarithmic_axis_makes_equal_factors_equal_distances() -> None:
    line = drawn(Chart("waiting", "clients", {"only": [(1, 1.0), (2, 10.0), (4, 100.0)]}, log_y=True))
    first = line.find(f".//{SVG}polyline")
    assert first is not None
    heights = [float(point.split(",")[1]) for point in first.get("points", "").split()]
    assert round(heights[0] - heights[1], 1) == round(heights[1] - heights[2], 1) > 0


def test_panels_stand_in_a_grid() -> None:
    root = drawn(*[Chart(f"{number}", "clients", LINES) for number in range(3)])
    places = {group.get("transform") for group in root.iter(f"{SVG}g")}
    assert places == {"translate(0 0)", f"translate({WIDTH} 0)", f"translate(0 {HEIGHT})"}
    assert root.get("width") == str(WIDTH * COLUMNS)


def test_the_same_lines_give_the_same_bytes() -> None:
    assert svg([Chart("a", "b", LINES)]) == svg([Chart("a", "b", dict(LINES))])
