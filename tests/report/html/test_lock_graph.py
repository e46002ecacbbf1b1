from dataclasses import replace
from pathlib import Path

import pytest

from nova_async.findings import Finding, Witness
from nova_async.lockdep import LockEdge, LockGraph
from nova_async.report.html.lock_graph import cycle_of, graph_entry
from nova_async.scenario import runner
from nova_async.scenario.discovery import discover
from nova_async.scenario.parameters import values_for

SCENARIOS = Path(__file__).parents[3] / "scenarios"


def ends(edges: list[LockEdge]) -> list[tuple[str, str]]:
    return [(edge.held, edge.taken) for edge in edges]


def test_a_run_without_a_graph_has_none_on_the_page(finding: Finding) -> None:
    assert graph_entry(LockGraph(), [finding]) is None


def test_the_cycle_goes_along_the_chain_of_the_finding(finding: Finding, graph: LockGraph) -> None:
    assert ends(cycle_of(finding, graph.edges)) == [("channels", "placement"), ("placement", "channels")]


def test_the_edges_of_a_cycle_are_numbered_in_its_order(finding: Finding, graph: LockGraph) -> None:
    told = graph_entry(graph, [finding])
    assert told is not None
    assert told["cycles"] == [{"code": "NOVA101", "classes": ["channels", "placement"]}]
    edges = told["edges"]
    assert isinstance(edges, list)
    assert [edge["cycle"] for edge in edges] == [[1], [2]]


def test_what_nobody_took_is_background_and_what_is_on_a_cycle_is_not(finding: Finding, graph: LockGraph) -> None:
    told = graph_entry(graph, [finding])
    assert told is not None
    classes = told["classes"]
    assert isinstance(classes, list)
    assert {each["name"]: (each["cycle"], each["background"]) for each in classes} == {
        "pramin": (False, True),
        "channels": (True, False),
        "placement": (True, False),
    }


def test_a_name_with_brackets_and_a_colon_is_found_in_the_chain(finding: Finding, graph: LockGraph) -> None:
    name = "vm: tables (old)"
    edges = (replace(graph.edges[0], taken=name), replace(graph.edges[1], held=name))
    odd = replace(finding, chain=(Witness("a", f"channels -> {name}"), Witness("b", f"{name} -> channels")))
    assert ends(cycle_of(odd, edges)) == [("channels", name), (name, "channels")]


def test_a_chain_that_does_not_close_is_no_cycle(finding: Finding, graph: LockGraph) -> None:
    assert cycle_of(replace(finding, chain=finding.chain[:1]), graph.edges) == []


def test_a_finding_about_memory_is_no_cycle(finding: Finding, graph: LockGraph) -> None:
    assert cycle_of(replace(finding, code="NOVA301"), graph.edges) == []


@pytest.mark.parametrize(
    ("name", "cycle"),
    [
        ("opposite_order", ["channels", "placement"]),
        ("one_lock_for_both_phases", ["dma_fence", "whole_vmm", "fs_reclaim", "mmu_notifier"]),
    ],
)
def test_the_cycle_of_a_real_finding_is_found(name: str, cycle: list[str]) -> None:
    [scenario] = discover([f"{SCENARIOS / name}.py::{name}"])
    outcome = runner.run(scenario, values_for(name, scenario.parameters, {}))
    told = graph_entry(outcome.lock_graph, outcome.findings)
    assert told is not None
    cycles = told["cycles"]
    assert isinstance(cycles, list)
    assert [each["classes"] for each in cycles] == [cycle]
