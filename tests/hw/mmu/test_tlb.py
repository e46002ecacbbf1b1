import pytest

from nova_async.hw.mmu import HwTlb, Translation
from nova_async.hw.mmu.decode import decode_pte
from nova_async.hw.mmu.formats import V2, V2_GA10X

FLAGS = decode_pte(V2.pte, 1).flags
KIB, MIB = 1 << 10, 1 << 20


@pytest.fixture
def tlb() -> HwTlb:
    return HwTlb(V2_GA10X.page_shifts)


def page(va: int, size: int = 4 * KIB) -> Translation:
    return Translation(va, size, 0x345000, FLAGS, 0x8000, 4)


@pytest.mark.parametrize("size", [4 * KIB, 64 * KIB, 2 * MIB, 512 * MIB])
def test_a_page_is_found_at_each_of_its_bytes_and_not_beside(tlb: HwTlb, size: int) -> None:
    entry = page(4 * size, size)
    tlb.fill(0x1000, entry)
    assert tlb.lookup(0x1000, 4 * size) is tlb.lookup(0x1000, 5 * size - 1) is entry
    assert tlb.lookup(0x1000, 4 * size - 1) is None
    assert tlb.lookup(0x1000, 5 * size) is None


def test_address_spaces_are_apart(tlb: HwTlb) -> None:
    tlb.fill(0x1000, page(0))
    assert tlb.lookup(0x2000, 0) is None


def test_an_invalidate_of_one_space_leaves_the_others(tlb: HwTlb) -> None:
    tlb.fill(0x2000, page(0))
    tlb.fill(0x1000, page(0))
    assert tlb.pdbs == (0x1000, 0x2000)
    tlb.invalidate(0x1000)
    assert tlb.lookup(0x1000, 0) is None
    assert list(tlb.cached(0x2000)) == [page(0)]
    assert list(tlb.cached(0x1000)) == []


def test_an_invalidate_of_everybody_leaves_nothing(tlb: HwTlb) -> None:
    tlb.fill(0x1000, page(0))
    tlb.fill(0x2000, page(0))
    tlb.invalidate(None)
    assert tlb.pdbs == ()


def test_the_latest_fill_of_a_page_counts(tlb: HwTlb) -> None:
    tlb.fill(0x1000, page(0))
    tlb.fill(0x1000, page(0)._replace(address=0x999000))
    assert [entry.address for entry in tlb.cached(0x1000)] == [0x999000]


def test_nothing_is_ever_forgotten_by_itself(tlb: HwTlb) -> None:
    for index in range(5000):
        tlb.fill(0x1000, page(index << 12))
    assert len(list(tlb.cached(0x1000))) == 5000
