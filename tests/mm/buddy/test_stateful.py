"""Any sequence of calls, against a map that knows of every page only whether it is free and clear."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nova_async.address import KIB
from nova_async.errors import ENOSPC, Errno
from nova_async.mm.buddy import Block, Buddy, BuddyFlags
from nova_async.mm.buddy.block import total_size

PAGE = 4 * KIB
Piece = tuple[int, int, bool]
"""First page, pages, clear."""


class Pages:
    """The oracle: which pages are free, and what follows from it by the rules of a buddy system."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.free = dict.fromkeys(range(count), False)  # page to clear

    def take(self, block: Block) -> None:
        for page in range(block.offset // PAGE, block.end // PAGE):
            assert self.free.pop(page) == block.clear, "taken twice, or of the wrong kind"

    def give(self, block: Block, clear: bool) -> None:
        for page in range(block.offset // PAGE, block.end // PAGE):
            assert page not in self.free, "freed twice"
            self.free[page] = clear

    def clear_pages(self) -> int:
        return sum(self.free.values())

    def pieces(self) -> list[Piece]:
        """The free blocks there must be, once everything that can merge has merged."""
        found: list[Piece] = []
        first = 0
        while first < self.count:
            size = 1 << (self.count - first).bit_length() - 1
            self._collect(first, size, found)
            first += size
        return found

    def _collect(self, first: int, size: int, found: list[Piece]) -> None:
        kinds = {self.free.get(page) for page in range(first, first + size)}
        if len(kinds) > 1:
            self._collect(first, size // 2, found)
            self._collect(first + size // 2, size // 2, found)
        elif (kind := kinds.pop()) is not None:
            found.append((first, size, kind))

    def top_page_of(self, size: int, clear: bool) -> int | None:
        """Where a plain request of that power of two goes, if one kind of memory has a block for it."""
        fitting = [piece for piece in self.pieces() if piece[1] >= size]
        wanted = [piece for piece in fitting if piece[2] == clear] or fitting
        if not wanted:
            return None
        first, length, _ = min(wanted, key=lambda piece: (piece[1], -piece[0]))
        return first + length - size

    def has_aligned_piece(self, size: int, alignment: int) -> bool:
        """Whether a free block holds that many pages at a multiple of an alignment that is greater."""
        return any(
            length >= size and -(-first // alignment) * alignment < first + length for first, length, _ in self.pieces()
        )

    def has_free_run(self, size: int) -> bool:
        """Whether as many pages are free at a multiple of their number, whatever their kind."""
        starts = range(0, self.count - size + 1, size)
        return any(all(start + page in self.free for page in range(size)) for start in starts)

    def forget_clear_where_merged(self, buddy: Buddy, taken: list[Block]) -> None:
        """Follow a forced merge: it turns clear pages dirty, and does nothing else."""
        for block in (*buddy.free_blocks(), *taken):
            for page in range(block.offset // PAGE, block.end // PAGE):
                assert not block.clear or self.free[page], "dirty memory called clear"
                self.free[page] = block.clear


class BuddyMachine(RuleBasedStateMachine):
    """Every rule does one call and checks its answer; the invariants look at the whole."""

    def __init__(self) -> None:
        super().__init__()
        self.live: list[list[Block]] = []

    @initialize(count=st.integers(1, 70))
    def make(self, count: int) -> None:
        self.buddy = Buddy(count * PAGE)
        self.pages = Pages(count)

    def accept(self, blocks: list[Block], size: int) -> None:
        assert total_size(blocks) == size
        for block in blocks:
            assert block.offset % block.size == 0
            self.pages.take(block)
        self.live.append(blocks)

    @rule(order=st.integers(0, 4), clear=st.booleans())
    def allocate_one_block(self, order: int, clear: bool) -> None:
        expected = self.pages.top_page_of(1 << order, clear)
        size = PAGE << order
        if size > self.buddy.size:
            return
        flags = BuddyFlags.CLEAR if clear else BuddyFlags(0)
        try:
            blocks = self.buddy.alloc_blocks(0, 0, size, size, flags)
        except ENOSPC:
            assert expected is None
            return
        assert expected is not None
        assert [block.offset for block in blocks] == [expected * PAGE]
        self.accept(blocks, size)

    @rule(count=st.integers(1, 70), top=st.booleans(), clear=st.booleans())
    def allocate_pages(self, count: int, top: bool, clear: bool) -> None:
        flags = (BuddyFlags.TOPDOWN if top else 0) | (BuddyFlags.CLEAR if clear else 0)
        fits = count <= len(self.pages.free)
        try:
            blocks = self.buddy.alloc_blocks(0, 0, count * PAGE, PAGE, flags)
        except Errno:
            assert not fits, "refused what is there"
            return
        assert fits
        self.accept(blocks, count * PAGE)

    @rule(data=st.data(), clear=st.booleans())
    def allocate_in_range(self, data: st.DataObject, clear: bool) -> None:
        start = data.draw(st.integers(0, self.pages.count - 1))
        end = data.draw(st.integers(start + 1, self.pages.count))
        count = data.draw(st.integers(1, end - start))
        fits = count <= sum(start <= page < end for page in self.pages.free)
        flags = BuddyFlags.RANGE | (BuddyFlags.CLEAR if clear else 0)
        try:
            blocks = self.buddy.alloc_blocks(start * PAGE, end * PAGE, count * PAGE, PAGE, flags)
        except Errno:
            assert not fits or start + count > self.pages.count
            return
        assert fits
        assert all(block.within(start * PAGE, end * PAGE) for block in blocks)
        self.accept(blocks, count * PAGE)

    @rule(order=st.integers(0, 3), exponent=st.integers(1, 5))
    def allocate_aligned(self, order: int, exponent: int) -> None:
        size, alignment = 1 << order, 1 << (order + exponent)
        if size > self.pages.count:
            return
        try:
            (block,) = self.buddy.alloc_blocks(0, 0, size * PAGE, alignment * PAGE)
        except ENOSPC:
            assert not self.pages.has_aligned_piece(size, alignment)
            return
        assert block.offset % (alignment * PAGE) == 0
        self.accept([block], size * PAGE)

    @rule(order=st.integers(0, 5))
    def allocate_by_force_merge(self, order: int) -> None:
        size = 1 << order
        if size >= self.pages.count:
            return
        fits = self.pages.has_free_run(size)
        try:
            blocks = self.buddy.alloc_blocks(0, self.buddy.size, size * PAGE, size * PAGE)
        except ENOSPC:
            assert not fits
            blocks = []
        self.pages.forget_clear_where_merged(self.buddy, blocks)
        if blocks:
            self.accept(blocks, size * PAGE)

    @rule(count=st.integers(1, 20))
    def allocate_contiguous(self, count: int) -> None:
        if count > self.pages.count:
            return
        try:
            blocks = self.buddy.alloc_blocks(0, 0, count * PAGE, PAGE, BuddyFlags.CONTIGUOUS)
        except ENOSPC:
            size = 1 << (count - 1).bit_length()
            assert self.pages.top_page_of(size, clear=False) is None
            return
        assert [block.offset for block in blocks[1:]] == [block.end for block in blocks[:-1]]
        self.accept(blocks, count * PAGE)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), cleared=st.booleans())
    def free(self, data: st.DataObject, cleared: bool) -> None:
        blocks = self.live.pop(data.draw(st.integers(0, len(self.live) - 1)))
        for block in blocks:
            self.pages.give(block, cleared)
        self.buddy.free_list(blocks, cleared=cleared)

    @precondition(lambda self: any(len(blocks) == 1 for blocks in self.live))
    @rule(data=st.data())
    def trim(self, data: st.DataObject) -> None:
        blocks = data.draw(st.sampled_from([blocks for blocks in self.live if len(blocks) == 1]))
        (block,) = blocks
        new_size = PAGE * data.draw(st.integers(1, block.size // PAGE))
        start = block.offset + PAGE * data.draw(st.integers(0, (block.size - new_size) // PAGE))
        self.live.remove(blocks)
        self.pages.give(block, block.clear)
        kept = self.buddy.trim(blocks, new_size, start)
        assert kept[0].offset == start
        self.accept(kept, new_size)

    @rule(is_clear=st.booleans())
    def reset_clear(self, is_clear: bool) -> None:
        self.buddy.reset_clear(is_clear=is_clear)
        self.pages.free = dict.fromkeys(self.pages.free, is_clear)

    @invariant()
    def accounts_for_every_page(self) -> None:
        free = {block.offset // PAGE: block for block in self.buddy.free_blocks()}
        assert [(first, block.size // PAGE, block.clear) for first, block in free.items()] == self.pages.pieces()
        assert self.buddy.avail == len(self.pages.free) * PAGE
        assert self.buddy.clear_avail == self.pages.clear_pages() * PAGE
        for page in range(self.pages.count):
            assert self.buddy.is_free(page * PAGE) == (page in self.pages.free)

    def teardown(self) -> None:
        for blocks in self.live:
            self.buddy.free_list(blocks)
        self.buddy.reset_clear(is_clear=False)
        assert list(self.buddy.free_blocks()) == list(self.buddy.roots)
        assert self.buddy.nodes == len(self.buddy.roots)


BuddyMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None, derandomize=True)
TestBuddyKeepsItsPromises = BuddyMachine.TestCase
