"""``nova-async locks``."""

import json
from functools import partial

import click

from nova_async.checks.lock_table import LockUse, RowUse, Watcher, compare
from nova_async.cli import options
from nova_async.cli.choose import chosen, nothing_selected
from nova_async.cli.command import Verb
from nova_async.cli.exit_code import ExitCode
from nova_async.cli.terminal import answers, is_narrow, progress, show
from nova_async.errors import UsageError
from nova_async.mm.lock_order import LOCK_ORDER
from nova_async.report.json import locks_document
from nova_async.report.locks import lock_table, observed_table, observed_text
from nova_async.scenario import CLEAN, Scenario, runner
from nova_async.scenario.outcome import Outcome
from nova_async.scenario.parameters import values_for


@click.command(
    "locks", cls=Verb, examples=["locks", "locks --observed", "locks --observed scenarios/mixed_clients.py --json"]
)
@options.targets
@click.option("--observed", is_flag=True, help="Run the scenarios that should be clean, and show what was seen.")
@options.backend
@options.seed
@options.as_json
@options.no_progress
def command(
    *, targets: tuple[str, ...], observed: bool, backend: str, seed: int, as_json: bool, no_progress: bool
) -> int:
    """The driver's locks in acquisition order: what they guard, who takes them, what may happen under them.

    With --observed, beside each lock: under which locks it was taken, whether in a fence-signalling section, whether a
    reclaimable allocation happened under it. Ends with 1 if that contradicts the table, or a scenario was not clean.
    """
    if not observed:
        return _declared(targets, as_json=as_json)
    clean = [each for each in chosen(targets, "") if each.expect == CLEAN]
    if not clean:
        return nothing_selected(targets, "")
    use = LockUse()
    outcomes = _watched(clean, use, backend, seed, show_progress=not no_progress)
    uses = compare(LOCK_ORDER, use)
    _tell(uses, outcomes, as_json=as_json)
    wrong = any(row.contradictions for row in uses) or not all(outcome.met for outcome in outcomes)
    return ExitCode.UNMET if wrong else ExitCode.OK


def _declared(targets: tuple[str, ...], *, as_json: bool) -> int:
    if targets:
        raise UsageError(f"{targets[0]}: the table is the same for all scenarios; to run some, add --observed")
    if as_json:
        click.echo(json.dumps(locks_document(LOCK_ORDER), indent=2))
    else:
        console = answers()
        show(console, lock_table(LOCK_ORDER, compact=is_narrow(console)))
    return ExitCode.OK


def _watched(scenarios: list[Scenario], use: LockUse, backend: str, seed: int, *, show_progress: bool) -> list[Outcome]:
    outcomes = []
    with progress(len(scenarios), wanted=show_progress) as step:
        for scenario in scenarios:
            step(scenario.name)
            values = values_for(scenario.name, scenario.parameters, {})
            lockdep = partial(Watcher, use=use)
            outcomes.append(runner.run(scenario, values, backend=backend, seed=seed, lockdep=lockdep))
    return outcomes


def _tell(uses: tuple[RowUse, ...], outcomes: list[Outcome], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(locks_document(LOCK_ORDER, uses, outcomes), indent=2))
        return
    console = answers()
    show(console, observed_table(uses))
    console.print()
    console.print(observed_text(uses, outcomes), soft_wrap=True)
