from collections.abc import Callable
from pathlib import Path

import pytest

from nova_async.errors import UsageError
from nova_async.scenario import discovery
from nova_async.scenario.discovery import discover

Write = Callable[..., Path]
HEAD = "from nova_async.scenario import CLEAN, World, scenario\n"


def declare(*names: str) -> str:
    return "\n".join(
        f"@scenario(expect=CLEAN)\nasync def {name}(world: World) -> None:\n    '''{name}?'''" for name in names
    )


def paths(*targets: str) -> list[str]:
    return [found.path for found in discover(targets)]


def test_a_file_gives_its_scenarios_in_the_order_of_the_file(write: Write) -> None:
    write("x.py", declare("zebra", "ant"))
    assert paths("x.py") == ["x.py::zebra", "x.py::ant"]


def test_a_folder_is_searched_recursively_in_order_of_path(write: Write) -> None:
    for name in ("s/b.py", "s/a.py", "s/deep/c.py"):
        write(name, declare("one"))
    assert paths("s") == ["s/a.py::one", "s/b.py::one", "s/deep/c.py::one"]


def test_names_that_begin_with_an_underscore_or_a_dot_are_left_out(write: Write) -> None:
    for name in ("s/_helper.py", "s/_old/a.py", "s/.hidden/a.py", "s/a.py"):
        write(name, declare("one"))
    assert paths("s") == ["s/a.py::one"]


def test_one_scenario_is_named_by_path_and_name(write: Write) -> None:
    write("x.py", declare("one", "two"))
    assert paths("x.py::two") == ["x.py::two"]


def test_a_scenario_named_twice_is_found_once(write: Write) -> None:
    path = write("s/x.py", declare("one", "two"))
    assert paths("s/x.py::two", "s", str(path)) == ["s/x.py::two", "s/x.py::one"]


def test_a_scenario_imported_from_elsewhere_belongs_to_the_file_that_declares_it(write: Write) -> None:
    write("x.py", declare("one") + "\nfrom dataclasses import replace\ntwo = replace(one, function=len, name='two')\n")
    assert paths("x.py") == ["x.py::one"]


def test_string_annotations_declare_parameters_and_dataclasses_too(write: Write) -> None:
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + HEAD
    body = "@dataclass\nclass Page:\n    frame: int\n\n@scenario(expect=CLEAN)\n"
    write("x.py", body + "async def one(world: World, n: int = 2) -> None:\n    '''One?'''\n", head)
    (found,) = discover(["x.py"])
    assert [(each.name, each.type_name) for each in found.parameters] == [("n", "int")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import no_such_module_anywhere", "x.py:1: ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("\n\nvalue = {}['key']", "x.py:3: KeyError: 'key'"),
        ("def broken(:", "x.py:1: SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "x.py:1: SystemExit: 3"),
        ("import json\njson.loads('')", "x.py:2: JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        (
            "from nova_async.scenario import scenario\n@scenario(expect='NOVA203')\nasync def mute(world): ...",
            "x.py:2: scenario 'mute' asks nothing; the first line of its docstring must end with '?'",
        ),
    ],
)
def test_a_file_that_does_not_import_is_one_line_with_file_line_and_error(
    write: Write, body: str, message: str
) -> None:
    write("x.py", body, head="")
    with pytest.raises(UsageError) as refused:
        discover(["x.py"])
    assert str(refused.value) == message


def test_an_unknown_name_is_refused_with_the_nearest(write: Write) -> None:
    write("x.py", declare("creators_alone", "submitters_alone"))
    with pytest.raises(UsageError, match=r"x\.py: no scenario 'creator_alone'; did you mean 'creators_alone'[?]"):
        discover(["x.py::creator_alone"])


def test_a_name_in_a_file_without_scenarios_is_refused(write: Write) -> None:
    write("x.py", "")
    with pytest.raises(UsageError, match=r"x\.py: it declares no scenario, so none is called 'one'"):
        discover(["x.py::one"])


@pytest.mark.parametrize(
    ("target", "message"), [("nowhere.py", "no file or folder 'nowhere.py'"), ("x.txt", "named [*].py")]
)
def test_a_path_that_is_no_scenario_file_is_refused(write: Write, target: str, message: str) -> None:
    write("x.txt", "")
    with pytest.raises(UsageError, match=message):
        discover([target])


def test_without_a_target_it_is_the_folder_scenarios_here(write: Write) -> None:
    write("scenarios/x.py", declare("one"))
    assert paths() == ["scenarios/x.py::one"]


def test_without_a_folder_scenarios_here_it_is_the_packaged_copy(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = write("package/_scenarios/x.py", declare("one", "two")).parent
    monkeypatch.setattr(discovery, "_PACKAGE", packaged.parent)
    assert paths() == ["scenarios/x.py::one", "scenarios/x.py::two"]
    assert paths("scenarios/x.py::two") == ["scenarios/x.py::two"]
