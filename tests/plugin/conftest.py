"""Runs of pytest inside a test, with the plugin."""

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

LOST = """
    import anyio
    import pytest

    @pytest.mark.nova
    async def test_lost_update():
        count = 0

        async def add():
            nonlocal count
            before = count
            await anyio.sleep(0)
            count = before + 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(add, name="alice")
            tasks.start_soon(add, name="bob")
        assert count == 2
"""

SCENARIOS = '''
    from dataclasses import dataclass

    from nova_async.kernel import Mutex
    from nova_async.scenario import CLEAN, World, scenario

    @scenario(expect=CLEAN)
    async def fine(world: World) -> None:
        """Is all well?"""

    @scenario(expect="NOVA101")
    async def disappointed(world: World) -> None:
        """Is there a cycle?"""

    @dataclass
    class Taker:
        name: str
        first: Mutex[None]
        second: Mutex[None]

        async def run(self):
            async with self.first.lock(), self.second.lock():
                pass

    @scenario(expect=CLEAN, explore="exhaustive")
    async def abba(world: World) -> None:
        """Can two locks be taken in both orders?"""
        a, b = world.kernel.private_mutex("a", None), world.kernel.private_mutex("b", None)
        async with world.clients() as clients:
            clients.start(Taker("ab", a, b))
            clients.start(Taker("ba", b, a))
'''


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Pytest in this process."""

    def run_inside(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess("-p", "nova_async_pytest", *arguments)

    return run_inside


@pytest.fixture
def lost(pytester: pytest.Pytester) -> pytest.Pytester:
    """With a test that loses an update in some orders."""
    pytester.makepyfile(test_lost=LOST)
    return pytester


@pytest.fixture
def scenarios(pytester: pytest.Pytester) -> pytest.Pytester:
    """With a folder of scenarios: one clean, one unmet, one explored."""
    pytester.mkdir("scenarios")
    pytester.makepyfile(**{"scenarios/locks": SCENARIOS})
    return pytester
