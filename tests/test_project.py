"""The shape of the repository: sizes, packaging, and documents that keep up with the code."""

import ast
import os
import shutil
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import nova_async
from nova_async.cli.app import VERBS

ROOT = Path(nova_async.__file__).parent.parent
SOURCES = sorted(path for folder in ("nova_async", "scenarios", "tests") for path in (ROOT / folder).rglob("*.py"))
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def function_lines(source: str) -> dict[str, int]:
    functions = [
        each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {each.name: (each.end_lineno or each.lineno) - each.lineno + 1 for each in functions}


def test_no_file_is_longer_than_one_idea() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{path.relative_to(ROOT)}::{name}": lines
        for path in SOURCES
        for name, lines in function_lines(path.read_text(encoding="utf-8")).items()
        if lines > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_a_long_function_would_be_seen() -> None:
    assert function_lines("async def f():\n" + "    pass\n" * 50) == {"f": 51}


def test_the_console_script_is_there() -> None:
    module, _, name = PROJECT["scripts"]["nova-async"].partition(":")
    assert callable(getattr(import_module(module), name))


def test_the_version_comes_from_the_package() -> None:
    assert PROJECT["dynamic"] == ["version"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "nova_async/__init__.py"


def test_the_files_that_the_metadata_names_are_there() -> None:
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    named = [PROJECT["readme"], *PROJECT["license-files"], *wheel["packages"], *wheel["force-include"]]
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert wheel["force-include"]["scenarios"] == "nova_async/_scenarios"


def test_the_changelog_knows_this_version() -> None:
    assert f"## {nova_async.__version__}" in read("CHANGELOG.md")


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_shows_every_verb(verb: str) -> None:
    assert f"nova-async {verb}" in read("README.md")


def test_the_first_two_commands_of_the_readme_are_run_and_test() -> None:
    blocks = read("README.md").split("```")[1::2]
    commands = [line for block in blocks for line in block.splitlines()[1:] if line.strip()]
    assert [command.split("#")[0].strip() for command in commands[:2]] == ["make run", "make test"]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    ci = ROOT / ".ci" / "run"
    assert "\nmake test " in ci.read_text(encoding="utf-8")
    assert ci.stat().st_mode & 0o100


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize(("variables", "static"), [([], True), (["STATIC=no"], False)])
def test_make_test_lints_and_types_unless_told_not_to(variables: list[str], static: bool) -> None:
    command = ["make", "--dry-run", "test", *variables]
    # This may itself run under make, which hands its variables on.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "STATIC"}
    said = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=True).stdout  # noqa: S603
    assert "-m pytest" in said
    assert all((f"-m {tool}" in said) == static for tool in ("ruff check", "ruff format --check", "mypy"))
