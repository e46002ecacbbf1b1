from nova_async.lockdep import Gfp, LockListener, Mode, Validator, lock_graph
from nova_async.lockdep.classes import LockMap
from nova_async.lockdep.held import Entry


class Alone:
    """One task."""

    def current(self) -> str:
        return "t"

    def name(self, task: object) -> str:
        return str(task)


def take(validator: Validator, *locks: LockMap, mode: Mode = Mode.EXCLUSIVE) -> None:
    for lock in locks:
        validator.acquire(lock, mode)
        validator.acquired(lock)
    for lock in reversed(locks):
        validator.release(lock)


def test_classes_come_by_rank_and_edges_by_name() -> None:
    validator = Validator(Alone())
    low, high, other = (validator.lock(name, rank=rank) for name, rank in (("z", 1), ("a", 2), ("m", None)))
    take(validator, low, other)
    take(validator, low, high)
    graph = lock_graph(validator)
    assert [node.name for node in graph.nodes if node.role == "lock"][:2] == ["z", "a"]
    seen = [(edge.held, edge.taken) for edge in graph.edges if not edge.declared]
    assert seen == [("z", "a"), ("z", "m")]


def test_an_edge_has_its_first_witness_with_both_places() -> None:
    validator = Validator(Alone())
    take(validator, validator.lock("a"), validator.lock("b"))
    (edge,) = [edge for edge in lock_graph(validator).edges if not edge.declared]
    assert edge.task == "t"
    assert edge.held_at is not None
    assert edge.taken_at is not None
    assert edge.taken_at.file.endswith("test_lock_graph.py")


def test_only_edges_that_lead_back_are_on_a_cycle() -> None:
    validator = Validator(Alone())
    a, b, c = (validator.lock(name) for name in "abc")
    take(validator, a, b)
    take(validator, b, c)
    assert not any(edge.on_cycle for edge in lock_graph(validator).edges)
    take(validator, c, b)
    assert [(edge.held, edge.taken) for edge in lock_graph(validator).edges if edge.on_cycle] == [
        ("b", "c"),
        ("c", "b"),
    ]


def test_an_order_that_was_declared_and_then_seen_names_who_saw_it() -> None:
    validator = Validator(Alone())
    with validator.signalling():
        take(validator, validator.lock("window", fence_path=True))
    (edge,) = [edge for edge in lock_graph(validator).edges if (edge.held, edge.taken) == ("dma_fence", "window")]
    assert edge.reading


def test_a_reclaimable_allocation_is_an_edge_to_the_pseudo_lock() -> None:
    validator = Validator(Alone())
    buddy = validator.lock("buddy")
    validator.acquire(buddy)
    validator.might_alloc(Gfp.KERNEL, "a node")
    validator.release(buddy)
    assert ("buddy", "fs_reclaim") in {(edge.held, edge.taken) for edge in lock_graph(validator).edges}


class Heard(LockListener):
    """Writes down every hook."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def asked(self, entry: Entry) -> None:
        self.calls.append(f"asked {entry.lock.instance}")

    def contended(self, lock: LockMap) -> None:
        self.calls.append(f"contended {lock.instance}")

    def acquired(self, lock: LockMap) -> None:
        self.calls.append(f"acquired {lock.instance}")

    def abandoned(self, lock: LockMap) -> None:
        self.calls.append(f"abandoned {lock.instance}")

    def released(self, lock: LockMap, owner: object) -> None:
        self.calls.append(f"released {lock.instance} of {owner}")

    def task_ended(self, task: object) -> None:
        self.calls.append(f"ended {task}")


def test_a_listener_hears_everything_in_order() -> None:
    validator = Validator(Alone())
    heard = validator.listener = Heard()
    a, b = validator.lock("a"), validator.lock("b")
    validator.acquire(a)
    validator.contended(a)
    validator.acquired(a)
    validator.acquire(b)
    validator.abandon(b)
    validator.release(a)
    validator.task_ended()
    assert heard.calls == [
        "asked a",
        "contended a",
        "acquired a",
        "asked b",
        "abandoned b",
        "released a of t",
        "ended t",
    ]


def test_a_listener_hears_of_a_release_out_of_order() -> None:
    validator = Validator(Alone())
    heard = validator.listener = Heard()
    a, b = validator.lock("a"), validator.lock("b")
    for lock in (a, b):
        validator.acquire(lock)
        validator.acquired(lock)
    validator.release(a)
    validator.release(b)
    assert heard.calls[-2:] == ["released a of t", "released b of t"]
