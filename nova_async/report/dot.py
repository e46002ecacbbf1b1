"""The lock graph, as DOT for Graphviz and as JSON: ``A -> B`` where B was taken while A was held.

Classes are nodes. What several scenarios have seen is one graph; an edge tells who was the first to go along it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nova_async.findings import Finding, Site
from nova_async.lockdep import LockEdge, LockNode
from nova_async.report.case import Case

Entry = dict[str, object]

_ORDER_CODES = ("NOVA101", "NOVA201", "NOVA202", "NOVA203", "NOVA204")
"""Findings whose cause is a circle in this graph."""


@dataclass(frozen=True, slots=True)
class SeenEdge:
    """An edge, the scenarios that saw it, and whether it is part of a circle that a finding is about."""

    edge: LockEdge
    scenarios: tuple[str, ...]
    circular: bool


@dataclass(frozen=True, slots=True)
class MergedGraph:
    """What all scenarios together have seen; nodes and edges are sorted."""

    nodes: tuple[LockNode, ...]
    edges: tuple[SeenEdge, ...]
    findings: tuple[Finding, ...]


def merged(cases: Iterable[Case]) -> MergedGraph:
    """One graph of the graphs of all cases."""
    cases = list(cases)
    nodes: dict[str, LockNode] = {}
    edges: dict[tuple[str, str], LockEdge] = {}
    seen: dict[tuple[str, str], dict[str, None]] = {}
    for case in cases:
        nodes |= {node.name: node for node in case.lock_graph.nodes if node.name not in nodes}
        for edge in case.lock_graph.edges:
            ends = edge.held, edge.taken
            if ends not in edges or (edges[ends].declared and not edge.declared):
                edges[ends] = edge
            if not edge.declared:
                seen.setdefault(ends, {})[case.scenario.name] = None
    circular = _circular(cases)
    return MergedGraph(
        tuple(sorted(nodes.values(), key=lambda node: (node.rank is None, node.rank, node.name))),
        tuple(SeenEdge(edge, tuple(seen.get(ends, ())), ends in circular) for ends, edge in sorted(edges.items())),
        tuple(_order_findings(cases).values()),
    )


def _order_findings(cases: Iterable[Case]) -> dict[tuple[str, ...], Finding]:
    """What several scenarios found is told once."""
    found: dict[tuple[str, ...], Finding] = {}
    for case in cases:
        for finding in case.findings:
            if finding.code in _ORDER_CODES:
                found.setdefault(finding.identity, finding)
    return found


def _circular(cases: Iterable[Case]) -> set[tuple[str, str]]:
    """The edges that lie on a circle, where a finding names the locks at their ends."""
    found = set()
    for case in cases:
        named = {lock for finding in case.findings if finding.code in _ORDER_CODES for lock in finding.locks}
        named |= {node.name for node in case.lock_graph.nodes if node.role != "lock"} if named else set()
        found |= {
            (edge.held, edge.taken)
            for edge in case.lock_graph.edges
            if edge.on_cycle and edge.held in named and edge.taken in named
        }
    return found


def lock_order_dot(cases: Sequence[Case]) -> str:
    """The graph in the DOT language."""
    return "".join(f"{line}\n" for line in _lines(merged(cases)))


def _lines(graph: MergedGraph) -> Iterator[str]:
    yield "// A -> B: B was taken while A was held. Dashed: known before anything ran. Red: part of a circle."
    for finding in graph.findings:
        yield f"// {finding.code} {finding.slug}: {' '.join(finding.message.split())}"
    yield "digraph lock_order {"
    yield "  rankdir=LR;"
    yield '  node [shape=box, fontname="monospace"];'
    yield '  edge [fontname="monospace", fontsize=10];'
    for node in graph.nodes:
        yield f"  {_quoted(node.name)} [{_node_style(node)}];"
    for each in graph.edges:
        yield f"  {_quoted(each.edge.held)} -> {_quoted(each.edge.taken)} [{_edge_style(each)}];"
    yield "}"


def _node_style(node: LockNode) -> str:
    rank = "" if node.rank is None else f"\norder {node.rank}"
    style = "" if node.role == "lock" else ", style=rounded"
    return f"label={_quoted(node.name + rank)}{style}"


def _edge_style(seen: SeenEdge) -> str:
    parts = [f"label={_quoted(_label(seen))}"] if seen.scenarios else ["style=dashed"]
    if seen.circular:
        parts.append("color=red, penwidth=3")
    return ", ".join(parts)


def _label(seen: SeenEdge) -> str:
    site = seen.edge.taken_at
    place = f"\n{site.file.rpartition('/')[2]}:{site.line}" if site is not None else ""
    return f"{seen.edge.task}{place}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def lock_order_json(cases: Sequence[Case]) -> str:
    """The graph as ``nova.lock-graph/1``."""
    graph = merged(cases)
    document: Entry = {
        "schema": "nova.lock-graph/1",
        "nodes": [_node_entry(node) for node in graph.nodes],
        "edges": [_edge_entry(each) for each in graph.edges],
        "findings": [
            {"code": finding.code, "message": finding.message, "locks": list(finding.locks)}
            for finding in graph.findings
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _node_entry(node: LockNode) -> Entry:
    return {
        "name": node.name,
        "role": node.role,
        "order": node.rank,
        "fence_path": node.fence_path,
        "no_reclaim": node.no_reclaim,
    }


def _edge_entry(seen: SeenEdge) -> Entry:
    edge = seen.edge
    return {
        "held": edge.held,
        "taken": edge.taken,
        "declared": edge.declared,
        "circular": seen.circular,
        "scenarios": list(seen.scenarios),
        "first": {"task": edge.task, "held_at": _site(edge.held_at), "taken_at": _site(edge.taken_at)},
        "manner": edge.manner,
    }


def _site(site: Site | None) -> str:
    return str(site) if site is not None else ""
