from collections.abc import Callable

from nova_async.report.case import Case
from nova_async.report.github import annotations, step_summary


def test_the_annotations_are_as_written_down(cases: list[Case], expect_golden: Callable[[str, str], None]) -> None:
    expect_golden("github.txt", annotations(cases))


def test_the_summary_is_as_written_down(cases: list[Case], expect_golden: Callable[[str, str], None]) -> None:
    expect_golden("step_summary.md", step_summary(cases))


def test_what_passed_or_did_not_run_is_no_annotation(case_of: Callable[[str], Case]) -> None:
    assert annotations([case_of("clean"), case_of("expected"), case_of("left")]) == ""


def test_an_annotation_is_one_line_whatever_the_message(cases: list[Case]) -> None:
    assert all(line.startswith("::error ") for line in annotations(cases).splitlines())
    assert "100%25 against%0Avm -> pramin" in annotations(cases)
