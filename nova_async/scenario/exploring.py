"""One scenario, driven through its schedules on the controlled loop."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nova_async.checks import deadlock
from nova_async.errors import UsageError
from nova_async.events import Recorder
from nova_async.explore import (
    Ending,
    Execution,
    Failure,
    Progress,
    Result,
    Schedule,
    Shrinker,
    Strategy,
    Token,
    explore,
    fingerprint_of,
)
from nova_async.explore.strategies import STRATEGIES, Exhaustive, Options, Replay
from nova_async.explore.task import ControlledTask
from nova_async.findings import Finding
from nova_async.kernel.faults import KINDS
from nova_async.lockdep.aio import tasks_of
from nova_async.operation import Kind, Operation
from nova_async.runtime import Naming
from nova_async.scenario.declare import Scenario
from nova_async.scenario.parameters import Value
from nova_async.scenario.runner import leaves
from nova_async.scenario.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to explore a scenario.

    Attributes:
        strategy: a name of :data:`~nova_async.explore.STRATEGIES`.
        max_executions: stop after so many.
        max_seconds: stop after so long.
        seed: of strategies that throw dice, and of the world.
        preemptions: bound of the strategies that have one.
        depth: of ``pct``.
        kill: patterns of the names of clients that may be killed, each once, at any point.
        kills: how many of them may, at most, in one execution; None for all.
        fail: kinds of operations that may fail, see :data:`~nova_async.kernel.faults.KINDS`.
        failures: how many of them may, at most, in one execution.
        exact: tell states apart by every address; see :class:`~nova_async.runtime.Naming`.
        stop_at_first: stop when something is found.
        workers: processes to spread an exhaustive search over.
    """

    strategy: str = "exhaustive"
    max_executions: int | None = None
    max_seconds: float | None = None
    seed: int = 0
    preemptions: int | None = None
    depth: int = 3
    kill: tuple[str, ...] = ()
    kills: int | None = None
    fail: tuple[str, ...] = ()
    failures: int = 1
    exact: bool = False
    stop_at_first: bool = False
    workers: int = 1

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise UsageError.unknown("strategy", self.strategy, STRATEGIES)
        for kind in self.fail:
            if kind not in KINDS:
                raise UsageError.unknown("fault", kind, KINDS)

    @property
    def passes(self) -> tuple[Kind, ...]:
        """Operations that are no points.

        An allocation that cannot fail, and in which nobody can be killed, commutes with whatever others do meanwhile:
        it touches nothing that is shared, under whatever lock (Lipton's reduction, design section 5). So does a lock
        that is taken for what nobody else can see, where addresses do not count.
        """
        if self.kill or self.fail:
            return ()
        return (Kind.ALLOC,) if self.exact else (Kind.ALLOC, Kind.PRIVATE)

    def chooser(self) -> Strategy:
        """A fresh strategy."""
        if self.strategy == "exhaustive":
            naming = Naming.EXACT if self.exact else Naming.BIRTH
            return Exhaustive(self.preemptions, persistent_sets=True, forget_ended=True, naming=naming)
        return STRATEGIES[self.strategy](Options(seed=self.seed, preemptions=self.preemptions, depth=self.depth))


@dataclass(frozen=True, slots=True)
class Explored:
    """One scenario, explored.

    Attributes:
        scenario: the question.
        values: its parameters as they were.
        plan: how.
        result: what the explorer says.
        failures: what went wrong, each with the simplest schedule that was found and a token that replays it.
        tokens: of the failures, in their order.
    """

    scenario: Scenario
    values: Mapping[str, Value]
    plan: Plan
    result: Result
    failures: tuple[Failure, ...]
    tokens: tuple[str, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, in the order in which it was."""
        return tuple(failure.finding for failure in self.failures if failure.finding is not None)

    @property
    def errors(self) -> tuple[str, ...]:
        """What escaped the scenario, a line each."""
        return tuple(failure.message for failure in self.failures if failure.finding is None)

    @property
    def found(self) -> tuple[str, ...]:
        """The codes found, each once, sorted."""
        return tuple(sorted({finding.code for finding in self.findings}))

    @property
    def missing(self) -> tuple[str, ...]:
        """The codes expected and not found."""
        return tuple(code for code in self.scenario.expect if code not in self.found)

    @property
    def unexpected(self) -> tuple[Finding, ...]:
        """The findings that nobody expected, but for doubts: these leave open what the answer is."""
        return tuple(
            finding for finding in self.findings if finding.code not in self.scenario.expect and not finding.is_doubt
        )

    @property
    def met(self) -> bool:
        """Whether exactly the expected codes were found and nothing escaped, as far as was looked."""
        return not (self.errors or self.missing or self.unexpected)

    @property
    def conclusive(self) -> bool:
        """Whether more looking could not change the verdict."""
        return self.result.complete or bool(self.errors or self.unexpected) or bool(self.scenario.expect and self.met)


@dataclass(slots=True)
class Play:
    """A scenario as the explorer's program: a fresh world every time.

    Attributes:
        world: of the present execution.
        record: keeps what happens, where one execution is wanted; that adds no point.
        kills_known: every client that is to be killed was seen to exist.
        tasks: of the execution that was judged last.
    """

    scenario: Scenario
    values: Mapping[str, Value]
    plan: Plan
    kills_known: bool = False
    tasks: Sequence[ControlledTask] = ()
    record: Recorder | None = None
    world: World = field(init=False)

    async def __call__(self) -> None:
        """Ask the question once."""
        task = asyncio.current_task()
        if task is not None:
            task.set_name(self.scenario.name)
        self.world = world = World(
            scenario=self.scenario.name,
            seed=self.plan.seed,
            backend="asyncio",
            kill=self.plan.kill,
            kills=self.plan.kills,
            record=self.record,
        )
        world.kernel.faults.allow(self.plan.failures if self.plan.fail else 0)
        world.kernel.faults.start(dict.fromkeys(self.plan.fail, 0.5))  # a choice: neither never nor always
        async with world:
            await self.scenario.function(world, **self.values)

    def judge(self, execution: Execution) -> Iterable[Finding]:
        """What the world has found so far; if nobody can go on, who waits for whom.

        Raises:
            UsageError: the scenario asked the world for something that does not exist, or the plan for a client.
        """
        self.tasks = execution.tasks
        for leaf in leaves(execution.error) if execution.error is not None else ():
            if isinstance(leaf, UsageError):
                raise leaf
        if not self.kills_known and execution.ending is Ending.RETURNED:
            self.world.mortals.check()
            self.kills_known = True
        findings = self.world.findings
        if execution.ending is Ending.DEADLOCK:
            asleep: dict[Hashable, Operation] = {
                task: task.operation for task in execution.tasks if task.operation is not None
            }
            findings.append(deadlock(asleep, self.world.kernel.lockdep, tasks_of("asyncio").name))
        return findings

    def who_holds(self, lock: str) -> str | None:
        """The name of the task that holds a lock."""
        for task in self.tasks:
            # The validator lists the lock that is waited for too.
            wanted = task.operation.resource if task.operation is not None else ""
            held = {each.lock.instance for each in self.world.kernel.lockdep.held(task)} - {wanted}
            if lock in held:
                return task.name
        return None

    def token(self, schedule: Schedule) -> Token:
        """What runs one schedule again."""
        plan = self.plan
        parameters: dict[str, Any] = {"values": dict(self.values), "seed": plan.seed}
        if plan.exact:
            parameters["exact"] = True
        if plan.kill:
            parameters |= {"kill": list(plan.kill), "kills": plan.kills}
        if plan.fail:
            parameters |= {"fail": list(plan.fail), "failures": plan.failures}
        return Token(self.scenario.path, schedule, parameters, fingerprint_of(self.scenario.function))


def explore_scenario(
    scenario: Scenario,
    values: Mapping[str, Value],
    plan: Plan,
    *,
    shrink_seconds: float = 5.0,
    progress: Callable[[Progress], None] | None = None,
) -> Explored:
    """Run ``scenario`` in every order, or in as many as the plan has room for.

    Args:
        scenario: the question.
        values: every parameter by name.
        plan: how.
        shrink_seconds: how long to look for a simpler schedule of each failure.
        progress: is called a few times a second.

    Raises:
        UsageError: the scenario asked the world for something that does not exist, or the plan never ends.
    """
    if plan.strategy in ("pct", "random") and plan.max_executions is None and plan.max_seconds is None:
        raise UsageError(f"strategy {plan.strategy} never ends by itself; give --max-executions or --max-seconds")
    play = Play(scenario, values, plan)
    result = explore(
        play,
        strategy=plan.chooser(),
        max_executions=plan.max_executions,
        max_seconds=plan.max_seconds,
        passes=plan.passes,
        stop_at_first=plan.stop_at_first,
        workers=plan.workers,
        judge=play.judge,
        who_holds=play.who_holds,
        progress=progress,
    )
    seconds = 0.0 if result.interrupted else shrink_seconds  # who presses Ctrl-C wants to see what there is
    failures = tuple(_simplest(play, failure, seconds) for failure in result.failures)
    tokens = tuple(str(play.token(failure.schedule)) for failure in failures)
    return Explored(scenario, values, plan, result, _with_tokens(failures, tokens), tokens)


def replay(scenario: Scenario, token: Token) -> Explored:
    """Run one recorded schedule again.

    Raises:
        UsageError: the scenario does not have the parameters of the token.
        ReplayDiverged: at a step other tasks could run than when it was recorded.
    """
    given = token.parameters
    plan = Plan(
        seed=given.get("seed", 0),
        kill=tuple(given.get("kill", ())),
        kills=given.get("kills"),
        fail=tuple(given.get("fail", ())),
        failures=given.get("failures", 1),
        exact=given.get("exact", False),
    )
    # Where one client was killed, another one may not have come.
    play = Play(scenario, given.get("values", {}), plan, kills_known=True)
    result = explore(
        play, strategy=Replay(token.schedule), passes=plan.passes, judge=play.judge, who_holds=play.who_holds
    )
    tokens = tuple(str(token) for _ in result.failures)
    return Explored(scenario, play.values, plan, result, _with_tokens(result.failures, tokens), tokens)


def _simplest(play: Play, failure: Failure, seconds: float) -> Failure:
    if not seconds:
        return failure
    passes, judge, who_holds = play.plan.passes, play.judge, play.who_holds
    return Shrinker(play, failure, seconds=seconds, passes=passes, judge=judge, who_holds=who_holds).run().failure


def _with_tokens(failures: Iterable[Failure], tokens: Iterable[str]) -> tuple[Failure, ...]:
    return tuple(
        replace(failure, finding=failure.finding.with_token(token)) if failure.finding is not None else failure
        for failure, token in zip(failures, tokens, strict=True)
    )
