"""``nova-async explore``."""

import json
from pathlib import Path
from typing import Any

import click

from nova_async.cli import logs, options
from nova_async.cli.choose import chosen, nothing_selected
from nova_async.cli.command import Verb
from nova_async.cli.completers import complete_target
from nova_async.cli.exploring import Exploring
from nova_async.cli.outputs import Outputs, output_options, tell_github
from nova_async.cli.terminal import answers, is_narrow, show
from nova_async.errors import UsageError
from nova_async.explore.strategies import STRATEGIES
from nova_async.kernel.faults import KINDS
from nova_async.report.explored import explore_closing_text, explore_document, explore_table, explored_text
from nova_async.scenario.exploring import Plan, Play
from nova_async.scenario.parameters import split_settings, values_for

DEFAULT_STRATEGY = "exhaustive"


@click.command(
    "explore",
    cls=Verb,
    examples=[
        "explore scenarios/opposite_order.py",
        "explore scenarios/vgpu_creators.py -p creators=2 --max-seconds 300",
        "explore scenarios/vgpu_creators.py -p creators=3 -p pages=1 --workers 2 --max-seconds 60",
        "explore scenarios/drm_submitters.py --strategy pct --depth 4 --max-executions 10000 --seed 7",
        "explore scenarios/vgpu_creators.py -p creators=2 --kill 'vgpu*' --fail alloc --max-seconds 60",
        "explore scenarios/opposite_order.py --save-schedule schedule.json",
    ],
)
@click.argument("targets", nargs=-1, metavar="PATH[::NAME]…", required=True, shell_complete=complete_target)
@options.settings
@click.option("--strategy", type=click.Choice(list(STRATEGIES)), help="Who chooses; else as the scenario says.")
@click.option("--max-executions", type=click.IntRange(min=1), metavar="N", help="Stop after so many.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Stop after so long.")
@options.seed
@click.option("--preemptions", type=click.IntRange(min=0), metavar="N", help="At most so many in an execution.")
@click.option("--depth", type=click.IntRange(min=1), default=3, show_default=True, metavar="N", help="Of pct.")
@click.option("--kill", multiple=True, metavar="NAME", help="Such clients may be killed at any point; a glob.")
@click.option("--kills", type=click.IntRange(min=1), metavar="N", help="At most so many of them; else all.")
@click.option("--fail", multiple=True, type=click.Choice(KINDS), help="Such operations may fail.")
@click.option(
    "--failures",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="At most so many of them.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Spread an exhaustive search over so many processes.",
)
@click.option("stop_at_first", "--first", is_flag=True, help="Stop at the first failure.")
@click.option("--exact", is_flag=True, help="Tell states apart by every address, not by who allocated it.")
@click.option("--no-shrink", is_flag=True, help="Leave schedules as they were found.")
@click.option(
    "--shrink-seconds",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="S",
    help="How long to look for a simpler schedule of each failure.",
)
@click.option(
    "--save-schedule",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the schedule of the first failure, for replay.",
)
@options.keyword
@options.exit_first
@options.quiet
@options.verbose
@options.as_json
@output_options
@options.no_progress
def command(
    *,
    targets: tuple[str, ...],
    settings: tuple[str, ...],
    strategy: str | None,
    no_shrink: bool,
    shrink_seconds: float,
    save_schedule: Path | None,
    keyword: str,
    exit_first: bool,
    quiet: int,
    verbose: int,
    as_json: bool,
    outputs: Outputs,
    no_progress: bool,
    **how: Any,
) -> int:
    """Drive scenarios through their schedules, and print the simplest that breaks them.

    Ends with 0 if every order was tried and all is as expected, with 4 if a bound was hit before.
    """
    verbosity = verbose - quiet
    logs.configure(verbosity)
    outputs.check(as_json=as_json)
    scenarios = chosen(targets, keyword)
    if not scenarios:
        return nothing_selected(targets, keyword)
    given = split_settings(settings)
    work = [(scenario, values_for(scenario.name, scenario.parameters, given)) for scenario in scenarios]
    plan = Plan(strategy=strategy or DEFAULT_STRATEGY, **how)
    budget = 0 if no_shrink else shrink_seconds
    session = Exploring(work, plan, strategy, budget, exit_first, record=outputs.replays)
    session.run(show_progress=not no_progress and verbosity >= 0)
    problems = outputs.write(session.cases) + _save(session, save_schedule)
    if as_json:
        document = explore_document(session.done, selected=len(work), interrupted=session.interrupted)
        click.echo(json.dumps(document, indent=2))
    elif not outputs.takes_stdout:
        _tell(session, verbosity)
    tell_github(session.cases)
    if problems:
        raise UsageError("; ".join(problems))
    return session.exit_code


def _tell(session: Exploring, verbosity: int) -> None:
    console = answers()
    if verbosity >= 0:
        show(console, explore_table(session.done, compact=is_narrow(console)))
        console.print()
    for explored in session.done:
        if not (explored.met and explored.conclusive) or (verbosity > 0 and explored.failures):
            console.print(explored_text(explored, verbose=verbosity > 0), soft_wrap=True)
    console.print(explore_closing_text(session.done, selected=len(session.work)), soft_wrap=True)
    if session.interrupted:
        click.echo("nova-async: interrupted; the results above are partial", err=True)


def _save(session: Exploring, path: Path | None) -> list[str]:
    """Write the schedule of the first failure; returns what hindered that."""
    if path is None:
        return []
    explored = next((one for one in session.done if one.failures), None)
    if explored is None:
        click.echo(f"nova-async: nothing went wrong, so there is no schedule to write to {path}", err=True)
        return []
    token = Play(explored.scenario, explored.values, explored.plan).token(explored.failures[0].schedule)
    try:
        path.write_text(token.to_json(), encoding="utf-8")
    except OSError as error:
        return [f"--save-schedule {path}: {error.strerror or error}"]
    return []
