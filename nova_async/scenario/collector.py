"""Python's collector of cycles, seldom."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG, MIDDLE, OLD = 10_000, 20, 5
"""What ``gc.set_threshold`` takes. The default looks at the youngest after 700 new objects.

After 1.3 million new objects it looks at all: with an OLD of 20, which is 4 million, the garbage of a soak that wears
out one device after the other grew by 30 MiB with each.
"""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the collector look for cycles less often inside.

    Thousands of clients are millions of objects that live as long as they do. By default the collector goes through
    them so often that it takes a third of a run with 10,000 clients; so, it takes a tenth.
    """
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
