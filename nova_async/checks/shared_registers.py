"""NOVA304, NOVA306 and NOVA308: the window and the invalidate registers, of which there is one set for everybody."""

from collections.abc import Hashable

from nova_async.checks.telling import Teller
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


class WindowRules:
    """Who moves the window, who looks through it, and whether both hold its lock.

    Args:
        board: the hardware.
        teller: words what is found.
    """

    def __init__(self, board: Board, teller: Teller) -> None:
        self._teller = teller
        self._bar0 = board.bar0
        self._mover: Hashable = None

    def moved(self) -> None:
        """The window register was written."""
        self._mover = self._teller.task()
        if not self._teller.may_touch(PRAMIN.name):
            self._teller.tell("NOVA306", "moves the window without holding pramin", "window", locks=(PRAMIN.name,))

    def accessed(self, physical: int) -> None:
        """Video memory was accessed through the window."""
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

    def written(self, offset: int, value: int) -> None:
        """One of the registers was written."""
        task = self._teller.task()
        if not self._teller.may_touch(TLB.name):
            said = f"writes a TLB invalidate register without holding {TLB.name}"
            self._teller.tell("NOVA306", said, "invalidate", locks=(TLB.name,))
        self._judge_idle(offset, value)
        if offset in _PDB_NAMES:
            self._writers[offset] = task
        elif value & INVALIDATE_TRIGGER.mask:
            if not INVALIDATE_ALL_PDB.get(value):
                self._judge_writers(task)
            self._triggered_by = task
            self._done_at = self._board.clock.now + self._board.costs.invalidate_ns

    @property
    def _in_flight(self) -> bool:
        """Kept apart from the hardware, which by the time of a trigger has forgotten the one before."""
        if self._triggered_by is None:
            return False
        return self._board.invalidate.stuck or self._board.clock.now < self._done_at

    def _judge_idle(self, offset: int, value: int) -> None:
        if not self._in_flight or not (offset in _PDB_NAMES or value & INVALIDATE_TRIGGER.mask):
            return
        other = self._teller.name(self._triggered_by)
        did = f"writes {_PDB_NAMES[offset]}" if offset in _PDB_NAMES else "triggers an invalidate"
        said = f"{did} while the invalidate of {other} is in flight"
        self._teller.tell("NOVA308", said, "in flight", others=(other,))

    def _judge_writers(self, task: Hashable) -> None:
        for offset, name in _PDB_NAMES.items():
            writer = self._writers.get(offset)
            if writer is not None and writer is not task:
                other = self._teller.name(writer)
                said = f"triggers an invalidate of the address space that {other} named in {name}"
                self._teller.tell("NOVA308", said, name, others=(other,))
