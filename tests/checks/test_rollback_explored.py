"""NOVA309 where two mappings share their tables: in no order is one blamed for a table that the other needed."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import pytest

from nova_async.address import PAGE_SIZE
from nova_async.clients.address_space import address_space
from nova_async.clients.caller import executing, preparing
from nova_async.clients.forcing import buffer, pages_at, silent_tlb
from nova_async.errors import Errno
from nova_async.explore import Result, explore
from nova_async.explore.strategies import Exhaustive
from nova_async.mm.table_writer import TableWriter
from nova_async.scenario import World

Program = Callable[[World], Awaitable[None]]


async def one_fails_while_the_other_aborts(world: World) -> None:
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 1) as frames,
        address_space(gpu, "vm", pages=1024) as vmm,
        preparing(vmm, 1, pages_at(0)) as failing,
        preparing(vmm, 1, pages_at(PAGE_SIZE)) as other,
    ):

        async def fail() -> None:
            with suppress(Errno):
                async with executing(failing, frames):
                    pass

        world.kernel.faults.allow(1)
        world.inject(tlb=0.5)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail, name="failing")
            tasks.start_soon(vmm.abort, other, name="other")


async def both_fail_and_are_undone_later(world: World) -> None:
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 2) as frames,
        address_space(gpu, "vm", pages=1024) as vmm,
        preparing(vmm, 1, pages_at(0)) as first,
        preparing(vmm, 1, pages_at(PAGE_SIZE)) as second,
    ):
        with silent_tlb(gpu):
            for prepared, frame in ((first, frames[0]), (second, frames[1])):
                with suppress(Errno):
                    await vmm.execute_map(prepared, [frame], writable=True)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(vmm.abort, first, name="first")
            tasks.start_soon(vmm.abort, second, name="second")


async def both_fail_or_not(world: World) -> None:
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 2) as frames, address_space(gpu, "vm", pages=1024) as vmm:

        async def bind(page: int) -> None:
            with suppress(Errno):
                async with (
                    preparing(vmm, 1, pages_at(page * PAGE_SIZE)) as prepared,
                    executing(prepared, frames[page : page + 1]),
                ):
                    pass

        world.kernel.faults.allow(2)
        world.inject(tlb=0.5)
        async with anyio.create_task_group() as tasks:
            for page in range(2):
                tasks.start_soon(bind, page, name=f"bind#{page}")


def explored(program: Program) -> tuple[Result, list[str]]:
    """The result, and the codes found."""
    worlds: list[World] = []

    async def once() -> None:
        worlds[:] = [World(scenario="test", seed=0, backend="asyncio")]
        async with worlds[0] as world:
            await program(world)

    strategy = Exhaustive(persistent_sets=True, forget_ended=True)
    result = explore(once, strategy=strategy, judge=lambda _: worlds[0].findings)
    return result, sorted({failure.finding.code if failure.finding else failure.message for failure in result.failures})


@pytest.mark.parametrize(
    "program",
    [
        one_fails_while_the_other_aborts,
        both_fail_and_are_undone_later,
        pytest.param(both_fail_or_not, marks=pytest.mark.nightly),
    ],
)
def test_nobody_is_blamed_for_a_table_that_the_other_still_needed(program: Program) -> None:
    result, found = explored(program)
    assert result.complete, result.incomplete_because
    assert result.executions > 1
    assert found == []


def test_who_leaves_a_table_that_nobody_needs_is_blamed_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    restore = TableWriter.restore

    async def leaves_only(writer: TableWriter, journal: object) -> None:
        journal.installed.clear()  # type: ignore[attr-defined]
        await restore(writer, journal)  # type: ignore[arg-type]

    monkeypatch.setattr(TableWriter, "restore", leaves_only)
    result, found = explored(one_fails_while_the_other_aborts)
    assert result.complete
    assert found == ["NOVA309"]
