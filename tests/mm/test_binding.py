"""A device that goes away: nothing new begins, what is under way is taken back, and the accounts close."""

from collections.abc import Awaitable, Callable

import pytest

from nova_async.address import PAGE_SIZE, Vfn, VramAddress
from nova_async.clients.vgpu_creator import frames_of
from nova_async.errors import ENODEV
from nova_async.kernel import FaultPlan
from nova_async.mm import Gpu
from nova_async.mm.binding import Binding
from nova_async.mm.mapping import Stage
from nova_async.scenario import World


async def mapped_pages(gpu: Gpu) -> None:
    """Map two pages, unbind, and give everything back in the usual order."""
    mm = gpu.mm
    root = await mm.alloc_vram(PAGE_SIZE, owner="vm")
    buffer = await mm.alloc_vram(2 * PAGE_SIZE, owner="vm")
    vmm = gpu.vmm(VramAddress(root.address), 64 * PAGE_SIZE, name="vm", owner="vm")
    mapped = await vmm.map_pages(frames_of(buffer), writable=True)
    gpu.unbind()
    await vmm.unmap_pages(mapped)
    mm.free_vram(buffer)
    await vmm.close()
    mm.free_vram(root)
    await mm.deferred.drain()


async def prepared_pages(gpu: Gpu) -> None:
    """Prepare, unbind, and find that execute refuses and abort does not."""
    mm = gpu.mm
    root = await mm.alloc_vram(PAGE_SIZE, owner="vm")
    buffer = await mm.alloc_vram(PAGE_SIZE, owner="vm")
    vmm = gpu.vmm(VramAddress(root.address), 64 * PAGE_SIZE, name="vm", owner="vm")
    prepared = await vmm.prepare_map(1)
    gpu.unbind()
    with pytest.raises(ENODEV):
        await vmm.execute_map(prepared, frames_of(buffer), writable=True)
    assert prepared.stage is Stage.PENDING
    await vmm.abort(prepared)
    await vmm.close()
    for blocks in (buffer, root):
        mm.free_vram(blocks)
    await mm.deferred.drain()


async def bar1_access(gpu: Gpu) -> None:
    """A BAR1 mapping cannot be used any more, and can be unmapped."""
    mm = gpu.mm
    buffer = await mm.alloc_vram(PAGE_SIZE, owner="vm")
    access = await gpu.bar_user.map(frames_of(buffer), writable=True, owner="vm")
    gpu.unbind()
    with pytest.raises(ENODEV):
        access.try_read32(0)
    with pytest.raises(ENODEV):
        access.try_write32(1, 0)
    await access.unmap()
    mm.free_vram(buffer)
    await mm.deferred.drain()


@pytest.mark.parametrize("use", [mapped_pages, prepared_pages, bar1_access])
async def test_what_was_taken_before_an_unbind_is_given_back_after_it(
    world: World, use: Callable[[Gpu], Awaitable[None]]
) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="8MiB")
        await use(gpu)
        assert not gpu.board.present
    assert world.findings == []


async def test_after_an_unbind_everything_new_is_enodev(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="8MiB")
        gpu.unbind()
        with pytest.raises(ENODEV):
            await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
        with pytest.raises(ENODEV):
            await gpu.bar_user.vmm.prepare_map(1)
        with pytest.raises(ENODEV):
            await gpu.bar_user.vmm.read_mapping(Vfn(0))
        async with gpu.mm.pramin.window() as window:
            for read in (window.try_read8, window.try_read16, window.try_read32, window.try_read64):
                with pytest.raises(ENODEV):
                    read(0x1000)
            with pytest.raises(ENODEV):
                window.read_run(0x1000, 2)
            window.try_write64(0x1000, 1)
        await gpu.mm.tlb.flush(gpu.board.gsp.bar1_pde_base)
    assert world.findings == []
    assert gpu.board.vram.read(0x1000, 8) == 0


async def test_what_is_lost_on_a_device_that_is_gone_is_found(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="8MiB")
        await gpu.mm.alloc_vram(PAGE_SIZE, owner="careless")
        gpu.unbind()
    assert [finding.code for finding in world.findings] == ["NOVA305"]


def test_an_unbind_happens_once() -> None:
    called: list[str] = []
    binding = Binding(FaultPlan())
    binding.on_unbind += [lambda: called.append("first"), lambda: called.append("second")]
    binding.unbind()
    binding.unbind()
    assert called == ["first", "second"]
    assert not binding.bound


def test_the_fault_plan_can_unbind() -> None:
    faults = FaultPlan({"unbind": 1.0})
    binding = Binding(faults)
    with pytest.raises(ENODEV, match="an allocation"):
        binding.check("an allocation")
    assert faults.injected["unbind"] == 1


def test_a_bound_device_refuses_nothing() -> None:
    Binding(FaultPlan()).check("an allocation")
