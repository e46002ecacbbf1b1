"""NOVA309 and NOVA312: what each operation leaves behind, whether it went well or not."""

from collections.abc import Mapping, Sequence

from nova_async.address import PAGE_SHIFT
from nova_async.checks.calls import Calls, Running
from nova_async.checks.page_tables import Node
from nova_async.checks.promises import PromiseRules
from nova_async.checks.tables import Space, TableRules
from nova_async.checks.telling import Teller
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.observer import Call, Promised, TablePage
from nova_async.point import naming, share


class RollbackRules:
    """Judges every operation on an address space at its end.

    Args:
        tables: knows the address spaces.
        promises: knows what other mappings need.
        calls: knows what each operation did.
        teller: words what is found.
    """

    def __init__(self, tables: TableRules, promises: PromiseRules, calls: Calls, teller: Teller) -> None:
        self._tables = tables
        self._promises = promises
        self._calls = calls
        self._teller = teller
        # Tables that failed executes of a mapping have linked, and not yet taken out, by its addresses.
        self._linked: dict[AllocatedBlocks, dict[Node, bool]] = {}

    def begins(self, call: Call) -> None:
        """An operation begins."""
        self._calls.begin(call)
        space = self._space(call)
        if space is None or call.mapping is None:
            return
        if running := self._calls.of_task():
            running.linked |= dict.fromkeys(self._linked.pop(call.mapping.va, ()), False)
        if call.name == "execute_map":
            self._promises.check(space, call.mapping)
        elif call.name == "unmap_pages":
            space.live.cut(call.mapping.frames)

    def ends(self, call: Call, *, failed: bool) -> None:
        """It is over."""
        running = self._calls.end(call)
        space = self._space(call)
        if space is None:
            return
        if call.name == "prepare_map":
            self._prepared(space, running, failed=failed)
        elif call.mapping is not None:
            self._mapping_ends(space, running, call.mapping, failed=failed)
            self._share(call.mapping, self._linked.get(call.mapping.va, {}))

    def window_released(self) -> None:
        """The running task may have looked who needs the tables that it has linked, and have left some for others.

        When it comes to say that it is done, they may need them no more; but then it has done right all the same.
        """
        running = self._calls.of_task()
        if running is None or not running.linked:
            return
        for node in running.linked:
            needed = not running.linking and self._users(_frame(node)) > 1
            running.linked[node] = needed or (running.linked[node] and not running.linking)
        running.linking = False
        if running.call.mapping is not None:
            self._share(running.call.mapping, running.linked)

    def _share(self, mapping: Promised, linked: Mapping[Node, bool]) -> None:
        """What is found depends on this, so it tells states apart."""
        if naming() is not None:
            name = " ".join(map(str, mapping.va.name))
            share(f"linked for {name}", tuple(linked.values()) or None)

    def _mapping_ends(self, space: Space, running: Running, mapping: Promised, *, failed: bool) -> None:
        match running.call.name, failed:
            case "execute_map", False:
                self._executed(space, running.call, mapping)
            case "execute_map", True:
                self._execute_failed(space, running, mapping)
            case "abort", False:
                self._promises.ended(mapping)
                self._aborted(space, running, mapping)
            case "abort", True:
                self._linked[mapping.va] = running.linked
            case "unmap_pages", False:
                self._promises.ended(mapping)
            case "unmap_pages", True:
                self._must_hold(space, running.call, mapping)

    def _prepared(self, space: Space, running: Running, *, failed: bool) -> None:
        made = running.call.mapping
        kept = set(running.call.withdrawn)
        if not failed and made is not None:
            self._promises.made(space, made)
            kept |= {made.va, *(page.alloc for page in made.tables)}
        for blocks in running.taken:
            if _is_kept(blocks) and blocks not in kept:
                self._say(space, f"{_did(running.call)} and keeps {_where(blocks)}, which nobody needs", "kept")
                return

    def _users(self, frame: int) -> int:
        """How many mappings need the table in this frame, also those that a prepare is only looking for."""
        claims = (page.alloc.address for other in self._calls.of_others() for page in _claims(other.call))
        return self._promises.users(frame) + sum(address >> PAGE_SHIFT == frame for address in claims)

    def _executed(self, space: Space, call: Call, mapping: Promised) -> None:
        place = mapping.frames.start
        for leaf in sorted((leaf.vfns.start, leaf.vfns.stop) for leaf in space.root.leaves_in(mapping.frames)):
            if leaf[0] > place:
                break
            place = max(place, leaf[1])
        if place < mapping.frames.stop:
            said = f"says that {place << PAGE_SHIFT:#x} of {space.name} is mapped, and no entry is reached there"
            self._teller.tell("NOVA312", said, space.name, "not there")
            return
        space.live.put(mapping.frames, call.owner)

    def _execute_failed(self, space: Space, running: Running, mapping: Promised) -> None:
        self._must_hold(space, running.call, mapping)
        if mapping.half_done:
            self._linked[mapping.va] = running.linked
            return
        self._judge_leaves(space, running.call, mapping)
        # What others need by now is theirs: it may stay, idle, when they and this mapping are gone.
        self._judge_linked(space, running, own=1)

    def _aborted(self, space: Space, running: Running, mapping: Promised) -> None:
        self._judge_leaves(space, running.call, mapping)
        self._judge_linked(space, running, own=0)
        lost = [mapping.va] if _is_kept(mapping.va) else []
        linked = {node.table.address for page in mapping.tables for node in self._nodes_at(page.alloc)}
        for page in mapping.tables:
            needed = self._users(page.alloc.address >> PAGE_SHIFT)
            if not needed and page.alloc.address not in linked and _is_kept(page.alloc):
                lost.append(page.alloc)
        for blocks in lost[:1]:
            self._say(space, f"{_did(running.call)} and keeps {_where(blocks)}, which nobody needs", "kept")

    def _nodes_at(self, page: AllocatedBlocks) -> list[Node]:
        frame = page.address >> PAGE_SHIFT
        return self._tables.shadow.tables_in(range(frame, frame + 1))

    def _judge_leaves(self, space: Space, call: Call, mapping: Promised) -> None:
        for leaf in space.root.leaves_in(mapping.frames):
            at = max(leaf.vfns.start, mapping.frames.start) << PAGE_SHIFT
            self._say(space, f"{_did(call)} and leaves the entry of {at:#x} of {space.name} valid", call.name)
            return

    def _judge_linked(self, space: Space, running: Running, *, own: int) -> None:
        """What this mapping has linked may stay only where others have come to need it."""
        for node, was_needed in running.linked.items():
            has_others_below = any(child.alive for children in node.children.values() for child in children)
            if node.alive and not was_needed and self._users(_frame(node)) <= own and not has_others_below:
                said = f"leaves the table {node.table.address:#x} of {space.name} linked, which nobody else needs"
                self._say(space, f"{_did(running.call)} and {said}", running.call.name)
                return

    def _must_hold(self, space: Space, call: Call, mapping: Promised) -> None:
        for blocks in (mapping.va, *(page.alloc for page in mapping.tables)):
            if not _is_kept(blocks):
                self._say(
                    space, f"{_did(call)} and gives {_where(blocks)} back, which the mapping still needs", call.name
                )
                return

    def _say(self, space: Space, message: str, *key: str) -> None:
        self._teller.tell("NOVA309", message, space.name, *key)

    def _space(self, call: Call) -> Space | None:
        return self._tables.spaces.get(call.space.pdb) if call.space is not None else None


def _frame(node: Node) -> int:
    return node.table.address >> PAGE_SHIFT


def _claims(call: Call) -> Sequence[TablePage]:
    return call.claimed if call.name == "prepare_map" else ()


def _did(call: Call) -> str:
    return "aborts a mapping" if call.name == "abort" else f"fails in {call.name}"


def _where(blocks: AllocatedBlocks) -> str:
    return f"{blocks.size:#x} bytes of {blocks.buddy.name} at {blocks.address:#x}"


def _is_kept(blocks: AllocatedBlocks) -> bool:
    return blocks.live and not blocks.given_back
