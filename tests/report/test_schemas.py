"""The published JSON schemas, and real documents against them."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nova_async.bench.figure import Figure, Goal, Report
from nova_async.bench.show import document as bench_document
from nova_async.cli import main
from nova_async.errors import UsageError
from nova_async.explore import Schedule, Token
from nova_async.explore.schedule import Step
from nova_async.report.schemas import names, schema

EXPLORED = {
    "schema": "nova.explore/1",
    "scenario": "scenarios/x.py::race",
    "strategy": "exhaustive",
    "complete": True,
    "executions": 1,
    "states": 0,
    "steps": 0,
    "elapsed_s": 0.0,
    "findings": [],
}
"""As the contract in the design has it."""


def validate(document: Any) -> None:
    Draft202012Validator(schema(document["schema"])).validate(document)


def test_the_schemas_that_are_promised_are_there() -> None:
    assert {"nova.run/1", "nova.explore/1", "nova.schedule/1", "nova.bench/1", "nova.lock-graph/1"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_schema_is_one_and_is_named_like_its_documents(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["properties"]["schema"]["const"] == name


def test_an_unknown_schema_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"no schema 'nova.runs/1'; did you mean 'nova.run/1'"):
        schema("nova.runs/1")


@pytest.mark.parametrize("options", [[], ["--lock-stat"], ["--backend", "trio", "--seed", "7"]])
def test_what_run_prints_is_of_its_schema(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    targets = ["scenarios/opposite_order.py", "scenarios/vgpu_creators.py", "-p", "creators=2"]
    code = main(["run", targets[0], "--json", *options])
    code += main(["run", *targets[1:], "--json", *options])
    assert code == 0
    documents = capsys.readouterr().out.split("\n}\n")
    for text in documents[:-1]:
        validate(json.loads(text + "}"))


def test_a_schedule_file_is_of_its_schema() -> None:
    steps = (Step("a", ("a", "b"), "acquire vm"), Step("b", ("b",), "signal f"))
    token = Token("scenarios/x.py::race", Schedule(steps, ((3, 1),)), {"clients": 2}, "0123abcd")
    validate(json.loads(token.to_json()))
    validate(json.loads(Token("program", Schedule(())).to_json()))


def test_a_bench_is_of_its_schema() -> None:
    figures = (Figure("ours", 10, "µs", 1.5, 0.1, 3), Figure("theirs", 10, "µs", 3.0, 0.1, 3, "ours", 2.0))
    validate(bench_document([Report("mapping", figures, (Goal("ratio", 2.0, 1.5),), ("a note",))]))


def test_what_the_contract_says_of_explore_is_of_its_schema() -> None:
    validate(EXPLORED)


def drop(key: str) -> Callable[[Any], None]:
    return lambda document: document.pop(key)


DAMAGES: list[Callable[[Any], Any]] = [
    *(drop(key) for key in EXPLORED if key != "schema"),
    lambda document: document.update(complete="yes"),
    lambda document: document.update(states=-1),
    lambda document: document.update(findings=[{"code": "NOVA101"}]),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_document_that_lacks_something_is_refused(damage: Callable[[Any], Any]) -> None:
    document = deepcopy(EXPLORED)
    damage(document)
    assert not Draft202012Validator(schema("nova.explore/1")).is_valid(document)
