"""The programs with a published count of executions, and the counts (peers.md section 2)."""

from collections.abc import Callable
from dataclasses import dataclass

from nova_async.explore.programs import Program, counter, filesystem, indexer, lastzero, philosophers, readers


@dataclass(frozen=True, slots=True)
class Published:
    """One program of one size.

    Attributes:
        name: of the program.
        size: of it, as published.
        program: to explore.
        optimum: how many executions cover every order.
        concuerror_seconds: the fastest wall of Concuerror's optimal DPOR on another machine, its start included; None
            if it was too short to say anything (peers.md section 3).
    """

    name: str
    size: int
    program: Program
    optimum: int
    concuerror_seconds: float | None = None


def _family(
    name: str, make: Callable[[int], Program], counts: dict[int, int], walls: dict[int, float] | None = None
) -> list[Published]:
    return [Published(name, size, make(size), count, (walls or {}).get(size)) for size, count in counts.items()]


PUBLISHED = (
    *_family("readers", readers, {2: 4, 5: 32, 8: 256, 10: 1024, 13: 8192}, {13: 5.4}),
    *_family("lastzero", lastzero, {2: 5, 5: 64, 7: 320, 10: 3328}, {10: 3.4}),
    *_family("indexer", indexer, {12: 8, 13: 64, 14: 512, 15: 4096}, {15: 5.5}),
    *_family("filesystem", filesystem, {14: 2, 16: 8, 18: 32, 19: 64}, {19: 3.8}),
    *_family("mutex counter, two rounds", lambda tasks: counter(tasks, 2), {2: 6, 3: 90, 4: 2520}),
    *_family("philosophers", philosophers, {2: 3, 3: 7, 4: 15, 5: 31, 8: 255}),
)
