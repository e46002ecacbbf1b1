"""The marker ``nova``: an async test in every order of its tasks."""

import re
from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def replay_of(result: pytest.RunResult) -> list[str]:
    line = next(line for line in result.outlines if line.startswith("replay it: "))
    return line.removeprefix("replay it: pytest ").split()


def test_a_race_fails_the_test_with_its_own_assertion_and_the_schedule(lost: pytest.Pytester, run: Run) -> None:
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert count == 2",
            "E*assert 1 == 2",
            "*--- nova ---*",
            "strategy dpor: * executions; it stopped at the first failure",
            "after * steps with 1 preemption:",
            "  alice *",
            "  bob *",
            "replay it: pytest test_lost.py::test_lost_update --nova-replay n1.*",
        ]
    )
    result.stdout.no_fnmatch_line("*nova_async/plugin/*")


def test_the_replay_fails_in_the_same_order(lost: pytest.Pytester, run: Run) -> None:
    first = run()
    again = run(*replay_of(first))
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["strategy replay: 1 execution*"])
    schedule = [line for line in first.outlines if re.match(r"  (alice|bob|root)", line)]
    assert schedule
    assert schedule == [line for line in again.outlines if re.match(r"  (alice|bob|root)", line)]


def test_two_runs_print_the_same_section(lost: pytest.Pytester, run: Run) -> None:
    sections = [run().stdout.str().partition("--- nova ---")[2].partition("short test summary")[0] for _ in range(2)]
    assert sections[0]
    assert sections[0] == sections[1]


def test_a_replay_chooses_its_test_among_all(lost: pytest.Pytester, run: Run) -> None:
    lost.makepyfile(test_other="def test_other(): pass")
    token = replay_of(run())[-1]
    run("--nova-replay", token).assert_outcomes(failed=1, deselected=1)


def test_a_replay_of_a_changed_test_says_so(lost: pytest.Pytester, run: Run) -> None:
    replay = replay_of(run())
    file = lost.path / "test_lost.py"
    changed = file.read_text().replace("await anyio.sleep(0)", "await anyio.sleep(0); await anyio.sleep(0)")
    file.write_text(changed)
    result = run(*replay)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines_random(["step *: recorded with *"])


def test_a_token_of_a_test_that_is_not_here_is_one_line(
    lost: pytest.Pytester, run: Run, pytester: pytest.Pytester
) -> None:
    token = replay_of(run())[-1]
    (lost.path / "test_lost.py").unlink()
    lost.makepyfile(test_other="def test_other(): pass")
    result = run("--nova-replay", token)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --nova-replay: the token is of test_lost.py::test_lost_update, which is not among the tests here"]
    )


def test_a_test_without_a_race_passes_in_every_order(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("""
        import anyio, pytest
        runs = []

        @pytest.mark.nova(complete=True)
        async def test_locked():
            runs.append(1)
            count, lock = 0, anyio.Lock()
            async def add():
                nonlocal count
                async with lock:
                    before = count
                    await anyio.sleep(0)
                    count = before + 1
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(add)
                tasks.start_soon(add)
            assert count == 2

        def test_that_was_more_than_one():
            assert len(runs) > 1
        """)
    run().assert_outcomes(passed=2)


BOUNDED = """
    import anyio, pytest

    async def turn():
        for _ in range(4):
            await anyio.sleep(0)

    @pytest.mark.nova(max_executions=3, complete={complete})
    async def test_long():
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(turn)
"""


def test_a_bound_is_told_in_the_summary_and_is_no_failure(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(test_bound=BOUNDED.format(complete=False))
    result = run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*nova: other orders were not tried*", "test_bound.py::test_long: it stopped after 3 executions*"]
    )


def test_a_bound_fails_a_test_that_wants_every_order(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(BOUNDED.format(complete=True))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["not every order was tried: it stopped after 3 executions (max_executions)"])


def test_a_deadlock_is_a_finding_with_its_replay(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("""
        import anyio, pytest

        @pytest.mark.nova
        async def test_abba():
            a, b = anyio.Lock(), anyio.Lock()
            async def take(first, second):
                async with first:
                    await anyio.sleep(0)
                    async with second:
                        pass
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(take, a, b, name="ab")
                tasks.start_soon(take, b, a, name="ba")
        """)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["NOVA401 deadlock (proved)", "replay it: *"])


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("strateg='dpor'", "marker nova: no argument 'strateg'; did you mean 'strategy'?*"),
        ("strategy='dpr'", "nova(strategy=...): no strategy 'dpr'; did you mean 'dpor'?*"),
        ("max_executions=0", "nova(max_executions=...): 0 is no number of executions*"),
        ("max_seconds='soon'", "nova(max_seconds=...): 'soon' is no time*"),
        ("seed=-1", "nova(seed=...): -1 is no seed*"),
        ("kill='x*'", "marker nova: kill= names clients of a world; the test does not use nova_world"),
        ("points='some'", "marker nova: no kind of points 'some'*"),
        ("strategy='exhaustive'", "strategy exhaustive: with points='awaits'*"),
        ("'dpor'", "marker nova: 'dpor' needs a name, such as strategy='dpor'"),
    ],
)
def test_a_bad_marker_is_one_clear_line(pytester: pytest.Pytester, run: Run, marker: str, said: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.nova({marker})\nasync def test_it(): pass")
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--nova-seed=x", "ERROR: --nova-seed: 'x' is no seed; expected a whole number such as 7 or 0x1f"),
        ("--nova-strategy=rnd", "ERROR: --nova-strategy: no strategy 'rnd'*"),
        ("--nova-replay=n1.zz.1", "ERROR: --nova-replay: token is damaged*"),
        ("--nova-replay=nowhere.json", "ERROR: --nova-replay: *nowhere.json*"),
    ],
)
def test_a_bad_option_is_a_usage_error(pytester: pytest.Pytester, run: Run, option: str, said: str) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_the_ini_file_bounds_what_the_marker_leaves_open(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(test_bound=BOUNDED.format(complete=False).replace("max_executions=3, ", ""))
    pytester.makeini("[pytest]\nnova_max_executions = 2\nnova_strategy = random\nnova_seed = 7")
    result = run("--junitxml=out.xml")
    result.stdout.fnmatch_lines(["*it stopped after 2 executions*"])
    text = (pytester.path / "out.xml").read_text()
    for name, value in {"seed": "7", "strategy": "random", "executions": "2", "states": "0"}.items():
        assert f'<property name="nova.{name}" value="{value}"' in text


def test_the_command_line_wins_over_the_marker(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(test_bound=BOUNDED.format(complete=False).replace("max_ex", "seed=1, strategy='dpor', max_ex"))
    run("--junitxml=out.xml", "--nova-seed=0x10", "--nova-strategy=random")
    text = (pytester.path / "out.xml").read_text()
    assert 'name="nova.seed" value="16"' in text
    assert 'name="nova.strategy" value="random"' in text


@pytest.mark.parametrize("mark", ["anyio", "trio"])
def test_other_plugins_for_async_tests_leave_it_to_this_one(pytester: pytest.Pytester, run: Run, mark: str) -> None:
    pytester.makepyfile(f"""
        import sys, pytest
        from nova_async.point import explored

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.{mark}
        @pytest.mark.nova
        async def test_it():
            assert explored()

        class TestMethod:
            @pytest.mark.{mark}
            @pytest.mark.nova
            async def test_method(self):
                assert isinstance(self, TestMethod) and explored()

        @pytest.mark.{mark}
        async def test_theirs():
            assert not explored()
        """)
    run().assert_outcomes(passed=3)


def test_a_skip_inside_the_test_is_a_skip(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.nova\nasync def test_it(): pytest.skip('not here')")
    run().assert_outcomes(skipped=1)


def test_selection_and_last_failed_work(lost: pytest.Pytester, run: Run) -> None:
    lost.makepyfile(test_fine="import pytest\n@pytest.mark.nova\nasync def test_fine(): pass")
    run("-k", "fine").assert_outcomes(passed=1, deselected=1)
    run().assert_outcomes(passed=1, failed=1)
    run("--lf").assert_outcomes(failed=1)


def test_a_long_schedule_goes_into_a_file_that_replays(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("""
        import hashlib
        import anyio, pytest

        @pytest.mark.nova(max_executions=1)
        async def test_long():
            async def turn():
                await anyio.sleep(0)
            async with anyio.create_task_group() as tasks:
                for number in range(60):
                    tasks.start_soon(turn, name=hashlib.sha256(bytes([number])).hexdigest())
            assert 0
        """)
    result = run()
    replay = replay_of(result)
    assert replay[-1].endswith(".json")
    run(*replay).assert_outcomes(failed=1)
