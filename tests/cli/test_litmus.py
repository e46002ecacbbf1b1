import io
import json
import re
from collections.abc import Callable

import pytest

from nova_async.cli import main
from nova_async.lockdep import litmus, splat

Litmus = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Litmus:
    """Exit code, stdout and stderr of ``nova-async litmus``."""

    def run(*args: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(["litmus", *args])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_dash_reads_the_sequence_from_stdin(say: Litmus) -> None:
    sequence = "E(A) E(B) -B -A ;\nE(B) E(A)\n"
    assert say("-", stdin=sequence) == say(sequence)
    assert say("-", stdin=sequence)[0] == 1


@pytest.mark.parametrize(
    ("text", "place", "shown"),
    [
        ("E(A)\n\t\tE(B) X(C)", "line 2, column 8", ["  E(B) X(C)", "       ^"]),
        ("\n  E(A) X(B)\n", "column 6", ["E(A) X(B)", "     ^"]),
        ("E(A)\nend -A", "column 10", ["end -A", "    ^"]),
        ("{signalling: E(A)", "column 2", ["{signalling: E(A)", " ^"]),
    ],
    ids=["second line", "stripped", "found late", "never closed"],
)
def test_the_caret_stands_below_the_mistake(say: Litmus, text: str, place: str, shown: list[str]) -> None:
    code, out, err = say("-", stdin=text)
    first, *rest = err.splitlines()
    assert (code, out) == (2, "")
    assert first.startswith(f"nova-async: litmus, {place}: ")
    assert rest == [f"  {line}" for line in shown]


def test_verbose_is_the_whole_report_of_every_finding(say: Litmus) -> None:
    sequence = "E(A) E(B) -B -A ; E(B) E(A) E(A)"
    reports = "\n\n".join(map(splat, litmus(sequence)))
    assert say("-v", sequence)[1].startswith(f"{reports}\n\n2 findings (NOVA101, NOVA102);")


def test_json_of_a_clean_sequence_is_ok_and_ends_with_0(say: Litmus) -> None:
    code, out, err = say("E(A) -A", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"schema": "nova.litmus/1", "ok": True, "sequence": "E(A) -A", "findings": []}


def test_the_help_has_every_step_of_the_notation(say: Litmus) -> None:
    listed = re.search(r"there are: (.+)[)]", say("nosuch(A)")[2])
    assert listed is not None
    written = say("-h")[1]
    missing = [step for step in listed[1].split(", ") if not re.search(rf"(?<![\w?]){re.escape(step)}\b", written)]
    assert missing == []


def test_a_mistake_is_no_json(say: Litmus) -> None:
    code, out, _ = say("E(A", "--json")
    assert (code, out) == (2, "")
