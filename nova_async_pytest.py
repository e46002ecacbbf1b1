"""The pytest plugin, as far as every run of pytest needs it: options, hooks, and nothing that takes time to import.

What it does lives in :mod:`nova_async.plugin`, which is imported when the first test asks for it.
"""

import ast
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from nova_async.plugin.lockdep import Lockdep
    from nova_async.plugin.scenarios import ScenarioFile
    from nova_async.plugin.worlds import Worlds

MARKER = (
    "nova(strategy=..., max_executions=..., max_seconds=..., seed=..., kill=..., complete=..., ...): "
    "run this async test in every order of its tasks (docs/how-to/test-with-pytest.md)"
)

INI = {
    "nova_seed": "the seed of what nova_async chooses by chance (0)",
    "nova_strategy": "how nova_async explores tests that do not say it themselves",
    "nova_max_executions": "stop an exploration after so many executions (10000)",
    "nova_max_seconds": "stop an exploration after so many seconds (never)",
}

OPTIONS = ("nova_seed", "nova_strategy", "nova_replay")

section = pytest.StashKey[str]()
"""What a test that was explored has to say."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options and ini keys."""
    group = parser.getgroup("nova", "nova_async: explore the orders of async tests")
    group.addoption("--nova-seed", metavar="N", help="the seed of all that is chosen by chance")
    group.addoption("--nova-strategy", metavar="NAME", help="explore by this strategy whatever is explored")
    group.addoption("--nova-replay", metavar="TOKEN", help="run the test of this token again, in the recorded order")
    for name, meaning in INI.items():
        parser.addini(name, meaning)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; refuse options that say nothing."""
    config.addinivalue_line("markers", MARKER)
    if any(config.getoption(name) is not None for name in OPTIONS):
        from nova_async.plugin.settings import check_options

        check_options(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "ScenarioFile | None":
    """A file with scenarios in it; a test module is pytest's own."""
    patterns = parent.config.getini("python_files")
    if file_path.suffix != ".py" or file_path.name.startswith("_") or any(map(file_path.match, patterns)):
        return None
    if not declares_scenarios(file_path):
        return None
    from nova_async.plugin.scenarios import ScenarioFile

    return ScenarioFile.from_parent(parent, path=file_path)


def declares_scenarios(file: Path) -> bool:
    """Whether a function of the module is decorated with ``scenario``, as far as its text tells; it is not imported."""
    try:
        text = file.read_bytes()
        if b"@scenario" not in text or b"nova_async" not in text:
            return False
        body = ast.parse(text).body
    except (OSError, SyntaxError, ValueError):
        return False  # whoever runs the file will tell
    decorators = [each for node in body if isinstance(node, ast.AsyncFunctionDef) for each in node.decorator_list]
    called = [each.func for each in decorators if isinstance(each, ast.Call)]
    return any(isinstance(name, ast.Name) and name.id == "scenario" for name in called)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under ``--nova-replay``, only the test of the token is left."""
    if config.getoption("nova_replay") is not None:
        from nova_async.plugin.replaying import keep_recorded

        keep_recorded(config, items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Explore a test that is marked; judge the worlds and the locks of any.

    A wrapper, so that it comes before the plugins that run async tests: what they get to see is a plain function.
    """
    uses = {"nova_world", "nova_lockdep"}.intersection(pyfuncitem.fixturenames)
    if pyfuncitem.get_closest_marker("nova") is None:
        result = yield
        if uses:
            from nova_async.plugin.judging import fail_on_findings

            fail_on_findings(pyfuncitem.funcargs)
        return result
    from nova_async.plugin.marked import explored

    with explored(pyfuncitem):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the schedule and the command that replays it below the failure."""
    report = yield
    if call.when == "call" and section in item.stash:
        report.sections.append(("nova", item.stash[section]))
    return report


def pytest_terminal_summary(terminalreporter: "TerminalReporter") -> None:
    """Say which tests were not explored to the end."""
    reports: list[Any] = [each for name in ("passed", "xpassed") for each in terminalreporter.stats.get(name, ())]
    left = [(each.nodeid, value) for each in reports for key, value in each.user_properties if key == "nova.incomplete"]
    if left:
        terminalreporter.section("nova: other orders were not tried")
        for nodeid, why in left:
            terminalreporter.write_line(f"{nodeid}: {why}")


@pytest.fixture
def nova_world(request: pytest.FixtureRequest) -> "Worlds":
    """A factory of :class:`~nova_async.plugin.worlds.Worlds`. A finding in one of them fails the test."""
    from nova_async.plugin.settings import seed_of
    from nova_async.plugin.worlds import Worlds

    marker = request.node.get_closest_marker("nova")
    return Worlds(request.node.name, seed_of(request.config, marker.kwargs if marker else {}))


@pytest.fixture
def nova_lockdep(request: pytest.FixtureRequest) -> "Generator[Lockdep, None, None]":
    """Watches the locks of ``nova_async.lockdep.aio``. A finding fails the test."""
    from nova_async.plugin.lockdep import Lockdep

    lockdep = Lockdep()
    if request.node.get_closest_marker("nova") is not None:
        yield lockdep  # every execution watches by itself
        return
    with lockdep.watching():
        yield lockdep
