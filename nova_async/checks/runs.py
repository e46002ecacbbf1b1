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
    """A map from numbers to values that costs by the run, not by the number.

    Most questions are about a run as it was put, so that is looked for first.
    """

    __slots__ = ("_by_start",)

    def __init__(self) -> None:
        # Most are never filled, and a dict is cheaper to make.
        self._by_start: SortedDict[int, Piece[T]] | dict[int, Piece[T]] = {}

    def __iter__(self) -> Iterator[Piece[T]]:
        return iter(self._by_start.values())

    def __bool__(self) -> bool:
        return bool(self._by_start)

    def put(self, run: range, value: T) -> None:
        """Give ``run`` this value, whatever it had before."""
        self.cut(run)
        if run:
            self._add(Piece(run.start, run.stop, value))

    def cut(self, run: range) -> bool:
        """Leave nothing in ``run``; whether there was anything."""
        piece = self._by_start.get(run.start)
        if piece is not None and piece.stop == run.stop:
            del self._by_start[run.start]
            return True
        touching = self._touching(run)
        for piece in touching:
            del self._by_start[piece.start]
            if piece.start < run.start:
                self._add(piece._replace(stop=run.start))
            if piece.stop > run.stop:
                self._add(piece._replace(start=run.stop))
        return bool(touching)

    def within(self, run: range) -> list[Piece[T]]:
        """What is in ``run``, clipped to it, ascending."""
        piece = self._by_start.get(run.start)
        if piece is not None and piece.stop == run.stop:
            return [piece]
        return [
            Piece(max(piece.start, run.start), min(piece.stop, run.stop), piece.value) for piece in self._touching(run)
        ]

    def gap(self, run: range) -> int | None:
        """The first number of ``run`` that nothing covers."""
        place = run.start
        for piece in self._touching(run):
            if piece.start > place:
                break
            place = piece.stop
        return place if place < run.stop else None

    def _add(self, piece: Piece[T]) -> None:
        if not isinstance(self._by_start, SortedDict):
            self._by_start = SortedDict()
        self._by_start[piece.start] = piece

    def _touching(self, run: range) -> list[Piece[T]]:
        by_start = self._by_start
        if not run or not isinstance(by_start, SortedDict):
            return []
        first = by_start.bisect_right(run.start) - 1
        touching = []
        if first >= 0 and (piece := by_start.peekitem(first)[1]).stop > run.start:
            touching.append(piece)
        if len(run) > 1:
            touching += (by_start[start] for start in by_start.irange(run.start, run.stop, (False, False)))
        return touching
