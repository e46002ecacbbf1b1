from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nova_async.events import Detail, Event, EventKind, Trace
from nova_async.findings import Finding, Severity, Site, Witness
from nova_async.lockdep import LockEdge, LockGraph, LockNode
from nova_async.report.case import Case
from nova_async.scenario.declare import Scenario
from nova_async.scenario.outcome import Outcome

GOLDEN = Path(__file__).parent / "golden"


async def _nothing() -> None: ...


def scenario(name: str, file: str, *expect: str) -> Scenario:
    return Scenario(name, f"What about {name} & <others> | more?", expect, (), None, _nothing, file)


def outcome(name: str, file: str, *expect: str, **what: Any) -> Outcome:
    return Outcome(scenario(name, file, *expect), {"pages": 4}, "asyncio", 7, **what)


WINDOW = Site("nova_async/mm/pramin.py", 80, "PraminWindow.__aenter__")
ALLOC = Site("scenarios/locks.py", 21, "submitter")
CYCLE = Finding(
    "NOVA101",
    Severity.POSSIBLE,
    "drm#1: takes pramin while holding vm, 100% against\nvm -> pramin, as seen before",
    tasks=("drm#1", "vgpu#0"),
    locks=("vm", "pramin"),
    held=(Witness("drm#1", "vm", (ALLOC,)),),
    chain=(Witness("drm#1", "vm -> pramin", (WINDOW, ALLOC)), Witness("vgpu#0", "pramin -> vm", (WINDOW,))),
    columns=(("drm#1", "takes vm"), ("vgpu#0", "takes pramin"), ("drm#1", "waits for pramin")),
    advice="take vm first everywhere",
    token="n1.abc.0123",  # noqa: S106  replays a schedule
)
LOST = Finding("NOVA305", Severity.PROVED, "vram: 2 pages of vgpu#0 are lost")

GRAPH = LockGraph(
    (
        LockNode("vm", "lock", 10, fence_path=False, no_reclaim=False),
        LockNode("pramin", "lock", 40, fence_path=True, no_reclaim=True),
        LockNode("fs_reclaim", "reclaim", None, fence_path=False, no_reclaim=False),
    ),
    (
        LockEdge("fs_reclaim", "pramin", "", None, None, "declared", reading=False),
        LockEdge("pramin", "vm", "vgpu#0", WINDOW, WINDOW, "", reading=False, on_cycle=True),
        LockEdge("vm", "fs_reclaim", "drm#1", ALLOC, ALLOC, "", reading=False),
        LockEdge("vm", "pramin", "drm#1", ALLOC, WINDOW, "", reading=False, on_cycle=True),
    ),
)


@pytest.fixture
def cases() -> list[Case]:
    """One of each kind."""
    return [
        Case.of(outcome("clean", "scenarios/a.py", lock_graph=LockGraph(GRAPH.nodes, GRAPH.edges[:1]))),
        Case.of(outcome("expected", "scenarios/a.py", "NOVA101", findings=(CYCLE,), lock_graph=GRAPH)),
        Case.of(outcome("surprised", "scenarios/b.py", findings=(CYCLE, LOST), lock_graph=GRAPH)),
        Case.of(outcome("missing", "scenarios/b.py", "NOVA203")),
        Case.of(outcome("broken", "scenarios/b.py", errors=("ENOSPC: no \x00 room] (line 3 of b.py)",))),
        Case.not_run(scenario("left", "scenarios/c#1.py"), "asyncio", "interrupted"),
    ]


@pytest.fixture
def case_of(cases: list[Case]) -> Callable[[str], Case]:
    """One of them, by the name of its scenario."""
    return lambda name: next(case for case in cases if case.scenario.name == name)


@pytest.fixture
def expect_golden() -> Callable[[str, str], None]:
    """Compare with a file of ``golden/``, to the byte."""

    def compare(name: str, got: str) -> None:
        assert got == (GOLDEN / name).read_text(encoding="utf-8")

    return compare


def tell(*told: tuple[str, EventKind, str, dict[str, Detail]], steps: int = 2) -> Trace:
    """A trace of (task, kind, resource, detail)."""
    return Trace(
        tuple(
            Event(at, at // steps, task, kind, resource, detail)
            for at, (task, kind, resource, detail) in enumerate(told, start=1)
        )
    )


@pytest.fixture
def trace() -> Trace:
    """Two tasks: one waits for the other's lock, submits a job, and waits for its fence."""
    lock: dict[str, Detail] = {"class": "vm"}
    kind = EventKind
    return tell(
        ("drm", kind.TASK_BEGIN, "drm", {}),
        ("drm", kind.LOCK_ACQUIRE, "vm", {**lock, "mode": "exclusive", "how": "lock", "at": "x.py:1 in f"}),
        ("drm", kind.LOCK_ACQUIRED, "vm", lock),
        ("vgpu", kind.TASK_BEGIN, "vgpu", {}),
        ("vgpu", kind.LOCK_ACQUIRE, "vm", {**lock, "mode": "exclusive", "how": "lock", "at": "x.py:9 in g"}),
        ("vgpu", kind.LOCK_CONTENDED, "vm", {**lock, "holder": "drm"}),
        ("drm", kind.LOCK_ACQUIRE, "buddy", {"class": "buddy", "mode": "exclusive", "how": "lock", "at": ""}),
        ("drm", kind.LOCK_ACQUIRED, "buddy", {"class": "buddy"}),
        ("drm", kind.VRAM_ALLOC, "vram", {"owner": "drm", "bytes": 4096, "blocks": ((0, 4096),), "free": 8192}),
        ("drm", kind.LOCK_RELEASE, "vm", lock),  # hand over hand: buddy is still held
        ("vgpu", kind.LOCK_ACQUIRED, "vm", {**lock, "from": "drm", "released_at": 10}),
        ("drm", kind.LOCK_RELEASE, "buddy", {"class": "buddy"}),
        ("drm", kind.JOB_SUBMIT, "q:1", {"queue": "q"}),
        ("drm", kind.FENCE_WAIT, "q:1", {}),
        ("q run", kind.SECTION_BEGIN, "dma_fence", {}),
        ("q run", kind.JOB_RUN, "q:1", {"queue": "q"}),
        ("q run", kind.WINDOW_MOVE, "pramin window", {"base": 0x10000}),
        ("q run", kind.JOB_RAN, "q:1", {"queue": "q"}),
        ("q run", kind.FENCE_SIGNAL, "q:1", {"error": ""}),
        ("q run", kind.SECTION_END, "dma_fence", {}),
        ("drm", kind.FENCE_WAITED, "q:1", {"outcome": "signalled"}),
        ("vgpu", kind.FINDING, "NOVA104", {"slug": "task-ended-holding-lock", "severity": "proved", "message": "m"}),
        ("drm", kind.VRAM_FREE, "vram", {"owner": "drm", "bytes": 4096, "blocks": ((0, 4096),), "free": 12288}),
    )
