import pytest

from nova_async.findings import Finding, Severity
from nova_async.scenario import Scenario
from nova_async.scenario.outcome import Outcome


async def nothing(world: object) -> None: ...


def outcome(expect: tuple[str, ...], found: tuple[str, ...], errors: tuple[str, ...] = ()) -> Outcome:
    findings = tuple(Finding(code, Severity.POSSIBLE, f"{code} was broken") for code in found)
    return Outcome(Scenario("one", "One?", expect, (), None, nothing, "x.py"), {}, "asyncio", 0, findings, errors)


@pytest.mark.parametrize(
    ("expect", "found", "errors", "verdict"),
    [
        ((), (), (), "met"),
        (("NOVA203",), ("NOVA203", "NOVA203"), (), "met"),
        ((), ("NOVA203", "NOVA101"), (), "found NOVA101, NOVA203"),
        (("NOVA203",), (), (), "no NOVA203"),
        (("NOVA101", "NOVA203"), ("NOVA203", "NOVA201"), (), "found NOVA201; no NOVA101"),
        ((), (), ("ENOSPC: vram is full", "EIO: gone"), "error ENOSPC"),
        (("NOVA203",), ("NOVA203",), ("ValueError: x",), "error ValueError"),
    ],
)
def test_the_verdict_compares_what_was_found_with_what_was_expected(
    expect: tuple[str, ...], found: tuple[str, ...], errors: tuple[str, ...], verdict: str
) -> None:
    judged = outcome(expect, found, errors)
    assert judged.verdict == verdict
    assert judged.met == (verdict == "met")


def test_only_findings_that_nobody_expected_are_unexpected() -> None:
    judged = outcome(("NOVA203",), ("NOVA203", "NOVA101"))
    assert [finding.code for finding in judged.unexpected] == ["NOVA101"]
