import json
from io import StringIO

from rich.console import Console

from nova_async.bench.figure import Figure, Goal, Report
from nova_async.bench.show import cell, closing_text, document, number, table

OURS = Figure("map: ours", 512, "MMIO", 1.0234, 0, 3, "map: bound", 1.5)
SLOW = Figure("map: ours", 512, "µs", 12345.6, 12.34, 3)
BOUND = Figure("map: bound", 4096, "MMIO", 1, 0, 3)
REPORT = Report(
    "toy", (OURS, SLOW, BOUND), (Goal("MMIO of ours", 1.0234, 1.02), Goal("time of ours", 1, 2)), ("All is well.",)
)


def test_a_table_has_a_row_for_each_name_and_size_and_a_column_for_each_unit() -> None:
    out = StringIO()
    Console(file=out, width=120).print(table(REPORT))
    cells = [line.split("  ") for line in out.getvalue().splitlines() if line.strip(" ─")]
    rows = [[text.strip() for text in row if text.strip()] for row in cells]
    assert rows == [
        ["toy", "size", "MMIO", "µs"],
        ["map: ours", "512", "1.023 x1.5", "12346 ±12"],
        ["map: bound", "4096", "1"],
    ]


def test_a_cell_leaves_out_what_there_is_not() -> None:
    assert cell(None) == ""
    assert cell(BOUND) == "1"


def test_numbers_have_no_exponent_while_they_are_large() -> None:
    assert [number(value, 3) for value in (0.00012345, 1.2345, 999.4, 123456.7)] == [
        "0.000123",
        "1.23",
        "999",
        "123457",
    ]


def test_goals_and_notes_follow_the_table() -> None:
    assert closing_text(REPORT).splitlines() == [
        "MISSED: MMIO of ours: 1.023, at most 1.02 wanted",
        "met: time of ours: 1, at most 2 wanted",
        "All is well.",
    ]


def test_the_document_has_everything_and_is_not_ok_when_a_goal_is_missed() -> None:
    read = json.loads(json.dumps(document([REPORT])))
    assert (read["schema"], read["ok"]) == ("nova.bench/1", False)
    (bench,) = read["benches"]
    assert bench["name"] == "toy"
    assert bench["figures"][0] == {
        "name": "map: ours",
        "size": 512,
        "unit": "MMIO",
        "median": 1.0234,
        "spread": 0,
        "rounds": 3,
        "against": "map: bound",
        "ratio": 1.5,
    }
    assert [goal["met"] for goal in bench["goals"]] == [False, True]
    assert bench["notes"] == ["All is well."]
    assert document([Report("empty", ())])["ok"] is True
