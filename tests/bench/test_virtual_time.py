"""Virtual time is what a machine with a CPU for each task would take."""

import anyio
import pytest

from nova_async.bench.virtual_time import Stopwatch, VirtualTime, run_in
from nova_async.errors import InternalError
from nova_async.kernel import Mutex
from nova_async.operation import Kind, Operation
from nova_async.point import point


def lock_in(time: VirtualTime, name: str) -> Mutex[None]:
    return Mutex(time.lockdep, time.lockdep.lock(name), None)


def test_tasks_that_share_nothing_take_the_time_of_the_longest() -> None:
    time, ends = VirtualTime(), {}

    async def worker(name: str, steps: int) -> None:
        for _ in range(steps):
            await point(Operation(Kind.WRITE, name))
            time.clock.advance(100)
        ends[name] = time.clock.now

    async def program() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(worker, "short", 2)
            tasks.start_soon(worker, "long", 5)

    run_in(time, program)
    assert ends == {"short": 200, "long": 500}


def test_a_lock_makes_them_one_after_the_other_and_first_come_is_first_served() -> None:
    time, got = VirtualTime(), []
    watch = Stopwatch(time)

    async def worker(lock: Mutex[None], name: str, arrives: int) -> None:
        await point(Operation(Kind.WRITE, name))
        time.clock.advance(arrives)
        with watch.waiting():
            async with lock.lock():
                got.append((name, time.clock.now))
                time.clock.advance(100)

    async def program() -> None:
        lock = lock_in(time, "shared")
        async with anyio.create_task_group() as tasks:
            for name, arrives in (("late", 30), ("first", 10), ("second", 20), ("idle", 900)):
                tasks.start_soon(worker, lock, name, arrives)

    run_in(time, program)
    assert got == [("first", 10), ("second", 110), ("late", 210), ("idle", 900)]
    assert sorted(watch.waits) == [0, 0, 90, 180]


def test_what_happens_under_a_lock_that_is_held_across_points_is_waited_for_too() -> None:
    time, got = VirtualTime(), {}

    async def worker(outer: Mutex[None], inner: Mutex[None], name: str) -> None:
        async with outer.lock():
            time.clock.advance(10)
            async with inner.lock():
                time.clock.advance(100)
            time.clock.advance(10)
        got[name] = time.clock.now

    async def program() -> None:
        outer, inner = lock_in(time, "outer"), lock_in(time, "inner")
        async with anyio.create_task_group() as tasks:
            for name in ("one", "two", "three"):
                tasks.start_soon(worker, outer, inner, name)

    run_in(time, program)
    assert got == {"one": 120, "two": 240, "three": 360}


def test_a_program_that_fails_is_no_measurement() -> None:
    async def program() -> None:
        await point(Operation(Kind.WRITE, "x"))
        raise ValueError("broken")

    with pytest.raises(InternalError, match="broken"):
        run_in(VirtualTime(), program)


def test_a_percentile_is_of_the_blocks_that_were_watched() -> None:
    watch = Stopwatch(VirtualTime(), list(range(1, 201)))
    assert (watch.percentile(50), watch.percentile(99), watch.percentile(100)) == (100, 198, 200)
    assert Stopwatch(VirtualTime()).percentile(99) == 0
