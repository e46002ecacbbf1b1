"""Where page-table entries point, whose they are, and who may change them.

NOVA301, NOVA302, NOVA312, NOVA313, NOVA315, and for the pages of tables NOVA306.
"""

from dataclasses import dataclass, field

from nova_async.address import PAGE_SHIFT
from nova_async.checks.calls import Calls
from nova_async.checks.changes import ChangeRules
from nova_async.checks.frames import FIRMWARE, FrameRules
from nova_async.checks.page_tables import Leaf, Node, Root
from nova_async.checks.runs import Piece, Runs
from nova_async.checks.shadow import Shadow
from nova_async.checks.telling import Teller
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks, GpuBuddy
from nova_async.mm.observer import AddressSpace

ALL_VFNS = range(1 << 52)


@dataclass(slots=True, eq=False)
class Space:
    """What is known of the address spaces at one page directory base: mostly one.

    Attributes:
        root: its tables.
        users: who uses it, with the addresses that each has taken.
        found: what was mapped when it was first seen, and is firmware's.
        live: what is mapped, and was told to be.
        opening: it is being looked at for the first time.
    """

    root: Root
    users: dict[AddressSpace, Runs[str]] = field(default_factory=dict)
    found: Runs[str] = field(default_factory=Runs)
    live: Runs[str] = field(default_factory=Runs)
    opening: bool = True

    @property
    def name(self) -> str:
        """For reports."""
        return " and ".join(user.name for user in self.users)

    @property
    def keeps_account(self) -> bool:
        """Whether all of its users say which addresses are taken."""
        return all(user.va is not None for user in self.users)

    def takers(self, vfns: range) -> list[Piece[str]]:
        """Who has taken these virtual frames, piece by piece; a frame with two takers is in two pieces."""
        books = (*self.users.values(), self.found)
        return sorted(piece for book in books for piece in book.within(vfns))


class TableRules:
    """Watches every page-table entry, every allocation and every free of one device.

    Args:
        gpu: the device, with nothing allocated yet.
        frames: whose each frame is.
        calls: what runs.
        changes: what was not flushed.
        teller: words what is found.

    Attributes:
        shadow: what the tables say.
        spaces: by page directory base.
    """

    def __init__(self, gpu: Gpu, frames: FrameRules, calls: Calls, changes: ChangeRules, teller: Teller) -> None:
        self._teller = teller
        self._vram = gpu.mm.buddy
        self._bar1 = gpu.board.gsp.bar1_pde_base, gpu.board.bar1.size
        self._frames = frames
        self._owners = frames.owners
        self._calls = calls
        self._changes = changes
        self.shadow = Shadow(gpu.board.vram, gpu.board.mmu.format, self)
        self.spaces: dict[int, Space] = {}
        self._books: dict[GpuBuddy, tuple[Space, Runs[str]]] = {}

    # What the driver says

    def opened(self, user: AddressSpace) -> None:
        """Follow the tables of a new address space."""
        space = self.spaces.get(user.pdb)
        known = space is not None
        if space is None:
            space = self.spaces[user.pdb] = Space(Root(user.pdb))
        book = space.users[user] = Runs()
        if user.va is not None:
            self._books[user.va] = (space, book)
            self._judge_size(user, user.va.size)
        if not known:
            self.shadow.watch(space.root)
            space.opening = False

    def closed(self, user: AddressSpace) -> Space | None:
        """Its tables must be gone; the space, if that was its last user."""
        space = self.spaces[user.pdb]
        if user.va is not None:
            del self._books[user.va]
        if len(space.users) == 1:
            self._judge_close(space)
            self.shadow.forget(space.root)
            del self.spaces[user.pdb]
        del space.users[user]
        return None if space.users else space

    def allocated(self, blocks: AllocatedBlocks) -> None:
        """VRAM or addresses have an owner."""
        if blocks.buddy is self._vram:
            for run in blocks.frames():
                self._frames.allocated(run, blocks.owner)
        elif blocks.buddy in self._books:
            book = self._books[blocks.buddy][1]
            for run in blocks.frames():
                book.put(run, blocks.owner)

    def vram_freed(self, run: range, *, scrubbing: bool) -> bool:
        """Frames are nobody's; False if they were nobody's before."""
        if not self._frames.freed(run, scrubbing=scrubbing):
            return False
        for node in self.shadow.tables_in(run):
            self._table_freed(node)
        for leaf in self.shadow.leaves_to(run):
            self._target_freed(leaf, run)
        return True

    def space_of(self, buddy: GpuBuddy) -> Space | None:
        """The space whose addresses a buddy hands out."""
        known = self._books.get(buddy)
        return known[0] if known is not None else None

    def addresses_freed(self, buddy: GpuBuddy, run: range) -> None:
        """Virtual frames are nobody's."""
        space, book = self._books[buddy]
        book.cut(run)
        space.root.version += 1
        for leaf in space.root.leaves_in(run):
            at = max(leaf.vfns.start, run.start)
            self._teller.tell(
                "NOVA302",
                f"gives addresses of {space.name} back, and the entry of {at << PAGE_SHIFT:#x} is still valid",
                space.name,
            )

    # What the hardware says

    def written(self, address: int, length: int) -> None:
        """Memory was written, perhaps a table."""
        hit = self.shadow.written(address, length)
        for pdb in dict.fromkeys(node.root.pdb for node in hit):
            self._judge_guard(self.spaces[pdb], address)

    def table_appeared(self, node: Node) -> bool:
        """An entry points to a table."""
        frame = node.table.address >> PAGE_SHIFT
        if self._frames.is_owned(frame):
            self._calls.linked(node)
            return True
        space, slot = self.spaces[node.root.pdb], node.table.slot
        assert slot is not None  # noqa: S101  only the root has none, and nothing points to it
        self._teller.tell(
            "NOVA301",
            f"the directory entry at {slot:#x} of {space.name} points to {self._frames.describe(frame)}",
            space.name,
            "table",
        )
        return False

    def table_gone(self, node: Node) -> None:
        """No entry points to it any more."""
        pdb = node.root.pdb
        frame = node.table.address >> PAGE_SHIFT
        self._changes.gone(
            pdb, self.spaces[pdb].name, node.vfns(range(node.table.kind.entries)), range(frame, frame + 1), table=True
        )

    def leaf_appeared(self, leaf: Leaf) -> None:
        """Leaf entries are valid."""
        space = self.spaces[leaf.node.root.pdb]
        if space.opening and self._frames.is_firmware(leaf.node.root.pdb):
            space.found.put(leaf.vfns, FIRMWARE)
        owners = self._owners.within(leaf.frames)
        self._judge_target(space, leaf, owners)
        self._changes.appeared(space.root.pdb, space.name, leaf.vfns)
        if space.keeps_account:
            takers = space.takers(leaf.vfns)
            self._judge_takers(space, leaf.vfns, takers)
            self._judge_owners(space, leaf, owners, takers)

    def leaf_gone(self, leaf: Leaf, entries: range) -> None:
        """Leaf entries are valid no more."""
        space, vfns = self.spaces[leaf.node.root.pdb], leaf.node.vfns(entries)
        ahead = vfns.start - leaf.vfns.start
        frames = leaf.frames[ahead : ahead + len(vfns)]
        self._changes.gone(space.root.pdb, space.name, vfns, frames)
        self._judge_lost(space, vfns, "takes", "out")

    def leaf_replaced(self, leaf: Leaf, entries: range) -> None:
        """Leaf entries lead elsewhere."""
        space, vfns = self.spaces[leaf.node.root.pdb], leaf.node.vfns(entries)
        if not self._judge_lost(space, vfns, "replaces", ""):
            self._changes.replaced(space.name, vfns.start)

    # Judgement

    def _judge_size(self, user: AddressSpace, size: int) -> None:
        pdb, aperture = self._bar1
        if user.pdb == pdb and size > aperture:
            said = f"hands out {size:#x} bytes of addresses in {user.name}; the aperture of BAR1 has {aperture:#x}"
            self._teller.tell("NOVA315", said, user.name)

    def _judge_target(self, space: Space, leaf: Leaf, owners: list[Piece[str]]) -> None:
        place = leaf.frames.start
        for piece in owners:
            if piece.start > place:
                break
            place = piece.stop
        if place < leaf.frames.stop:
            at = leaf.vfns.start + place - leaf.frames.start
            self._teller.tell(
                "NOVA301",
                f"the entry of {at << PAGE_SHIFT:#x} of {space.name} maps {self._frames.describe(place)}",
                space.name,
                "leaf",
            )

    def _judge_owners(self, space: Space, leaf: Leaf, owners: list[Piece[str]], takers: list[Piece[str]]) -> None:
        """A leaf is for the owner that its execute names; afterwards for the same, else for who took the address."""
        for piece in owners:
            known = self._calls.mapping_for(), *(each.value for each in (*space.live.within(leaf.vfns), *takers))
            whose = next(filter(None, known), piece.value)
            if whose not in (piece.value, FIRMWARE):
                at = leaf.vfns.start + piece.start - leaf.frames.start
                said = f"maps frame {piece.start:#x} of {piece.value} at {at << PAGE_SHIFT:#x} of {space.name}"
                self._teller.tell("NOVA313", f"{said}, for {whose}", space.name)
                return

    def _judge_lost(self, space: Space, vfns: range, did: str, how: str) -> bool:
        lost = False
        for book in (space.live, space.found):
            for piece in book.within(vfns):
                said = f"{did} the entry of {piece.start << PAGE_SHIFT:#x} of {space.name} {how}".rstrip()
                self._teller.tell("NOVA312", f"{said}, which {piece.value} has mapped", space.name, did)
                book.cut(range(piece.start, piece.stop))
                lost = True
        return lost

    def _judge_takers(self, space: Space, vfns: range, takers: list[Piece[str]]) -> None:
        place = vfns.start
        end = Piece(vfns.stop, vfns.stop, "")
        for piece in (*takers, end):
            if piece.start != place:
                what = "is valid for two mappings" if piece.start < place else "is valid and belongs to no mapping"
                at = min(piece.start, place) << PAGE_SHIFT
                self._teller.tell("NOVA302", f"the entry of {at:#x} of {space.name} {what}", space.name, what)
                return
            place = piece.stop

    def _judge_close(self, space: Space) -> None:
        for leaf in space.root.leaves_in(ALL_VFNS):
            if space.found.gap(leaf.vfns) is not None:
                at = leaf.vfns.start << PAGE_SHIFT
                self._teller.tell("NOVA302", f"closes {space.name}; the entry of {at:#x} is still valid", space.name)

    def _judge_guard(self, space: Space, address: int) -> None:
        guards = [user.guard for user in space.users if user.guard]
        if not guards or any(self._teller.holds_instance(guard) for guard in guards):
            return
        self._teller.tell(
            "NOVA306",
            f"writes a page table of {space.name} at {address:#x} without holding {guards[0]}",
            space.name,
            locks=(guards[0],),
        )

    def _table_freed(self, node: Node) -> None:
        space = self.spaces[node.root.pdb]
        slot = node.table.slot
        pointer = "it is the root of" if slot is None else f"the directory entry at {slot:#x} points to it in"
        said = f"frees the table page {node.table.address:#x}, and {pointer} {space.name}"
        self._teller.tell("NOVA301", said, space.name, "table")
        if node.alive:
            self.shadow.drop(node)

    def _target_freed(self, leaf: Leaf, run: range) -> None:
        space = self.spaces[leaf.node.root.pdb]
        frame = max(leaf.frames.start, run.start)
        at = leaf.vfns.start + frame - leaf.frames.start
        said = f"frees frame {frame:#x}, and the entry of {at << PAGE_SHIFT:#x} of {space.name} maps it"
        self._teller.tell("NOVA301", said, space.name, "leaf")
