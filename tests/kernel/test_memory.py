import pytest

from nova_async.errors import ENOMEM, UsageError
from nova_async.kernel import FaultPlan, Kernel
from nova_async.lockdep import Gfp


class Cache:
    """A shrinker that counts how often it was asked."""

    name = "cache"

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.objects = 3
        self.scans = 0

    def count(self) -> int:
        return self.objects

    async def scan(self, count: int) -> int:
        self.scans += 1
        await self.kernel.memory.alloc(Gfp.KERNEL, "allocated by reclaim itself")
        freed, self.objects = min(count, self.objects), 0
        return freed


async def test_pressure_makes_a_reclaimable_allocation_run_the_shrinkers(kernel: Kernel) -> None:
    cache = Cache(kernel)
    kernel.reclaim.register(cache)
    kernel.faults.start({"reclaim": 1.0})
    await kernel.memory.alloc(Gfp.KERNEL, "object")
    assert cache.scans == 1


async def test_an_atomic_allocation_never_reclaims(kernel: Kernel) -> None:
    cache = Cache(kernel)
    kernel.reclaim.register(cache)
    kernel.faults.start({"reclaim": 1.0})
    await kernel.memory.alloc(Gfp.ATOMIC, "object")
    assert cache.scans == 0


async def test_an_empty_cache_is_not_scanned(kernel: Kernel) -> None:
    cache = Cache(kernel)
    cache.objects = 0
    kernel.reclaim.register(cache)
    assert await kernel.reclaim.shrink() == 0
    assert cache.scans == 0


async def test_reclaim_returns_what_the_shrinkers_freed_and_asks_only_the_registered(kernel: Kernel) -> None:
    cache = Cache(kernel)
    kernel.reclaim.register(cache)
    assert await kernel.reclaim.shrink() == 3
    kernel.reclaim.unregister(cache)
    cache.objects = 3
    assert await kernel.reclaim.shrink() == 0


async def test_a_planned_failure_is_an_enomem_that_names_the_object(kernel: Kernel) -> None:
    kernel.faults.start({"alloc": 1.0})
    with pytest.raises(ENOMEM, match="block nodes"):
        await kernel.memory.alloc(Gfp.KERNEL, "block nodes")
    assert kernel.faults.injected["alloc"] == 1


def test_the_same_seed_strikes_the_same_operations() -> None:
    one, other = (FaultPlan({"mmio": 0.3}, seed=5) for _ in range(2))
    assert [one.strikes("mmio") for _ in range(50)] == [other.strikes("mmio") for _ in range(50)]
    assert 0 < one.injected["mmio"] < 50


@pytest.mark.parametrize("rates", [{"aloc": 0.1}, {"alloc": 1.5}, {"alloc": -0.1}])
def test_a_plan_that_is_none_is_refused(rates: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        FaultPlan(rates)
