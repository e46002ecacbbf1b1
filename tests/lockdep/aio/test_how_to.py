"""The programs of docs/how-to/check-your-own-program.md, run as they are printed."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import nova_async
from nova_async.lockdep import aio

ROOT = Path(nova_async.__file__).parents[1]
PAGE = (ROOT / "docs/how-to/check-your-own-program.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [(match[1], match[2]) for match in FENCE.finditer(PAGE)]
PAIRS = [
    (program, printed)
    for (kind, program), (next_kind, printed) in pairwise(BLOCKS)
    if (kind, next_kind) == ("python", "text")
]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(("program", "printed"), PAIRS, ids=["locks", "event"])
def test_a_program_prints_what_the_page_says(tmp_path: Path, program: str, printed: str, backend: str) -> None:
    shop = tmp_path / "shop.py"
    shop.write_text(program.replace("anyio.run(", f"anyio.run(backend={backend!r}, func="), encoding="utf-8")
    command = [sys.executable, shop.name]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603  the page's own program
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    said = iter(done.stdout.splitlines())
    expected = [line for line in printed.splitlines() if line != "..."]
    assert [line for line in expected if line not in said] == []


def test_the_first_program_is_a_deadlock_in_ten_lines() -> None:
    service = PAIRS[0][0].partition("async def test")[0].split("\n\n", 1)[1]
    assert len([line for line in service.splitlines() if line]) <= 10


def test_the_parts_of_the_table_are_there() -> None:
    names = re.findall(r"\| `aio\.(\w+)`", PAGE)
    assert len(names) == 7
    assert all(hasattr(aio, name) for name in names)
