"""The tests of docs/how-to/test-with-pytest.md, run as they are printed."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

import nova_async

ROOT = Path(nova_async.__file__).parents[1]
PAGE = (ROOT / "docs/how-to/test-with-pytest.md").read_text(encoding="utf-8")
BLOCKS = [
    (match[1], match[2]) for match in re.finditer(r"^```(python|text)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
]
PAIRS = [
    (test, printed)
    for (kind, test), (next_kind, printed) in pairwise(BLOCKS)
    if (kind, next_kind) == ("python", "text")
]


@pytest.mark.parametrize(("test", "printed"), PAIRS, ids=["order", "world", "locks"])
def test_a_test_prints_what_the_page_says(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], test: str, printed: str
) -> None:
    pytester.makepyfile(test_bank=test)
    result = run()
    assert result.parseoutcomes().keys() == {"failed"}
    said = iter(result.outlines)
    assert [line for line in printed.splitlines() if not any(each.startswith(line) for each in said)] == []


def test_every_argument_option_and_ini_key_is_on_the_page() -> None:
    pytest_module = (ROOT / "nova_async_pytest.py").read_text(encoding="utf-8")
    names = set(re.findall(r'"(--nova-\w+|nova_(?:seed|strategy|max_\w+))"', pytest_module))
    settings = (ROOT / "nova_async/plugin/settings.py").read_text(encoding="utf-8")
    names |= set(re.findall(r'"(\w+)"', settings.partition("ARGUMENTS = (")[2].partition(")")[0]))
    assert len(names) >= 15
    assert [name for name in sorted(names) if f"`{name}" not in PAGE] == []
