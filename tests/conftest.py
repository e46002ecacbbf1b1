"""Every async test runs twice: on asyncio through anyio's plugin, on trio through pytest-trio."""

import inspect

import pytest

from nova_async.scenario import World

BACKENDS = [
    pytest.param("asyncio", marks=pytest.mark.anyio),
    pytest.param("trio", marks=pytest.mark.trio),
]


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The backend of this variant; overrides the fixture of anyio's plugin, which would run trio too."""
    return str(request.param)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(name: str, obj: object) -> None:
    if name.startswith("test_") and inspect.iscoroutinefunction(obj):
        pytest.mark.usefixtures("anyio_backend")(obj)


@pytest.fixture
def world(anyio_backend: str) -> World:
    """A world that is not entered yet: ``async with world``."""
    return World(scenario="test", seed=1, backend=anyio_backend)
