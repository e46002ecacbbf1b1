"""``nova-async selftest``."""

import anyio
import click

from nova_async.cli.command import Verb
from nova_async.cli.completers import complete_chip
from nova_async.cli.exit_code import ExitCode
from nova_async.hw.chipset import CHIPSETS, Chipset
from nova_async.lockdep.aio import tasks_of
from nova_async.mm.selftest import Outcome, ktap, run_selftests

BACKEND = "asyncio"


@click.command(
    "selftest", cls=Verb, examples=["selftest", "selftest --chip GH100", "selftest --chip TU102 --chip GB202"]
)
@click.option(
    "names",
    "--chip",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_chip,
    help="Only this chip; repeatable.  [default: all]",
)
def command(*, names: tuple[str, ...]) -> int:
    """The self-tests of the driver, on the model of every chip, as KTAP on stdout.

    They write through PRAMIN and read through BAR1 and the other way round, so driver and hardware model must agree.
    """
    chips = [Chipset.named(name) for name in names or CHIPSETS]
    outcomes = anyio.run(_run, chips, backend=BACKEND)
    click.echo(ktap(outcomes), nl=False)
    failed = any(outcome.error for chip in outcomes.values() for outcome in chip)
    return ExitCode.UNMET if failed else ExitCode.OK


async def _run(chips: list[Chipset]) -> dict[str, list[Outcome]]:
    tasks = tasks_of(BACKEND)
    return {chip.name: await run_selftests(chip, tasks) for chip in chips}
