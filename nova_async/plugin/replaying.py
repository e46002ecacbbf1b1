"""``--nova-replay``: the test that a token names, in the order that it has recorded."""

import shlex
from pathlib import Path

import pytest

from nova_async.errors import UsageError
from nova_async.explore import Token
from nova_async.explore.token import SHORT


def recorded(config: pytest.Config) -> Token | None:
    """The token on the command line, or in the file that is named there.

    Raises:
        pytest.UsageError: it is none.
    """
    given = config.getoption("nova_replay", None)
    if given is None:
        return None
    try:
        if given.endswith(".json"):
            return Token.from_json(Path(given).read_text(encoding="utf-8"))
        return Token.parse(given)
    except (UsageError, OSError, UnicodeDecodeError) as error:
        raise pytest.UsageError(f"--nova-replay: {error}") from None


def names_of(item: pytest.Item) -> set[str]:
    """How a token may call a test: a scenario also as the command line does."""
    scenario = getattr(item, "scenario", None)
    return {item.nodeid} if scenario is None else {item.nodeid, scenario.path}


def keep_recorded(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect all but the test of the token.

    Raises:
        pytest.UsageError: it is not there.
    """
    token = recorded(config)
    if token is None:
        return
    kept = [item for item in items if token.program in names_of(item)]
    if not kept:
        raise pytest.UsageError(f"--nova-replay: the token is of {token.program}, which is not among the tests here")
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def replay_command(config: pytest.Config, nodeid: str, token: Token) -> str:
    """What to type; a schedule too long for a line goes into a file in pytest's cache."""
    text = str(token)
    cache = getattr(config, "cache", None)  # not under -p no:cacheprovider
    if len(text) > SHORT and cache is not None:
        file = cache.mkdir("nova") / f"{token.fingerprint or 'schedule'}-{text[-8:]}.json"
        file.write_text(token.to_json(), encoding="utf-8")
        text = _shown(file)
    return f"pytest {shlex.quote(nodeid)} --nova-replay {shlex.quote(text)}"


def _shown(file: Path) -> str:
    cwd = Path.cwd()
    return str(file.relative_to(cwd) if file.is_relative_to(cwd) else file)
