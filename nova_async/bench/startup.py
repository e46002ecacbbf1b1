"""What it takes to start, beside a Python that does nothing: every measurement is a process of its own."""

import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

from nova_async.bench import Settings
from nova_async.bench.figure import Goal, Report, Samples
from nova_async.bench.turns import Turn, Values, in_turns
from nova_async.errors import InternalError

MILLISECONDS = "ms"
ROUNDS = 11

PYTHON = "python -c pass"
VERSION = "nova-async --version"
PYTEST, PYTEST_WITH_PLUGIN = "pytest of one test, plugin disabled", "pytest of one test, plugin installed and unused"
EXAMPLE = "mixed_clients"

VERSION_GOAL = 100.0
PLUGIN_GOAL = 50.0

NOTES = ("Processes of this interpreter; their files are in the cache after the first round.",)


def run(settings: Settings) -> Report:
    """Every command in turns."""
    samples = Samples()
    notes = list(NOTES)
    with tempfile.TemporaryDirectory() as folder:
        in_turns(samples, [*turns(Path(folder), notes)], settings.step, seconds=settings.max_seconds, rounds=ROUNDS)
    pairs = dict.fromkeys((name for name, _ in commands()), PYTHON) | {PYTEST_WITH_PLUGIN: PYTEST}
    return Report("startup", tuple(samples.figures(pairs, (MILLISECONDS,))), tuple(_goals(samples)), tuple(notes))


def commands() -> Iterator[tuple[str, Sequence[str]]]:
    """Those of the command line, with what is given to Python."""
    ours = ("-m", "nova_async")
    yield VERSION, (*ours, "--version")
    yield "nova-async -h", (*ours, "-h")
    yield "nova-async list", (*ours, "list")
    yield f"nova-async run -k {EXAMPLE}", (*ours, "run", "-k", EXAMPLE, "--no-progress")


def turns(folder: Path, notes: list[str]) -> Iterator[Turn]:
    """All that can be measured here; what cannot is noted."""
    yield Turn(PYTHON, 1, partial(milliseconds, ("-c", "pass")))
    for name, arguments in commands():
        yield Turn(name, 1, partial(milliseconds, arguments))
    if importlib.util.find_spec("pytest") is None:
        notes.append("Left out: pytest is not installed.")
    elif (plugin := _plugin()) is None:
        notes.append("Left out: pytest with the plugin, which is not installed.")
    else:
        test = folder / "test_nothing.py"
        test.write_text("def test_nothing():\n    pass\n", encoding="utf-8")
        pytest = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(test))
        yield Turn(PYTEST, 1, partial(milliseconds, (*pytest, "-p", f"no:{plugin}")))
        yield Turn(PYTEST_WITH_PLUGIN, 1, partial(milliseconds, pytest))


def _plugin() -> str | None:
    """The name under which pytest knows our plugin; None if it is not installed."""
    ours = (point.name for point in entry_points(group="pytest11") if point.value.startswith("nova_async"))
    return next(ours, None)


def milliseconds(arguments: Sequence[str]) -> Values:
    """How long Python takes with them, from start to end.

    Raises:
        InternalError: it failed.
    """
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)  # noqa: S603  our own
    seconds = time.perf_counter() - start
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise InternalError(f"bench startup: python {' '.join(arguments)}: exit code {done.returncode}: {said}")
    return {MILLISECONDS: seconds * 1e3}


def _goals(samples: Samples) -> Iterator[Goal]:
    over = samples.difference(VERSION, PYTHON, 1, MILLISECONDS)
    if over is not None:
        yield over.goal(f"{VERSION}: ms over {PYTHON}", VERSION_GOAL)
    over = samples.difference(PYTEST_WITH_PLUGIN, PYTEST, 1, MILLISECONDS)
    if over is not None:
        yield over.goal("pytest with the plugin installed and unused: ms over pytest without it", PLUGIN_GOAL)
