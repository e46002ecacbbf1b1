import pytest

from nova_async.events import Detail, Event, EventKind, Trace
from nova_async.findings import Finding, Severity, Site, Witness
from nova_async.lockdep import LockEdge, LockGraph, LockNode
from nova_async.report.case import Case, Verdict
from nova_async.scenario import Scenario


class Story:
    """Writes down events one after the other."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, task: str, kind: EventKind, resource: str, **detail: Detail) -> "Story":
        at = len(self.events) + 1
        self.events.append(Event(at, at // 2, task, kind, resource, detail))
        return self

    @property
    def trace(self) -> Trace:
        return Trace(tuple(self.events))


@pytest.fixture
def story() -> Story:
    return Story()


FINDING = Finding(
    "NOVA101",
    Severity.POSSIBLE,
    "circular lock dependency: channels -> placement (reset), placement -> channels (create)",
    tasks=("reset", "create"),
    locks=("channels", "placement"),
    held=(Witness("reset", "holds channels", (Site("scenarios/x.py", 19, "Resetter.run"),)),),
    chain=(
        Witness("reset", "channels -> placement (held since scenarios/x.py:19 in Resetter.run)"),
        Witness("create", "placement -> channels (held since scenarios/x.py:19 in Resetter.run)"),
    ),
    columns=(("reset", "takes channels"), ("create", "takes placement"), ("reset", "waits for placement")),
    advice="Take these locks in one order everywhere.",
    token="nova1.abc",  # noqa: S106  replays a schedule
)


@pytest.fixture
def finding() -> Finding:
    return FINDING


@pytest.fixture
def graph() -> LockGraph:
    """Two locks in opposite order, and a third that nobody took."""
    site = Site("scenarios/x.py", 19, "Resetter.run")
    plain = [LockNode(name, "lock", None, fence_path=False, no_reclaim=False) for name in ("channels", "placement")]
    nodes = (LockNode("pramin", "lock", 5, fence_path=True, no_reclaim=True), *plain)
    return LockGraph(
        nodes,
        (
            LockEdge("channels", "placement", "reset", site, site, "", reading=False),
            LockEdge("placement", "channels", "create", site, site, "", reading=False),
        ),
    )


@pytest.fixture
def lived(story: Story) -> Trace:
    """Two tasks: one maps a frame through tables of version 2, the other frees it and clears the entry."""
    tell = story.tell
    tell("create", EventKind.TASK_BEGIN, "create")
    tell("create", EventKind.VRAM_ALLOC, "vram", owner="vm", bytes=4096, blocks=((0x5000, 0x1000),), free=0)
    tell("create", EventKind.SPACE_OPEN, "vm", pdb=0x1000, mmu=2)
    tell("create", EventKind.LOCK_ACQUIRE, "placement", at="scenarios/x.py:19")
    tell("create", EventKind.LOCK_ACQUIRED, "placement")
    for slot, word in ((0x1000, 0x202), (0x2000, 0x302), (0x3000, 0x402), (0x4008, 0x602), (0x6000, 0x501)):
        tell("create", EventKind.ENTRY_WRITE, "vm tables", page=slot & -4096, words=((slot, word),))
    tell("reset", EventKind.LOCK_ACQUIRE, "placement", at="scenarios/x.py:19")
    tell("reset", EventKind.LOCK_CONTENDED, "placement", holder="create")
    tell("create", EventKind.LOCK_RELEASE, "placement")
    tell("reset", EventKind.LOCK_ACQUIRED, "placement")
    tell("reset", EventKind.FINDING, "NOVA101", severity="possible", message=FINDING.message)
    tell("reset", EventKind.VRAM_FREE, "vram", owner="vm", bytes=4096, blocks=((0x5000, 0x1000),), free=0x1000)
    tell("reset", EventKind.ENTRY_WRITE, "vm tables", page=0x6000, cleared=((0x6000, 0x1000),))
    return story.trace


async def nothing(world: object) -> None: ...


@pytest.fixture
def case(lived: Trace, graph: LockGraph) -> Case:
    scenario = Scenario("opposite_order", "Is it found?", ("NOVA101",), (), None, nothing, "scenarios/x.py")
    return Case(
        scenario,
        "asyncio",
        Verdict.PASSED,
        "met",
        findings=(FINDING,),
        rerun="nova-async run scenarios/x.py::opposite_order --backend asyncio --seed 7",
        properties={"backend": "asyncio", "seed": "7", "expected": "NOVA101", "token": "nova1.abc"},
        lock_graph=graph,
        events=lived,
        stats={"steps": 9},
    )
