from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

from nova_async.report.case import Case
from nova_async.report.junit import junit_xml


def test_the_file_is_as_written_down(cases: list[Case], expect_golden: Callable[[str, str], None]) -> None:
    expect_golden("junit.xml", junit_xml(cases))


def test_every_case_is_counted_once_in_its_suite_and_in_all(cases: list[Case]) -> None:
    root = ET.fromstring(junit_xml(cases))  # noqa: S314  our own
    assert [suite.get("name") for suite in root] == ["scenarios/a.py", "scenarios/b.py", "scenarios/c#1.py"]
    counts = {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "2", "errors": "1", "skipped": "1"}
    for name, count in counts.items():
        assert sum(int(suite.get(name, "")) for suite in root) == int(count or "")


def test_a_character_that_xml_cannot_hold_does_not_break_the_file(case_of: Callable[[str], Case]) -> None:
    broken = replace(case_of("broken"), details="a\x1b[1m ]]> \ud800 \uffff z")
    (error,) = ET.fromstring(junit_xml([broken])).iter("error")  # noqa: S314  our own
    assert error.text == "a\ufffd[1m ]]> \ufffd \ufffd z"


def test_a_run_without_scenarios_is_an_empty_file(cases: list[Case]) -> None:
    root = ET.fromstring(junit_xml([]))  # noqa: S314  our own
    assert (root.get("tests"), len(root)) == ("0", 0)
