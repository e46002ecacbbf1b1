"""``nova-async run``."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click
import structlog

from nova_async.cli import logs, options
from nova_async.cli.choose import chosen, nothing_selected
from nova_async.cli.command import Verb
from nova_async.cli.exit_code import ExitCode
from nova_async.cli.exploring import progress_line, recording_of
from nova_async.cli.outputs import Outputs, output_options, tell_github
from nova_async.cli.terminal import answers, is_narrow, progress, show
from nova_async.errors import UsageError
from nova_async.events import Recorder
from nova_async.lockdep import Validator
from nova_async.report.case import Case
from nova_async.report.explored import outcome_of
from nova_async.report.json import run_document
from nova_async.report.locks import lock_stat_table
from nova_async.report.text import closing_text, outcome_text, run_table
from nova_async.scenario import runner
from nova_async.scenario.collector import rare_collections
from nova_async.scenario.declare import Scenario
from nova_async.scenario.exploring import Plan, explore_scenario
from nova_async.scenario.outcome import Outcome
from nova_async.scenario.parameters import Value, split_settings, values_for

log = structlog.get_logger()

EXPLORE_EXECUTIONS = 10_000
"""Where a scenario asks to be explored; ``nova-async explore`` has no bound of its own."""


@dataclass
class Session:
    """What is to be run, and what came out so far.

    Attributes:
        plan: each scenario with its parameters.
        backend: ``asyncio`` or ``trio``.
        seed: of everything chosen by chance.
        exit_first: stop at the first scenario that is not met.
        lock_stat: measure waiting and holding.
        record: keep what happens, for traces.
        replay: run a failure that was explored once more, and keep what happens.
        outcomes: of those that ran.
        interrupted: the user stopped it.
    """

    plan: Sequence[tuple[Scenario, dict[str, Value]]]
    backend: str
    seed: int
    exit_first: bool
    lock_stat: bool = False
    record: bool = False
    replay: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    interrupted: bool = False

    def run(self, *, show_progress: bool) -> None:
        """Run until done, the first unmet one if so asked, or Ctrl-C."""
        with rare_collections(), progress(len(self.plan), wanted=show_progress) as step:
            try:
                for scenario, values in self.plan:
                    step(scenario.name)
                    self._run_one(scenario, values, step.note)
                    if self.exit_first and not self.outcomes[-1].met:
                        return
            except KeyboardInterrupt:
                self.interrupted = True

    def _run_one(self, scenario: Scenario, values: dict[str, Value], note: Callable[[str], None]) -> None:
        if scenario.explore is not None:
            self._explore_one(scenario, values, scenario.explore, note)
            return

        def talk(line: str) -> None:
            note(line)
            log.info("scenario.at", scenario=scenario.name, progress=line)

        lockdep = runner.timed if self.lock_stat else Validator
        recorder = Recorder() if self.record else None
        outcome = runner.run(
            scenario, values, backend=self.backend, seed=self.seed, lockdep=lockdep, talk=talk, record=recorder
        )
        self.outcomes.append(outcome)
        log.info("scenario.ran", scenario=scenario.name, backend=self.backend, seed=self.seed, verdict=outcome.verdict)

    def _explore_one(
        self, scenario: Scenario, values: dict[str, Value], strategy: str, note: Callable[[str], None]
    ) -> None:
        """A scenario that one run does not answer, as it says itself."""
        plan = Plan(strategy=strategy, seed=self.seed, max_executions=EXPLORE_EXECUTIONS)
        explored = explore_scenario(scenario, values, plan, progress=lambda seen: note(progress_line(seen)))
        self.outcomes.append(outcome_of(explored, recording_of(explored) if self.replay else None))
        log.info("scenario.explored", scenario=scenario.name, strategy=strategy, verdict=self.outcomes[-1].verdict)
        if explored.result.interrupted:
            raise KeyboardInterrupt

    @property
    def cases(self) -> list[Case]:
        """For the reports; what was selected and did not run is among them."""
        why = "interrupted" if self.interrupted else "-x: an earlier one was not met"
        left = [scenario for scenario, _ in self.plan[len(self.outcomes) :]]
        return [*map(Case.of, self.outcomes), *(Case.not_run(scenario, self.backend, why) for scenario in left)]

    @property
    def exit_code(self) -> ExitCode:
        """What the process ends with."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        return ExitCode.OK if all(outcome.met for outcome in self.outcomes) else ExitCode.UNMET


@click.command(
    "run",
    cls=Verb,
    examples=[
        "run",
        "run scenarios/ -k 'submitters and not reclaim' --backend trio",
        "run scenarios/mixed_clients.py::mixed_clients -p creators=100 --seed 7",
        "run --junit report.xml --trace trace.json",
        "run --json",
    ],
)
@options.targets
@options.settings
@options.backend
@options.seed
@options.keyword
@options.exit_first
@options.lock_stat
@options.quiet
@options.verbose
@options.as_json
@output_options
@options.no_progress
def command(
    *,
    targets: tuple[str, ...],
    settings: tuple[str, ...],
    backend: str,
    seed: int,
    keyword: str,
    exit_first: bool,
    lock_stat: bool,
    quiet: int,
    verbose: int,
    as_json: bool,
    outputs: Outputs,
    no_progress: bool,
) -> int:
    """Run scenarios and compare what the checker finds with what they expect.

    Without a PATH: the folder scenarios/ here, or else the copy that came with the package.
    """
    verbosity = verbose - quiet
    logs.configure(verbosity)
    outputs.check(as_json=as_json)
    given = split_settings(settings)
    scenarios = chosen(targets, keyword)
    if not scenarios:
        return nothing_selected(targets, keyword)
    plan = [(scenario, values_for(scenario.name, scenario.parameters, given)) for scenario in scenarios]
    session = Session(plan, backend, seed, exit_first, lock_stat, outputs.records, outputs.replays)
    session.run(show_progress=not no_progress and verbosity >= 0)
    problems = outputs.write(session.cases)
    if as_json:
        click.echo(json.dumps(run_document(session.outcomes, interrupted=session.interrupted), indent=2))
    elif not outputs.takes_stdout:
        _tell(session, verbosity)
    tell_github(session.cases)
    if problems:
        raise UsageError("; ".join(problems))
    return session.exit_code


def _tell(session: Session, verbosity: int) -> None:
    console = answers()
    if verbosity >= 0:
        show(console, run_table(session.outcomes, compact=is_narrow(console)))
        console.print()
    verbose = verbosity > 0
    for outcome in session.outcomes:
        if not outcome.met or (verbose and outcome.findings):
            console.print(outcome_text(outcome, verbose=verbose), soft_wrap=True)
        if outcome.lock_stat is not None:
            console.print(f"── {outcome.scenario.name}: locks", soft_wrap=True)
            show(console, lock_stat_table(outcome.lock_stat, compact=is_narrow(console)))
            console.print()
    closing = closing_text(session.outcomes, selected=len(session.plan), backend=session.backend, seed=session.seed)
    console.print(closing, soft_wrap=True)
    if session.interrupted:
        click.echo("nova-async: interrupted; the results above are partial", err=True)
