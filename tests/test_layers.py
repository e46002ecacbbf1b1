"""Imports point down only, and a few layers know even less than that."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import nova_async

PACKAGE = Path(nova_async.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py") if "_scenarios" not in path.parts)

BASE = ("findings", "errors", "address", "operation", "runtime", "point", "events")
LAYERS = (
    "plugin",
    "cli",
    "report",
    "bench",
    "scenario",
    "clients",
    "explore",
    "checks",
    "mm",
    "kernel",
    "lockdep",
    "hw",
    "rules",
    "base",
)
"""Top to bottom, as in ``nova_async/__init__.py``; ``rules`` explains findings and needs nothing else of ours."""

ONLY = {
    "lockdep": {"lockdep", "findings", "errors"},
    "hw": {"hw", "errors", "address"},
    "rules": {"findings", "errors"},
}
"""Layers that may import these of ours and no others."""

EVENT_LOOPS = {"anyio", "asyncio", "trio"}


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, source: str | None = None) -> Iterator[str]:
    """Every module that the file imports, anywhere in it, by full name."""
    tree = ast.parse(source if source is not None else (PACKAGE.parent / path).read_text(encoding="utf-8"))
    package = path.parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join((*base, *filter(None, [node.module])))
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names)


def part_of(module: str) -> str:
    """``nova_async.mm.pramin`` is part of ``mm``."""
    package, _, inside = module.partition(".")
    return inside.partition(".")[0] if package == "nova_async" else ""


def layer_of(part: str) -> str:
    return "base" if part in BASE else part


def points_up(path: Path, source: str | None = None) -> list[str]:
    """The imports that go to a higher layer, or to one that this layer may not know."""
    mine = part_of(dotted(path))
    if mine in ("", "__main__"):
        return []
    wrong = []
    for module in imported(path, source):
        other = part_of(module)
        if other not in (*LAYERS, *BASE):
            continue  # the package itself, for its version, or something else altogether
        above = LAYERS.index(layer_of(other)) < LAYERS.index(layer_of(mine))
        unknown = mine in ONLY and other != mine and other not in ONLY[mine]
        if above or unknown:
            wrong.append(module)
    return wrong


def test_every_module_belongs_to_a_layer() -> None:
    assert MODULES
    assert {part_of(dotted(path)) for path in MODULES} <= {*LAYERS, *BASE, "", "__main__"}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_down_only(path: Path) -> None:
    assert points_up(path) == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.parts[1] == "lockdep"], ids=str)
def test_only_the_aio_package_of_lockdep_knows_an_event_loop(path: Path) -> None:
    loops = {module.partition(".")[0] for module in imported(path)} & EVENT_LOOPS
    assert not loops or path.parts[2] == "aio"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("nova_async/hw/vram.py", "from nova_async.kernel import Mutex"),
        ("nova_async/hw/vram.py", "from nova_async.findings import Finding"),
        ("nova_async/hw/vram.py", "def f():\n    import nova_async.mm.vmm"),
        ("nova_async/hw/vram.py", "from ..mm import vmm"),
        ("nova_async/hw/vram.py", "from nova_async import lockdep"),
        ("nova_async/lockdep/graph.py", "from nova_async.hw import chipset"),
        ("nova_async/lockdep/graph.py", "from nova_async.point import point"),
        ("nova_async/errors.py", "from nova_async.rules import rule"),
        ("nova_async/report/text.py", "from nova_async.cli.terminal import answers"),
    ],
)
def test_an_import_that_points_up_would_be_seen(path: str, source: str) -> None:
    assert points_up(Path(path), source) != []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("nova_async/hw/vram.py", "from nova_async.errors import EINVAL\nfrom . import regs"),
        ("nova_async/kernel/mutex.py", "from nova_async.lockdep import Validator\nfrom nova_async.point import point"),
        ("nova_async/cli/app.py", "from nova_async import __version__\nimport anyio"),
    ],
)
def test_an_import_that_points_down_is_let_through(path: str, source: str) -> None:
    assert points_up(Path(path), source) == []
