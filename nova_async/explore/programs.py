"""The programs that explorers are measured by, written once.

Their abstract forms and the fewest executions that cover them are in peers.md, section 2. Four come from Abdulla,
Aronis, Jonsson, Sagonas, "Optimal Dynamic Partial Order Reduction", POPL 2014, section 8.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any

from nova_async.explore.primitives import Cell, Lock

Program = Callable[[], Awaitable[Hashable]]
Task = Callable[[], Coroutine[Any, Any, None]]


async def together(*tasks: Task) -> None:
    """Run the tasks until all have ended.

    In asyncio's task group, whose tasks start in a quarter of the time that anyio's take.
    """
    async with asyncio.TaskGroup() as group:
        for number, task in enumerate(tasks):
            started: Any = task()
            started.__name__ = f"t{number}"  # what a task is named by that nobody has named
            group.create_task(started)


def readers(n: int) -> Program:
    """One writes x; n others each read a variable of their own, then x: 2^n executions."""

    async def program() -> Hashable:
        x = Cell("x", 0)
        own = [Cell(f"y{number}", 0) for number in range(n)]
        seen: list[int] = [0] * n

        async def writer() -> None:
            await x.write(1)

        async def reader(number: int) -> None:
            await own[number].read()
            seen[number] = await x.read()

        await together(writer, *(_bind(reader, number) for number in range(n)))
        return tuple(seen)

    return program


def lastzero(n: int) -> Program:
    """Of n writers, makes its cell one more than the last; a reader looks for the last zero: (n + 3) 2^(n - 2)."""

    async def program() -> Hashable:
        cells = [Cell(f"a{number}", 0) for number in range(n + 1)]
        found: list[int] = []

        async def reader() -> None:
            place = n
            while await cells[place].read() != 0:
                place -= 1
            found.append(place)

        async def writer(number: int) -> None:
            before = await cells[number - 1].read()
            await cells[number].write(before + 1)

        await together(reader, *(_bind(writer, number) for number in range(1, n + 1)))
        return (found[0], *(cell.value for cell in cells))

    return program


def indexer(n: int) -> Program:
    """Here n tasks put four messages each into a hash table of 128 cells: 8^(n - 11) from n = 12 on, 1 below."""
    size, messages = 128, 4

    async def program() -> Hashable:
        table = [Cell(f"table{number}", 0) for number in range(size)]

        async def task(number: int) -> None:
            for message in range(1, messages + 1):
                word = message * 11 + number
                place = word * 7 % size
                while not await table[place].compare_and_swap(0, word):
                    place = (place + 1) % size

        await together(*(_bind(task, number) for number in range(n)))
        return tuple(cell.value for cell in table)

    return program


def filesystem(n: int) -> Program:
    """Here n tasks give blocks to inodes, one lock for each: 2^(n - 13) from n = 14 on, 1 below."""
    inodes, blocks = 32, 26

    async def program() -> Hashable:
        inode, busy = [0] * inodes, [False] * blocks
        inode_locks = [Lock(f"inode{number}") for number in range(inodes)]
        block_locks = [Lock(f"block{number}") for number in range(blocks)]

        async def task(number: int) -> None:
            mine = number % inodes
            async with inode_locks[mine]:
                if inode[mine]:
                    return
                block = mine * 2 % blocks
                while not await take(block):
                    block = (block + 1) % blocks
                inode[mine] = block + 1

        async def take(block: int) -> bool:
            async with block_locks[block]:
                free = not busy[block]
                busy[block] = True
                return free

        await together(*(_bind(task, number) for number in range(n)))
        return tuple(inode)

    return program


def counter(tasks: int, rounds: int) -> Program:
    """Each task takes the lock and counts, so many times: (tasks rounds)! / (rounds!)^tasks."""

    async def program() -> Hashable:
        lock = Lock("lock")
        count = Cell("count", 0)

        async def task() -> None:
            for _ in range(rounds):
                async with lock:
                    count.value += 1

        await together(*[task] * tasks)
        return count.value

    return program


def philosophers(n: int, *, ordered: bool = False) -> Program:
    """Each of n tasks takes two forks: 2^n - 1 executions, one of them the deadlock; in order, 2^n - 2."""

    async def program() -> Hashable:
        forks = [Lock(f"fork{number}") for number in range(n)]
        meals: list[int] = []

        async def task(number: int) -> None:
            pair = [number, (number + 1) % n]
            first, second = sorted(pair) if ordered else pair
            async with forks[first], forks[second]:
                meals.append(number)

        await together(*(_bind(task, number) for number in range(n)))
        return len(meals)

    return program


def lost(n: int) -> Program:
    """Here n tasks count without a lock: 4 executions for two, 36 for three."""

    async def program() -> Hashable:
        x = Cell("x", 0)

        async def task() -> None:
            before = await x.read()
            await x.write(before + 1)

        await together(*[task] * n)
        return x.value

    return program


def sections(tasks: int, rounds: int) -> Program:
    """Each task goes through a critical section of two steps, so many times: few states, astronomically many orders."""

    async def program() -> Hashable:
        lock = Lock("lock")
        inside = [Cell(f"inside{number}", 0) for number in range(tasks)]

        async def task(number: int) -> None:
            for _ in range(rounds):
                async with lock:
                    await inside[number].write(1)
                    await inside[number].write(0)

        await together(*(_bind(task, number) for number in range(tasks)))
        return None

    return program


def _bind(task: Callable[[int], Coroutine[Any, Any, None]], number: int) -> Task:
    return lambda: task(number)
