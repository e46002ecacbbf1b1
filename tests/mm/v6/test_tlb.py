"""hazards.md (j): three registers, two users, no lock."""

from collections.abc import Awaitable, Callable

import pytest

from nova_async.errors import EINVAL, ENODEV, ETIMEDOUT
from nova_async.hw.listener import Listener
from nova_async.kernel import FaultPlan
from nova_async.mm import Gpu
from nova_async.mm.v6 import Devres, Tlb

InOrder = Callable[..., Awaitable[None]]
PDB_P, PDB_Q = 1 << 40 | 0x10_0000, 2 << 40 | 0x20_0000


class Invalidated(Listener):
    def __init__(self) -> None:
        self.pdbs: list[int | None] = []

    def invalidated(self, pdb: int | None) -> None:
        self.pdbs.append(pdb)


@pytest.fixture
def bar(january: Gpu) -> Devres:
    return Devres(january.board.bar0)


@pytest.fixture
def tlb(january: Gpu, bar: Devres) -> Tlb:
    return Tlb(bar, january.board.clock, FaultPlan())


@pytest.fixture
def invalidated(january: Gpu) -> list[int | None]:
    listener = Invalidated()
    january.board.listeners.append(listener)
    return listener.pdbs


async def test_a_flush_is_three_writes_and_a_poll(january: Gpu, tlb: Tlb, invalidated: list[int | None]) -> None:
    before = january.board.traffic.snapshot()
    await tlb.flush(PDB_P)
    spent = january.board.traffic - before
    assert (spent.writes, spent.flushes) == (3, 1)
    assert spent.reads >= 1
    assert invalidated == [PDB_P]


async def test_two_flushes_in_turn_reach_both_address_spaces(
    tlb: Tlb, invalidated: list[int | None], in_order: InOrder
) -> None:
    await in_order("PPP QQQ", P=lambda: tlb.flush(PDB_P), Q=lambda: tlb.flush(PDB_Q))
    assert invalidated == [PDB_P, PDB_Q]


async def test_the_base_written_between_write_and_trigger_is_flushed_instead(
    tlb: Tlb, invalidated: list[int | None], in_order: InOrder
) -> None:
    await in_order("PP QQ P Q", P=lambda: tlb.flush(PDB_P), Q=lambda: tlb.flush(PDB_Q))
    assert invalidated == [PDB_Q, PDB_Q]


async def test_the_halves_of_two_bases_make_a_third(tlb: Tlb, invalidated: list[int | None], in_order: InOrder) -> None:
    await in_order("PP Q P QQ", P=lambda: tlb.flush(PDB_P), Q=lambda: tlb.flush(PDB_Q))
    assert invalidated == [1 << 40 | 0x20_0000, PDB_Q]


async def test_a_stuck_invalidate_times_out_and_the_next_flush_does_not_wait_for_it(january: Gpu, tlb: Tlb) -> None:
    january.board.invalidate.stuck = True
    with pytest.raises(ETIMEDOUT):
        await tlb.flush(PDB_P)
    before = january.board.traffic.snapshot()
    with pytest.raises(ETIMEDOUT):
        await tlb.flush(PDB_Q)
    assert (january.board.traffic - before).writes == 3
    assert january.board.invalidate.pdb == PDB_Q


async def test_after_unbind_there_is_enodev(bar: Devres, tlb: Tlb) -> None:
    bar.revoke()
    with pytest.raises(ENODEV):
        await tlb.flush(PDB_P)


async def test_a_misaligned_base_is_refused(tlb: Tlb) -> None:
    with pytest.raises(EINVAL, match="4 KiB"):
        await tlb.flush(PDB_P + 0x800)
