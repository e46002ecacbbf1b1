import json
import re

import pytest

from nova_async.bench.figure import Figure, Goal, Report
from nova_async.bench.plot import charts, exponent, page
from nova_async.bench.show import document

CUBE = [Figure("ours </script>", size, "s", size**3, 0.5, 3) for size in (1, 10, 100)]
FLAT = [Figure("bound <b>", size, "s", 2.0, 0, 3) for size in (10, 1000)]
LONE = Figure("lone", 10, "s", 3.0, 0, 3)
NOTHING = Figure("nothing", 10, "moves", 0.0, 0, 3)
DOCUMENT = document([Report("toy", (*CUBE, *FLAT, LONE, NOTHING), (Goal("time </script>", 2, 1),))])


def test_the_exponent_is_the_slope_between_logarithms() -> None:
    assert exponent([1, 10, 100], [5, 500, 50_000]) == pytest.approx(2)
    assert exponent([1, 2, 4, 8], [8, 4, 2, 1]) == pytest.approx(-1)
    assert exponent([3, 3], [1, 2]) is None


def test_a_chart_has_every_line_of_more_than_one_size() -> None:
    (chart,) = charts(DOCUMENT)
    assert (chart.bench, chart.unit, chart.sizes) == ("toy", "s", [1, 10, 100, 1000])
    ours, bound = chart.series
    assert (ours.name, ours.values, ours.spreads) == (
        "ours </script>",
        [1, 1000, 1_000_000, None],
        [0.5, 0.5, 0.5, 0.0],
    )
    assert ours.exponent == pytest.approx(3)
    assert bound.exponent == pytest.approx(0)
    assert bound.values == [None, 2.0, None, 2.0]


def test_the_page_needs_nothing_from_elsewhere_and_carries_the_licence() -> None:
    text = page(DOCUMENT)
    assert "uPlot" in text
    assert "Permission is hereby granted" in text
    assert not re.search(r"(?:src|href)=", text)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert [chart["unit"] for chart in json.loads(data.replace("<\\/", "</"))] == ["s"]


def test_goals_are_on_the_page_as_text() -> None:
    text = page(DOCUMENT)
    assert '<td class="missed">MISSED: time &lt;/script&gt;: 2, at most 1 wanted</td>' in text
    assert "<p>None.</p>" in page(document([]))
    assert len(re.findall("</script>", text)) == 2


def test_the_same_document_gives_the_same_page() -> None:
    assert page(DOCUMENT) == page(json.loads(json.dumps(DOCUMENT)))
