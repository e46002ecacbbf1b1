"""The lock graph as plain data, for whoever draws it."""

from dataclasses import dataclass

from nova_async.findings import Site
from nova_async.lockdep.books import LockBooks
from nova_async.lockdep.classes import LockClass, Role
from nova_async.lockdep.graph import ER, SN, SR, Edge


@dataclass(frozen=True, slots=True)
class LockNode:
    """One lock class.

    Attributes:
        name: of the class.
        role: lock, reclaim, notifier or fence; all but the first are pseudo-locks.
        rank: its place in the declared order; None if it is in no table.
        fence_path: declared as taken on the way to signalling a fence.
        no_reclaim: declared as never held across an allocation that may reclaim.
    """

    name: str
    role: str
    rank: int | None
    fence_path: bool
    no_reclaim: bool


@dataclass(frozen=True, slots=True)
class LockEdge:
    """``taken`` was taken while ``held`` was held.

    Attributes:
        held: the name of a class; taken: of another.
        task: the first to do it; empty where the order was known before anything ran.
        held_at: where it had taken the one; taken_at: where it took the other.
        manner: how, in words, where there is more to say.
        reading: whether it was seen only between readers, or as a recursive reader: such a step may not block.
        on_cycle: whether a way leads from ``taken`` back to ``held``.
    """

    held: str
    taken: str
    task: str
    held_at: Site | None
    taken_at: Site | None
    manner: str
    reading: bool
    on_cycle: bool = False

    @property
    def declared(self) -> bool:
        """Whether it was known before anything ran."""
        return not self.task


@dataclass(frozen=True, slots=True)
class LockGraph:
    """Every class that was declared and every order that was seen.

    Attributes:
        nodes: by rank, those without one behind, and then by name.
        edges: by the names of both ends.
    """

    nodes: tuple[LockNode, ...] = ()
    edges: tuple[LockEdge, ...] = ()


def lock_graph(books: LockBooks) -> LockGraph:
    """What a validator has learned so far."""
    nodes = (_node(cls) for cls in books.graph.classes if cls.role is not Role.EVENT)
    edges = (_edge(edge, books) for edge in books.graph.edges())
    return LockGraph(
        tuple(sorted(nodes, key=lambda node: (node.rank is None, node.rank, node.name))),
        tuple(sorted(edges, key=lambda edge: (edge.held, edge.taken))),
    )


def _node(cls: LockClass) -> LockNode:
    return LockNode(cls.name, cls.role.name.lower(), cls.rank, cls.fence_path, cls.no_reclaim)


def _edge(edge: Edge, books: LockBooks) -> LockEdge:
    witness = next((each for each in edge.witnesses.values() if each.task), edge.first)
    held_at, taken_at = (books.resolve(where) for where in (witness.held_at, witness.taken_at))
    return LockEdge(
        edge.held.name,
        edge.taken.name,
        witness.task,
        held_at[0] if held_at else None,
        taken_at[0] if taken_at else None,
        witness.manner,
        reading=not edge.kinds & ~(ER | SR | SN),
        on_cycle=any(other is edge for _, other in books.graph.successors(edge.held.index)),
    )
