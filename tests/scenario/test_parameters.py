from typing import Annotated

import pytest

from nova_async.errors import UsageError
from nova_async.scenario.parameters import (
    AtLeast,
    Parameter,
    Positive,
    Value,
    parameters_of,
    split_settings,
    values_for,
)


async def typed(
    world: object, submitters: int = 2, ratio: float = 0.5, reclaim: bool = False, vram: str = "64MiB"
) -> None:
    """Typed?"""


PARAMETERS = parameters_of(typed)


def test_the_signature_declares_names_types_and_defaults() -> None:
    assert list(PARAMETERS) == [
        Parameter("submitters", "int", 2),
        Parameter("ratio", "float", 0.5),
        Parameter("reclaim", "bool", False),
        Parameter("vram", "str", "64MiB"),
    ]


def test_without_settings_every_parameter_has_its_default() -> None:
    assert values_for("typed", PARAMETERS, {}) == {"submitters": 2, "ratio": 0.5, "reclaim": False, "vram": "64MiB"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("submitters=0x10", 16),
        ("submitters= 3 ", 3),
        ("ratio=1", 1.0),
        ("reclaim=yes", True),
        ("reclaim=0", False),
        ("vram=1GiB", "1GiB"),
        ("vram=a=b", "a=b"),
    ],
)
def test_a_setting_is_read_as_the_declared_type(setting: str, value: Value) -> None:
    settings = split_settings([setting])
    (name,) = settings
    read = values_for("typed", PARAMETERS, settings)[name]
    assert (type(read), read) == (type(value), value)


def test_the_last_setting_of_a_name_wins() -> None:
    assert split_settings(["submitters=1", "submitters=2"]) == {"submitters": "2"}


@pytest.mark.parametrize("setting", ["submitters", "=3", ""])
def test_a_setting_without_name_or_value_is_refused(setting: str) -> None:
    with pytest.raises(UsageError, match="expected name=value"):
        split_settings([setting])


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"submitters": "many"}, "scenario 'typed' wants a value of type int for 'submitters'"),
        ({"ratio": "half"}, "type float for 'ratio'"),
        ({"reclaim": "maybe"}, "true or false for 'reclaim'"),
    ],
)
def test_a_value_of_another_type_is_refused_with_scenario_name_and_type(settings: dict[str, str], wanted: str) -> None:
    with pytest.raises(UsageError, match=wanted):
        values_for("typed", PARAMETERS, settings)


def test_an_unknown_parameter_is_refused_with_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(UsageError) as refused:
        values_for("typed", PARAMETERS, {"submiters": "3"})
    assert str(refused.value) == (
        "-p submiters: scenario 'typed' has no parameter 'submiters'; did you mean 'submitters'? "
        "(there are: ratio, reclaim, submitters, vram)"
    )


def test_a_scenario_without_parameters_takes_no_setting() -> None:
    with pytest.raises(UsageError, match="scenario 'typed' has no parameters"):
        values_for("typed", (), {"n": "1"})


async def counted(
    world: object, clients: int = 4, pages: Positive = 2, shelves: Annotated[int, AtLeast(3)] = 5
) -> None:
    """Counted?"""


@pytest.mark.parametrize(("setting", "least"), [("clients=-1", 0), ("pages=0", 1), ("pages=-1", 1), ("shelves=2", 3)])
def test_a_count_has_a_least_value(setting: str, least: int) -> None:
    name = setting.partition("=")[0]
    with pytest.raises(UsageError, match=f"scenario 'counted' wants {least} or more for '{name}'"):
        values_for("counted", parameters_of(counted), split_settings([setting]))


def test_the_least_value_itself_is_taken() -> None:
    settings = {"clients": "0", "pages": "1", "shelves": "3"}
    assert values_for("counted", parameters_of(counted), settings) == {"clients": 0, "pages": 1, "shelves": 3}


def test_a_marked_parameter_still_needs_a_default_of_its_type() -> None:
    async def wrong(world: object, pages: Positive = 2.5) -> None:  # type: ignore[assignment]
        """Wrong?"""

    with pytest.raises(UsageError, match="parameter 'pages' of scenario 'wrong' needs a type"):
        parameters_of(wrong)
