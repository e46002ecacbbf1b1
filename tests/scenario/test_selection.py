import pytest

from nova_async.errors import UsageError
from nova_async.scenario import CLEAN, Scenario
from nova_async.scenario.selection import select


async def nothing(world: object) -> None: ...


SCENARIOS = [
    Scenario(name, f"{name}?", CLEAN, (), None, nothing, file)
    for name, file in [
        ("creators", "scenarios/clients.py"),
        ("submitters", "scenarios/clients.py"),
        ("creators_and_submitters", "scenarios/clients.py"),
        ("one_lock", "scenarios/locks.py"),
    ]
]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("", ["creators", "submitters", "creators_and_submitters", "one_lock"]),
        ("one_lock", ["one_lock"]),
        ("ONE", ["one_lock"]),
        ("locks", ["one_lock"]),
        ("scenarios", []),
        ("creators and submitters", ["creators_and_submitters"]),
        ("creators and not submitters", ["creators"]),
        ("not clients", ["one_lock"]),
        ("one or creators and submitters", ["creators_and_submitters", "one_lock"]),
        ("(one or creators) and not (submitters)", ["creators", "one_lock"]),
        ("not not one", ["one_lock"]),
        ("clients::creators", ["creators", "creators_and_submitters"]),
    ],
)
def test_an_expression_selects_by_parts_of_file_and_name(expression: str, names: list[str]) -> None:
    assert [each.name for each in select(SCENARIOS, expression)] == names


@pytest.mark.parametrize("expression", ["and", "a and", "not", "(a", "a)", "a b", "()", "or a"])
def test_what_is_no_expression_is_refused_with_an_example(expression: str) -> None:
    with pytest.raises(UsageError, match="such as -k"):
        select(SCENARIOS, expression)
