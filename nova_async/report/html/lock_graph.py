"""The lock graph as the page draws it, with the cycles that findings are about."""

from collections.abc import Iterable, Mapping, Sequence

from nova_async.findings import Finding, Site
from nova_async.lockdep import LockEdge, LockGraph, LockNode

Entry = dict[str, object]
Ends = tuple[str, str]

CYCLE_CODES = frozenset({"NOVA101", "NOVA202", "NOVA203", "NOVA204"})
"""The rules that a closed path in the graph can break."""


def graph_entry(graph: LockGraph, findings: Sequence[Finding]) -> Entry | None:
    """Classes, edges with their first witness, and the cycles; None if there is no graph."""
    if not graph.nodes:
        return None
    cycles = [(finding.code, cycle) for finding in findings if (cycle := cycle_of(finding, graph.edges))]
    places = _places(cycle for _, cycle in cycles)
    on_cycle = {edge.held for _, cycle in cycles for edge in cycle}
    seen = on_cycle | {name for edge in graph.edges if edge.task for name in (edge.held, edge.taken)}
    return {
        "classes": [_class_entry(node, on_cycle=node.name in on_cycle, seen=node.name in seen) for node in graph.nodes],
        "edges": [_edge_entry(edge, places) for edge in graph.edges],
        "cycles": [{"code": code, "classes": [edge.held for edge in cycle]} for code, cycle in cycles],
    }


def cycle_of(finding: Finding, edges: Iterable[LockEdge]) -> list[LockEdge]:
    """The edges that a finding's chain goes along, in its order; empty if it is not about a cycle of the graph.

    A chain tells its steps as ``held -> taken`` with more behind it, and names may contain anything, so known edges
    are looked for in the chain and not the other way round.
    """
    if finding.code not in CYCLE_CODES:
        return []
    told = {f"{edge.held} -> {edge.taken}": edge for edge in edges}
    cycle = [edge for witness in finding.chain if (edge := _edge_told(witness.did, told)) is not None]
    closed = bool(cycle) and cycle[-1].taken == cycle[0].held
    return cycle if closed and len(cycle) == len(finding.chain) else []


def _edge_told(did: str, told: Mapping[str, LockEdge]) -> LockEdge | None:
    for step in (did, did.partition(" (")[0], did.partition(": ")[0]):
        if step in told:
            return told[step]
    return None


def _places(cycles: Iterable[Sequence[LockEdge]]) -> dict[Ends, list[int]]:
    """For each edge on a cycle, its places there, from 1."""
    places: dict[Ends, list[int]] = {}
    for cycle in cycles:
        for place, edge in enumerate(cycle, start=1):
            known = places.setdefault((edge.held, edge.taken), [])
            if place not in known:
                known.append(place)
    return places


def _class_entry(node: LockNode, *, on_cycle: bool, seen: bool) -> Entry:
    return {
        "name": node.name,
        "role": node.role,
        "rank": node.rank,
        "fence_path": node.fence_path,
        "no_reclaim": node.no_reclaim,
        "cycle": on_cycle,
        "background": not seen,
    }


def _edge_entry(edge: LockEdge, places: Mapping[Ends, list[int]]) -> Entry:
    return {
        "held": edge.held,
        "taken": edge.taken,
        "cycle": places.get((edge.held, edge.taken), []),
        "task": edge.task,
        "held_at": _said(edge.held_at),
        "taken_at": _said(edge.taken_at),
        "manner": edge.manner,
        "reading": edge.reading,
    }


def _said(site: Site | None) -> str:
    return "" if site is None else str(site)
