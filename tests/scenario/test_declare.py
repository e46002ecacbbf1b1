from collections.abc import Callable
from typing import Any

import pytest

from nova_async.errors import UsageError
from nova_async.scenario import CLEAN, World, scenario


async def question(world: World, submitters: int = 2) -> None:
    """May one lock serve both?

    More about it.
    """


async def statement(world: World) -> None:
    """It may."""


async def silent(world: World) -> None:
    pass


async def untyped(world: World, submitters=2) -> None:  # type: ignore[no-untyped-def]
    """Untyped?"""


async def without_default(world: World, submitters: int) -> None:
    """Without default?"""


async def default_of_other_type(world: World, submitters: int = True) -> None:
    """Another type?"""


async def of_no_value_type(world: World, submitters: list[int] | None = None) -> None:
    """A list?"""


async def without_world() -> None:
    """Where?"""


def test_the_question_is_the_first_line_of_the_docstring() -> None:
    declared = scenario(expect="NOVA203", explore="exhaustive")(question)
    assert (declared.name, declared.question) == ("question", "May one lock serve both?")
    assert (declared.expect, declared.explore) == (("NOVA203",), "exhaustive")


def test_several_expected_codes_are_kept_once_and_sorted() -> None:
    declared = scenario(expect=("NOVA203", "NOVA101", "NOVA203"))(question)
    assert declared.expect == ("NOVA101", "NOVA203")


def test_clean_expects_no_code() -> None:
    assert scenario(expect=CLEAN)(question).expect == ()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (statement, "must end with '[?]'"),
        (silent, "must end with '[?]'"),
        (untyped, "'submitters' of scenario 'untyped' needs a type"),
        (without_default, "needs a type .* and a default"),
        (default_of_other_type, "a default of that type"),
        (of_no_value_type, "needs a type"),
        (without_world, "takes no world"),
        (lambda world: None, "no coroutine function"),
    ],
)
def test_a_declaration_that_is_not_whole_is_refused(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        scenario(expect=CLEAN)(function)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"expect": "NOVA230"}, "no finding code 'NOVA230'; did you mean 'NOVA"),
        ({"expect": CLEAN, "explore": "exhaustiv"}, "no strategy 'exhaustiv'; did you mean 'exhaustive'"),
    ],
)
def test_unknown_codes_and_strategies_are_refused_with_the_nearest(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        scenario(**options)


def test_two_scenarios_of_one_name_in_one_file_are_refused() -> None:
    namespace: dict[str, Any] = {"scenario": scenario}
    source = "@scenario(expect=())\nasync def twice(world):\n    'Twice?'\n"
    exec(source, namespace)  # noqa: S102  a file of its own
    with pytest.raises(UsageError, match="'twice' is declared twice"):
        exec(source, namespace)  # noqa: S102
