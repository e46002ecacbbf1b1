"""``nova-async replay``."""

import json
from pathlib import Path

import click

from nova_async.cli import logs, options
from nova_async.cli.command import Verb
from nova_async.cli.exit_code import ExitCode
from nova_async.cli.terminal import answers
from nova_async.errors import ReplayDiverged, UsageError
from nova_async.explore import Token, fingerprint_of
from nova_async.report.explored import explore_document, failure_text, outcome_of
from nova_async.report.json import Entry
from nova_async.report.text import expectation
from nova_async.scenario import exploring
from nova_async.scenario.declare import Scenario
from nova_async.scenario.discovery import discover
from nova_async.scenario.exploring import Explored


@click.command("replay", cls=Verb, examples=["replay 'n1.eNpt…3f.0a1b2c3d'", "replay schedule.json -v"])
@click.argument("source", metavar="TOKEN-OR-FILE")
@options.verbose
@options.as_json
def command(*, source: str, verbose: int, as_json: bool) -> int:
    """Run one recorded schedule again.

    Ends with 1 if something goes wrong that the scenario does not expect, with 4 if the schedule does not fit any more.
    """
    logs.configure(verbose)
    token = read_token(source)
    scenario = scenario_of(token)
    if token.changed(fingerprint_of(scenario.function)):
        click.echo(f"nova-async: {scenario.file} is not what it was when the schedule was recorded", err=True)
    try:
        explored = _replayed(scenario, token)
    except ReplayDiverged as error:
        click.echo(f"nova-async: the replay diverged at {error}", err=True)
        return ExitCode.INCONCLUSIVE
    if as_json:
        click.echo(json.dumps(_document(explored), indent=2))
    else:
        _tell(explored, verbose=verbose > 0)
    return ExitCode.UNMET if _is_unexpected(explored) else ExitCode.OK


def read_token(source: str) -> Token:
    """The token that was given, or the one in the file of that name.

    Raises:
        UsageError: it is neither, or damaged.
    """
    path = Path(source)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # a name that no file can have: a token may be longer than names are
        is_file = False
    if is_file:
        return _read_file(path)
    if "." not in source or "/" in source or source.endswith(".json"):
        raise UsageError(f"replay: {source!r} is no token, and there is no file of that name")
    return Token.parse(source)


def _read_file(path: Path) -> Token:
    try:
        return Token.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError):  # a document of the right name and another shape
        raise UsageError(f"{path}: schedule file is damaged: a field is missing or of another type") from None


def scenario_of(token: Token) -> Scenario:
    """The scenario that the token was recorded with.

    Raises:
        UsageError: it is not here, or does not take the parameters of the token any more.
    """
    try:
        (scenario,) = discover((token.program,))
    except UsageError as error:
        where = f"replay: the schedule is one of {token.program}, which was named from the folder it was recorded in"
        raise UsageError(f"{where}: {error}") from None
    known = {parameter.name for parameter in scenario.parameters}
    for name in token.parameters.get("values", {}):
        if name not in known:
            raise UsageError(f"replay: {token.program} has {UsageError.unknown('parameter', name, known)}")
    return scenario


def _replayed(scenario: Scenario, token: Token) -> Explored:
    explored = exploring.replay(scenario, token)
    taken, recorded = explored.result.steps, len(token.schedule.steps)
    if taken < recorded:
        runnable = ", ".join(token.schedule.steps[taken].runnable)
        raise ReplayDiverged(f"step {taken + 1}: recorded with {{{runnable}}} runnable, now {{}}: it has ended")
    return explored


def _is_unexpected(explored: Explored) -> bool:
    """One schedule need not show all that the scenario expects of every order."""
    return bool(explored.unexpected or explored.errors)


def _document(explored: Explored) -> Entry:
    ok = not _is_unexpected(explored)
    said = "as expected" if ok else outcome_of(explored).verdict
    return {**explore_document([explored], selected=1), "strategy": "replay", "ok": ok, "verdict": said}


def _tell(explored: Explored, *, verbose: bool) -> None:
    console = answers()
    name, expected = explored.scenario.name, expectation(explored.scenario)
    found = ", ".join(explored.found) or ("an error" if explored.errors else "nothing")
    console.print(f"── {name}: expected {expected}; this schedule gives {found}\n", soft_wrap=True)
    for failure, token in zip(explored.failures, explored.tokens, strict=True):
        console.print(failure_text(failure, token, verbose=verbose) + "\n", soft_wrap=True)
    steps = explored.result.steps
    console.print(f"Replayed, {steps} steps as recorded; other orders were not tried.", soft_wrap=True)
