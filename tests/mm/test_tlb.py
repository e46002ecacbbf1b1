"""hardware.md 3."""

import pytest

from nova_async.errors import ETIMEDOUT
from nova_async.mm import Gpu


async def test_a_flush_waits_for_the_hardware_in_model_time(gpu: Gpu) -> None:
    before = gpu.board.clock.now
    await gpu.mm.tlb.flush(0x1000)
    assert gpu.board.clock.now - before >= gpu.board.costs.invalidate_ns
    assert gpu.board.traffic.flushes == 1


async def test_a_flush_costs_three_writes_and_a_read_at_least(gpu: Gpu) -> None:
    before = gpu.board.traffic.snapshot()
    await gpu.mm.tlb.flush(0x1000)
    spent = gpu.board.traffic.snapshot() - before
    assert spent.writes == 3
    assert spent.reads >= 1


async def test_a_flush_that_never_ends_times_out_after_two_seconds_of_model_time(gpu: Gpu) -> None:
    gpu.board.invalidate.stuck = True
    before = gpu.board.clock.now
    with pytest.raises(ETIMEDOUT, match="0x1000"):
        await gpu.mm.tlb.flush(0x1000)
    assert 2_000_000_000 <= gpu.board.clock.now - before < 2_000_100_000


async def test_after_a_timeout_the_next_flush_waits_for_idle_before_it_writes(gpu: Gpu) -> None:
    gpu.board.invalidate.stuck = True
    with pytest.raises(ETIMEDOUT):
        await gpu.mm.tlb.flush(0x1000)
    before = gpu.board.traffic.snapshot()
    with pytest.raises(ETIMEDOUT):
        await gpu.mm.tlb.flush(0x2000)
    assert (gpu.board.traffic.snapshot() - before).writes == 0


async def test_an_injected_timeout_leaves_the_lock_free(gpu: Gpu) -> None:
    gpu.kernel.faults.start({"tlb": 1.0})
    with pytest.raises(ETIMEDOUT):
        await gpu.mm.tlb.flush(0x1000)
    gpu.kernel.faults.stop()
    await gpu.mm.tlb.flush(0x1000)
