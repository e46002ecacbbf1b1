"""An async test with the marker ``nova``, run in every order of its tasks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, cast

import pytest

from nova_async.errors import ReplayDiverged, UsageError
from nova_async.explore import Execution, Failure, Result, Shrinker, Strategy, Token, explore, fingerprint_of
from nova_async.explore.loop import Points
from nova_async.explore.strategies import Replay
from nova_async.findings import Finding
from nova_async.lockdep import splat
from nova_async.operation import Kind
from nova_async.plugin.judging import judge
from nova_async.plugin.lockdep import Lockdep
from nova_async.plugin.replaying import replay_command
from nova_async.plugin.settings import ARGUMENTS, Settings, settings_of
from nova_async.plugin.telling import add, failure_text, tell
from nova_async.plugin.worlds import Worlds

SHRINK_SECONDS = 5.0


@contextmanager
def explored(item: pytest.Function) -> Iterator[None]:
    """Put a plain function that explores in place of the async one, so that nobody else takes it for his."""
    parent: Any = item.parent
    before = item.obj
    # Not item.obj: pytest-trio has put a function of its own there by now.
    test = getattr(item.instance or parent.obj, item.originalname)
    item.obj = lambda **fixtures: _explore(item, test, fixtures)
    try:
        yield
    finally:
        item.obj = before  # pytest cuts tracebacks by it


@dataclass(slots=True)
class Marked:
    """A test as the explorer's program.

    Attributes:
        item: the test as pytest knows it.
        test: the async function.
        fixtures: what it is called with; evaluated once, so the same in every execution.
        marker: the arguments of its marker.
        settings: how to explore.
    """

    item: pytest.Function
    test: Callable[..., Any]
    fixtures: Mapping[str, Any]
    marker: Mapping[str, Any]
    settings: Settings

    async def __call__(self) -> Any:
        """The test, once, with fresh worlds and a fresh validator."""
        with ExitStack() as watching:
            for fixture in self.fixtures.values():
                if isinstance(fixture, Worlds):
                    fixture.made.clear()
                    fixture.kill = self.kill
                elif isinstance(fixture, Lockdep):
                    watching.enter_context(fixture.watching())
            return await self.test(**self.fixtures)

    @property
    def kill(self) -> tuple[str, ...]:
        """Who may be killed."""
        given = self._parameter("kill", ())
        return (given,) if isinstance(given, str) else tuple(given)

    @property
    def points(self) -> Points:
        """Where tasks may be interleaved: what the model announces, or every await of any other program."""
        return cast("Points", self._parameter("points", "points" if self.has_world else "awaits"))

    @property
    def passes(self) -> tuple[Kind, ...]:
        """What is no point; see :attr:`~nova_async.scenario.exploring.Plan.passes`."""
        return () if self.kill else (Kind.ALLOC,)

    @property
    def has_world(self) -> bool:
        """Whether the test plays in worlds."""
        return any(isinstance(fixture, Worlds) for fixture in self.fixtures.values())

    @property
    def strategy(self) -> str:
        """By name."""
        if self.settings.replay is not None:
            return "replay"
        return self.settings.strategy or ("exhaustive" if self.points == "points" else "dpor")

    def chooser(self) -> str | Strategy:
        """What the explorer takes."""
        replay = self.settings.replay
        return self.strategy if replay is None else Replay(replay.schedule)

    def judge(self, execution: Execution) -> list[Finding]:
        """What the fixtures have found."""
        return judge(self.fixtures, execution)

    def token(self, failure: Failure) -> Token:
        """What runs it again."""
        parameters: dict[str, Any] = {"seed": self.settings.seed, "points": self.points}
        if self.kill:
            parameters["kill"] = list(self.kill)
        return Token(self.item.nodeid, failure.schedule, parameters, fingerprint_of(self.test))

    def _parameter(self, name: str, default: Any) -> Any:
        replay = self.settings.replay
        return self.marker.get(name, default) if replay is None else replay.parameters.get(name, default)


def _explore(item: pytest.Function, test: Callable[..., Any], fixtures: Mapping[str, Any]) -> None:
    __tracebackhide__ = True
    try:
        marked = _marked(item, test, fixtures)
        result = _run(marked)
    except (UsageError, pytest.UsageError, ReplayDiverged) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    tell(item, result, strategy=marked.strategy, seed=marked.settings.seed)
    if result.interrupted:
        raise KeyboardInterrupt
    failures = [failure for failure in result.failures if not failure.is_doubt]
    if failures:
        _fail(marked, _simplest(marked, failures[0]))
    if marked.marker.get("complete") and not result.complete and marked.settings.replay is None:
        pytest.fail(f"not every order was tried: {'; '.join(result.incomplete_because)}", pytrace=False)


def _marked(item: pytest.Function, test: Callable[..., Any], fixtures: Mapping[str, Any]) -> Marked:
    closest = item.get_closest_marker("nova")
    marker = closest.kwargs if closest is not None else {}
    if not iscoroutinefunction(test):
        raise UsageError(f"marker nova: {item.originalname} is no coroutine function; write async def")
    if closest is not None and closest.args:
        raise UsageError(f"marker nova: {closest.args[0]!r} needs a name, such as strategy={closest.args[0]!r}")
    for name in marker:
        if name not in ARGUMENTS:
            raise UsageError(f"marker nova: {UsageError.unknown('argument', name, ARGUMENTS)}")
    settings = settings_of(item.config, marker)
    marked = Marked(item, test, fixtures, marker, settings)
    if marked.points not in ("points", "awaits"):
        raise UsageError(f"marker nova: {UsageError.unknown('kind of points', marked.points, ('points', 'awaits'))}")
    if marked.kill and not marked.has_world:
        raise UsageError("marker nova: kill= names clients of a world; the test does not use nova_world")
    return marked


def _run(marked: Marked) -> Result:
    settings, marker = marked.settings, marked.marker
    if settings.replay is not None:
        for fixture in marked.fixtures.values():
            if isinstance(fixture, Worlds):
                fixture.seed = settings.replay.parameters.get("seed", settings.seed)
    return explore(
        marked,
        strategy=marked.chooser(),
        max_executions=settings.max_executions,
        max_seconds=settings.max_seconds,
        seed=settings.seed,
        preemptions=marker.get("preemptions"),
        depth=marker.get("depth", 3),
        points=marked.points,
        passes=marked.passes,
        stop_at_first=settings.replay is None,
        judge=marked.judge,
    )


def _simplest(marked: Marked, failure: Failure) -> Failure:
    if marked.settings.replay is not None:
        return failure
    shrinker = Shrinker(
        marked, failure, seconds=SHRINK_SECONDS, points=marked.points, passes=marked.passes, judge=marked.judge
    )
    return shrinker.run().failure


def _fail(marked: Marked, failure: Failure) -> None:
    """The test fails as it would by itself, with the schedule below it."""
    __tracebackhide__ = True
    replay = marked.settings.replay
    token = marked.token(failure) if replay is None else replay
    add(marked.item, failure_text(failure, replay_command(marked.item.config, marked.item.nodeid, token)))
    if replay is not None and replay.changed(fingerprint_of(marked.test)):
        add(marked.item, "the file of the test was changed since this order was recorded")
    marked.item.user_properties.append(("nova.token", str(token)))
    if failure.error is not None:
        raise failure.error
    if failure.finding is not None:
        pytest.fail(splat(failure.finding.with_token(str(token))), pytrace=False)
