"""Which of the known states are on higher levels than others."""

from nova_async.explore.strategies.state_graph import State, StateGraph


def chain(graph: StateGraph, length: int) -> list[State]:
    """States that lead from one to the next."""
    states = [graph.start]
    for _ in range(length):
        states.append(graph.add(("go", "leap"), (0,), (states[-1], 0)))
    return states


def test_a_choice_that_leads_down_lifts_all_that_follows() -> None:
    graph = StateGraph()
    _, first, second, *_ = chain(graph, 4)
    low = graph.add(("go",), (0,), (graph.start, 0))
    after = graph.add(("go",), (0,), (low, 0))

    assert graph.lift(low, second)
    assert first.level < second.level < low.level < after.level


def test_a_choice_that_closes_a_circle_lifts_nothing() -> None:
    graph = StateGraph()
    _, first, second, third = chain(graph, 3)
    levels = [first.level, second.level, third.level]

    assert not graph.lift(first, third)
    assert [first.level, second.level, third.level] == levels


def test_a_choice_that_leads_to_a_circle_elsewhere_lifts_nothing_and_comes_to_an_end() -> None:
    graph = StateGraph()
    *_, high = chain(graph, 6)
    one = graph.add(("go",), (0,), (graph.start, 0))
    other = graph.add(("go",), (0,), (one, 0))
    other.next[0] = one

    assert not graph.lift(one, high)
    assert (one.level, other.level) == (1, 2)
