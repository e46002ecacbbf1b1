"""The fixtures ``nova_world`` and ``nova_lockdep``."""

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

ORDERS = """
    import anyio, pytest
    from nova_async.lockdep import aio

    {mark}
    async def test_orders(nova_lockdep{more}):
        a, b = aio.Lock(name="a"), aio.Lock(name="b")
        async with a, b:
            pass
        async with {second}:
            pass
        {check}

    @pytest.fixture
    def anyio_backend():
        return "{backend}"
"""


@pytest.mark.parametrize(
    ("mark", "backend"),
    [("@pytest.mark.anyio", "asyncio"), ("@pytest.mark.anyio", "trio"), ("@pytest.mark.nova", "asyncio")],
)
def test_two_locks_in_both_orders_fail_the_test(pytester: pytest.Pytester, run: Run, mark: str, backend: str) -> None:
    pytester.makepyfile(ORDERS.format(mark=mark, backend=backend, more="", second="b, a", check=""))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["NOVA101 circular-lock-dependency*"])


@pytest.mark.parametrize("mark", ["@pytest.mark.anyio", "@pytest.mark.nova"])
def test_two_locks_in_one_order_pass(pytester: pytest.Pytester, run: Run, mark: str) -> None:
    check = "assert nova_lockdep.validator.enabled and not nova_lockdep.findings"
    pytester.makepyfile(ORDERS.format(mark=mark, backend="asyncio", more="", second="a, b", check=check))
    run().assert_outcomes(passed=1)


def test_a_plain_test_can_use_the_validator(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("""
        import anyio
        from nova_async.lockdep import aio

        def test_orders(nova_lockdep):
            async def both():
                a, b = aio.Lock(name="a"), aio.Lock(name="b")
                async with a, b:
                    pass
                async with b, a:
                    pass
            anyio.run(both)
        """)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["NOVA101 circular-lock-dependency*"])


LEAK = """
    import pytest

    @pytest.fixture
    def anyio_backend():
        return "{backend}"

    {mark}
    async def test_leak(nova_world):
        async with nova_world() as world:
            gpu = await world.boot()
            {body}
"""


@pytest.mark.parametrize(
    ("mark", "backend"),
    [("@pytest.mark.anyio", "asyncio"), ("@pytest.mark.anyio", "trio"), ("@pytest.mark.nova", "asyncio")],
)
def test_a_world_that_lost_pages_fails_the_test(pytester: pytest.Pytester, run: Run, mark: str, backend: str) -> None:
    body = 'await gpu.mm.alloc_vram(4096, owner="client")'
    pytester.makepyfile(LEAK.format(mark=mark, backend=backend, body=body))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["NOVA305 lost-at-the-end*"])


@pytest.mark.parametrize("mark", ["@pytest.mark.anyio", "@pytest.mark.nova(complete=True)"])
def test_a_world_in_order_passes(pytester: pytest.Pytester, run: Run, mark: str) -> None:
    pytester.makepyfile(LEAK.format(mark=mark, backend="asyncio", body="assert world.seed == 0"))
    run().assert_outcomes(passed=1)


@pytest.mark.parametrize("mark", ["@pytest.mark.anyio", "@pytest.mark.nova"])
def test_an_assertion_inside_a_world_is_told_as_it_is(pytester: pytest.Pytester, run: Run, mark: str) -> None:
    pytester.makepyfile(LEAK.format(mark=mark, backend="asyncio", body="assert gpu is None"))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">*assert gpu is None"])
    result.stdout.no_fnmatch_line("*ExceptionGroup*")


def test_the_seed_of_the_command_line_reaches_the_world(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(LEAK.format(mark="@pytest.mark.anyio", backend="asyncio", body="assert world.seed == 5"))
    run("--nova-seed=5").assert_outcomes(passed=1)


def test_a_client_may_be_killed_where_the_marker_says(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("""
        from dataclasses import dataclass
        import pytest

        @dataclass
        class Worker:
            name: str
            lock: object
            done: list

            async def run(self):
                async with self.lock.lock():
                    self.done.append(self.name)

        async def work(nova_world):
            done = []
            async with nova_world() as world:
                lock = world.kernel.private_mutex("lock", None)
                async with world.clients() as clients:
                    clients.start(Worker("victim", lock, done))
                    clients.start(Worker("other", lock, done))
            assert sorted(done) == ["other", "victim"]

        @pytest.mark.nova(kill="victim")
        async def test_killed(nova_world):
            await work(nova_world)

        @pytest.mark.nova(kill="victim")
        async def test_leaks_when_killed(nova_world):
            done = []
            async with nova_world() as world:
                gpu, lock = await world.boot(), world.kernel.private_mutex("lock", None)
                async with world.clients() as clients:
                    clients.start(Worker("victim", lock, done))
                if not done:
                    await gpu.mm.alloc_vram(4096, owner="client")

        @pytest.mark.nova
        async def test_alive(nova_world):
            await work(nova_world)
        """)
    result = run()
    result.assert_outcomes(passed=1, failed=2)
    replays = [line.split()[3:] for line in result.outlines if line.startswith("replay it: pytest ")]
    assert [command[0].partition("::")[2] for command in replays] == ["test_killed", "test_leaks_when_killed"]
    for command in replays:
        run(*command).assert_outcomes(failed=1)
