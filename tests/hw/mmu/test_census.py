import time
from array import array
from random import Random
from typing import Any

import pytest

from nova_async.hw.mmu import Access, Aperture, MmuFault, leaves, tables, walk
from nova_async.hw.mmu.formats import V2

HandMade = Any  # conftest.HandMade; test modules import no test modules
VA = 1 << 47 | 5 << 38 | 7 << 29 | 9 << 21 | 0x8B << 12
KIB, MIB = 1 << 10, 1 << 20


@pytest.fixture(name="made")
def made_tables(tables: HandMade) -> HandMade:  # the fixture of both formats; the name is the census' own here
    return tables


def test_an_empty_root_is_one_table_without_a_slot(made: HandMade) -> None:
    (root,) = tables(made.vram, made.root, made.version)
    assert (root.address, root.slot, root.level, root.va) == (made.root, None, 0, 0)
    assert list(leaves(made.vram, made.root, made.version)) == []


def test_every_table_is_listed_with_the_slot_that_points_to_it(made: HandMade) -> None:
    made.map_small(VA, 0x345000)
    chain = [*made.directories, "PD0", "PT"]
    found = list(tables(made.vram, made.root, made.version))
    assert [table.address for table in found] == [made.at[name] for name in chain]
    assert [table.kind.name for table in found] == chain
    assert [table.slot for table in found] == [None, *(made.slot(name, VA) for name in chain[:-1])]
    assert [table.level for table in found] == list(range(len(chain)))
    assert found[-1].va == VA & -(2 * MIB)


def test_a_leaf_is_listed_as_a_walk_finds_it(made: HandMade) -> None:
    entry = made.map_small(VA, 0x345000, read_only=1)
    (leaf,) = leaves(made.vram, made.root, made.version)
    assert leaf == made.walk(VA)
    assert (leaf.va, leaf.size, leaf.address, leaf.entry_address) == (VA, 4 * KIB, 0x345000, entry)
    assert leaf.read_only


def test_huge_leaves_are_listed(made: HandMade) -> None:
    made.link(VA)
    made.put("PD0", VA, made.pte(6 * MIB))
    made.put("PD1", VA ^ 512 * MIB, made.pte(0))
    found = list(leaves(made.vram, made.root, made.version))
    assert sorted(leaf.size for leaf in found) == [2 * MIB, 512 * MIB]
    assert all(leaf == made.walk(leaf.va) for leaf in found)


def test_a_leaf_bit_at_a_level_without_leaves_is_not_listed(v2: HandMade) -> None:
    v2.link(VA, down_to="PD1")
    v2.put("PD1", VA, v2.pte(0))
    assert list(leaves(v2.vram, v2.root, V2)) == []
    assert len(list(leaves(v2.vram, v2.root, v2.version))) == 1


def test_small_pages_behind_a_big_pte_are_not_listed(made: HandMade) -> None:
    made.map_small(VA, 0x345000)
    other = VA ^ 0x10000
    made.put("PT", other, made.pte(0x346000))
    third = VA ^ 0x20000
    made.put("PT", third, made.pte(0x347000))
    made.put("PD0", VA, *made.dual(big=made.at["BIG"], small=made.at["PT"]))
    made.put("BIG", VA, made.pte(0x350000))
    made.put("BIG", third, made.invalid_pte["no_small"])
    found = list(leaves(made.vram, made.root, made.version))
    assert [(leaf.va, leaf.size) for leaf in found] == [(VA & -(64 * KIB), 64 * KIB), (other, 4 * KIB)]


@pytest.mark.parametrize("aperture", [2, 3])
def test_a_table_in_another_memory_is_listed_and_not_looked_into(made: HandMade, aperture: int) -> None:
    made.map_small(VA, 0x345000)
    made.put("PD0", VA, *made.dual(small=made.at["PT"], small_aperture=aperture))
    assert [table.aperture for table in tables(made.vram, made.root, made.version)][-1] is Aperture(aperture)
    assert list(leaves(made.vram, made.root, made.version)) == []


def test_a_small_table_beside_a_big_one_in_another_memory_is_out_of_reach(made: HandMade) -> None:
    made.map_small(VA, 0x345000)
    made.put("PD0", VA, *made.dual(big=made.at["BIG"], small=made.at["PT"], big_aperture=2))
    assert [table.kind.name for table in tables(made.vram, made.root, made.version)][-1] == "PT big"
    assert list(leaves(made.vram, made.root, made.version)) == []


def test_a_table_beyond_memory_is_listed_and_not_looked_into(made: HandMade) -> None:
    made.link(VA, down_to="PD1")
    made.put("PD1", VA, made.pde(64 * MIB))
    assert [table.address for table in tables(made.vram, made.root, made.version)][-1] == 64 * MIB


def test_a_table_that_points_to_itself_ends(made: HandMade) -> None:
    made.put(made.directories[0], 0, made.pde(made.root))
    found = list(tables(made.vram, made.root, made.version))
    assert [table.kind.name for table in found] == [*made.directories, "PD0", "PT big"]


def test_a_table_with_two_parents_is_listed_twice(made: HandMade) -> None:
    made.map_small(VA, 0x345000)
    other = VA ^ 2 * MIB
    made.put("PD0", other, *made.dual(small=made.at["PT"]))
    assert sorted(leaf.va for leaf in leaves(made.vram, made.root, made.version)) == sorted([VA, other])


def random_word(made: HandMade, rng: Random, name: str) -> tuple[int, int]:
    """Mostly sensible entries, all kinds of them."""
    low = list(made.levels).index(name)
    below = made.at[list(made.levels)[min(low + 1, len(made.levels) - 1)]]
    pte = made.pte(rng.randrange(1 << 14) << 12, aperture=rng.randrange(4), read_only=rng.randrange(2))
    odd = rng.choice([0, 1 << 3, 1 << 5, 3 << 3, pte])
    if name in ("PT", "BIG"):
        return rng.choice([pte, odd]), 0
    if name == "PD0":
        halves: tuple[int, int] = made.dual(
            big=rng.choice([0, made.at["BIG"], made.at["BIG"] + 0x100]),
            small=rng.choice([0, made.at["PT"]]),
            big_aperture=rng.choice([1, 1, 1, 2]),
            vol=rng.randrange(2),
        )
        return rng.choice([halves, (odd, 0)])
    return rng.choice([made.pde(below, aperture=rng.choice([1, 1, 1, 3])), odd]), 0


@pytest.mark.parametrize("seed", range(40))
def test_the_census_lists_exactly_what_walks_find(made: HandMade, seed: int) -> None:
    rng = Random(seed)
    spots = [(rng.randrange(2) << 47) | (rng.randrange(2) << 38) | (rng.randrange(2) << 29) for _ in range(3)]
    vas = [spot | rng.randrange(2) << 21 | rng.randrange(512) << 12 for spot in spots for _ in range(20)]
    for va in vas:
        for name in made.levels:
            if name in ("PT", "BIG") or rng.random() < 0.5:
                made.put(name, va, *random_word(made, rng, name))
    listed = list(leaves(made.vram, made.root, made.version))
    assert all(walk(made.vram, made.root, made.version, leaf.va, Access.PRIVILEGED_READ) == leaf for leaf in listed)
    for va in vas:
        assert [leaf for leaf in listed if leaf.va <= va < leaf.va + leaf.size] == found_by_walk(made, va)


def found_by_walk(made: HandMade, va: int) -> list[object]:
    try:
        translation = walk(made.vram, made.root, made.version, va, Access.PRIVILEGED_READ)
    except MmuFault:
        return []
    return [] if translation.sparse else [translation]


def test_a_census_of_a_quarter_gib_is_quick(v2: HandMade) -> None:
    v2.link(0)
    for index in range(128):
        table = 0x100000 + index * 0x1000
        v2.put("PD0", index << 21, *v2.dual(small=table))
        v2.vram.write_run(table, array("Q", [v2.pte((index << 9 | page) << 12) for page in range(512)]))
    start = time.perf_counter()
    assert sum(leaf.size for leaf in leaves(v2.vram, v2.root, v2.version)) == 256 * MIB
    assert time.perf_counter() - start < 1.5  # some 0.1 s on an idle machine
