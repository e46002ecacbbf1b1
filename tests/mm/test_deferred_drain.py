"""What waits is scrubbed first, and then freed: all that are one allocator's in few holds of its lock."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from nova_async.address import KIB, PAGE_SIZE
from nova_async.errors import EINVAL, EIO
from nova_async.kernel import FaultPlan, Mutex
from nova_async.mm import Gpu
from nova_async.mm.buddy import BuddyFlags
from nova_async.mm.deferred import FREES_PER_HOLD
from nova_async.mm.gpu_buddy import AllocatedBlocks, GpuBuddy
from nova_async.mm.observer import Observer

Holds = Counter[str]


@dataclass
class Told(Observer):
    """What was given back, in this order; and what each hold of the buddy's lock has freed."""

    holds: Holds
    given_back: list[AllocatedBlocks] = field(default_factory=list)
    freed: Counter[tuple[str, int]] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)

    def blocks_given_back(self, allocated: AllocatedBlocks) -> None:
        self.given_back.append(allocated)

    def blocks_freed(self, allocated: AllocatedBlocks) -> None:
        self.order.append("scrubbed" if allocated.live else "freed")
        if not allocated.live:
            self.freed[allocated.buddy.name, self.holds[allocated.buddy.name]] += 1


@dataclass
class SilentFor(Observer):
    """The device does not answer while the pages of one owner are scrubbed."""

    faults: FaultPlan
    owner: str

    def blocks_freed(self, allocated: AllocatedBlocks) -> None:
        self.faults.start({"mmio": float(allocated.live and allocated.owner == self.owner)})


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> Holds:
    """How often each lock was taken since the last clear."""
    taken: Holds = Counter()
    acquire = Mutex._acquire

    async def counting(mutex: Mutex[object], *, private: bool) -> None:
        await acquire(mutex, private=private)
        taken[mutex.name] += 1

    monkeypatch.setattr(Mutex, "_acquire", counting)
    return taken


@pytest.fixture
def told(gpu: Gpu, holds: Holds) -> Told:
    observer = Told(holds)
    gpu.mm.observers.append(observer)
    return observer


async def give_back(gpu: Gpu, count: int, buddy: GpuBuddy | None = None) -> None:
    blocks = [await gpu.mm.alloc_from(buddy or gpu.mm.buddy, PAGE_SIZE, owner="client") for _ in range(count)]
    if buddy is None:
        for each in blocks:
            gpu.mm.owners.grant(each.frames(), "client")
    for each in blocks:
        gpu.mm.deferred.defer(each)


async def test_frees_of_one_allocator_share_one_hold_of_its_lock(gpu: Gpu, holds: Holds, told: Told) -> None:
    await give_back(gpu, 10)
    holds.clear()
    await gpu.mm.deferred.drain()
    assert holds["vram"] == 1
    assert told.freed == {("vram", 1): 10}
    assert told.order == ["scrubbed"] * 10 + ["freed"] * 10
    assert gpu.mm.buddy.live == 0


async def test_no_hold_takes_back_more_than_its_share(gpu: Gpu, holds: Holds, told: Told) -> None:
    await give_back(gpu, 2 * FREES_PER_HOLD + 3)
    holds.clear()
    await gpu.mm.deferred.drain()
    assert sorted(told.freed.values()) == [3, FREES_PER_HOLD, FREES_PER_HOLD]
    assert holds["vram"] == 3
    assert len(gpu.mm.deferred) == 0


async def test_each_allocator_gets_its_own_back_in_a_hold_of_its_own_lock(gpu: Gpu, holds: Holds, told: Told) -> None:
    addresses = GpuBuddy(gpu.kernel, "addresses", 64 * KIB, observers=gpu.mm.observers)
    for _ in range(2):
        await give_back(gpu, 2)
        await give_back(gpu, 3, addresses)
    holds.clear()
    await gpu.mm.deferred.drain()
    assert told.freed == {("vram", 1): 4, ("addresses", 1): 6}
    assert (gpu.mm.buddy.live, addresses.live) == (0, 0)


async def test_what_cannot_be_scrubbed_waits_for_the_next_drain_and_the_others_are_free(gpu: Gpu, told: Told) -> None:
    blocks = {name: await gpu.mm.alloc_vram(PAGE_SIZE, owner=name) for name in ("a", "b", "c")}
    silent = SilentFor(gpu.kernel.faults, "b")
    gpu.mm.observers.append(silent)
    for allocated in blocks.values():
        gpu.mm.free_vram(allocated)
    with pytest.raises(EIO):
        await gpu.mm.deferred.drain()
    assert {name: allocated.live for name, allocated in blocks.items()} == {"a": False, "b": True, "c": False}
    assert {name: allocated.scrubbed for name, allocated in blocks.items()} == {"a": True, "b": False, "c": True}
    assert len(gpu.mm.deferred) == 1
    silent.owner = ""
    await gpu.mm.deferred.drain()
    assert not blocks["b"].live
    assert len(gpu.mm.deferred) == 0
    assert told.given_back == list(blocks.values())


async def test_what_is_given_back_is_told_once_and_before_it_is_freed(gpu: Gpu, told: Told) -> None:
    allocated = await gpu.mm.alloc_vram(PAGE_SIZE, owner="client")
    gpu.mm.free_vram(allocated)
    assert (told.given_back, told.order) == ([allocated], [])
    with pytest.raises(EINVAL, match="given back twice"):
        gpu.mm.free_vram(allocated)
    await gpu.mm.deferred.drain()
    assert told.given_back == [allocated]


async def test_what_was_scrubbed_is_clear_for_the_next_one(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = await gpu.mm.alloc_vram(len(gpu.mm.usable), owner="client")
    async with gpu.mm.pramin.window() as window:
        window.try_write64(gpu.mm.usable.start + 8, 0xBAD)
    gpu.mm.free_vram(everything)
    await gpu.mm.deferred.drain()
    monkeypatch.setattr(gpu.mm, "_zero", refused)
    again = await gpu.mm.alloc_vram(len(gpu.mm.usable), owner="other")
    assert again.is_clear
    assert gpu.board.vram.read(gpu.mm.usable.start + 8, 8) == 0


async def refused(address: int, size: int) -> None:
    raise AssertionError(f"{size} bytes at {address:#x} are scrubbed again")


async def test_what_was_not_scrubbed_is_dirty_for_the_next_one(probe: Callable[..., Gpu]) -> None:
    buddy = probe().mm.buddy
    await buddy.free(await buddy.alloc_blocks(buddy.size, owner="client"))
    again = await buddy.alloc_blocks(buddy.size, owner="other", flags=BuddyFlags.CLEAR)
    assert not again.is_clear
