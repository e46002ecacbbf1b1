"""NOVA304, NOVA306 and NOVA308: the window and the invalidate registers, misused on purpose."""

from typing import Any

import anyio
import pytest

from nova_async.address import KIB, MIB, VramAddress
from nova_async.errors import ETIMEDOUT
from nova_async.findings import Severity
from nova_async.hw import registers
from nova_async.kernel import Kernel
from nova_async.lockdep import NullValidator
from nova_async.mm.lock_order import TLB
from nova_async.mm.pramin import PRAMIN_BASE, Pramin
from nova_async.mm.published import Vmm as PublishedVmm

AREA, FAR = 0, 8 * MIB - 64 * KIB
"""Both in memory that firmware keeps."""
TRIGGER = registers.INVALIDATE_TRIGGER.put(1) | registers.INVALIDATE_ALL_VA.put(1)


def move_window(watched: Any, base: int) -> None:
    window = watched.gpu.chipset.window
    watched.gpu.board.bar0.write32(window.offset, base >> 16)


# NOVA304


async def test_a_window_moved_behind_its_accessor_is_304(watched: Any) -> None:
    async with watched.gpu.mm.pramin.window() as window:
        window.try_read64(AREA)
        move_window(watched, 4 * MIB)
        window.try_read64(AREA + 8)
    assert watched.codes == ["NOVA304"]
    assert "has moved it to 0x400000" in watched.said


async def test_a_second_pramin_on_one_bar_is_304(watched: Any, kernel: Kernel) -> None:
    # hazards.md b: the lock and the cached base are of one object, the register is everybody's.
    first = watched.gpu.mm.pramin
    second = Pramin(kernel, first.bar0, first.register, first.vram_region, watched.gpu.mm.observers)
    async with first.window() as window:
        window.try_write32(AREA, 0x11111111)
    async with second.window() as window:
        window.try_write32(FAR, 0x22222222)
    assert watched.codes == []
    async with first.window() as window:
        assert window.try_read32(AREA) == 0x22222222
    assert watched.codes == ["NOVA304"]


async def test_a_window_on_another_memory_is_304(watched: Any) -> None:
    target = watched.gpu.chipset.window.target
    if target is None:
        return  # no such field on this chip: always video memory
    async with watched.gpu.mm.pramin.window() as window:
        window.try_read64(0)
        watched.gpu.board.bar0.write32(watched.gpu.chipset.window.offset, target.put(2))
        window.try_read64(8)
    assert watched.codes == ["NOVA304"]


async def test_the_window_of_another_device_is_not_this_ones(watched: Any) -> None:
    class OtherBar:
        pass

    watched.sanitizer.window_used(OtherBar(), 4 * MIB)
    assert watched.codes == []


# NOVA306


async def test_a_window_moved_without_the_lock_is_306(watched: Any) -> None:
    move_window(watched, AREA)
    assert watched.codes == ["NOVA306"]
    assert "moves the window without holding pramin" in watched.said


async def test_an_access_through_the_aperture_without_the_lock_is_306(watched: Any) -> None:
    watched.gpu.board.bar0.read32(PRAMIN_BASE)
    assert watched.codes == ["NOVA306"]


async def test_another_task_with_the_lock_does_not_count(watched: Any) -> None:
    async def trespass() -> None:
        watched.gpu.board.bar0.read32(PRAMIN_BASE)

    async with watched.gpu.mm.pramin.window(), anyio.create_task_group() as tasks:
        tasks.start_soon(trespass, name="trespasser")
    assert watched.codes == ["NOVA306"]
    assert "trespasser: accesses" in watched.said


async def test_an_invalidate_register_written_without_the_lock_is_306(watched: Any) -> None:
    watched.gpu.board.bar0.write32(registers.INVALIDATE_PDB, 0)
    assert watched.codes == ["NOVA306"]


async def test_other_registers_need_no_lock(watched: Any) -> None:
    watched.gpu.board.bar0.write32(registers.PBUS_BAR2_BLOCK, 1)
    assert watched.codes == []


async def test_without_a_lock_validator_nobody_knows_who_holds_what(watched: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(watched.gpu.kernel.lockdep, "enabled", NullValidator.enabled)
    watched.gpu.board.bar0.read32(PRAMIN_BASE)
    move_window(watched, AREA)
    watched.gpu.board.bar0.write32(registers.INVALIDATE_PDB, 0)
    assert watched.codes == []


# NOVA308


async def test_flushes_one_after_the_other_are_in_order(watched: Any) -> None:
    for pdb in (0x1000, 0x2000):
        await watched.gpu.mm.tlb.flush(pdb)
    assert watched.codes == []


async def test_a_pdb_written_by_another_task_before_the_trigger_is_308(watched: Any, kernel: Kernel) -> None:
    # hazards.md j. Each holds a lock of the right class, of which there should be one.
    bar0 = watched.gpu.board.bar0
    written = anyio.Event()

    async def intrude() -> None:
        async with kernel.mutex(TLB, None, instance="another tlb").lock():
            bar0.write32(registers.INVALIDATE_PDB, 0x2000 >> 8)
        written.set()

    async def flush() -> None:
        async with kernel.mutex(TLB, None).lock():
            bar0.write32(registers.INVALIDATE_PDB, 0x1000 >> 8)
            bar0.write32(registers.INVALIDATE_UPPER_PDB, 0)
            tasks.start_soon(intrude, name="intruder")
            await written.wait()
            bar0.write32(registers.INVALIDATE, TRIGGER)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flush, name="flusher")
    assert watched.codes == ["NOVA308"]
    assert "flusher: triggers an invalidate of the address space that intruder named in PDB_LO" in watched.said


async def test_a_pdb_written_while_an_invalidate_is_in_flight_is_308(watched: Any, kernel: Kernel) -> None:
    bar0 = watched.gpu.board.bar0
    async with kernel.mutex(TLB, None).lock():
        bar0.write32(registers.INVALIDATE, TRIGGER)
        bar0.write32(registers.INVALIDATE_UPPER_PDB, 0)
    assert watched.codes == ["NOVA308"]
    assert "writes PDB_HI while the invalidate of" in watched.said


async def test_a_trigger_while_a_stuck_invalidate_is_in_flight_is_308(watched: Any, kernel: Kernel) -> None:
    board = watched.gpu.board
    board.invalidate.stuck = True
    async with kernel.mutex(TLB, None).lock():
        board.bar0.write32(registers.INVALIDATE, TRIGGER)
        board.clock.advance(10 * board.costs.invalidate_ns)
        board.bar0.write32(registers.INVALIDATE, TRIGGER)
    assert watched.codes == ["NOVA308"]


async def test_a_unit_that_gets_stuck_when_idle_is_idle(watched: Any) -> None:
    await watched.gpu.mm.tlb.flush(0x1000)
    watched.gpu.board.invalidate.stuck = True
    with pytest.raises(ETIMEDOUT):
        await watched.gpu.mm.tlb.flush(0x2000)
    watched.gpu.board.invalidate.stuck = False
    await watched.gpu.mm.tlb.flush(0x2000)
    assert watched.codes == []


async def test_an_invalidate_of_everybody_needs_no_pdb(watched: Any, kernel: Kernel) -> None:
    bar0 = watched.gpu.board.bar0

    async def name_a_pdb() -> None:
        async with kernel.mutex(TLB, None).lock():
            bar0.write32(registers.INVALIDATE_PDB, 0x2000 >> 8)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(name_a_pdb)
    async with kernel.mutex(TLB, None).lock():
        bar0.write32(registers.INVALIDATE, TRIGGER | registers.INVALIDATE_ALL_PDB.put(1))
    assert watched.codes == []


# NOVA314


@pytest.mark.parametrize(("words", "codes"), [(900, []), (1100, ["NOVA314"])])
async def test_a_window_held_for_more_than_a_millisecond_is_314(watched: Any, words: int, codes: list[str]) -> None:
    async with watched.gpu.mm.pramin.window() as window:
        window.read_run(0, words)
    assert watched.codes == codes
    assert [finding.severity for finding in watched.gpu.kernel.lockdep.findings] == [Severity.POSSIBLE] * len(codes)


async def test_in_the_signalling_path_it_is_proved(watched: Any) -> None:
    with watched.gpu.kernel.lockdep.signalling():
        async with watched.gpu.mm.pramin.window() as window:
            window.read_run(0, 1100)
    (finding,) = watched.gpu.kernel.lockdep.findings
    assert (finding.code, finding.severity) == ("NOVA314", Severity.PROVED)
    assert "keeps the window for 11" in finding.message


async def test_holds_are_not_added_up(watched: Any) -> None:
    for _ in range(3):
        async with watched.gpu.mm.pramin.window() as window:
            window.read_run(0, 900)
    assert watched.codes == []


async def test_our_own_work_stays_below_the_bound_whatever_its_size(watched: Any) -> None:
    vmm = watched.gpu.vmm(VramAddress((await watched.buffer()).address), 1 << 30, name="space", owner="me")
    buffer = await watched.buffer(pages=1500)
    await vmm.unmap_pages(await vmm.map_pages(watched.frames(buffer), writable=True))
    await watched.free(buffer)
    assert watched.codes == []


# NOVA315


async def test_an_address_space_of_bar1_beyond_its_aperture_is_315(watched: Any) -> None:
    gpu = watched.gpu
    for size, codes in ((gpu.board.bar1.size, []), (2 * gpu.board.bar1.size, ["NOVA315"])):
        PublishedVmm(gpu.mm, gpu.bar_user.vmm.pdb_addr, gpu.chipset.mmu_version, size, name="again", owner="me")
        assert watched.codes == codes


async def test_another_root_may_have_any_size(watched: Any) -> None:
    root = VramAddress((await watched.buffer()).address)
    watched.gpu.vmm(root, 1 << 40, name="space", owner="me")
    assert watched.codes == []
