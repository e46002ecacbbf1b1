import json
from collections.abc import Callable
from typing import Any

import pytest

from nova_async.findings import SLUGS

Nova = Callable[..., Any]


def test_list_shows_path_question_and_expectation(nova: Nova) -> None:
    said = nova("list")
    assert (said.code, said.err) == (0, "")
    last = [cell.strip() for cell in said.out.splitlines()[-1].split("  ") if cell.strip()]
    assert last == ["scenarios/clients.py::one_lock", "May one lock serve both phases?", "NOVA203"]


def test_list_keeps_to_the_selection(nova: Nova) -> None:
    assert "one_lock" not in nova("list", "-k", "not lock").out
    assert nova("list", "-k", "zzz").code == 5


def test_list_as_json_has_the_parameters(nova: Nova) -> None:
    document = json.loads(nova("list", "scenarios/clients.py::quiet", "--json").out)
    assert document["schema"] == "nova.list/1"
    assert document["scenarios"][0]["parameters"] == [
        {"name": "chip", "type": "str", "default": "GA102"},
        {"name": "clients", "type": "int", "default": 2},
    ]


@pytest.mark.parametrize("name", ["NOVA203", "nova203", SLUGS["NOVA203"], SLUGS["NOVA203"].upper()])
def test_explain_takes_a_code_or_its_readable_name(nova: Nova, name: str) -> None:
    said = nova("explain", name)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("# NOVA203 ")
    assert "## Good" in said.out
