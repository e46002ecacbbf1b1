"""Tokens and schedule files."""

import dataclasses
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_async.errors import UsageError
from nova_async.explore import Failure, Schedule, Token, explore, fingerprint_of, programs
from nova_async.explore.schedule import Step
from nova_async.explore.strategies import Replay

NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5, unique=True)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    names = draw(NAMES)
    steps = []
    for _ in range(draw(st.integers(0, 20))):
        runnable = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        steps.append(Step(draw(st.sampled_from(runnable)), tuple(runnable)))
    picks = draw(st.lists(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1)))))
    return Schedule(tuple(steps), tuple(picks))


@settings(max_examples=40, deadline=None)
@given(schedules(), st.dictionaries(st.text(), st.integers()))
def test_what_is_written_is_read_back(schedule: Schedule, parameters: dict[str, int]) -> None:
    token = Token("scenarios/x.py::race", schedule, parameters, "abcd")
    assert Token.parse(str(token)) == token
    assert Token.from_json(token.to_json()) == token


@pytest.fixture(scope="module")
def failure() -> Failure:
    return explore(programs.philosophers(3), strategy="dfs", stop_at_first=True).failures[0]


@pytest.fixture
def token(failure: Failure) -> Token:
    return Token("phil3", failure.schedule, {"n": 3}, fingerprint_of(programs.philosophers))


def test_a_token_fits_on_a_line(token: Token) -> None:
    assert len(str(token)) < 160
    assert str(token).startswith("n1.")


def test_the_same_execution_has_the_same_token(failure: Failure, token: Token) -> None:
    again = explore(programs.philosophers(3), strategy="dfs", stop_at_first=True).failures[0]
    assert str(Token("phil3", again.schedule, {"n": 3}, token.fingerprint)) == str(token)


def test_a_token_replays_in_a_fresh_process_with_the_same_text(failure: Failure, token: Token) -> None:
    code = (
        "import sys; from nova_async.explore import Token, explore, programs\n"
        "from nova_async.explore.strategies import Replay\n"
        "token = Token.parse(sys.argv[1])\n"
        "result = explore(programs.philosophers(token.parameters['n']), strategy=Replay(token.schedule))\n"
        "print(result.failures[0].message)"
    )
    printed = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", code, str(token)], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == failure.message


def test_a_changed_program_is_noticed(token: Token) -> None:
    assert not token.changed(fingerprint_of(programs.philosophers))
    assert token.changed(fingerprint_of(explore))
    assert not token.changed("")


def test_the_file_says_what_each_step_did(token: Token) -> None:
    assert '"did": "acquire fork0"' in token.to_json()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("n1", "n2"), "version 'n2'"),
        (lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"), "checksum"),
        (lambda text: text[:12], "damaged"),
        (lambda text: "hello", "version"),
    ],
)
def test_a_damaged_token_is_refused(token: Token, damage: object, message: str) -> None:
    assert callable(damage)
    with pytest.raises(UsageError, match=message):
        Token.parse(damage(str(token)))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": "nova.schedule/9"}'])
def test_a_file_of_another_schema_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"nova\.schedule/1"):
        Token.from_json(text)


def test_a_replayed_token_is_the_same_token(failure: Failure, token: Token) -> None:
    schedule = Token.parse(str(token)).schedule
    (again,) = explore(programs.philosophers(3), strategy=Replay(schedule)).failures
    assert str(dataclasses.replace(token, schedule=again.schedule)) == str(token)
