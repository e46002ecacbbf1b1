"""How to explore a test: the command line wins over the marker, the marker over the ini file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from nova_async.errors import UsageError
from nova_async.explore import STRATEGIES, Token
from nova_async.plugin.replaying import recorded

MAX_EXECUTIONS = 10_000
"""Unless somebody says otherwise: a test that explodes ends within a minute or so."""

T = TypeVar("T")

ARGUMENTS = ("strategy", "max_executions", "max_seconds", "seed", "kill", "preemptions", "depth", "points", "complete")
"""Of the marker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to explore a test.

    Attributes:
        strategy: a name of :data:`~nova_async.explore.STRATEGIES`; None if nobody named one.
        max_executions: stop after so many.
        max_seconds: stop after so long.
        seed: of strategies that throw dice, and of worlds.
        replay: the schedule to run instead.
    """

    strategy: str | None
    max_executions: int
    max_seconds: float | None
    seed: int
    replay: Token | None


def settings_of(config: pytest.Config, marker: Mapping[str, Any]) -> Settings:
    """What holds for a test whose marker has these arguments.

    Raises:
        pytest.UsageError: one of the values is none.
    """
    executions = _first(config, "nova_max_executions", marker, _count)
    seconds = _first(config, "nova_max_seconds", marker, _seconds)
    return Settings(
        strategy=_first(config, "nova_strategy", marker, _strategy),
        max_executions=MAX_EXECUTIONS if executions is None else executions,
        max_seconds=seconds,
        seed=seed_of(config, marker),
        replay=recorded(config),
    )


def seed_of(config: pytest.Config, marker: Mapping[str, Any]) -> int:
    """The seed alone.

    Raises:
        pytest.UsageError: it is none.
    """
    return _first(config, "nova_seed", marker, _seed) or 0


def check_options(config: pytest.Config) -> None:
    """Look at the command line before any test is collected.

    Raises:
        pytest.UsageError: a value on the command line is none.
    """
    settings_of(config, {})


def _first(config: pytest.Config, name: str, marker: Mapping[str, Any], read: Callable[[Any], T]) -> T | None:
    short = name.removeprefix("nova_")
    option = "--" + name.replace("_", "-")
    given = (
        (option, config.getoption(name, None)),
        (f"nova({short}=...)", marker.get(short)),
        (name, config.getini(name) or None),
    )
    for where, value in given:
        if value is not None:
            try:
                return read(value)
            except (ValueError, TypeError, UsageError) as error:
                raise pytest.UsageError(f"{where}: {error}") from None
    return None


def _seed(value: Any) -> int:
    seed = _whole(value)
    if seed is None or seed < 0:
        raise ValueError(f"{value!r} is no seed; expected a whole number such as 7 or 0x1f")
    return seed


def _count(value: Any) -> int:
    count = _whole(value)
    if count is None or count < 1:
        raise ValueError(f"{value!r} is no number of executions; expected a whole number from 1 on")
    return count


def _whole(value: Any) -> int | None:
    try:
        return int(value, 0) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        return None


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not seconds > 0:
        raise ValueError(f"{value!r} is no time; expected seconds, such as 2.5")
    return seconds


def _strategy(value: Any) -> str:
    if value not in STRATEGIES:
        raise UsageError.unknown("strategy", str(value), STRATEGIES)
    return str(value)
