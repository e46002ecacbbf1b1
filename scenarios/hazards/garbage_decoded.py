"""Words that the bus makes up."""

from collections.abc import Iterator
from contextlib import contextmanager

from nova_async.address import PAGE_SIZE
from nova_async.clients.address_space import address_space
from nova_async.clients.caller import mapping, one_caller
from nova_async.clients.forcing import buffer, engine_reads, fails_with, pages_at, touch
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EIO
from nova_async.hw.registers import PRAMIN_BASE
from nova_async.mm import Gpu
from nova_async.scenario import CLEAN, World, scenario


@contextmanager
def one_bad_read(gpu: Gpu) -> Iterator[None]:
    """The next read through the window times out, and returns the word that says so."""
    reads = iter((True,))
    gpu.board.bar0.read_fails = lambda offset, _: offset >= PRAMIN_BASE and next(reads, False)
    try:
        yield
    finally:
        gpu.board.bar0.read_fails = None


@scenario(expect=("NOVA303", "NOVA307", "NOVA309", "NOVA312"))
async def garbage_decoded(world: World) -> None:
    """May a word from the page tables be decoded whatever it is?

    Hazard B15, seeds 001 and 003, COND: if a read fails. The bus answers 0xbad00100, whose aperture bits say that there
    is no table, where there is the topmost one. Prepare makes another, and execute links it over the old one and fails
    (the second read was right). All that was mapped is gone; its user lives on what the TLB remembers.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 2) as frames, PublishedVm(gpu) as vm:
        mapped = await vm.vmm.map_pages(frames[:1], pages_at(0), writable=True)
        touch(gpu, vm.vmm.pdb_addr, 0)
        with one_bad_read(gpu):
            prepared = await vm.vmm.prepare_map(1, pages_at(PAGE_SIZE))
        with fails_with(EIO):
            await vm.vmm.execute_map(prepared, frames[1:], writable=True)
        touch(gpu, vm.vmm.pdb_addr, 0)
        await vm.vmm.unmap_pages(mapped)


@scenario(expect=CLEAN)
@one_caller
async def garbage_decoded_ours(world: World) -> None:
    """Does ours know an answer of the bus from an entry?

    Hazard B15, the same bad read. Where ours has to read, it is EIO and nothing has changed; tables that it made itself
    it does not read.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 2) as frames, address_space(gpu, "vm", pages=64) as vmm:
        with one_bad_read(gpu), fails_with(EIO):
            await vmm.prepare_map(1, pages_at(0))
        async with mapping(vmm, frames[:1], pages_at(0)):
            with one_bad_read(gpu), engine_reads(gpu, vmm.pdb_addr, 0):
                async with mapping(vmm, frames[1:], pages_at(PAGE_SIZE)):
                    pass
