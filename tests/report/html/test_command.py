import re
from pathlib import Path

import pytest

from nova_async.cli import main

SCENARIO = Path(__file__).parents[3] / "scenarios" / "opposite_order.py"


def page(path: Path) -> str:
    assert main(["run", str(SCENARIO), "--html", str(path), "-q", "--no-progress"]) == 0
    return path.read_text(encoding="utf-8")


def test_run_writes_a_page_with_the_schedule_and_the_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page(tmp_path / "report.html")
    assert re.search(r'"cycles":\[\{"code":"NOVA101","classes":\["channels","placement"\]\}\]', text)
    assert '"timeline":{"tasks":["opposite_order"' in text or '"timeline":{"tasks":["create"' in text
    assert capsys.readouterr().err == ""


def test_two_runs_with_one_seed_write_the_same_bytes(tmp_path: Path) -> None:
    assert page(tmp_path / "one.html") == page(tmp_path / "two.html")
