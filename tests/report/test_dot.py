import json
import re
from collections.abc import Callable
from dataclasses import replace

from jsonschema import Draft202012Validator

from nova_async.lockdep import LockGraph, LockNode
from nova_async.report.case import Case
from nova_async.report.dot import lock_order_dot, lock_order_json, merged
from nova_async.report.schemas import schema


def test_the_graph_is_as_written_down(cases: list[Case], expect_golden: Callable[[str, str], None]) -> None:
    expect_golden("lock_order.dot", lock_order_dot(cases))
    expect_golden("lock_order.json", lock_order_json(cases))


def test_only_the_circle_of_a_finding_is_red(cases: list[Case]) -> None:
    red = [line for line in lock_order_dot(cases).splitlines() if "color=red" in line]
    assert [re.findall(r'"(\w+)"', line)[:2] for line in red] == [["pramin", "vm"], ["vm", "pramin"]]


def test_a_circle_that_no_finding_names_is_not_red(case_of: Callable[[str], Case]) -> None:
    assert "color=red" not in lock_order_dot([replace(case_of("expected"), findings=())])


def test_an_edge_that_was_seen_hides_that_it_was_known_before(cases: list[Case]) -> None:
    edges = {(each.edge.held, each.edge.taken): each for each in merged(cases).edges}
    assert edges["vm", "pramin"].scenarios == ("expected", "surprised")
    assert edges["fs_reclaim", "pramin"].edge.declared
    graph = cases[1].lock_graph
    seen = LockGraph(graph.nodes, tuple(replace(edge, task="drm#9") for edge in graph.edges))
    edges = {
        (each.edge.held, each.edge.taken): each for each in merged([*cases, replace(cases[0], lock_graph=seen)]).edges
    }
    assert edges["fs_reclaim", "pramin"].edge.task == "drm#9"
    assert edges["vm", "pramin"].edge.task == "drm#1"


def test_the_order_of_the_cases_does_not_change_nodes_and_edges(cases: list[Case]) -> None:
    one, other = json.loads(lock_order_json(cases)), json.loads(lock_order_json(cases[::-1]))
    assert [(edge["held"], edge["taken"]) for edge in one["edges"]] == [
        (edge["held"], edge["taken"]) for edge in other["edges"]
    ]
    assert one["nodes"] == other["nodes"]


def test_the_json_is_of_its_schema(cases: list[Case]) -> None:
    Draft202012Validator(schema("nova.lock-graph/1")).validate(json.loads(lock_order_json(cases)))


def test_a_name_with_quotes_stays_one_name(case_of: Callable[[str], Case]) -> None:
    odd = LockGraph((LockNode('a "b" \\ c', "lock", None, fence_path=False, no_reclaim=False),))
    assert r'  "a \"b\" \\ c" [label="a \"b\" \\ c"];' in lock_order_dot([replace(case_of("clean"), lock_graph=odd)])
