"""The trio variants are trio's, run by pytest-trio; none is lost silently."""

import sniffio


async def test_each_async_test_runs_on_the_backend_it_names(anyio_backend: str) -> None:
    assert sniffio.current_async_library() == anyio_backend
