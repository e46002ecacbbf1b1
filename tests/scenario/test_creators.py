"""Whole vGPU creators, everything real, in every order."""

import pytest

from nova_async.bench.creators import vgpu_creators
from nova_async.explore.controlled import Controlled
from nova_async.scenario.exploring import Explored, Plan, explore_scenario


def proved(creators: int, plan: Plan) -> Explored:
    explored = explore_scenario(vgpu_creators, {"creators": creators, "pages": 1}, plan)
    assert (explored.result.complete, explored.result.incomplete_because) == (True, ())
    assert (explored.found, explored.errors) == ((), ())
    return explored


def test_two_are_proved_clean() -> None:
    assert proved(2, Plan()).result.states > 500


def test_one_is_clean_wherever_the_device_goes_away() -> None:
    gone = proved(1, Plan(fail=("unbind",))).result
    assert gone.executions > 2 * proved(1, Plan()).result.executions


@pytest.mark.nightly
def test_two_are_as_clean_where_every_address_counts_for_a_while() -> None:
    exact = explore_scenario(vgpu_creators, {"creators": 2, "pages": 1}, Plan(exact=True, max_seconds=60))
    assert (exact.found, exact.errors) == ((), ())
    assert exact.result.states > 1000


@pytest.mark.nightly
def test_three_are_proved_clean() -> None:
    three = proved(3, Plan(max_seconds=300)).result
    assert three.states > 20_000


def test_who_is_called_what_is_no_matter_to_two(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = proved(2, Plan()).result
    monkeypatch.setattr(Controlled, "alike", lambda *_: None)
    told_apart = proved(2, Plan()).result
    assert alike.outcomes.keys() == told_apart.outcomes.keys()
    assert 1.5 * alike.states < told_apart.states


@pytest.mark.nightly
def test_one_is_clean_wherever_it_is_killed_and_whatever_fails() -> None:
    proved(1, Plan(kill=("*",)))
    proved(1, Plan(fail=("alloc", "mmio", "tlb")))
