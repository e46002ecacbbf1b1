"""One scenario, run once, live."""

import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import anyio

from nova_async.errors import Deadlock, UsageError
from nova_async.events import Recorder
from nova_async.lockdep import Tasks, Validator
from nova_async.scenario.declare import Scenario
from nova_async.scenario.outcome import Outcome
from nova_async.scenario.parameters import Value
from nova_async.scenario.turns import seeded_turns
from nova_async.scenario.watchdog import WATCHDOG, watch
from nova_async.scenario.world import World

BACKENDS = ("asyncio", "trio")


def timed(tasks: Tasks) -> Validator:
    """A validator that also keeps lock_stat, in ns of real time: a few hundred ns for each lock taken."""
    return Validator(tasks, time.perf_counter_ns)


def run(
    scenario: Scenario,
    values: Mapping[str, Value],
    *,
    backend: str = "asyncio",
    seed: int = 0,
    lockdep: Callable[[Tasks], Validator] = Validator,
    talk: Callable[[str], None] = lambda line: None,  # noqa: ARG005  nobody listens
    record: Recorder | None = None,
) -> Outcome:
    """Run ``scenario`` in a fresh world and judge what it found once that world is closed.

    An exception that escapes the scenario is part of the outcome, also one that would end the process.

    Args:
        scenario: the question.
        values: every parameter by name.
        backend: ``asyncio`` or ``trio``.
        seed: of everything that the world chooses by chance.
        lockdep: makes the validator; :func:`timed` gives one that keeps lock_stat.
        talk: is told now and then how far a long scenario is.
        record: keeps what happens, for traces; fresh, one for each run.

    Raises:
        UsageError: the scenario asked the world for something that does not exist.
        KeyboardInterrupt: the user has had enough.
    """
    make_world = partial(
        World, scenario=scenario.name, seed=seed, backend=backend, lockdep=lockdep, talk=talk, record=record
    )
    try:
        with seeded_turns(backend, seed):
            return anyio.run(_in_named_task, scenario, values, make_world, backend=backend)
    except (BaseExceptionGroup, SystemExit) as error:
        _raise_what_ends_all(error)
        errors, trace = _told(error)
        return Outcome(scenario, dict(values), backend, seed, errors=errors, traceback=trace)


async def _in_named_task(scenario: Scenario, values: Mapping[str, Value], make_world: Callable[[], World]) -> Outcome:
    """Findings name tasks, and the task of the scenario itself is named for it."""
    outcomes: list[Outcome] = []

    async def ask() -> None:
        outcomes.append(await _ask(scenario, values, make_world()))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, name=scenario.name)
    return outcomes[0]


@asynccontextmanager
async def _watched(world: World) -> AsyncIterator[None]:
    """Watch the world for a deadlock for as long as it lasts."""
    async with anyio.create_task_group() as watchers:
        watchers.start_soon(watch, world, name=WATCHDOG)
        try:
            yield
        finally:
            watchers.cancel_scope.cancel()


async def _ask(scenario: Scenario, values: Mapping[str, Value], world: World) -> Outcome:
    errors: tuple[str, ...] = ()
    trace = ""
    start = time.perf_counter()
    try:
        async with _watched(world), world:
            await scenario.function(world, **values)
    except (Exception, BaseExceptionGroup, SystemExit) as error:  # noqa: BLE001  whatever escapes a scenario
        _raise_what_ends_all(error)
        errors, trace = _told(error)
    elapsed = time.perf_counter() - start
    return Outcome(
        scenario,
        dict(values),
        world.backend,
        world.seed,
        findings=tuple(world.findings),
        errors=errors,
        traceback=trace,
        stats=dict(world.stats),
        elapsed_s=elapsed,
        lock_stat=world.lock_stat,
        lock_graph=world.lock_graph,
        events=world.events,
    )


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in a tree of exception groups, first raised first."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def _raise_what_ends_all(error: BaseException) -> None:
    """Ctrl-C, and what the user asked for wrongly, are about more than one scenario."""
    for leaf in leaves(error):
        if isinstance(leaf, KeyboardInterrupt | UsageError):
            raise leaf from None


def _told(error: BaseException) -> tuple[tuple[str, ...], str]:
    """A line for each exception, and the whole traceback.

    A deadlock is told by its finding; every task that it ended carries one more Deadlock.
    """
    lines = (_one_line(leaf) for leaf in leaves(error) if not isinstance(leaf, Deadlock))
    return tuple(dict.fromkeys(lines)), "".join(traceback.format_exception(error))


def _one_line(error: BaseException) -> str:
    """``ENOSPC: …`` for an error of ours, ``TypeError: …`` for another, with the place that raised it."""
    name, text = type(error).__name__, " ".join(str(error).split())
    said = text if text.startswith(f"{name}:") else f"{name}: {text}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{said} (line {frames[-1].lineno} of {frames[-1].filename.rsplit('/', 1)[-1]})" if frames else said
