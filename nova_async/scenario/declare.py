"""``@scenario``: a question, its expected answer, and the code that asks it."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nova_async.errors import UsageError
from nova_async.findings import SLUGS
from nova_async.scenario.parameters import Parameter, parameters_of

CLEAN: tuple[str, ...] = ()
"""The expectation that nothing is found."""

STRATEGIES = ("exhaustive", "dpor", "pct", "random")
"""How the schedules of a scenario can be explored."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One question about the memory manager.

    Attributes:
        name: of the function.
        question: the first line of its docstring.
        expect: the codes of the findings that answer it, sorted; empty for :data:`CLEAN`.
        parameters: what ``-p`` can set.
        explore: the strategy it takes to answer it; ``None`` if one run does.
        function: the coroutine function, called with a world and the parameters by name.
        file: where it was found, relative to the working directory where it lies below it.
    """

    name: str
    question: str
    expect: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    explore: str | None
    function: Callable[..., Awaitable[None]]
    file: str = ""

    @property
    def path(self) -> str:
        """What to give the command line to name it: ``PATH::NAME``."""
        return f"{self.file}::{self.name}"


def scenario(
    *, expect: str | tuple[str, ...], explore: str | None = None
) -> Callable[[Callable[..., Awaitable[None]]], Scenario]:
    """Declare a scenario.

    ::

        @scenario(expect="NOVA203")
        async def vm_lock_across_prepare(world: World, submitters: int = 2) -> None:
            \"\"\"May one lock serve both prepare and execute?\"\"\"

    Args:
        expect: :data:`CLEAN`, the code of the finding that must appear, or several; no other may.
        explore: the strategy that answers the question, where one run does not.

    Raises:
        UsageError: the declaration is not whole; the message says what is missing.
    """
    codes = tuple(sorted({expect} if isinstance(expect, str) else set(expect)))
    for code in codes:
        if code not in SLUGS:
            raise UsageError.unknown("finding code", code, SLUGS)
    if explore is not None and explore not in STRATEGIES:
        raise UsageError.unknown("strategy", explore, STRATEGIES)

    def declare(function: Callable[..., Awaitable[None]]) -> Scenario:
        name = function.__name__
        if not inspect.iscoroutinefunction(function):
            raise UsageError(f"scenario {name!r} is no coroutine function; write async def {name}")
        if isinstance(function.__globals__.get(name), Scenario):
            raise UsageError(f"scenario {name!r} is declared twice in this file; rename one of them")
        return Scenario(name, _question_of(function), codes, parameters_of(function), explore, function)

    return declare


def _question_of(function: Callable[..., object]) -> str:
    lines = (inspect.getdoc(function) or "").splitlines()
    if not lines or not lines[0].endswith("?"):
        raise UsageError(
            f"scenario {function.__name__!r} asks nothing; the first line of its docstring must end with '?'"
        )
    return lines[0]
