import re
from collections.abc import Callable

import pytest

from nova_async.report.case import Case
from nova_async.report.ktap import ktap

RESULT = re.compile(r"(ok|not ok) (\d+) ([^#]+?)(?: # SKIP .+)?")


def parse(lines: list[str], depth: int = 0) -> list[tuple[bool, str]]:
    """The results of one level, read strictly: version, plan, numbers from 1, and every line a known one."""
    indent = "  " * depth
    own = [line.removeprefix(indent) for line in lines if line.startswith(indent) and not line.startswith(indent + " ")]
    assert own[0] == "KTAP version 1"
    rest = [line for line in own[1:] if not line.startswith("#")]
    plan = re.fullmatch(r"1\.\.(\d+)", rest[0])
    assert plan is not None
    matches = [RESULT.fullmatch(line) for line in rest[1:]]
    assert [int(match[2]) for match in matches if match is not None] == list(range(1, int(plan[1]) + 1))
    assert len(matches) == int(plan[1])
    return [(match[1] == "ok", match[3]) for match in matches if match is not None]


def test_the_file_is_as_written_down(cases: list[Case], expect_golden: Callable[[str, str], None]) -> None:
    expect_golden("ktap.txt", ktap(cases))


def test_a_parser_reads_every_level(cases: list[Case]) -> None:
    lines = ktap(cases).splitlines()
    assert parse(lines) == [(True, "scenarios/a.py"), (False, "scenarios/b.py"), (True, "scenarios/c-1.py")]
    nested = [number for number, line in enumerate(lines) if line == "  KTAP version 1"]
    ends = [number for number, line in enumerate(lines) if re.match(r"(not )?ok", line)]
    below = [result for start, end in zip(nested, ends, strict=True) for result in parse(lines[start:end], depth=1)]
    assert [name for fine, name in below if not fine] == ["surprised[asyncio]", "missing[asyncio]", "broken[asyncio]"]
    assert len(below) == len(cases)


def test_what_is_wrong_stands_before_its_result(cases: list[Case]) -> None:
    lines = ktap(cases).splitlines()
    result = lines.index("  not ok 1 surprised[asyncio]")
    block = lines[lines.index("  1..3") + 1 : result]
    assert all(line.startswith("  # ") for line in block)
    assert any("NOVA305 lost-at-the-end" in line for line in block)


@pytest.mark.parametrize("name", ["left", "clean"])
def test_a_file_whose_scenarios_did_not_fail_is_ok(name: str, case_of: Callable[[str], Case]) -> None:
    assert ktap([case_of(name)]).splitlines()[-1].startswith("ok 1 ")
