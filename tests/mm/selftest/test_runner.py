import pytest

from nova_async.errors import EIO
from nova_async.hw.chipset import Chipset
from nova_async.lockdep import Gfp
from nova_async.lockdep.aio import tasks_of
from nova_async.mm import Gpu
from nova_async.mm.selftest import runner
from nova_async.mm.selftest.expect import expect, expect_refused

GA102 = Chipset.named("GA102")


async def test_a_failure_is_told_and_the_others_run_all_the_same(
    anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(gpu: Gpu) -> None:
        expect("the word", 1, 2)

    async def passes(gpu: Gpu) -> None:
        return None

    monkeypatch.setattr(runner, "SELFTESTS", (fails, passes))
    outcomes = await runner.run_selftests(GA102, tasks_of(anyio_backend))
    assert outcomes == [runner.Outcome("fails", "EIO: the word is 0x1; expected 0x2"), runner.Outcome("passes")]


async def test_a_self_test_that_keeps_memory_fails(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leaks(gpu: Gpu) -> None:
        await gpu.mm.alloc_vram(4096, owner="selftest")

    monkeypatch.setattr(runner, "SELFTESTS", (leaks,))
    (outcome,) = await runner.run_selftests(GA102, tasks_of(anyio_backend))
    assert "bytes of VRAM are free after the test" in outcome.error


async def test_a_self_test_that_breaks_a_lock_rule_fails(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def allocates_under_the_window(gpu: Gpu) -> None:
        async with gpu.mm.pramin.window():
            await gpu.kernel.memory.alloc(Gfp.KERNEL, "a node")

    monkeypatch.setattr(runner, "SELFTESTS", (allocates_under_the_window,))
    (outcome,) = await runner.run_selftests(GA102, tasks_of(anyio_backend))
    assert outcome.error.startswith("NOVA201: ")


def test_expectations_name_what_differed() -> None:
    expect("a word", 5, 5)
    with pytest.raises(EIO, match="a frame is nothing; expected 0x7"):
        expect("a frame", None, 7)
    with pytest.raises(EIO, match="a bad read was let through"):
        expect_refused("a bad read", lambda: 0)
