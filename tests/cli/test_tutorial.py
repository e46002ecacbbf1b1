from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/tutorial/from-red-to-fixed.md")
UNFIXED = "        async with self.source.lock(), self.target.lock():\n"

Nova = Callable[..., Any]


def blocks(page: str, language: str) -> list[str]:
    return [block.removeprefix(language + "\n") for block in _all_blocks(page) if block.startswith(language + "\n")]


def _all_blocks(page: str) -> list[str]:
    return (ROOT / page).read_text(encoding="utf-8").split("```")[1::2]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _transfers(page: str) -> str:
    (code,) = (block for block in blocks(page, "python") if "async def transfers" in block)
    return code


@pytest.mark.parametrize("page", PAGES)
def test_the_finding_and_the_schedule_are_those_that_explore_prints(nova: Nova, page: str) -> None:
    Path("transfers.py").write_text(_transfers(page), encoding="utf-8")
    said = nova("explore", "transfers.py")
    assert said.code == 1
    shown = [block for block in blocks(page, "text") if "the schedule:" in block or "NOVA401 deadlock" in block]
    assert shown
    assert [line for block in shown for line in _lines(block) if line not in _lines(said.out)] == []


def test_the_fix_of_the_tutorial_is_one_and_its_token_diverges(nova: Nova) -> None:
    page = PAGES[1]
    code = _transfers(page)
    token = (ROOT / page).read_text(encoding="utf-8").partition("nova-async replay '")[2].partition("'")[0]
    Path("transfers.py").write_text(code, encoding="utf-8")
    assert "Replayed, 2 steps as recorded; other orders were not tried." in nova("replay", token).out
    (fix,) = (block for block in blocks(page, "python") if "sorted(" in block and "async def transfers" not in block)
    Path("transfers.py").write_text(code.replace(UNFIXED, fix), encoding="utf-8")
    assert "1 of 1 scenario met the expectation; 1 explored in every order." in nova("explore", "transfers.py").out
    said = nova("replay", token)
    assert said.code == 4
    (told,) = (block for block in blocks(page, "text") if "diverged" in block)
    assert _lines(said.err) == _lines(told)
