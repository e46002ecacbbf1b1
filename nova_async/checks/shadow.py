"""What the page tables of all address spaces say, kept up to date by every write to them.

A census by the hardware's walker reads every table; a sanitizer that asked for one after each write would cost more
than the program it watches. So the shadow keeps every table that hardware can reach from a root, and on a write decodes
again only the entries written, with the hardware's own decoder. Leaves are kept by runs: entries side by side that map
frames side by side are one.

It shows a little more than the census: small entries hidden by a valid big one are in it, for they are valid.
"""

from array import array
from bisect import insort
from collections.abc import Iterator
from typing import Protocol

from sortedcontainers import SortedDict

from nova_async.address import PAGE_SHIFT
from nova_async.checks.page_tables import CHUNK_SHIFT, Leaf, Node, Root, index_of, overlap
from nova_async.hw.mmu.census import Table
from nova_async.hw.mmu.decode import decode_dual, decode_pde, decode_pte
from nova_async.hw.mmu.formats import Aperture, MmuFormat
from nova_async.hw.vram import Vram

_QWORD = 8


class Watcher(Protocol):
    """Who judges what appears in the tables."""

    def table_appeared(self, node: Node) -> bool:
        """An entry points to this table now. False: do not look into it."""
        ...

    def leaf_appeared(self, leaf: Leaf) -> None:
        """These entries are valid now."""
        ...

    def leaf_gone(self, leaf: Leaf, entries: range) -> None:
        """These entries of what was a leaf are not valid any more, or not reached."""
        ...

    def leaf_replaced(self, leaf: Leaf, entries: range) -> None:
        """These entries of what was a leaf say something else, by one write."""
        ...

    def table_gone(self, node: Node) -> None:
        """No entry points to this table any more."""
        ...


class Shadow:
    """All tables and leaves of one device.

    Args:
        vram: holds them.
        layout: the format of the chip.
        watcher: is told of what appears, once it is part of the shadow, and of what is gone, once it is not.
    """

    def __init__(self, vram: Vram, layout: MmuFormat, watcher: Watcher) -> None:
        self._vram = vram
        self._layout = layout
        self._watcher = watcher
        self._by_frame: SortedDict[int, list[Node]] = SortedDict()
        self._targets: SortedDict[tuple[int, int], Leaf] = SortedDict()
        self._frame_shift = layout.pte.address.video.lo
        self._longest = 1
        self._serial = 0

    def watch(self, root: Root) -> None:
        """Follow an address space, from what its tables say now."""
        root.node = Node(root, Table(root.pdb, 0, self._layout.directories[0], 0, None))
        self._follow(root.node)

    def forget(self, root: Root) -> None:
        """Follow it no longer."""
        if root.node is not None:
            self.drop(root.node)
            root.node = None  # no circle is left, so what was followed goes at once, not when the collector comes by

    def written(self, address: int, length: int) -> list[Node]:
        """Memory was written; the tables hit by it, judged by what they say now."""
        hit = self._nodes_in(address, length)
        for node in hit:
            if node.alive:
                start = max(address, node.table.address)
                stop = min(address + length, node.table.address + node.table.kind.table_bytes)
                self._refresh(node, start, stop)
        return hit

    def tables_in(self, frames: range) -> list[Node]:
        """The tables that lie in these frames."""
        if len(frames) == 1:
            return list(self._by_frame.get(frames.start, ()))
        return [
            node for frame in self._by_frame.irange(frames.start, frames.stop - 1) for node in self._by_frame[frame]
        ]

    def leaves_to(self, frames: range) -> list[Leaf]:
        """The leaves that map any of these frames."""
        near = self._targets.irange((frames.start - self._longest, 0), (frames.stop, 0), (True, False))
        return [leaf for leaf in map(self._targets.__getitem__, near) if overlap(leaf.frames, frames)]

    def drop(self, node: Node, *, told: bool = False) -> None:
        """Take a table and all below it out.

        Args:
            node: the table.
            told: the watcher is told: it was unlinked, and not just no longer looked at.
        """
        node.alive = False
        leaves, children = node.leaves, node.children
        node.leaves, node.children = [], {}
        self._unplace(node)
        for leaf in leaves:
            self._unlist(leaf)
            if told:
                self._watcher.leaf_gone(leaf, range(leaf.index, leaf.stop))
        for tables in children.values():
            for child in tables:
                self.drop(child, told=told)
        if told:
            self._watcher.table_gone(node)

    def _nodes_in(self, address: int, length: int) -> list[Node]:
        frame, last = address >> PAGE_SHIFT, address + length - 1 >> PAGE_SHIFT
        if frame == last and frame not in self._by_frame:
            return []
        end = address + length
        return [
            node
            for node in self.tables_in(range(frame, last + 1))
            if node.table.address < end and address < node.table.address + node.table.kind.table_bytes
        ]

    def _follow(self, node: Node) -> None:
        table = node.table
        self._by_frame.setdefault(table.address >> PAGE_SHIFT, []).append(node)
        if table.level > self._layout.dual_index:
            node.root.last_level.setdefault(table.va >> PAGE_SHIFT + CHUNK_SHIFT, []).append(node)
        self._refresh(node, table.address, table.address + table.kind.table_bytes)

    def _unplace(self, node: Node) -> None:
        frame = node.table.address >> PAGE_SHIFT
        here = self._by_frame.get(frame, [])
        if node in here:
            here.remove(node)
            if not here:
                del self._by_frame[frame]
        chunk = node.table.va >> PAGE_SHIFT + CHUNK_SHIFT
        neighbours = node.root.last_level.get(chunk, [])
        if node in neighbours:
            neighbours.remove(node)
            if not neighbours:
                del node.root.last_level[chunk]

    def _refresh(self, node: Node, start: int, stop: int) -> None:
        """Decode the entries between two addresses again."""
        node.root.version += 1
        table = node.table
        stride = table.kind.entry_bytes
        first, last = (start - table.address) // stride, -((table.address - stop) // stride)
        words = self._vram.read_run(table.address + first * stride, (last - first) * stride // _QWORD)
        if not (node.leaves or node.children or any(words)):
            return  # a new table, as a rule
        if table.level > self._layout.dual_index:
            self._refresh_leaves(node, first, words)
            return
        per_entry = stride // _QWORD
        for index in range(first, last):
            at = (index - first) * per_entry
            self._refresh_entry(node, index, words[at], words[at + per_entry - 1])

    # Leaf tables

    def _refresh_leaves(self, node: Node, first: int, words: "array[int]") -> None:
        cut = self._cut(node, first, first + len(words)) if node.leaves else ()
        for index, count in self._valid_runs(words):
            self._add_leaf(node, range(first + index, first + index + count), words[index])
        for leaf in cut:
            start, stop = max(leaf.index, first), min(leaf.stop, first + len(words))
            self._compare(leaf, range(start, stop), words[start - first : stop - first])

    def _compare(self, leaf: Leaf, entries: range, words: "array[int]") -> None:
        """What became of some entries of a leaf that was."""
        valid = self._layout.pte.valid.mask
        if not any(words):
            self._watcher.leaf_gone(leaf, entries)
            return
        step = 1 << self._frame_shift
        was = leaf.word + (entries.start - leaf.index) * step
        for index, word in zip(entries, words, strict=True):
            if not word & valid:
                self._watcher.leaf_gone(leaf, range(index, index + 1))
            elif word != was:
                self._watcher.leaf_replaced(leaf, range(index, index + 1))
            was += step

    def _valid_runs(self, words: "array[int]") -> Iterator[tuple[int, int]]:
        """(index, count) of valid entries side by side, each one frame on from the last and equal in all else."""
        valid = self._layout.pte.valid.mask
        step = 1 << self._frame_shift
        index, end = 0, len(words)
        while index < end:
            word = words[index]
            start = index
            index += 1
            if word & valid:
                while index < end and words[index] == word + step:
                    word += step
                    index += 1
                yield start, index - start

    def _add_leaf(self, node: Node, entries: range, word: int) -> None:
        address, flags = decode_pte(self._layout.pte, word)
        frame = (address & -node.table.kind.covers) >> PAGE_SHIFT if flags.aperture is Aperture.VIDEO else None
        self._watcher.leaf_appeared(self._list(node, entries, word, frame))

    def _list(self, node: Node, entries: range, word: int, frame: int | None) -> Leaf:
        self._serial += 1
        leaf = Leaf(node, entries, word, frame, self._serial)
        insort(node.leaves, leaf, key=index_of)
        if frame is not None:
            self._targets[frame, leaf.serial] = leaf
            self._longest = max(self._longest, len(leaf.frames))
        if node.table.level <= self._layout.dual_index:
            node.root.huge[leaf.serial] = leaf
        return leaf

    def _unlist(self, leaf: Leaf) -> None:
        if leaf.frames:
            del self._targets[leaf.frames.start, leaf.serial]
        leaf.node.root.huge.pop(leaf.serial, None)

    def _cut(self, node: Node, start: int, stop: int) -> list[Leaf]:
        """Take these entries out of the leaves of a table; what is left of a run stays.

        Returns:
            The leaves that had any of them, as they were.
        """
        where = node.leaves_at(start, stop)
        hit = node.leaves[where]
        del node.leaves[where]
        for leaf in hit:
            self._unlist(leaf)
            self._keep(leaf, leaf.index, start)
            self._keep(leaf, stop, leaf.stop)
        return hit

    def _keep(self, leaf: Leaf, index: int, stop: int) -> None:
        if index < stop:
            ahead = index - leaf.index
            frame = leaf.frames.start + ahead * leaf.node.step if leaf.frames else None
            self._list(leaf.node, range(index, stop), leaf.word + (ahead << self._frame_shift), frame)

    # Directories

    def _refresh_entry(self, node: Node, index: int, low: int, high: int) -> None:
        if not low | high and index not in node.children and not node.leaves:
            return
        is_leaf = bool(low & self._layout.is_pte.mask)
        tables = () if is_leaf else tuple(self._pointers(node.table, index, low, high))
        old = node.children.get(index, ())
        if tables != tuple(child.table for child in old if child.alive):
            self._replace(node, index, old, tables)
        cut = self._cut(node, index, index + 1)
        if is_leaf and node.table.kind.leaf:
            self._add_leaf(node, range(index, index + 1), low)
        for leaf in cut:
            self._compare(leaf, range(index, index + 1), array("Q", [low if is_leaf else 0]))

    def _pointers(self, table: Table, index: int, low: int, high: int) -> Iterator[Table]:
        """The tables that an entry points to."""
        layout = self._layout
        level = table.level + 1
        va, slot = table.va + index * table.kind.covers, table.address + index * table.kind.entry_bytes
        if level <= layout.dual_index:
            pde = decode_pde(layout.pde, low)
            if pde.aperture is not None:
                kind = layout.directories[level] if level < layout.dual_index else layout.dual
                yield Table(pde.address, level, kind, va, slot, pde.aperture)
            return
        dual = decode_dual(layout, low, high)
        for half, kind in ((dual.big, layout.big), (dual.small, layout.small)):
            if half.aperture is not None:
                yield Table(half.address, level, kind, va, slot, half.aperture)

    def _replace(self, node: Node, index: int, old: tuple[Node, ...], tables: tuple[Table, ...]) -> None:
        stays = {child.table: child for child in old if child.alive and child.table in tables}
        for child in old:
            if child.alive and child.table not in stays:
                self.drop(child, told=True)
        children = tuple(stays[table] if table in stays else Node(node.root, table, node) for table in tables)
        node.children[index] = children
        if not children:
            del node.children[index]
        for child in children:
            in_video = child.table.aperture is Aperture.VIDEO
            if child not in old and in_video and self._watcher.table_appeared(child) and self._can_follow(child):
                self._follow(child)

    def _can_follow(self, node: Node) -> bool:
        """There is memory, and it is not one of the table's own ancestors."""
        if node.table.address + node.table.kind.table_bytes > self._vram.size:
            return False
        ancestor = node.parent
        while ancestor is not None:
            if ancestor.table.address == node.table.address:
                return False
            ancestor = ancestor.parent
        return True
