import json
from io import StringIO

from rich.console import Console

from nova_async.bench.figure import Figure, Goal, Report
from nova_async.bench.show import cell, closing_text, document, goal_line, number, tables

OURS = Figure("map: ours", 512, "MMIO", 1.0234, 0, 3, "map: bound", 1.5)
SLOW = Figure("map: ours", 512, "µs", 12345.6, 12.34, 3)
BOUND = Figure("map: bound", 4096, "MMIO", 1, 0, 3)
REPORT = Report(
    "toy", (OURS, SLOW, BOUND), (Goal("MMIO of ours", 1.0234, 1.02), Goal("time of ours", 1, 2)), ("All is well.",)
)


def test_a_table_has_a_row_for_each_name_and_size_and_a_column_for_each_unit() -> None:
    out = StringIO()
    Console(file=out, width=120).print(*tables(REPORT))
    cells = [line.split("  ") for line in out.getvalue().splitlines() if line.strip(" ─")]
    rows = [[text.strip() for text in row if text.strip()] for row in cells]
    assert rows == [
        ["toy", "size", "MMIO", "µs"],
        ["map: ours", "512", "1.023 x1.5", "12346 ±12"],
        ["map: bound", "4096", "1"],
    ]


def test_figures_without_a_common_unit_have_tables_of_their_own() -> None:
    others = (Figure("b", 1, "s", 1, 0, 1), Figure("c", 1, "states", 1, 0, 1), Figure("b", 1, "states", 1, 0, 1))
    shown = tables(Report("toy", (OURS, SLOW, *others)))
    assert [[str(column.header) for column in table.columns] for table in shown] == [
        ["toy", "size", "MMIO", "µs"],
        ["toy", "size", "s", "states"],
    ]


def test_a_ratio_shows_how_far_its_rounds_were_apart() -> None:
    assert cell(Figure("ours", 1, "µs", 4, 1, 3, "bound", 2.0, 0.25)) == "4 ±1 x2 ±0.25"


def test_a_cell_leaves_out_what_there_is_not() -> None:
    assert cell(None) == ""
    assert cell(BOUND) == "1"


def test_numbers_have_no_exponent_while_they_are_large() -> None:
    assert [number(value, 3) for value in (0.00012345, 1.2345, 999.4, 123456.7, 1.00891e29)] == [
        "0.000123",
        "1.23",
        "999",
        "123457",
        "1.01e+29",
    ]


def test_goals_and_notes_follow_the_table() -> None:
    assert closing_text(REPORT).splitlines() == [
        "MISSED: MMIO of ours: 1.023, at most 1.02 wanted",
        "met: time of ours: 1, at most 2 wanted",
        "All is well.",
    ]


def test_a_goal_says_how_sure_it_is_and_which_way_it_goes() -> None:
    rate = Goal("executions/s", 5692.1, 5000, 146, at_least=True)
    assert goal_line(rate) == "met: executions/s: 5692 ±146, at least 5000 wanted"


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
        "ratio_spread": 0.0,
    }
    assert set(read["machine"]) == {"python", "system", "architecture", "cpus"}
    assert [goal["met"] for goal in bench["goals"]] == [False, True]
    assert bench["notes"] == ["All is well."]
    assert document([Report("empty", ())])["ok"] is True
