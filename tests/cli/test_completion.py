import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from nova_async.cli import main
from nova_async.cli.app import VERBS
from nova_async.findings import SLUGS

Nova = Callable[..., Any]
Complete = Callable[..., list[str]]


@pytest.fixture
def complete(nova: Nova, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Complete:
    """What bash is offered for the last of these words."""

    def ask(*words: str) -> list[str]:
        monkeypatch.setenv("_NOVA_ASYNC_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(["nova-async", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == 0
        said = capsys.readouterr()
        assert said.err == ""
        return said.out.split()

    return ask


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_the_program_through_its_variable(nova: Nova, shell: str) -> None:
    said = nova("completion", shell)
    assert said.code == 0
    assert f"_NOVA_ASYNC_COMPLETE={shell}_complete" in said.out
    assert "nova-async" in said.out


def test_an_unknown_shell_is_refused(nova: Nova) -> None:
    said = nova("completion", "tcsh")
    assert said.code == 2
    assert "'bash', 'zsh', 'fish'" in said.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_understands_its_script(nova: Nova) -> None:
    script = nova("completion", "bash").out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)  # noqa: S607  whichever bash there is


def test_verbs_are_offered(complete: Complete) -> None:
    assert complete("") == _plain(*VERBS)
    assert complete("re") == _plain("replay")


def test_options_of_the_verb_are_offered(complete: Complete) -> None:
    assert complete("explore", "--max-") == _plain("--max-executions", "--max-seconds")


def test_values_of_an_option_are_offered(complete: Complete) -> None:
    assert complete("run", "--backend", "t") == _plain("trio")


def test_a_verb_that_does_not_exist_offers_nothing_and_says_nothing(complete: Complete) -> None:
    assert complete("rnu", "sce") == []


@pytest.mark.parametrize("verb", ["run", "explore", "list"])
def test_paths_are_left_to_the_shell(complete: Complete, verb: str) -> None:
    assert complete(verb, "sce") == ["file,sce"]


def test_the_scenarios_of_a_file_are_offered_where_the_shell_keeps_the_word(complete: Complete) -> None:
    offered = complete("run", "scenarios/clients.py::")
    assert offered == _plain("scenarios/clients.py::quiet", "scenarios/clients.py::one_lock")


def test_the_scenarios_of_a_file_are_offered_where_bash_splits_at_colons(complete: Complete) -> None:
    assert complete("run", "scenarios/clients.py", "::") == _plain("quiet", "one_lock")
    assert complete("run", "scenarios/clients.py", "::", "on") == _plain("one_lock")


def test_a_file_that_cannot_be_read_offers_no_scenarios(complete: Complete) -> None:
    assert complete("run", "nowhere.py::") == []


def test_codes_and_chips_are_offered(complete: Complete) -> None:
    assert complete("explain", "nova40") == _plain(*(code for code in SLUGS if code.startswith("NOVA40")))
    assert complete("selftest", "--chip", "GH") == _plain("GH100")


def _plain(*values: str) -> list[str]:
    return [f"plain,{value}" for value in values]
