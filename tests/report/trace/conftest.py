import pytest

from nova_async.events import Recorder
from nova_async.report.trace import Recorded, draw
from nova_async.report.trace.picture import Picture
from nova_async.scenario import runner
from nova_async.scenario.discovery import discover, packaged_folder
from nova_async.scenario.parameters import Value, values_for


def record(name: str, seed: int = 3, backend: str = "asyncio", **values: Value) -> Recorded:
    """One of the scenarios of the repository, run and recorded."""
    (scenario,) = discover((f"{packaged_folder() / name}.py",))
    recorder = Recorder()
    parameters = values_for(scenario.name, scenario.parameters, {}) | values
    outcome = runner.run(scenario, parameters, backend=backend, seed=seed, record=recorder)
    assert outcome.met, outcome.verdict
    assert outcome.events is not None
    return Recorded(scenario.name, {"seed": str(seed)}, outcome.events)


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """Clients that meet at every lock, some of them in the fence path."""
    return record("mixed_clients", creators=3, submitters=3)


@pytest.fixture(scope="module")
def picture(recorded: Recorded) -> Picture:
    return draw([recorded])
