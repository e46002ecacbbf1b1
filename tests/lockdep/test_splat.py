"""Each file in golden/ is a litmus text in its first line, and below it the reports it gives."""

from dataclasses import replace
from pathlib import Path

import pytest

from nova_async.findings import Finding, Severity, Witness
from nova_async.lockdep import litmus, splat

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.txt"))


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_the_report_is_as_written_down(path: Path) -> None:
    text, _, expected = path.read_text(encoding="utf-8").partition("\n")
    assert "\n\n".join(map(splat, litmus(text))) + "\n" == expected


def test_there_are_reports_written_down() -> None:
    assert len(GOLDEN) >= 6


def test_a_finding_of_another_layer_is_reported_as_far_as_it_goes() -> None:
    held = tuple(Witness(task, f"holds {lock}") for task, lock in (("a", "A"), ("a", "B"), ("b", "C")))
    assert splat(Finding("NOVA401", Severity.PROVED, "nobody can run", held=held)).splitlines() == [
        "NOVA401 deadlock (proved)",
        "  nobody can run",
        "",
        "  a's locks and contexts, oldest first:",
        "    #0 holds A",
        "    #1 holds B",
        "",
        "  b's locks and contexts, oldest first:",
        "    #0 holds C",
        "",
        "  explain: nova-async explain NOVA401",
    ]


def test_a_known_schedule_is_told_by_its_token() -> None:
    finding, schedule = litmus("E(A) E(A)")[0], "abc123"
    assert "replay" not in splat(finding)
    assert splat(replace(finding, token=schedule)).endswith("\n  replay token: abc123")
