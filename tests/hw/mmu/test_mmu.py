from typing import Any

import pytest

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
