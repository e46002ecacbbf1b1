"""Each spot of the driver, put back broken: some self-test must fail. hardware.md 2.5, 3 and 4.7 say what is right."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from nova_async.address import KIB
from nova_async.errors import EINVAL
from nova_async.hw.chipset import Chipset
from nova_async.lockdep.aio import tasks_of
from nova_async.mm import pramin, tlb
from nova_async.mm.gpu_buddy import GpuBuddy
from nova_async.mm.page_tables import Leaf
from nova_async.mm.pagetable import FORMATS
from nova_async.mm.pagetable import format as entry_format
from nova_async.mm.pramin import PraminWindow
from nova_async.mm.regs import WindowRegister, pdb_words
from nova_async.mm.selftest import SELFTESTS, Outcome, run_selftests
from nova_async.mm.tlb import Tlb

Patch = pytest.MonkeyPatch
Break = Callable[[Patch], None]


def change_formats(patch: Patch, change: Callable[[Any], Any]) -> None:
    for version, entries in list(FORMATS.items()):
        patch.setitem(FORMATS, version, change(entries))


def change_dual_level(patch: Patch, **fields: int) -> None:
    def change(entries: Any) -> Any:
        *upper, dual = entries.directories
        return replace(entries, directories=(*upper, replace(dual, **fields)))

    change_formats(patch, change)


def entry_shift(patch: Patch) -> None:
    change_formats(patch, lambda entries: replace(entries, address_shift=entries.address_shift + 1))


def pte_aperture(patch: Patch) -> None:
    change_formats(patch, lambda entries: replace(entries, pte_writable=entries.pte_writable | 0b100))


def pde_aperture(patch: Patch) -> None:
    patch.setattr(entry_format, "PDE_VIDEO", 0)


def valid_bit(patch: Patch) -> None:
    change_formats(patch, lambda entries: replace(entries, pte_writable=entries.pte_writable & ~1))


def flush(patch: Patch) -> None:
    async def no_flush(self: Tlb, pdb: int) -> None:
        return None

    patch.setattr(Tlb, "flush", no_flush)


def flushed_pdb(patch: Patch) -> None:
    patch.setattr(tlb, "pdb_words", lambda pdb: pdb_words(pdb + 0x1000))


def dual_halves(patch: Patch) -> None:
    change_dual_level(patch, slot_offset=0)


def dual_stride(patch: Patch) -> None:
    change_dual_level(patch, stride=8)


def level_index(patch: Patch) -> None:
    change_dual_level(patch, low_bit=22)


def leaf_index(patch: Patch) -> None:
    patch.setattr(Leaf, "pte_addr", property(lambda leaf: leaf.table + leaf.frames.start % 256 * 8))


def read_only_inverted(patch: Patch) -> None:
    change_formats(
        patch,
        lambda entries: replace(entries, pte_writable=entries.pte_read_only, pte_read_only=entries.pte_writable),
    )


def read_only_ignored(patch: Patch) -> None:
    change_formats(patch, lambda entries: replace(entries, pte_read_only=entries.pte_writable))


def window_base(patch: Patch) -> None:
    patch.setattr(WindowRegister, "write_base", lambda register, bar0, base: None)


def window_granularity(patch: Patch) -> None:
    patch.setattr(pramin, "WINDOW_ALIGN", 4 * KIB)


def pramin_bound(patch: Patch) -> None:
    def check(self: PraminWindow, address: int, size: int, end: int) -> None:
        if not self._start <= address <= self._stop or address % size:
            raise EINVAL(f"pramin: {address:#x}")

    patch.setattr(PraminWindow, "_check", check)


def buddy_base(patch: Patch) -> None:
    right = GpuBuddy.__init__

    def without_base(self: GpuBuddy, kernel: Any, name: str, size: int, base: int = 0, *args: Any, **more: Any) -> None:
        right(self, kernel, name, size, 0, *args, **more)

    patch.setattr(GpuBuddy, "__init__", without_base)


def unmap(patch: Patch) -> None:
    patch.setattr(PraminWindow, "fill", lambda window, address, count, value=0: None)


SPOTS: dict[Break, str] = {
    entry_shift: "bar1_one_page",
    pte_aperture: "bar1_one_page",
    pde_aperture: "bar1_one_page",
    valid_bit: "bar1_two_phases",
    flush: "bar1_reuses_addresses",
    flushed_pdb: "bar1_reuses_addresses",
    dual_halves: "bar1_one_page",
    dual_stride: "bar1_far_apart",
    level_index: "bar1_far_apart",
    leaf_index: "bar1_far_apart",
    read_only_inverted: "bar1_scattered",
    read_only_ignored: "bar1_read_only",
    window_base: "pramin_moves",
    window_granularity: "bar1_one_page",
    pramin_bound: "pramin_refuses",
    buddy_base: "bar1_scattered",
    unmap: "bar1_two_phases",
}
"""What is broken, and the self-test that is there to see it."""


def outcomes_on(chip: str) -> list[Outcome]:
    return anyio.run(run_selftests, Chipset.named(chip), tasks_of("asyncio"))


@pytest.mark.parametrize("chip", ["GA102", "GH100"])
@pytest.mark.parametrize("spot", SPOTS, ids=lambda spot: spot.__name__)
def test_a_broken_spot_is_seen_by_the_self_test_for_it(spot: Break, chip: str, monkeypatch: Patch) -> None:
    spot(monkeypatch)
    failed = {outcome.name: outcome.error for outcome in outcomes_on(chip) if outcome.error}
    assert SPOTS[spot] in failed
    assert all(error.partition(":")[0].isupper() for error in failed.values())


@pytest.mark.parametrize("chip", ["GA102", "GH100"])
def test_with_nothing_broken_all_pass(chip: str) -> None:
    assert outcomes_on(chip) == [Outcome(test.__name__) for test in SELFTESTS]


def test_every_self_test_of_bar1_and_the_window_has_a_spot_or_is_covered_by_one_that_has() -> None:
    names = {test.__name__ for test in SELFTESTS}
    assert set(SPOTS.values()) <= names
    assert len(SPOTS) >= 10
