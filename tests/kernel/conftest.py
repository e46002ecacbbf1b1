import pytest

from nova_async.kernel import Kernel, WwClass
from nova_async.lockdep import Validator
from nova_async.lockdep.aio import tasks_of
from nova_async.lockdep.ww import Algorithm


@pytest.fixture
def kernel(anyio_backend: str) -> Kernel:
    return Kernel(Validator(tasks_of(anyio_backend)))


@pytest.fixture(params=list(Algorithm), ids=lambda algorithm: algorithm.value)
def cls(kernel: Kernel, request: pytest.FixtureRequest) -> WwClass:
    """A wound/wait class, with each of the algorithms."""
    return WwClass(kernel.lockdep, "ww", request.param)
