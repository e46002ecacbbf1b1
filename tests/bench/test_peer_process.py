import json
import subprocess

import pytest

from nova_async.bench import peers
from nova_async.bench.peer_process import PeerProcess, answer, started


class Slow:
    name = "slow"

    def count(self, tasks: int, rounds: int) -> int:
        sum(range(10_000))
        return tasks * rounds

    def first_deadlock(self, table: int, seed: int) -> int | None:
        return None


@pytest.mark.parametrize(("line", "executions"), [('["count", 3, 2]', 6), ('["first_deadlock", 4, 1]', None)])
def test_a_line_is_answered_with_executions_and_seconds(line: str, executions: int | None) -> None:
    found, seconds = json.loads(answer(Slow(), line))
    assert found == executions
    assert seconds >= 0


def test_a_process_answers_until_it_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    server = "import sys\nfor line in sys.stdin: print([7, 0.5], flush=True)"
    popen = subprocess.Popen
    monkeypatch.setattr("subprocess.Popen", lambda command, **options: popen([command[0], "-c", server], **options))
    with PeerProcess("slow") as peer:
        assert peer.count(3, 2) == (7, 0.5)
        assert peer.first_deadlock(4, 1) == (7, 0.5)
        process = peer._process
    assert process.returncode == 0


def test_nobody_is_started_who_is_not_wanted_or_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "installed", list)
    for wanted in (True, False):
        with started(wanted=wanted) as foreign:
            assert foreign == []
