from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import structlog

from nova_async.cli import main
from nova_async.events import Event, EventKind, Trace
from nova_async.explore import explore
from nova_async.findings import Finding
from nova_async.lockdep import LockGraph
from nova_async.runtime import Live
from nova_async.scenario import exploring, runner

CLIENTS = '''
from nova_async.errors import ENOSPC, UsageError
from nova_async.findings import Finding, Severity
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def quiet(world: World, chip: str = "GA102", clients: int = 2) -> None:
    """Is it quiet when nobody does anything?"""
    if chip != "GA102":
        raise UsageError.unknown("chip", chip, ["GA102", "TU102"])


@scenario(expect="NOVA203")
async def one_lock(world: World) -> None:
    """May one lock serve both phases?"""
    world.findings.append(Finding("NOVA203", Severity.POSSIBLE, "vm is held across an allocation"))
'''

WRONG = '''

@scenario(expect=CLEAN)
async def surprised(world: World, clients: int = 2) -> None:
    """Is it clean when it is not?"""
    world.findings.append(Finding("NOVA101", Severity.PROVED, "buddy and vm form a circle"))


@scenario(expect="NOVA201")
async def broken(world: World) -> None:
    """What if it breaks?"""
    raise ENOSPC("vram: 4 pages of 3")
'''

MEETINGS = '''
from dataclasses import dataclass, field

from nova_async.kernel import Mutex
from nova_async.lockdep import Gfp
from nova_async.scenario import CLEAN, World, scenario


@dataclass
class Path:
    name: str
    first: Mutex[None]
    second: Mutex[None]
    ended: list[str] = field(default_factory=list)

    async def run(self) -> None:
        async with self.first.lock(), self.second.lock():
            self.ended.append(self.name)


async def meet(world: World, *, crossed: bool) -> int:
    """How many came through."""
    a: Mutex[None] = world.kernel.private_mutex("a", None)
    b: Mutex[None] = world.kernel.private_mutex("b", None)
    paths = [Path("create", a, b), Path("reset", b, a) if crossed else Path("reset", a, b)]
    async with world.clients() as clients:
        for path in paths:
            clients.start(path)
    return sum(len(path.ended) for path in paths)


@scenario(expect=("NOVA101", "NOVA401"), explore="exhaustive")
async def crossed(world: World) -> None:
    """Is the deadlock found?"""
    await meet(world, crossed=True)


@scenario(expect=CLEAN)
async def surprised(world: World) -> None:
    """Is it clean?"""
    await meet(world, crossed=True)


@scenario(expect=CLEAN)
async def in_line(world: World) -> None:
    """Is it clean in one order?"""
    await meet(world, crossed=False)


@scenario(expect=CLEAN)
async def breaks(world: World, clients: int = 2) -> None:
    """Does it hold?"""
    await world.kernel.memory.alloc(Gfp.KERNEL, "a page")
    if clients == 1:
        raise RuntimeError("it broke")


@scenario(expect=CLEAN)
async def misses(world: World) -> None:
    """Does everybody come through?"""
    if await meet(world, crossed=False) < 2:
        raise RuntimeError("somebody is missing")
'''

SPINS = (
    MEETINGS.partition("async def meet")[0]
    + '''
from nova_async.clients import Reclaimer


@dataclass
class Spinner:
    name: str
    lock: Mutex[None]
    other: Path

    async def run(self) -> None:
        while not self.other.ended:
            async with self.lock.lock():
                pass


async def spin(world: World) -> None:
    a: Mutex[None] = world.kernel.private_mutex("a", None)
    path = Path("create", a, world.kernel.private_mutex("b", None))
    async with world.clients() as clients:
        clients.start(Spinner("spinner", a, path))
        clients.start(path)


@scenario(expect=CLEAN)
async def spins(world: World) -> None:
    """May a client ask again and again?"""
    await spin(world)


@scenario(expect="NOVA403")
async def means_it(world: World) -> None:
    """Is the starvation found?"""
    await spin(world)


@scenario(expect=CLEAN)
async def hidden(world: World) -> None:
    """Is a deadlock found that an attendant hides?"""
    a: Mutex[None] = world.kernel.private_mutex("a", None)
    b: Mutex[None] = world.kernel.private_mutex("b", None)
    async with world.clients() as clients:
        clients.attend(Reclaimer(world.kernel))
        clients.start(Path("create", a, b))
        clients.start(Path("reset", b, a))
'''
)


@dataclass(frozen=True)
class Said:
    """What one command line left behind."""

    code: int
    out: str
    err: str


class ToyWorld:
    """A world without a GPU."""

    lock_stat = None
    lock_graph = LockGraph()

    def __init__(
        self, *, scenario: str, seed: int, backend: str, lockdep: object, talk: object = None, record: object = None
    ) -> None:
        self.events = None if record is None else Trace((Event(1, 0, "t", EventKind.FAULT, "alloc"),))
        self.seed = seed
        self.backend = backend
        self.runtime = Live()
        self.findings: list[Finding] = []
        self.stats: dict[str, int | float] = {"steps": 5}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


@pytest.fixture
def nova(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command line in a folder with ``scenarios/clients.py`` (met) and ``wrong.py`` (not met)."""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "clients.py").write_text(CLIENTS, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(CLIENTS.partition("\n\n\n")[0] + WRONG, encoding="utf-8")
    (tmp_path / "torn.py").write_text("import no_such_module_anywhere\n", encoding="utf-8")
    (tmp_path / "nul.py").write_bytes(b"x = 1\0\n")
    (tmp_path / "base.py").write_text("class Rude(BaseException): pass\nraise Rude('no')\n", encoding="utf-8")
    (tmp_path / "exits.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "World", ToyWorld)
    before = structlog.get_config()

    def run(*args: str) -> Said:
        code = main(args)
        structlog.configure(**before)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def meetings(nova: Callable[..., Said], tmp_path: Path) -> Callable[..., Said]:
    """Run a command line where the clients of ``meet.py`` meet in a few orders; the world is the real one."""
    (tmp_path / "meet.py").write_text(MEETINGS, encoding="utf-8")
    return nova


@pytest.fixture
def spinning(nova: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run a command line where the clients of ``spin.py`` need not come to an end; 400 steps are many."""
    (tmp_path / "spin.py").write_text(SPINS, encoding="utf-8")
    monkeypatch.setattr(exploring, "explore", partial(explore, max_steps=400))
    return nova
