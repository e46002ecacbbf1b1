"""The examples of starvation and livelock are explored: a bad one gives its code, a good one not."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

import pytest

from nova_async.explore import explore
from nova_async.explore.primitives import Cell, Flag
from nova_async.explore.programs import together
from nova_async.rules import Example, rule

EXAMPLES = [
    pytest.param(code, example, id=f"{code}-{'good' if example.good else 'bad'}")
    for code in ("NOVA403", "NOVA404")
    for example in rule(code).examples
]


def program(example: Example) -> Callable[[], Any]:
    code = compile(example.text, "example", "exec")

    async def play() -> None:
        names: dict[str, Any] = {name: Cell(name, value=False) for name in ("done", "left", "right")}
        names["finished"] = Flag("finished")
        exec(code, names)  # noqa: S102  the text is ours
        await together(*filter(iscoroutinefunction, names.values()))

    return play


@pytest.mark.parametrize(("code", "example"), EXAMPLES)
def test_a_bad_example_gives_its_code_and_no_other_and_a_good_one_not(code: str, example: Example) -> None:
    result = explore(program(example), strategy="dpor", max_steps=60, max_executions=50)
    found = {failure.finding.code for failure in result.failures if failure.finding is not None}
    assert code not in found if example.good else found == {code}
