from dataclasses import dataclass

import anyio

from nova_async.kernel.work_list import WorkList


@dataclass
class Item:
    name: str


async def test_work_is_seen_in_order_and_stays_until_it_is_taken() -> None:
    work: WorkList[Item] = WorkList("list")
    items = [Item("a"), Item("b")]
    for item in items:
        work.put(item)
    assert await work.first() is items[0]
    assert await work.first() is items[0]
    assert work.take() is items[0]
    assert await work.first() is items[1]
    assert work.take_all() == [items[1]]
    assert len(work) == 0


async def test_the_worker_sleeps_until_there_is_work_or_never_will_be() -> None:
    work: WorkList[Item] = WorkList("list")
    seen: list[str | None] = []

    async def worker() -> None:
        while item := await work.first():
            seen.append(work.take().name)
            assert item.name == seen[-1]
        seen.append(None)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker)
        await anyio.lowlevel.checkpoint()
        assert seen == []
        work.put(Item("a"))
        work.close()
    assert seen == ["a", None]
    assert work.closed
