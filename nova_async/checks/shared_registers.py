"""NOVA304, 306, 308 and 314: the window and the invalidate registers, of which there is one set for everybody."""

from collections.abc import Hashable

from nova_async.checks.telling import Teller
from nova_async.findings import Severity
from nova_async.hw.bar0 import Bar0
from nova_async.hw.board import Board
from nova_async.hw.registers import (
    INVALIDATE_ALL_PDB,
    INVALIDATE_PDB,
    INVALIDATE_TRIGGER,
    INVALIDATE_UPPER_PDB,
)
from nova_async.mm.lock_order import PRAMIN, TLB

_PDB_NAMES = {INVALIDATE_PDB: "PDB_LO", INVALIDATE_UPPER_PDB: "PDB_HI"}


HOLD_NS = 1_000_000
"""How long anybody may keep the window to himself, in ns of model time spent on accesses.

A fence waits for whoever has the window. 1 ms is little beside the time that a display has for a frame, 7 ms at 144 Hz,
of which the job itself wants most.
"""


_NOBODY = object()


class WindowRules:
    """Who moves the window, who looks through it, whether both hold its lock, and for how long.

    Args:
        board: the hardware.
        teller: words what is found.
    """

    def __init__(self, board: Board, teller: Teller) -> None:
        self._teller = teller
        self._bar0 = board.bar0
        self._read_ns = board.costs.read_ns
        self._write_ns = board.costs.write_ns
        self._mover: Hashable = None
        self._holder: Hashable = _NOBODY
        self._spent_ns = 0

    def taken(self) -> None:
        """The running task has the window's lock."""
        self._holder = self._teller.task()
        self._spent_ns = 0

    def released(self) -> None:
        """It lets go of it."""
        self._holder = _NOBODY
        if self._spent_ns <= HOLD_NS:
            return
        signalling = self._teller.in_signalling
        said = f"keeps the window for {self._spent_ns / 1000:.0f} us of accesses, {HOLD_NS // 1000} are the limit"
        path = "in the fence-signalling path" if signalling else "and a fence may be waiting for it"
        severity = Severity.PROVED if signalling else Severity.POSSIBLE
        self._teller.tell("NOVA314", f"{said}, {path}", "hold", severity=severity, locks=(PRAMIN.name,))

    def moved(self) -> None:
        """The window register was written."""
        self._mover = self._teller.task()
        self._spent_ns += self._write_ns
        if self._mover != self._holder and not self._teller.may_touch(PRAMIN.name):
            self._teller.tell("NOVA306", "moves the window without holding pramin", "window", locks=(PRAMIN.name,))

    def accessed(self, physical: int, width: int, *, write: bool) -> None:
        """Video memory was accessed through the window."""
        self._spent_ns += (width + 7 >> 3) * (self._write_ns if write else self._read_ns)
        if self._holder == self._teller.task():
            return
        if not self._teller.may_touch(PRAMIN.name):
            said = f"accesses {physical:#x} through the window without holding {PRAMIN.name}"
            self._teller.tell("NOVA306", said, "aperture", locks=(PRAMIN.name,))

    def believed(self, bar0: Bar0, base: int) -> None:
        """Somebody is about to access video memory, and takes the window to be at ``base``."""
        window = self._bar0.window
        if (window.base == base and window.shows_video) or bar0 is not self._bar0:
            return
        mover = self._teller.name(self._mover) if self._mover is not None else "somebody"
        said = f"accesses video memory as if the window were at {base:#x}; {mover} has moved it to {window.base:#x}"
        self._teller.tell("NOVA304", said, others=(mover,))


class InvalidateRules:
    """Who writes the three registers, and in which order.

    Args:
        board: the hardware.
        teller: words what is found.
    """

    def __init__(self, board: Board, teller: Teller) -> None:
        self._teller = teller
        self._board = board
        self._writers: dict[int, Hashable] = {}
        self._triggered_by: Hashable = None
        self._done_at = 0
        self._busy = False

    def written(self, offset: int, value: int) -> None:
        """One of the registers was written."""
        task = self._teller.task()
        if not self._teller.may_touch(TLB.name):
            said = f"writes a TLB invalidate register without holding {TLB.name}"
            self._teller.tell("NOVA306", said, "invalidate", locks=(TLB.name,))
        if offset in _PDB_NAMES:
            self._named(offset, task)
        elif value & INVALIDATE_TRIGGER.mask:
            self._triggered(task, everybody=bool(INVALIDATE_ALL_PDB.get(value)))

    def _named(self, offset: int, task: Hashable) -> None:
        self._busy = self._board.invalidate.busy
        if self._busy:
            self._tell_in_flight(f"writes {_PDB_NAMES[offset]}")
        self._writers[offset] = task

    def _triggered(self, task: Hashable, *, everybody: bool) -> None:
        # By now the hardware is busy with this one, and says no more whether it was with another.
        board = self._board
        if self._busy and (board.invalidate.stuck or board.clock.now < self._done_at):
            self._tell_in_flight("triggers an invalidate")
        if not everybody:
            self._judge_writers(task)
        self._triggered_by = task
        self._done_at = board.clock.now + board.costs.invalidate_ns
        self._busy = True

    def _tell_in_flight(self, did: str) -> None:
        other = self._teller.name(self._triggered_by) if self._triggered_by is not None else "somebody"
        self._teller.tell(
            "NOVA308", f"{did} while the invalidate of {other} is in flight", "in flight", others=(other,)
        )

    def _judge_writers(self, task: Hashable) -> None:
        for offset, name in _PDB_NAMES.items():
            writer = self._writers.get(offset)
            if writer is not None and writer is not task:
                other = self._teller.name(writer)
                said = f"triggers an invalidate of the address space that {other} named in {name}"
                self._teller.tell("NOVA308", said, name, others=(other,))
