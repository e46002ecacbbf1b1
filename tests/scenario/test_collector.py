import gc
from collections import deque
from pathlib import Path

import pytest

from nova_async.cli import main
from nova_async.scenario.collector import MIDDLE, OLD, YOUNG, rare_collections

RARE = (YOUNG, MIDDLE, OLD)

SCENARIO = """
import gc

from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def rarely(world: World) -> None:
    '''Does the collector look seldom?'''
    assert gc.get_threshold() == {rare}
"""


def test_the_collector_looks_seldom_inside_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    assert before != RARE
    with rare_collections():
        assert gc.get_threshold() == RARE
    assert gc.get_threshold() == before


def test_an_error_inside_leaves_it_as_it_was() -> None:
    before = gc.get_threshold()

    @rare_collections()
    def fails() -> None:
        raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        fails()
    assert gc.get_threshold() == before


def test_garbage_that_lived_long_does_not_pile_up() -> None:
    gc.collect()  # which counts from the beginning then
    collections = gc.get_stats()[2]["collections"]
    with rare_collections():
        living: deque[list[object]] = deque(maxlen=300_000)
        for _ in range(1_600_000):
            circle: list[object] = []
            circle.append(circle)
            living.append(circle)  # the oldest one is garbage now, and of the old generation
    assert gc.get_stats()[2]["collections"] > collections


def test_nova_async_run_lets_it(tmp_path: Path) -> None:
    file = tmp_path / "rarely.py"
    file.write_text(SCENARIO.format(rare=RARE), encoding="utf-8")
    assert main(["run", str(file), "--no-progress"]) == 0
