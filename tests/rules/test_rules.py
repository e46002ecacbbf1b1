import ast
from importlib import resources

import pytest

from nova_async import rules
from nova_async.errors import UsageError
from nova_async.findings import SLUGS
from nova_async.rules import rule

# NOVA201 is about a lock that is declared as the window lock; a lock sequence declares nothing.
LITMUS_CODES = sorted(code for code in SLUGS if code[4] in "12" and code != "NOVA201")
PYTHON_CODES = sorted(set(SLUGS) - set(LITMUS_CODES))


def test_every_code_has_a_rule_file_and_every_rule_file_a_code() -> None:
    files = {entry.name.removesuffix(".md") for entry in resources.files(rules).iterdir() if entry.name.endswith(".md")}
    assert files == set(SLUGS)


@pytest.mark.parametrize("code", SLUGS)
def test_a_rule_states_itself_gives_its_reason_and_what_to_do(code: str) -> None:
    explained = rule(code)
    assert explained.text.startswith(f"# {code} {explained.title}\n\n{explained.summary[:20]}")
    assert explained.summary.endswith(".")
    headings = [line for line in explained.text.splitlines() if line.startswith("## ")]
    assert headings == ["## Why", "## Bad", "## Good", "## What to do"]


@pytest.mark.parametrize("code", SLUGS)
def test_a_rule_has_a_bad_and_a_good_example_of_its_kind(code: str) -> None:
    language = "litmus" if code in LITMUS_CODES else "python"
    assert [(each.language, each.good) for each in rule(code).examples] == [(language, False), (language, True)]


@pytest.mark.parametrize("code", PYTHON_CODES)
def test_python_examples_are_python(code: str) -> None:
    for example in rule(code).examples:
        compile(example.text, code, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("name", ["NOVA101", "nova101", " circular-lock-dependency ", "Circular-Lock-Dependency"])
def test_a_rule_is_found_by_code_or_slug_in_any_case(name: str) -> None:
    assert rule(name).code == "NOVA101"


def test_an_unknown_rule_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no rule 'deadlok'; did you mean 'deadlock'"):
        rule("deadlok")
