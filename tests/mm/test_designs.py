"""Every lock design maps and unmaps, and the checker says of each what the page says."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.clients import PageMapper, Seat, Tally
from nova_async.clients.address_space import address_space
from nova_async.mm import designs
from nova_async.mm.designs import DESIGNS
from nova_async.scenario import World

FOUND = {
    "one global lock": {"NOVA203"},
    "a lock per Vmm": {"NOVA203"},
    "a lock per page table": set(),
    "ours": set(),
}


@pytest.mark.parametrize("name", DESIGNS)
async def test_a_design_maps_what_it_says_and_has_the_findings_of_its_locks(world: World, name: str) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        async with address_space(gpu, "space", 2048, DESIGNS[name](gpu)) as vmm, world.clients() as crew:
            for number in range(3):
                crew.start(PageMapper(gpu, vmm, number, pages=2 + 600 * (number == 0), rounds=2))
    assert {finding.code for finding in world.findings} == FOUND[name]


@pytest.mark.parametrize("name", DESIGNS)
async def test_a_design_gives_everything_back_whoever_is_killed(world: World, name: str) -> None:
    async with world:
        world.inject(mmio=0.01, tlb=0.02)
        gpu = await world.boot("GA102", vram="16MiB")
        async with address_space(gpu, "space", 256, DESIGNS[name](gpu)) as vmm:
            for delay in range(12):
                async with anyio.create_task_group() as tasks:
                    for number in range(3):
                        tasks.start_soon(_survive, PageMapper(gpu, vmm, number, rounds=2))
                    for _ in range(delay):
                        await checkpoint()
                    tasks.cancel_scope.cancel()
        world.kernel.faults.stop()
    assert {finding.code for finding in world.findings} <= FOUND[name]


async def _survive(mapper: PageMapper) -> None:
    turns = iter([mapper])
    await Seat("seat", lambda: next(turns, None), Tally()).run()


async def test_a_spinlock_around_the_window_is_found(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        async with address_space(gpu, "space", 64, designs.spinlock_per_page_table(gpu)) as vmm:
            await PageMapper(gpu, vmm, 0).run()
    assert {finding.code for finding in world.findings} == {"NOVA205"}


async def test_two_address_spaces_have_one_global_lock_or_two_of_their_own(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        for design, shared in ((designs.one_global_lock, True), (designs.lock_per_vmm, False)):
            make = design(gpu)
            async with address_space(gpu, "a", 64, make) as first, address_space(gpu, "b", 64, make) as second:
                assert isinstance(first, designs.LockedVmm)
                assert isinstance(second, designs.LockedVmm)
                assert (first.whole is second.whole) is shared
    assert world.findings == []
