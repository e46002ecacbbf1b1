from dataclasses import replace

from nova_async.findings import Finding, Severity
from nova_async.lockdep import splat
from nova_async.report.text import closing_text, outcome_text, rerun_command
from nova_async.scenario import Scenario
from nova_async.scenario.outcome import Outcome
from nova_async.scenario.parameters import Parameter


async def nothing(world: object) -> None: ...


FINDING = Finding(
    "NOVA203",
    Severity.POSSIBLE,
    "vm, which the fence path takes, is held by creator#1 across an allocation",
    advice="split the lock",
)
SCENARIO = Scenario(
    "one_lock",
    "May one lock serve both?",
    (),
    (Parameter("submitters", "int", 2), Parameter("vram", "str", "64MiB")),
    None,
    nothing,
    "scenarios/locks.py",
)
OUTCOME = Outcome(SCENARIO, {"submitters": 3, "vram": "64MiB"}, "trio", 7, (FINDING,))


def test_the_rerun_command_has_what_differs_from_the_defaults() -> None:
    assert rerun_command(OUTCOME) == (
        "nova-async run scenarios/locks.py::one_lock --backend trio --seed 7 -p submitters=3"
    )


def test_the_rerun_command_survives_the_shell() -> None:
    assert rerun_command(replace(OUTCOME, values={"submitters": 2, "vram": "64 MiB"})).endswith("-p 'vram=64 MiB'")


def test_expected_findings_are_told_only_when_verbose() -> None:
    met = replace(OUTCOME, scenario=replace(SCENARIO, expect=("NOVA203",)))
    told = "\n".join(f"  {line}".rstrip() for line in splat(FINDING).splitlines())
    assert told not in outcome_text(met)
    assert told in outcome_text(met, verbose=True)
    assert told in outcome_text(OUTCOME)


def test_the_closing_line_counts_met_unexpected_and_not_run() -> None:
    met = replace(OUTCOME, scenario=replace(SCENARIO, expect=("NOVA203",)))
    clean = replace(OUTCOME, findings=())
    line = closing_text([met, clean, OUTCOME], selected=5, backend="trio", seed=7).splitlines()[0]
    assert line == (
        "2 of 3 scenarios met the expectation on trio, seed 7: 1 clean, 1 with the findings they expect (NOVA203). "
        "Unexpected: NOVA203. Not run: 2 of 5."
    )
