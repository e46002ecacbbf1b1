import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

import nova_async
from nova_async.cli import locks, main
from nova_async.mm.lock_order import LOCK_ORDER

Nova = Callable[..., tuple[int, str, str]]
NAMES = [row.name for row in LOCK_ORDER]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Nova:
    """Exit code, stdout and stderr of a command line in the repository, with the real world."""
    monkeypatch.chdir(Path(nova_async.__file__).parent.parent)
    before = structlog.get_config()

    def run(*args: str) -> tuple[int, str, str]:
        code = main(args)
        structlog.configure(**before)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_observed_runs_the_clean_scenarios_and_finds_the_table_true(say: Nova) -> None:
    code, out, err = say("locks", "--observed", "--backend", "trio", "--seed", "3")
    assert (code, err) == (0, "")
    assert [line.split()[1] for line in out.splitlines()[2 : 2 + len(NAMES)]] == NAMES
    assert re.search(r"\n[0-9]+ scenarios that should be clean ran once on trio, seed 3[.] Nothing seen cont", out)


def test_observed_json_has_both_sides_and_the_scenarios(say: Nova) -> None:
    code, out, _ = say("locks", "--observed", "scenarios/drm_submitters.py", "scenarios/opposite_order.py", "--json")
    document = json.loads(out)
    assert (code, document["schema"], document["ok"]) == (0, "nova.locks/1", True)
    assert document["scenarios"] == [{"path": "scenarios/drm_submitters.py::drm_submitters", "met": True}]
    tables = document["locks"][NAMES.index("page_tables")]
    assert tables["observed"].pop("acquisitions") > 0
    assert tables["observed"] == {
        "under": ["vm"],
        "fence_path": True,
        "reclaim_under": False,
        "contradictions": [],
    }


def test_a_scenario_without_binds_leaves_the_vm_lock_unexercised_and_says_so(say: Nova) -> None:
    code, out, _ = say("locks", "--observed", "scenarios/vgpu_creators.py")
    assert code == 0
    assert out.splitlines()[2].split()[-2:] == ["not", "exercised"]
    assert out.splitlines()[-1].endswith("Not exercised: vm.")


def test_a_table_that_is_wrong_ends_with_1_and_names_the_row(say: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tuple(replace(row, fence_path=False) if row.name == "tlb" else row for row in LOCK_ORDER)
    monkeypatch.setattr(locks, "LOCK_ORDER", wrong)
    code, out, _ = say("locks", "--observed", "scenarios/drm_submitters.py")
    assert code == 1
    assert "no, but seen" in out
    assert "Contradicted: tlb." in out


def test_a_scenario_that_is_not_clean_ends_with_1_and_is_named(say: Nova, tmp_path: Path) -> None:
    file = tmp_path / "dirty.py"
    file.write_text(
        "from nova_async.scenario import CLEAN, World, scenario\n\n"
        "@scenario(expect=CLEAN)\n"
        "async def dirty(world: World) -> None:\n"
        '    """Is it clean?"""\n'
        "    world.kernel.private_mutex('left', None).try_lock()\n",
        encoding="utf-8",
    )
    code, out, _ = say("locks", "--observed", str(file))
    assert code == 1
    assert "Not clean: dirty (found NOVA104)." in out


def test_scenarios_that_expect_findings_are_not_watched(say: Nova) -> None:
    assert say("locks", "--observed", "scenarios/opposite_order.py")[0] == 5


def test_lock_stat_is_a_table_of_its_own_after_the_run(say: Nova) -> None:
    code, out, _ = say("run", "scenarios/drm_submitters.py", "--lock-stat")
    lines = out.splitlines()
    start = lines.index("── drm_submitters: locks")
    columns = [re.split(r"\s{2,}", line.strip()) for line in lines[start + 1 :] if line]
    assert code == 0
    times = "min/avg/p99/max"
    assert columns[:2] == [["wait µs", "hold µs"], ["lock class", "taken", "waited", times, times, "held longest by"]]
    rows = columns[3 : 3 + len(NAMES)]
    assert {row[0] for row in rows} == set(NAMES)
    # Times are measured: only their form is certain.
    assert all(re.fullmatch(r"[0-9.]+(/[0-9.]+){3}", row[4]) for row in rows)
    assert all(re.match(r".+ at nova_async/\S+:[0-9]+ in ", row[5]) for row in rows)


def test_lock_stat_is_in_the_json_and_only_if_asked_for(say: Nova) -> None:
    _, out, _ = say("run", "scenarios/drm_submitters.py", "--lock-stat", "--json")
    stat = json.loads(out)["scenarios"][0]["stats"]["lock_stat"]
    assert set(stat) == set(NAMES)
    vm = stat["vm"]
    assert vm["hold_ns"]["count"] == vm["acquisitions"] > 0
    assert vm["hold_ns"]["min"] <= vm["hold_ns"]["avg"] <= vm["hold_ns"]["max"]
    assert vm["wait_ns"]["count"] <= vm["contentions"]
    assert set(vm["longest_holder"]) == {"task", "at"}
    _, out, _ = say("run", "scenarios/drm_submitters.py", "--json")
    assert "lock_stat" not in json.loads(out)["scenarios"][0]["stats"]
