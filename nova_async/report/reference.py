"""The pages of ``docs/reference/``, made from the rules, the lock table and the table of invariants.

``python -m nova_async.report.reference docs/reference`` writes them (``make docs``); a test holds that they are fresh.
"""

import inspect
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from nova_async.checks.invariants import INVARIANTS
from nova_async.findings import SLUGS
from nova_async.mm import lock_order
from nova_async.report.locks import COLUMNS, cells
from nova_async.rules import rule

MADE = "<!-- Made by `make docs`; do not edit. -->"
GROUPS = {
    "NOVA1": "Lock order and lock use",
    "NOVA2": "Allocation, reclaim and fences",
    "NOVA3": "GPU memory",
    "NOVA4": "Progress",
    "NOVA9": "The tool's own doubts",
}
"""By the first digit of a code."""


def pages() -> dict[str, str]:
    """Every page by file name."""
    return {"rules.md": rules_page(), "locks.md": locks_page(), "invariants.md": invariants_page()}


def rules_page() -> str:
    """Every finding code with its rule in a sentence, and where the whole rule is."""
    parts = [
        "# The rules",
        MADE,
        "`nova-async explain CODE` prints a whole rule: why it exists, a bad and a good example.",
    ]
    for prefix, title in GROUPS.items():
        rows = [_rule_row(code) for code in SLUGS if code.startswith(prefix)]
        if rows:
            parts += [f"## {title}", _table(("code", "name", "rule"), rows)]
    return _page(parts)


def _rule_row(code: str) -> tuple[str, ...]:
    explained = rule(code)
    return _link(code), f"`{explained.slug}`", explained.summary


def locks_page() -> str:
    """The lock table of the driver, and what follows from it."""
    _, _, notes = (inspect.getdoc(lock_order) or "").partition("\n\n")
    intro = (
        "In acquisition order: a lock is taken only under locks of a lower order. *Fence path*: it is taken inside\n"
        "fence-signalling sections. *Reclaim under it*: an allocation that may reclaim may happen while it is held.\n"
        "`nova-async locks` prints this table, `nova-async locks --observed` what the scenarios make of it."
    )
    return _page(["# The driver's locks", MADE, intro, _table(COLUMNS, map(cells, lock_order.LOCK_ORDER)), notes])


def invariants_page() -> str:
    """The invariants of the memory manager, and which check holds each."""
    intro = (
        "What holds of the memory manager at every step, numbered as in `docs/facts/hazards.md`, and what is found\n"
        "where it does not. The checks run in every scenario, live and explored.\n"
        "`tests/checks/test_invariants_can_fail.py` breaks a line of the driver for each, and sees its codes alone."
    )
    rows = [(row.name, row.says, ", ".join(map(_link, row.codes)), row.checked) for row in INVARIANTS]
    return _page(["# The invariants", MADE, intro, _table(("invariant", "says", "found as", "checked"), rows)])


def _link(code: str) -> str:
    return f"[{code}](../../nova_async/rules/{code}.md)"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (columns, ["---"] * len(columns), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


def main(folder: str) -> None:
    """Write every page into ``folder``."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
