import random
from collections.abc import Iterator, Sequence

import pytest

from nova_async.lockdep.order import TopologicalOrder


class Edges(Sequence[list[int]]):
    """Adjacency that counts how often somebody looks."""

    def __init__(self) -> None:
        self.lists: list[list[int]] = []
        self.looks = 0

    def __getitem__(self, index: int) -> list[int]:  # type: ignore[override]
        self.looks += 1
        return self.lists[index]

    def __len__(self) -> int:
        return len(self.lists)


class Growing:
    """A graph and its order, grown together."""

    def __init__(self, nodes: int) -> None:
        self.after, self.before = Edges(), Edges()
        self.order = TopologicalOrder(self.after, self.before)
        for _ in range(nodes):
            self.after.lists.append([])
            self.before.lists.append([])
            self.order.add_node()

    def add(self, source: int, target: int) -> bool:
        self.after.lists[source].append(target)
        self.before.lists[target].append(source)
        return self.order.add_edge(source, target)

    def reachable(self, start: int) -> set[int]:
        seen, todo = {start}, [start]
        while todo:
            for node in self.after.lists[todo.pop()]:
                if node not in seen:
                    seen.add(node)
                    todo.append(node)
        return seen

    def check_line(self) -> None:
        """Every edge between two components points forward."""
        component, label = self.order.component, self.order._label
        for source, targets in enumerate(self.after.lists):
            for low, high in ((component(source), component(target)) for target in targets):
                assert low == high or label[low] < label[high]

    @property
    def looks(self) -> int:
        return self.after.looks + self.before.looks


@pytest.mark.parametrize("seed", range(30))
def test_components_are_exactly_the_nodes_on_a_common_cycle(seed: int) -> None:
    rng = random.Random(seed)
    size = rng.randint(3, 14)
    graph = Growing(size)
    known: set[tuple[int, int]] = set()
    for _ in range(3 * size):
        source, target = rng.sample(range(size), 2)
        if (source, target) in known:
            continue
        known.add((source, target))
        assert graph.add(source, target) == (source in graph.reachable(target))
        graph.check_line()
        ahead = [graph.reachable(node) for node in range(size)]
        for a in range(size):
            for b in range(size):
                together = b in ahead[a] and a in ahead[b]
                assert (graph.order.component(a) == graph.order.component(b)) == together


def pairs(shape: str, size: int) -> Iterator[tuple[int, int]]:
    rng = random.Random(3)
    chain = [(node, node + 1) for node in range(size - 1)]
    match shape:
        case "forward":
            yield from chain
        case "backward":
            yield from reversed(chain)
        case "shuffled":
            rng.shuffle(chain)
            yield from chain
        case "hub":
            # Every node before one hub, as every lock held across an allocation is before fs_reclaim.
            yield from ((node, 0) for node in range(1, size))
            yield from ((node, node + 1) for node in range(1, size - 1))


@pytest.mark.parametrize("shape", ["forward", "backward", "shuffled", "hub"])
def test_the_work_for_an_edge_does_not_grow_with_the_graph(shape: str) -> None:
    def looks_per_edge(size: int) -> float:
        graph = Growing(size)
        for source, target in pairs(shape, size):
            assert not graph.add(source, target)
        return graph.looks / size

    # A shuffled chain costs a logarithm; a search through the whole graph would cost 8 times as much.
    assert looks_per_edge(8000) < 2 * looks_per_edge(1000) + 1


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_renumbered_when_a_gap_is_used_up(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nova_async.lockdep.order.SPACING", 2)
    monkeypatch.setattr("nova_async.lockdep.order.STRIDE", 1)
    rng = random.Random(seed)
    line = list(range(40))
    rng.shuffle(line)
    graph = Growing(len(line))
    for _ in range(150):
        low, high = sorted(rng.sample(range(len(line)), 2))
        if line[high] not in graph.after.lists[line[low]]:
            assert not graph.add(line[low], line[high])
            graph.check_line()
