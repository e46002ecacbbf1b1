"""Every error of the package, by whose fault it is.

::

    NovaError
    ├── UsageError          the user asked for what does not exist: one line, exit code 2
    │   └── Uncontrolled    explored code asked for something that the explorer cannot decide
    ├── ReplayDiverged      a recorded schedule does not fit the program any more: exit code 4
    ├── InternalError       our own bug: exit code 3
    ├── Deadlock            no task can go on; raised in each of them to end the run
    └── Errno               what a driver call returns; the class name is the kernel's errno name
        └── EINVAL, ENOMEM, ENOSPC, …

A *finding* is data (:mod:`nova_async.findings`), never an exception.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class NovaError(Exception):
    """The root of all errors raised on purpose."""


class UsageError(NovaError):
    """The user named something that does not exist, or gave a value that is none."""

    @classmethod
    def unknown(cls, kind: str, given: str, known: Iterable[str]) -> "UsageError":
        """Say what was given, what would be right, and the nearest name."""
        names = sorted(known)
        near = difflib.get_close_matches(given, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return cls(f"no {kind} {given!r}{hint} (there are: {', '.join(names)})")


class Uncontrolled(UsageError):
    """Explored code asked for real time, a thread, a process or a socket, whose order nobody can choose."""


class ReplayDiverged(NovaError):
    """A recorded schedule does not fit the program: it was changed, or something outside the explorer decides."""


class InternalError(NovaError):
    """A promise of nova_async itself was broken. Please report it."""


class Deadlock(NovaError):
    """Raised in every task of a run in which no task could go on, so that the run ends; the finding is NOVA401."""


class Errno(NovaError):
    """What a driver call returns instead of a result.

    Args:
        what: the object by name, and the value it refused.
        expected: what would have been accepted.
        hint: what to do about it.
    """

    number: ClassVar[int]

    def __init__(self, what: str, *, expected: str = "", hint: str = "") -> None:
        parts = [what, f"expected {expected}" if expected else "", hint]
        super().__init__(f"{type(self).__name__}: {'; '.join(filter(None, parts))}")


class ENOENT(Errno):
    """No such entry."""

    number = 2


class EIO(Errno):
    """The device or its page tables are not in the state they must be in."""

    number = 5


class EAGAIN(Errno):
    """Not now; the same call may work later."""

    number = 11


class ENOMEM(Errno):
    """Host memory ran out."""

    number = 12


class EFAULT(Errno):
    """The memory named is not the caller's to use."""

    number = 14


class EBUSY(Errno):
    """Still referenced."""

    number = 16


class EEXIST(Errno):
    """Already there."""

    number = 17


class ENODEV(Errno):
    """No such device, or it is gone."""

    number = 19


class EINVAL(Errno):
    """An argument is outside what the call accepts."""

    number = 22


class ENOSPC(Errno):
    """VRAM, address space or slots ran out."""

    number = 28


class EDEADLK(Errno):
    """Wound/wait: back off, release everything, and take the contended lock first."""

    number = 35


class EOVERFLOW(Errno):
    """An address or size computation left 64 bits."""

    number = 75


class EALREADY(Errno):
    """Already held by this acquire context."""

    number = 114


class ETIMEDOUT(Errno):
    """The hardware did not answer in time."""

    number = 110


class ECANCELED(Errno):
    """The operation was given up before it was done."""

    number = 125


class ENOTSUPP(Errno):
    """Not supported by this revision or this chip."""

    number = 524


class EPERM(Errno):
    """The object belongs to somebody else."""

    number = 1
