"""The shadow, kept up by writes, against the census, which reads everything: after every write they say the same."""

import gc
from collections.abc import Iterable
from random import Random

import pytest

from nova_async.address import MIB, PAGE_SHIFT, PAGE_SIZE, Pfn, VramAddress
from nova_async.checks.page_tables import Leaf, Node, Root
from nova_async.checks.shadow import Shadow
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset
from nova_async.hw.listener import Listener
from nova_async.mm.pagetable import FORMATS

ROOT = 64 * PAGE_SIZE
TABLES_A_LEVEL = 3
HUGE = 1


class Everything(Listener):
    """Follows all tables, judges nothing, and passes writes on."""

    def __init__(self, board: Board) -> None:
        self.shadow = Shadow(board.vram, board.mmu.format, self)
        self.root = Root(ROOT)
        self.gone: list[range] = []
        self.replaced: list[range] = []
        self.unlinked: list[int] = []
        self.shadow.watch(self.root)
        board.listeners.append(self)

    def table_appeared(self, node: Node) -> bool:
        return True

    def leaf_appeared(self, leaf: Leaf) -> None:
        assert leaf in leaf.node.leaves

    def leaf_gone(self, leaf: Leaf, entries: range) -> None:
        assert leaf not in leaf.node.leaves
        self.gone.append(entries)

    def leaf_replaced(self, leaf: Leaf, entries: range) -> None:
        assert leaf not in leaf.node.leaves
        self.replaced.append(entries)

    def table_gone(self, node: Node) -> None:
        assert not node.alive
        self.unlinked.append(node.table.address)

    def vram_written(self, address: int, length: int) -> None:
        self.shadow.written(address, length)


@pytest.fixture(params=["GA102", "GB100"], ids=["V2", "V3"])
def board(request: pytest.FixtureRequest) -> Board:
    return Board(Chipset.named(request.param), vram=4 * MIB)


def pages(leaves: Iterable[Leaf]) -> set[tuple[int, int]]:
    """(virtual frame, frame) of every 4 KiB page."""
    return {pair for leaf in leaves for pair in zip(leaf.vfns, leaf.frames, strict=True)}


def census(board: Board) -> set[tuple[int, int]]:
    found = set()
    for leaf in board.mmu.leaves(ROOT):
        first, target = leaf.va >> PAGE_SHIFT, leaf.address >> PAGE_SHIFT
        found |= {(first + page, target + page) for page in range(leaf.size >> PAGE_SHIFT)}
    return found


def seen(board: Board, shadow: Shadow, root: Root) -> set[tuple[int, int]]:
    return pages(root.leaves_in(range(1 << 52)))


def table(depth: int, number: int) -> int:
    return ROOT if depth == 0 else ROOT + (depth * TABLES_A_LEVEL + number) * PAGE_SIZE


def random_write(board: Board, dice: Random) -> None:
    """A pointer to a table of the next level, a run of leaves, a 2 MiB leaf, or nothing, somewhere in the tables."""
    entries = FORMATS[board.chipset.mmu_version]
    levels = entries.pde_level_count
    depth = levels if dice.random() < 0.5 else dice.randrange(levels)
    place = table(depth, dice.randrange(TABLES_A_LEVEL))
    if depth == levels:
        first, count = dice.randrange(40), dice.randrange(1, 8)
        if dice.random() < 0.3:
            board.vram.fill(place + 8 * first, count, 0)
        else:
            frame = dice.randrange(900)
            board.vram.write_run(place + 8 * first, entries.pte_run(frame, count, writable=dice.random() < 0.5))
        return
    level = entries.directories[depth]
    slot = place + dice.randrange(2) * level.stride + level.slot_offset
    below = VramAddress(table(depth + 1, dice.randrange(TABLES_A_LEVEL)))
    child = 0 if dice.random() < 0.25 else entries.pde(below.frame())
    board.vram.write(slot, 8, child)
    if level.is_dual and dice.random() < 0.2:
        board.vram.write(slot - 8, 8, entries.pte(512, writable=True) if dice.random() < 0.5 else 0)


@pytest.mark.parametrize("seed", range(2))
def test_after_any_writes_the_shadow_is_the_census(board: Board, seed: int) -> None:
    dice = Random(seed)
    watcher = Everything(board)
    most = 0
    for _ in range(80):
        random_write(board, dice)
        now = seen(board, watcher.shadow, watcher.root)
        most = max(most, len(now))
        assert now == census(board)
    assert most > 20


@pytest.mark.parametrize("seed", range(2))
def test_the_pages_that_lead_to_a_frame_are_found_from_the_frame(board: Board, seed: int) -> None:
    dice = Random(seed)
    watcher = Everything(board)
    for _ in range(120):
        random_write(board, dice)
    all_pages = seen(board, watcher.shadow, watcher.root)
    for _ in range(50):
        start = dice.randrange(900)
        asked = range(start, start + dice.randrange(1, 40))
        found = pages(watcher.shadow.leaves_to(asked))
        assert {pair for pair in found if pair[1] in asked} == {pair for pair in all_pages if pair[1] in asked}


@pytest.mark.parametrize("seed", range(2))
def test_the_pages_of_an_address_range_are_found_from_the_range(board: Board, seed: int) -> None:
    dice = Random(seed)
    watcher = Everything(board)
    for _ in range(120):
        random_write(board, dice)
    all_pages = seen(board, watcher.shadow, watcher.root)
    for _ in range(50):
        start = dice.randrange(1100)
        asked = range(start, start + dice.randrange(1, 600))
        found = pages(watcher.root.leaves_in(asked))
        assert {pair for pair in found if pair[0] in asked} == {pair for pair in all_pages if pair[0] in asked}


def test_a_table_that_points_to_itself_is_followed_once(board: Board) -> None:
    watcher = Everything(board)
    entries = FORMATS[board.chipset.mmu_version]
    board.vram.write(ROOT, 8, entries.pde(VramAddress(ROOT).frame()))
    assert len(watcher.shadow.tables_in(range(ROOT >> PAGE_SHIFT, (ROOT >> PAGE_SHIFT) + 1))) == 1


def test_a_table_beyond_the_memory_is_not_looked_into(board: Board) -> None:
    watcher = Everything(board)
    entries = FORMATS[board.chipset.mmu_version]
    beyond = board.vram.size >> PAGE_SHIFT
    board.vram.write(ROOT, 8, entries.pde(Pfn(beyond)))
    assert watcher.shadow.tables_in(range(beyond, beyond + 1)) == []


def test_a_forgotten_address_space_leaves_nothing(board: Board) -> None:
    watcher = Everything(board)
    dice = Random(1)
    for _ in range(100):
        random_write(board, dice)
    watcher.shadow.forget(watcher.root)
    everywhere = range(board.vram.size >> PAGE_SHIFT)
    assert watcher.shadow.tables_in(everywhere) == []
    assert watcher.shadow.leaves_to(everywhere) == []
    assert list(watcher.root.leaves_in(range(1 << 52))) == []


def test_a_forgotten_address_space_is_gone_without_the_collector(board: Board) -> None:
    shadow = Shadow(board.vram, board.mmu.format, Everything(board))
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(thing, Root) for thing in gc.get_objects())
        for _ in range(10):
            root = Root(ROOT)
            shadow.watch(root)
            shadow.forget(root)
            del root
        assert sum(isinstance(thing, Root) for thing in gc.get_objects()) == before
    finally:
        gc.enable()


def test_a_table_that_was_unlinked_leaves_no_empty_list_where_it_was(board: Board) -> None:
    watcher, _ = everything_mapped(board)
    assert watcher.root.last_level
    board.vram.fill(ROOT, 512, 0)
    assert watcher.root.last_level == {}


def everything_mapped(board: Board) -> tuple[Everything, int]:
    """A path of one table a level, four leaves in the last; the watcher, and where they are."""
    entries = FORMATS[board.chipset.mmu_version]
    table = ROOT
    for number, level in enumerate(entries.directories):
        below = ROOT + (number + 1) * PAGE_SIZE
        board.vram.write(level.slot(table, 0), 8, entries.pde(VramAddress(below).frame()))
        table = below
    board.vram.write_run(table, entries.pte_run(Pfn(5), 4, writable=True))
    return Everything(board), table


def test_leaves_that_are_cleared_replaced_or_written_again_are_told_apart(board: Board) -> None:
    watcher, table = everything_mapped(board)
    entries = FORMATS[board.chipset.mmu_version]
    board.vram.write(table + 8, 8, entries.pte(Pfn(6), writable=True))
    assert (watcher.gone, watcher.replaced) == ([], [])
    board.vram.write(table + 8, 8, entries.pte(Pfn(6), writable=False))
    assert (watcher.gone, watcher.replaced) == ([], [range(1, 2)])
    board.vram.fill(table + 16, 2, 0)
    assert (watcher.gone, watcher.replaced) == ([range(2, 4)], [range(1, 2)])
    board.vram.write_run(table, entries.pte_run(Pfn(5), 2, writable=True))
    assert (watcher.gone, watcher.replaced) == ([range(2, 4)], [range(1, 2), range(1, 2)])
    board.vram.fill(table, 512, 0)
    assert watcher.gone[1:] == [range(0, 2)]


def test_unlinking_a_table_tells_all_that_was_below_it_and_forgetting_tells_nothing(board: Board) -> None:
    watcher, table = everything_mapped(board)
    level = FORMATS[board.chipset.mmu_version].directories[1]
    board.vram.write(level.slot(ROOT + PAGE_SIZE, 0), 8, 0)
    assert watcher.gone == [range(0, 4)]
    assert watcher.unlinked == list(range(table, ROOT + PAGE_SIZE, -PAGE_SIZE))
    watcher.shadow.forget(watcher.root)
    assert watcher.unlinked[-1] == ROOT + 2 * PAGE_SIZE
