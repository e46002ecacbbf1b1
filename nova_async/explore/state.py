"""What names a global state: what every task was told, and what all of them share.

A task is deterministic given what its operations returned, so a hash of that history names its local state
(design section 5). Whatever is shared and changes anybody's behaviour is either in the :class:`Digest` or told to the
tasks by :func:`nova_async.point.observe`; what is in neither is not seen by the stateful search.
"""

from asyncio import _get_running_loop
from collections.abc import Callable, Hashable
from functools import cache
from hashlib import blake2b
from typing import cast

from nova_async.errors import UsageError

_SMALL = 1 << 60
"""hash() of a smaller natural number is the number itself; above, it is a remainder, and hash(-1) == hash(-2)."""


@cache
def hash_name(text: str) -> int:
    """A number for a name, the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest())


def hash_value(value: Hashable) -> int:
    """A hash that is the same in every process.

    Args:
        value: a number, text, bytes, None, an enum, or a tuple or frozenset of such.

    Raises:
        UsageError: it is none of these.
    """
    if type(value) is int and 0 <= value < _SMALL:
        return value
    if isinstance(value, tuple):
        return hash((len(value), *map(hash_value, value)))
    if isinstance(value, frozenset):
        return hash((hash_name("frozenset"), *sorted(map(hash_value, value))))
    if value is None or isinstance(value, (int, float, str, bytes)):
        return hash_name(f"{type(value).__name__} {value!r}")
    raise UsageError(f"{value!r} cannot name a state: numbers, text, bytes, None and tuples of them can")


class Digest:
    """The hash of all shared state, kept up to date by those who change it.

    Parts are combined by exclusive or, so that a change costs the same however much is shared; and only when somebody
    asks, as most steps of an execution repeat those of another one.
    """

    __slots__ = ("_hashes", "_total", "_values")

    def __init__(self) -> None:
        self._values: dict[str, Hashable | Callable[[], Hashable]] = {}
        self._hashes: dict[str, int] = {}
        self._total = 0

    def put(self, name: str, value: Hashable | Callable[[], Hashable]) -> None:
        """The part called ``name`` has this value now, or what this gives when somebody asks; None is no part."""
        self._values[name] = value

    def total(self) -> int:
        """The hash of all parts."""
        for name, value in self._values.items():
            if callable(value):
                value = value()
            part = 0 if value is None else hash((hash_name(name), hash_value(value)))
            self._total ^= self._hashes.get(name, 0) ^ part
            self._hashes[name] = part
        self._values.clear()
        return self._total


def current_digest() -> Digest | None:
    """The hash of the shared state, if an exhaustive search is under way; it lasts for one execution."""
    return cast("Digest | None", getattr(_get_running_loop(), "digest", None))
