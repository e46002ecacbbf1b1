import json
from pathlib import Path

import pytest

from nova_async import bench
from nova_async.bench import BENCHES, Settings
from nova_async.bench.figure import Figure, Goal, Report
from nova_async.bench.show import document
from nova_async.cli import bench as verb
from nova_async.cli import main
from nova_async.errors import UsageError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """A bench that answers at once, and with a missed goal if it has no time."""
    calls: list[tuple[str, float]] = []

    def run(name: str, settings: Settings) -> Report:
        calls.append((name, settings.max_seconds))
        settings.step("nearly done")
        goal = Goal("time", 2, 3 if settings.max_seconds >= 1 else 1)
        return Report(name, (Figure("map: ours", 1, "MMIO", 5, 0, 2),), (goal,), ("A note.",))

    monkeypatch.setattr(verb, "run", run)
    return calls


def test_bench_without_a_name_runs_all_and_prints_tables(
    asked: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench"]) == 0
    said = capsys.readouterr()
    assert [name for name, _ in asked] == list(BENCHES)
    assert "map: ours" in said.out
    assert said.out.endswith("met: time: 2, at most 3 wanted\nA note.\n")
    assert said.err == ""


def test_bench_as_json_is_one_document(asked: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "mapping", "--json", "--max-seconds", "7"]) == 0
    assert asked == [("mapping", 7.0)]
    assert json.loads(capsys.readouterr().out)["benches"][0]["name"] == "mapping"


def test_a_missed_goal_is_exit_code_1(asked: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--max-seconds", "0.5"]) == 1
    assert "MISSED: time" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["mappings"], ["--max-seconds", "0"], ["--max-seconds", "soon"]])
def test_bad_arguments_are_refused_before_anything_is_measured(
    asked: list[tuple[str, float]], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["bench", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert asked == []


def test_a_saved_run_is_the_same_document_as_on_stdout(
    asked: list[tuple[str, float]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "saved.json"
    assert main(["bench", "mapping", "--json", "--save", str(path)]) == 0
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(capsys.readouterr().out)


def test_against_says_what_got_slower_and_ends_with_1(
    asked: list[tuple[str, float]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "saved.json"
    before = document([Report("mapping", (Figure("map: ours", 1, "MMIO", 2, 0, 2),))])
    path.write_text(json.dumps(before), encoding="utf-8")
    assert main(["bench", "mapping", "--against", str(path), "--json"]) == 1
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        f"times are 1.00 of those in {path} in the median, which is taken to be the machine",
        "slower: mapping: map: ours, size 1: 2 ±0 MMIO before, 5 ±0 MMIO now: 2.5 times as slow",
    ]
    assert json.loads(said.out)["ok"] is True


def test_against_says_so_if_nothing_got_slower(
    asked: list[tuple[str, float]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "saved.json"
    assert main(["bench", "mapping", "--save", str(path)]) == 0
    assert main(["bench", "mapping", "--against", str(path)]) == 0
    assert capsys.readouterr().err.endswith(f"\nnothing is slower than in {path} by more than the noise\n")


def test_html_draws_the_run(asked: list[tuple[str, float]], tmp_path: Path) -> None:
    path = tmp_path / "bench.html"
    assert main(["bench", "mapping", "--html", str(path)]) == 0
    assert "met: time: 2, at most 3 wanted" in path.read_text(encoding="utf-8")


def test_peers_are_measured_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[bool] = []

    def run(name: str, settings: Settings) -> Report:
        wanted.append(settings.peers)
        return Report(name, ())

    monkeypatch.setattr(verb, "run", run)
    assert main(["bench", "mapping"]) == main(["bench", "mapping", "--peers"]) == 0
    assert wanted == [False, True]


@pytest.mark.parametrize(
    "arguments",
    [["--save", "nowhere/saved.json"], ["--html", "nowhere/page.html"], ["--against", "nowhere.json"], ["--save", "."]],
)
def test_files_that_cannot_be_are_refused_before_anything_is_measured(
    asked: list[tuple[str, float]],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert asked == []


def test_every_module_that_can_run_is_a_bench() -> None:
    folder = Path(bench.__file__).parent
    able = {path.stem for path in folder.glob("*.py") if "\ndef run(settings" in path.read_text(encoding="utf-8")}
    assert able == set(BENCHES)


def test_a_bench_that_does_not_exist_is_named_with_the_nearest_that_does() -> None:
    with pytest.raises(UsageError, match="did you mean 'mapping'"):
        bench.run("maping", Settings())


def test_a_short_run_of_the_real_bench_measures_the_small_sizes() -> None:
    report = bench.run("mapping", Settings(max_seconds=0.2))
    assert {figure.size for figure in report.figures} >= {1}
    assert any(note.startswith("Left out: published") for note in report.notes)
