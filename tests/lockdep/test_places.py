"""Which frames a report shows. The frames come from code compiled under the file names in question."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nova_async
from nova_async.findings import Site
from nova_async.lockdep import Validator, places
from nova_async.lockdep.places import relative

ROOT = Path(nova_async.__file__).resolve().parents[1]

Call = Callable[[Callable[[], Any]], Any]


def calling_from(path: Path | str, function: str) -> Call:
    """A function in ``path`` that calls what it is given, on its second line."""
    names: dict[str, Any] = {}
    exec(compile(f"def {function}(then):\n    return then()", str(path), "exec"), names)  # noqa: S102  made above
    found: Call = names[function]
    return found


def sites(validator: Validator, *callers: Call) -> tuple[Site, ...]:
    """Where a lock was taken when ``callers`` call each other, outermost first."""
    lock = validator.lock("A")

    def take() -> None:
        validator.acquire(lock)

    call: Callable[[], Any] = calling_from(ROOT / "nova_async/kernel/mutex.py", "lock").__get__(take)
    for caller in reversed(callers):
        call = caller.__get__(call)
    call()
    return validator.held()[0].sites


@pytest.fixture
def quiet(stage: Any) -> Validator:
    """A validator for which this file is plumbing, too."""
    return Validator(stage, skip=("nova_async/kernel/", "anyio", "contextlib", "tests/lockdep/test_places.py"))


def test_the_two_frames_shown_are_the_innermost_outside_the_locks(quiet: Validator) -> None:
    found = sites(
        quiet,
        calling_from(ROOT / "scenarios/x.py", "question"),
        calling_from(ROOT / "nova_async/clients/creator.py", "creator"),
        calling_from("/usr/lib/python3/contextlib.py", "__aenter__"),
        calling_from(ROOT / "nova_async/mm/pramin.py", "window"),
        calling_from(ROOT / "nova_async/kernel/core.py", "helper"),
    )
    assert found == (
        Site("nova_async/mm/pramin.py", 2, "window"),
        Site("nova_async/clients/creator.py", 2, "creator"),
    )


def test_whoever_runs_the_tasks_is_not_shown(quiet: Validator) -> None:
    loop = calling_from("/usr/lib/python3/asyncio/events.py", "_run")
    found = sites(quiet, calling_from(ROOT / "a.py", "main"), loop, calling_from(ROOT / "b.py", "task"))
    assert found == (Site("b.py", 2, "task"),)


def test_a_user_of_a_similar_name_is_not_taken_for_plumbing(quiet: Validator) -> None:
    found = sites(quiet, calling_from(ROOT / "anyio_clients/x.py", "mine"))
    assert found[0] == Site("anyio_clients/x.py", 2, "mine")


def test_paths_are_never_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert relative(str(ROOT / "nova_async/mm/vmm.py")) == "nova_async/mm/vmm.py"
    assert relative("/no/such/tree/driver.py") == "driver.py"
    monkeypatch.chdir(tmp_path)
    assert relative(str(tmp_path / "mine" / "x.py")) == "mine/x.py"
    assert relative("<string>") == "<string>"


def test_what_is_known_of_files_is_kept_for_the_next_validator(monkeypatch: pytest.MonkeyPatch) -> None:
    def called() -> tuple[Any, ...]:
        return places.FramePlaces().capture()

    first = called()
    monkeypatch.setattr(places, "_below_a_root", lambda path: pytest.fail(f"{path} was looked at again"))
    assert called()[0] is first[0]
    with pytest.raises(pytest.fail.Exception, match="looked at again"):
        places.FramePlaces(skip=("elsewhere",)).capture()
