"""Disjoint runs of numbers, each with a value: which frames are whose, which addresses are taken."""

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from sortedcontainers import SortedDict

T = TypeVar("T")


class Piece(NamedTuple, Generic[T]):
    """A run, or the part of it that was asked for."""

    start: int
    stop: int
    value: T


class Runs(Generic[T]):
    """A map from numbers to values that costs by the run, not by the number."""

    __slots__ = ("_by_start",)

    def __init__(self) -> None:
        self._by_start: SortedDict[int, Piece[T]] = SortedDict()

    def __iter__(self) -> Iterator[Piece[T]]:
        return iter(self._by_start.values())

    def put(self, run: range, value: T) -> None:
        """Give ``run`` this value, whatever it had before."""
        self.cut(run)
        if run:
            self._by_start[run.start] = Piece(run.start, run.stop, value)

    def cut(self, run: range) -> None:
        """Leave nothing in ``run``."""
        for piece in self._touching(run):
            del self._by_start[piece.start]
            if piece.start < run.start:
                self._by_start[piece.start] = piece._replace(stop=run.start)
            if piece.stop > run.stop:
                self._by_start[run.stop] = piece._replace(start=run.stop)

    def within(self, run: range) -> list[Piece[T]]:
        """What is in ``run``, clipped to it, ascending."""
        return [
            piece._replace(start=max(piece.start, run.start), stop=min(piece.stop, run.stop))
            for piece in self._touching(run)
        ]

    def gap(self, run: range) -> int | None:
        """The first number of ``run`` that nothing covers."""
        place = run.start
        for piece in self._touching(run):
            if piece.start > place:
                break
            place = piece.stop
        return place if place < run.stop else None

    def _touching(self, run: range) -> list[Piece[T]]:
        if not run:
            return []
        by_start = self._by_start
        first = by_start.bisect_right(run.start) - 1
        touching = []
        if first >= 0 and (piece := by_start.peekitem(first)[1]).stop > run.start:
            touching.append(piece)
        touching += (by_start[start] for start in by_start.irange(run.start, run.stop, (False, False)))
        return touching
