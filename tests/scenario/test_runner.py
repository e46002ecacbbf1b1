from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import anyio
import pytest
import sniffio

from nova_async.errors import ENOSPC, UsageError
from nova_async.findings import Finding, Severity
from nova_async.lockdep import LockGraph
from nova_async.runtime import Live
from nova_async.scenario import CLEAN, Scenario, runner
from nova_async.scenario.runner import BACKENDS, run

FINDING = Finding("NOVA203", Severity.POSSIBLE, "vm is taken")


class ToyWorld:
    """A world without a GPU, which finds something only when it is closed."""

    lock_stat = None
    lock_graph = LockGraph()
    events = None

    def __init__(
        self, *, scenario: str, seed: int, backend: str, lockdep: object, talk: object = None, record: object = None
    ) -> None:
        self.seed = seed
        self.backend = backend
        self.runtime = Live()
        self.findings: list[Finding] = []
        self.stats: dict[str, int | float] = {"seed": seed, "steps": 0}
        self.name = f"{scenario} on {backend}"
        self.at_close: list[Finding] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.findings += self.at_close


@pytest.fixture(autouse=True)
def _toy_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "World", ToyWorld)


def scenario_of(function: Callable[..., Awaitable[None]], expect: tuple[str, ...] = CLEAN) -> Scenario:
    return Scenario("toy", "Toy?", expect, (), None, function, "toy.py")


pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def test_a_scenario_runs_on_the_backend_with_its_values_and_seed(backend: str) -> None:
    seen: dict[str, object] = {}

    async def look(world: ToyWorld, submitters: int) -> None:
        task = anyio.get_current_task().name
        seen.update(library=sniffio.current_async_library(), submitters=submitters, name=world.name, task=task)

    outcome = run(scenario_of(look), {"submitters": 3}, backend=backend, seed=7)
    assert seen == {"library": backend, "submitters": 3, "name": f"toy on {backend}", "task": "toy"}
    assert (outcome.backend, outcome.seed, outcome.values) == (backend, 7, {"submitters": 3})
    assert outcome.stats == {"seed": 7, "steps": 0}


def test_findings_are_read_after_the_world_is_closed(backend: str) -> None:
    async def leak(world: ToyWorld) -> None:
        world.at_close.append(FINDING)

    assert run(scenario_of(leak, ("NOVA203",)), {}, backend=backend).met


def test_an_exception_that_escapes_is_not_met_and_one_line(backend: str) -> None:
    async def fail(world: ToyWorld) -> None:
        raise ENOSPC("vram: 4 pages\nof 3", hint="free some")

    outcome = run(scenario_of(fail), {}, backend=backend)
    (line,) = outcome.errors
    assert line.startswith("ENOSPC: vram: 4 pages of 3; free some (line ")
    assert (outcome.met, outcome.verdict) == (False, "error ENOSPC")
    assert "Traceback" in outcome.traceback


def test_an_exception_group_is_a_line_for_each_leaf_once(backend: str) -> None:
    async def fail(kind: type[Exception]) -> None:
        raise kind("broken")

    async def fail_together(world: ToyWorld) -> None:
        async with anyio.create_task_group() as group:
            for kind in (ValueError, ValueError, KeyError):
                group.start_soon(fail, kind)

    outcome = run(scenario_of(fail_together), {}, backend=backend)
    assert sorted(line.partition(":")[0] for line in outcome.errors) == ["KeyError", "ValueError"]


def test_findings_before_an_exception_are_kept(backend: str) -> None:
    async def find_and_fail(world: ToyWorld) -> None:
        world.findings.append(FINDING)
        raise ValueError

    assert run(scenario_of(find_and_fail), {}, backend=backend).found == ("NOVA203",)


def test_a_usage_error_goes_to_whoever_asked_even_from_a_task_group(backend: str) -> None:
    async def ask() -> None:
        raise UsageError("no chip 'GA103'")

    async def ask_in_a_group(world: ToyWorld) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(ask)

    with pytest.raises(UsageError, match="no chip 'GA103'"):
        run(scenario_of(ask_in_a_group), {}, backend=backend)


def test_an_interrupt_in_a_task_group_is_an_interrupt(backend: str) -> None:
    async def interrupt() -> None:
        raise KeyboardInterrupt

    async def interrupt_in_a_group(world: ToyWorld) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(interrupt)

    with pytest.raises(KeyboardInterrupt):
        run(scenario_of(interrupt_in_a_group), {}, backend=backend)
