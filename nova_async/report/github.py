"""GitHub Actions: annotations as workflow commands, and a table for the summary of the step."""

from collections.abc import Iterator, Sequence

from nova_async.report.case import Case, Verdict
from nova_async.report.places import place_of


def annotations(cases: Sequence[Case]) -> str:
    """``::error …`` lines for all that is wrong; empty if nothing is."""
    return "".join(f"{line}\n" for case in cases for line in _annotations(case))


def _annotations(case: Case) -> Iterator[str]:
    if case.passed or case.verdict is Verdict.SKIPPED:
        return
    scenario = {"file": case.file, "line": str(case.line)}
    again = f"run it again: {case.rerun}"
    for finding in case.unexpected:
        site = place_of(finding)
        where = {"file": site.file, "line": str(site.line)} if site is not None else scenario
        title = f"{finding.code} {finding.slug} in {case.name}"
        yield _command({**where, "title": title}, f"{finding.message}\n{again}")
    for error in case.errors:
        yield _command({**scenario, "title": f"{case.name}: {error.partition(':')[0]}"}, f"{error}\n{again}")
    if not (case.unexpected or case.errors):
        yield _command({**scenario, "title": f"{case.name}: {case.said}"}, again)


def _command(properties: dict[str, str], message: str) -> str:
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::error {said}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def step_summary(cases: Sequence[Case]) -> str:
    """A markdown table of all cases, and the commands that run again what went wrong."""
    rows = [f"| {_cell(case.name)} | {_cell(case.scenario.question)} | {_cell(_said(case))} |" for case in cases]
    lines = ["| scenario | question | verdict |", "| --- | --- | --- |", *rows]
    wrong = [case.rerun for case in cases if not case.passed and case.rerun]
    if wrong:
        lines += ["", "Run again what went wrong:", "", "```sh", *wrong, "```"]
    return "\n".join([*lines, ""])


def _said(case: Case) -> str:
    return case.said if case.passed else f"**{case.said}**"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
