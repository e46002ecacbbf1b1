from typing import Any

import pytest

from nova_async.hw.listener import Listener
from nova_async.hw.mmu import Access, Fault, FaultKind, HwTlb, Mmu, MmuFault

HandMade = Any  # conftest.HandMade; test modules import no test modules
VA = 1 << 47 | 5 << 38 | 7 << 29 | 9 << 21 | 0x8B << 12


@pytest.fixture
def mmu(tables: HandMade) -> Mmu:
    return Mmu(tables.vram, HwTlb(tables.format.page_shifts), tables.version)


def test_a_hit_does_not_look_at_memory(tables: HandMade, mmu: Mmu) -> None:
    tables.map_small(VA, 0x345000)
    assert mmu.translate(tables.root, VA, Access.READ).address == 0x345000
    tables.map_small(VA, 0x999000)
    assert mmu.translate(tables.root, VA, Access.READ).address == 0x345000
    mmu.tlb.invalidate(tables.root)
    assert mmu.translate(tables.root, VA, Access.READ).address == 0x999000


def test_a_stale_translation_differs_from_the_leaf_in_memory(tables: HandMade, mmu: Mmu) -> None:
    tables.map_small(VA, 0x345000)
    mmu.translate(tables.root, VA, Access.READ)
    assert list(mmu.tlb.cached(tables.root)) == list(mmu.leaves(tables.root))
    tables.map_small(VA, 0x999000)
    assert list(mmu.tlb.cached(tables.root)) != list(mmu.leaves(tables.root))


def test_a_stale_entry_keeps_its_old_rights(tables: HandMade, mmu: Mmu) -> None:
    tables.map_small(VA, 0x345000)
    mmu.translate(tables.root, VA, Access.READ)
    tables.map_small(VA, 0x345000, read_only=1)
    mmu.translate(tables.root, VA, Access.WRITE)
    assert mmu.fault_buffer == []
    mmu.tlb.invalidate(None)
    with pytest.raises(MmuFault, match="READ_ONLY"):
        mmu.translate(tables.root, VA, Access.WRITE)


def test_rights_are_checked_on_a_hit(tables: HandMade, mmu: Mmu) -> None:
    tables.map_small(VA, 0x345000, read_only=1)
    mmu.translate(tables.root, VA, Access.READ)
    with pytest.raises(MmuFault):
        mmu.translate(tables.root, VA, Access.WRITE)
    assert mmu.fault_buffer == [Fault(tables.root, VA, Access.WRITE, FaultKind.READ_ONLY, len(tables.directories) + 1)]


def test_a_fault_is_not_remembered_by_the_tlb(tables: HandMade, mmu: Mmu) -> None:
    with pytest.raises(MmuFault):
        mmu.translate(tables.root, VA, Access.READ)
    tables.map_small(VA, 0x345000)
    assert mmu.translate(tables.root, VA, Access.READ).address == 0x345000
    assert [fault.kind for fault in mmu.fault_buffer] == [FaultKind.PDE]


def test_the_mmu_takes_the_census_of_its_own_format(tables: HandMade, mmu: Mmu) -> None:
    tables.map_small(VA, 0x345000)
    assert [leaf.va for leaf in mmu.leaves(tables.root)] == [VA]
    assert [table.address for table in mmu.tables(tables.root)][-1] == tables.at["PT"]


class Fetches(Listener):
    """The entries that walks have looked at."""

    def __init__(self) -> None:
        self.entries: list[int] = []

    def entry_fetched(self, address: int) -> None:
        self.entries.append(address)


@pytest.fixture
def fetches() -> Fetches:
    return Fetches()


@pytest.fixture
def told_mmu(tables: HandMade, fetches: Fetches) -> Mmu:
    return Mmu(tables.vram, HwTlb(tables.format.page_shifts), tables.version, [fetches])


def test_every_entry_that_a_walk_looks_at_is_told_in_order(tables: HandMade, told_mmu: Mmu, fetches: Fetches) -> None:
    tables.map_small(VA, 0x345000)
    told_mmu.translate(tables.root, VA, Access.READ)
    dual = tables.slot("PD0", VA)
    directories = [tables.slot(name, VA) for name in tables.directories]
    assert fetches.entries == [*directories, dual, dual + 8, tables.slot("PT", VA)]


def test_on_a_hit_no_entry_is_told_and_after_an_invalidate_all_are(
    tables: HandMade, told_mmu: Mmu, fetches: Fetches
) -> None:
    tables.map_small(VA, 0x345000)
    told_mmu.translate(tables.root, VA, Access.READ)
    walked = fetches.entries.copy()
    fetches.entries.clear()
    told_mmu.translate(tables.root, VA + 0x18, Access.WRITE)
    assert fetches.entries == []
    told_mmu.tlb.invalidate(tables.root)
    told_mmu.translate(tables.root, VA, Access.READ)
    assert fetches.entries == walked


def test_a_walk_that_faults_has_told_what_it_looked_at(tables: HandMade, told_mmu: Mmu, fetches: Fetches) -> None:
    tables.link(VA, down_to="PD1")
    for _ in range(2):  # a fault is not remembered
        fetches.entries.clear()
        with pytest.raises(MmuFault):
            told_mmu.translate(tables.root, VA, Access.READ)
        assert fetches.entries == [tables.slot(name, VA) for name in tables.directories]


def test_the_census_is_no_walk(tables: HandMade, told_mmu: Mmu, fetches: Fetches) -> None:
    tables.map_small(VA, 0x345000)
    assert len(list(told_mmu.leaves(tables.root))) == 1
    assert list(told_mmu.tables(tables.root))
    assert fetches.entries == []
