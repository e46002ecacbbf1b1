"""The sanitizer's questions asked of a device at rest, from scratch, with the hardware's own walker.

The sanitizer judges each change as it happens and trusts its books. This trusts nothing but the tables in memory, the
TLB, and what the allocators say is free, so that the two can be held against each other. Ask while nobody works on the
device: in the middle of an execute some of it is not in order, and need not be.
"""

from collections.abc import Iterator

from nova_async.address import PAGE_SHIFT
from nova_async.checks.runs import Runs
from nova_async.findings import Finding, Severity
from nova_async.hw.board import Board
from nova_async.hw.mmu import Aperture
from nova_async.hw.mmu.access import MmuFault
from nova_async.hw.mmu.walker import resolve
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import GpuBuddy
from nova_async.mm.observer import AddressSpace

END = 1 << 52
"""Behind the last frame that 64 bits can name."""


async def audit(gpu: Gpu) -> list[Finding]:
    """Walk every open address space and the TLB of a device at rest.

    Returns:
        NOVA301 for entries that point to free pages or to no memory, NOVA302 for leaves at addresses that nobody has
        taken, NOVA303 for translations in the TLB that the tables do not confirm or that lead to free pages. At most
        one of a kind for each address space.
    """
    free = await _free_frames(gpu.mm.buddy)
    free.put(range(gpu.board.vram.size >> PAGE_SHIFT, END), "not there")
    findings: list[Finding] = []
    for vmm in gpu.address_spaces:
        if vmm.space is not None:
            findings += _pointers(gpu.board, vmm.space, free)
            findings += await _orphans(gpu.board, vmm.space)
    findings += _stale(gpu.board, free)
    return list({finding.key: finding for finding in reversed(findings)}.values())[::-1]


async def _free_frames(buddy: GpuBuddy) -> Runs[str]:
    free: Runs[str] = Runs()
    for address, size in await buddy.free_runs():
        free.put(range(address >> PAGE_SHIFT, address + size >> PAGE_SHIFT), "free")
    return free


def _pointers(board: Board, space: AddressSpace, free: Runs[str]) -> Iterator[Finding]:
    for table in board.mmu.tables(space.pdb):
        if table.aperture is Aperture.VIDEO and (what := _state(free, table.address)):
            yield _found("NOVA301", f"{space.name}: the table at {table.address:#x} is {what}", space.name, "table")
    for leaf in board.mmu.leaves(space.pdb):
        if leaf.aperture is Aperture.VIDEO and (what := _state(free, leaf.address, leaf.size)):
            said = f"{space.name}: {leaf.va:#x} maps {leaf.address:#x}, which is {what}"
            yield _found("NOVA301", said, space.name, "leaf")


async def _orphans(board: Board, space: AddressSpace) -> list[Finding]:
    if space.va is None:
        return []
    free = await _free_frames(space.va)
    free.put(range(space.va.size >> PAGE_SHIFT, END), "beyond what is handed out")
    return [
        _found("NOVA302", f"{space.name}: {leaf.va:#x} is mapped, and nobody has taken that address", space.name)
        for leaf in board.mmu.leaves(space.pdb)
        if _state(free, leaf.va, leaf.size)
    ]


def _stale(board: Board, free: Runs[str]) -> Iterator[Finding]:
    for pdb in board.tlb.pdbs:
        for cached in board.tlb.cached(pdb):
            try:
                right = resolve(board.vram, pdb, board.mmu.format, cached.va) == cached
            except MmuFault:
                right = False
            if not right or (not cached.sparse and _state(free, cached.address, cached.size)):
                said = f"the TLB has {cached.va:#x} of the address space at {pdb:#x}, leading to {cached.address:#x}"
                yield _found("NOVA303", said, f"{pdb:#x}", severity=Severity.POSSIBLE)


def _state(free: Runs[str], address: int, size: int = 1) -> str:
    """What is wrong with memory or addresses: the first of ``free`` in it; empty if nothing is."""
    pieces = free.within(range(address >> PAGE_SHIFT, (address + size - 1 >> PAGE_SHIFT) + 1))
    return pieces[0].value if pieces else ""


def _found(code: str, message: str, *key: str, severity: Severity = Severity.PROVED) -> Finding:
    return Finding(code, severity, message, key=("audit", code, *key), advice="the sanitizer names who did it")
