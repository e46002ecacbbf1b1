"""Transactions that lock what they like in any order, in as many schedules as there is time for."""

from collections.abc import Hashable, Sequence
from random import Random

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_async.errors import EDEADLK
from nova_async.explore import explore
from nova_async.kernel import WwClass, WwContext, WwGuard, WwMutex
from nova_async.lockdep import Validator
from nova_async.lockdep.ww import Algorithm
from nova_async.operation import Kind, Operation
from nova_async.point import point, running_under
from nova_async.runtime import Live

ALGORITHMS = list(Algorithm)


class Tasks:
    """Names tasks for a validator that runs in the explorer."""

    def current(self) -> Hashable:
        return anyio.get_current_task().id

    def name(self, task: Hashable) -> str:
        return str(task)


class Plan:
    """Transactions that each take some of the mutexes in an order of their own, and what must be true all the while.

    Args:
        algorithm: who gives way.
        orders: for each transaction, the numbers of its mutexes.
        validator: judges.
    """

    def __init__(self, algorithm: Algorithm, orders: Sequence[Sequence[int]], validator: Validator) -> None:
        self.validator = validator
        self.cls = WwClass(validator, "ww", algorithm)
        self.mutexes = [self.cls.mutex(f"m{number}", number) for number in range(4)]
        self.orders = orders
        self.holders: dict[int, int] = {}
        self.live: dict[int, WwContext] = {}
        self.done: list[int] = []
        self._work = Operation(Kind.READ, "work")

    async def run_all(self) -> tuple[int, ...]:
        async with anyio.create_task_group() as tasks:
            for number in range(len(self.orders)):
                tasks.start_soon(self.transact, number, name=f"t{number}")
        assert sorted(self.done) == list(range(len(self.orders)))
        assert not self.holders
        assert not any(mutex.held for mutex in self.mutexes)
        assert self.validator.findings == []
        return tuple(self.done)

    async def transact(self, number: int) -> None:
        guards: dict[int, WwGuard[int]] = {}
        async with self.cls.transaction(f"t{number}") as context:
            self.live[number] = context
            try:
                while not await self._try(number, context, guards):
                    pass
                await point(self._work)
                self.done.append(number)
            finally:
                self._let_go(guards)
                del self.live[number]

    async def _try(self, number: int, context: WwContext, guards: dict[int, WwGuard[int]]) -> bool:
        if context.contended is not None:
            mutex = context.contended
            self._got(mutex, number, await mutex.lock_slow(context), guards)
        for mutex in (self.mutexes[index] for index in self.orders[number]):
            if mutex._data in guards:
                continue
            try:
                self._got(mutex, number, await mutex.lock(context), guards)
            except EDEADLK:
                older = [other for other in self.live.values() if other.stamp < context.stamp]
                assert older, "the oldest gave way"
                self._let_go(guards)
                return False
        return True

    def _got(self, mutex: WwMutex[int], number: int, guard: WwGuard[int], guards: dict[int, WwGuard[int]]) -> None:
        assert guard.data not in self.holders, "two holders"
        self.holders[guard.data] = number
        guards[guard.data] = guard

    def _let_go(self, guards: dict[int, WwGuard[int]]) -> None:
        for index, guard in guards.items():
            del self.holders[index]
            guard.unlock()
        guards.clear()


orders = st.lists(
    st.permutations(range(4)).flatmap(lambda p: st.integers(1, 3).map(lambda n: p[:n])), min_size=2, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(orders=orders, algorithm=st.sampled_from(ALGORITHMS), seed=st.integers(0, 1 << 20))
def test_whatever_is_locked_in_whatever_order_everybody_gets_through(
    orders: list[list[int]], algorithm: Algorithm, seed: int
) -> None:
    async def program() -> Hashable:
        return await Plan(algorithm, orders, Validator(Tasks())).run_all()

    result = explore(program, strategy="random", max_executions=5, seed=seed)
    assert result.failures == ()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("strategy", ["exhaustive", "dpor"])
def test_two_in_opposite_order_get_through_in_every_schedule(strategy: str, algorithm: Algorithm) -> None:
    async def program() -> Hashable:
        return await Plan(algorithm, [(0, 1), (1, 0)], Validator(Tasks())).run_all()

    result = explore(program, strategy=strategy)
    assert result.failures == ()
    assert result.complete
    assert set(result.outcomes) == {"(0, 1)", "(1, 0)"}


@pytest.mark.nightly
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_three_in_a_ring_get_through_in_every_schedule(algorithm: Algorithm) -> None:
    async def program() -> Hashable:
        return await Plan(algorithm, [(0, 1), (1, 2), (2, 0)], Validator(Tasks())).run_all()

    result = explore(program)
    assert result.failures == ()
    assert result.complete
    assert len(result.outcomes) == 6


@pytest.mark.parametrize("seed", range(8))
async def test_live_everybody_gets_through_whatever_the_scheduler_does(cls: WwClass, seed: int) -> None:
    dice = Random(seed)
    orders = [dice.sample(range(4), 3) for _ in range(6)]
    with running_under(Live(seed, preemption=0.5)), anyio.fail_after(5):
        await Plan(cls.algorithm, orders, cls.lockdep).run_all()


class KillAt(Live):
    """Cancels a scope at the n-th point that anybody reaches."""

    def __init__(self, nth: int, scope: anyio.CancelScope) -> None:
        super().__init__()
        self.left = nth
        self._scope = scope

    async def reach(self, operation: Operation) -> None:
        self.left -= 1
        if self.left <= 0:
            self._scope.cancel()
            await checkpoint()
        await super().reach(operation)


async def test_a_transaction_cancelled_at_any_await_leaves_every_lock_to_the_others(cls: WwClass) -> None:
    for nth in range(1, 100):
        plan = Plan(cls.algorithm, [(0, 1, 2), (2, 1, 0), (1, 2, 0)], cls.lockdep)
        scope = anyio.CancelScope()
        runtime = KillAt(nth, scope)

        async def victim(scope: anyio.CancelScope = scope, plan: Plan = plan, runtime: KillAt = runtime) -> None:
            with scope, running_under(runtime):
                await plan.transact(0)

        with anyio.fail_after(5), running_under(Live(nth, preemption=0.5)):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(plan.transact, 1)
                tasks.start_soon(victim)
                tasks.start_soon(plan.transact, 2)
        assert {1, 2} <= set(plan.done)
        assert not any(mutex.held for mutex in plan.mutexes)
        assert not any(mutex._line for mutex in plan.mutexes)
        assert cls.lockdep.findings == []
        if runtime.left > 0:
            assert nth > 4
            return
    raise AssertionError("the transaction never ends")
