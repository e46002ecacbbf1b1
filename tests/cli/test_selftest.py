from collections.abc import Callable
from typing import Any

import pytest

from nova_async.hw.chipset import CHIPSETS
from nova_async.mm import pramin
from nova_async.mm.selftest import SELFTESTS

Nova = Callable[..., Any]


def test_all_chips_pass_in_the_order_of_their_generations(nova: Nova) -> None:
    said = nova("selftest")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[:2] == ["KTAP version 1", f"1..{len(CHIPSETS)}"]
    assert [line for line in lines if not line.startswith(" ")][2:] == [
        f"ok {number} {name}" for number, name in enumerate(CHIPSETS, start=1)
    ]
    assert lines.count("  ok 1 pramin_bytes") == len(CHIPSETS)
    assert said.err == ""


def test_one_chip_in_either_case(nova: Nova) -> None:
    said = nova("selftest", "--chip", "gh100")
    assert said.code == 0
    assert said.out.splitlines()[-1] == "ok 1 GH100"
    assert said.out.count("  ok ") == len(SELFTESTS)


def test_a_failure_is_exit_code_1(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pramin, "WINDOW_ALIGN", 4096)
    said = nova("selftest", "--chip", "GA102")
    assert said.code == 1
    assert "  # EIO: the page through BAR1 is" in said.out
    assert said.out.splitlines()[-1] == "not ok 1 GA102"


def test_an_unknown_chip_is_refused_with_the_nearest(nova: Nova) -> None:
    said = nova("selftest", "--chip", "GA120")
    assert said.code == 2
    assert "no chip 'GA120'; did you mean" in said.err
    assert said.out == ""
