import pytest

from nova_async.kernel import Kernel
from nova_async.lockdep import Validator
from nova_async.lockdep.aio import tasks_of


@pytest.fixture
def kernel(anyio_backend: str) -> Kernel:
    return Kernel(Validator(tasks_of(anyio_backend)))
