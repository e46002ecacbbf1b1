import pytest

from nova_async.kernel import Kernel
from nova_async.kernel.tasks import tasks_of
from nova_async.lockdep import Validator


@pytest.fixture
def kernel(anyio_backend: str) -> Kernel:
    return Kernel(Validator(tasks_of(anyio_backend)))
