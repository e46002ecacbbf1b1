"""Any sequence of map and unmap agrees with a plain dictionary, on both page-table formats (hypothesis).

The hardware walker, which shares no code with the driver's encoder, and ``read_mapping`` are asked for every page.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_async.address import GIB, MIB, PAGE_SIZE, Pfn, Vfn, VramAddress
from nova_async.checks import close_accounts
from nova_async.errors import ENOSPC
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset, MmuVersion
from nova_async.hw.mmu.decode import decode_dual, decode_pde, decode_pte
from nova_async.hw.mmu.formats import Aperture, format_of
from nova_async.kernel import Kernel
from nova_async.lockdep import Validator
from nova_async.lockdep.aio import AsyncioTasks
from nova_async.mm import Gpu, MappedRange, PreparedMapping, Vmm
from nova_async.mm.buddy import BuddyFlags
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.pagetable import FORMATS
from nova_async.point import running_under
from nova_async.runtime import Live

VA_SIZE = 2 * GIB
VA_PAGES = VA_SIZE // PAGE_SIZE
DATA_PAGES = 1200
CHIPS = {"V2": "GA102", "V3": "GH100"}

quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Map:
    """Prepare a mapping: at a virtual frame, or anywhere."""

    pages: int
    vfn: int | None
    frame: int
    writable: bool


@dataclass(frozen=True)
class Execute:
    """One of the pending mappings."""

    which: int


@dataclass(frozen=True)
class Abort:
    """One of the pending mappings."""

    which: int


@dataclass(frozen=True)
class Unmap:
    """One of the live ranges."""

    which: int


Step = Map | Execute | Abort | Unmap

pages = st.one_of(st.integers(1, 9), st.sampled_from([511, 512, 513, 1100]))
# Around the borders of tables and of the tables above them, and anywhere.
places = st.one_of(
    st.none(),
    st.builds(lambda table, near: max(0, table * 512 + near), st.integers(0, VA_PAGES // 512 - 4), st.integers(-9, 9)),
    st.builds(lambda near: VA_PAGES // 4 + near, st.integers(-600, 9)),
)
choice = st.integers(0, 7)


def sequences(where: st.SearchStrategy[int | None]) -> st.SearchStrategy[list[Step]]:
    maps: st.SearchStrategy[Step] = st.builds(Map, pages, where, st.integers(0, DATA_PAGES - 1), st.booleans())
    executes: st.SearchStrategy[Step] = st.builds(Execute, choice)
    undoes: st.SearchStrategy[Step] = st.builds(Abort, choice) | st.builds(Unmap, choice)
    kinds = st.sampled_from([maps, maps, maps, executes, executes, undoes])  # one_of would weigh them alike
    return st.lists(kinds.flatmap(lambda kind: kind), min_size=8, max_size=24)


@dataclass
class Client:
    """An address space, what it should hold, and the mappings on their way."""

    gpu: Gpu
    vmm: Vmm
    data: AllocatedBlocks
    pending: list[tuple[PreparedMapping, Map]] = field(default_factory=list)
    live: list[MappedRange] = field(default_factory=list)
    expected: dict[int, tuple[int, bool]] = field(default_factory=dict)

    async def do(self, step: Step) -> None:
        """One step; a choice among nothing is nothing."""
        if isinstance(step, Map):
            await self._prepare(step)
        elif isinstance(step, Execute) and self.pending:
            await self._execute(*self.pending.pop(step.which % len(self.pending)))
        elif isinstance(step, Abort) and self.pending:
            await self.vmm.abort(self.pending.pop(step.which % len(self.pending))[0])
        elif isinstance(step, Unmap) and self.live:
            await self._unmap(self.live.pop(step.which % len(self.live)))

    async def undo_all(self) -> None:
        """Abort and unmap what is left."""
        while self.pending:
            await self.do(Abort(0))
        while self.live:
            await self.do(Unmap(0))

    async def check(self) -> None:
        """Hardware and driver see what the dictionary says, page by page, and nothing else."""
        found = self.gpu.board.mmu.leaves(self.vmm.pdb_addr)
        by_hardware = {leaf.va // PAGE_SIZE: (leaf.address // PAGE_SIZE, not leaf.read_only) for leaf in found}
        assert by_hardware == self.expected
        for vfn, (frame, _) in self.expected.items():
            assert await self.vmm.read_mapping(Vfn(vfn)) == frame
        for vfn in {near for at in self.expected for near in (at - 1, at + 1)} - self.expected.keys() - {-1}:
            assert await self.vmm.read_mapping(Vfn(vfn)) is None

    async def _prepare(self, wanted: Map) -> None:
        va_range = None
        if wanted.vfn is not None:
            va_range = range(wanted.vfn * PAGE_SIZE, (wanted.vfn + wanted.pages) * PAGE_SIZE)
        try:
            prepared = await self.vmm.prepare_map(wanted.pages, va_range)
        except ENOSPC:
            assert self._is_taken(wanted)
            return
        if wanted.vfn is not None:
            assert prepared.vfn_start == wanted.vfn
        self.pending.append((prepared, wanted))

    def _is_taken(self, wanted: Map) -> bool:
        taken = [prepared.frames for prepared, _ in self.pending] + [mapped.frames for mapped in self.live]
        if wanted.vfn is None:
            return False  # 2 GiB cannot be full
        stop = wanted.vfn + wanted.pages
        return any(frames.start < stop and wanted.vfn < frames.stop for frames in taken)

    async def _execute(self, prepared: PreparedMapping, wanted: Map) -> None:
        first = self.data.address // PAGE_SIZE
        pfns = [Pfn(first + (wanted.frame + page) % DATA_PAGES) for page in range(wanted.pages)]
        mapped = await self.vmm.execute_map(prepared, pfns, writable=wanted.writable)
        self.live.append(mapped)
        for vfn, pfn in zip(mapped.frames, pfns, strict=True):
            self.expected[vfn] = (pfn, wanted.writable)

    async def _unmap(self, mapped: MappedRange) -> None:
        await self.vmm.unmap_pages(mapped)
        for vfn in mapped.frames:
            del self.expected[vfn]


def boot(chip: str) -> Gpu:
    kernel = Kernel(Validator(AsyncioTasks()))
    return Gpu.probe(kernel, Board(Chipset.named(chip), vram=16 * MIB, bar1=MIB))


async def in_an_address_space(chip: str, work: Callable[[Client], Awaitable[None]]) -> None:
    """Let ``work`` use an address space, then undo it all: everything must be back."""
    gpu = boot(chip)
    data = await gpu.mm.alloc_vram(DATA_PAGES * PAGE_SIZE, owner="client", flags=BuddyFlags.CONTIGUOUS)
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="client")
    client = Client(gpu, gpu.vmm(VramAddress(root.address), VA_SIZE, name="vm", owner="client"), data)
    await work(client)
    await client.check()
    await client.undo_all()
    await client.check()
    await client.vmm.close()
    assert len(list(gpu.board.mmu.tables(root.address))) == 1
    await gpu.mm.deferred.drain()
    assert gpu.mm.owners.by_owner() == {"client": DATA_PAGES + 1}
    gpu.mm.free_vram(data)
    gpu.mm.free_vram(root)
    assert await close_accounts(gpu) == []
    assert gpu.kernel.lockdep.findings == []


@pytest.mark.parametrize("chip", CHIPS.values(), ids=CHIPS)
@given(sequence=sequences(places))
@quick
def test_any_sequence_of_prepare_execute_abort_and_unmap_agrees_with_a_dictionary(
    chip: str, sequence: list[Step]
) -> None:
    async def work(client: Client) -> None:
        for step in sequence:
            await client.do(step)

    anyio.run(in_an_address_space, chip, work)


@pytest.mark.parametrize("chip", CHIPS.values(), ids=CHIPS)
@given(each=st.lists(sequences(st.none()), min_size=2, max_size=4), seed=st.integers(0, 2**32))
@settings(quick, max_examples=12)
def test_tasks_that_share_an_address_space_agree_with_one_too(chip: str, each: list[list[Step]], seed: int) -> None:
    async def work(client: Client) -> None:
        async with anyio.create_task_group() as group:
            for sequence in each:
                group.start_soon(one_task, client, sequence)

    async def one_task(client: Client, sequence: list[Step]) -> None:
        mine = Client(client.gpu, client.vmm, client.data, expected=client.expected)
        for step in sequence:
            await mine.do(step)
        client.pending += mine.pending
        client.live += mine.live

    with running_under(Live(seed, preemption=0.3)):
        anyio.run(in_an_address_space, chip, work)


@pytest.mark.parametrize("version", [MmuVersion.V2, MmuVersion.V3])
@given(bits=st.integers(0, (1 << 40) - 1), writable=st.booleans())
def test_what_the_driver_encodes_the_hardware_decodes(version: MmuVersion, bits: int, writable: bool) -> None:
    entries, layout = FORMATS[version], format_of(version)
    frame = Pfn(bits & ((1 << entries.frame_bits) - 1))
    leaf = decode_pte(layout.pte, entries.pte(frame, writable=writable))
    assert leaf.address == frame.address()
    assert (leaf.flags.valid, leaf.flags.read_only) == (True, not writable)
    assert leaf.flags.aperture is Aperture.VIDEO
    # nova's V3 leaves refuse atomics, its V2 leaves do not (hardware.md 2.5).
    refuses_atomics = version is MmuVersion.V3
    assert (leaf.flags.privileged, leaf.flags.kind, leaf.flags.atomic_disable) == (False, 0, refuses_atomics)
    for pointer in (
        decode_pde(layout.pde, entries.pde(frame)),
        decode_dual(layout, 0, entries.pde(frame)).small,
    ):
        assert (pointer.aperture, pointer.address) == (Aperture.VIDEO, frame.address())
    assert not decode_dual(layout, 0, entries.pde(frame)).big.present


@pytest.mark.parametrize("version", [MmuVersion.V2, MmuVersion.V3])
@given(first=st.integers(0, 1 << 20), count=st.integers(1, 600), writable=st.booleans())
def test_a_run_of_entries_is_the_entries_one_by_one(
    version: MmuVersion, first: int, count: int, writable: bool
) -> None:
    entries = FORMATS[version]
    run = entries.pte_run(first, count, writable=writable)
    assert list(run) == [entries.pte(first + page, writable=writable) for page in range(count)]
