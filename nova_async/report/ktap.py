"""KTAP version 1, as the kernel's ``tools/testing/kunit`` reads it: a test for each file, a subtest for each scenario.

The format has no room for structure: what is wrong is a diagnostic before its result line.
"""

from collections.abc import Iterator, Sequence

from nova_async.report.case import Case, Verdict, by_file


def ktap(cases: Sequence[Case]) -> str:
    """The whole file."""
    return "".join(f"{line}\n" for line in _lines(cases))


def _lines(cases: Sequence[Case]) -> Iterator[str]:
    files = by_file(cases)
    yield "KTAP version 1"
    yield f"1..{len(files)}"
    for number, (file, group) in enumerate(files.items(), start=1):
        yield from (f"  {line}".rstrip() for line in _subtests(file, group))
        failed = any(case.verdict in (Verdict.FAILED, Verdict.ERROR) for case in group)
        skipped = all(case.verdict is Verdict.SKIPPED for case in group)
        yield _result(number, file, failed=failed, skip="no scenario was run" if skipped else "")


def _subtests(file: str, cases: Sequence[Case]) -> Iterator[str]:
    yield "KTAP version 1"
    yield f"# Subtest: {_word(file)}"
    yield f"1..{len(cases)}"
    for number, case in enumerate(cases, start=1):
        skipped = case.verdict is Verdict.SKIPPED
        if not case.passed and not skipped:
            yield from (f"# {line}".rstrip() for line in _diagnostics(case))
        yield _result(
            number, case.name, failed=not case.passed and not skipped, skip=_line(case.said) if skipped else ""
        )


def _diagnostics(case: Case) -> Iterator[str]:
    yield from (line for line in case.details.splitlines() if line.strip())


def _result(number: int, name: str, *, failed: bool, skip: str = "") -> str:
    directive = f" # SKIP {skip}" if skip else ""
    return f"{'not ok' if failed else 'ok'} {number} {_word(name)}{directive}"


def _word(name: str) -> str:
    """A ``#`` would begin a directive."""
    return _line(name).replace("#", "-")


def _line(text: str) -> str:
    return " ".join(text.split())
