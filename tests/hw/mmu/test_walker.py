from typing import Any

import pytest

from nova_async.hw.bus import BusError
from nova_async.hw.mmu import Access, Aperture, FaultKind, MmuFault, walk
from nova_async.hw.mmu.formats import V2, V2_GA10X, V3, V3_GB10X, MmuFormat

HandMade = Any  # conftest.HandMade; test modules import no test modules
VA = 1 << 47 | 5 << 38 | 7 << 29 | 9 << 21 | 0x8B << 12
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

# hardware.md 2.6
KINDS = [
    "PDE",
    "PDE_SIZE",
    "PTE",
    "VA_LIMIT",
    "UNBOUND_INSTANCE_BLOCK",
    "PRIVILEGE",
    "READ_ONLY",
    "WRITE_ONLY",
    "PITCH_MASK",
    "WORK_CREATION",
    "UNSUPPORTED_APERTURE",
    "CC",
    "UNSUPPORTED_KIND",
    "REGION",
    "POISONED",
    "ATOMIC",
]


@pytest.mark.parametrize(("number", "name"), list(enumerate(KINDS)), ids=[f"2.6-{name}" for name in KINDS])
def test_a_fault_kind_has_its_number(number: int, name: str) -> None:
    assert FaultKind[name] == number
    assert len(FaultKind) == 16


def refused(tables: HandMade, va: int = VA, access: Access = Access.READ, version: MmuFormat | None = None) -> MmuFault:
    with pytest.raises(MmuFault) as caught:
        tables.walk(va, access, version)
    assert caught.value.va == va
    return caught.value


def levels_above_dual(tables: HandMade) -> int:
    return len(tables.directories)


def test_a_4k_page_is_found_at_its_byte(tables: HandMade) -> None:
    entry = tables.map_small(VA, 0x345000)
    found = tables.walk(VA + 0x123)
    assert found.physical(VA + 0x123) == 0x345123
    assert (found.va, found.size, found.entry_address) == (VA, 4 * KIB, entry)
    assert found.level == levels_above_dual(tables) + 1
    assert found.aperture is Aperture.VIDEO


def test_the_neighbours_of_a_page_are_not_mapped(tables: HandMade) -> None:
    tables.map_small(VA, 0x345000)
    for va in (VA - 1, VA + 0x1000):
        fault = refused(tables, va)
        assert (fault.kind, fault.level) == (FaultKind.PTE, levels_above_dual(tables) + 1)


def test_a_64k_page_is_found_through_the_big_half(tables: HandMade) -> None:
    tables.link(VA)
    tables.put("PD0", VA, *tables.dual(big=tables.at["BIG"] + 0x100))  # a big table is aligned to 256 bytes
    tables.at["BIG"] += 0x100
    entry = tables.put("BIG", VA, tables.pte(0x350000))
    found = tables.walk(VA)
    assert (found.size, found.address, found.entry_address) == (64 * KIB, 0x350000, entry)
    assert found.physical(VA) == 0x350000 + VA % (64 * KIB)


def test_a_2m_page_lies_in_the_dual_level(tables: HandMade) -> None:
    tables.link(VA)
    entry = tables.put("PD0", VA, tables.pte(6 * MIB))
    found = tables.walk(VA)
    assert (found.size, found.address, found.entry_address) == (2 * MIB, 6 * MIB, entry)
    assert found.physical(VA) == 6 * MIB + VA % (2 * MIB)
    assert found.level == levels_above_dual(tables)


def test_low_address_bits_of_a_huge_page_do_not_count(tables: HandMade) -> None:
    tables.link(VA)
    tables.put("PD0", VA, tables.pte(6 * MIB + 0x5000))
    assert tables.walk(VA).address == 6 * MIB


@pytest.mark.parametrize("version", [V2_GA10X, V3, V3_GB10X], ids=["GA10x", "V3", "GB10x"])
def test_a_512m_page_lies_in_pd1(v2: HandMade, v3: HandMade, version: MmuFormat) -> None:
    tables = v2 if version is V2_GA10X else v3
    tables.link(VA, down_to="PD1")
    tables.put("PD1", VA, tables.pte(GIB))
    found = tables.walk(VA, version=version)
    assert (found.size, found.address, found.physical(VA)) == (512 * MIB, GIB, GIB + VA % (512 * MIB))


def test_turing_has_no_512m_page(v2: HandMade) -> None:
    v2.link(VA, down_to="PD1")
    v2.put("PD1", VA, v2.pte(GIB))
    fault = refused(v2, version=V2)
    assert (fault.kind, fault.level) == (FaultKind.PDE, 2)


def test_the_invalid_pde_of_nova_is_a_leaf_at_zero_in_pd1_of_ga10x(v2: HandMade) -> None:
    v2.link(VA, down_to="PD1")
    v2.put("PD1", VA, 0x1)  # hazards.md B 14
    found = v2.walk(VA, Access.WRITE)
    assert (found.address, found.size) == (0, 512 * MIB)


def test_a_256g_page_lies_in_pd2_of_gb10x_only(v3: HandMade) -> None:
    v3.link(VA, down_to="PD2")
    v3.put("PD2", VA, v3.pte(256 * GIB))
    assert v3.walk(VA, version=V3_GB10X).size == 256 * GIB
    assert refused(v3, version=V3).kind is FaultKind.PDE


def test_an_empty_root_is_a_pde_fault(tables: HandMade) -> None:
    fault = refused(tables)
    assert (fault.kind, fault.level) == (FaultKind.PDE, 0)


@pytest.mark.parametrize("missing", ["PD2", "PD1", "PD0"])
def test_a_missing_table_is_a_pde_fault_at_the_level_above_it(tables: HandMade, missing: str) -> None:
    tables.map_small(VA, 0x345000)
    chain = [*tables.directories, "PD0"]
    above = chain.index(missing) - 1
    tables.put(chain[above], VA, 0)
    fault = refused(tables)
    assert (fault.kind, fault.level) == (FaultKind.PDE, above)


def test_an_empty_dual_entry_is_a_pde_fault(tables: HandMade) -> None:
    tables.link(VA)
    fault = refused(tables)
    assert (fault.kind, fault.level) == (FaultKind.PDE, levels_above_dual(tables))


@pytest.mark.parametrize("level", ["PD2", "PD1", "PD0", "PT", "BIG"])
def test_a_sparse_range_does_not_fault(tables: HandMade, level: str) -> None:
    tables.link(VA, down_to=level)
    halves = {"PT": "small", "BIG": "big"}
    if level in halves:
        tables.put("PD0", VA, *tables.dual(**{halves[level]: tables.at[level]}))
    tables.put(level, VA, 1 << 3)
    found = tables.walk(VA, Access.WRITE)
    size = 1 << tables.levels[level][0]
    assert (found.sparse, found.size, found.va) == (True, size, VA & -size)


def test_the_sparse_bit_of_a_dual_entry_counts_only_without_tables(tables: HandMade) -> None:
    tables.map_small(VA, 0x345000)
    tables.put("PD0", VA, *tables.dual(small=tables.at["PT"], vol=1))
    assert tables.walk(VA).address == 0x345000
    assert refused(tables, VA + 0x1000).kind is FaultKind.PTE


def both_halves(tables: HandMade, big_pte: int) -> None:
    tables.map_small(VA, 0x345000)
    tables.put("PD0", VA, *tables.dual(big=tables.at["BIG"], small=tables.at["PT"]))
    tables.put("BIG", VA, big_pte)


def test_a_valid_big_pte_wins_over_the_small_table(tables: HandMade) -> None:
    both_halves(tables, tables.pte(0x350000))
    assert tables.walk(VA).size == 64 * KIB


@pytest.mark.parametrize("word", [0, 1 << 3], ids=["invalid", "sparse"])
def test_an_invalid_big_pte_lets_the_small_table_decide(tables: HandMade, word: int) -> None:
    both_halves(tables, word)
    assert tables.walk(VA).address == 0x345000
    assert refused(tables, VA + 0x1000).kind is FaultKind.PTE


def test_a_big_pte_that_says_no_small_page_hides_the_small_table(tables: HandMade) -> None:
    both_halves(tables, tables.invalid_pte["no_small"])
    fault = refused(tables)
    assert (fault.kind, fault.level) == (FaultKind.PTE, levels_above_dual(tables) + 1)


def test_a_read_only_page_takes_reads_and_no_writes(tables: HandMade) -> None:
    tables.map_small(VA, 0x345000, read_only=1)
    assert tables.walk(VA).read_only
    assert refused(tables, access=Access.WRITE).kind is FaultKind.READ_ONLY
    assert refused(tables, access=Access.ATOMIC).kind is FaultKind.READ_ONLY


def test_a_privileged_page_takes_privileged_accesses_only(tables: HandMade) -> None:
    tables.map_small(VA, 0x345000, privileged=1)
    assert tables.walk(VA, Access.PRIVILEGED_WRITE).privileged
    assert tables.walk(VA, Access.PRIVILEGED_READ).privileged
    assert refused(tables).kind is FaultKind.PRIVILEGE
    assert refused(tables, access=Access.WRITE).kind is FaultKind.PRIVILEGE


def test_a_page_without_atomics_takes_plain_writes_only(tables: HandMade) -> None:
    tables.map_small(VA, 0x345000, atomic_disable=1)
    assert tables.walk(VA, Access.WRITE).address == 0x345000
    assert refused(tables, access=Access.ATOMIC).kind is FaultKind.ATOMIC


@pytest.mark.parametrize("aperture", [Aperture.PEER, Aperture.COHERENT, Aperture.NONCOHERENT], ids=lambda a: a.name)
def test_a_page_in_another_memory_is_a_translation_with_that_aperture(tables: HandMade, aperture: Aperture) -> None:
    tables.map_small(VA, 0x345000, aperture=aperture.value)
    assert tables.walk(VA).aperture is aperture


@pytest.mark.parametrize("aperture", [2, 3])
@pytest.mark.parametrize("level", ["PD1", "PD0"])
def test_a_table_in_another_memory_is_an_aperture_fault(tables: HandMade, level: str, aperture: int) -> None:
    tables.map_small(VA, 0x345000)
    if level == "PD0":
        tables.put("PD0", VA, *tables.dual(small=tables.at["PT"], small_aperture=aperture))
    else:
        tables.put("PD1", VA, tables.pde(tables.at["PD0"], aperture=aperture))
    assert refused(tables).kind is FaultKind.UNSUPPORTED_APERTURE


def test_a_table_beyond_memory_is_a_region_fault(tables: HandMade) -> None:
    tables.map_small(VA, 0x345000)
    tables.put("PD1", VA, tables.pde(64 * MIB))
    fault = refused(tables)
    assert (fault.kind, fault.level) == (FaultKind.REGION, levels_above_dual(tables))


def test_an_address_wider_than_the_format_is_a_va_limit_fault(tables: HandMade) -> None:
    assert refused(tables, 1 << tables.format.va_bits).kind is FaultKind.VA_LIMIT
    assert refused(tables, (1 << tables.format.va_bits) - 1).kind is FaultKind.PDE


def test_an_all_ones_word_is_a_leaf_on_every_level_that_has_one(tables: HandMade) -> None:
    tables.link(VA)  # hazards.md B 15: what a lost device returns, taken for an entry
    tables.put("PD0", VA, (1 << 64) - 1)
    assert refused(tables, access=Access.WRITE).kind is FaultKind.PRIVILEGE


class Shelf:
    """Memory that holds a few words and nothing else."""

    def __init__(self, words: dict[int, int]) -> None:
        self.words = words
        self.reads: list[int] = []

    def read(self, address: int, width: int) -> int:
        self.reads.append(address)
        if address not in self.words:
            raise BusError(f"{address:#x}")
        return self.words[address]


def test_a_walk_reads_one_entry_a_level_and_the_dual_one_in_two_words() -> None:
    shelf = Shelf({0x1008: 0x202, 0x2010: 0x302, 0x3018: 0x402, 0x4040: 0, 0x4048: 0x502, 0x5028: 0x701})
    va = 1 << 47 | 2 << 38 | 3 << 29 | 4 << 21 | 5 << 12
    assert walk(shelf, 0x1000, V2, va, Access.READ).address == 0x7000
    assert shelf.reads == [0x1008, 0x2010, 0x3018, 0x4040, 0x4048, 0x5028]


def test_a_v3_walk_has_one_level_more() -> None:
    shelf = Shelf({0x8008: 0x1002, 0x1008: 0x2002, 0x2010: 0x3002, 0x3018: 0x4002, 0x4040: 0, 0x4048: 0x5002})
    shelf.words[0x5028] = 0x7041
    va = 1 << 56 | 1 << 47 | 2 << 38 | 3 << 29 | 4 << 21 | 5 << 12
    assert walk(shelf, 0x8000, V3, va, Access.READ).address == 0x7000
    assert len(shelf.reads) == 7
